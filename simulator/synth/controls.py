"""What the control loop knows of each voice and of its board: the records behind control frames.

`simulator.synth.firmware.Voicing` fills them from tones, notes and a profile; `simulator.synth.frames`
evaluates them tick by tick. Everything is in physical units, so that the loop itself looks nothing up.
"""

from __future__ import annotations

import numpy as np

VOICE = np.dtype(
    [
        # Ticks at which the key goes down and up; 32 bits that key the voice's LFO and its drift.
        ("on", "i8"), ("off", "i8"), ("lfo_seed", "i8"), ("drift_seed", "i8"),
        # LFO: position of the switch, turns made until tick `lfo_since`, Hz, seconds.
        ("lfo_wave", "i8"), ("lfo_since", "i8"), ("lfo_turns", "f8"),
        ("lfo_rate", "f8"), ("lfo_delay", "f8"), ("lfo_fade", "f8"),
        # Envelopes: seconds, and level 0 to 1.
        ("attack1", "f8"), ("decay1", "f8"), ("sustain1", "f8"), ("release1", "f8"),
        ("attack2", "f8"), ("decay2", "f8"), ("sustain2", "f8"), ("release2", "f8"),
        # Pitch in octaves above A4, and what moves it, in octaves; clocks in Hz before the dividers, and
        # after the fine tune. `_envelope`: 1 or 2.
        ("pitch1", "f8"), ("pitch2", "f8"), ("pitch_lfo1", "f8"), ("pitch_lfo2", "f8"),
        ("pitch_env1", "f8"), ("pitch_env2", "f8"), ("pitch_envelope", "i8"),
        ("clock1", "f8"), ("clock2", "f8"), ("tuned1", "f8"), ("tuned2", "f8"),
        # Portamento: octaves away from the pitch at tick `glide_since`, and octaves a second back to it.
        ("glide_from", "f8"), ("glide_rate", "f8"), ("glide_since", "i8"),
        # Mixer: gains; depth of the envelope 0 to 1; whether it is inverted.
        ("mix1", "f8"), ("mix2", "f8"), ("mix_depth", "f8"), ("mix_envelope", "i8"), ("mix_inverted", "i8"),
        # Cutoff in octaves above 1 Hz, and what moves it.
        ("cutoff", "f8"), ("cutoff_lfo", "f8"), ("cutoff_env", "f8"), ("cutoff_envelope", "i8"),
        # VCA: gain; 1 where the key alone opens it.
        ("gain", "f8"), ("gated", "i8"),
    ]
)  # fmt: skip

BOARD = np.dtype(
    [
        ("tick_s", "f8"),
        ("lowest", "f8"), ("highest", "f8"),  # cutoff, octaves above 1 Hz
        ("drift", "f8"), ("drift_s", "f8"),  # octaves; seconds between turning points
        # 1 or 0: the LFO's third wave is a sine; the mixer cross-fades; dividers are whole numbers.
        ("sine", "i8"), ("crossfade", "i8"), ("stepping", "i8"),
    ]
)  # fmt: skip

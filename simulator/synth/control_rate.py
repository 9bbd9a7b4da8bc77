"""The control loop's arithmetic, in closed form over ticks: envelopes, LFO, drift and dividers.

`fill` turns records of voices into control frames: any range of ticks of any voices, each tick from closed
forms and at its end. One voice after the other and one tick after the other, so that a branch costs nothing
where a whole array would be computed, and a value that does not change is not computed again.

**Records.** `simulator.synth.control.Voicing` fills them from tones, notes and a profile. Everything is in
physical units, so that the loop looks nothing up.

**Envelopes**: thesis eq. 4.11 and 4.12, which are a model's choice and not measured. With attack a, decay d,
sustain s, release r, and t from the start of the segment: attack (t / a)^(1/3), decay
(1 - t / d)^3 (1 - s) + s, release from level l: l (1 - t / r)^3.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numba import types
from numpy.typing import NDArray

from simulator.synth._compiling import Cached, scalar
from simulator.synth._lanes import CUTOFF, GAIN, LEVELS, MIX1, MIX2
from simulator.synth.random import random_at

A4_HZ = 440.0
"""Pitch, Hz, from which octaves count: A4."""
LARGEST_DIVIDER = 65535.0
"""Counters have 16 bits."""
RANDOM, SQUARE = 0, 1
"""Positions of LFO WF that the loop tells apart; the third is a triangle or a sine."""

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


def fill(
    voices: NDArray[np.void], board: np.void, first: int, ticks: int
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Control frames of ``ticks`` ticks from tick ``first``.

    ``voices``: N records `VOICE`; ``board``: a record `BOARD`. Returns
    frequencies, float64[2, N, ticks] in Hz, and levels, float32[4, N, ticks]: mixer 1, mixer 2, cutoff in Hz,
    VCA.
    """
    frequencies = np.empty((2, len(voices), ticks))
    levels = np.empty((LEVELS, len(voices), ticks), np.float32)
    compiled(voices, board, first, frequencies, levels)
    return frequencies, levels


@scalar
def held(age: Any, attack: Any, decay: Any, sustain: Any) -> Any:
    """Level 0 to 1 while the key is down, ``age`` seconds after it went down (0 before)."""
    if age < attack:
        return np.cbrt(max(age, 0.0) / attack)
    left = 1 - (age - attack) / decay
    if left <= 0:
        return sustain
    return left * left * left * (1 - sustain) + sustain


@scalar
def level(
    age: Any, released: Any, at_release: Any, attack: Any, decay: Any, sustain: Any, release: Any
) -> Any:
    """Level 0 to 1; ``released``: seconds since the key went up, where the level was ``at_release``."""
    if released <= 0:
        return held(age, attack, decay, sustain)
    left = max(1 - released / release, 0.0)
    return at_release * (left * left * left)


@scalar
def swing(voice: Any, board: Any, tick: Any, age: Any) -> Any:
    """The LFO of one voice at the end of a tick, -1 to 1, ``age`` seconds after its key went down.

    Its phase counts from the tick ``lfo_since``: of the key, or where an LFO runs free. After its
    delay it comes in over the fade.
    """
    turns = voice.lfo_turns + max(tick - voice.lfo_since, 0) * board.tick_s * voice.lfo_rate
    whole = math.floor(turns)
    phase = turns - whole
    if voice.lfo_wave == RANDOM:
        wave = random_at(voice.lfo_seed, int(whole))
    elif voice.lfo_wave == SQUARE:
        wave = 1.0 if phase < 0.5 else -1.0
    elif board.sine:
        wave = math.sin(2 * math.pi * phase)
    else:
        shifted = phase + 0.75
        wave = 4 * abs(shifted - math.floor(shifted) - 0.5) - 1
    if voice.lfo_delay > 0:
        wave *= min(max((age - voice.lfo_delay) / max(voice.lfo_fade, 1e-9), 0.0), 1.0)
    return wave


@scalar
def wander(seed: Any, turns: Any) -> Any:
    """A slow smooth random curve, -1 to 1: random turning points, one a turn, and S-curves between."""
    whole = math.floor(turns)
    part = turns - whole
    here, there = random_at(seed, int(whole)), random_at(seed, int(whole) + 1)
    return here + (there - here) * (part * part * (3 - 2 * part))


@scalar
def _count(clock: Any, octaves: Any, stepping: Any) -> Any:
    """What a counter of 16 bits divides its clock (Hz) by, for a pitch in octaves above A4."""
    count = clock / A4_HZ * math.exp2(-octaves)
    if stepping:
        count = np.rint(count)
    return min(max(count, 2.0), LARGEST_DIVIDER)


@scalar
def _glide(voice: Any, tick: Any, tick_s: Any) -> Any:
    """Octaves that portamento is still away from the pitch."""
    left = abs(voice.glide_from) - voice.glide_rate * (tick - voice.glide_since) * tick_s
    return math.copysign(max(left, 0.0), voice.glide_from)


@numba.njit(nogil=True, error_model="numpy")
def _fill(voices: Any, board: Any, first: int, frequencies: Any, levels: Any) -> None:
    """See `fill`."""
    tick_s = board.tick_s
    for n in range(voices.shape[0]):
        v = voices[n]
        swings = v.pitch_lfo1 != 0 or v.pitch_lfo2 != 0 or v.cutoff_lfo != 0
        key_down_s = (v.off - v.on) * tick_s
        at_release1 = held(key_down_s, v.attack1, v.decay1, v.sustain1)
        at_release2 = held(key_down_s, v.attack2, v.decay2, v.sustain2)
        was1, was2, cutoff_was = math.nan, math.nan, math.nan
        hz1, hz2, cutoff = 0.0, 0.0, np.float32(0)
        for t in range(frequencies.shape[2]):
            tick = first + t + 1
            age, released = (tick - v.on) * tick_s, (tick - v.off) * tick_s
            env1 = level(age, released, at_release1, v.attack1, v.decay1, v.sustain1, v.release1)
            env2 = level(age, released, at_release2, v.attack2, v.decay2, v.sustain2, v.release2)
            lfo = swing(v, board, tick, age) if swings else 0.0

            env = env1 if v.pitch_envelope == 1 else env2
            glide = _glide(v, tick, tick_s) if v.glide_from != 0 else 0.0
            octaves1 = v.pitch1 + v.pitch_env1 * env + v.pitch_lfo1 * lfo + glide
            octaves2 = v.pitch2 + v.pitch_env2 * env + v.pitch_lfo2 * lfo + glide
            if octaves1 != was1:
                was1, hz1 = octaves1, v.tuned1 / _count(v.clock1, octaves1, board.stepping)
            if octaves2 != was2:
                was2, hz2 = octaves2, v.tuned2 / _count(v.clock2, octaves2, board.stepping)
            frequencies[0, n, t], frequencies[1, n, t] = hz1, hz2

            env = env1 if v.mix_envelope == 1 else env2
            opening = 1 - env if v.mix_inverted else env
            first_gain, second_gain = v.mix1, v.mix2 * (1 - v.mix_depth + v.mix_depth * opening)
            if board.crossfade:
                first_gain = v.mix1 * (1 - v.mix_depth + v.mix_depth * opening)
                second_gain = v.mix2 * (1 - v.mix_depth + v.mix_depth * (1 - opening))
            levels[MIX1, n, t], levels[MIX2, n, t] = first_gain, second_gain

            env = env1 if v.cutoff_envelope == 1 else env2
            octaves = v.cutoff + v.cutoff_env * env + v.cutoff_lfo * lfo
            if board.drift != 0:
                octaves += board.drift * wander(v.drift_seed, tick * tick_s / board.drift_s)
            if octaves != cutoff_was:
                cutoff_was = octaves
                cutoff = np.float32(math.exp2(min(max(octaves, board.lowest), board.highest)))
            levels[CUTOFF, n, t] = cutoff

            shape = env2
            if v.gated:
                shape = 1.0 if released <= 0 else 0.0
            levels[GAIN, n, t] = v.gain * shape if age > 0 else 0.0


compiled = Cached(_fill)

_ARGUMENTS = (
    numba.from_dtype(VOICE)[::1], numba.from_dtype(BOARD), types.int64, types.float64[:, :, ::1],
    types.float32[:, :, ::1],
)  # fmt: skip
compiled = Cached(_fill, _ARGUMENTS, 1.5)

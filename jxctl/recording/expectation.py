"""What a take should sound like, by rendering its tone.

Of a virtual board (`sim:`, or one that ``--profile`` names) it knows what is to be heard. Of an
instrument it knows the documented parts, pitch above all; its times and levels are assumed, so only what
is far from any doubt is said, and the rest is unknown.

This module loads the simulator: import it only when it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from jxctl.audio.analysis import ONSET_ABOVE_FLOOR_DB, onset, peak_dbfs
from jxctl.audio.capture import Audio
from jxctl.protocol.tone import Tone, to_batch
from jxctl.recording.plan import SHORTEST_GATE_S
from simulator.synth import load_profile, render

# A render goes on for so long after the key (chosen).
_AFTER_GATE_S = 0.5
# Of an instrument: a render that begins within it begins at once (assumed).
_PROMPT_S = 0.03
# Of an instrument: attacks up to this raw value are taken for none (assumed).
_PROMPT_RAW = 8
# Of an instrument: a render louder than the first sounds, one below the second does not (assumed).
_LOUD_DBFS = -40.0
_SILENT_DBFS = -90.0
# Of a virtual board: around `jxctl.recording.quality.SILENT_DBFS`, where a take is called silent.
_JUST_HEARD_DBFS = -77.0
_JUST_SILENT_DBFS = -80.0
# From this raw value of VCF RES on the filter may sound at a pitch of its own (assumed).
_RESONANT = 100
# The voices of the lower board have the seeds 0 to 5, of the upper 1 to 6 (`simulator.instrument.board`).
_SEEDS = 7
# A key goes up at a control tick, and a message may take some ticks.
_TICKS = (-3, 5)
# A pitch that the LFO, or an envelope, moves by no more is steady (assumed).
_STEADY_LFO_CENTS = 30.0
_STEADY_ENV_CENTS = 5.0
# A modulation of less than a quarter of an octave, or a sixteenth of the level, silences nothing (assumed).
_SILENCING_RAW = 8
# A tail outlasts the key by so many releases of ENV-2 at most (key follow, assumed times), and a fade.
_RELEASES = 1.5
_FADE_S = 0.1


class Simulated:
    """`jxctl.recording.quality.Expectations` from the simulator. ``exact``: the port leads to a virtual board
    with this profile. ``compare``: takes are to be compared with renders, sample by sample; ``scaled``: it is
    in a Super JX, which scales levels. Raises `ProfileError` for a profile that cannot be used."""

    def __init__(
        self, profile: str, sample_rate: int, exact: bool, compare: bool = False, scaled: bool = False
    ) -> None:
        self._profile = load_profile(profile)
        self._rate = sample_rate
        self._exact = exact
        self._compare = compare
        self._scaled = scaled
        self._rendered = lru_cache(maxsize=4)(self._render)

    def sounds(self, tone: Tone, note: int, velocity: int, gate_s: float) -> bool | None:
        """Whether the render is heard; None between the two limits."""
        loud, silent = (_JUST_HEARD_DBFS, _JUST_SILENT_DBFS) if self._exact else (_LOUD_DBFS, _SILENT_DBFS)
        peak = peak_dbfs(self._rendered(tone, note, velocity, gate_s))
        return True if peak >= loud else False if peak < silent else None

    def onset_s(
        self, tone: Tone, note: int, velocity: int, gate_s: float, below_peak_db: float
    ) -> float | None:
        """When the render begins; of an instrument only where that is at once, whatever its envelopes."""
        if not self._exact and max(tone.raw("ENV1 ATT"), tone.raw("ENV2 ATT")) > _PROMPT_RAW:
            return None
        audio = self._rendered(tone, note, velocity, gate_s)
        # The same level below its peak as in the recording, where a noise floor may set it.
        floor_dbfs = peak_dbfs(audio) - below_peak_db - ONSET_ABOVE_FLOOR_DB
        begins = onset(audio, self._rate, floor_dbfs)
        return begins if self._exact or (begins is not None and begins <= _PROMPT_S) else None

    def lasts_s(
        self, tone: Tone, note: int, velocity: int, gate_s: float, seconds: float, below_peak_db: float
    ) -> float | None:
        """Where the LFO or an inverted envelope closes the filter or the mixer, and opens it again."""
        inverted = any(
            "inverted" in tone.label(f"{what} MODE") and tone.raw(f"{what} ENV") >= _SILENCING_RAW
            for what in ("VCF", "MIX")
        )
        swept = tone.raw("VCF LFO") >= _SILENCING_RAW
        if tone.label("VCA MODE") == "gate" or not (inverted or swept):
            return None
        until_s = min(seconds, gate_s + _RELEASES * self._value(tone, "ENV2 REL") + _FADE_S)
        asked = (to_batch([tone]), note, velocity, gate_s, until_s)
        level = np.abs(render(*asked, profile=self._profile, sample_rate=self._rate)[0])
        if peak_dbfs(level) < _JUST_SILENT_DBFS:
            return None
        loud = np.flatnonzero(level >= level.max() * 10 ** (-below_peak_db / 20))
        # The LFO runs freely: what the render has here may come most of a period later.
        more_s = 1 / self._value(tone, "LFO RATE") if swept else 0.0
        return min(until_s, int(loud[-1]) / self._rate + more_s)

    def hz(self, tone: Tone, note: int) -> float | None:
        """The pitch of the lower oscillator that is heard, when both are octaves apart at most.

        None for noise, sync, x-mod, two oscillators in another interval, a pitch that the LFO or an
        envelope moves, and a filter near its own oscillation.
        """
        heard = [k for k in (1, 2) if tone.raw(f"MIX DCO{k}") > 0]
        if not heard or tone.label("DCO XMOD") != "off" or tone.raw("VCF RES") > _RESONANT:
            return None
        for k in heard:
            moved = self._value(tone, f"DCO{k} LFO") > _STEADY_LFO_CENTS
            if moved or self._value(tone, f"DCO{k} ENV") > _STEADY_ENV_CENTS:
                return None
            if tone.label(f"DCO{k} WF") == "noise":
                return None
        semitones = {k: self._value(tone, f"DCO{k} RANGE") + self._value(tone, f"DCO{k} TUNE") for k in heard}
        if len({value % 12 for value in semitones.values()}) > 1:
            return None
        lowest = min(heard, key=lambda k: semitones[k])
        fine_cents = self._value(tone, "DCO2 FTUNE") if heard == [2] else 0.0
        return float(440 * 2 ** ((note - 69 + semitones[lowest] + fine_cents / 100) / 12))

    def renders(
        self, tone: Tone, note: int, velocity: int, gate_s: float, seconds: float
    ) -> Iterator[NDArray[np.float32]]:
        """Renders with the seeds of the voices. None for noise, a random LFO and the chorus, which depend
        on what the board did before."""
        chance = tone.label("LFO WF") == "random" or tone.label("CHORUS") != "off"
        chance = chance or any(tone.label(f"DCO{k} WF") == "noise" for k in (1, 2))
        if not self._compare or chance:
            return
        if self._scaled:
            # What a Super JX makes of the level at full volume (`simulator.instrument.memory`).
            tone = tone.with_values({"VCA LEVEL": tone.raw("VCA LEVEL") * 127 // 128})
        tick_s = self._profile.constant("tick")
        gates_s = np.maximum(gate_s + tick_s * np.arange(*_TICKS), SHORTEST_GATE_S)
        batch = np.tile(to_batch([tone]), (len(gates_s), 1))
        asked = (batch, note, velocity, gates_s, seconds)
        for seed in range(_SEEDS):
            yield render(*asked, profile=self._profile, sample_rate=self._rate, seed=seed)

    def _value(self, tone: Tone, name: str) -> float:
        return float(self._profile.table(name)[tone.raw(name)])

    def _render(self, tone: Tone, note: int, velocity: int, gate_s: float) -> Audio:
        asked = (to_batch([tone]), note, velocity, gate_s, gate_s + _AFTER_GATE_S)
        rendered: Audio = render(*asked, profile=self._profile, sample_rate=self._rate)[0]
        return rendered

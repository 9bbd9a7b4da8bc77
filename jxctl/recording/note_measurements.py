"""Plain notes played on a rig, and what can be read off them: level, pitch, harmonics, movement, hum.

Nothing here knows what is right; `jxctl.recording.setup_check` does. Levels are RMS in dBFS, of a held note
from `SETTLED_S` after its beginning on. Notes are played once and kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jxctl.audio.analysis import (
    SILENCE_DBFS,
    Floats,
    band_levels,
    band_tracks,
    cents_from_note,
    onset_sample,
    peak_dbfs,
    pitch_hz,
    rms_dbfs,
)
from jxctl.audio.capture import Audio, Channels
from jxctl.protocol.tone import INIT_TONE, Tone
from jxctl.recording.rig import Rig

PLAIN = INIT_TONE.with_values({"VCA MODE": "gate"}).named("JX PLAIN")
"""One sawtooth, the filter open, that begins and ends with the key."""
LOUD = PLAIN.with_values({"DCO2 WF": "square", "DCO2 TUNE": "+7", "MIX DCO2": 127}).named("JX LOUD")
"""Two waves at an interval, so that in a held note they meet in every phase."""
SOFT = LOUD.with_values({"VCA LEVEL": 24}).named("JX SOFT")
KEYS = (45, 57, 64)
"""MIDI notes on which the pitch has to be that of the key (chosen)."""
KEY = 57
"""The MIDI note that is played where one is enough (chosen)."""
GATE_S = 0.35
"""Seconds for which a key is held (chosen)."""
STEADY_KEY = 62
"""The MIDI note in which movement is looked for: D4 and its harmonics lie between those of the mains."""
STEADY_S = 2.6
"""Seconds for which that is held (chosen)."""

SETTLED_S = 0.07
"""From the first sound, or from the key going up, to a moment that is surely held, or surely over: the
slowest control loop that sources allow, 60 ms (jx_hardware.md section 1), and a rest."""
QUIETEST_DBFS = -140.0
"""Digital silence counts as this quiet, a little above what 24 bits end at (chosen)."""
_ONSET_BELOW_PEAK_DB = 20 * float(np.log10(50))
"""A plain note, which begins at once, begins at a fiftieth of its peak (chosen)."""
_END_S = 0.02
"""Before the key goes up, so much is left out, seconds (chosen)."""
_AFTER_S = 0.12
"""Seconds after the key in which a note should have ended (chosen)."""
_QUIET_S = 0.8
"""Seconds of quiet that are listened to (chosen)."""
_FADED_S = 1.2
"""Seconds before them in which an echo of what was played before fades (chosen)."""
_LATE_S = 0.4
"""Seconds by which a note may be heard late (chosen)."""
_RETRIES = 3
"""How often a note is played at most when audio is lost."""
_HARMONICS = 12
"""Whose movement is looked at."""
_WINDOW_S = 0.1
"""Window for movement, seconds."""
_STEP_S = 0.05
"""Seconds from a window to the next."""
_NEAR_TOP = 0.98
"""Share of the largest sample from which another one is at the top."""
_MOVING_DB = 0.1
"""Harmonics that swing by less are still: then it is the pitch that may move (chosen)."""
_MAINS_HZ = (50.0, 60.0)
_MAINS_TO_HZ = 1000.0
"""Multiples of the mains are looked at up to here."""
_MAINS_SHARE = 0.6
"""Share of the power from which a sound is hum (chosen)."""


@dataclass
class Ear:
    """Plays on a rig and remembers. ``channels``: how far each channel of the input rose with the first plain
    note, and its peak then, dB; known after `keyed`, and empty where the input is one channel."""

    rig: Rig
    channels: list[tuple[float, float]] = field(default_factory=list)
    _sounds: dict[tuple[bytes, int], Sound] = field(default_factory=dict)

    def sound(self, tone: Tone = PLAIN, key: int = KEY, gate_s: float = GATE_S) -> Sound:
        """A note; what was played already is not played again. Raises what `Rig.take` raises."""
        known = (tone.values, key)
        if known not in self._sounds:
            self._sounds[known] = self._played(tone, key, gate_s)
        return self._sounds[known]

    @cached_property
    def quiet(self) -> Audio:
        """What is heard before any key, when an echo of what was played before has faded."""
        self.rig.hush(_FADED_S)
        self._peaks()
        return self.rig.hush(_QUIET_S)

    @cached_property
    def keyed(self) -> list[Sound]:
        """The plain tone on each of `KEYS`."""
        assert self.quiet.size
        before = self._peaks()
        first = self.sound(PLAIN, KEYS[0])
        self.channels = [(peak - quiet, peak) for quiet, peak in zip(before, self._peaks(), strict=True)]
        return [first, *(self.sound(PLAIN, key) for key in KEYS[1:])]

    @property
    def quiet_db(self) -> float:
        """Level of that quiet."""
        return rms_dbfs(self.quiet, QUIETEST_DBFS)

    def _played(self, tone: Tone, key: int, gate_s: float) -> Sound:
        for _ in range(_RETRIES):
            take = self.rig.take(tone, key, 127, gate_s, gate_s + _LATE_S + SETTLED_S + _AFTER_S)
            if take.verdict != "dropped audio":
                break
        late_s = None if self.rig.latency is None else self.rig.latency.latency_s
        return Sound(take.audio, take.sample_rate, key, gate_s, late_s)

    def _peaks(self) -> list[float]:
        return self.rig.audio.peaks_dbfs() if isinstance(self.rig.audio, Channels) else []


@dataclass(frozen=True, eq=False)
class Sound:
    """A recorded note. ``late_s``: when it can be heard first, None where that is not known."""

    audio: Audio
    rate: int
    key: int
    gate_s: float
    late_s: float | None = None

    @cached_property
    def held(self) -> NDArray[Any]:
        """What is heard while the key is down."""
        return self._part(SETTLED_S, self.gate_s - _END_S)

    @property
    def level_db(self) -> float:
        """Of what is held."""
        return rms_dbfs(self.held, QUIETEST_DBFS)

    @property
    def ending_db(self) -> float:
        """Level soon after the key went up, above that of the held note."""
        after = self._part(self.gate_s + SETTLED_S, self.gate_s + SETTLED_S + _AFTER_S)
        # A recording ends when the sound has gone.
        size = round(_AFTER_S * self.rate)
        return rms_dbfs(np.pad(after, (0, max(0, size - after.size))), QUIETEST_DBFS) - self.level_db

    @property
    def peak_dbfs(self) -> float:
        """Of everything."""
        return peak_dbfs(self.audio)

    @cached_property
    def off_cents(self) -> float:
        """Cents above the key, octaves counted; nan without a clear pitch."""
        hz = pitch_hz(np.asarray(self.held, np.float32), self.rate)
        return float("nan") if hz is None else float(cents_from_note(hz, self.key))

    @property
    def even_db(self) -> float:
        """The second harmonic above the first."""
        first, second = self._harmonics(2)
        return float(second - first)

    @property
    def bright_db(self) -> float:
        """Harmonics 8 to 24 above the first four."""
        powers = 10 ** (self._harmonics(24) / 10)
        return float(10 * np.log10(powers[7:].sum() / powers[:4].sum()))

    @property
    def at_top(self) -> float:
        """Share of the samples within 2 % of the largest."""
        size = np.abs(self.held)
        return float(np.mean(size > _NEAR_TOP * size.max(initial=0.0))) if size.size else 0.0

    @cached_property
    def moving_db(self) -> float:
        """By how much the levels of the first harmonics swing, a standard deviation, their mean."""
        return float(np.mean(self._tracks.std(axis=0)))

    @cached_property
    def wandering_cents(self) -> float:
        """By how much the pitch swings, a standard deviation."""
        return float(np.std(self._pitch))

    @property
    def moving_hz(self) -> float:
        """How often a second harmonics, or else the pitch, do that, mostly. What is heard is too short for
        less than one turn in it."""
        moves = self._tracks if self.moving_db > _MOVING_DB else self._pitch[:, None]
        size = 8 * len(moves)
        power = np.square(np.abs(np.fft.rfft(moves - moves.mean(axis=0), size, axis=0))).sum(axis=1)
        return float(np.argmax(power) / (size * _STEP_S))

    @cached_property
    def _pitch(self) -> Floats:
        """Cents over time, from the pitch that is heard: by the phase of the fundamental."""
        size, step = round(_WINDOW_S * self.rate), round(_STEP_S * self.rate)
        hz = self._hz
        frames = np.lib.stride_tricks.sliding_window_view(np.asarray(self.held, np.float64), size)[::step]
        turning = np.exp(-2j * np.pi * hz * np.arange(size) / self.rate) * np.hanning(size)
        carried = np.exp(-2j * np.pi * hz * step / self.rate * np.arange(len(frames)))
        turns = np.diff(np.unwrap(np.angle(frames @ turning * carried))) / (2 * np.pi)
        return np.asarray(1200 * np.log2(np.maximum(1 + turns * self.rate / (step * hz), 1e-6)))

    @property
    def _hz(self) -> float:
        """Of the fundamental: as heard where that is clear, else as the key says."""
        off = self.off_cents
        return 440 * 2 ** ((self.key - 69) / 12 + (off / 1200 if np.isfinite(off) else 0.0))

    @cached_property
    def _tracks(self) -> Floats:
        edges = self._hz * (np.arange(_HARMONICS + 1) + 0.5)
        return band_tracks(self.held, self.rate, edges, _WINDOW_S, _STEP_S)

    def _harmonics(self, count: int) -> Floats:
        # By the key, not the pitch: a wave an octave lower is another sound, and shall be.
        hz = 440 * 2 ** ((self.key - 69) / 12)
        return band_levels(self.held, self.rate, hz * (np.arange(count + 1) + 0.5))

    def _part(self, begin_s: float, end_s: float) -> NDArray[Any]:
        if self.late_s is None:
            begin = onset_sample(self.audio, SILENCE_DBFS, below_peak_db=_ONSET_BELOW_PEAK_DB) or 0
        else:
            begin = round(self.late_s * self.rate)
        low, high = (max(0, begin + round(at * self.rate)) for at in (begin_s, end_s))
        return self.audio[low : max(high, low)]


def mains_hz(audio: Audio, rate: int) -> float | None:
    """50 or 60 where most of a sound is that and its multiples: hum. None where it is not."""
    x = np.asarray(audio, np.float64)
    if x.size < rate * 0.1 or not np.any(x):
        return None
    power = np.square(np.abs(np.fft.rfft(x * np.hanning(x.size), 4 * x.size)))
    hz = np.fft.rfftfreq(4 * x.size, 1 / rate)
    shares = []
    for mains in _MAINS_HZ:
        # A Hann window spreads a line over four bins of the unpadded transform.
        near = np.abs(hz - mains * np.maximum(np.rint(hz / mains), 1)) < 2 * rate / x.size
        shares.append(float(power[near & (hz < _MAINS_TO_HZ)].sum() / power.sum()))
    best = int(np.argmax(shares))
    return _MAINS_HZ[best] if shares[best] > _MAINS_SHARE else None

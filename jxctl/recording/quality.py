"""Whether a take can be trusted, from what was heard and what was to be expected.

`judge` gives the verdict. What was to be expected comes from outside (`Expectations`; `open_rig` asks the
simulator) and may be unknown: an unknown expectation refuses nothing. The worst finding wins.

`difference_db` compares a recording with renders, sample by sample: for virtual boards behind real ports.
Nothing on a one-way bus tells that a byte was damaged on its way, but the simulator knows what the tone of
the label sounds like.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from jxctl.audio.analysis import (
    ONSET_ABOVE_FLOOR_DB,
    ONSET_BELOW_PEAK_DB,
    cents_within_octave,
    onset,
    peak_dbfs,
    pitch_hz,
)
from jxctl.audio.capture import Audio
from jxctl.dataset.take import Verdict
from jxctl.protocol.tone import Tone

CLIP_LEVEL = 32767 / 32768
"""A sample this large has met the end of a 16-bit converter, and of any longer one."""
SILENT_DBFS = -80.0
"""A take that never gets louder than this is silent, however quiet the floor (assumed)."""
EARLY_S = 0.005
"""A sound may begin this much before the shortest latency measured (assumed)."""
LATE_S = 0.08
"""And this much after it should: a control loop of 60 ms, the slowest that sources allow
(jx_hardware.md section 1), and a rest (assumed)."""
OUT_OF_TUNE_CENTS = 70.0
"""Less than a wrong semitone, more than the fine tune of DCO-2 (50 cents)."""

CLEAR_DB = 50.0
"""A sound is compared with its render when it is this far above the noise floor."""
ALIKE_DB = -60.0
"""A difference this far below the sound is none. One step of a level changes a sound by -42 dB."""
ABOVE_NOISE_DB = 6.0
"""Nor is one that is this near the noise floor (chosen)."""

_CREST_DB = 15.0  # a sound's RMS may be so far below its peak (assumed: a decaying note)
_SEARCH_S = 0.25  # a render is looked for this far around where it should begin (chosen)
_SHORTEST_S = 0.01  # of a recording or a render that is compared (chosen)
_BEGINS_BELOW_PEAK = 1e-3  # from there on a render sounds: -60 dB (chosen)
_TINY_POWER = 1e-16  # keeps silence from dividing by nothing (chosen)


@dataclass(frozen=True, slots=True)
class Latency:
    """From sending a note to hearing it: the middle, and the largest minus the smallest, in seconds."""

    latency_s: float
    spread_s: float


class Expectations(Protocol):
    """What a tone should sound like. Every answer may be None: unknown."""

    def sounds(self, tone: Tone, note: int, velocity: int, gate_s: float) -> bool | None:
        """Whether it should be heard at all."""

    def onset_s(
        self, tone: Tone, note: int, velocity: int, gate_s: float, below_peak_db: float
    ) -> float | None:
        """Seconds from the key to the first sample that is less than ``below_peak_db`` under the peak."""

    def lasts_s(
        self, tone: Tone, note: int, velocity: int, gate_s: float, seconds: float, below_peak_db: float
    ) -> float | None:
        """Of a tone whose tail may fall silent and come back: seconds from the key until it has gone for
        good, ``below_peak_db`` under the peak. ``seconds``: no later than that matters."""

    def hz(self, tone: Tone, note: int) -> float | None:
        """Its pitch, for a tone that has a clear one."""

    def renders(
        self, tone: Tone, note: int, velocity: int, gate_s: float, seconds: float
    ) -> Iterable[NDArray[np.float32]]:
        """What it sounds like, float32[K, samples] from the key on, K for gates a little shorter or longer;
        one such batch for each voice that may play it. None where that is not known to the sample."""


class NothingExpected:
    """Knows nothing."""

    def sounds(self, tone: Tone, note: int, velocity: int, gate_s: float) -> bool | None:
        """Unknown."""

    def onset_s(
        self, tone: Tone, note: int, velocity: int, gate_s: float, below_peak_db: float
    ) -> float | None:
        """Unknown."""

    def lasts_s(
        self, tone: Tone, note: int, velocity: int, gate_s: float, seconds: float, below_peak_db: float
    ) -> float | None:
        """Unknown."""

    def hz(self, tone: Tone, note: int) -> float | None:
        """Unknown."""

    def renders(
        self, tone: Tone, note: int, velocity: int, gate_s: float, seconds: float
    ) -> Iterable[NDArray[np.float32]]:
        """Unknown."""
        return ()


@dataclass(frozen=True, slots=True)
class Heard:
    """A recorded note: the audio from note-on, the RMS floor before it, and whether audio was lost."""

    audio: Audio
    sample_rate: int
    floor_dbfs: float
    dropped: bool


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and why when it is not a trusted one; what was measured on the way.

    ``onset_s``: when the sound begins. ``pitch_cents``: heard above asked pitch, octaves left out.
    ``expected``: "sound" or "silence". None: not measured, or not known.
    """

    verdict: Verdict
    reason: str | None = None
    onset_s: float | None = None
    pitch_cents: float | None = None
    expected: str | None = None


def judge(
    heard: Heard,
    tone: Tone,
    note: int,
    velocity: int,
    gate_s: float,
    latency: Latency | None = None,
    expected: Expectations | None = None,
    tuning_cents: float = 0.0,
) -> Judgement:
    """Judge a take; see `Verdict` and the constants of this module for what is found.

    ``tuning_cents``: how far the whole instrument is above standard pitch.
    """
    expected = expected or NothingExpected()
    if heard.dropped:
        return Judgement("dropped audio", "the audio input lost samples during the take")
    peak = peak_dbfs(heard.audio)
    begins_s = onset(heard.audio, heard.sample_rate, heard.floor_dbfs)
    if np.max(np.abs(heard.audio), initial=0.0) >= CLIP_LEVEL:
        return Judgement("clipped", "samples reach full scale: turn the input down", begins_s)
    if begins_s is None or peak < SILENT_DBFS or peak < heard.floor_dbfs + ONSET_ABOVE_FLOOR_DB:
        return _silence(expected.sounds(tone, note, velocity, gate_s), peak, heard.floor_dbfs)
    wrong_time = _wrong_time(heard, peak, begins_s, latency, expected, (tone, note, velocity, gate_s))
    if wrong_time is not None:
        return wrong_time
    asked_hz = expected.hz(tone, note)
    heard_hz = None if asked_hz is None else pitch_hz(heard.audio, heard.sample_rate)
    off = None if asked_hz is None or heard_hz is None else cents_within_octave(heard_hz, asked_hz)
    if off is not None and abs(off - tuning_cents) > OUT_OF_TUNE_CENTS:
        reason = f"heard {heard_hz:.1f} Hz, {off:+.0f} cents from {asked_hz:.1f} Hz"
        return Judgement("out of tune", reason, begins_s, off)
    unlike = None
    if peak > heard.floor_dbfs + CLEAR_DB:
        seconds = heard.audio.size / heard.sample_rate
        unlike = _unlike(heard, peak, begins_s, expected.renders(tone, note, velocity, gate_s, seconds))
    return Judgement("unlike its tone" if unlike else "ok", unlike, begins_s, off)


def _unlike(heard: Heard, peak: float, begins_s: float, renders: Iterable[NDArray[np.float32]]) -> str | None:
    """By how much a sound differs from all that it may be; None when it does not, or nothing is known."""
    limit = limit_db(peak, heard.floor_dbfs)
    nearest: float | None = None
    for batch in renders:
        found = difference_db(heard.audio, batch, heard.sample_rate, begins_s)
        if found is None or found <= limit:
            return None
        nearest = found if nearest is None else min(nearest, found)
    if nearest is None:
        return None
    return f"it differs from the tone by {nearest:.0f} dB, which is more than {limit:.0f} dB"


def _silence(sounds: bool | None, peak: float, floor_dbfs: float) -> Judgement:
    if sounds is False:
        return Judgement("expected silence", expected="silence")
    reason = f"peak {peak:.1f} dBFS over a floor of {floor_dbfs:.1f} dBFS"
    if sounds:
        return Judgement("silent", f"{reason}, and the tone should sound", expected="sound")
    return Judgement("silent", f"{reason}; whether the tone should sound is not known")


def _wrong_time(
    heard: Heard,
    peak: float,
    begins_s: float,
    latency: Latency | None,
    expected: Expectations,
    asked: tuple[Tone, int, int, float],
) -> Judgement | None:
    if latency is None:
        return None
    soonest = latency.latency_s - latency.spread_s - EARLY_S
    if begins_s < soonest:
        reason = f"heard after {1000 * begins_s:.0f} ms, before a note can be heard ({1000 * soonest:.0f} ms)"
        return Judgement("too early", reason, begins_s)
    latest = latency.latency_s + latency.spread_s + LATE_S
    if begins_s <= latest:
        return None
    # Only now, because it may have to be rendered: a slow attack is late by itself.
    below_peak_db = min(ONSET_BELOW_PEAK_DB, peak - heard.floor_dbfs - ONSET_ABOVE_FLOOR_DB)
    slow = expected.onset_s(*asked, below_peak_db)
    if slow is None or begins_s <= latest + slow:
        return None
    reason = f"heard after {1000 * begins_s:.0f} ms, at the latest due after {1000 * (latest + slow):.0f} ms"
    return Judgement("too late", reason, begins_s)


def difference_db(
    heard: Audio, renders: NDArray[np.float32], sample_rate: int, onset_s: float
) -> float | None:
    """How far what was heard is from the nearest render, in dB below it; None when it cannot be told.

    ``heard``: float32[samples]. ``renders``: float32[K, samples], from the key on; all begin alike and may
    end differently. ``onset_s``: when the sound begins in ``heard``.
    """
    x, y = np.asarray(heard, np.float64), np.asarray(renders, np.float64)
    if min(x.size, y.shape[1]) < _SHORTEST_S * sample_rate or not y.any():
        return None
    begins, most = round(onset_s * sample_rate), round(_SEARCH_S * sample_rate)
    return min(_difference_db(x, each, begins, most) for each in y)


def limit_db(peak_dbfs: float, floor_dbfs: float) -> float:
    """From where on a difference counts: `ALIKE_DB`, or the noise under a sound of that peak."""
    return max(ALIKE_DB, floor_dbfs + ABOVE_NOISE_DB - (peak_dbfs - _CREST_DB))


def _difference_db(x: NDArray[np.float64], y: NDArray[np.float64], begins: int, most: int) -> float:
    """What a render leaves of a recording where it fits best, around where each begins."""
    # Each render by itself: with the lag of a shorter one, a longer sound would be found later than it is.
    lag = _lag(x, y, begins, most)
    # Before the render begins there is silence, and anything that was heard there is a difference.
    before = x[: max(0, lag)]
    x = np.concatenate([np.zeros(max(0, -lag)), x[max(0, lag) :]])
    count = min(x.size, y.size)
    power = float(np.sum(np.square(y[:count])))
    left = float(np.sum(np.square(x[:count] - y[:count])) + np.sum(np.square(before)))
    return 10 * float(np.log10((left + _TINY_POWER) / (power + _TINY_POWER)))


def _lag(x: NDArray[np.float64], y: NDArray[np.float64], begins: int, most: int) -> int:
    """By how many samples ``x`` is later than ``y``; at most ``most`` from where each begins."""
    size = 1 << int(np.ceil(np.log2(x.size + y.size)))
    alike = np.fft.irfft(np.fft.rfft(x, size) * np.conj(np.fft.rfft(y, size)), size)
    own = int(np.argmax(np.abs(y) > _BEGINS_BELOW_PEAK * np.abs(y).max()))
    # A later lag is negative at the end of a circle.
    lags = np.arange(begins - own - most, begins - own + most + 1)
    lags = lags[(lags > -y.size) & (lags < x.size)]
    return int(lags[np.argmax(alike[lags % size])]) if lags.size else 0

"""What a recording says by itself: onset, level, pitch, spectrum, envelope, and how they move.

Plain signal processing on float arrays; nothing here knows the synthesiser. Times are in seconds, levels
in dB relative to full scale, frequencies in Hz.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.synth.laws import FloatArray

Floats = FloatArray

ONSET_SHARE = 0.02
"""A sound begins where it passes this share of its peak."""
SILENT_DB = -140.0
_EVEN = 512


def onset_sample(audio: NDArray[Any], noise_rms: float = 0.0) -> int:
    """The first sample above `ONSET_SHARE` of the peak and above six times the noise; 0 where none is."""
    size = np.abs(audio)
    above = np.flatnonzero(size > max(ONSET_SHARE * float(size.max(initial=0.0)), 6 * noise_rms))
    return int(above[0]) if above.size else 0


def level_db(audio: NDArray[Any]) -> float:
    """RMS level in dB."""
    power = float(np.mean(np.square(audio, dtype=np.float64))) if audio.size else 0.0
    return 10 * float(np.log10(power + 10 ** (SILENT_DB / 10)))


def crossings(audio: NDArray[Any]) -> Floats:
    """Where a signal rises through zero, in samples, between them by a straight line."""
    x = np.asarray(audio, np.float64)
    at = np.flatnonzero((x[:-1] < 0) & (x[1:] >= 0))
    return np.asarray(at + x[at] / (x[at] - x[at + 1]))


def steady_hz(audio: NDArray[Any], rate: int) -> float:
    """The frequency of a steady wave that rises through zero once a period; nan for under three periods.

    The slope of a straight line through the crossings, so that none of them matters alone.
    """
    at = crossings(audio)
    if at.size < 4:
        return float("nan")
    period = float(np.median(np.diff(at)))
    number = np.rint((at - at[0]) / period)
    return rate / float(np.polyfit(number, at, 1)[0])


def finer(audio: NDArray[Any], times: int) -> Floats:
    """The same signal at ``times`` the rate: nothing above half the old rate, so that crossings are exact."""
    x = np.asarray(audio, np.float64)
    return np.fft.irfft(np.fft.rfft(x), x.size * times) * times


def pitch_track(audio: NDArray[Any], rate: int, step_s: float = 0.002) -> tuple[Floats, Floats]:
    """How the frequency of such a wave moves: times in s and Hz, one value each ``step_s``.

    Each period counts as its own frequency from its beginning to its end.
    """
    at = crossings(audio)
    if at.size < 3:
        return np.zeros(0), np.zeros(0)
    hz = rate / np.diff(at)
    times = np.arange(at[0] / rate, at[-1] / rate, step_s)
    place = np.clip(np.searchsorted(at / rate, times, side="right") - 1, 0, hz.size - 1)
    return times, hz[place]


def cents(hz: Floats | float, note: float) -> Any:
    """How far a frequency is above a MIDI note."""
    return 1200 * np.log2(np.asarray(hz) / 440.0) - 100 * (note - 69)


def band_edges(low_hz: float, high_hz: float, per_octave: int) -> Floats:
    """Edges of equal bands from ``low_hz`` to at most ``high_hz``."""
    count = int(np.floor(np.log2(high_hz / low_hz) * per_octave + 1e-9))
    return low_hz * np.exp2(np.arange(count + 1) / per_octave)


def band_levels(audio: NDArray[Any], rate: int, edges: Floats, floor_db: float = -110.0) -> Floats:
    """Level of each band in dB, by one Hann-windowed spectrum of the whole; softly held at ``floor_db``.

    ``audio``: [samples], or [frames, samples] for a row of bands each. A sine of amplitude 1 within a band
    gives -3 dB, as its RMS.
    """
    x = np.asarray(audio, np.float64)
    size = x.shape[-1]
    if size > 32 * _EVEN:  # a length that the transform likes
        size -= size % _EVEN
        x = x[..., :size]
    window = np.hanning(size)
    power = np.square(np.abs(np.fft.rfft(x * window))) * 2 / (size * np.sum(np.square(window)))
    sums = np.concatenate([np.zeros((*power.shape[:-1], 1)), np.cumsum(power, axis=-1)], axis=-1)
    at = np.clip(edges * size / rate + 0.5, 0, power.shape[-1])
    low = np.minimum(at.astype(np.int64), power.shape[-1] - 1)
    share = at - low
    bands = np.diff(sums[..., low] * (1 - share) + sums[..., low + 1] * share, axis=-1)
    return np.asarray(10 * np.log10(np.maximum(bands, 0) + 10 ** (floor_db / 10)))


def band_tracks(
    audio: NDArray[Any], rate: int, edges: Floats, window_s: float, step_s: float, floor_db: float = -110.0
) -> Floats:
    """`band_levels` of stretches of ``window_s``, one each ``step_s``: [frames, bands]."""
    size, step = round(window_s * rate), round(step_s * rate)
    if len(audio) < size:
        audio = np.pad(np.asarray(audio), (0, size - len(audio)))
    return band_levels(np.lib.stride_tricks.sliding_window_view(audio, size)[::step], rate, edges, floor_db)


def amplitude(audio: NDArray[Any], rate: int, times: Floats, window_s: float) -> Floats:
    """RMS of a signal around some times in s, each over ``window_s``; 0 beyond its ends."""
    sums = np.concatenate([[0.0], np.cumsum(np.square(audio, dtype=np.float64))])
    ends = [(times + side * window_s) * rate for side in (-0.5, 0.5)]
    low, high = (np.interp(end, np.arange(sums.size), sums) for end in ends)
    power = (high - low) / max(1.0, window_s * rate)
    return np.asarray(np.sqrt(np.maximum(power, 0)))


def comb_period(
    moves: Floats, step_s: float, shortest_s: float, longest_s: float, harmonics: int = 6
) -> float:
    """The period in s at which a signal moves in steps: of the comb that its spectrum shows; nan if none.

    ``moves``: how much something changed in each ``step_s``. Candidates are compared by the *least* of the
    first harmonics, which a multiple or a fraction of the true rate has not all of; the best is refined on
    the highest.
    """
    size = 1 << (8 * moves.size - 1).bit_length()
    spectrum = np.abs(np.fft.rfft((moves - moves.mean()) * np.hanning(moves.size), size))
    resolution = 1 / (size * step_s)
    hz = np.arange(1 / longest_s, 1 / shortest_s, resolution / 2)
    at = np.rint(hz[:, None] * np.arange(1, harmonics + 1) / resolution).astype(np.int64)
    if at.max() >= spectrum.size or not spectrum.any():
        return float("nan")
    # Half-way between harmonics there is nothing, unless the true rate is half of it.
    between = np.rint(hz[:, None] * (np.arange(harmonics) + 0.5) / resolution).astype(np.int64)
    score = np.log(spectrum[at] + 1e-12).min(axis=1) - np.log(spectrum[between] + 1e-12).mean(axis=1)
    # Multiples of the true rate score as well as itself; it is the lowest that does.
    best = int(np.argmax(score >= 0.6 * score.max()))
    best += int(np.argmax(score[best : best + 1 + round(0.02 * hz[best] / (hz[1] - hz[0]))]))
    fine = hz[best] + np.linspace(-2, 2, 401) / (moves.size * step_s) / harmonics
    near = fine[:, None] * np.arange(1, harmonics + 1) / resolution
    whole = near.astype(np.int64)
    values = spectrum[whole] * (1 - (near - whole)) + spectrum[np.minimum(whole + 1, spectrum.size - 1)] * (
        near - whole
    )
    return float(1 / fine[np.argmax(values.sum(axis=1))])


def repeats_s(tracks: Floats, step_s: float, shortest_s: float) -> float:
    """After what time in s tracks, [frames, count], repeat themselves, together; nan where they do not.

    The first lag at which they agree nearly as well as at any, refined on its last whole multiple.
    """
    x = tracks - tracks.mean(axis=0)
    frames = len(x)
    size = 1 << (2 * frames - 1).bit_length()
    agreement = np.fft.irfft(np.square(np.abs(np.fft.rfft(x, size, axis=0))), axis=0)[:frames].sum(axis=1)
    energy = np.cumsum(np.square(x).sum(axis=1))
    lags = np.arange(frames)
    both = energy[frames - 1 - lags] + energy[-1] - np.concatenate([[0.0], energy[:-1]])
    agreement = 2 * agreement / np.maximum(both, 1e-30)
    first, last = round(shortest_s / step_s), round(0.6 * frames)
    # Past the first descent, so that lag zero is none.
    below = np.flatnonzero(agreement[:last] < 0.3)
    first = max(first, int(below[0]) if below.size else last)
    peaks = [
        lag for lag in range(first, last - 1) if agreement[lag] >= max(agreement[lag - 1], agreement[lag + 1])
    ]
    if not peaks or max(agreement[peaks]) < 0.6:
        return float("nan")
    lag = next(lag for lag in peaks if agreement[lag] >= 0.9 * max(agreement[peaks]))
    multiple = last // lag
    near = [one for one in peaks if abs(one - multiple * lag) <= multiple]
    if near:
        lag, count = max(near, key=lambda one: float(agreement[one])), multiple
    else:
        count = 1
    left, middle, right = agreement[lag - 1 : lag + 2]
    bend = left - 2 * middle + right
    top = lag + (0.5 * (left - right) / bend if bend else 0.0)
    return float(top * step_s / count)

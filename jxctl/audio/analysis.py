"""What a recording says by itself: level, envelope, onset, pitch, spectrum, and the period of what moves.

Plain signal processing on mono float arrays, full scale at 1.0; nothing here knows the instrument. Times are
in seconds, frequencies in Hz, levels in dBFS: decibels relative to a full-scale sample. Each of these is
measured here and nowhere else, with the settings of who asks.

There are two measures of frequency. `pitch_hz` is the fundamental of any periodic sound.
`strongest_partial_hz` counts zero crossings: far more exact, but the fundamental only of a wave that rises
through zero once a period, as those that calibration plays. Which *note* was played, where the sound may be
anything, takes pyin and a check of the harmonics: `estimator.inference.note_detection`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
AnyFloats = NDArray[np.floating[Any]]

# Level.

SILENCE_DBFS = -200.0
"""The level given to digital silence, whose logarithm is no number. 24 bits end at -144.5 dBFS."""

# Onset.

ONSET_ABOVE_FLOOR_DB = 20.0
"""A sound begins this far above the RMS noise floor: the peaks of Gaussian noise over some seconds
reach 14 dB above its RMS, those of hum 3 dB."""
ONSET_BELOW_PEAK_DB = 60.0
"""On a quiet floor a sound begins this far below its own peak (chosen)."""

_PATTERN_S = 0.02
"""The beginning of a note that is looked for in its repeats, seconds (chosen)."""
_PATTERN_FOUND = 0.8
"""Normalised correlation from which it is found (chosen)."""

# Pitch.

LOWEST_HZ = 20.0
"""The lowest pitch that `pitch_hz` looks for."""
HIGHEST_HZ = 5000.0
"""The highest."""
CLEAR = 0.9
"""Agreement, -1 to 1, from which a pitch is believed (assumed)."""
_WINDOW_S = 0.2
# The first period that agrees nearly as well as the best one: later ones are its multiples.
_NEARLY = 0.93

# Spectrum.

BAND_FLOOR_DB = -110.0
"""Below it the level of a band says nothing (chosen)."""
_EVEN = 512
"""Long transforms are cut to multiples of so many samples, which is fast."""

# Repetition.

_DESCENT = 0.3
"""Agreement below which lag zero has been left."""
_REPEATS = 0.6
"""Agreement from which a movement repeats itself (chosen)."""
_NEARLY_REPEATS = 0.9
_LONGEST_SHARE = 0.6
"""Of the whole: no longer period is looked for."""


def peak_dbfs(audio: NDArray[Any]) -> float:
    """Measure the largest sample.

    Args:
        audio: float[samples], full scale 1.

    Returns:
        Its magnitude in dBFS; `SILENCE_DBFS` for digital silence or no sample at all.

    Examples:
        >>> round(peak_dbfs(np.array([0.1, -0.5])), 2)
        -6.02
    """
    return to_dbfs(float(np.max(np.abs(audio), initial=0.0)))


def rms_dbfs(audio: NDArray[Any], floor_dbfs: float = SILENCE_DBFS) -> float:
    """Measure the level: the root mean square.

    Args:
        audio: float[samples], full scale 1.
        floor_dbfs: the least that is returned.

    Returns:
        RMS in dBFS: -3.01 for a sine of full scale; ``floor_dbfs`` for digital silence or no sample at all.

    Examples:
        >>> round(rms_dbfs(np.sin(2 * np.pi * np.arange(1000) / 100)), 2)
        -3.01
    """
    if not audio.size:
        return floor_dbfs
    return max(floor_dbfs, to_dbfs(float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))))


def to_dbfs(amplitude: float) -> float:
    """Convert an amplitude to decibels.

    Args:
        amplitude: from 0; 1 is full scale.

    Returns:
        dBFS, at least `SILENCE_DBFS`.

    Examples:
        >>> to_dbfs(0.1), to_dbfs(0.0)
        (-20.0, -200.0)
    """
    return max(SILENCE_DBFS, 20 * float(np.log10(amplitude))) if amplitude > 0 else SILENCE_DBFS


def rms_envelope(audio: NDArray[Any], window: int, hop: int) -> Floats:
    """Follow the level with windows that are centred on every multiple of a hop, and cut at both ends.

    Args:
        audio: float[samples].
        window: length of a window in samples.
        hop: samples from one centre to the next; the first is at sample 0.

    Returns:
        RMS of the samples in each window, float64[1 + samples // hop], in units of the audio.

    Examples:
        >>> rms_envelope(np.array([0.0, 0.0, 1.0, 1.0]), window=2, hop=2).round(3).tolist()
        [0.0, 0.707, 1.0]
    """
    sums = _cumulated_power(audio)
    centres = np.arange(0, len(audio) + 1, hop)
    first = np.maximum(centres - window // 2, 0)
    last = np.minimum(centres + (window + 1) // 2, len(audio))
    return np.asarray(np.sqrt(np.maximum(sums[last] - sums[first], 0) / np.maximum(last - first, 1)))


def rms_frames(audio: NDArray[Any], window: int, hop: int) -> Floats:
    """Follow the level with windows that begin at every multiple of a hop and lie within the sound.

    Args:
        audio: float[..., samples]; sounds shorter than a window are padded to one.
        window: length of a window in samples.
        hop: samples from the beginning of one to that of the next.

    Returns:
        RMS of each window, float64[..., frames], in units of the audio.

    Examples:
        >>> rms_frames(np.array([0.0, 0.0, 1.0, 1.0, 1.0]), window=2, hop=2).tolist()
        [0.0, 1.0]
    """
    x = np.asarray(audio, np.float64)
    short = max(0, window - x.shape[-1])
    padded = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, short)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, window, axis=-1)[..., ::hop, :]
    return np.asarray(np.sqrt(np.mean(np.square(windows), axis=-1)))


def rms_at(audio: NDArray[Any], sample_rate: int, times_s: AnyFloats, window_s: float) -> Floats:
    """Measure the level around any times, to a fraction of a sample; silence lies beyond both ends.

    Args:
        audio: float[samples].
        sample_rate: in Hz.
        times_s: centres of the windows, float64[times].
        window_s: their length. Whole periods of a wave leave no ripple.

    Returns:
        RMS of each window, float64[times], in units of the audio.

    Examples:
        >>> rms_at(np.ones(100), 100, np.array([0.0, 0.5]), 0.1).round(3).tolist()
        [0.707, 1.0]
    """
    sums = _cumulated_power(audio)
    ends = [(times_s + side * window_s) * sample_rate for side in (-0.5, 0.5)]
    low, high = (np.interp(end, np.arange(sums.size), sums) for end in ends)
    power = (high - low) / max(1.0, window_s * sample_rate)
    return np.asarray(np.sqrt(np.maximum(power, 0)))


def onset_sample(
    audio: NDArray[Any],
    floor_dbfs: float,
    above_floor_db: float = ONSET_ABOVE_FLOOR_DB,
    below_peak_db: float = ONSET_BELOW_PEAK_DB,
) -> int | None:
    """Find where a sound begins: the first sample above the noise floor and not far below the peak.

    Args:
        audio: float[samples].
        floor_dbfs: RMS of the noise before the sound, `SILENCE_DBFS` where there is none. Who leaves out a
            noise that there is gets its first peak for an onset.
        above_floor_db: how far above that a sample has to be.
        below_peak_db: how far under the largest sample one may be.

    Returns:
        The index of that sample; None where nothing is above both.

    Examples:
        >>> onset_sample(np.array([0.0, 0.001, 0.5, -1.0]), floor_dbfs=-60.0)
        2
    """
    threshold_dbfs = max(floor_dbfs + above_floor_db, peak_dbfs(audio) - below_peak_db)
    above = np.abs(audio) > 10 ** (threshold_dbfs / 20)
    return int(np.argmax(above)) if above.any() else None


def onset(
    audio: NDArray[Any],
    sample_rate: int,
    floor_dbfs: float,
    above_floor_db: float = ONSET_ABOVE_FLOOR_DB,
    below_peak_db: float = ONSET_BELOW_PEAK_DB,
) -> float | None:
    """Find when a sound begins: `onset_sample` in seconds.

    Args:
        audio: float[samples].
        sample_rate: in Hz.
        floor_dbfs: RMS of the noise before the sound.
        above_floor_db: how far above that a sample has to be.
        below_peak_db: how far under the largest sample one may be.

    Returns:
        Seconds from the first sample; None where nothing rises above the noise floor.

    Examples:
        >>> onset(np.array([0.0, 0.001, 0.5, -1.0]), 1000, floor_dbfs=-60.0)
        0.002
    """
    found = onset_sample(audio, floor_dbfs, above_floor_db, below_peak_db)
    return None if found is None else found / sample_rate


def onsets(repeats: Sequence[NDArray[Any]], sample_rate: int, floor_dbfs: float) -> list[float]:
    """Find when a note begins in several recordings of it, by cross-correlation, to a fraction of a sample.

    The first recording gives the onset and a pattern, its first 20 ms, which is looked for in the others.
    Where it is not found (the oscillators need not begin at the same phase) the `onset` of that one stands.

    Args:
        repeats: the recordings, float[samples] each.
        sample_rate: in Hz.
        floor_dbfs: RMS of the noise before the note.

    Returns:
        Seconds from the first sample, one for each recording; none at all where one of them is silent.

    Examples:
        >>> burst = np.random.default_rng(0).standard_normal(100)
        >>> repeats = [np.concatenate([np.zeros(late), burst, np.zeros(100)]) for late in (20, 50)]
        >>> [round(time, 4) for time in onsets(repeats, 1000, floor_dbfs=-60.0)]
        [0.02, 0.05]
    """
    firsts = [onset(each, sample_rate, floor_dbfs) for each in repeats]
    if not repeats or any(first is None for first in firsts):
        return []
    begin = round((firsts[0] or 0.0) * sample_rate)
    pattern = np.asarray(repeats[0][begin : begin + round(_PATTERN_S * sample_rate)], np.float64)
    times = [begin / sample_rate]
    for each, first in zip(repeats[1:], firsts[1:], strict=True):
        lag, alike = _pattern_at(np.asarray(each, np.float64), pattern)
        near = abs(lag / sample_rate - (first or 0.0)) < _PATTERN_S
        times.append(lag / sample_rate if alike >= _PATTERN_FOUND and near else first or 0.0)
    return times


def pitch_hz(audio: NDArray[np.float32], sample_rate: int) -> float | None:
    """Measure the pitch of the loudest 0.2 s: the period by the normalised square difference.

    McLeod and Wyvill, "A smarter way to find pitch" (2005): how well a sound agrees with itself, one period
    later. Where it hardly agrees there is no clear pitch. Good to a few cents, which tells whether the note
    that was asked for was played.

    Args:
        audio: float32[samples].
        sample_rate: in Hz.

    Returns:
        The fundamental in Hz, from `LOWEST_HZ` to `HIGHEST_HZ` and only where a window holds two periods;
        None without a clear one.

    Examples:
        >>> wave = np.sin(2 * np.pi * 220 * np.arange(22050) / 44100)
        >>> round(pitch_hz(wave + 0.5 * np.sin(2 * np.pi * 440 * np.arange(22050) / 44100), 44100))
        220
    """
    x = _loudest(np.asarray(audio, np.float64), round(_WINDOW_S * sample_rate))
    x = x - x.mean() if x.size else x
    shortest = max(2, int(sample_rate / HIGHEST_HZ))
    longest = min(int(sample_rate / LOWEST_HZ), x.size // 2)
    if longest <= shortest + 2 or not x.any():
        return None
    agreement = _agreement(x, longest + 1)
    # Peaks are looked for after the first descent below zero, so that lag zero is none.
    below = np.flatnonzero(agreement < 0)
    start = max(shortest, int(below[0])) if below.size else longest
    inner = agreement[start : longest + 1]
    if inner.size < 3:
        return None
    peaks = 1 + np.flatnonzero((inner[1:-1] >= inner[:-2]) & (inner[1:-1] > inner[2:]))
    if not peaks.size or inner[peaks].max() < CLEAR:
        return None
    lag = start + int(peaks[inner[peaks] >= _NEARLY * inner[peaks].max()][0])
    return float(sample_rate / (lag + parabolic_peak(agreement[lag - 1 : lag + 2])))


def strongest_partial_hz(audio: NDArray[Any], sample_rate: int) -> float:
    """Measure how often a steady sound rises through zero: the frequency of its strongest partial.

    The slope of a straight line through all rising zero crossings, so that none of them matters alone: exact
    to 1e-5 under noise. That is the pitch of a wave that rises through zero once a period; of a sound whose
    harmonics outweigh its fundamental it is about one of them, and `pitch_hz` is what is meant.

    Args:
        audio: float[samples].
        sample_rate: in Hz.

    Returns:
        Hz; nan for under three periods.

    Examples:
        >>> t = np.arange(22050) / 44100
        >>> loud_octave = np.sin(2 * np.pi * 220 * t) + 4 * np.sin(2 * np.pi * 440 * t)
        >>> round(strongest_partial_hz(loud_octave, 44100)), round(pitch_hz(loud_octave, 44100))
        (440, 220)
    """
    at = zero_crossings(audio)
    if at.size < 4:
        return float("nan")
    period = float(np.median(np.diff(at)))
    number = np.rint((at - at[0]) / period)
    return sample_rate / float(np.polyfit(number, at, 1)[0])


def strongest_partial_track(
    audio: NDArray[Any], sample_rate: int, step_s: float = 0.002
) -> tuple[Floats, Floats]:
    """Follow the frequency of a wave that rises through zero once a period: `strongest_partial_hz`, moving.

    Each period counts as its own frequency from its beginning to its end.

    Args:
        audio: float[samples].
        sample_rate: in Hz.
        step_s: seconds from one value to the next.

    Returns:
        Times in s and frequencies in Hz, float64[frames] each; none for under two periods.

    Examples:
        >>> times, hz = strongest_partial_track(np.sin(2 * np.pi * 100 * np.arange(4410) / 44100), 44100)
        >>> len(times), round(float(hz.mean()), 2)
        (40, 100.0)
    """
    at = zero_crossings(audio)
    if at.size < 3:
        return np.zeros(0), np.zeros(0)
    hz = sample_rate / np.diff(at)
    times = np.arange(at[0] / sample_rate, at[-1] / sample_rate, step_s)
    period = np.clip(np.searchsorted(at / sample_rate, times, side="right") - 1, 0, hz.size - 1)
    return times, hz[period]


def zero_crossings(audio: NDArray[Any]) -> Floats:
    """Find where a signal rises through zero, between samples by a straight line.

    Args:
        audio: float[samples].

    Returns:
        Where, in samples, float64[crossings].

    Examples:
        >>> zero_crossings(np.array([-1.0, 1.0, -1.0, 3.0])).tolist()
        [0.5, 2.25]
    """
    x = np.asarray(audio, np.float64)
    at = np.flatnonzero((x[:-1] < 0) & (x[1:] >= 0))
    return np.asarray(at + x[at] / (x[at] - x[at + 1]))


def upsampled(audio: NDArray[Any], times: int) -> Floats:
    """Resample to a multiple of the rate by zeros in the spectrum, so that crossings are exact.

    Args:
        audio: float[samples], taken to repeat itself.
        times: how much higher the rate becomes.

    Returns:
        float64[times * samples]: the same signal, with nothing above half the old rate.

    Examples:
        >>> upsampled(np.array([1.0, 0.0, -1.0, 0.0]), 2).round(3)[:3].tolist()
        [1.0, 0.707, 0.0]
    """
    x = np.asarray(audio, np.float64)
    return np.fft.irfft(np.fft.rfft(x), x.size * times) * times


def cents_from_note(hz: AnyFloats | float, note: float) -> Any:
    """Measure how far frequencies are above a MIDI note, octaves counted.

    Args:
        hz: float or float64[...].
        note: MIDI number; 69 is 440 Hz.

    Returns:
        Cents, of the same shape.

    Examples:
        >>> float(cents_from_note(880.0, 69))
        1200.0
    """
    return 1200 * np.log2(np.asarray(hz) / 440.0) - 100 * (note - 69)


def cents_within_octave(hz: float, reference_hz: float) -> float:
    """Measure how far a frequency is above another one, octaves left out.

    Args:
        hz: the frequency.
        reference_hz: the other one.

    Returns:
        -600 to 600 cents.

    Examples:
        >>> cents_within_octave(880.0, 440.0)
        0.0
    """
    return float((1200 * np.log2(hz / reference_hz) + 600) % 1200 - 600)


def band_edges(low_hz: float, high_hz: float, per_octave: int) -> Floats:
    """Divide a range into bands of equal ratios.

    Args:
        low_hz: the lowest edge.
        high_hz: above every edge.
        per_octave: bands in an octave.

    Returns:
        Edges in Hz, float64[bands + 1].

    Examples:
        >>> band_edges(100.0, 450.0, 1).tolist()
        [100.0, 200.0, 400.0]
    """
    count = int(np.floor(np.log2(high_hz / low_hz) * per_octave + 1e-9))
    return low_hz * np.exp2(np.arange(count + 1) / per_octave)


def band_levels(
    audio: NDArray[Any], sample_rate: int, edges_hz: AnyFloats, floor_db: float = BAND_FLOOR_DB
) -> Floats:
    """Measure the level in each band by one Hann-windowed spectrum of the whole.

    Args:
        audio: float[samples], or float[frames, samples] for a row of bands each.
        sample_rate: in Hz.
        edges_hz: of neighbouring bands, rising, float64[bands + 1].
        floor_db: where levels are softly held: its power is added.

    Returns:
        dB, float64[..., bands]. A sine of amplitude 1 within a band gives -3, as its RMS.

    Examples:
        >>> sine = np.sin(2 * np.pi * 150 * np.arange(44100) / 44100)
        >>> band_levels(sine, 44100, np.array([100.0, 200.0, 400.0])).round()
        array([  -3., -107.])
    """
    x = np.asarray(audio, np.float64)
    size = x.shape[-1]
    if size > 32 * _EVEN:  # a length that the transform likes
        size -= size % _EVEN
        x = x[..., :size]
    window = np.hanning(size)
    power = np.square(np.abs(np.fft.rfft(x * window))) * 2 / (size * np.sum(np.square(window)))
    sums = np.concatenate([np.zeros((*power.shape[:-1], 1)), np.cumsum(power, axis=-1)], axis=-1)
    at = np.clip(edges_hz * size / sample_rate + 0.5, 0, power.shape[-1])
    low = np.minimum(at.astype(np.int64), power.shape[-1] - 1)
    share = at - low
    bands = np.diff(sums[..., low] * (1 - share) + sums[..., low + 1] * share, axis=-1)
    return np.asarray(10 * np.log10(np.maximum(bands, 0) + 10 ** (floor_db / 10)))


def band_tracks(
    audio: NDArray[Any],
    sample_rate: int,
    edges_hz: AnyFloats,
    window_s: float,
    step_s: float,
    floor_db: float = BAND_FLOOR_DB,
) -> Floats:
    """Follow the level in each band: `band_levels` of overlapping stretches.

    Args:
        audio: float[samples]; shorter than a stretch, it is padded to one.
        sample_rate: in Hz.
        edges_hz: of neighbouring bands, float64[bands + 1].
        window_s: length of a stretch.
        step_s: seconds from one to the next.
        floor_db: where levels are softly held.

    Returns:
        dB, float64[frames, bands].

    Examples:
        >>> band_tracks(np.zeros(1000), 1000, np.array([100.0, 200.0]), 0.5, 0.25).tolist()
        [[-110.0], [-110.0], [-110.0]]
    """
    size, step = round(window_s * sample_rate), round(step_s * sample_rate)
    if len(audio) < size:
        audio = np.pad(np.asarray(audio), (0, size - len(audio)))
    stretches = np.lib.stride_tricks.sliding_window_view(audio, size)[::step]
    return band_levels(stretches, sample_rate, edges_hz, floor_db)


def comb_period(
    moves: AnyFloats, step_s: float, shortest_s: float, longest_s: float, harmonics: int = 6
) -> float:
    """Measure the period of steps: of the comb of harmonics in the spectrum of how much something moves.

    Candidates are compared by the *least* of the first harmonics, which a multiple or a fraction of the true
    rate has not all of; the best is refined on the sum of them.

    Args:
        moves: how much something changed in each step, float64[steps].
        step_s: length of a step.
        shortest_s: the shortest period that is looked for.
        longest_s: the longest.
        harmonics: so many are looked at.

    Returns:
        The period in s; nan where the steps are too coarse for it, or nothing moves.

    Examples:
        >>> comb = (np.arange(2000) % 40 == 0).astype(float)
        >>> round(comb_period(comb, 0.00025, 0.004, 0.1, 4), 4)
        0.01
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


def repetition_period(tracks: AnyFloats, step_s: float, shortest_s: float) -> float:
    """Measure after what time movements repeat themselves, all together, by their autocorrelation.

    The first lag at which they agree nearly as well as at any, refined on its last whole multiple.

    Args:
        tracks: float64[frames, count].
        step_s: seconds from a frame to the next.
        shortest_s: the shortest period that is looked for.

    Returns:
        The period in s; nan where they do not repeat themselves within 0.6 of the whole.

    Examples:
        >>> turns = np.sin(2 * np.pi * np.arange(300) / 50)[:, None]
        >>> round(repetition_period(turns, 0.01, 0.2), 3)
        0.5
    """
    x = tracks - tracks.mean(axis=0)
    agreement = _agreement(x, len(x))
    first, last = round(shortest_s / step_s), round(_LONGEST_SHARE * len(x))
    # Past the first descent, so that lag zero is none.
    below = np.flatnonzero(agreement[:last] < _DESCENT)
    first = max(first, int(below[0]) if below.size else last)
    peaks = [
        lag for lag in range(first, last - 1) if agreement[lag] >= max(agreement[lag - 1], agreement[lag + 1])
    ]
    if not peaks or max(agreement[peaks]) < _REPEATS:
        return float("nan")
    lag = next(lag for lag in peaks if agreement[lag] >= _NEARLY_REPEATS * max(agreement[peaks]))
    multiple = last // lag
    near = [one for one in peaks if abs(one - multiple * lag) <= multiple]
    if near:
        lag, count = max(near, key=lambda one: float(agreement[one])), multiple
    else:
        count = 1
    return float((lag + parabolic_peak(agreement[lag - 1 : lag + 2])) * step_s / count)


def parabolic_peak(three: AnyFloats) -> float:
    """Find the top of a parabola through three neighbouring values, the middle one the largest.

    Args:
        three: float64[3].

    Returns:
        Where, from the middle one, -0.5 to 0.5; 0 where they lie on a straight line.

    Examples:
        >>> parabolic_peak(np.array([0.0, 1.0, 1.0]))
        0.5
    """
    left, middle, right = (float(value) for value in three)
    bend = left - 2 * middle + right
    return 0.0 if bend == 0 else float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5))


@overload
def hz_to_mel(hz: float) -> float: ...
@overload
def hz_to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]: ...
def hz_to_mel(hz: float | NDArray[np.float64]) -> float | NDArray[np.float64]:
    """Convert frequencies to the mel scale by O'Shaughnessy's formula, as HTK does.

    Args:
        hz: frequencies in Hz, float or float64[...], from 0.

    Returns:
        ``2595 log10(1 + hz / 700)`` in mel, of the same shape.

    Examples:
        >>> round(hz_to_mel(1000.0), 2)
        999.99
    """
    mel = 2595 * np.log10(1 + np.asarray(hz) / 700)
    return float(mel) if mel.ndim == 0 else np.asarray(mel)


@overload
def mel_to_hz(mel: float) -> float: ...
@overload
def mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]: ...
def mel_to_hz(mel: float | NDArray[np.float64]) -> float | NDArray[np.float64]:
    """Convert from the mel scale to frequencies: the inverse of `hz_to_mel`.

    Args:
        mel: on the mel scale, float or float64[...], from 0.

    Returns:
        ``700 (10 ** (mel / 2595) - 1)`` in Hz, of the same shape.

    Examples:
        >>> round(mel_to_hz(hz_to_mel(440.0)), 6)
        440.0
    """
    hz = 700 * (10 ** (np.asarray(mel) / 2595) - 1)
    return float(hz) if hz.ndim == 0 else np.asarray(hz)


def _cumulated_power(audio: NDArray[Any]) -> Floats:
    """Sums of squares up to each sample: float64[samples + 1]."""
    return np.concatenate([[0.0], np.cumsum(np.square(audio, dtype=np.float64))])


def _pattern_at(audio: Floats, pattern: Floats) -> tuple[float, float]:
    """Where a pattern is found in a recording, in samples, and how alike the two are, 0 to 1."""
    if pattern.size < 4 or audio.size <= pattern.size:
        return 0.0, 0.0
    products = np.correlate(audio, pattern, "valid")
    sums = _cumulated_power(audio)
    energies = sums[pattern.size :] - sums[: -pattern.size]
    # Least squares, not the largest product: that is any later, louder period of the same note.
    fits = products - 0.5 * energies
    best = int(np.argmax(fits))
    energy = float(energies[best] * np.sum(np.square(pattern)))
    alike = float(products[best] / np.sqrt(energy)) if energy > 0 else 0.0
    if not 0 < best < products.size - 1:
        return float(best), alike
    return best + parabolic_peak(fits[best - 1 : best + 2]), alike


def _loudest(x: Floats, size: int) -> Floats:
    """The stretch of ``size`` samples with the most energy, on a grid of quarters of it."""
    if x.size <= size:
        return x
    energy = _cumulated_power(x)
    starts = np.arange(0, x.size - size + 1, max(1, size // 4))
    best = int(starts[np.argmax(energy[starts + size] - energy[starts])])
    return x[best : best + size]


def _agreement(x: AnyFloats, lags: int) -> Floats:
    """Normalised square difference, 2 sum x[i] x[i+lag] / sum (x[i]^2 + x[i+lag]^2), for lags from 0.

    ``x``: float64[samples], or float64[samples, count], whose sums are over all of them. float64[lags].
    """
    size = len(x)
    columns = x.reshape(size, -1)
    spectrum = np.fft.rfft(columns, 1 << (size + lags - 1).bit_length(), axis=0)
    padded = 2 * (len(spectrum) - 1)
    product = np.fft.irfft(np.square(np.abs(spectrum)), padded, axis=0)[:lags].sum(axis=1)
    energy = np.concatenate([[0.0], np.cumsum(np.square(columns).sum(axis=1))])
    lag = np.arange(lags)
    power = energy[size - lag] + energy[size] - energy[lag]
    return np.asarray(2 * product / np.maximum(power, 1e-30))

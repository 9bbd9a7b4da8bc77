"""Pitch tracking: pYIN, probabilistic YIN with a hidden Markov model (Mauch and Dixon, ICASSP 2014).

YIN (de Cheveigné and Kawahara, 2002) takes for the period of a frame the first lag at which the cumulative
mean normalised difference dips below a threshold. pYIN asks that of many thresholds, weighted by a beta
distribution, so that every dip gets a probability, and lets a hidden Markov model (pitch in steps of 20
cents, voiced or not) choose the path through them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from jxctl.audio.analysis import parabolic_peak
from jxctl.errors import UsageError

Floats: TypeAlias = NDArray[np.float64]

THRESHOLDS = 100
"""So many, evenly from 0.01 to 1 (Mauch and Dixon)."""
BETA_B = 18
"""Of the beta distribution of thresholds, whose other parameter is 2: its mean is 0.1 (Mauch and Dixon)."""
NO_DIP_PROBABILITY = 0.01
"""What the lowest dip gets of the thresholds below it (Mauch and Dixon)."""
BINS_PER_SEMITONE = 5
"""Steps of the hidden pitch: 20 cents (chosen: a fifth of what tells two notes)."""
REACH_SEMITONES = 5
"""How far the hidden pitch may move from one frame to the next (chosen, as the authors' own program)."""
SWITCH_PROBABILITY = 0.01
"""That voiced becomes unvoiced, or the other way, from one frame to the next (Mauch and Dixon)."""
_SMALLEST = 1e-300
"""What stands for a probability of 0, whose logarithm is none."""


@dataclass(frozen=True, slots=True, eq=False)
class PitchTrack:
    """The pitch of each frame of a recording; frame k is centred at ``k * hop`` samples.

    ``hz``: the fundamental, float64[frames], also where a frame is unvoiced (then it is a guess).
    ``probability``: that the frame has a pitch at all, 0 to 1. ``power``: mean square of the frame.
    """

    hz: Floats
    probability: Floats
    power: Floats


def track_pitch(
    audio: NDArray[Any],
    sample_rate: int,
    lowest_hz: float,
    highest_hz: float,
    frame: int = 2048,
    hop: int = 512,
) -> PitchTrack:
    """Track the fundamental by pYIN.

    Args:
        audio: float[samples], one voice, any level.
        sample_rate: in Hz; `highest_hz` has to lie below a quarter of it.
        lowest_hz: the lowest pitch; two of its periods have to fit into a frame.
        highest_hz: the highest pitch.
        frame: samples of a frame.
        hop: samples from one frame to the next.

    Returns:
        A pitch for each of the ``1 + samples // hop`` frames.

    Raises:
        UsageError: for a range of pitches that such frames cannot tell, or audio that is not one channel.

    Examples:
        >>> import numpy as np
        >>> wave = np.sin(2 * np.pi * 220 * np.arange(22050) / 22050)
        >>> track = track_pitch(wave, 22050, 50, 1000)
        >>> bool(abs(np.median(track.hz) - 220) < 2)
        True
    """
    longest = int(np.ceil(sample_rate / lowest_hz)) if lowest_hz > 0 else frame
    shortest = int(np.floor(sample_rate / highest_hz)) if highest_hz > 0 else 0
    if not 4 <= shortest < longest <= frame // 2:
        raise UsageError(
            f"pitches from {lowest_hz:g} to {highest_hz:g} Hz cannot be told in frames of {frame} samples "
            f"at {sample_rate} Hz",
            f"periods have to be from 4 to {frame // 2} samples",
        )
    x = np.asarray(audio, np.float64)
    if x.ndim != 1 or not x.size:
        raise UsageError(f"the audio has the shape {list(x.shape)}", "pitch is tracked in one channel")
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(x, frame // 2), frame)[::hop]
    difference = _normalised_difference(frames, longest + 1)
    bins = 1 + int(np.floor(12 * BINS_PER_SEMITONE * np.log2(highest_hz / lowest_hz)))
    observed = np.zeros((len(frames), bins))
    for row, values in zip(observed, difference, strict=True):
        lags, probabilities = _period_candidates(values, shortest, longest)
        bin_of = np.round(12 * BINS_PER_SEMITONE * np.log2(sample_rate / lags / lowest_hz)).astype(np.int64)
        inside = (bin_of >= 0) & (bin_of < bins)
        np.add.at(row, bin_of[inside], probabilities[inside])
    voiced = np.clip(observed.sum(axis=1), 0, 1)
    path = _most_likely_path(observed, voiced)
    hz = lowest_hz * 2.0 ** (path / (12 * BINS_PER_SEMITONE))
    return PitchTrack(hz, voiced, np.asarray(np.square(frames).mean(axis=1)))


def _normalised_difference(frames: NDArray[np.float64], lags: int) -> Floats:
    """YIN's cumulative mean normalised difference for lags from 0, float64[frames, lags]; 1 at lag 0."""
    size = frames.shape[1]
    window = size - lags + 1
    padded = 1 << (size + window - 1).bit_length()
    head = np.fft.rfft(frames[:, :window], padded)
    product = np.fft.irfft(np.conj(head) * np.fft.rfft(frames, padded), padded)[:, :lags]
    sums = np.cumsum(np.pad(np.square(frames), ((0, 0), (1, 0))), axis=1)
    energy = sums[:, window : window + lags] - sums[:, :lags]
    # What is left of rounding in silence and in exact repetition is no difference.
    difference = np.maximum(energy[:, :1] + energy - 2 * product, 0)
    difference[difference < 1e-12 * energy[:, :1]] = 0
    mean = np.cumsum(difference[:, 1:], axis=1) / np.arange(1, lags)
    result = np.ones((len(frames), lags))
    np.divide(difference[:, 1:], mean, out=result[:, 1:], where=mean > 0)
    return result


def _period_candidates(difference: Floats, shortest: int, longest: int) -> tuple[Floats, Floats]:
    """The dips of a frame's normalised difference: lags in samples, sharpened, and their probabilities."""
    inner = difference[shortest : longest + 1]
    before, after = (
        difference[shortest - 1 : longest],
        np.append(difference[shortest + 1 : longest + 1], -1.0),
    )
    dips = np.flatnonzero((inner < before) & (inner <= after))
    if not dips.size:
        return np.array([float(shortest)]), np.zeros(1)
    depth = inner[dips]
    edges = np.linspace(0, 1, THRESHOLDS + 1)
    weights = np.diff(_beta_cdf(edges))
    below = depth[:, None] < edges[None, 1:]
    any_below = below.any(axis=0)
    probabilities = np.zeros(len(dips))
    np.add.at(probabilities, below.argmax(axis=0)[any_below], weights[any_below])
    probabilities[np.argmin(depth)] += NO_DIP_PROBABILITY * weights[~any_below].sum()
    lags = (dips + shortest).astype(np.float64)
    for k, lag in enumerate(dips + shortest):
        lags[k] += parabolic_peak(-difference[lag - 1 : lag + 2])
    return lags, probabilities


def _beta_cdf(x: Floats) -> Floats:
    """Of the beta distribution with parameters 2 and `BETA_B`: a binomial tail, in closed form."""
    return np.asarray(1 - (1 - x) ** BETA_B * (1 + BETA_B * x))


def _most_likely_path(observed: Floats, voiced: Floats) -> NDArray[np.int64]:
    """The pitch bin of each frame on the likeliest path (Viterbi). ``observed``: [frames, bins]."""
    frames, bins = observed.shape
    reach = REACH_SEMITONES * BINS_PER_SEMITONE
    triangle = np.log(reach + 1.0 - np.abs(np.arange(-reach, reach + 1)))
    # A step out of the range of pitches is no step: what is left of a row adds up to 1.
    total = np.convolve(np.exp(triangle), np.ones(bins))
    row = np.log(total[reach : reach + bins])
    stay, switch = np.log(1 - SWITCH_PROBABILITY), np.log(SWITCH_PROBABILITY)
    unvoiced = np.log(np.maximum((1 - voiced) / bins, _SMALLEST))
    likelihood = np.log(np.maximum(observed, _SMALLEST))
    score = np.stack([likelihood[0], np.full(bins, unvoiced[0])])
    steps = np.zeros((frames, 2, bins), np.int64)
    changes = np.zeros((frames, 2, bins), np.bool_)
    columns = np.arange(bins)
    for k in range(1, frames):
        reached = np.pad(score - row, ((0, 0), (reach, reach)), constant_values=-np.inf)
        moves = np.lib.stride_tricks.sliding_window_view(reached, 2 * reach + 1, axis=1) + triangle
        best = moves.argmax(axis=2)
        value = np.take_along_axis(moves, best[:, :, None], axis=2)[:, :, 0]
        kept, changed = value + stay, value[::-1] + switch
        changes[k] = changed > kept
        source = np.where(changes[k], best[::-1], best)
        steps[k] = np.clip(columns + source - reach, 0, bins - 1)
        score = np.maximum(kept, changed)
        score[0] += likelihood[k]
        score[1] += unvoiced[k]
    path = np.empty(frames, np.int64)
    state, path[-1] = divmod(int(score.argmax()), bins)
    for k in range(frames - 1, 0, -1):
        path[k - 1] = steps[k, state, path[k]]
        state ^= int(changes[k, state, path[k]])
    return path

"""The log-mel distance between sounds: mean absolute difference in dB, levels matched.

`log_mel_distance` defines it. `compare` computes the same in one fused pass, for whoever renders thousands of
candidates beside one recording and needs of each a distance and where it differs: a sound goes from samples
to those with one core, its level, its mel spectrum (`simulator.features.mel`), decibels, and their sums, in
buffers that stay in the cache.

A sound's result depends on nothing but the sound: not on the batch, its place in it, or the threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numba import types
from numpy.typing import NDArray

from simulator.features._fft import (
    HANN,
    TURNS,
    TWIDDLES,
    F,
    absolute,
    fused,
    load,
    splat,
    store,
)
from simulator.features._fft import WIDTH as LANES
from simulator.features.mel import (
    FLOOR_DB,
    RANKING,
    Bands,
    aligned,
    band_decibels,
    band_power,
    filter_bank,
    shared_out,
    spectra_of,
)
from simulator.synth._compiling import FAST, Cached, full_width, inline

QUIET = 1e-9
"""RMS, full scale 1, below which a sound counts as silence, which no gain brings to the target's level."""
LEAST_POWER = 1e-12
"""Mel power that the loudest cell of silence is taken to have (chosen)."""

# Sounds whose spectrograms are in memory at a time: a thousand at once would not fit a small machine.
_SOUNDS_A_PIECE = 16
# Numbers that are summed in single precision (chosen); sums of stretches are in double.
_STRETCH = 4096


@dataclass(frozen=True)
class Goal:
    """What sounds are compared with.

    ``decibels``: float32[bands, frames], 0 at the loudest cell and cut at ``-depth``; ``loudest``: the power
    of that cell; ``rms``: of the samples; ``hop`` and ``bands``: as for `band_decibels`.
    """

    decibels: NDArray[np.float32]
    loudest: float
    rms: float
    hop: int
    bands: Bands
    depth: float

    @classmethod
    def of(cls, target: np.ndarray, depth: float = FLOOR_DB) -> Goal:
        """A target, float32[samples], in the bands and frames of `RANKING`, cut ``depth`` dB below its
        loudest cell. Raises `ValueError` for samples that are not numbers: nothing has a distance from them.
        """
        if not np.isfinite(target).all():
            raise ValueError("the target holds samples that are not numbers")
        hop, bands = RANKING.hop, filter_bank(RANKING)
        loudest = max(float(band_power(target[None], hop, bands).max()), LEAST_POWER)
        scale = np.array([1 / loudest], np.float32)
        decibels = band_decibels(target[None], hop, bands, depth, scale)[0]
        rms = float(np.sqrt(np.mean(np.square(target, dtype=np.float64))))
        return cls(decibels, loudest, rms, hop, bands, depth)

    def levels(self, audio: NDArray[np.float32], threads: int = 0) -> NDArray[np.float32]:
        """Decibels of sounds, float32[N, samples], at the goal's RMS and under its loudest cell:
        float32[N, bands, frames]. ``threads``: 0 for all cores."""
        own_rms = np.sqrt(np.mean(np.square(audio), axis=1)).astype(np.float64)
        gain = np.where(own_rms > QUIET, self.rms / np.maximum(own_rms, QUIET), 0)
        scale = (np.square(gain) / self.loudest).astype(np.float32)
        return band_decibels(audio, self.hop, self.bands, self.depth, scale, threads)


@dataclass(frozen=True)
class Compared:
    """For each sound: ``distances`` float64[N], mean absolute difference in dB over the cells in which it or
    the goal rises above the floor; ``cells`` float32[N, any], see `compare`; ``sounding`` bool[N]: whether
    any sample reaches the level asked for."""

    distances: NDArray[np.float64]
    cells: NDArray[np.float32]
    sounding: NDArray[np.bool_]


def log_mel_distance(
    audio: np.ndarray, target: np.ndarray, floor_db: float = FLOOR_DB, threads: int = 0
) -> NDArray[np.float64]:
    """Mean absolute log-mel difference of sounds from a target, levels matched by RMS.

    Cells count where the sound or the target rises above the floor. `RANKING` gives the bands and frames.

    Args:
        audio: float32[N, samples] at 44.1 kHz.
        target: float32[samples].
        floor_db: how far under the target's loudest cell the floor lies.
        threads: 0 for all cores.

    Returns:
        float64[N], dB. A silent sound against a sounding target gives its whole height above the floor. From
        a silent target every sound is 0 dB away: at its level nothing is left of it.

    Raises:
        ValueError: the target has samples that are not numbers, from which nothing has a distance.

    Examples:
        >>> sound = np.sin(np.arange(44100) * 0.05).astype(np.float32)
        >>> bool(log_mel_distance(sound[None] / 2, sound)[0] < 0.01)
        True
    """
    goal = Goal.of(target, floor_db)
    distances = []
    for part in np.array_split(audio, max(1, len(audio) // _SOUNDS_A_PIECE)):
        distances.append(mean_difference(goal.levels(part, threads), goal.decibels, -floor_db))
    return np.concatenate(distances)


def mean_difference(
    own: NDArray[np.float32], goal: NDArray[np.float32], floor: NDArray[np.float32] | float
) -> NDArray[np.float64]:
    """Mean absolute difference of decibels, float32[N, bands, frames], from a goal's, float32[bands, frames],
    over the cells in which either is above the ``floor``: float64[N]."""
    sounding = np.count_nonzero(np.maximum(own, goal) > floor, axis=(1, 2))
    total = np.abs(own - goal).sum(axis=(1, 2), dtype=np.float64)
    return np.asarray(total / np.maximum(sounding, 1))


def compare(
    audio: NDArray[np.float32],
    goal: Goal,
    *,
    audible: float = 0.0,
    group: tuple[int, int] = (0, 0),
    threads: int = 0,
) -> Compared:
    """Sounds, float32[N, samples], beside a goal, levels matched by RMS.

    ``group``: bands and frames that a cell of `Compared.cells` takes together; the cell holds how many dB the
    sound is above the goal there, in the mean; rows of cells follow one another, and bands or frames that
    fill no cell are left out. Without it there are no cells. ``audible``: full scale 1. ``threads``: 0 for
    all cores. Raises `ValueError` where a goal has other frames than the sounds.
    """
    audio = np.require(audio, np.float32, ("C", "W"))
    count, samples = audio.shape
    bands, frames = goal.decibels.shape
    if bands != len(goal.bands.edges) or frames != max(1, -(-samples // goal.hop)):
        raise ValueError(f"{samples} samples cannot be compared with {bands} bands of {frames} frames")
    high, wide = group
    shape = (bands // high, frames // wide) if high and wide else (0, 0)
    distances, sounding = np.empty(count), np.empty(count, np.bool_)
    cells = np.empty((count, *shape), np.float32)
    decibels = np.require(goal.decibels, np.float32, ("C", "W"))

    def work(part: slice) -> None:
        compiled(audio[part], goal.hop, HANN, TWIDDLES, TURNS, goal.bands.edges, goal.bands.weights,
                  float(goal.depth), decibels, float(goal.loudest), float(goal.rms), float(audible),
                  max(high, 1), max(wide, 1), distances[part], cells[part], sounding[part])  # fmt: skip

    shared_out(count, threads, work)
    return Compared(distances, cells.reshape(count, shape[0] * shape[1]), sounding)


@inline
def _mean_square(sound: Any, lanes: Any) -> float:
    """In single precision over a stretch, in double over stretches."""
    total = 0.0
    whole = sound.shape[0] // LANES * LANES
    for first in range(0, whole, _STRETCH):
        sums = splat(F(0))
        for i in range(first, min(first + _STRETCH, whole), LANES):
            x = load(sound, i)
            sums = fused(x, x, sums)
        store(lanes, 0, sums)
        for k in range(LANES):
            total += np.float64(lanes[k])
    for i in range(whole, sound.shape[0]):
        total += np.float64(sound[i]) * np.float64(sound[i])
    return total / max(sound.shape[0], 1)


@inline
def _reaches(sound: Any, level: Any) -> bool:
    i = 0
    while i < sound.shape[0] and not abs(sound[i]) >= level:
        i += 1
    return i < sound.shape[0]


@inline
def _distance(own: Any, goal: Any, floor: Any, lanes: Any) -> float:
    """Of flat decibels; summed as `_mean_square` sums."""
    total, sounding = 0.0, 0
    for i in range(own.shape[0]):
        sounding += 1 if max(own[i], goal[i]) > floor else 0
    whole = own.shape[0] // LANES * LANES
    for first in range(0, whole, _STRETCH):
        sums = splat(F(0))
        for i in range(first, min(first + _STRETCH, whole), LANES):
            sums = sums + absolute(load(own, i) - load(goal, i))
        store(lanes, 0, sums)
        for k in range(LANES):
            total += np.float64(lanes[k])
    for i in range(whole, own.shape[0]):
        total += np.float64(abs(own[i] - goal[i]))
    return total / max(sounding, 1)


@inline
def _grouped(own: Any, goal: Any, high: int, wide: int, cells: Any) -> None:
    scale = F(1.0 / (high * wide))
    for row in range(cells.shape[0]):
        for column in range(cells.shape[1]):
            cells[row, column] = F(0)
        for band in range(row * high, row * high + high):
            for column in range(cells.shape[1]):
                total = F(0)
                for frame in range(column * wide, column * wide + wide):
                    total += own[band, frame] - goal[band, frame]
                cells[row, column] += total * scale


@numba.njit(nogil=True, error_model="numpy", fastmath=FAST)
def _compare(
    audio: Any, hop: int, window: Any, tw: Any, turns: Any, edges: Any, weights: Any, depth: float,
    goal: Any, loudest: float, rms: float, audible: float, high: int, wide: int,
    distances: Any, cells: Any, sounding: Any,
) -> None:  # fmt: skip
    """See `compare`."""
    full_width()
    lanes = aligned(LANES)
    count, flat = audio.shape[0], goal.reshape(goal.size)
    own = np.empty((count, goal.shape[0], goal.shape[1]), np.float32)
    scale = np.empty(count, np.float32)
    for n in range(count):
        own_rms = np.sqrt(_mean_square(audio[n], lanes))
        gain = rms / own_rms if own_rms > QUIET else 0.0
        scale[n] = F(gain * gain / loudest)
    spectra_of(audio, hop, window, tw, turns, edges, weights, scale, depth, own)
    for n in range(count):
        distances[n] = _distance(own[n].reshape(goal.size), flat, F(-depth), lanes)
        sounding[n] = _reaches(audio[n], audible)
        if cells.shape[1] > 0:
            _grouped(own[n], goal, high, wide, cells[n])


_ARGUMENTS = (
    types.float32[:, ::1], types.int64, types.float32[::1], types.float32[::1], types.float32[::1],
    types.int64[:, ::1], types.float32[::1], types.float64, types.float32[:, ::1], types.float64,
    types.float64, types.float64, types.int64, types.int64, types.float64[::1], types.float32[:, :, ::1],
    types.bool_[::1],
)  # fmt: skip
compiled = Cached(_compare, _ARGUMENTS, 5, family=spectra_of.__module__)

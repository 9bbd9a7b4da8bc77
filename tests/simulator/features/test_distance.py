"""Comparing in one pass gives what plain NumPy makes of whole spectra."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.features._fft import BINS
from simulator.features.distance import Goal, compare
from simulator.features.mel import Bands, band_decibels, band_power

HOP, DEPTH = 441, 80.0
MATRIX = np.zeros((BINS, 7), np.float32)
for _band in range(7):
    MATRIX[2 + 40 * _band : 30 + 60 * _band, _band] = np.linspace(0.1, 1, 28 + 20 * _band)
BANDS = Bands.of(MATRIX)


def sounds(count: int, samples: int = 9000, seed: int = 0) -> np.ndarray:
    """Noise that dies away at different rates, so that cells lie on both sides of the floor."""
    rng = np.random.default_rng(seed)
    fall = np.exp(-np.arange(samples) / samples * rng.uniform(0, 25, (count, 1)))
    return (rng.normal(0, rng.uniform(0.001, 0.5, (count, 1)), (count, samples)) * fall).astype(np.float32)


def goal_of(sound: np.ndarray) -> Goal:
    loudest = float(band_power(sound[None], HOP, BANDS).max())
    scale = np.array([1 / loudest], np.float32)
    decibels = band_decibels(sound[None], HOP, BANDS, DEPTH, scale)[0]
    return Goal(decibels, loudest, float(np.sqrt(np.mean(sound.astype(float) ** 2))), HOP, BANDS, DEPTH)


def plainly(audio: np.ndarray, goal: Goal) -> tuple[np.ndarray, np.ndarray]:
    """Differences in dB, float64[N, bands, frames], and distances."""
    rms = np.sqrt(np.mean(np.square(audio, dtype=np.float64), axis=1))
    gain = np.where(rms > 1e-9, goal.rms / np.maximum(rms, 1e-9), 0)
    power = band_power(audio, HOP, BANDS) * (np.square(gain) / goal.loudest)[:, None, None]
    own = np.maximum(10 * np.log10(np.maximum(power, 1e-30)), -DEPTH)
    sounding = (np.maximum(own, goal.decibels) > -DEPTH).sum(axis=(1, 2))
    apart = own - goal.decibels
    return apart, np.abs(apart).sum(axis=(1, 2)) / np.maximum(sounding, 1)


@pytest.mark.parametrize("samples", [9000, 9001, 441, 30])
@pytest.mark.parametrize("group", [(1, 3), (2, 3), (3, 1)])
def test_distances_and_cells_are_those_of_whole_spectra(samples: int, group: tuple[int, int]) -> None:
    audio, goal = sounds(11, samples), goal_of(sounds(1, samples, 5)[0])
    compared = compare(audio, goal, group=group)
    apart, expected = plainly(audio, goal)
    assert compared.distances == pytest.approx(expected, rel=2e-3, abs=1e-3)
    high, wide = group
    rows, columns = apart.shape[1] // high, apart.shape[2] // wide
    cut = apart[:, : rows * high, : columns * wide].reshape(11, rows, high, columns, wide)
    assert compared.cells.shape == (11, rows * columns)
    assert compared.cells == pytest.approx(cut.mean(axis=(2, 4)).reshape(11, -1), abs=2e-3)


def test_no_cells_unless_asked_for() -> None:
    assert compare(sounds(2), goal_of(sounds(1)[0])).cells.shape == (2, 0)


def test_levels_do_not_matter_and_silence_is_the_whole_height_away() -> None:
    audio, goal = sounds(3), goal_of(sounds(1, seed=1)[0])
    loud = compare(audio * np.float32(64), goal).distances
    assert loud == pytest.approx(compare(audio, goal).distances, rel=1e-5)
    height = goal.decibels + DEPTH
    silent = compare(np.zeros_like(audio), goal).distances
    assert silent == pytest.approx(height.sum() / (height > 0).sum(), rel=1e-5)


def test_sounding_is_any_sample_at_the_level_on_either_side() -> None:
    audio = np.zeros((4, 9000), np.float32)
    audio[1, 0], audio[2, 8999], audio[3, 4] = 0.5, -0.5, 0.4999
    sounding = compare(audio, goal_of(sounds(1)[0]), audible=0.5).sounding
    assert sounding.tolist() == [False, True, True, False]


def test_a_sound_does_not_depend_on_its_company() -> None:
    audio, goal = sounds(21), goal_of(sounds(1, seed=2)[0])
    together = compare(audio, goal, group=(2, 3), threads=2)
    alone = compare(audio[13:14], goal, group=(2, 3))
    backwards = compare(audio[::-1], goal, group=(2, 3), threads=1)
    assert alone.distances[0] == together.distances[13]
    assert np.array_equal(alone.cells[0], together.cells[13])
    assert np.array_equal(backwards.distances[::-1], together.distances)
    assert np.array_equal(backwards.cells[::-1], together.cells)


def test_goals_of_another_length_are_refused_and_no_sound_gives_none() -> None:
    goal = goal_of(sounds(1)[0])
    with pytest.raises(ValueError, match="cannot be compared"):
        compare(sounds(1, 9262), goal)
    none = compare(np.empty((0, 9000), np.float32), goal, group=(1, 3))
    assert none.distances.shape == (0,)
    assert len(none.cells) == 0

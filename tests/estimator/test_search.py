"""The search keeps to its budget, repeats with its seed, and finds what it is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from estimator import heads
from estimator.search import OPENING, search


def vague() -> list[np.ndarray]:
    """Distributions of a network that knows nothing."""
    return [np.full((1, head.classes), 1 / head.classes) for head in heads.HEADS]


def to_target(target: np.ndarray):
    """A distance that every parameter adds to: levels by their error, switches by being wrong."""
    level = np.array([head.parameter.kind == "level" for head in heads.HEADS])

    def score(choices: np.ndarray) -> np.ndarray:
        off = np.abs(choices - target)
        return np.where(level, off / 127, off > 0).sum(axis=1).astype(float)

    return score


@pytest.mark.parametrize("budget", [1, 5, OPENING, OPENING + 1, 333])
def test_the_budget_is_kept_and_the_best_come_first(budget: int) -> None:
    tried: list[int] = []
    seen: list[np.ndarray] = []
    score = to_target(np.zeros(len(heads.HEADS), int))

    def counted(choices: np.ndarray) -> np.ndarray:
        seen.append(choices)
        return score(choices)

    found = search(vague(), counted, budget, np.random.default_rng(0), tried.append)
    assert sum(tried) == sum(map(len, seen)) == len(found.choices) == budget
    assert np.all(np.diff(found.distances) >= 0)
    assert np.array_equal(score(found.choices), found.distances)
    last = np.array([head.classes - 1 for head in heads.HEADS])
    assert np.all((found.choices >= 0) & (found.choices <= last))


def test_it_comes_nearer_than_draws_alone_and_repeats() -> None:
    rng = np.random.default_rng(1)
    target = np.array([rng.integers(head.classes) for head in heads.HEADS])
    first, again = (search(vague(), to_target(target), 1000, np.random.default_rng(2)) for _ in range(2))
    assert np.array_equal(first.choices, again.choices)
    draws = heads.draw([np.repeat(p, 1000, axis=0) for p in vague()], np.random.default_rng(3))
    assert first.distances[0] < 0.6 * to_target(target)(draws).min()


def test_what_makes_no_sound_is_never_bred_from() -> None:
    """An infinite distance stays behind every finite one."""
    score = to_target(np.zeros(len(heads.HEADS), int))

    def half_silent(choices: np.ndarray) -> np.ndarray:
        return np.where(choices[:, 0] % 2 == 0, score(choices), np.inf)

    found = search(vague(), half_silent, 200, np.random.default_rng(4))
    assert np.isfinite(found.distances[0])
    assert np.isinf(found.distances[-1])

"""From the network's candidates to better ones, by ear: an evolution strategy within a budget of renders.

The first candidates are the network's best answer and draws from its distributions. Then, round after
round, the nearest-sounding ones so far have children: some of their levels moved by a random step that
shrinks with the rounds, a few of all their values drawn anew from the network. Switches are tried that way
too, which no gradient could. Settings were chosen on draws from the prior, not on real tones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from estimator import heads

OPENING, CHILDREN, PARENTS = 32, 24, 4
MOVED, REDRAWN = 0.3, 0.08
WIDEST_STEP, NARROWEST_STEP, SHRINKING = 14.0, 3.0, 0.9
_TEMPERATURES = (0.6, 1.0)
_IS_LEVEL = np.array([head.parameter.kind == "level" for head in heads.HEADS])
_LAST = np.array([head.classes - 1 for head in heads.HEADS])

Score = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""Distances, float64[N], of candidates, int64[N, heads]."""


@dataclass(frozen=True)
class Found:
    """All that was tried, the best first: ``choices`` int64[N, heads], ``distances`` float64[N]."""

    choices: NDArray[np.int64]
    distances: NDArray[np.float64]


def search(
    probability: list[NDArray[np.float64]],
    score: Score,
    budget: int,
    rng: np.random.Generator,
    report: Callable[[int], None] = lambda tried: None,
) -> Found:
    """Try ``budget`` candidates. ``probability``: the network's distributions for one sound, [1, classes]
    each. ``report`` hears how many more were tried. The same generator state gives the same result."""
    choices = _opening(probability, min(budget, OPENING), rng)
    distances = score(choices)
    report(len(choices))
    step = WIDEST_STEP
    while len(choices) < budget:
        best = choices[np.argsort(distances, kind="stable")[:PARENTS]]
        born = _children(best, probability, min(CHILDREN, budget - len(choices)), step, rng)
        choices = np.concatenate([choices, born])
        distances = np.concatenate([distances, score(born)])
        report(len(born))
        step = max(NARROWEST_STEP, step * SHRINKING)
    order = np.argsort(distances, kind="stable")
    return Found(choices[order], distances[order])


def _opening(
    probability: list[NDArray[np.float64]], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """The best answer and draws, every other one from sharpened distributions."""
    rows = [heads.best(probability)]
    for k in range(count - 1):
        temperature = _TEMPERATURES[k % len(_TEMPERATURES)]
        rows.append(heads.draw([_sharpened(p, temperature) for p in probability], rng))
    return np.concatenate(rows)


def _children(
    parents: NDArray[np.int64],
    probability: list[NDArray[np.float64]],
    count: int,
    step: float,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    children = parents[rng.integers(0, len(parents), count)]
    moves = np.rint(rng.normal(0, step, children.shape)).astype(np.int64)
    moves[(rng.uniform(size=children.shape) >= MOVED) | ~_IS_LEVEL] = 0
    redrawn = rng.uniform(size=children.shape) < REDRAWN
    fresh = heads.draw([np.repeat(p, count, axis=0) for p in probability], rng)
    return np.where(redrawn, fresh, np.clip(children + moves, 0, _LAST))


def _sharpened(probability: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """The distribution with its odds raised to 1 / temperature."""
    powered = probability ** (1 / temperature)
    return np.asarray(powered / powered.sum(axis=1, keepdims=True))

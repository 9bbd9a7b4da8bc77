"""Ways to find a tone that need no network: constant answers, random search, retrieval, CMA-ES."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cma
import numpy as np
from numpy.typing import NDArray

from benchmarks.judging import Target
from estimator import heads
from estimator.evaluate import prior_answers
from estimator.features import FLOOR_DB, RANKING, MelSettings, band_matrix
from estimator.listening import Listener
from estimator.prior import Prior
from estimator.proposal import Played, from_prior
from jxctl.tone import INIT_TONE
from simulator import render, spectra

CHUNK = 512
SPARSE = MelSettings(window=RANKING.window, hop=RANKING.hop * 5, bands=RANKING.bands)
SHORTLIST = 64
"""Retrieval looks at every fifth frame of the pool, and at all frames of so many that came nearest."""
_LAST = np.array([head.classes - 1 for head in heads.HEADS])
CMA_SIGMA, CMA_POPULATION = 0.25, 32


def prior_mean() -> NDArray[np.int64]:
    """The mean of levels and the commonest position of switches, int64[heads]: without listening."""
    return prior_answers()[0]


def random_best(listener: Listener, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The nearest of ``count`` draws from the prior."""
    draws = from_prior(count, rng).draws
    return draws[int(np.argmin(listener(draws)))]


def cma_alone(listener: Listener, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The nearest of ``count`` candidates of CMA-ES (package cma) over all parameters together.

    Each parameter is a coordinate from 0 to 1, its class the nearest of the evenly spread; start: the prior's
    mean; step 0.25, population 32; bounds by the package's transform. When it has converged it starts again
    from the nearest of 32 draws from the prior, until the budget is spent.
    """
    best, best_distance, spent = prior_mean(), np.inf, 0
    start = best / _LAST
    while spent < count:
        strategy = cma.CMAEvolutionStrategy(
            start, CMA_SIGMA,
            {"bounds": [0, 1], "popsize": CMA_POPULATION, "seed": int(rng.integers(1, 2**31)), "verbose": -9},
        )  # fmt: skip
        while spent < count and not strategy.stop():
            points = strategy.ask()
            choices = np.rint(np.clip(points, 0, 1) * _LAST).astype(np.int64)[: count - spent]
            distances = listener(choices)
            spent += len(choices)
            k = int(np.argmin(distances))
            if distances[k] < best_distance:
                best, best_distance = choices[k], float(distances[k])
            if len(choices) == len(points):
                strategy.tell(points, np.where(np.isfinite(distances), distances, 200.0).tolist())
        if spent < count:
            draws = from_prior(min(CMA_POPULATION, count - spent), rng).draws
            distances = listener(draws)
            spent += len(draws)
            k = int(np.argmin(distances))
            if distances[k] < best_distance:
                best, best_distance = draws[k], float(distances[k])
            start = draws[k] / _LAST
    return best


@dataclass(frozen=True)
class _Goal:
    levels: NDArray[np.float32]
    loudest: float
    rms: float


def nearest(
    targets: Sequence[Target],
    played: Played,
    count: int,
    seed: int,
    profile: Any,
    threads: int | None,
    report: Callable[[int], None] = lambda rendered: None,
) -> list[NDArray[np.int64]]:
    """Of ``count`` draws from the prior, rendered at one note, the nearest to each target at that note.

    The pool is streamed: chunk k of it depends on ``seed`` and k alone. Distances are log-mel distances on
    every fifth frame; of the 64 nearest of each target the exact ones decide.
    """
    goals = [_goal(t) for t in targets]
    tops = [_Top(SHORTLIST) for _ in targets]
    bands = spectra.Bands.of(band_matrix(SPARSE))
    samples = len(targets[0].recordings[0].audio) if targets else 0
    for first in range(0, count, CHUNK):
        tones = Prior.load().sample(CHUNK, np.random.default_rng((seed, first // CHUNK, 3)))[: count - first]
        audio = render(
            tones,
            played.note,
            played.velocity,
            played.gate_s,
            samples / RATE,
            profile=profile,
            threads=threads,
        )
        power = spectra.band_power(audio, SPARSE.hop, bands, threads=threads or 0)
        decibels = 10 * np.log10(np.maximum(power, 1e-20))
        rms = np.sqrt(np.mean(np.square(audio), axis=1)).astype(np.float64)
        choices = heads.classes(tones)
        for goal, top in zip(goals, tops, strict=True):
            gain = np.where(rms > 1e-9, goal.rms / np.maximum(rms, 1e-9), 1e-9)
            shift = 20 * np.log10(gain) - 10 * np.log10(goal.loudest)
            own = np.maximum(decibels + shift[:, None, None].astype(np.float32), -FLOOR_DB)
            sounding = np.count_nonzero(np.maximum(own, goal.levels) > -FLOOR_DB, axis=(1, 2))
            distance = np.abs(own - goal.levels).sum(axis=(1, 2), dtype=np.float64) / np.maximum(sounding, 1)
            distance[np.abs(audio).max(axis=1) < 1e-6] = np.inf
            top.offer(distance, choices)
        report(len(tones))
    found = []
    for given, top in zip(targets, tops, strict=True):
        exact = Listener(given.recordings, profile, base=INIT_TONE.values, threads=threads)(top.choices)
        found.append(top.choices[int(np.argmin(exact))])
    return found


RATE = 44100


def _goal(given: Target) -> _Goal:
    audio = given.recordings[0].audio
    bands = spectra.Bands.of(band_matrix(SPARSE))
    whole = spectra.band_power(audio[None], RANKING.hop, spectra.Bands.of(band_matrix(RANKING)))
    loudest = max(float(whole.max()), 1e-12)
    scale = np.array([1 / loudest], np.float32)
    levels = spectra.band_decibels(audio[None], SPARSE.hop, bands, FLOOR_DB, scale)[0]
    return _Goal(levels, loudest, float(np.sqrt(np.mean(np.square(audio, dtype=np.float64)))))


class _Top:
    """The nearest so far."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.distances = np.zeros(0)
        self.choices = np.zeros((0, len(heads.HEADS)), np.int64)

    def offer(self, distances: NDArray[np.float64], choices: NDArray[np.int64]) -> None:
        if len(self.distances) == self.size and distances.min() >= self.distances[-1]:
            return
        distances = np.concatenate([self.distances, distances])
        choices = np.concatenate([self.choices, choices])
        order = np.argsort(distances, kind="stable")[: self.size]
        self.distances, self.choices = distances[order], choices[order]

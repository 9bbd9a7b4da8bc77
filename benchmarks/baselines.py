"""Ways to find a tone that need no network: constant answers, random search, retrieval, CMA-ES."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cma
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.evaluate import prior_answers
from benchmarks.judging import Target
from estimator.inference.note_detection import Played
from estimator.inference.objective import Listener
from estimator.inference.posterior import from_prior
from estimator.network import parameters
from jxctl.protocol.tone import INIT_TONE
from simulator.features import FLOOR_DB, RANKING, MelSettings, mel
from simulator.prior import Prior
from simulator.synth import render

CHUNK = 512
SPARSE = MelSettings(window=RANKING.window, hop=RANKING.hop * 5, bands=RANKING.bands)
SHORTLIST = 64
"""Retrieval looks at every fifth frame of the pool, and at all frames of so many that came nearest."""
_COMPARED_AT_ONCE = 32
"""Sounds whose cells stay in the cache."""
_LAST = np.array([head.classes - 1 for head in parameters.HEADS])
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
    """A target at equal level: ``levels`` float32[cells], in dB above its RMS, not below ``floor``."""

    levels: torch.Tensor
    floor: float

    @classmethod
    def of(cls, given: Target) -> _Goal:
        """A target's first recording."""
        audio = given.recordings[0].audio[None]
        whole = mel.band_power(audio, RANKING.hop, mel.filter_bank(RANKING))
        level = 10 * np.log10(np.mean(np.square(audio, dtype=np.float64)))
        floor = float(10 * np.log10(max(float(whole.max()), 1e-12)) - level - FLOOR_DB)
        return cls(_at_equal_level(audio, 1)[0].clamp_min(floor), floor)

    def distances(self, decibels: torch.Tensor) -> NDArray[np.float64]:
        """Log-mel distances of sounds of equal level, float32[N, cells], on these cells."""
        out = []
        for part in decibels.split(_COMPARED_AT_ONCE):
            own = part.clamp_min(self.floor)
            sounding = (torch.maximum(own, self.levels) > self.floor).sum(1)
            out.append(own.sub_(self.levels).abs_().sum(1).double() / sounding.clamp_min(1))
        return torch.cat(out).numpy()


def nearest(
    targets: Sequence[Target],
    played: Played,
    counts: Sequence[int],
    seed: int,
    profile: Any,
    threads: int | None,
    report: Callable[[int], None] = lambda rendered: None,
) -> Iterator[list[NDArray[np.int64]]]:
    """Of so many draws from the prior, rendered at one note, the nearest to each target at that note.

    One pool serves all ``counts``, in rising order; the answers of each come when it has been heard. The pool
    is streamed: chunk k of it depends on ``seed`` and k alone. Distances are log-mel distances on every fifth
    frame; of the 64 nearest of each target the exact ones decide.
    """
    goals = [_Goal.of(t) for t in targets]
    tops = [_Top(SHORTLIST) for _ in targets]
    seconds = len(targets[0].recordings[0].audio) / RATE if targets else 0.0
    edges = sorted({*range(0, counts[-1], CHUNK), *counts})
    for first, end in itertools.pairwise(edges):
        drawn = Prior.load().sample(CHUNK, np.random.default_rng((seed, first // CHUNK, 3)))
        tones = drawn[first % CHUNK :][: end - first]
        audio = render(
            tones, played.note, played.velocity, played.gate_s, seconds, profile=profile, threads=threads
        )
        heard = _at_equal_level(audio, threads or 0)
        silent = np.maximum(audio.max(axis=1), -audio.min(axis=1)) < 1e-6
        choices = parameters.classes(tones)
        for goal, top in zip(goals, tops, strict=True):
            distance = goal.distances(heard)
            distance[silent] = np.inf
            top.offer(distance, choices)
        report(len(tones))
        if end in counts:
            yield [
                top.nearest(Listener(given.recordings, profile, base=INIT_TONE.values, threads=threads))
                for given, top in zip(targets, tops, strict=True)
            ]


def _at_equal_level(audio: NDArray[np.float32], threads: int) -> torch.Tensor:
    """Sounds float32[N, samples] in dB above their RMS, float32[N, cells], so that only the floor differs
    from target to target."""
    power = mel.band_power(audio, SPARSE.hop, mel.filter_bank(RANKING), threads=threads)
    level = 10 * np.log10(np.mean(np.square(audio), axis=1, dtype=np.float64) + 1e-20)
    decibels = torch.log10(torch.from_numpy(power).clamp_min(1e-20).flatten(1)).mul_(10)
    return decibels.sub_(torch.from_numpy(level.astype(np.float32))[:, None])


RATE = 44100


class _Top:
    """The nearest so far."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.distances = np.zeros(0)
        self.choices = np.zeros((0, len(parameters.HEADS)), np.int64)

    def nearest(self, listener: Listener) -> NDArray[np.int64]:
        """Of those, the one that is nearest when heard whole."""
        return self.choices[int(np.argmin(listener(self.choices)))]

    def offer(self, distances: NDArray[np.float64], choices: NDArray[np.int64]) -> None:
        if len(self.distances) == self.size and distances.min() >= self.distances[-1]:
            return
        distances = np.concatenate([self.distances, distances])
        choices = np.concatenate([self.choices, choices])
        order = np.argsort(distances, kind="stable")[: self.size]
        self.distances, self.choices = distances[order], choices[order]

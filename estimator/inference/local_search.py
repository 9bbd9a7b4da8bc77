"""One round of the search around one candidate: what is tried, and what follows from what was heard.

Steps that all levels take together: least absolute residuals by a few weighted least squares.

The distance of two sounds is a mean of absolute differences over cells. Around a candidate each cell moves
about in proportion to each level, by slopes measured with one render a level (the simulator has no gradient,
but renders are cheap). Which steps make the absolute residuals least is then a linear problem, solved by
weighting squares with 1 / |residual| (iteratively reweighted least squares), damped as Levenberg and
Marquardt do.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from estimator.inference.mutations import Moves
from estimator.inference.objective import Heard
from estimator.network.parameters import IS_LEVEL

ROUNDS = 3
"""How often the weights are renewed."""
SMALLEST_DB = 1.0
"""Residuals below weigh as if they were this large: they are noise."""
SMALLEST_SLOPE_DB = 1e-5
"""A level that moves no cell by more than this, in the mean, is left out: it cannot be heard."""


@dataclass(frozen=True)
class Slopes:
    """``slopes``: float32[levels, cells], dB for each raw step of ``levels``, int64[levels], head indices."""

    slopes: NDArray[np.float32]
    levels: NDArray[np.int64]

    @classmethod
    def measured(
        cls, moved: NDArray[np.float32], residual: NDArray[np.float32], steps: NDArray[np.int64],
        levels: NDArray[np.int64],
    ) -> Slopes:  # fmt: skip
        """From residuals before, float32[cells], and after each level's own step, float32[levels, cells]."""
        slopes = (moved - residual) / steps[:, None].astype(np.float32)
        moving = np.abs(slopes).mean(axis=1) > SMALLEST_SLOPE_DB
        return cls(np.ascontiguousarray(slopes[moving]), levels[moving])

    @functools.cached_property
    def _moving(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The cells that any level moves, and their slopes, float32[levels, moving cells]. No step changes
        the others, often half of all: those of the silence behind a sound."""
        cells = np.flatnonzero(self.slopes.any(axis=0))
        return cells, np.ascontiguousarray(self.slopes[:, cells])

    @functools.cached_property
    def _pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Every two levels once, and the products of their slopes, float32[pairs, moving cells]: the weighted
        sums of these are the curvature, so that many problems are one product of matrices."""
        one, other = np.triu_indices(len(self.levels))
        slopes = self._moving[1]
        return one, other, slopes[one] * slopes[other]

    def steps(
        self,
        residuals: NDArray[np.float32],
        dampings: ArrayLike,
        rounds: int = ROUNDS,
        slides: Mapping[int, tuple[int, float]] | None = None,
    ) -> NDArray[np.float64]:
        """For each of P problems raw steps, float64[P, levels], that make mean(abs(residual + step @ slopes))
        small.

        ``residuals``: float32[P, cells]. ``dampings``: [P], relative to the curvature of each level; the
        larger, the shorter the step. ``slides``: problem to (place, by): level ``place`` moves ``by``, and
        all others make up for it as far as they can: along a valley, where levels stand in for one another
        (cutoff, envelope depth, sustain).
        """
        count, levels = len(residuals), len(self.levels)
        step: NDArray[np.float64] = np.zeros((count, levels))
        if not step.size:
            return step
        held, by = np.zeros((count, levels), bool), np.zeros((count, levels))
        for k, (place, far) in (slides or {}).items():
            held[k, place], by[k, place] = True, far
        free = ~held
        cells, slopes = self._moving
        start = residuals[:, cells] + by.astype(np.float32) @ slopes
        damping = np.asarray(dampings, np.float64)[:, None]
        one, other, products = self._pairs
        diagonal = np.arange(levels)
        curvature = np.empty((count, levels, levels))
        left = start
        for _ in range(rounds):
            weight = 1 / np.maximum(np.abs(left), SMALLEST_DB)
            curvature[:, one, other] = weight @ products.T
            curvature[:, other, one] = curvature[:, one, other]
            pull = ((weight * start) @ slopes.T).astype(np.float64) * free
            curvature *= free[:, :, None] & free[:, None]
            own = curvature[:, diagonal, diagonal]
            mean = own.sum(axis=1, keepdims=True) / np.maximum(free.sum(axis=1, keepdims=True), 1)
            curvature[:, diagonal, diagonal] += damping * (own + 0.1 * mean) + 1e-9
            step = np.asarray(-np.linalg.solve(curvature, pull[:, :, None])[:, :, 0], np.float64)
            left = start + step.astype(np.float32) @ slopes
        return step + by

    def step(
        self, residual: NDArray[np.float32], damping: float, rounds: int = ROUNDS
    ) -> NDArray[np.float64]:
        """`steps` for one problem: float64[levels]."""
        return self.steps(residual[None], [damping], rounds)[0]

    def predicted(self, residuals: NDArray[np.float32], steps: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean absolute residuals, dB, float64[P], after steps, if slopes were the same everywhere."""
        left = residuals.copy()
        cells, slopes = self._moving
        left[:, cells] += steps.astype(np.float32) @ slopes
        return np.asarray(np.abs(left).mean(axis=1, dtype=np.float64))


FIRST, SECOND = 32, 32
"""Candidates of the first batch (slopes, and trials in the places that are left) and of each that follows:
those of two basins fill the lanes of two cores."""
FEWEST_TRIALS = 8
FOLLOWING = 2
"""Batches that use the slopes of the first."""
DAMPINGS = (0.003, 0.03, 0.3, 2.0)
CORRECTED, CORRECTING = 5, (0.03, 0.3)
"""So many trials have their levels corrected, with these dampings."""
FILLING = (0.5, 0.125, 0.175, 0.2)
"""Of the candidates that fill a batch: shares of slides, children, crossings, and trials on top of a step."""
_SLIDE, _CHILD, _CROSSING = range(3)
WIDTH = (1.5, 1, 10)
"""Raw steps a dB of distance, least and most: how far levels are moved to measure slopes."""
_TRIES = 10

Batch = NDArray[np.int64]


@dataclass
class Basin:
    """A choice of switches with the best levels found for it: ``choice`` int64[heads], its ``distance`` in dB
    and ``residual``, float32[cells]; how many ``rounds`` it had, and for how many it has ``stalled``."""

    choice: NDArray[np.int64]
    distance: float
    residual: NDArray[np.float32]
    rounds: int = 0
    stalled: int = 0
    tried: set[bytes] = field(default_factory=set)

    def take(self, choice: NDArray[np.int64], distance: float, residual: NDArray[np.float32]) -> None:
        """Move to a nearer choice of levels."""
        self.choice, self.distance, self.residual = choice, distance, residual


def expand(
    basin: Basin, moves: Moves, rng: np.random.Generator, mate: Callable[[], NDArray[np.int64]]
) -> Generator[Batch, Heard, None]:
    """Yields candidates, int64[N, heads], and is sent what was heard of them.

    Whoever listens also keeps: ``basin`` may have moved when this goes on. ``mate``: another good choice.
    """
    start, residual = basin.choice, basin.residual
    levels = np.flatnonzero(moves.live(start) & IS_LEVEL)
    per_db, least, most = WIDTH
    width = int(np.clip(round(per_db * basin.distance), least, most))
    steps = _steps(start[levels], width, rng)
    probes = np.tile(start, (len(levels), 1))
    probes[np.arange(len(levels)), levels] += steps
    trials = _trials(basin, moves, max(FIRST - len(levels), FEWEST_TRIALS))
    heard = yield np.concatenate([probes, trials])

    count = len(levels)
    slopes = Slopes.measured(heard.residuals[:count], residual, steps, levels)
    tasks = _corrections(trials, heard.residuals[count:], slopes)
    for left in range(FOLLOWING, 0, -1):
        share = -(-len(tasks) // left)
        now, tasks = tasks[:share], tasks[share:]
        now = [_Task(start, residual, damping) for damping in DAMPINGS] + now
        kinds = rng.choice(len(FILLING), max(SECOND - len(now), 0), p=FILLING)
        slid = (kinds == _SLIDE) & (len(slopes.levels) > 1)
        now += [_slide(start, residual, slopes, width, moves, rng) for _ in range(slid.sum())]
        batch = _solved(now, slopes)
        for kind in kinds[~slid]:
            if kind == _CHILD:
                batch.append(moves.child(basin.choice, 1.5 * width))
            elif kind == _CROSSING:
                batch.append(moves.crossed(basin.choice, mate()))
            else:
                batch.append(moves.trial(batch[rng.integers(len(DAMPINGS))]))
        yield np.array(batch)
        start, residual = basin.choice, basin.residual


@dataclass(frozen=True)
class _Task:
    """A candidate whose levels are to step towards no ``residual``; with a ``slide`` (place among the slopes'
    levels, raw steps) one of them goes there."""

    choice: NDArray[np.int64]
    residual: NDArray[np.float32]
    damping: float
    slide: tuple[int, float] | None = None


def _solved(tasks: list[_Task], slopes: Slopes) -> list[NDArray[np.int64]]:
    """The candidates after their steps, all solved together."""
    slides = {k: task.slide for k, task in enumerate(tasks) if task.slide is not None}
    residuals = np.array([task.residual for task in tasks])
    steps = slopes.steps(residuals, [task.damping for task in tasks], slides=slides)
    return [_moved(task.choice, slopes, step) for task, step in zip(tasks, steps, strict=True)]


def _steps(values: NDArray[np.int64], width: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """A step of each level by ``width``, up or down at random, down or up where the range ends."""
    sign = rng.choice((-1, 1), len(values))
    sign = np.where(values + sign * width > 127, -1, sign)
    sign = np.where(values + sign * width < 0, 1, sign)
    return np.asarray(sign * width)


def _trials(basin: Basin, moves: Moves, count: int) -> Batch:
    """Trials that this basin has not had, as far as a few tries find them."""
    out = []
    for _ in range(count):
        for _ in range(_TRIES):
            trial = moves.trial(basin.choice)
            if trial.tobytes() not in basin.tried:
                break
        basin.tried.add(trial.tobytes())
        out.append(trial)
    return np.array(out)


def _corrections(trials: Batch, residuals: NDArray[np.float32], slopes: Slopes) -> list[_Task]:
    """The trials that promise most, once levels make up for what the switch changed."""
    promised = slopes.predicted(residuals, slopes.steps(residuals, np.full(len(residuals), 0.1), 2))
    return [
        _Task(trials[k], residuals[k], damping)
        for k in np.argsort(promised, kind="stable")[:CORRECTED]
        for damping in CORRECTING
    ]


def _slide(
    start: NDArray[np.int64], residual: NDArray[np.float32], slopes: Slopes, width: int, moves: Moves,
    rng: np.random.Generator,
) -> _Task:  # fmt: skip
    """One level elsewhere, drawn or some way off, and the others after it."""
    place = int(rng.integers(len(slopes.levels)))
    k = int(slopes.levels[place])
    goal = moves.draw(k) if rng.uniform() < 0.5 else start[k] + rng.normal(0, 2.5 * width + 4)
    by = float(np.clip(goal, 0, 127) - start[k])
    return _Task(start, residual, float(rng.choice((0.01, 0.1))), (place, by))


def _moved(choice: NDArray[np.int64], slopes: Slopes, step: NDArray[np.float64]) -> NDArray[np.int64]:
    other = choice.copy()
    other[slopes.levels] = np.clip(np.rint(other[slopes.levels] + step), 0, 127).astype(np.int64)
    return other

"""The search: from proposed tones to better ones, by rendering and comparing, within a budget of renders.

The opening hears the network's best answer and draws. Every choice of switches that was heard is a *basin*,
which keeps its best levels. Round after round the most promising basins are expanded (`expand`): slopes of
all levels are measured with one render each, together with trials of switches; then levels step together
(Gauss-Newton), the best trials have their levels corrected by the same
slopes, levels slide along valleys, and basins are crossed. A trial that sounds good becomes a basin of its
own, and may lead although its parent did not. Basins that stand still fall behind. Settings were chosen on
draws from the prior and on tones of banks that are not kept for judging.

**Gauss-Newton on levels** (`Slopes`). The distance of two sounds is a mean of absolute differences over
cells. Around a candidate each cell moves about in proportion to each level, by slopes measured with one
render a level (the simulator has no gradient, but renders are cheap). Which steps make the absolute residuals
least is then a linear problem, solved by weighting squares with 1 / |residual| (iteratively reweighted least
squares, `least_absolute`), damped as Levenberg and Marquardt do.

**Mutations** (`Moves`). Switches have no slope, so they are tried: one at another position, or several that
mean the same together (an octave is RANGE or TUNE; what DCO-1 does can be done by DCO-2; ENV-1 and ENV-2
change places with all that follows them). What the network holds likely is tried more often.

**Threads.** Linear algebra works on one thread meanwhile (`one_thread`). A library for it (BLAS) keeps a
thread a core, and these wait for the next product in a busy loop. Between the short products of a search they
take the cores from the renders: 2,000 renders cost 10.9 CPU seconds that way, and 7.2 without. On a machine
that does something else too, each product waits for a thread that is not running, a thousand times a guess.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import ThreadpoolController

from estimator.inference.objective import Heard
from estimator.inference.posterior import Proposal
from estimator.network import parameters
from estimator.network.parameters import DEAF, IS_LEVEL, audible
from jxctl.protocol.parameters import parameter
from jxctl.protocol.tone import INIT_TONE

# All chosen by trial, on the tones that the docstring names, unless something else is said.
OPENING_SHARE = 0.1
"""Share of the budget that hears what was proposed."""
SMALLEST_OPENING = 96
"""Candidates of the opening, at least."""
LARGEST_OPENING = 256
"""Candidates of the opening, at most."""
VARIED = 32
"""So many of what was proposed are varied at once where none of it makes a sound."""
VARIED_WIDTH = 40
"""Raw steps, the standard deviation, by which they are varied."""
SIDE_BY_SIDE = 2
"""Basins expanded at once, so that a batch keeps two cores busy."""
FEW = 500
"""With fewer renders one at a time: two rounds of one basin bring more than a round of two."""
FRESH = (0.75, 0.9)
"""A basin's first and second round bring the most: until then it counts as this much nearer."""
STANDING = 0.97
"""A round that leaves more than this share of the distance stalls."""
STALLED = 1.1
"""Each round that stalled puts a basin so many times farther back."""
KEPT = 1.8
"""Candidates farther away than so many times the best found no basin."""
MOST_BASINS = 400
"""Basins beyond this number are forgotten, down to half of it."""
MATES = 8
"""The nearest basins, with which others are crossed."""
EXACT_DB = 1e-5
"""Nearer is rounding: the tone is found."""

FIRST = 32
"""Candidates of the first batch of an expansion: slopes, and trials in the places that are left. Those of two
basins fill the lanes of two cores."""
SECOND = 32
"""Candidates of each batch that follows."""
FEWEST_TRIALS = 8
"""Trials of the first batch, at least."""
FOLLOWING = 2
"""Batches that use the slopes of the first."""
DAMPINGS = (0.003, 0.03, 0.3, 2.0)
"""Of the steps that all levels take together, relative to the curvature."""
CORRECTED = 5
"""So many trials have their levels corrected by the slopes."""
CORRECTING = (0.03, 0.3)
"""Dampings of these corrections."""
FILLING = (0.5, 0.125, 0.175, 0.2)
"""Of the candidates that fill a batch: shares of slides, children, crossings, and trials on top of a step."""
_SLIDE, _CHILD, _CROSSING = range(3)
WIDTH_PER_DB = 1.5
"""Raw steps a dB of distance by which levels are moved to measure slopes."""
LEAST_WIDTH = 1
"""Raw steps, the least of them."""
MOST_WIDTH = 10
"""Raw steps, the most of them."""
_TRIES = 10

IRLS_ROUNDS = 3
"""How often the weights of cells are renewed (chosen)."""
SMALLEST_DB = 1.0
"""Residuals below weigh as if they were this large: they are noise."""
SMALLEST_SLOPE_DB = 1e-5
"""A level that moves no cell by more than this, in the mean, is left out: it cannot be heard."""

UNIFORM = 0.4
"""The share of trials that ask nobody what is likely."""
REMEMBERED = 1000
"""Candidates of which it is kept what can be heard in them."""
MOVED = 0.3
"""The share of levels that a child varies."""
REDRAWN = 0.06
"""The share of all values that a child draws anew."""

Batch = NDArray[np.int64]
Equations = Callable[[NDArray[np.float32]], tuple[NDArray[np.float64], NDArray[np.float64]]]
"""Normal equations for weights of cells, float32[..., cells]: curvature, float64[..., n, n], and gradient,
float64[..., n], of half the weighted sum of squares (and of whatever holds the unknowns)."""
HEAD = {head.parameter.name: k for k, head in enumerate(parameters.HEADS)}
LAST = np.array([head.classes - 1 for head in parameters.HEADS])
_SAME_BLOCK = (
    *((HEAD[f"DCO1 {name}"], HEAD[f"DCO2 {name}"]) for name in ("RANGE", "WF", "TUNE", "LFO", "ENV")),
    (HEAD["MIX DCO1"], HEAD["MIX DCO2"]),
)
_SAME_STAGE = tuple(
    (HEAD[f"ENV1 {stage}"], HEAD[f"ENV2 {stage}"]) for stage in ("ATT", "DECY", "SUS", "REL", "KEY")
)
_MODES = tuple(HEAD[f"{block} MODE"] for block in ("DCO", "MIX", "VCF"))
_PITCH = (("DCO1 RANGE", "DCO1 TUNE"), ("DCO2 RANGE", "DCO2 TUNE"), ("DCO2 TUNE", "DCO2 FTUNE"),
          ("DCO1 TUNE", "DCO2 TUNE"), ("DCO1 RANGE", "DCO2 RANGE"), ("DCO1 WF", "DCO2 WF"),
          ("DCO XMOD", "DCO2 TUNE"), ("DCO XMOD", "DCO2 RANGE"), ("DCO2 WF", "DCO2 TUNE"),
          ("DCO2 WF", "DCO2 RANGE"), ("DCO1 WF", "DCO1 RANGE"))  # fmt: skip
_PAIRS = tuple((HEAD[a], HEAD[b]) for a, b in _PITCH)
assert parameter("DCO MODE").positions == 4


class Ear(Protocol):
    """What is searched with (`estimator.inference.objective.Listener`)."""

    def hear(self, choices: NDArray[np.int64], /) -> Heard:
        """Distances and residuals of candidates, int64[N, heads]."""
        ...


@dataclass(frozen=True)
class Found:
    """All that was tried, the best first: ``choices`` int64[N, heads], ``distances`` float64[N], dB.
    ``interrupted``: by Ctrl-C, before the budget was spent."""

    choices: NDArray[np.int64]
    distances: NDArray[np.float64]
    interrupted: bool = False


def search(
    proposal: Proposal,
    ear: Ear,
    budget: int,
    rng: np.random.Generator,
    *,
    fixed: Mapping[int, int] | None = None,
    starts: NDArray[np.int64] | None = None,
    report: Callable[[int], None] = lambda tried: None,
) -> Found:
    """Try ``budget`` candidates, the proposal's best answer at least.

    ``fixed``: head index to the class it stays at. ``starts``: int64[N, heads], heard before anything
    proposed.
    ``report`` hears how many more were tried. The same generator state gives the same result. Ctrl-C ends
    the search: what was found until then is returned, if anything was.
    """
    with one_thread():
        return _Search(proposal, ear, max(budget, 1), rng, fixed or {}, report).run(starts)


class _Search:
    def __init__(
        self,
        proposal: Proposal,
        ear: Ear,
        budget: int,
        rng: np.random.Generator,
        fixed: Mapping[int, int],
        report: Callable[[int], None],
    ) -> None:
        self.proposal, self.ear, self.budget, self.rng, self.report = proposal, ear, budget, rng, report
        self.moves = Moves(proposal, fixed, rng)
        self.choices: list[NDArray[np.int64]] = []
        self.distances: list[NDArray[np.float64]] = []
        self.spent, self.best = 0, np.inf
        self.basins: dict[bytes, Basin] = {}

    def run(self, starts: NDArray[np.int64] | None) -> Found:
        rows = np.concatenate([self.proposal.best[None], self.proposal.draws])
        if starts is not None:
            rows = np.concatenate([starts, rows])
        opening = max(int(self.budget * OPENING_SHARE), SMALLEST_OPENING)
        interrupted = False
        try:
            self.hear(rows[: min(opening, LARGEST_OPENING)])
            while self.spent < self.budget and self.best > EXACT_DB:
                self.round(rows)
            if self.spent < self.budget:
                self.report(self.budget - self.spent)  # nothing is nearer than no distance at all
        except KeyboardInterrupt:
            if not self.distances:
                raise
            interrupted = True
        choices, distances = np.concatenate(self.choices), np.concatenate(self.distances)
        order = np.argsort(distances, kind="stable")
        return Found(choices[order], distances[order], interrupted)

    def round(self, rows: NDArray[np.int64]) -> None:
        """Expand the most promising basins; where nothing has made a sound yet, vary what was proposed."""
        if not self.basins:
            self.hear(np.array([self.moves.child(row, VARIED_WIDTH) for row in rows[:VARIED]]))
            return
        at_once = 1 if self.budget < FEW else SIDE_BY_SIDE
        chosen = sorted(self.basins.values(), key=_rank)[:at_once]
        before = [basin.distance for basin in chosen]
        self.together([expand(basin, self.moves, self.rng, self.mate) for basin in chosen])
        for basin, distance in zip(chosen, before, strict=True):
            basin.rounds += 1
            basin.stalled = 0 if basin.distance < STANDING * distance else basin.stalled + 1
        if len(self.basins) > MOST_BASINS:
            kept = sorted(self.basins.items(), key=lambda item: _rank(item[1]))[: MOST_BASINS // 2]
            self.basins = dict(kept)

    def together(self, expansions: list[Generator[Batch, Heard, None]]) -> None:
        """Run expansions in step, so that their candidates are rendered in one batch."""
        asked = [(expansion, next(expansion)) for expansion in expansions]
        while asked and self.spent < self.budget:
            heard = self.hear(np.concatenate([batch for _, batch in asked]))
            going, first = [], 0
            for expansion, batch in asked:
                part = slice(first, first + len(batch))
                first = part.stop
                if first > len(heard.distances):
                    return  # the budget ended within this batch
                try:
                    own = Heard(heard.distances[part], heard.residuals[part])
                    going.append((expansion, expansion.send(own)))
                except StopIteration:
                    continue
            asked = going

    def hear(self, choices: NDArray[np.int64]) -> Heard:
        """Hear as many as the budget allows, and keep what is worth it."""
        choices = choices[: self.budget - self.spent]
        heard = self.ear.hear(choices)
        self.choices.append(choices)
        self.distances.append(heard.distances)
        self.spent += len(choices)
        self.best = min(self.best, float(heard.distances.min(initial=np.inf)))
        live = self.moves.live_of(choices)
        for k in np.flatnonzero(heard.distances < KEPT * self.best):
            key = np.where(live[k] & ~IS_LEVEL, choices[k], -1).tobytes()
            basin, distance = self.basins.get(key), float(heard.distances[k])
            if basin is None:
                self.basins[key] = Basin(choices[k], distance, heard.residuals[k].copy())
            elif distance < basin.distance:
                basin.take(choices[k], distance, heard.residuals[k].copy())
        self.report(len(choices))
        return heard

    def mate(self) -> NDArray[np.int64]:
        """The choice of one of the nearest basins."""
        nearest = sorted(self.basins.values(), key=lambda basin: basin.distance)[:MATES]
        return nearest[self.rng.integers(len(nearest))].choice


def _rank(basin: Basin) -> float:
    """What a basin's distance promises; the least is expanded next."""
    fresh = FRESH[basin.rounds] if basin.rounds < len(FRESH) else 1.0
    return float(basin.distance * fresh * STALLED**basin.stalled)


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
    width = int(np.clip(round(WIDTH_PER_DB * basin.distance), LEAST_WIDTH, MOST_WIDTH))
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


def least_absolute(
    slopes: NDArray[np.float32], start: NDArray[np.float32], equations: Equations, rounds: int = IRLS_ROUNDS
) -> NDArray[np.float64]:
    """Iteratively reweighted least squares: steps, float64[..., n], that make abs(start + step @ slopes)
    small.

    ``slopes``: float32[n, cells]. ``start``: float32[..., cells]. Each of the ``rounds`` weighs cells with
    1 / |residual| as the last left them and solves the ``equations`` of that.
    """
    left = start
    for _ in range(rounds):
        weight = np.asarray(1 / np.maximum(np.abs(left), SMALLEST_DB), np.float32)
        curvature, gradient = equations(weight)
        step = np.asarray(-np.linalg.solve(curvature, gradient[..., None])[..., 0], np.float64)
        left = start + step.astype(np.float32) @ slopes
    return step


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
        rounds: int = IRLS_ROUNDS,
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
        if not count * levels:
            return np.zeros((count, levels))
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

        def equations(weight: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
            curvature[:, one, other] = weight @ products.T
            curvature[:, other, one] = curvature[:, one, other]
            gradient = ((weight * start) @ slopes.T).astype(np.float64) * free
            np.multiply(curvature, free[:, :, None] & free[:, None], out=curvature)
            own = curvature[:, diagonal, diagonal]
            mean = own.sum(axis=1, keepdims=True) / np.maximum(free.sum(axis=1, keepdims=True), 1)
            curvature[:, diagonal, diagonal] += damping * (own + 0.1 * mean) + 1e-9
            return curvature, gradient

        return least_absolute(slopes, start, equations, rounds) + by

    def step(
        self, residual: NDArray[np.float32], damping: float, rounds: int = IRLS_ROUNDS
    ) -> NDArray[np.float64]:
        """`steps` for one problem: float64[levels]."""
        return self.steps(residual[None], [damping], rounds)[0]

    def predicted(self, residuals: NDArray[np.float32], steps: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean absolute residuals, dB, float64[P], after steps, if slopes were the same everywhere."""
        left = residuals.copy()
        cells, slopes = self._moving
        left[:, cells] += steps.astype(np.float32) @ slopes
        return np.asarray(np.abs(left).mean(axis=1, dtype=np.float64))


class Moves:
    """Variations for one search. ``fixed``: heads that stay as they are."""

    def __init__(self, proposal: Proposal, fixed: Mapping[int, int], rng: np.random.Generator) -> None:
        self.proposal, self.rng = proposal, rng
        self.free = np.array([k not in fixed for k in range(len(parameters.HEADS))])
        for name in DEAF:
            self.free[HEAD[name]] = False
        self.switches = np.flatnonzero(self.free & ~parameters.IS_LEVEL)
        self._live: dict[bytes, NDArray[np.bool_]] = {}

    def live_of(self, choices: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which heads may be varied and can be heard in candidates: bool[N, heads]."""
        return np.asarray(self.free & audible(parameters.tones_from(choices, INIT_TONE.values)))

    def live(self, choice: NDArray[np.int64]) -> NDArray[np.bool_]:
        """The same for one candidate: bool[heads]. Remembered, since many trials start from one."""
        key = choice.tobytes()
        if key not in self._live:
            if len(self._live) >= REMEMBERED:
                self._live.clear()
            self._live[key] = self.live_of(choice[None])[0]
        return self._live[key]

    def trial(self, choice: NDArray[np.int64]) -> NDArray[np.int64]:
        """A candidate with another switch, or several that go together: int64[heads]."""
        kinds: tuple[tuple[float, Callable[[NDArray[np.int64]], None]], ...] = (
            (0.40, self._one_switch), (0.20, self._one_level), (0.18, self._pair), (0.06, self._octave),
            (0.05, self._swap_oscillators), (0.05, self._swap_envelopes), (0.06, self._other_envelope),
        )  # fmt: skip
        other = choice.copy()
        which = self.rng.choice(len(kinds), p=[share for share, _ in kinds])
        kinds[which][1](other)
        other[~self.free] = choice[~self.free]
        return other

    def child(self, choice: NDArray[np.int64], width: float) -> NDArray[np.int64]:
        """Some levels moved by a normal step of ``width`` raw values, few values drawn anew."""
        size = len(choice)
        move = np.rint(self.rng.normal(0, width, size)).astype(np.int64)
        move[(self.rng.uniform(size=size) >= MOVED) | ~parameters.IS_LEVEL] = 0
        other = np.clip(choice + move, 0, LAST)
        for k in np.flatnonzero(self.rng.uniform(size=size) < REDRAWN):
            other[k] = self.draw(int(k))
        other[~self.free] = choice[~self.free]
        return other

    def crossed(self, choice: NDArray[np.int64], mate: NDArray[np.int64]) -> NDArray[np.int64]:
        """``choice`` with one or two blocks of the panel taken from ``mate``."""
        other = choice.copy()
        blocks = sorted({head.parameter.group for head in parameters.HEADS})
        for block in self.rng.choice(blocks, size=self.rng.integers(1, 3), replace=False):
            inside = np.array([head.parameter.group == block for head in parameters.HEADS])
            other[inside & self.free] = mate[inside & self.free]
        return other

    def draw(self, k: int) -> int:
        """A value of a head, from the network or from anywhere."""
        if self.rng.uniform() < UNIFORM:
            return int(self.rng.integers(parameters.HEADS[k].classes))
        p = self.proposal.marginals[k]
        return int(min((np.cumsum(p) < self.rng.uniform()).sum(), len(p) - 1))

    def _redraw(self, other: NDArray[np.int64], k: int) -> None:
        """Another value for a switch (for a level: any), if chance finds one in a few tries."""
        before = other[k]
        for _ in range(6):
            other[k] = self.draw(k)
            if other[k] != before:
                return

    def _one_switch(self, other: NDArray[np.int64]) -> None:
        live = self.live(other)
        able = self.switches[live[self.switches]]
        if len(able):
            # Twenty-five positions need more trials than two.
            weight = np.log(LAST[able] + 1.0)
            self._redraw(other, int(self.rng.choice(able, p=weight / weight.sum())))

    def _one_level(self, other: NDArray[np.int64]) -> None:
        able = np.flatnonzero(self.live(other) & parameters.IS_LEVEL)
        if len(able):
            self._redraw(other, int(self.rng.choice(able)))

    def _pair(self, other: NDArray[np.int64]) -> None:
        for k in _PAIRS[self.rng.integers(len(_PAIRS))]:
            self._redraw(other, k)

    def _swap_oscillators(self, other: NDArray[np.int64]) -> None:
        for a, b in _SAME_BLOCK:
            other[[a, b]] = other[[b, a]]

    def _swap_envelopes(self, other: NDArray[np.int64]) -> None:
        for a, b in _SAME_STAGE:
            other[[a, b]] = other[[b, a]]
        for k in _MODES:
            other[k] = (other[k] + 2) % 4

    def _other_envelope(self, other: NDArray[np.int64]) -> None:
        """A block follows the other envelope, made equal first: the sound stays, and gains freedom."""
        block = _MODES[self.rng.integers(len(_MODES))]
        to_first = other[block] < 2
        for a, b in _SAME_STAGE:
            if to_first:
                other[a] = other[b]
            else:
                other[b] = other[a]
        other[block] = (other[block] + 2) % 4

    def _octave(self, other: NDArray[np.int64]) -> None:
        """RANGE one up and TUNE twelve down, or the other way; or both oscillators together."""
        up = int(self.rng.choice((-1, 1)))
        oscillators = ((1,), (2,), (1, 2))[self.rng.integers(3)]
        compensate = self.rng.uniform() < 0.5
        for n in oscillators:
            range_, tune = HEAD[f"DCO{n} RANGE"], HEAD[f"DCO{n} TUNE"]
            other[range_] = np.clip(other[range_] + up, 0, LAST[range_])
            if compensate:
                other[tune] = np.clip(other[tune] - 12 * up, 0, LAST[tune])


@contextmanager
def one_thread() -> Iterator[None]:
    """NumPy's linear algebra works on the calling thread alone until this ends; then as before."""
    with _libraries().limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _libraries() -> ThreadpoolController:
    """Those that are loaded by the first search; looking for them takes milliseconds."""
    return ThreadpoolController()

"""From proposed tones to better ones, by ear, within a budget of renders.

The opening hears the network's best answer and draws. Every choice of switches that was heard is a *basin*,
which keeps its best levels. Round after round the most promising basins are expanded
(`estimator.inference.local_search`): slopes of all levels are measured with one render each, together with
trials of switches; then levels step together, the best trials have their levels corrected by the same slopes,
levels slide along valleys, and basins are crossed. A trial that sounds good becomes a basin of its own, and
may lead although its parent did not. Basins that stand still fall behind. Settings were chosen on draws from
the prior and on tones of banks that are not kept for judging.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from estimator.inference.local_search import Basin, Batch, expand
from estimator.inference.mutations import Moves
from estimator.inference.objective import Heard
from estimator.inference.posterior import Proposal
from estimator.inference.threads import one_thread
from estimator.network.parameters import IS_LEVEL

OPENING_SHARE, SMALLEST_OPENING, LARGEST_OPENING = 0.1, 96, 256
VARIED = 32
"""So many of what was proposed are varied at once where none of it makes a sound."""
SIDE_BY_SIDE = 2
"""Basins expanded at once, so that a batch keeps two cores busy."""
FEW = 500
"""With fewer renders one at a time: two rounds of one basin bring more than a round of two."""
FRESH = (0.75, 0.9)
"""A basin's first and second round bring the most: until then it counts as this much nearer."""
STANDING, STALLED = 0.97, 1.1
"""A round that leaves more than this share of the distance stalls; each puts a basin so much farther back."""
KEPT = 1.8
"""Candidates farther away than so many times the best found no basin."""
MOST_BASINS = 400
MATES = 8
EXACT_DB = 1e-5
"""Nearer is rounding: the tone is found."""


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
            self.hear(np.array([self.moves.child(row, 40) for row in rows[:VARIED]]))
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

"""From proposed tones to better ones, by ear, within a budget of renders.

The opening hears the network's best answer and draws. Every choice of switches that was heard is a *basin*,
which keeps its best levels. Round after round the most promising basins are expanded
(`estimator.inference.local_search`): slopes of all levels are measured with one render each, together with
trials of switches; then levels step together, the best trials have their levels corrected by the same slopes,
levels slide along valleys, and basins are crossed. A trial that sounds good becomes a basin of its own, and
may lead although its parent did not. Basins that stand still fall behind. Settings were chosen on draws from
the prior and on tones of banks that are not kept for judging.

Other candidates near one that is good already: switches that are tried, levels that are varied.

Switches have no slope, so they are tried: one at another position, or several that mean the same together
(an octave is RANGE or TUNE; what DCO-1 does can be done by DCO-2; ENV-1 and ENV-2 change places with all that
follows them). What the network holds likely is tried more often.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from estimator.inference.audibility import DEAF, audible
from estimator.inference.local_search import Basin, Batch, expand
from estimator.inference.objective import Heard
from estimator.inference.posterior import Proposal
from estimator.inference.threads import one_thread
from estimator.network import parameters
from estimator.network.parameters import IS_LEVEL
from jxctl.protocol.parameters import parameter
from jxctl.protocol.tone import INIT_TONE

HEAD = {head.parameter.name: k for k, head in enumerate(parameters.HEADS)}
LAST = np.array([head.classes - 1 for head in parameters.HEADS])
UNIFORM = 0.4
"""The share of trials that ask nobody what is likely."""
REMEMBERED = 1000
"""Candidates of which it is kept what can be heard in them."""
MOVED, REDRAWN = 0.3, 0.06
"""Shares of levels that a child varies, and of all values it draws anew."""

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


assert parameter("DCO MODE").positions == 4


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

"""From proposed tones to better ones, by ear, within a budget of renders."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from estimator.descent import DAMPINGS, Slopes
from estimator.listening import Heard, Listener
from estimator.moves import IS_LEVEL, Moves
from estimator.proposal import Proposal

OPENING_SHARE, LARGEST_OPENING = 0.1, 256
SIDE_BY_SIDE = 2
LANES = 32
FRESH = (0.75, 0.9)
STALLED = 1.1
KEEP = 1.8
CORRECTED = 5
CORRECTING = (0.03, 0.3)
SLIDE = 0.5
REPEATS, SECOND = 2, 16
CHILD, CROSS = 0.25, 0.35

Score = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""Distances, float64[N], of candidates, int64[N, heads]."""


@dataclass(frozen=True)
class Found:
    """All that was tried, the best first: ``choices`` int64[N, heads], ``distances`` float64[N].
    ``interrupted``: by Ctrl-C, before the budget was spent."""

    choices: NDArray[np.int64]
    distances: NDArray[np.float64]
    interrupted: bool = False


@dataclass
class _Basin:
    choice: NDArray[np.int64]
    distance: float
    residual: NDArray[np.float32]
    rounds: int = 0
    stalled: int = 0
    tried: set[bytes] = field(default_factory=set)

    @property
    def rank(self) -> float:
        fresh = FRESH[self.rounds] if self.rounds < len(FRESH) else 1.0
        return self.distance * fresh * STALLED**self.stalled


def search(
    proposal: Proposal,
    listener: Listener,
    budget: int,
    rng: np.random.Generator,
    *,
    fixed: Mapping[int, int] | None = None,
    starts: NDArray[np.int64] | None = None,
    report: Callable[[int], None] = lambda tried: None,
) -> Found:
    """Try ``budget`` candidates, one at least."""
    return _Search(proposal, listener, budget, rng, fixed or {}, report).run(starts)


class _Search:
    def __init__(
        self,
        proposal: Proposal,
        listener: Listener,
        budget: int,
        rng: np.random.Generator,
        fixed: Mapping[int, int],
        report: Callable[[int], None],
    ) -> None:
        self.proposal, self.listener, self.budget, self.rng = proposal, listener, max(budget, 1), rng
        self.report = report
        self.moves = Moves(proposal, fixed, rng)
        self.choices: list[NDArray[np.int64]] = []
        self.distances: list[NDArray[np.float64]] = []
        self.spent = 0
        self.log = {}
        self.basins: dict[bytes, _Basin] = {}
        self.best = np.inf

    def hear(self, choices):
        choices = choices[: self.budget - self.spent]
        heard = self.listener.hear(choices)
        self.choices.append(choices)
        self.distances.append(heard.distances)
        self.spent += len(choices)
        self.report(len(choices))
        self._keep(choices, heard)
        return heard

    def _keep(self, choices, heard):
        live = self.moves.live_of(choices)
        self.best = best = min(self.best, float(heard.distances.min(initial=np.inf)))
        for k in range(len(choices)):
            d = heard.distances[k]
            if not d < KEEP * best:
                continue
            key = np.where(live[k] & ~IS_LEVEL, choices[k], -1).tobytes()
            old = self.basins.get(key)
            if old is None:
                self.basins[key] = _Basin(choices[k], float(d), heard.residuals[k].copy())
            elif d < old.distance:
                old.choice, old.distance, old.residual = choices[k], float(d), heard.residuals[k].copy()

    def run(self, starts=None) -> Found:
        rows = np.concatenate([self.proposal.best[None], self.proposal.draws])
        if starts is not None:
            rows = np.concatenate([starts, rows])
        n = min(max(int(self.budget * OPENING_SHARE), LANES), LARGEST_OPENING, self.budget)
        interrupted = False
        try:
            self.hear(rows[:n])
            while self.spent < self.budget and self.best > 0:
                self._round(rows)
        except KeyboardInterrupt:
            if not self.distances:
                raise
            interrupted = True
        choices, distances = np.concatenate(self.choices), np.concatenate(self.distances)
        order = np.argsort(distances, kind="stable")
        return Found(choices[order], distances[order], interrupted)

    def _round(self, rows):
        if not self.basins:  # nothing made a sound yet
            self.hear(np.array([self.moves.child(row, 40) for row in rows[:LANES]]))
            return
        ranked = sorted(self.basins.values(), key=lambda b: b.rank)
        self._together([self._expand(b) for b in ranked[:SIDE_BY_SIDE]])
        if len(self.basins) > 400:
            self.basins = {k: b for k, b in self.basins.items() if b.rank < 1.6 * self.best}

    def _together(self, expansions: list[Generator]) -> None:
        """Run expansions side by side, so that their candidates are rendered in one batch."""
        asked = [(e, next(e)) for e in expansions]
        while asked and self.spent < self.budget:
            heard = self.hear(np.concatenate([rows for _, rows in asked]))
            first, again = 0, []
            for e, rows in asked:
                part = slice(first, first + len(rows))
                first = part.stop
                if first > len(heard.distances):
                    return
                try:
                    again.append((e, e.send(Heard(heard.distances[part], heard.residuals[part]))))
                except StopIteration:
                    pass
            asked = again

    def _expand(self, basin: _Basin):
        start, residual, before = basin.choice, basin.residual, basin.distance
        basin.rounds += 1
        live = np.flatnonzero(self.moves.live_of(start[None])[0] & IS_LEVEL)
        width = int(np.clip(round(1.5 * before), 1, 10))
        sign = self.rng.choice((-1, 1), len(live))
        sign = np.where(start[live] + sign * width > 127, -1, sign)
        sign = np.where(start[live] + sign * width < 0, 1, sign)
        probes = np.tile(start, (len(live), 1))
        probes[np.arange(len(live)), live] += sign * width
        trials = self._trials(basin, max(LANES - len(live), 8))
        heard = yield np.concatenate([probes, trials])
        n = len(live)
        slopes = Slopes((heard.residuals[:n] - residual) / (sign * width)[:, None].astype(np.float32), live)
        self._note("probe", before, heard.distances[:n])
        self._note("trial", before, heard.distances[n:])
        apart = heard.residuals[n:]
        order = np.argsort([slopes.predicted(r, slopes.step(r, 0.1, 2)) for r in apart], kind="stable")
        pending = [
            self._moved(trials[t], slopes, apart[t], damping)
            for t in order[:CORRECTED]
            for damping in CORRECTING
        ]
        for repeat in range(REPEATS):
            now = min(before, basin.distance)
            seconds = [self._moved(start, slopes, residual, damping) for damping in DAMPINGS]
            kinds = ["gn" if repeat == 0 else "gn again"] * len(seconds)
            take = -(-len(pending) // (REPEATS - repeat))
            seconds += pending[:take]
            kinds += ["corrected"] * take
            pending = pending[take:]
            while len(seconds) < SECOND:
                u = self.rng.uniform()
                if u < SLIDE and len(slopes.levels) > 1:
                    place = int(self.rng.integers(len(slopes.levels)))
                    goal = (
                        self.moves.draw(int(slopes.levels[place]))
                        if self.rng.uniform() < 0.5
                        else (start[slopes.levels[place]] + self.rng.normal(0, 2.5 * width + 4))
                    )
                    by = float(np.clip(goal, 0, 127) - start[slopes.levels[place]])
                    step = slopes.slide(residual, place, by, float(self.rng.choice((0.01, 0.1))))
                    seconds.append(self._stepped(start, slopes, step))
                    kinds.append("slide")
                    continue
                u = self.rng.uniform()
                if u < CHILD:
                    seconds.append(self.moves.child(basin.choice, 1.5 * width))
                    kinds.append("child")
                elif u < CHILD + CROSS:
                    mate = self._mate()
                    seconds.append(self.moves.crossed(basin.choice, mate.choice))
                    kinds.append("cross")
                else:
                    moved = seconds[self.rng.integers(len(DAMPINGS))]
                    seconds.append(self.moves.trial(moved))
                    kinds.append("gn+trial")
            heard = yield np.array(seconds)
            for kind in dict.fromkeys(kinds):
                self._note(kind, now, heard.distances[[k == kind for k in kinds]])
            start, residual = basin.choice, basin.residual
        basin.stalled = 0 if basin.distance < 0.97 * before else basin.stalled + 1

    def _mate(self):
        top = sorted(self.basins.values(), key=lambda b: b.distance)[:8]
        return top[self.rng.integers(len(top))]

    def _moved(self, choice, slopes, residual, damping):
        return self._stepped(choice, slopes, slopes.step(residual, damping))

    def _stepped(self, choice, slopes, step):
        other = choice.copy()
        other[slopes.levels] = np.clip(np.rint(other[slopes.levels] + step), 0, 127)
        return other

    def _trials(self, basin, count):
        out = []
        for _ in range(count):
            for _ in range(10):
                t = self.moves.trial(basin.choice)
                key = t.tobytes()
                if key not in basin.tried:
                    break
            basin.tried.add(key)
            out.append(t)
        return np.array(out)

    def _note(self, kind, before, distances):
        q = self.log.setdefault(kind, [0, 0, 0.0])
        q[0] += len(distances)
        if len(distances) and distances.min() < before:
            q[1] += 1
            q[2] += np.log(before / distances.min())

"""Other candidates near one that is good already: switches that are tried, levels that are varied.

Switches have no slope, so they are tried: one at another position, or several that mean the same together
(an octave is RANGE or TUNE; what DCO-1 does can be done by DCO-2; ENV-1 and ENV-2 change places with all that
follows them). What the network holds likely is tried more often.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from estimator.inference.posterior import Proposal
from estimator.network import parameters
from estimator.network.audibility import DEAF, audible
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

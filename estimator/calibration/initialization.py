"""Where a fit begins: first values straight from the measurements, where the assumed ones may be too far
away.

Least squares finds the nearest valley. Cross-modulation has many, some of them two per cent wide, and a pulse
has another one on the far side of a missing harmonic: so both are searched on a grid of renders first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from estimator.calibration.forward_model import Key, Model
from estimator.calibration.least_squares import solve
from jxctl.protocol.parameters import parameter
from simulator.synth.profile import Profile

_CAPPED_DB = 4.0
"""A band that is further off than this may be any distance away."""
SEARCHED = {"dco_pulse_width": [round(0.04 + 0.01 * step, 2) for step in range(47)]}
"""Laws whose start is searched, with the candidates."""
_DEEPEST = 1.3
"""The deepest cross-modulation that is searched (chosen)."""
_SHALLOWEST = 0.04
"""The shallowest, beside none (chosen)."""
_DEPTHS = 9
"""Between both, in equal ratios (chosen)."""
_WALKS = 3
"""So many of the best points of the grid are walked downhill from (chosen)."""
_STEPS = (1.2, 1.07)
"""Ratios of a move on such a walk, one after the other (chosen)."""
_MOST_MOVES = 4
"""With each of them, at most (chosen)."""
RIVAL = 1.15
"""Depths that leave at most so much more than the best cannot be ruled out."""
_OTHER = 0.05
"""By how much (of the deeper) depths differ that are others."""


def nearest(model: Model, values: Mapping[Key, float], places: Sequence[int], key: Key) -> float:
    """Of candidates all over a part's range, the value whose renders are nearest to the takes."""
    candidates = SEARCHED[key[0]]
    profiles = [model.profile({**values, key: each}) for each in candidates]
    return candidates[int(np.argmin([_cost(model, profile, places) for profile in profiles]))]


@dataclass(frozen=True)
class Depths:
    """``pair``: depths of both ways of cross-modulation. ``cost``: what they leave (dB, capped). ``rivals``:
    other depths that leave hardly more."""

    pair: tuple[float, float]
    cost: float
    rivals: tuple[tuple[float, float], ...] = ()


def depths(
    model: Model, values: Mapping[Key, float], places: Sequence[int], row: int, modulates: bool
) -> Depths:
    """Depths of both ways of cross-modulation at a position of DCO XMOD.

    A grid of renders first, by the takes in which the oscillators lie apart (in unison the valleys are
    narrowest); then each of the best few walks downhill among them, and is fitted to all. Without
    ``modulates`` no depth but 0.
    """
    switch = parameter("DCO XMOD")
    own = [place for place in places if switch.position(int(model.tones[place, switch.column])) == row]
    keys = (("dco_xmod", f"{row},2"), ("dco_xmod", f"{row},3"))

    def cost(pair: tuple[float, float], some: Sequence[int]) -> float:
        profile = model.profile({**values, **dict(zip(keys, pair, strict=True))})
        return _cost(model, profile, some)

    if not modulates or not own:
        return Depths((0.0, 0.0), cost((0.0, 0.0), own))
    coarse = [0.0, *np.geomspace(_SHALLOWEST, _DEEPEST, _DEPTHS).tolist()]
    apart = [place for place in own if not _in_unison(model, place)] or own
    grid = sorted(product(coarse, coarse), key=lambda pair: cost(pair, apart[:4]))[:_WALKS]
    ends = []
    for begin in grid:
        pair, here = begin, cost(begin, apart)
        for step in _STEPS:
            for _ in range(_MOST_MOVES):
                around = [
                    (pair[0] * a, pair[1] * b) for a in (1 / step, 1, step) for b in (1 / step, 1, step)
                ]
                least, best = min((cost(each, apart), each) for each in around if each != pair)
                if least >= here:
                    break
                here, pair = least, best
        start = {**values, **dict(zip(keys, pair, strict=True))}
        solved = solve(model, ["dco_xmod"], start, own, uncertain=False).values
        pair = solved[keys[0]], solved[keys[1]]
        ends.append((cost(pair, own), pair))
    least, best = min(ends)
    rivals = [pair for left, pair in ends if left < RIVAL * least and _apart(pair, best) > _OTHER]
    return Depths(best, least, tuple(rivals))


def _apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    """How far two pairs of depths differ, in shares of the deeper."""
    return max(abs(a - b) / max(abs(a), abs(b), _SHALLOWEST) for a, b in zip(one, other, strict=True))


def _in_unison(model: Model, place: int) -> bool:
    names = ("DCO1 RANGE", "DCO2 RANGE", "DCO1 TUNE", "DCO2 TUNE")
    range1, range2, tune1, tune2 = (int(model.tones[place, parameter(name).column]) for name in names)
    return range1 == range2 and tune1 == tune2


def _cost(model: Model, profile: Profile, places: Sequence[int]) -> float:
    """Mean difference of what is measured, each capped."""
    if not places:
        return 0.0
    rendered = model.rendered(profile, places)
    left = [np.minimum(np.abs(model.data[n] - rendered.measured[n]), _CAPPED_DB).mean() for n in places]
    return float(np.mean(left))

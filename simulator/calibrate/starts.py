"""Where a fit begins: first values straight from the measurements, where the assumed ones may be too far
away.

Least squares finds the nearest valley, and cross-modulation has many: so its depths are searched on a grid of
renders first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from jxctl.params import parameter
from simulator.calibrate.model import Key, Model

_CAPPED_DB = 4.0
"""A band that is further off than this may be any distance away."""
_DEEPEST, _SHALLOWEST, _DEPTHS = 1.3, 0.04, 9


def depths(
    model: Model, values: Mapping[Key, float], places: Sequence[int], row: int, modulates: bool
) -> tuple[tuple[float, float], float]:
    """Depths of both ways of cross-modulation at a position of DCO XMOD, and what they leave (dB, capped).

    A grid of renders, twice refined; without ``modulates`` no depth but 0.
    """
    switch = parameter("DCO XMOD")
    own = [place for place in places if switch.position(int(model.tones[place, switch.column])) == row]
    keys = (("dco_xmod", f"{row},2"), ("dco_xmod", f"{row},3"))
    if not modulates or not own:
        return (0.0, 0.0), _costs(model, values, own, keys, [(0.0, 0.0)])[0]
    coarse = [0.0, *np.geomspace(_SHALLOWEST, _DEEPEST, _DEPTHS).tolist()]
    # Half of the takes tell the neighbourhood.
    ranked = _best(model, values, own[::2], keys, list(product(coarse, coarse)), 3)
    near = (0.8, 0.9, 1.0, 1.1, 1.22)
    ranked = _best(
        model, values, own, keys, [(a * f, b * g) for a, b in ranked for f in near for g in near], 2
    )
    close = (0.97, 1.0, 1.03)
    pairs = [(a * f, b * g) for a, b in ranked for f in close for g in close]
    costs = _costs(model, values, own, keys, pairs)
    place = int(np.argmin(costs))
    return pairs[place], costs[place]


def _best(
    model: Model, values: Mapping[Key, float], places: Sequence[int], keys: tuple[Key, Key],
    pairs: Sequence[tuple[float, float]], count: int,
) -> list[tuple[float, float]]:  # fmt: skip
    costs = _costs(model, values, places, keys, pairs)
    return [pairs[place] for place in np.argsort(costs)[:count]]


def _costs(
    model: Model, values: Mapping[Key, float], places: Sequence[int], keys: tuple[Key, Key],
    pairs: Sequence[tuple[float, float]],
) -> list[float]:  # fmt: skip
    """Mean difference of bands in dB, each capped, for each pair of values of two parts."""
    found = []
    for pair in pairs:
        profile = model.profile({**values, **dict(zip(keys, pair, strict=True))})
        rendered = model.rendered(profile, places)
        left = [np.minimum(np.abs(model.data[n] - rendered.measured[n]), _CAPPED_DB).mean() for n in places]
        found.append(float(np.mean(left)) if left else 0.0)
    return found

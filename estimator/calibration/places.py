"""Where the LFO of a chorus stood when the key went down: open for each take, and found along with the laws.

What harmonics pass depends a little on it, and on the depth of the modulation alike; so places are compared
by what they leave once the laws have moved along (variable projection), not by what they leave at first.
Between places, measurements are taken to go in straight lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from estimator.calibration.signals import Floats
from simulator.synth.chorus import phase_seeds

PLACES = 8
"""That are tried for a take."""
BETWEEN = 1 / np.sqrt(12)
"""Standard deviation of where an LFO stood beside the nearest place, in distances of places: anywhere."""
_SEEDS = 256


def seeds(one_side: bool) -> list[int]:
    """Seeds of renders that place the LFO evenly: over a turn, or over half of it, after which the mean of
    both sides is alike."""
    turns = phase_seeds(np.arange(_SEEDS)) / 2.0**32
    wanted = (np.arange(PLACES) + 0.5) / PLACES * (1.0 if one_side else 0.5)
    return [int(np.argmin(np.abs(turns - place))) for place in wanted]


def placed(
    left: Sequence[Sequence[Floats]],
    matrix: Floats,
    weight: Floats,
    prior: Floats,
    together: Sequence[Sequence[int]],
) -> list[int]:
    """The best place of each take. ``left``: by place and take, what the recording has beyond the render.
    ``matrix``: derivatives of all numbers by all that is open, ``prior``: how surely each is known
    beforehand, ``weight``: of each number. ``together``: takes that share laws, few at a time."""
    ends = np.cumsum([0, *(own.size for own in left[0])])
    chosen = [0] * len(left[0])
    for takes in together:
        rows = np.concatenate([np.arange(ends[take], ends[take + 1]) for take in takes])
        some = matrix[rows] * weight[rows, None]
        inverse = np.linalg.pinv(some.T @ some + np.diag(prior + 1e-9), hermitian=True)
        choices = list(product(range(len(left)), repeat=len(takes)))
        all_left = np.stack(
            [
                np.concatenate([left[n][take] for n, take in zip(choice, takes, strict=True)])
                for choice in choices
            ]
        )
        scaled = all_left * weight[rows]
        slopes = scaled @ some
        cost = np.sum(np.square(scaled), axis=1) - np.sum(slopes @ inverse * slopes, axis=1)
        for n, take in zip(choices[int(np.argmin(cost))], takes, strict=True):
            chosen[take] = n
    return chosen


def around(tried: Sequence[Floats], place: int) -> tuple[Floats, Floats]:
    """How measurements change from a place to the next in a straight line, and how far they lie from it."""
    before, after = tried[place - 1], tried[(place + 1) % len(tried)]
    return np.nan_to_num(after - before) / 2, np.nan_to_num((after + before) / 2 - tried[place])

"""Several answers that really differ, out of thousands that were heard.

The nearest candidates of a search are nearly one tone. Two tones differ here if at least `APART` parameters
that can be heard in either do: a switch in another position, or a level `LEVEL_APART` raw values away. That
is what a player would see on the panel; how far each sounds from the target is its distance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from estimator import heads
from estimator.audible import audible
from estimator.search import Found
from jxctl.tone import INIT_TONE

APART = 3
LEVEL_APART = 16
_IS_LEVEL = np.array([head.parameter.kind == "level" for head in heads.HEADS])


def differing(one: NDArray[np.int64], other: NDArray[np.int64]) -> int:
    """How many audible parameters of two tones, int64[heads], differ."""
    heard = audible(heads.tones_from(np.stack([one, other]), INIT_TONE.values)).any(axis=0)
    away = np.where(_IS_LEVEL, np.abs(one - other) >= LEVEL_APART, one != other)
    return int(np.count_nonzero(away & heard))


def different(found: Found, count: int, among: int = 4000) -> list[int]:
    """Places in ``found`` of the best and the next nearest that differ from all before them: ``count`` at
    most, looked for among the nearest ``among`` that made a sound."""
    chosen: list[int] = []
    for k in range(min(among, len(found.distances))):
        if len(chosen) == count:
            break
        if chosen and not np.isfinite(found.distances[k]):
            break
        if all(differing(found.choices[k], found.choices[other]) >= APART for other in chosen):
            chosen.append(k)
    return chosen

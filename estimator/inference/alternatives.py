"""Several answers that really differ, out of thousands that were heard.

The nearest candidates of a search are nearly one tone. Two tones differ here if at least `APART` parameters
that can be heard in either do: a switch in another position, or a level `LEVEL_APART` raw values away. That
is what a player would see on the panel; how far each sounds from the target is its distance.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from estimator.inference.audibility import audible
from estimator.inference.search import Found
from estimator.network import parameters
from jxctl.protocol.tone import INIT_TONE

APART = 3
LEVEL_APART = 16


def differing(others: NDArray[np.int64], one: NDArray[np.int64]) -> NDArray[np.int64]:
    """In how many parameters that can be heard, in it or in ``one``, each of ``others`` differs from ``one``:
    int64[N]. ``others``: int64[N, heads]; ``one``: int64[heads]."""
    heard = audible(parameters.tones_from(np.concatenate([one[None], others]), INIT_TONE.values))
    away = np.where(parameters.IS_LEVEL, np.abs(others - one) >= LEVEL_APART, others != one)
    return np.count_nonzero(away & (heard[1:] | heard[0]), axis=1)


def different(found: Found, count: int, among: int = 4000) -> list[int]:
    """Places in ``found`` of the best and the next nearest that differ from all before them: ``count`` at
    most, looked for among the nearest ``among`` that made a sound."""
    choices = found.choices[:among]
    left = np.isfinite(found.distances[:among])
    left[:1] = True
    chosen: list[int] = []
    while left.any() and len(chosen) < count:
        chosen.append(int(left.argmax()))
        left &= differing(choices, choices[chosen[-1]]) >= APART
    return chosen

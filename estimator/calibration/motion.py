"""How the numbers of `measures.chorus_motion` lie: rate, amplitudes that harmonics pass, upper bands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from estimator.calibration import measurements
from estimator.calibration.measurements import PASSED
from estimator.calibration.signals import Floats

SHARES = len(PASSED) * measurements.CHORUS_HARMONICS
"""How many amplitudes there are."""


def at_rate(size: int, value: float) -> Floats:
    """Numbers of a take, of which only that of the rate is not 0."""
    return np.concatenate([[value], np.zeros(size - 1)])


def kinds(size: int) -> Floats:
    """Of the numbers of a take: 0 its rate, 1 harmonics, 2 upper bands."""
    return np.concatenate([[0], np.ones(SHARES), np.full(size - 1 - SHARES, 2)])


def used(data: Floats, harmonics: int) -> Floats:
    """Which numbers of a take are compared while only the lowest harmonics are."""
    shares = np.zeros((len(PASSED), measurements.CHORUS_HARMONICS), bool)
    shares[:, :harmonics] = True
    return np.concatenate([[True], shares.ravel(), np.ones(data.size - 1 - SHARES, bool)])


def by_harmonic(data: Sequence[Floats]) -> tuple[Any, Any]:
    """An order of all numbers in which those of a harmonic follow each other, and where each begins."""
    order, sizes = [], [0]
    begin = 0
    for own in data:
        shares = begin + 1 + np.arange(SHARES).reshape(len(PASSED), -1).T
        order += [begin, *shares.ravel(), *range(begin + 1 + SHARES, begin + own.size)]
        sizes += [1, *[len(PASSED)] * measurements.CHORUS_HARMONICS, *[1] * (own.size - 1 - SHARES)]
        begin += own.size
    return np.array(order), np.cumsum(sizes)

"""The period of the control loop, read off directly: all else is told in its turns, so it comes first.

A falling pitch moves by steps, a turn apart: the comb that they make has the period itself, to some
hundredths of a per mille. Nothing has to be fitted for that, and a fit would do harm: renders of a noisy
board may be misread by a whole factor, which would count as the scatter of every reading. So recordings have
to agree among themselves, and renders of known periods only say how far off a reading is that is right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from estimator.calibration import uncertainty
from estimator.calibration.forward_model import Key, Model

_AROUND = (-0.003, -0.0015, 0.0, 0.0015, 0.003)
"""Logarithms of periods, from the one that was read, of renders that are read as well."""
_MISREAD = 0.05
"""A reading of a render that is further off took another comb."""
KEY: Key = ("tick", "value")


@dataclass(frozen=True)
class Period:
    """``seconds``: of a turn. ``sigma``: standard deviation of its logarithm. ``left``: RMS of logarithms
    that its takes leave."""

    seconds: float
    sigma: float
    left: float


def period(model: Model, values: Mapping[Key, float], places: Sequence[int]) -> Period | None:
    """The period that the takes at ``places`` show; None where none of them shows one.

    Its uncertainty is the larger of how far takes disagree and of how far readings of renders are off.
    """
    read = np.array([float(model.data[place][0]) for place in places])
    read = read[np.isfinite(read)]
    if not read.size:
        return None
    middle = float(np.median(read))
    left = float(np.sqrt(np.mean(np.square(read - middle))))
    disagree = (
        float(np.std(read, ddof=1) / np.sqrt(read.size)) * uncertainty.few(read.size - 1)
        if read.size > 1
        else 0.0
    )
    off = []
    for change in _AROUND:
        there = model.profile({**values, KEY: float(np.exp(middle + change))})
        measured = model.rendered(there, places).measured
        errors = np.array([float(measured[place][0]) for place in places]) - middle - change
        right = errors[np.abs(errors) < _MISREAD]
        if right.size:
            off.append(float(right.mean()))
    reading = float(np.sqrt(np.mean(np.square(off)))) * uncertainty.few(len(off)) if off else 0.0
    sigma = max(disagree, reading) if off or read.size > 1 else uncertainty.UNKNOWN
    return Period(float(np.exp(middle)), sigma, left)

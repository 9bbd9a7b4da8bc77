"""What a fit came to."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from estimator.calibration.forward_model import Key
from estimator.calibration.parametrization import Part
from estimator.calibration.signals import Floats


@dataclass
class Solution:
    """A fit. ``values``: of all parts. ``covariance``: of ``parts`` on their axes. ``scatter``: standard
    deviation of residuals by measurement. ``residual``: RMS of residuals over the first guess, by experiment.
    ``spread``: standard deviation of voices, by kind. ``cost``: half the weighted sum of squares."""

    values: dict[Key, float]
    parts: list[Part]
    covariance: Floats
    scatter: dict[str, float]
    cost: float
    spread: dict[str, float] = field(default_factory=dict)
    residual: dict[str, float] = field(default_factory=dict)

    def sigma(self, law: str, name: str) -> float:
        """Standard deviation of a part on its axis; nan for one that was not fitted."""
        for place, part in enumerate(self.parts):
            if (part.law, part.name) == (law, name):
                return float(np.sqrt(max(self.covariance[place, place], 0)))
        return float("nan")

"""The step that all levels take together: least absolute residuals by a few weighted least squares.

The distance of two sounds is a mean of absolute differences over cells. Around a candidate each cell moves
about in proportion to each level, by slopes measured with one render a level (`simulator` has no gradient,
and renders are cheap). What sum of steps makes the absolute residuals least is then a linear problem, solved
by weighting squares with 1 / |residual| (IRLS), damped as Levenberg and Marquardt do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROUNDS = 3
"""How often the weights are renewed."""
SMALLEST_DB = 1.0
"""Residuals below weigh as if they were this large: they are noise."""
DAMPINGS = (0.003, 0.03, 0.3, 2.0)
"""Relative to the mean curvature of the levels."""


class Slopes:
    """How residuals move: ``slopes`` float32[levels, cells], dB a raw step of each of the ``levels``,
    int64[levels] (head indices)."""

    def __init__(self, slopes: NDArray[np.float32], levels: NDArray[np.int64]) -> None:
        moving = np.abs(slopes).mean(axis=1) > 1e-5
        self.slopes, self.levels = np.ascontiguousarray(slopes[moving]), levels[moving]

    def step(
        self, residual: NDArray[np.float32], damping: float, rounds: int = ROUNDS
    ) -> NDArray[np.float64]:
        """The step of each level, float64[levels], that makes mean(abs(residual + step @ slopes)) small."""
        step = np.zeros(len(self.levels))
        if not len(step):
            return step
        left = residual
        for _ in range(rounds):
            weight = 1 / np.maximum(np.abs(left), SMALLEST_DB)
            weighted = self.slopes * weight
            curvature = (weighted @ self.slopes.T).astype(np.float64)
            ridge = damping * (np.diag(curvature) + 0.1 * np.trace(curvature) / len(step))
            step = -np.linalg.solve(
                curvature + np.diag(ridge + 1e-9), (weighted @ residual).astype(np.float64)
            )
            left = residual + step.astype(np.float32) @ self.slopes
        return step

    def slide(
        self, residual: NDArray[np.float32], place: int, by: float, damping: float
    ) -> NDArray[np.float64]:
        """The step of each level if level ``place`` moves ``by`` and all others make up for it as far as they
        can: along a valley, in which levels that stand in for one another are found."""
        others = np.arange(len(self.levels)) != place
        rest = Slopes.__new__(Slopes)
        rest.slopes, rest.levels = self.slopes[others], self.levels[others]
        step = np.zeros(len(self.levels))
        step[place] = by
        step[others] = rest.step(residual + np.float32(by) * self.slopes[place], damping, 2)
        return step

    def predicted(self, residual: NDArray[np.float32], step: NDArray[np.float64]) -> float:
        """Mean absolute residual, dB, after a step, if slopes were the same everywhere."""
        return float(np.abs(residual + step.astype(np.float32) @ self.slopes).mean())

"""Steps that all levels take together: least absolute residuals by a few weighted least squares.

The distance of two sounds is a mean of absolute differences over cells. Around a candidate each cell moves
about in proportion to each level, by slopes measured with one render a level (the simulator has no gradient,
but renders are cheap). Which steps make the absolute residuals least is then a linear problem, solved by
weighting squares with 1 / |residual| (iteratively reweighted least squares), damped as Levenberg and
Marquardt do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROUNDS = 3
"""How often the weights are renewed."""
SMALLEST_DB = 1.0
"""Residuals below weigh as if they were this large: they are noise."""
SMALLEST_SLOPE_DB = 1e-5
"""A level that moves no cell by more than this, in the mean, is left out: it cannot be heard."""


@dataclass(frozen=True)
class Slopes:
    """``slopes``: float32[levels, cells], dB for each raw step of ``levels``, int64[levels], head indices."""

    slopes: NDArray[np.float32]
    levels: NDArray[np.int64]

    @classmethod
    def measured(
        cls, moved: NDArray[np.float32], residual: NDArray[np.float32], steps: NDArray[np.int64],
        levels: NDArray[np.int64],
    ) -> Slopes:  # fmt: skip
        """From residuals before, float32[cells], and after each level's own step, float32[levels, cells]."""
        slopes = (moved - residual) / steps[:, None].astype(np.float32)
        moving = np.abs(slopes).mean(axis=1) > SMALLEST_SLOPE_DB
        return cls(np.ascontiguousarray(slopes[moving]), levels[moving])

    def step(
        self, residual: NDArray[np.float32], damping: float, rounds: int = ROUNDS
    ) -> NDArray[np.float64]:
        """Raw steps, float64[levels], that make mean(abs(residual + step @ slopes)) small.

        ``damping``: relative to the curvature of each level; the larger, the shorter the step.
        """
        step: NDArray[np.float64] = np.zeros(len(self.levels))
        if not len(step):
            return step
        left = residual
        for _ in range(rounds):
            weighted = self.slopes * (1 / np.maximum(np.abs(left), SMALLEST_DB))
            curvature = (weighted @ self.slopes.T).astype(np.float64)
            ridge = damping * (np.diag(curvature) + 0.1 * np.trace(curvature) / len(step)) + 1e-9
            pull = (weighted @ residual).astype(np.float64)
            step = np.asarray(-np.linalg.solve(curvature + np.diag(ridge), pull))
            left = residual + step.astype(np.float32) @ self.slopes
        return step

    def slide(
        self, residual: NDArray[np.float32], place: int, by: float, damping: float
    ) -> NDArray[np.float64]:
        """The step of each level if level ``place`` moves ``by`` and all others make up for it as far as they
        can: along a valley, where levels stand in for one another (cutoff, envelope depth, sustain)."""
        others = np.arange(len(self.levels)) != place
        rest = Slopes(self.slopes[others], self.levels[others])
        step = np.zeros(len(self.levels))
        step[place] = by
        step[others] = rest.step(residual + np.float32(by) * self.slopes[place], damping, 2)
        return step

    def predicted(self, residual: NDArray[np.float32], step: NDArray[np.float64]) -> float:
        """Mean absolute residual, dB, after a step, if slopes were the same everywhere."""
        return float(np.abs(residual + step.astype(np.float32) @ self.slopes).mean())

"""Gauss-Newton steps of all levels together, towards the least absolute residuals.

The distance of two sounds is a mean of absolute differences over cells. Around a candidate each cell moves
about in proportion to each level, by slopes measured with one render a level (the simulator has no gradient,
but renders are cheap). Which steps make the absolute residuals least is then a linear problem, solved by
weighting squares with 1 / |residual| (iteratively reweighted least squares, `least_absolute`), damped as
Levenberg and Marquardt do (`Slopes.steps`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

ROUNDS = 3
"""How often the weights are renewed."""
SMALLEST_DB = 1.0
"""Residuals below weigh as if they were this large: they are noise."""
SMALLEST_SLOPE_DB = 1e-5
"""A level that moves no cell by more than this, in the mean, is left out: it cannot be heard."""


Equations = Callable[[NDArray[np.float32]], tuple[NDArray[np.float64], NDArray[np.float64]]]
"""Normal equations for weights of cells, float32[..., cells]: curvature, float64[..., n, n], and gradient,
float64[..., n], of half the weighted sum of squares (and of whatever holds the unknowns)."""


def least_absolute(
    slopes: NDArray[np.float32], start: NDArray[np.float32], equations: Equations, rounds: int = ROUNDS
) -> NDArray[np.float64]:
    """Iteratively reweighted least squares: steps, float64[..., n], that make abs(start + step @ slopes)
    small.

    ``slopes``: float32[n, cells]. ``start``: float32[..., cells]. Each of the ``rounds`` weighs cells with
    1 / |residual| as the last left them and solves the ``equations`` of that.
    """
    left = start
    for _ in range(rounds):
        weight = np.asarray(1 / np.maximum(np.abs(left), SMALLEST_DB), np.float32)
        curvature, gradient = equations(weight)
        step = np.asarray(-np.linalg.solve(curvature, gradient[..., None])[..., 0], np.float64)
        left = start + step.astype(np.float32) @ slopes
    return step


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

    @functools.cached_property
    def _moving(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The cells that any level moves, and their slopes, float32[levels, moving cells]. No step changes
        the others, often half of all: those of the silence behind a sound."""
        cells = np.flatnonzero(self.slopes.any(axis=0))
        return cells, np.ascontiguousarray(self.slopes[:, cells])

    @functools.cached_property
    def _pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Every two levels once, and the products of their slopes, float32[pairs, moving cells]: the weighted
        sums of these are the curvature, so that many problems are one product of matrices."""
        one, other = np.triu_indices(len(self.levels))
        slopes = self._moving[1]
        return one, other, slopes[one] * slopes[other]

    def steps(
        self,
        residuals: NDArray[np.float32],
        dampings: ArrayLike,
        rounds: int = ROUNDS,
        slides: Mapping[int, tuple[int, float]] | None = None,
    ) -> NDArray[np.float64]:
        """For each of P problems raw steps, float64[P, levels], that make mean(abs(residual + step @ slopes))
        small.

        ``residuals``: float32[P, cells]. ``dampings``: [P], relative to the curvature of each level; the
        larger, the shorter the step. ``slides``: problem to (place, by): level ``place`` moves ``by``, and
        all others make up for it as far as they can: along a valley, where levels stand in for one another
        (cutoff, envelope depth, sustain).
        """
        count, levels = len(residuals), len(self.levels)
        if not count * levels:
            return np.zeros((count, levels))
        held, by = np.zeros((count, levels), bool), np.zeros((count, levels))
        for k, (place, far) in (slides or {}).items():
            held[k, place], by[k, place] = True, far
        free = ~held
        cells, slopes = self._moving
        start = residuals[:, cells] + by.astype(np.float32) @ slopes
        damping = np.asarray(dampings, np.float64)[:, None]
        one, other, products = self._pairs
        diagonal = np.arange(levels)
        curvature = np.empty((count, levels, levels))

        def equations(weight: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
            curvature[:, one, other] = weight @ products.T
            curvature[:, other, one] = curvature[:, one, other]
            gradient = ((weight * start) @ slopes.T).astype(np.float64) * free
            np.multiply(curvature, free[:, :, None] & free[:, None], out=curvature)
            own = curvature[:, diagonal, diagonal]
            mean = own.sum(axis=1, keepdims=True) / np.maximum(free.sum(axis=1, keepdims=True), 1)
            curvature[:, diagonal, diagonal] += damping * (own + 0.1 * mean) + 1e-9
            return curvature, gradient

        return least_absolute(slopes, start, equations, rounds) + by

    def step(
        self, residual: NDArray[np.float32], damping: float, rounds: int = ROUNDS
    ) -> NDArray[np.float64]:
        """`steps` for one problem: float64[levels]."""
        return self.steps(residual[None], [damping], rounds)[0]

    def predicted(self, residuals: NDArray[np.float32], steps: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean absolute residuals, dB, float64[P], after steps, if slopes were the same everywhere."""
        left = residuals.copy()
        cells, slopes = self._moving
        left[:, cells] += steps.astype(np.float32) @ slopes
        return np.asarray(np.abs(left).mean(axis=1, dtype=np.float64))

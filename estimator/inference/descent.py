"""Steps that all levels take together: least absolute residuals by a few weighted least squares.

The distance of two sounds is a mean of absolute differences over cells. Around a candidate each cell moves
about in proportion to each level, by slopes measured with one render a level (the simulator has no gradient,
but renders are cheap). Which steps make the absolute residuals least is then a linear problem, solved by
weighting squares with 1 / |residual| (iteratively reweighted least squares), damped as Levenberg and
Marquardt do.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
        step: NDArray[np.float64] = np.zeros((count, levels))
        if not step.size:
            return step
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
        left = start
        for _ in range(rounds):
            weight = 1 / np.maximum(np.abs(left), SMALLEST_DB)
            curvature[:, one, other] = weight @ products.T
            curvature[:, other, one] = curvature[:, one, other]
            pull = ((weight * start) @ slopes.T).astype(np.float64) * free
            curvature *= free[:, :, None] & free[:, None]
            own = curvature[:, diagonal, diagonal]
            mean = own.sum(axis=1, keepdims=True) / np.maximum(free.sum(axis=1, keepdims=True), 1)
            curvature[:, diagonal, diagonal] += damping * (own + 0.1 * mean) + 1e-9
            step = np.asarray(-np.linalg.solve(curvature, pull[:, :, None])[:, :, 0], np.float64)
            left = start + step.astype(np.float32) @ slopes
        return step + by

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

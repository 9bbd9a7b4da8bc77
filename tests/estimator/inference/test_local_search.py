"""Steps over measured slopes, on residuals that are known to be linear."""

from __future__ import annotations

import numpy as np
import pytest

from estimator.inference.local_search import Slopes


def linear(seed: int, levels: int = 6, cells: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True slopes, the step that leads to nothing, and the residual before it."""
    rng = np.random.default_rng(seed)
    slopes = rng.normal(0, 0.5, (levels, cells)).astype(np.float32)
    step = rng.integers(-20, 21, levels).astype(float)
    return slopes, step, (-step @ slopes).astype(np.float32)


def test_slopes_are_differences_by_step_and_what_moves_nothing_is_left_out() -> None:
    slopes, _, residual = linear(1)
    slopes[2] = 0
    steps = np.array([3, -3, 5, 1, -2, 4])
    moved = residual + steps[:, None] * slopes
    measured = Slopes.measured(moved.astype(np.float32), residual, steps, np.arange(10, 16))
    assert measured.levels.tolist() == [10, 11, 13, 14, 15]
    assert measured.slopes == pytest.approx(slopes[[0, 1, 3, 4, 5]], abs=1e-4)


def test_a_linear_problem_is_solved_in_a_step() -> None:
    slopes, step, residual = linear(2)
    found = Slopes(slopes, np.arange(6)).step(residual, 1e-6)
    assert found == pytest.approx(step, abs=0.01)
    assert Slopes(slopes, np.arange(6)).predicted(residual[None], found[None]) < 0.01


def test_absolute_residuals_ignore_what_a_few_cells_shout() -> None:
    """A tenth of the cells is off by 60 dB: squares are pulled away, absolute values are not."""
    slopes, step, residual = linear(3)
    residual[::10] += 60
    squares = -np.linalg.lstsq(slopes.T, residual, rcond=None)[0]
    found = Slopes(slopes, np.arange(6)).step(residual, 1e-6, rounds=30)
    assert np.abs(found - step).max() < 0.3 * np.abs(squares - step).max()


def test_damping_shortens() -> None:
    slopes, _, residual = linear(4)
    lengths = [np.linalg.norm(Slopes(slopes, np.arange(6)).step(residual, d)) for d in (0.001, 0.3, 3.0)]
    assert lengths[0] > lengths[1] > lengths[2] > 0


def test_a_slide_moves_one_level_and_another_makes_up_for_it() -> None:
    """Two levels with nearly the same slope: 10 up with one is 10 down with the other."""
    slopes, _, _ = linear(5)
    slopes[1] = slopes[0] + 0.01 * slopes[1]
    (step,) = Slopes(slopes, np.arange(6)).steps(np.zeros((1, 400), np.float32), [1e-6], 2, {0: (0, 10.0)})
    assert step[0] == 10
    assert step[1] == pytest.approx(-10, abs=0.5)
    assert np.abs(step[2:]).max() < 0.5


def plainly(slopes: np.ndarray, residual: np.ndarray, damping: float, rounds: int) -> np.ndarray:
    """Reweighted least squares as written down, one problem, float64."""
    left, step = residual, np.zeros(len(slopes))
    for _ in range(rounds):
        weight = 1 / np.maximum(np.abs(left), 1.0)
        curvature = (slopes * weight) @ slopes.T
        ridge = damping * (np.diag(curvature) + 0.1 * np.trace(curvature) / len(slopes))
        step = -np.linalg.solve(curvature + np.diag(ridge), slopes @ (weight * residual))
        left = residual + step @ slopes
    return step


def test_problems_solved_together_are_each_the_plain_form() -> None:
    slopes, _, residual = linear(6)
    rng = np.random.default_rng(7)
    residuals = np.stack([residual, -residual, rng.normal(0, 9, 400)]).astype(np.float32)
    dampings = (0.01, 0.3, 2.0)
    found = Slopes(slopes, np.arange(6)).steps(residuals, dampings, slides={1: (2, 7.0)})
    for k in (0, 2):
        assert found[k] == pytest.approx(plainly(slopes, residuals[k], dampings[k], 3), rel=1e-3, abs=1e-3)
    rest = np.delete(np.arange(6), 2)
    moved = residuals[1] + 7 * slopes[2]
    assert found[1, 2] == 7
    assert found[1, rest] == pytest.approx(plainly(slopes[rest], moved, 0.3, 3), rel=1e-3, abs=1e-3)

"""Steps over measured slopes, on residuals that are known to be linear."""

from __future__ import annotations

import numpy as np
import pytest

from estimator.descent import Slopes


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
    assert Slopes(slopes, np.arange(6)).predicted(residual, found) < 0.01


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
    step = Slopes(slopes, np.arange(6)).slide(np.zeros(400, np.float32), 0, 10.0, 1e-6)
    assert step[0] == 10
    assert step[1] == pytest.approx(-10, abs=0.5)
    assert np.abs(step[2:]).max() < 0.5

"""The search keeps to its budget, repeats with its seed, holds what is fixed, and finds what it is asked
for.

Steps over measured slopes, on residuals that are known to be linear.
"""

from __future__ import annotations

import numpy as np
import pytest

from estimator.inference.objective import Heard
from estimator.inference.posterior import Proposal, from_marginals
from estimator.inference.search import Slopes, search
from estimator.network import parameters
from estimator.network.parameters import IS_LEVEL

LAST = np.array([head.classes - 1 for head in parameters.HEADS])
DEAF = [k for k, head in enumerate(parameters.HEADS) if head.parameter.name in ("VCA LEVEL", "VCA DYNA")]


def vague(count: int = 256) -> Proposal:
    """Of a network that knows nothing."""
    marginals = [np.full(head.classes, 1 / head.classes) for head in parameters.HEADS]
    return from_marginals(marginals, count, np.random.default_rng(9))


class Counting:
    """An ear to whose residual every parameter adds: a level its error, a switch 1 for being wrong."""

    def __init__(self, target: np.ndarray, silent: bool = False) -> None:
        self.target, self.silent, self.heard = target, silent, []

    def hear(self, choices: np.ndarray) -> Heard:
        self.heard.append(choices)
        off = choices - self.target
        residuals = np.where(IS_LEVEL, off / 127 * 10, 10.0 * (off != 0)).astype(np.float32)
        residuals[:, DEAF] = 0
        distances = np.abs(residuals).sum(axis=1).astype(float)
        if self.silent:
            distances[choices[:, 0] % 2 == 1] = np.inf
        return Heard(distances, residuals)


def anywhere(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.array([rng.integers(head.classes) for head in parameters.HEADS])


@pytest.mark.parametrize("budget", [1, 5, 32, 33, 333])
def test_the_budget_is_kept_and_the_best_come_first(budget: int) -> None:
    told: list[int] = []
    ear = Counting(np.zeros(len(parameters.HEADS), int))
    found = search(vague(), ear, budget, np.random.default_rng(0), report=told.append)
    assert sum(told) == sum(map(len, ear.heard)) == len(found.choices) == budget
    assert np.all(np.diff(found.distances) >= 0)
    assert np.array_equal(ear.hear(found.choices).distances, found.distances)
    assert np.all((found.choices >= 0) & (found.choices <= LAST))


def test_no_budget_still_hears_the_networks_own_answer() -> None:
    proposal = vague()
    found = search(proposal, Counting(anywhere(1)), 0, np.random.default_rng(0))
    assert np.array_equal(found.choices, proposal.best[None])


def test_it_comes_far_nearer_than_draws_and_repeats() -> None:
    target = anywhere(1)
    first, again = (search(vague(), Counting(target), 1000, np.random.default_rng(2)) for _ in range(2))
    assert np.array_equal(first.choices, again.choices)
    draws = Counting(target).hear(vague(1000).draws).distances
    assert first.distances[0] < 0.45 * draws.min()


def test_fixed_parameters_are_never_moved() -> None:
    fixed = {0: 2, 20: 64, 43: 0}
    marginals = [np.full(head.classes, 1 / head.classes) for head in parameters.HEADS]
    proposal = from_marginals(marginals, 64, np.random.default_rng(9), fixed)
    found = search(proposal, Counting(anywhere(3)), 500, np.random.default_rng(0), fixed=fixed)
    for k, value in fixed.items():
        assert np.all(found.choices[:, k] == value)


def test_a_start_is_heard_first() -> None:
    target = anywhere(4)
    found = search(vague(), Counting(target), 64, np.random.default_rng(0), starts=target[None])
    assert found.distances[0] == 0
    assert np.array_equal(found.choices[0], target)


def test_what_makes_no_sound_stays_behind_all_that_does() -> None:
    ear = Counting(np.zeros(len(parameters.HEADS), int), silent=True)
    found = search(vague(), ear, 200, np.random.default_rng(4))
    assert np.isfinite(found.distances[0])
    finite = np.isfinite(found.distances)
    assert not np.any(finite[1:] & ~finite[:-1])


def test_an_interrupt_returns_the_best_so_far_and_before_any_goes_on() -> None:
    class Interrupted(Counting):
        def hear(self, choices: np.ndarray) -> Heard:
            if len(self.heard) == self.after:
                raise KeyboardInterrupt
            return super().hear(choices)

        after = 3

    ear = Interrupted(anywhere(5))
    found = search(vague(), ear, 5000, np.random.default_rng(0))
    assert len(found.choices) == sum(map(len, ear.heard))
    ear = Interrupted(anywhere(5))
    ear.after = 0
    with pytest.raises(KeyboardInterrupt):
        search(vague(), ear, 5000, np.random.default_rng(0))


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

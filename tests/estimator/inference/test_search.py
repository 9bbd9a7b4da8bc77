"""The search keeps to its budget, repeats with its seed, holds what is fixed, and finds what it is asked
for."""

from __future__ import annotations

import numpy as np
import pytest

from estimator.inference.objective import Heard
from estimator.inference.posterior import Proposal, from_marginals
from estimator.inference.search import search
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

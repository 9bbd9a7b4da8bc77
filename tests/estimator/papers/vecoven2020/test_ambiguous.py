"""What sounds alike although it is spelt otherwise: tones whose routing leaves no doubt."""

from __future__ import annotations

import numpy as np
import pytest
from thesis_tone import tone

from estimator.papers.vecoven2020 import ambiguous, task
from estimator.papers.vecoven2020.task import NAMES, Normal, targets_of


def test_oscillators_change_places() -> None:
    _, targets = task.sample(5, np.random.default_rng(0))
    once = ambiguous.exchanged(targets)
    np.testing.assert_allclose(ambiguous.exchanged(once), targets, atol=1e-7)
    pairs = [("DCO1 RANGE", "DCO2 RANGE"), ("DCO1 WF", "DCO2 WF"), ("MIX DCO1", "MIX DCO2")]
    for first, second in pairs:
        assert (once[:, NAMES.index(first)] == targets[:, NAMES.index(second)]).all()
    assert (once[:, NAMES.index("VCF FREQ")] == targets[:, NAMES.index("VCF FREQ")]).all()


def test_a_lone_oscillator_may_be_either_and_two_unlike_ones_at_other_levels_may_not() -> None:
    lone = tone()  # DCO-1 alone; exchanged, DCO-2 alone plays the same
    found = ambiguous.exchange(lone)
    assert found["share"] == 1
    # Both mixer levels are half wrong, and fine tune by half a step; the rest is equal.
    assert found["floor"] == pytest.approx((2 * 0.25 + (0.5 / 127) ** 2) / 26, rel=1e-3)
    unlike = tone(MIX_DCO2=1, MIX_DCO1=0.5, DCO2_WF=0.5, DCO2_TUNE=0.8, DCO2_FTUNE=0.9)
    assert ambiguous.exchange(unlike) == {"share": 0, "floor": 0}


def test_the_spellings_of_a_pitch() -> None:
    target = targets_of(tone(DCO1_RANGE=1 / 3, DCO1_TUNE=0.75))[0].astype(np.float64)
    at = [NAMES.index("DCO1 RANGE"), NAMES.index("DCO1 TUNE")]
    np.testing.assert_allclose(ambiguous.spellings(target, "DCO1")[:, at], [[2 / 3, 0.25]], atol=1e-6)
    middle = targets_of(tone())[0].astype(np.float64)  # 8', tune 0: 16' and +12, 4' and -12
    np.testing.assert_allclose(ambiguous.spellings(middle, "DCO1")[:, at], [[0, 1], [2 / 3, 0]], atol=1e-6)
    only = targets_of(tone(DCO1_RANGE=0, DCO1_TUNE=0.2))[0].astype(np.float64)
    assert ambiguous.spellings(only, "DCO1").shape == (0, 26)


def test_a_pitch_spelt_otherwise_is_unheard_and_its_floor_is_a_coin_with_the_priors_weights() -> None:
    sounds = task.play(tone(DCO1_TUNE=0.75))[0], task.play(tone(DCO1_RANGE=2 / 3, DCO1_TUNE=0.25))[0]
    np.testing.assert_allclose(*sounds, atol=1e-6)
    one = tone(DCO1_TUNE=0.75, DCO2_RANGE=0, DCO2_TUNE=0.2)
    found = ambiguous.respelt(one)
    assert found["share"] == 0.5  # DCO-2 has one spelling
    other = np.concatenate((one, tone(DCO1_RANGE=2 / 3, DCO1_TUNE=0.25, DCO2_RANGE=0, DCO2_TUNE=0.2)))
    assert ambiguous.respelt(other)["floor"] == pytest.approx(found["floor"], rel=0.1)
    assert 0 < found["floor"] <= ((1 / 3) ** 2 + 0.5**2) / 4 / 26


def test_the_conditional_normal_is_that_of_a_regression() -> None:
    normal = Normal.load()
    unknown = np.array([0, 2])
    rest = np.delete(np.arange(26), unknown)
    target = targets_of(tone())[0].astype(np.float64)
    mean, covariance = normal.conditional(target, unknown)
    precision = np.linalg.inv(normal.covariance + 1e-6 * np.eye(26))
    wanted = np.linalg.inv(precision[np.ix_(unknown, unknown)])
    np.testing.assert_allclose(covariance, wanted, rtol=0.01, atol=1e-5)
    pull = precision[np.ix_(unknown, rest)] @ (target - normal.mean)[rest]
    np.testing.assert_allclose(mean, normal.mean[unknown] - wanted @ pull, atol=1e-3)

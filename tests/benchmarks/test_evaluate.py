"""What is said of parameters is counted rightly: errors, coverage, calibration."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.evaluate import Said, listen, markdown, prior_answers
from estimator.inference.estimator import Estimator
from estimator.network import parameters
from simulator.prior import Prior

HEADS = len(parameters.HEADS)
LEVEL = np.array([head.parameter.kind == "level" for head in parameters.HEADS])


def said(**given: np.ndarray) -> Said:
    count = 400
    plain = {
        "truth": np.zeros((count, HEADS), np.int64), "answer": np.zeros((count, HEADS), np.int64),
        "heard": np.ones((count, HEADS), bool), "inside": np.ones((count, HEADS, 2)),
        "sure": np.ones((count, HEADS)),
    }  # fmt: skip
    return Said(**(plain | given))


def test_errors_count_what_is_heard_alone() -> None:
    answer = np.zeros((400, HEADS), np.int64)
    answer[:100] = 2
    heard = np.ones((400, HEADS), bool)
    heard[200:] = False
    errors = said(answer=answer, heard=heard).errors()
    assert np.allclose(errors[LEVEL], 1.0)
    assert np.allclose(errors[~LEVEL], 0.5)


def test_whoever_is_as_sure_as_right_has_no_calibration_error() -> None:
    rng = np.random.default_rng(0)
    sure = rng.uniform(size=(400, HEADS))
    wrong = rng.uniform(size=sure.shape) > sure
    honest = said(answer=wrong.astype(np.int64) * (1 + parameters.REACH), sure=sure)
    assert honest.calibration_error() < 0.02
    boasting = said(answer=honest.answer, sure=np.ones_like(sure))
    assert boasting.calibration_error() == pytest.approx(wrong.mean(), abs=1e-9)


def test_central_intervals_hold_their_share() -> None:
    """Truths drawn from the distributions themselves: 50 % of a fine distribution lies in its 50 %."""
    rng = np.random.default_rng(1)
    fine = np.exp(-0.5 * ((np.arange(128)[None] - rng.uniform(30, 90, (4000, 1))) / 15) ** 2)
    probability = [fine / fine.sum(1, keepdims=True)]
    truth = parameters.draw(probability, rng)
    for share in (0.5, 0.9):
        assert parameters.inside(probability, truth, share).mean() == pytest.approx(share, abs=0.04)


def test_piles_do_not_swell_intervals() -> None:
    """Nearly all at 0, as with levels that real tones do not use: still half of it lies in its 50 %."""
    piled = np.tile(np.append(0.8, np.full(127, 0.2 / 127)), (20000, 1))
    truth = parameters.draw([piled], np.random.default_rng(3))
    for share in (0.5, 0.9):
        assert parameters.inside([piled], truth, share).mean() == pytest.approx(share, abs=0.02)


def test_a_certain_distribution_holds_its_value_alone() -> None:
    certain = np.zeros((3, 128))
    certain[:, 64] = 1
    assert parameters.inside([certain], np.array([[64], [65], [63]]), 0.9)[:, 0].tolist() == pytest.approx(
        [0.9, 0, 0]
    )


def test_the_shipped_network_is_evaluated() -> None:
    tones = Prior.load().sample(3, np.random.default_rng(2))
    estimator = Estimator()
    one, six = (listen(estimator, tones, several) for several in (False, True))
    assert np.array_equal(one.truth, six.truth)
    assert ((one.sure >= 0) & (one.sure <= 1 + 1e-9)).all()
    assert (six.heard.sum() >= one.heard.sum()) or len(one.truth) < 3
    page = markdown(one, six)
    assert "expected calibration error" in page
    assert "| prior | one note | six recordings |" in page


def test_constants_are_the_priors_own() -> None:
    answer = prior_answers()[1]
    prior = Prior.load()
    k = next(k for k, head in enumerate(parameters.HEADS) if head.parameter.name == "VCF FREQ")
    row = list(prior.columns).index(parameters.HEADS[k].parameter.column)
    below = prior.probability[row][: answer[k]].sum()
    assert below < 0.5 <= below + prior.probability[row][answer[k]]

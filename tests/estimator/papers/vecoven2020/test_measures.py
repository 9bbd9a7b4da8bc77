"""Measures against their definitions, written plainly."""

from __future__ import annotations

import numpy as np
import pytest

from estimator.papers.vecoven2020 import measures, task


def test_errors_are_clipped_means_with_an_interval_over_tones() -> None:
    targets = np.zeros((3, 26))
    answers = np.zeros((3, 26))
    answers[0], answers[1] = 0.5, 7.0  # 7 counts as 1
    found = measures.errors(answers, targets)
    assert found["mse"] == pytest.approx((0.25 + 1 + 0) / 3)
    assert found["mae"] == pytest.approx(0.5)
    spread = np.sqrt(((0.25 - 1.25 / 3) ** 2 + (1 - 1.25 / 3) ** 2 + (1.25 / 3) ** 2) / 2)
    assert found["mse_interval"] == pytest.approx(1.96 * spread / np.sqrt(3))


def test_ranks_of_a_known_order() -> None:
    scores = np.tile(np.arange(16.0), (2, 3, 1))  # the last value scores highest
    classes = np.array([[15, 14, 0], [13, 12, 11]])
    found = measures.rank_measures(scores, classes)
    ranks = [0, 1, 15, 2, 3, 4]
    assert measures.ranks(scores, classes).ravel().tolist() == ranks
    assert found["mpr"] == pytest.approx(100 * (1 - np.mean(ranks) / 15))
    assert [found[f"top{k}"] for k in (1, 2, 3, 4, 5)] == pytest.approx([k / 6 for k in (1, 2, 3, 4, 5)])
    assert found["mae_classes"] == pytest.approx(np.mean([0, 1, 15, 2, 3, 4]))


def test_chance_is_fifty_percent() -> None:
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 16, (500, 26))
    assert measures.rank_measures(rng.random((500, 26, 16)), classes)["mpr"] == pytest.approx(50, abs=1)
    assert measures.rank_measures(np.zeros((500, 26, 16)), classes)["mpr"] == pytest.approx(50, abs=1e-9)


def test_correlation_is_pearsons_and_defined_for_silence() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.random((4, 9)), rng.random((4, 9))
    assert measures.correlation(a, b) == pytest.approx(np.corrcoef(a.ravel(), b.ravel())[0, 1])
    assert measures.correlation(a, np.ones((4, 9))) == 0
    assert measures.correlation(np.zeros(5), np.zeros(5)) == 1


def test_the_true_answer_is_rebuilt_and_another_is_not() -> None:
    tones, targets = task.sample(3, np.random.default_rng(5))
    exact = measures.reconstruction(targets, tones)
    assert exact["pcc_stft_mean"] == pytest.approx(100)
    assert exact["pcc_ft_median"] == pytest.approx(100)
    assert exact["frobenius_mean"] == pytest.approx(0, abs=1e-6)
    other = measures.reconstruction(targets[[1, 2, 0]], tones)
    assert other["pcc_stft_mean"] < 99
    assert other["frobenius_mean"] > 10

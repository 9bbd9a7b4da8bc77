"""What can be heard: tones whose routing leaves no doubt, and the floor against its formula."""

from __future__ import annotations

import numpy as np
import pytest
from thesis_tone import tone

from estimator.papers.vecoven2020 import audible, task
from estimator.papers.vecoven2020.task import NAMES, Normal


def heard(tones: np.ndarray) -> dict[str, bool]:
    return dict(zip(NAMES, audible.audible(tones)[0], strict=True))


def test_what_is_mixed_out_or_has_no_depth_is_not_heard() -> None:
    found = heard(tone())
    for name in ("DCO2 RANGE", "DCO2 WF", "DCO2 TUNE", "DCO2 FTUNE", "DCO2 LFO", "LFO WF", "LFO RATE"):
        assert not found[name], name
    assert not found["ENV1 DECY"]  # VCF ENV is zero
    for name in (
        "DCO1 RANGE",
        "DCO1 WF",
        "DCO1 TUNE",
        "DCO1 LFO",
        "MIX DCO2",
        "VCF FREQ",
        "VCF ENV",
        "ENV2 SUS",
    ):
        assert found[name], name


def test_depth_makes_the_lfo_heard() -> None:
    found = heard(tone(DCO1_LFO=0.5, LFO_RATE=0.7))
    assert found["LFO RATE"]
    assert found["LFO WF"]


def test_a_difference_is_level_or_spectrum() -> None:
    sound = task.play(tone())[0]
    rng = np.random.default_rng(0)
    hiss = sound + rng.standard_normal(len(sound)).astype(np.float32) * 1e-2
    same, softer, silent = sound, sound * 0.85, sound * 0
    told = audible.differs(np.stack((same, softer, hiss, silent)), sound)
    assert told.tolist() == [False, True, True, True]
    assert audible.differs(np.stack((sound, sound * 0)), sound * 0).tolist() == [True, False]


def test_the_floor_is_zero_where_all_is_heard_and_the_priors_where_nothing_is() -> None:
    _, targets = task.sample(50, np.random.default_rng(0))
    everything = audible.floor(targets, np.ones((50, 26), bool))
    assert everything == {"prior_mean": 0, "conditional_mean": 0}
    nothing = audible.floor(targets, np.zeros((50, 26), bool))
    wanted = np.square(np.clip(Normal.load().mean, 0, 1) - targets).mean()
    assert nothing["prior_mean"] == pytest.approx(float(wanted))
    assert nothing["conditional_mean"] == pytest.approx(float(wanted))


def test_the_conditional_mean_is_the_regression_of_one_on_another() -> None:
    normal = Normal.load()
    _, targets = task.sample(1, np.random.default_rng(3))
    row = np.ones((1, 26), bool)
    row[0, 5] = False
    rest = np.delete(np.arange(26), 5)
    slope = np.linalg.solve(
        normal.covariance[np.ix_(rest, rest)] + 1e-6 * np.eye(25), normal.covariance[rest, 5]
    )
    wanted = np.clip(normal.mean[5] + slope @ (targets[0, rest] - normal.mean[rest]), 0, 1)
    assert audible.floor(targets, row)["conditional_mean"] == pytest.approx(
        (wanted - targets[0, 5]) ** 2 / 26
    )


def test_errors_apart() -> None:
    targets = np.zeros((2, 26))
    answers = np.full((2, 26), 0.1)
    answers[:, 0] = 0.5
    row = np.ones((2, 26), bool)
    row[:, 0] = False
    found = audible.split(answers, targets, row)
    assert found["audible"] == pytest.approx(0.01)
    assert found["inaudible"] == pytest.approx(0.25)
    assert found["share"] == pytest.approx(0.25 / (0.25 + 25 * 0.01))

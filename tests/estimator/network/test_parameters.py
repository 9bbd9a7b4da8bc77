"""Classes and tones convert both ways; losses and confidences are what their definitions say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from estimator import heads
from estimator.audible import audible
from estimator.prior import Prior
from jxctl.tone import INIT_TONE
from simulator import render


def test_tones_survive_the_way_through_classes() -> None:
    tones = Prior.load().sample(200, np.random.default_rng(0))
    assert np.array_equal(heads.tones_from(heads.classes(tones), INIT_TONE.values), tones)


def test_the_loss_is_least_at_the_truth_and_ignorance_costs_one() -> None:
    tones = Prior.load().sample(8, np.random.default_rng(1))
    target = torch.from_numpy(heads.classes(tones))
    ignorant = heads.soft_cross_entropy(torch.zeros(8, heads.LOGITS), target)
    assert torch.allclose(ignorant, torch.ones_like(ignorant), atol=1e-5)
    knowing = torch.zeros(8, heads.LOGITS)
    for k, head in enumerate(heads.HEADS):
        knowing[torch.arange(8), head.start + target[:, k]] = 5.0
    assert torch.all(heads.soft_cross_entropy(knowing, target) < ignorant)


def test_best_is_the_mode_of_a_switch_and_the_median_of_a_level() -> None:
    probability = [np.zeros((1, head.classes)) for head in heads.HEADS]
    for p, head in zip(probability, heads.HEADS, strict=True):
        if head.parameter.kind == "level":
            p[0, [0, 40, 127]] = 0.4, 0.35, 0.25
        else:
            p[0, 0], p[0, -1] = 0.4, 0.6
    answer = heads.best(probability)[0]
    for k, head in enumerate(heads.HEADS):
        assert answer[k] == (40 if head.parameter.kind == "level" else head.classes - 1)
    sure = heads.confidence(probability, answer[None])[0]
    for k, head in enumerate(heads.HEADS):
        assert sure[k] == pytest.approx(0.35 if head.parameter.kind == "level" else 0.6)


def test_draws_follow_the_distribution() -> None:
    probability = [np.tile(np.eye(head.classes)[1] * 0.7, (4000, 1)) for head in heads.HEADS]
    for p in probability:
        p[:, 0] += 0.3
    drawn = heads.draw(probability, np.random.default_rng(2))
    assert np.abs((drawn == 1).mean(axis=0) - 0.7).max() < 0.04


# What changes with these is the level alone, which a recording does not tell.
LEVEL_ONLY = ("VCA LEVEL", "VCA DYNA")


def test_what_is_called_inaudible_cannot_be_heard() -> None:
    """Changing such a parameter leaves every sample as it was (but for the overall level)."""
    tones = Prior.load().sample(48, np.random.default_rng(3))
    heard = audible(tones)
    rng = np.random.default_rng(4)
    settings = {"notes": 60, "velocities": 90, "gates_s": 0.4, "seconds": 0.8}
    before = render(tones, **settings)
    peak = np.abs(before).max(axis=1, keepdims=True)
    sounding = peak[:, 0] > 1e-4
    tested = 0
    for k, head in enumerate(heads.HEADS):
        rows = np.flatnonzero(~heard[:, k] & sounding)
        if not len(rows):
            continue
        changed = tones[rows].copy()
        others = np.array(head.parameter.starts or range(1, 128))
        changed[:, head.parameter.column] = rng.choice(others, len(rows))
        after = render(changed, **settings)
        if head.parameter.name in LEVEL_ONLY:
            loudest = np.abs(after).max(axis=1, keepdims=True)
            assert np.allclose(after / loudest, before[rows] / peak[rows], atol=1e-4), head.parameter.name
        else:
            assert np.array_equal(after, before[rows]), head.parameter.name
        tested += len(rows)
    assert tested > 300

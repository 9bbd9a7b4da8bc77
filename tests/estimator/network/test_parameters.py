"""Classes and tones convert both ways; losses and confidences are what their definitions say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from estimator.network import parameters
from jxctl.protocol.tone import INIT_TONE
from simulator.prior import Prior


def test_tones_survive_the_way_through_classes() -> None:
    tones = Prior.load().sample(200, np.random.default_rng(0))
    assert np.array_equal(parameters.tones_from(parameters.classes(tones), INIT_TONE.values), tones)


def test_the_loss_is_least_at_the_truth_and_ignorance_costs_one() -> None:
    tones = Prior.load().sample(8, np.random.default_rng(1))
    target = torch.from_numpy(parameters.classes(tones))
    ignorant = parameters.soft_cross_entropy(torch.zeros(8, parameters.LOGITS), target)
    assert torch.allclose(ignorant, torch.ones_like(ignorant), atol=1e-5)
    knowing = torch.zeros(8, parameters.LOGITS)
    for k, head in enumerate(parameters.HEADS):
        knowing[torch.arange(8), head.start + target[:, k]] = 5.0
    assert torch.all(parameters.soft_cross_entropy(knowing, target) < ignorant)


def test_best_is_the_mode_of_a_switch_and_the_median_of_a_level() -> None:
    probability = [np.zeros((1, head.classes)) for head in parameters.HEADS]
    for p, head in zip(probability, parameters.HEADS, strict=True):
        if head.parameter.kind == "level":
            p[0, [0, 40, 127]] = 0.4, 0.35, 0.25
        else:
            p[0, 0], p[0, -1] = 0.4, 0.6
    answer = parameters.best(probability)[0]
    for k, head in enumerate(parameters.HEADS):
        assert answer[k] == (40 if head.parameter.kind == "level" else head.classes - 1)
    sure = parameters.confidence(probability, answer[None])[0]
    for k, head in enumerate(parameters.HEADS):
        assert sure[k] == pytest.approx(0.35 if head.parameter.kind == "level" else 0.6)


def test_draws_follow_the_distribution() -> None:
    probability = [np.tile(np.eye(head.classes)[1] * 0.7, (4000, 1)) for head in parameters.HEADS]
    for p in probability:
        p[:, 0] += 0.3
    drawn = parameters.draw(probability, np.random.default_rng(2))
    assert np.abs((drawn == 1).mean(axis=0) - 0.7).max() < 0.04

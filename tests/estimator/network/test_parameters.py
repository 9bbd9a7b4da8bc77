"""Classes and tones convert both ways; losses and confidences are what their definitions say.

What the rules call inaudible changes no sample; one-at-a-time variants differ in one value each.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from estimator.network import parameters
from estimator.network.parameters import audible, one_at_a_time
from jxctl.protocol.tone import INIT_TONE
from simulator.prior import Prior
from simulator.synth import render


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
    for k, head in enumerate(parameters.HEADS):
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


def test_variants_differ_in_one_value_that_is_another() -> None:
    which, variants = one_at_a_time(np.array([3, 5, 7]), [(0, 3, 9), (), (7, 8)])
    assert which.tolist() == [0, 0, 2]
    assert variants.tolist() == [[0, 5, 7], [9, 5, 7], [3, 5, 8]]
    which, variants = one_at_a_time(np.array([0.5]), [(0.5 + 1e-7,)])
    assert (len(which), variants.shape) == (0, (0, 1))

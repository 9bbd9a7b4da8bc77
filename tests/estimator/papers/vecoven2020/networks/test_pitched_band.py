"""What the pitched band is built to know: pitches are places, RANGE and TUNE spell them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from estimator.papers.vecoven2020 import task
from estimator.papers.vecoven2020.networks.full_band import POINTS
from estimator.papers.vecoven2020.networks.pitched_band import (
    Harmonics,
    PitchedBand,
    joint,
    marginal,
    mean,
    pitched_loss,
)
from estimator.papers.vecoven2020.task import NAMES
from estimator.papers.vecoven2020.views import views_of

RANGE, TUNE = NAMES.index("DCO2 RANGE"), NAMES.index("DCO2 TUNE")


@pytest.fixture(scope="module")
def heard() -> tuple[torch.Tensor, ...]:
    tones, targets = task.sample(4, np.random.default_rng(1))
    views = views_of(task.play(tones), ("mel", "fine"))
    return *(torch.from_numpy(views[name]).float() for name in ("mel", "fine")), torch.from_numpy(targets)


def settled() -> PitchedBand:
    torch.manual_seed(0)
    return PitchedBand().eval()


def test_range_and_tune_are_read_off_one_distribution(heard: tuple[torch.Tensor, ...]) -> None:
    mel, fine, _ = heard
    out = settled()(mel, fine)
    cells = joint(out).exp()
    assert cells.shape == (4, 2, 4, 25)
    torch.testing.assert_close(cells.sum((2, 3)), torch.ones(4, 2))
    said = torch.softmax(marginal(out), dim=2)
    torch.testing.assert_close(said[:, RANGE, [0, 16, 32, 48]], cells[:, 1].sum(2))
    torch.testing.assert_close(said[:, TUNE, ::2], cells[:, 1].sum(1))
    assert said[:, TUNE, 1::2].max() < 1e-10  # a tune lies on no point between two semitones
    wanted = (cells[:, 1].sum(2) * torch.tensor([0, 1 / 3, 2 / 3, 1])).sum(1)
    torch.testing.assert_close(mean(out)[:, RANGE], wanted)


def test_what_is_heard_of_a_pitch_is_heard_of_all_its_spellings(heard: tuple[torch.Tensor, ...]) -> None:
    mel, fine, _ = heard
    model = settled()
    before = joint(model(mel, fine))[:, 1]
    with torch.no_grad():
        model.overview[3].bias[61 + 27] += 3.0  # DCO-2, two octaves and a minor third over the lowest
    model.weight.data.zero_()
    more = joint(model(mel, fine))[:, 1] - before
    raised = more > more.median() + 1
    assert {(int(r), int(t)) for _, r, t in raised.nonzero()} == {(1, 15), (2, 3)}
    torch.testing.assert_close(more[:, 1, 15], more[:, 2, 3])


def test_a_sound_a_semitone_higher_moves_by_one_column() -> None:
    torch.manual_seed(0)
    model = Harmonics().eval()
    fine = torch.full((1, 5, 672), -1.0)
    for partial in (1, 2, 3, 4):
        fine[:, :, 200 + round(96 * np.log2(partial))] = 0.5
    low, high = model(fine), model(fine.roll(8, dims=2))
    moved = (high[:, :, 15:50] - low[:, :, 14:49]).abs().mean()
    unlike = (high[:, :, 15:50] - low[:, :, 15:50]).abs().mean()
    assert moved < 0.05 * unlike  # not zero: what leaves at an edge changes the norm a little


def test_the_loss_is_least_at_the_truth_and_every_weight_learns(heard: tuple[torch.Tensor, ...]) -> None:
    mel, fine, targets = heard
    model = settled()
    out = model(mel, fine)
    loss = pitched_loss(out, targets)
    right = out.detach().clone().requires_grad_()
    steps = torch.optim.Adam([right], lr=0.3)
    for _ in range(300):
        steps.zero_grad()
        pitched_loss(right, targets).backward()
        steps.step()
    assert pitched_loss(right, targets) < 0.2 * loss
    assert (mean(right) - targets).abs().max() < 0.02
    model.weight.data.normal_(std=0.01)
    model.moving.weight.data.normal_(std=0.01)
    pitched_loss(model.train()(mel, fine), targets).backward()
    assert [name for name, weight in model.named_parameters() if weight.grad is None] == []


def test_the_points_of_a_range_and_of_a_tune_are_points() -> None:
    assert (POINTS - 1) % 3 == 0
    assert (POINTS - 1) % 24 == 0

"""The larger network for the task thesis26: it begins as `FullBand` and adds what moves."""

from __future__ import annotations

import torch

from estimator.papers.vecoven2020.networks.full_band import POINTS
from estimator.papers.vecoven2020.networks.moving_band import MovingBand


def test_it_begins_with_what_its_steady_part_says() -> None:
    torch.manual_seed(0)
    model = MovingBand().eval()
    mel, fine = torch.randn(3, 96, 200) * 20, torch.randn(3, 5, 672) * 20
    with torch.no_grad():
        said = model(mel, fine)
        assert said.shape == (3, 26, POINTS)
        torch.testing.assert_close(said, model.steady(mel, fine))


def test_what_moves_adds_to_it_once_it_has_learnt() -> None:
    torch.manual_seed(0)
    model = MovingBand().eval()
    torch.nn.init.normal_(model.weight)
    still, fine = torch.zeros(1, 96, 200), torch.zeros(1, 5, 672)
    shaken = still.clone()
    shaken[:, :, 150:158:2], shaken[:, :, 151:159:2] = 20, -20
    with torch.no_grad():
        added = [model(mel, fine) - model.steady(mel, fine) for mel in (still, shaken)]
        assert (added[1] - added[0]).abs().mean() > 0.01

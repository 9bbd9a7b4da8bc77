"""Our network for the task thesis26: answers are means of distributions, and the loss prefers the truth."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from estimator.papers.vecoven2020.networks.full_band import POINTS, FullBand, expected, scaled, spread_loss


def test_shapes_of_both_sets_of_views() -> None:
    with torch.no_grad():
        assert FullBand()(torch.zeros(2, 96, 200), torch.zeros(2, 5, 672)).shape == (2, 26, POINTS)
        assert FullBand(("spectrogram",))(torch.zeros(2, 690, 16)).shape == (2, 26, POINTS)
    with pytest.raises(ValueError, match="views"):
        FullBand(("mel",))


def test_the_answer_is_the_mean_of_the_distribution() -> None:
    logits = torch.full((1, 26, POINTS), -50.0)
    logits[0, :, 0] = logits[0, :, 24] = 0  # half at 0, half at the middle
    assert expected(logits)[0].tolist() == pytest.approx([0.25] * 26, abs=1e-5)


def test_the_loss_is_least_when_the_target_is_shared_between_its_neighbours() -> None:
    """A target three quarters of the way from point 10 to point 11: no other share costs less."""
    target = torch.full((1, 26), 10.75 / (POINTS - 1))

    def cost(share: float) -> float:
        logits = torch.full((1, 26, POINTS), -30.0)
        logits[0, :, 10] = torch.log(torch.tensor(1 - share))
        logits[0, :, 11] = torch.log(torch.tensor(share))
        return float(spread_loss(logits, target))

    least = -(0.25 * torch.log(torch.tensor(0.25)) + 0.75 * torch.log(torch.tensor(0.75)))
    assert cost(0.75) == pytest.approx(float(least), abs=1e-3)
    assert all(cost(0.75) < cost(share) for share in (0.05, 0.5, 0.7, 0.8, 0.95))


def test_the_ends_of_the_scale_can_be_targets() -> None:
    logits = torch.full((2, 26, POINTS), -30.0)
    logits[0, :, 0] = logits[1, :, -1] = 0
    targets = torch.tensor([[0.0] * 26, [1.0] * 26])
    assert float(spread_loss(logits, targets)) == pytest.approx(0, abs=1e-3)


def test_inputs_are_scaled_by_all_that_was_heard() -> None:
    layer = scaled(2, affine=False).train()
    rng = np.random.default_rng(0)
    heard = [rng.normal(level, 1, (64, 2)).astype(np.float32) for level in (0, 0, 0, 8)]
    for batch in heard:
        layer(torch.from_numpy(batch))
    every = np.concatenate(heard)
    still = layer.eval()(torch.from_numpy(every)).numpy()
    np.testing.assert_allclose(still.mean(axis=0), 0, atol=1e-4)

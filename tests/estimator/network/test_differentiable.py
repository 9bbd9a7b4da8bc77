"""Gradients through renders: differences of renders, by hand; and they lead downhill."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from estimator.network.differentiable import render_features
from jxctl.errors import UsageError
from jxctl.protocol.tone import Tone
from simulator.synth import render

LEVELS = ("VCF FREQ", "VCA LEVEL", "ENV2 REL")
TONE = Tone.init().with_values({"VCF RES": 30, "ENV2 REL": 40})
SHORT = {"note": 50, "velocity": 90, "gate_s": 0.1, "seconds": 0.25, "sample_rate": 22050}


def bands(audio: np.ndarray) -> np.ndarray:
    """Log power in four bands of each sound: float64[N, 4]."""
    power = np.abs(np.fft.rfft(audio.astype(np.float64))) ** 2
    return np.log(np.stack([part.sum(axis=1) for part in np.array_split(power, 4, axis=1)], axis=1) + 1e-3)


def measured(vcf: int, vca: int, release: int) -> np.ndarray:
    """The same of one tone, asked of the simulator by hand."""
    tone = TONE.with_values({"VCF FREQ": vcf, "VCA LEVEL": vca, "ENV2 REL": release})
    return bands(render(tone, 50, 90, 0.1, 0.25, sample_rate=22050))[0]


def test_forward_is_the_features_of_the_render() -> None:
    values = torch.tensor([[60.0, 100.0, 40.0], [70.4, 99.6, 200.0]], dtype=torch.float64)
    found = render_features(values, TONE, bands, levels=LEVELS, **SHORT)
    assert np.array_equal(found.numpy(), np.stack([measured(60, 100, 40), measured(70, 100, 127)]))


@pytest.mark.parametrize("step", [1, 3])
def test_backward_is_a_finite_difference(step: int) -> None:
    """Central inside the range, one-sided at its end, where the level has no value above."""
    values = torch.tensor([60.0, 127.0, 40.0], dtype=torch.float64, requires_grad=True)
    weights = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)
    found = render_features(values, TONE, bands, levels=LEVELS, step=step, **SHORT)
    (found * weights).sum().backward()
    expected = [
        (measured(60 + step, 127, 40) - measured(60 - step, 127, 40)) / (2 * step),
        (measured(60, 127, 40) - measured(60, 127 - step, 40)) / step,
        (measured(60, 127, 40 + step) - measured(60, 127, 40 - step)) / (2 * step),
    ]
    assert values.grad is not None
    assert np.allclose(values.grad.numpy(), np.array(expected) @ weights.numpy(), rtol=1e-12, atol=1e-12)
    assert np.abs(values.grad.numpy()).min() > 0


def test_a_batch_has_the_gradients_of_its_rows() -> None:
    rows = [[60.0, 100.0, 40.0], [30.0, 90.0, 10.0]]
    batch = torch.tensor(rows, requires_grad=True)
    render_features(batch, TONE, bands, levels=LEVELS, **SHORT).square().sum().backward()
    assert batch.grad is not None
    for row, gradient in zip(rows, batch.grad, strict=True):
        alone = torch.tensor(row, requires_grad=True)
        render_features(alone, TONE, bands, levels=LEVELS, **SHORT).square().sum().backward()
        assert torch.equal(alone.grad, gradient)


def test_an_optimiser_of_torch_finds_a_level() -> None:
    target = torch.as_tensor(measured(70, 100, 40))
    values = torch.tensor([60.0], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([values], lr=2.0)
    tone = TONE.with_values({"VCA LEVEL": 100})
    for _ in range(12):
        optimiser.zero_grad()
        found = render_features(values, tone, bands, levels=["VCF FREQ"], step=2, **SHORT)
        (found - target).square().sum().backward()
        optimiser.step()
    assert abs(values.item() - 70) < 4


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (torch.zeros(2), "not float32[2]"),
        (torch.zeros(1, 1, 3), "not float32[1, 1, 3]"),
        (torch.zeros(3, dtype=torch.int64), "not int64[3]"),
        (torch.tensor([float("nan"), 0.0, 0.0]), "not finite"),
    ],
)
def test_what_is_no_row_of_levels_is_refused(values: torch.Tensor, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        render_features(values, TONE, bands, levels=LEVELS, **SHORT)
    assert said in caught.value.message

"""InverSynth's networks: tables 1 and 2, and the weights that its text gives them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from estimator.papers.vecoven2020.networks.inversynth import BAGS, CONVOLUTIONAL, HANDMADE, Same, network

# "1.2M" for all but two (paper, section V); with 416 outputs for 368 there are 25,000 more.
MILLIONS = {"Conv6XL": 2.3, "ConvE2E": 1.9}
# Places behind the convolutions: ceil(size / stride), layer by layer, and their filters.
FLAT = {"Conv1": 38 * 5 * 10, "Conv2": 87 * 3 * 6, "Conv3": 128 * 3 * 3, "Conv6": 128 * 2 * 3}


@pytest.mark.parametrize("name", [*CONVOLUTIONAL, *BAGS, *HANDMADE])
def test_weights_are_as_many_as_the_paper_says(name: str) -> None:
    count = sum(p.numel() for p in network(name).parameters())
    assert count / 1e6 == pytest.approx(MILLIONS.get(name, 1.2), abs=0.05)


@pytest.mark.parametrize("name", FLAT)
def test_strides_leave_what_table_2_leaves(name: str) -> None:
    first = next(layer for layer in network(name).modules() if isinstance(layer, nn.Linear))
    assert first.in_features == FLAT[name]
    assert first.out_features == 512


@pytest.mark.parametrize(("name", "shape"), [("Conv5", (64, 257)), ("ConvE2E", (65536,)), ("FC3", (1000,))])
def test_outputs_are_sixteen_for_each_of_26(name: str, shape: tuple[int, ...]) -> None:
    with torch.no_grad():
        assert network(name)(torch.rand(2, *shape)).shape == (2, 416)


@pytest.mark.parametrize(
    ("name", "active"), [("FC Linear", 0), ("HC", 0), ("FC1", 1), ("FC2", 2), ("HC3", 3)]
)
def test_linear_baselines_are_linear(name: str, active: int) -> None:
    layers = list(network(name).modules())
    assert sum(isinstance(layer, nn.ReLU) for layer in layers) == active
    assert any(isinstance(layer, nn.Dropout) for layer in layers)


@pytest.mark.parametrize(
    ("length", "size", "stride", "before", "after"),
    [(64, 13, 13, 0, 1), (257, 26, 26, 1, 2), (5, 3, 1, 1, 1), (4, 2, 2, 0, 0)],
)
def test_same_padding_puts_the_odd_one_behind(
    length: int, size: int, stride: int, before: int, after: int
) -> None:
    """Worked out by hand: (ceil(length / stride) - 1) * stride + size - length cells are missing."""
    padded = Same((size, 1), (stride, 1))(torch.ones(1, 1, length, 1))[0, 0, :, 0]
    assert len(padded) == length + before + after
    assert padded[:before].eq(0).all()
    assert padded[len(padded) - after :].eq(0).all()
    assert padded.sum() == length

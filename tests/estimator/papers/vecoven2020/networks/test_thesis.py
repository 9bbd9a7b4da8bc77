"""The thesis' networks: the layers of its tables, with sizes worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from estimator.papers.vecoven2020.networks.thesis import LocallyConnected, cnn, lcnn, lstm

# Places behind each layer, three bins by ten frames and no padding: 16 x 690, 14 x 681, 7 x 340, and so on.
SIZES = {
    "cnn1": (32 * 31) + (64 * (32 * 4 + 1)) + (64 * 3 * 169 * 128 + 128) + (128 * 26 + 26),
    # 3x10 on 7 x 340: 5 x 331, pooled 2 x 165, 2x2: 1 x 164.
    "cnn2": (32 * 31) + (64 * (32 * 30 + 1)) + (64 * (64 * 4 + 1)) + (64 * 164 * 128 + 128) + (128 * 26 + 26),
    "cnn3": (32 * 31) + (64 * (32 * 30 + 1)) + (64 * (64 * 4 + 1)) + (64 * 164 * 512 + 512)
    + (512 * 128 + 128) + (128 * 26 + 26),
    # Four gates; torch has two biases where the equations have one.
    "lstm1": 4 * (16 * 64 + 64 * 64 + 2 * 64) + (64 * 64 + 64) + (64 * 26 + 26),
    "lstm2": 4 * (16 * 128 + 128 * 128 + 2 * 128) + (128 * 64 + 64) + (64 * 26 + 26),
    "lstm3": 4 * (16 * 256 + 256 * 256 + 2 * 256) + (256 * 128 + 128) + (128 * 64 + 64) + (64 * 26 + 26),
    "lcnn1": 14 * 681 * 64 * 31 + (14 * 681 * 64 * 128 + 128) + (128 * 26 + 26),
    "lcnn2": 14 * 681 * 64 * 31 + (4 * 227 * 64 * 256 + 256) + (256 * 26 + 26),
}  # fmt: skip
MAKERS = {"cnn": cnn, "lstm": lstm, "lcnn": lcnn}


def made(name: str) -> nn.Module:
    torch.manual_seed(0)
    return MAKERS[name[:-1]](int(name[-1]))


@pytest.mark.parametrize("name", SIZES)
def test_every_network_has_the_layers_of_its_table(name: str) -> None:
    network = made(name)
    assert sum(p.numel() for p in network.parameters()) == SIZES[name]
    with torch.no_grad():
        assert network(torch.rand(2, 690, 16)).shape == (2, 26)


def test_the_last_layer_is_not_bounded() -> None:
    network = made("lstm1")
    last = [layer for layer in network.modules() if isinstance(layer, nn.Linear)][-1]
    assert last.out_features == 26
    with torch.no_grad():
        last.bias.fill_(7)
        assert (network(torch.zeros(1, 690, 16)) > 1).all()


def test_kernels_span_ten_frames_and_three_bins() -> None:
    """A first-layer feature changes with a cell ten frames on, and not with one eleven frames on."""
    stem = made("cnn1").stem[0]
    assert isinstance(stem, nn.Conv2d)
    image = torch.zeros(1, 1, 16, 690)
    with torch.no_grad():
        still = stem(image)[0, :, 0, 0]
        for frame, bin_, moves in ((9, 2, True), (10, 2, False), (9, 3, False)):
            other = image.clone()
            other[0, 0, bin_, frame] = 1
            assert bool((stem(other)[0, :, 0, 0] != still).any()) is moves


def test_locally_connected_is_a_convolution_with_weights_of_its_own_at_every_place() -> None:
    torch.manual_seed(1)
    layer = LocallyConnected(4, 6, 3, (2, 3))
    with torch.no_grad():
        layer.bias.normal_()
    image = torch.randn(2, 1, 4, 6)
    out = layer(image)
    assert out.shape == (2, 3, 3, 4)
    for row in range(3):
        for column in range(4):
            place = row * 4 + column
            cells = image[:, 0, row : row + 2, column : column + 3].reshape(2, 6)
            wanted = cells @ layer.weight[place] + layer.bias[place]
            torch.testing.assert_close(out[:, :, row, column], wanted)


def test_an_lstm_hears_late_frames_and_starts_with_open_forget_gates() -> None:
    network = made("lstm1")
    _, _, bias, other = network.lstm.parameters()
    assert (bias + other)[64:128].eq(1).all()
    assert (bias + other)[:64].eq(0).all()
    quiet = torch.zeros(1, 690, 16)
    struck = quiet.clone()
    struck[0, 660] = 10  # thirty frames before the end; of the first nothing is left before it learns
    with torch.no_grad():
        assert not torch.equal(network(quiet), network(struck))

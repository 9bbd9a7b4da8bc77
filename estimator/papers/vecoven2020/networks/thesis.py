"""The networks of Vecoven 2020, tables 6.1, 6.3 and 6.5: cnn1 to cnn3, lstm1 to lstm3, lcnn1 and lcnn2.

Each takes the spectrogram of `estimator.papers.vecoven2020.task`, float32[N, 690, 16], and gives 26 numbers,
float32[N, 26]. The tables print layers and sizes and nothing else. Where they are silent, chosen here:

* **Axes and padding.** "3x10" is three bins by ten frames, without padding. Section 5.2.1.1 gives the output
  of a convolution as (h - f_h + 1, w - f_w + 1), and section 5.2.1.2 has time run along a spectrogram's
  columns; read so, every layer fits. Ten *bins* would not: behind the first pooling of cnn2 three are left.
* **Activations.** ReLU behind convolutions (behind their pooling, which gives the same and costs less) and
  hidden layers, none behind the last (a prediction is clipped to 0 to 1 when it is scored).
* **LSTM.** The state after the last of 690 frames goes on. Initial weights as TensorFlow, which the thesis
  used, draws them: Glorot, orthogonal from state to state, a forget bias of one.
* **Scale.** The thesis names no scaling of the magnitudes. `SCALE` brings them to about one (raw ones, up to
  some hundreds, saturate every gate of an LSTM).

Parameter counts are not printed in the thesis; `tests/estimator/papers/vecoven2020/networks/test_thesis.py`
works them out by hand.
"""

from __future__ import annotations

import itertools
from typing import cast

import torch
from torch import nn

from estimator.papers.vecoven2020.task import BINS, FRAMES, NAMES

SCALE = 1 / 16
"""Magnitudes are multiplied by it: a sine at a tenth of full scale is then near one."""


def cnn(number: int) -> nn.Module:
    """cnn1, cnn2 or cnn3 of table 6.1."""
    middle: list[nn.Module] = {
        1: [nn.Conv2d(32, 64, (2, 2)), nn.MaxPool2d(2), nn.ReLU()],
        2: [nn.Conv2d(32, 64, (3, 10)), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(64, 64, (2, 2)), nn.ReLU()],
    }[min(number, 2)]
    stem = nn.Sequential(nn.Conv2d(1, 32, (3, 10)), nn.MaxPool2d(2), nn.ReLU(), *middle, nn.Flatten())
    hidden = (512, 128) if number == 3 else (128,)
    return Picture(stem, hidden)


def lcnn(number: int) -> nn.Module:
    """lcnn1 or lcnn2 of table 6.5."""
    local = LocallyConnected(BINS, FRAMES, 64, (3, 10))
    pooling: list[nn.Module] = [nn.MaxPool2d(3)] if number == 2 else []
    return Picture(nn.Sequential(local, nn.ReLU(), *pooling, nn.Flatten()), (256,) if number == 2 else (128,))


def lstm(number: int) -> nn.Module:
    """lstm1, lstm2 or lstm3 of table 6.3."""
    return Recurrent({1: (64, 64), 2: (128, 64), 3: (256, 128, 64)}[number])


class Picture(nn.Module):
    """A stem that takes float32[N, 1, 16, 690] to rows, then fully connected layers of sizes ``hidden`` and
    26."""

    def __init__(self, stem: nn.Module, hidden: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = stem
        with torch.no_grad():
            width = stem(torch.zeros(1, 1, BINS, FRAMES)).shape[1]
        self.head = fully_connected((width, *hidden, len(NAMES)))

    def forward(self, spectrogram: torch.Tensor) -> torch.Tensor:
        """Predictions, float32[N, 26]."""
        image = spectrogram.transpose(1, 2)[:, None] * SCALE
        image = image.contiguous(memory_format=torch.channels_last)  # two and a half times as fast
        return cast(torch.Tensor, self.head(self.stem(image)))


class LocallyConnected(nn.Module):
    """A convolution of one channel whose filters are not shared: every place has its own.

    Shape: float32[N, 1, rows, columns] to float32[N, filters, rows - a + 1, columns - b + 1], where the
    filters cover (a, b) cells.
    """

    def __init__(self, rows: int, columns: int, filters: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size
        self.places = (rows - size[0] + 1, columns - size[1] + 1)
        cells = size[0] * size[1]
        reach = (6 / (cells + filters)) ** 0.5  # Glorot, as TensorFlow
        number = self.places[0] * self.places[1]
        self.weight = nn.Parameter(torch.empty(number, cells, filters).uniform_(-reach, reach))
        self.bias = nn.Parameter(torch.zeros(number, 1, filters))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """What each place's own filters give."""
        cells = nn.functional.unfold(image, self.size).permute(2, 0, 1)  # places, N, cells
        out = torch.baddbmm(self.bias.to(cells.dtype), cells, self.weight)
        return out.permute(1, 2, 0).unflatten(2, self.places)


class Recurrent(nn.Module):
    """An LSTM of ``sizes[0]`` units over 690 frames; its last state goes through layers of the other
    sizes."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.lstm = nn.LSTM(BINS, sizes[0], batch_first=True)
        self.head = fully_connected((*sizes, len(NAMES)))
        inward, across, bias, other_bias = self.lstm.parameters()
        nn.init.xavier_uniform_(inward)
        nn.init.orthogonal_(across)
        nn.init.zeros_(bias)
        nn.init.zeros_(other_bias)
        with torch.no_grad():
            bias[sizes[0] : 2 * sizes[0]] = 1  # the second quarter is the forget gate's

    def forward(self, spectrogram: torch.Tensor) -> torch.Tensor:
        """Predictions, float32[N, 26]."""
        _, (last, _) = self.lstm(spectrogram * SCALE)
        return cast(torch.Tensor, self.head(last[0]))


def fully_connected(sizes: tuple[int, ...]) -> nn.Sequential:
    """Linear layers between those sizes, with ReLU between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])

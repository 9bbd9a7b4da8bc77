"""InverSynth (Barkan et al. 2019), tables 1 and 2: Conv1 to Conv6, Conv6XL, ConvE2E, and the FC and HC
baselines.

Every network says, for each of 26 parameters, how much speaks for each of 16 values: logits, float32[N, 416],
16 a parameter in the order of `estimator.papers.vecoven2020.task.NAMES`. The paper has 23 parameters and 368
logits.

**Adapted.** The paper's sounds last one second at 16,384 Hz, ours four. They are brought to 16,384 Hz too.
Networks that see a spectrogram keep their input of 64 frames by 257 bins: the power of four neighbouring
windows (512 samples, overlapping by half) is averaged. ConvE2E gets the whole 65,536 samples; the stride of
its first layer is 16 instead of 4, so that the other layers see what they see in the paper.

**From the paper's numbers.** The first layer of ConvE2E is not legible in every copy; 96 filters of 64
samples make the 1.9 million weights that the text states. Convolutions are padded as TensorFlow's "same"
does, since only so do Conv1 to Conv6 have the 1.2 million weights of the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import nn

from estimator.papers.vecoven2020.networks.thesis import fully_connected
from estimator.papers.vecoven2020.task import NAMES

CLASSES = 16
LOGITS = CLASSES * len(NAMES)
IMAGE = (64, 257)
"""Frames and bins of a log spectrogram."""
WAVE = 65536
"""Samples of a raw sound, four seconds at 16,384 Hz."""
VECTOR = 1000
"""Numbers in a bag of words, or in handmade features after PCA."""

Layer = tuple[int, int, int, int, int]
"""Filters, their length in frames and in bins, and the strides along both: C(F, K1, K2, S1, S2) of table
2."""

_TABLE_2: dict[str, tuple[Layer, ...]] = {
    "Conv1": ((38, 13, 26, 13, 26),),
    "Conv2": ((35, 6, 7, 5, 6), (87, 6, 9, 5, 8)),
    "Conv3": ((32, 4, 5, 3, 4), (98, 4, 6, 3, 5), (128, 4, 6, 3, 5)),
    "Conv4": ((32, 3, 4, 2, 3), (65, 3, 4, 2, 3), (105, 3, 4, 2, 3), (128, 4, 5, 3, 4)),
    "Conv5": ((32, 3, 3, 2, 2), (98, 3, 3, 2, 2), (128, 3, 4, 2, 3), (128, 3, 5, 2, 4), (128, 3, 3, 2, 2)),
    "Conv6": (
        (32, 3, 3, 2, 2), (71, 3, 3, 2, 2), (128, 3, 4, 2, 3), (128, 3, 3, 2, 2), (128, 3, 3, 2, 2),
        (128, 3, 3, 1, 2),
    ),
    "Conv6XL": (
        (64, 3, 3, 2, 2), (128, 3, 3, 2, 2), (128, 3, 4, 2, 3), (128, 3, 3, 2, 2), (256, 3, 3, 2, 2),
        (256, 3, 3, 1, 2),
    ),
}  # fmt: skip
_EARS: tuple[Layer, ...] = ((96, 1, 64, 1, 16), (96, 1, 32, 1, 4), (128, 1, 16, 1, 4), (257, 1, 8, 1, 4))

# Hidden sizes and, behind each, the share that is dropped (table 1). None: no activation.
_TABLE_1: dict[str, tuple[tuple[int, float], ...]] = {
    "FC1": ((868, 0.3),),
    "FC2": ((603, 0.1), (602, 0.3)),
    "FC3": ((560, 0.0), (500, 0.2), (400, 0.4)),
    "HC3": ((560, 0.0), (500, 0.2), (400, 0.4)),
}

CONVOLUTIONAL = (*_TABLE_2, "ConvE2E")
BAGS = ("FC Linear", "FC1", "FC2", "FC3")
HANDMADE = ("HC", "HC3")


def network(name: str) -> nn.Module:
    """The network of that name, as the paper's tables write it."""
    if name == "ConvE2E":
        return EndToEnd()
    if name in _TABLE_2:
        return Convolutions(_TABLE_2[name])
    if name in ("FC Linear", "HC"):  # one hidden layer without activation
        return nn.Sequential(nn.Linear(VECTOR, 869), nn.Dropout(0.2), nn.Linear(869, LOGITS))
    layers: list[nn.Module] = []
    inputs = VECTOR
    for outputs, dropped in _TABLE_1[name]:
        layers += [nn.Linear(inputs, outputs), nn.ReLU(), *([nn.Dropout(dropped)] if dropped else [])]
        inputs = outputs
    return nn.Sequential(*layers, nn.Linear(inputs, LOGITS))


class Convolutions(nn.Module):
    """Strided convolutions over a log spectrogram, float32[N, 64, 257], then FC-512."""

    def __init__(self, table: Sequence[Layer]) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(*_strided(1, table))
        with torch.no_grad():
            width = self.convolutions(torch.zeros(1, 1, *IMAGE)).numel()
        self.head = fully_connected((width, 512, LOGITS))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Logits, float32[N, 416]."""
        return cast(torch.Tensor, self.head(self.convolutions(_channels_last(image[:, None])).flatten(1)))


class EndToEnd(nn.Module):
    """Four convolutions over samples, float32[N, 65536], make an image that Conv6 looks at."""

    def __init__(self) -> None:
        super().__init__()
        self.ears = nn.Sequential(*_strided(1, _EARS))
        self.eyes = Convolutions(_TABLE_2["Conv6"])

    def forward(self, wave: torch.Tensor) -> torch.Tensor:
        """Logits, float32[N, 416]."""
        heard = self.ears(_channels_last(wave[:, None, None]))  # N, 257, 1, 64
        return cast(torch.Tensor, self.eyes(heard[:, :, 0].transpose(1, 2)))


class Same(nn.Module):
    """Zero padding before a strided convolution, as TensorFlow's "same": ceil(size / stride) places
    remain."""

    def __init__(self, size: tuple[int, int], stride: tuple[int, int]) -> None:
        super().__init__()
        self.size, self.stride = size, stride

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """``image`` with what is missing at its edges; the odd one goes behind."""
        edges: list[int] = []
        for length, size, stride in zip(image.shape[-2:], self.size, self.stride, strict=True):
            missing = max((-(-length // stride) - 1) * stride + size - length, 0)
            edges = [missing // 2, missing - missing // 2, *edges]
        return nn.functional.pad(image, edges)


def _channels_last(image: torch.Tensor) -> torch.Tensor:
    """The same numbers in the order in which convolutions are fastest."""
    return image.contiguous(memory_format=torch.channels_last)


def _strided(channels: int, table: Sequence[Layer]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for filters, k1, k2, s1, s2 in table:
        layers += [Same((k1, k2), (s1, s2)), nn.Conv2d(channels, filters, (k1, k2), (s1, s2)), nn.ReLU()]
        channels = filters
    return layers

"""Our network for the task `estimator.papers.vecoven2020.task` where tones abound: what `FullBand` hears, and
how it moves.

`FullBand` reads means over fixed stretches of time, and learns fast. What it cannot see is what happens
within a stretch: an LFO's cycles, the bend of an attack. `MovingBand` adds to its logits those of
convolutions and a bidirectional LSTM over the frames, of which each parameter looks at the moments that tell
it (attention). A few thousand tones teach that part little; tens of thousands do.
"""

from __future__ import annotations

import torch
from torch import nn

from estimator.papers.vecoven2020.networks.full_band import POINTS, FullBand
from estimator.papers.vecoven2020.task import NAMES

_CHANNELS = 32
"""Of the first convolution; chosen."""
_WIDTH = 256
"""Numbers a frame, before and behind the LSTM; chosen."""
_QUERY = 64
"""Numbers of a query and of a key; chosen."""
_SUMMARY = 384
"""Numbers that say what a sound is made of; chosen."""
_BANDS_LEFT = 12
"""Of 96 mel bands after three strides of two."""
_FINE_LEFT = 84
"""Of 672 fine bands after three strides of two."""


class MovingBand(nn.Module):
    """Views ``mel`` and ``fine`` in, logits out, float32[N, 26, 49]."""

    def __init__(self) -> None:
        super().__init__()
        self.steady = FullBand()
        c = _CHANNELS
        self.convolutions = nn.Sequential(
            _convolution(1, c, 5, (2, 2)),
            _convolution(c, 2 * c, 3, (2, 1)),
            _convolution(2 * c, 2 * c, 3, (2, 1)),
        )
        self.squeeze = _layer(2 * c * _BANDS_LEFT, _WIDTH)
        self.lstm = nn.LSTM(_WIDTH, _WIDTH // 2, 2, batch_first=True, bidirectional=True)
        self.settle = nn.LayerNorm(_WIDTH)
        fine = nn.Sequential(_along(5, 32, 9), _along(32, 48, 9), _along(48, 48, 5), nn.Flatten())
        self.fine = nn.Sequential(fine, _layer(48 * _FINE_LEFT, _SUMMARY))
        self.keys = nn.Linear(2 * _WIDTH, _QUERY)
        self.queries = nn.Parameter(torch.randn(len(NAMES), _QUERY))
        self.weight = nn.Parameter(torch.zeros(len(NAMES), 2 * _WIDTH + _SUMMARY, POINTS))

    def forward(self, mel: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
        """Logits over the points of each parameter."""
        image = (mel / 40)[:, None].contiguous(memory_format=torch.channels_last)
        frames = self.squeeze(self.convolutions(image).permute(0, 3, 1, 2).flatten(2))
        moved, _ = self.lstm(frames)
        heard = torch.cat((self.settle(moved), frames), dim=2)
        attention = torch.softmax(self.keys(heard) @ self.queries.T / _QUERY**0.5, dim=1)
        looked_at = torch.einsum("nth,ntw->nhw", attention, heard)
        made_of = self.fine(fine / 40)[:, None].expand(-1, len(NAMES), -1)
        said = torch.einsum("nhw,hwp->nhp", torch.cat((looked_at, made_of), dim=2), self.weight)
        out: torch.Tensor = self.steady(mel, fine) + said
        return out

    def hidden_layers(self) -> list[nn.Module]:
        """What lies between hidden layers (`estimator.papers.vecoven2020.entries`)."""
        return [*self.steady.blocks(), self.squeeze, self.lstm, self.fine, self.keys]


def _convolution(channels: int, to: int, size: int, stride: tuple[int, int]) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, to, size, stride=stride, padding=size // 2), nn.BatchNorm2d(to), nn.ReLU()
    )


def _along(channels: int, to: int, size: int) -> nn.Module:
    return nn.Sequential(nn.Conv1d(channels, to, size, stride=2, padding=size // 2), nn.ReLU())


def _layer(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.LayerNorm(outputs), nn.ReLU())

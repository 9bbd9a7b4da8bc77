"""Our own network for the task `estimator.thesis26`: the whole band, a distribution for each parameter.

It differs from the thesis' networks in three ways. It hears all of the sound (the thesis' 16 bins end at 1.4
kHz, three harmonics of the note): a log-mel spectrogram that tells how the sound moves, and five long spectra
on a fine logarithmic axis that tell what it is made of. It answers with a distribution over `POINTS` values
between 0 and 1, so that "an octave up or down" need not become "in between" while it learns; the answer that
is scored by squared error is that distribution's mean. And each parameter looks at the moments that tell it
(attention over frames) instead of one last state.

`FullBand(views=("spectrogram",))` is the ablation: the same network with no more than the thesis'
spectrogram.
"""

from __future__ import annotations

import torch
from torch import nn

from estimator.thesis26 import NAMES

POINTS = 49
"""Values a parameter is spread over. 48 steps divide by two, three and four, as switches do."""

_WIDTH = 192
_STRETCHES = 10
_QUERY = 48
_SUMMARY = 384


class FullBand(nn.Module):
    """Views in, logits out, float32[N, 26, 49].

    ``views``: ("mel", "fine") or ("spectrogram",); `forward` takes them in that order, as
    `estimator.board26.views` shapes them.
    """

    def __init__(self, views: tuple[str, ...] = ("mel", "fine")) -> None:
        super().__init__()
        if views not in (("mel", "fine"), ("spectrogram",)):
            raise ValueError(f"views {views}: there are (mel, fine) and (spectrogram,)")
        self.from_thesis = views == ("spectrogram",)
        # Strides along bands and frames: 96 x 200 becomes 12 x 50, 16 x 690 becomes 4 x 58.
        strides = ((1, 3), (2, 2), (2, 2)) if self.from_thesis else ((2, 2), (2, 1), (2, 2))
        self.convolutions = nn.Sequential(
            _convolution(1, 24, 5, strides[0]),
            _convolution(24, 48, 3, strides[1]),
            _convolution(48, 48, 3, strides[2]),
        )
        self.squeeze = _layer(48 * (4 if self.from_thesis else 12), _WIDTH)
        self.lstm = nn.LSTM(_WIDTH, _WIDTH // 2, batch_first=True, bidirectional=True)
        self.settle = nn.LayerNorm(_WIDTH)
        fine = nn.Sequential(_along(5, 32, 9, 2), _along(32, 48, 9, 2), _along(48, 48, 5, 2), nn.Flatten())
        self.fine = None if self.from_thesis else nn.Sequential(fine, _layer(48 * 84, _SUMMARY))
        inputs = 2 * _WIDTH * _STRETCHES + (0 if self.from_thesis else _SUMMARY)
        self.summary = nn.Sequential(_layer(inputs, _SUMMARY), _layer(_SUMMARY, _SUMMARY))
        self.keys = nn.Linear(2 * _WIDTH, _QUERY)
        self.queries = nn.Parameter(torch.randn(len(NAMES), _QUERY))
        last = 2 * _WIDTH + _SUMMARY
        self.weight = nn.Parameter(torch.randn(len(NAMES), last, POINTS) * last**-0.5)
        self.bias = nn.Parameter(torch.zeros(len(NAMES), POINTS))

    def forward(self, *views: torch.Tensor) -> torch.Tensor:
        """Logits over the points of each parameter."""
        # The thesis' magnitudes go in as decades; that adds nothing to what they hold.
        level = torch.log10(views[0].transpose(1, 2) + 1e-3) / 2 if self.from_thesis else views[0] / 40
        image = level[:, None].contiguous(memory_format=torch.channels_last)
        frames = self.squeeze(self.convolutions(image).permute(0, 3, 1, 2).flatten(2))
        moved, _ = self.lstm(frames)
        heard = torch.cat((self.settle(moved), frames), dim=2)
        parts = [nn.functional.adaptive_avg_pool1d(heard.transpose(1, 2), _STRETCHES).flatten(1)]
        if self.fine is not None:
            parts.append(self.fine(views[1] / 40))
        summary = self.summary(torch.cat(parts, dim=1))
        attention = torch.softmax(self.keys(heard) @ self.queries.T / _QUERY**0.5, dim=1)
        looked_at = torch.einsum("nth,ntw->nhw", attention, heard)
        both = torch.cat((looked_at, summary[:, None].expand(-1, len(NAMES), -1)), dim=2)
        return torch.einsum("nhw,hwp->nhp", both, self.weight) + self.bias


def expected(logits: torch.Tensor) -> torch.Tensor:
    """The means of the distributions, float32[N, 26]: of all answers, the one with the least squared
    error."""
    points = torch.linspace(0, 1, POINTS)
    return torch.softmax(logits.float(), dim=2) @ points


def spread_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross entropy over the points, a target between two of them shared out, and ten times the squared
    error of the mean. A scalar.
    """
    log_p = torch.log_softmax(logits.float(), dim=2)
    place = targets * (POINTS - 1)
    low = place.floor().clamp_max(POINTS - 2).long()
    share = place - low
    at_low = log_p.gather(2, low[..., None])[..., 0]
    at_high = log_p.gather(2, low[..., None] + 1)[..., 0]
    entropy = -((1 - share) * at_low + share * at_high).mean()
    return entropy + 10 * (expected(logits) - targets).square().mean()


def _convolution(channels: int, to: int, size: int, stride: tuple[int, int]) -> nn.Module:
    # ReLU alone: batch normalisation and GELU took two thirds of the whole network's time.
    return nn.Sequential(nn.Conv2d(channels, to, size, stride=stride, padding=size // 2), nn.ReLU())


def _along(channels: int, to: int, size: int, stride: int) -> nn.Module:
    return nn.Sequential(nn.Conv1d(channels, to, size, stride=stride, padding=size // 2), nn.ReLU())


def _layer(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.LayerNorm(outputs), nn.ReLU())

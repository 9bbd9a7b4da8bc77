"""The encoder of one sound: convolutions, a bidirectional LSTM, and one query per parameter.

The convolutions find partials and edges in the spectrogram; the LSTM carries time, in which envelopes
and LFO live. A summary of ten stretches of time, joined with the partials around the note, serves every
parameter; besides, each parameter looks at the moments that tell it (attention over frames), so that
nothing is averaged away before an envelope is read.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import nn

from estimator.network.inputs import (
    FLOOR_DB,
    PARTIAL_BANDS_PER_OCTAVE,
    PARTIAL_OCTAVES,
    PARTIAL_STARTS_S,
)
from estimator.network.parameters import HEADS
from estimator.network.views import Views

_KNOWN = 4
_STRETCHES = 10
_QUERY = 64
_BANDS_LEFT = 12  # 96 mel bands after three strides of two
_FRAME_MS = 20
MOMENTS_MS = (40, 80)
"""How long a moment may be: two or four frames of the spectrogram."""


@dataclass(frozen=True)
class LstmSettings:
    """``channels`` of the first convolution, ``width`` of the LSTM in each direction and its ``layers``,
    ``summary``, and the length of a moment, ``moment_ms``, one of `MOMENTS_MS`."""

    channels: int = 32
    width: int = 224
    layers: int = 2
    summary: int = 512
    moment_ms: int = 40

    def to_json(self) -> dict[str, int]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Encoded:
    """What was heard in N sounds: ``moments`` float[N, T, 3 * width]; ``looks``
    float[N, heads, 3 * width + summary], what each parameter looked at; ``logits`` float[N, LOGITS], what
    they say of each parameter alone."""

    moments: torch.Tensor
    looks: torch.Tensor
    logits: torch.Tensor


class LstmEncoder(nn.Module):
    """Views of N sounds in, `Encoded` out (logits as in `estimator.network.parameters`)."""

    def __init__(self, settings: LstmSettings) -> None:
        super().__init__()
        self.settings = settings
        c, w, summary = settings.channels, settings.width, settings.summary
        self.convolutions = nn.Sequential(
            _convolution(1, c, 5, (2, 2)),
            _convolution(c, 2 * c, 3, (2, 1)),
            _convolution(2 * c, 2 * c, 3, (2, settings.moment_ms // (2 * _FRAME_MS))),
        )
        self.squeeze = nn.Sequential(nn.Linear(2 * c * _BANDS_LEFT, w), nn.LayerNorm(w), nn.GELU())
        self.known = nn.Sequential(nn.Linear(_KNOWN, w), nn.GELU(), nn.Linear(w, w))
        self.lstm = nn.LSTM(w, w, settings.layers, batch_first=True, bidirectional=True)
        self.settle = nn.LayerNorm(2 * w)
        bands = PARTIAL_OCTAVES * PARTIAL_BANDS_PER_OCTAVE
        self.partials = _layer(bands * len(PARTIAL_STARTS_S), summary)
        self.summary = nn.Sequential(
            _layer(3 * w * _STRETCHES + summary + w, summary), _layer(summary, summary)
        )
        self.keys = nn.Linear(3 * w, _QUERY)
        self.queries = nn.Parameter(torch.randn(len(HEADS), _QUERY))
        self.out = nn.ModuleList(nn.Linear(3 * w + summary, head.classes) for head in HEADS)

    def forward(self, views: Views) -> Encoded:
        """Hear N sounds."""
        image = self.convolutions(1 + views.mel[:, None] / FLOOR_DB)
        known = self.known(views.known)
        frames = self.squeeze(image.permute(0, 3, 1, 2).flatten(2)) + known[:, None]
        moved, _ = self.lstm(frames)
        heard = torch.cat((self.settle(moved), frames), dim=2)

        stretches = nn.functional.adaptive_avg_pool1d(heard.transpose(1, 2), _STRETCHES).flatten(1)
        made_of = self.partials(1 + views.partials.flatten(1) / FLOOR_DB)
        summary = self.summary(torch.cat((stretches, made_of, known), dim=1))

        attention = torch.softmax(self.keys(heard) @ self.queries.T / _QUERY**0.5, dim=1)
        looked_at = torch.einsum("nth,ntw->nhw", attention, heard)
        looks = torch.cat((looked_at, summary[:, None].expand(-1, len(HEADS), -1)), dim=2)
        logits = torch.cat([out(look) for out, look in zip(self.out, looks.unbind(1), strict=True)], dim=1)
        return Encoded(heard, looks, logits)


def _convolution(channels: int, to: int, size: int, stride: tuple[int, int]) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(channels, to, size, stride=stride, padding=size // 2), nn.BatchNorm2d(to), nn.GELU()
    )


def _layer(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.LayerNorm(outputs), nn.GELU())

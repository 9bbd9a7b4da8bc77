"""The production network: convolutions, a bidirectional LSTM, and one query per parameter.

The convolutions find partials and edges; the LSTM carries time, in which envelopes and LFO live; each
parameter then looks at the moments that tell it (attention over frames), so that nothing is averaged
away before an envelope is read.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import nn

from estimator.features import FLOOR_DB, INPUT
from estimator.heads import HEADS, LOGITS

CONDITIONS = 3
"""What is known of the note: MIDI note / 127, velocity / 127, gate in seconds / 4."""


@dataclass(frozen=True)
class LstmSettings:
    """Sizes: channels of the two convolutions, width of LSTM (each direction), depth."""

    channels: int = 32
    width: int = 160
    layers: int = 2

    def to_json(self) -> dict[str, int]:
        """Plain data."""
        return asdict(self)


class LstmEstimator(nn.Module):
    """Log-mel spectrogram and note in, logits of every head out.

    Shape:
        mel: float32[N, 96, frames] in dB, -80 to 0. known: float32[N, 3]. Returns [N, LOGITS].
    """

    def __init__(self, settings: LstmSettings) -> None:
        super().__init__()
        c, w = settings.channels, settings.width
        self.settings = settings
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, c, (7, 5), stride=(3, 2), padding=(3, 2)),
            nn.BatchNorm2d(c),
            nn.GELU(),
            nn.Conv2d(c, 2 * c, (5, 3), stride=(4, 1), padding=(2, 1)),
            nn.BatchNorm2d(2 * c),
            nn.GELU(),
        )
        bands = -(-(-(-INPUT.bands // 3)) // 4)
        self.squeeze = nn.Linear(2 * c * bands, w)
        self.known = nn.Sequential(nn.Linear(CONDITIONS, w), nn.GELU(), nn.Linear(w, w))
        self.lstm = nn.LSTM(w, w, settings.layers, batch_first=True, bidirectional=True, dropout=0.1)
        self.keys = nn.Linear(2 * w, 64)
        self.queries = nn.Parameter(torch.randn(len(HEADS), 64) / 8)
        self.mix = nn.Sequential(nn.Linear(2 * w, 2 * w), nn.GELU())
        self.out = nn.ModuleList(nn.Linear(3 * w, head.classes) for head in HEADS)

    def forward(self, mel: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """Logits, float32[N, LOGITS]."""
        image = self.convolutions(1 + mel[:, None] / FLOOR_DB)
        given = self.known(known)
        sequence = self.squeeze(image.permute(0, 3, 1, 2).flatten(2)) + given[:, None]
        heard, _ = self.lstm(sequence)
        attention = torch.softmax(self.keys(heard) @ self.queries.T / 8, dim=1)
        looked = self.mix(torch.einsum("nth,ntw->nhw", attention, heard))
        looked = torch.cat((looked, given[:, None].expand(-1, len(HEADS), -1)), dim=2)
        logits = torch.cat([out(looked[:, k]) for k, out in enumerate(self.out)], dim=1)
        assert logits.shape[1] == LOGITS
        return logits

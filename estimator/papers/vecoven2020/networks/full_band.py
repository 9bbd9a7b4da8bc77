"""Our own network for the task `estimator.papers.vecoven2020.task`: the whole band, a distribution for each
parameter.

It differs from the thesis' networks in three ways. It hears all of the sound (the thesis' 16 bins end at 1.4
kHz, three harmonics of the note): a log-mel spectrogram that tells how the sound moves, and five long spectra
on a fine logarithmic axis that tell what it is made of. It answers with a distribution over `POINTS` values
between 0 and 1, so that "an octave up or down" need not become "in between" while it learns; the answer that
is scored by squared error is that distribution's mean. And it does not have to find out where to look: every
sound of the task is the same note with the key down for the same time, so frames are taken together by fixed
stretches, short where envelopes begin and the key goes up, long where sounds are steady, and plain layers
read them. That learns several times as much from a tone as convolutions and an LSTM did, at a tenth of their
time.

`FullBand(views=("spectrogram",))` is the ablation: the same network with no more than the thesis'
spectrogram.
"""

from __future__ import annotations

import itertools

import torch
from torch import nn

from estimator.papers.vecoven2020.task import GATE_S, NAMES, SECONDS

POINTS = 49
"""Values a parameter is spread over. 48 steps divide by two, three and four, as switches do."""

_WIDTH = 768
"""Numbers between layers; chosen."""
_BLOCKS = 2
"""Residual blocks; chosen."""
_DROPPED_INPUTS = 0.1
"""Share of the inputs that is dropped while it learns; chosen."""
_DROPPED = 0.2
"""Share of what lies between layers that is dropped while it learns; chosen."""
_EDGES_S = (
    0, 0.02, 0.04, 0.06, 0.08, 0.12, 0.16, 0.22, 0.3, 0.4, 0.52, 0.66, 0.82, 1.0, 1.2, 1.44, 1.7, 1.98,
    *(GATE_S + after for after in (0, 0.02, 0.04, 0.08, 0.14, 0.22, 0.32, 0.46, 0.64, 0.86, 1.14, 1.5)),
    SECONDS,
)  # fmt: skip
"""Where the stretches of time begin and end."""


class FullBand(nn.Module):
    """Views in, logits out, float32[N, 26, 49].

    ``views``: ("mel", "fine") or ("spectrogram",); `forward` takes them in that order, as
    `estimator.papers.vecoven2020.views` shapes them.
    """

    def __init__(self, views: tuple[str, ...] = ("mel", "fine")) -> None:
        super().__init__()
        if views not in (("mel", "fine"), ("spectrogram",)):
            raise ValueError(f"views {views}: there are (mel, fine) and (spectrogram,)")
        self.from_thesis = views == ("spectrogram",)
        bands, frames, fine = (16, 690, 0) if self.from_thesis else (96, 200, 5 * 672)
        self.stretches: torch.Tensor
        self.register_buffer("stretches", _stretches(frames), persistent=False)
        inputs = bands * (len(_EDGES_S) - 1) + 2 * frames + fine
        self.layers = nn.Sequential(
            scaled(inputs, affine=False),
            nn.Hardtanh(-4, 4),
            nn.Dropout(_DROPPED_INPUTS),
            nn.Linear(inputs, _WIDTH),
            nn.GELU(),
            nn.Dropout(_DROPPED),
            *(_Block() for _ in range(_BLOCKS)),
            nn.LayerNorm(_WIDTH),
            nn.Linear(_WIDTH, len(NAMES) * POINTS),
        )

    def blocks(self) -> list[nn.Module]:
        """The layers between the first and the last."""
        return [layer for layer in self.layers if isinstance(layer, _Block)]

    def forward(self, *views: torch.Tensor) -> torch.Tensor:
        """Logits over the points of each parameter."""
        # The thesis' magnitudes go in as decades; that adds nothing to what they hold.
        image = torch.log10(views[0].transpose(1, 2) + 1e-3) / 2 if self.from_thesis else views[0] / 40
        half = image.shape[1] // 2
        level = image.mean(1)
        tilt = image[:, half:].mean(1) - image[:, :half].mean(1)
        parts = [
            (image @ self.stretches).flatten(1),
            level,
            tilt,
            *(view.flatten(1) / 40 for view in views[1:]),
        ]
        out: torch.Tensor = self.layers(torch.cat(parts, dim=1).float())
        return out.unflatten(1, (len(NAMES), POINTS))


def scaled(inputs: int, affine: bool) -> nn.Module:
    """Every input by its own mean and spread, over all batches that were seen: what is heard does not change
    while a network learns, and loud cells are rare. Over the last ten batches, torch's way, they once left
    answers a quarter worse (0.031 for 0.024).
    """
    return nn.BatchNorm1d(inputs, affine=affine, momentum=None)


class _Block(nn.Module):
    """A residual block of two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.LayerNorm(_WIDTH),
            nn.Linear(_WIDTH, _WIDTH),
            nn.GELU(),
            nn.Dropout(_DROPPED),
            nn.Linear(_WIDTH, _WIDTH),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        changed: torch.Tensor = self.inner(x)
        return x + changed


def _stretches(frames: int) -> torch.Tensor:
    """What makes means over stretches of time: float32[frames, stretches]."""
    edges = (torch.tensor(_EDGES_S) / SECONDS * frames).round().int()
    out = torch.zeros(frames, len(edges) - 1)
    for k, (first, last) in enumerate(itertools.pairwise(edges.tolist())):
        out[first:last, k] = 1 / (last - first)
    return out


def expected(logits: torch.Tensor) -> torch.Tensor:
    """The means of the distributions, float32[N, 26]: of all answers, the one with the least squared
    error."""
    points = torch.linspace(0, 1, POINTS, device=logits.device)
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

"""The production network: what each recording says (an LSTM), and a tone that fits all of it (a decoder).

One or several recordings of one tone go in, at any notes, velocities and gates. `LstmEncoder` hears each for
itself; its distributions are averaged, and the `Decoder` corrects them parameter by parameter, in the light
of all recordings and of the values chosen so far.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import torch
from torch import nn

from estimator.network.decoder import ORDER, Decoder
from estimator.network.lstm import Encoded, LstmEncoder, LstmSettings
from estimator.network.parameters import HEADS, LOGITS
from estimator.network.views import Views


@dataclass(frozen=True)
class NetworkSettings:
    """``channels``, ``width``, ``lstm_layers``, ``summary`` and ``moment_ms`` of the encoder; ``decoder``
    width, ``layers`` and attention ``heads`` of the decoder."""

    channels: int = 32
    width: int = 224
    lstm_layers: int = 2
    summary: int = 512
    moment_ms: int = 40
    decoder: int = 256
    layers: int = 4
    heads: int = 4

    def to_json(self) -> dict[str, int]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Drawn:
    """M tones: ``classes`` int64[M, heads]; ``likely`` float[M], the logarithm of each one's probability;
    ``said`` for each head float[M, classes], the distribution that each tone's value was drawn from (before
    sharpening)."""

    classes: torch.Tensor
    likely: torch.Tensor
    said: list[torch.Tensor]


class Network(nn.Module):
    """Recordings of tones in, logits of every head out (see `estimator.network.parameters`)."""

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        self.settings = s = settings
        self.encoder = LstmEncoder(LstmSettings(s.channels, s.width, s.lstm_layers, s.summary, s.moment_ms))
        look = 3 * s.width + s.summary
        self.decoder = Decoder(s.decoder, s.layers, s.heads, 3 * s.width, look)
        self.gain = nn.Parameter(torch.zeros(len(HEADS)))
        sizes = torch.tensor([head.classes for head in HEADS])
        self.of_head: torch.Tensor
        self.register_buffer(
            "of_head", torch.repeat_interleave(torch.arange(len(HEADS)), sizes), persistent=False
        )

    def hear(self, views: Views, recordings: int = 1) -> Encoded:
        """What ``recordings`` views of each tone say together: N * recordings sounds, those of a tone side by
        side, become N rows; the moments of all stand one after another."""
        heard = self.encoder(views)
        if recordings == 1:
            return heard
        count = len(heard.logits) // recordings
        moments = heard.moments.view(count, -1, heard.moments.shape[2])
        looks = heard.looks.view(count, recordings, *heard.looks.shape[1:]).mean(1)
        # Independent witnesses would add up; how far these are independent is learnt, head by head.
        gain = 1 + self.gain[self.of_head] * (recordings - 1) ** 0.5
        logits = heard.logits.view(count, recordings, LOGITS).mean(1) * gain
        return Encoded(moments, looks, logits)

    def forward(self, views: Views, classes: torch.Tensor, recordings: int = 1) -> torch.Tensor:
        """Logits, float[N, LOGITS], of each parameter given those said before it.

        ``views`` of N * recordings sounds; ``classes`` int64[N, heads], the tones behind them."""
        heard = self.hear(views, recordings)
        return heard.logits + self.decoder(_thinned(heard.moments), heard.looks, classes)

    @torch.no_grad()
    def draw(
        self,
        heard: Encoded,
        temperatures: torch.Tensor,
        generator: torch.Generator,
        fixed: Mapping[int, int] | None = None,
    ) -> Drawn:
        """Tones for one set of recordings (``heard`` has one row), one for each of ``temperatures``,
        float[M].

        A temperature below 1 sharpens every distribution; 0 takes the likeliest value at each step.
        ``fixed``: head index to class, for parameters that are given.
        """
        count = len(temperatures)
        steps = self.decoder.steps(_thinned(heard.moments), heard.looks, count)
        chosen = torch.zeros((count, len(HEADS)), dtype=torch.int64)
        likely = torch.zeros(count)
        said: list[torch.Tensor] = [torch.empty(0)] * len(HEADS)
        before = None
        for k in ORDER:
            head = HEADS[k]
            logs = torch.log_softmax(heard.logits[:, head.start : head.stop] + steps.next(before), dim=1)
            if fixed and k in fixed:
                before = torch.full((count,), fixed[k], dtype=torch.int64)
            else:
                odds = torch.softmax(logs / temperatures.clamp_min(1e-3)[:, None], dim=1)
                before = torch.multinomial(odds, 1, generator=generator)[:, 0]
            likely += logs.gather(1, before[:, None])[:, 0]
            chosen[:, k] = before
            said[k] = logs.exp()
        return Drawn(chosen, likely, said)


def _thinned(moments: torch.Tensor) -> torch.Tensor:
    """Every two moments made one: attention over half as many."""
    count, frames, width = moments.shape
    return moments[:, : frames // 2 * 2].reshape(count, -1, 2, width).mean(2)

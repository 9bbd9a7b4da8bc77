"""The production network: what each recording says (an LSTM), and a tone that fits all of it (a decoder).

One or several recordings of one tone go in, at any notes, velocities and gates. `LstmEncoder` hears each for
itself; its distributions are averaged, and the `Decoder` corrects them parameter by parameter, in the light
of all recordings and of the values chosen so far.

The encoder of one sound: convolutions, a bidirectional LSTM, and one query per parameter.

The convolutions find partials and edges in the spectrogram; the LSTM carries time, in which envelopes
and LFO live. A summary of ten stretches of time, joined with the partials around the note, serves every
parameter; besides, each parameter looks at the moments that tell it (attention over frames), so that
nothing is averaged away before an envelope is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import torch
from torch import nn

from estimator.network.decoder import ORDER, Decoder
from estimator.network.inputs import PARTIAL_BANDS_PER_OCTAVE, PARTIAL_OCTAVES, PARTIAL_STARTS_S, Views
from estimator.network.parameters import HEADS, LOGITS
from simulator.features import FLOOR_DB

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

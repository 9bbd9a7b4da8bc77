"""The network: a recurrent encoder of recordings, and an autoregressive decoder of one tone behind them.

One or several recordings of one tone go in, at any notes, velocities and gates. `LstmEncoder` encodes each by
itself; its distributions are averaged, and the `Decoder` corrects them parameter by parameter, each
conditional on all recordings and on the values chosen so far. `Network` joins the two.

**Encoder.** Convolutions find partials and edges in the spectrogram; a bidirectional LSTM carries time, in
which envelopes and LFO live. A summary of ten stretches of time, joined with the partials around the note,
serves every parameter; besides, each parameter looks at the moments that tell it (attention over frames), so
that nothing is averaged away before an envelope is read.

**Decoder.** Independent distributions give tones that do not hang together: two oscillators a fifth apart
*or* a modulated one sound alike, half of each does not. Here the waveforms are chosen first, then tunings,
levels, envelopes and depths, each conditional on the rest so far, so that a draw is one whole tone. Every
step looks at the recordings anew (attention over their moments), and at the summary that the encoder made for
its parameter.

**Checkpoint** (`load`, `write`). Weights on disk: safetensors, and a JSON file that says what they are. The
JSON holds the hash of the parameter table. A checkpoint made for another table would answer with the wrong
parameters, so it is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from safetensors.torch import load_file, save
from torch import nn

from estimator.network.inputs import PARTIAL_BANDS_PER_OCTAVE, PARTIAL_OCTAVES, PARTIAL_STARTS_S, Views
from estimator.network.parameters import HEADS, LOGITS
from jxctl._files import read_object, write_atomically
from jxctl._version import __version__
from jxctl.errors import JxError, UsageError
from jxctl.protocol.parameters import table_hash
from simulator.features import FLOOR_DB

_KNOWN = 4
_STRETCHES = 10
_QUERY = 64
_BANDS_LEFT = 12  # 96 mel bands after three strides of two
_FRAME_MS = 20
MOMENTS_MS = (40, 80)
"""How long a moment may be: two or four frames of the spectrogram."""

_M = TypeVar("_M", bound=nn.Module)

_FIRST = (
    "MIX DCO1", "MIX DCO2", "DCO1 WF", "DCO2 WF", "DCO XMOD", "DCO1 RANGE", "DCO2 RANGE",
    "DCO1 TUNE", "DCO2 TUNE", "DCO2 FTUNE", "CHORUS", "HPF FREQ",
    "VCA MODE", "VCF MODE", "MIX MODE", "DCO MODE", "ENV2 ATT", "ENV2 DECY", "ENV2 SUS", "ENV2 REL",
    "VCF FREQ", "VCF ENV", "VCF RES", "ENV1 ATT", "ENV1 DECY", "ENV1 SUS", "ENV1 REL",
    "MIX ENV", "DCO1 ENV", "DCO2 ENV", "VCF LFO", "DCO1 LFO", "DCO2 LFO", "LFO RATE", "LFO WF", "LFO DELAY",
)  # fmt: skip
_NAMES = [head.parameter.name for head in HEADS]
ORDER = tuple(_NAMES.index(name) for name in _FIRST) + tuple(
    k for k, name in enumerate(_NAMES) if name not in _FIRST
)
"""Head indices in the order in which they are said: what decides most comes first."""


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


class Decoder(nn.Module):
    """Corrections to the encoder's logits, given the values of the parameters said before.

    ``width`` of the tokens, ``layers``, ``heads`` of each attention, ``memory`` and ``look``: widths of a
    moment and of a parameter's summary as the encoder gives them.
    """

    def __init__(self, width: int, layers: int, heads: int, memory: int, look: int) -> None:
        super().__init__()
        self.memory = nn.Sequential(nn.Linear(memory, width), nn.LayerNorm(width))
        self.look = nn.Linear(look, width)
        self.place = nn.Parameter(torch.randn(len(HEADS), width) * 0.5)
        self.value = nn.Embedding.from_pretrained(_smooth(width), freeze=False)
        self.layers: Sequence[_Layer] = _listed(_Layer(width, heads) for _ in range(layers))
        self.settle = nn.LayerNorm(width)
        self.out: Sequence[nn.Linear] = _listed(nn.Linear(width, HEADS[k].classes) for k in ORDER)
        for out in self.out:  # at first the encoder's word stands
            nn.init.zeros_(out.weight)
            nn.init.zeros_(out.bias)
        self.starts: torch.Tensor
        starts = torch.tensor([HEADS[k].start for k in ORDER])
        self.register_buffer("starts", starts, persistent=False)

    def forward(self, memory: torch.Tensor, look: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        """Corrections float[N, LOGITS] for tones whose values are known (training, or how likely a tone is).

        ``memory`` float[N, T, memory]; ``look`` float[N, heads, look]; ``classes`` int64[N, heads]."""
        moments = self.memory(memory)
        order = list(ORDER)
        before = self.value(self.starts + classes[:, order])
        before = nn.functional.pad(before[:, :-1], (0, 0, 1, 0))
        x = before + self.look(look[:, order]) + self.place
        for layer in self.layers:
            x = layer(x, layer.across(moments))
        x = self.settle(x)
        said = [out(token) for out, token in zip(self.out, x.unbind(1), strict=True)]
        return torch.cat([said[ORDER.index(k)] for k in range(len(HEADS))], dim=1)

    def steps(self, memory: torch.Tensor, look: torch.Tensor, count: int) -> Steps:
        """Say ``count`` tones side by side, parameter by parameter, for one set of recordings.

        ``memory`` float[1, T, memory]; ``look`` float[1, heads, look]."""
        return Steps(self, memory, look, count)


class Steps:
    """The state of ``count`` tones that are being said; `next` gives the corrections of one more
    parameter."""

    def __init__(self, decoder: Decoder, memory: torch.Tensor, look: torch.Tensor, count: int) -> None:
        self.decoder, self.count, self.at = decoder, count, 0
        moments = decoder.memory(memory)
        self.inputs = decoder.look(look[0, list(ORDER)]) + decoder.place
        self.across = [layer.across(moments) for layer in decoder.layers]
        size = (
            2,
            count,
            decoder.layers[0].heads,
            len(ORDER),
            decoder.place.shape[1] // decoder.layers[0].heads,
        )
        self.past = [torch.empty(size) for _ in decoder.layers]

    def next(self, before: torch.Tensor | None) -> torch.Tensor:
        """Corrections float[count, classes of head ``ORDER[at]``]; ``before``: int64[count], the classes
        chosen at the last step (none at the first)."""
        d = self.decoder
        x = self.inputs[self.at].expand(self.count, 1, -1)
        if before is not None:
            x = x + d.value(d.starts[self.at - 1] + before)[:, None]
        for layer, across, past in zip(d.layers, self.across, self.past, strict=True):
            x = layer.step(x, across, past, self.at)
        said: torch.Tensor = d.out[self.at](d.settle(x[:, 0]))
        self.at += 1
        return said


class _Layer(nn.Module):
    """Attention to what was said, attention to the recordings, and a feed-forward network."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.said, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.ask, self.answer, self.heard = (
            nn.Linear(width, width), nn.Linear(width, 2 * width), nn.Linear(width, width),
        )  # fmt: skip
        self.think = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.norms = _listed(nn.LayerNorm(width) for _ in range(3))

    def across(self, moments: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values of the recordings, [N, heads, T, width / heads]."""
        keys, values = self.answer(moments).chunk(2, dim=-1)
        return self._split(keys), self._split(values)

    def forward(self, x: torch.Tensor, across: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        q, k, v = (self._split(part) for part in self.said(self.norms[0](x)).chunk(3, dim=-1))
        x = x + self.out(_joined(_attend(q, k, v, causal=True)))
        x = x + self.heard(_joined(_attend(self._split(self.ask(self.norms[1](x))), *across)))
        return x + self.think(self.norms[2](x))

    def step(
        self, x: torch.Tensor, across: tuple[torch.Tensor, torch.Tensor], past: torch.Tensor, at: int
    ) -> torch.Tensor:
        """`forward` for one more token, [N, 1, width], the one numbered ``at``; ``past``, [2, N, heads, all
        tokens, width / heads], holds the keys and values of those before, and is given this one's."""
        q, k, v = (self._split(part) for part in self.said(self.norms[0](x)).chunk(3, dim=-1))
        past[0, :, :, at], past[1, :, :, at] = k[:, :, 0], v[:, :, 0]
        x = x + self.out(_joined(_attend(q, past[0, :, :, : at + 1], past[1, :, :, : at + 1])))
        # All rows ask the same recordings: one row of many questions.
        asked = self._split(self.ask(self.norms[1](x))).permute(2, 1, 0, 3)
        x = x + self.heard(_attend(asked, *across).permute(2, 0, 1, 3).flatten(2))
        return x + self.think(self.norms[2](x))

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


def _listed(modules: Iterable[_M]) -> Sequence[_M]:
    """A `ModuleList`, whose members keep their type for the type checker."""
    return cast("Sequence[_M]", nn.ModuleList(modules))


def _attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, causal: bool = False) -> torch.Tensor:
    """Scaled dot products, written out: for so few tokens the fused kernel takes far longer on a CPU."""
    score = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    if causal:
        later = torch.ones(score.shape[-2:], dtype=torch.bool, device=score.device).triu(1)
        score = score.masked_fill(later, -torch.inf)
    return torch.softmax(score, dim=-1).to(v.dtype) @ v


def _joined(x: torch.Tensor) -> torch.Tensor:
    return x.transpose(1, 2).flatten(2)


def _smooth(width: int) -> torch.Tensor:
    """First embeddings, float[LOGITS, width]: neighbouring levels resemble each other, the ends stand out."""
    generator = torch.Generator().manual_seed(0)
    rows = []
    for head in HEADS:
        if head.parameter.kind == "level":
            raw = torch.arange(head.classes) / 127
            waves = [f(torch.pi * 2**j * raw) for j in range(5) for f in (torch.sin, torch.cos)]
            ends = [(raw == 0).float(), (raw == 1).float()]
            features = torch.stack([raw, *waves, *ends], dim=1)
        else:
            features = torch.eye(head.classes)
        mix = torch.randn(features.shape[1], width, generator=generator)
        rows.append(features @ mix / features.square().sum(1).mean().sqrt() * 0.5)
    table = torch.cat(rows)
    assert len(table) == LOGITS
    return table


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


def _with(path: Path, suffix: str) -> Path:
    """``path`` with a suffix added to its last part."""
    return path.with_name(path.name + suffix)


def shipped() -> Path:
    """The checkpoint that comes with jx, without its suffix."""
    return Path(str(resources.files("estimator") / "checkpoints" / "network"))


def load(path: Path | None = None) -> tuple[Network, dict[str, Any]]:
    """The network and its JSON, from ``path`` without suffix (default: the one that comes with jx).

    Weights are kept in 16 bits on disk and widened here. Raises `UsageError` for a missing or damaged
    checkpoint, or one of another parameter table.
    """
    path = path or shipped()
    if not _with(path, ".json").exists():
        raise UsageError(f"no checkpoint at {path}", "jx train makes one")
    try:
        config = read_object(_with(path, ".json"))
        weights = load_file(_with(path, ".safetensors"))
        if config["table"] != table_hash():
            raise UsageError(
                f"{path} was trained for another parameter table",
                "train again (jx train), or use the jx version in its JSON",
            )
        model = Network(NetworkSettings(**config["model"]))
        _check_fit(path, model, weights)
        model.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    except JxError:
        raise
    except FileNotFoundError:
        raise UsageError(f"no checkpoint at {path}", "jx train makes one") from None
    except Exception as error:
        raise UsageError(f"checkpoint {path} cannot be read: {error}") from error
    return model.eval(), config


def _check_fit(path: Path, model: Network, weights: dict[str, torch.Tensor]) -> None:
    """Refuse weights of another network in one sentence; torch would list all of them."""
    wanted = {name: tensor.shape for name, tensor in model.state_dict().items()}
    if wanted != {name: tensor.shape for name, tensor in weights.items()}:
        raise UsageError(
            f"{path} holds weights of another network than this jx has",
            "train again (jx train), or use the jx version in its JSON",
        )


def write(model: Network, path: Path, about: dict[str, Any]) -> None:
    """Write ``path``.safetensors and ``path``.json, each whole or not at all."""
    # Weights are learnt to far less than 16 bits; half the file is half the download.
    weights = {
        name: tensor.half() if tensor.is_floating_point() and "running" not in name else tensor
        for name, tensor in model.state_dict().items()
    }
    config = {"jx": __version__, "table": table_hash(), "model": model.settings.to_json(), **about}
    write_atomically(_with(path, ".safetensors"), save({k: v.contiguous() for k, v in weights.items()}))
    write_atomically(_with(path, ".json"), (json.dumps(config, indent=2) + "\n").encode())

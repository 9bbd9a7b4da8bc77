"""An autoregressive decoder: each parameter is said in the light of the ones said before it.

Independent distributions give tones that do not hang together: two oscillators a fifth apart *or* a modulated
one sound alike, half of each does not. Here the waveforms are chosen first, then tunings, levels, envelopes
and depths, each conditional on the rest so far, so that a draw is one whole tone. Every step looks at the
recordings anew (attention over their moments), and at the summary that the encoder made for its parameter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar, cast

import torch
from torch import nn

from estimator.network.parameters import HEADS, LOGITS

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

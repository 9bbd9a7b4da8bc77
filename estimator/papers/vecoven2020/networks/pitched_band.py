"""Our network for the task `estimator.papers.vecoven2020.task` that knows what a pitch is: `MovingBand`, and
a pitch for each oscillator.

Three things that hold for every synthesizer of this kind are built in, so that they need not be learnt:

* A harmonic sound looks the same at every pitch but for its place on a logarithmic axis. `Harmonics` lays
  the fine spectra over themselves, moved by the intervals of the partials, so that a pitch and its partials
  stand in one column, and reads all columns by the same convolutions.
* RANGE and TUNE together are one pitch (an octave, and a semitone of it). The network answers with a
  distribution over both at once, for each oscillator: what RANGE says, what TUNE says and what the pitch says
  are added, and the two are read off that. Spellings of one pitch then share what is heard of it.
* What a wave is made of is to be read at its pitch: the columns where the oscillators are believed to be tell
  all parameters.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from estimator.papers.vecoven2020.networks.full_band import POINTS, expected, scaled, spread_loss
from estimator.papers.vecoven2020.networks.moving_band import MovingBand
from estimator.papers.vecoven2020.task import NAMES

RANGES = 4
"""Octaves: the positions of RANGE."""
TUNES = 25
"""Semitones: the positions of TUNE."""
SEMITONES = 61
"""The pitches that they make: from 110 Hz (16', -12) to 3.5 kHz (2', +12)."""

# Where the positions of RANGE and of TUNE lie among a parameter's points.
_OCTAVES = slice(None, None, (POINTS - 1) // (RANGES - 1))
_STEPS = slice(None, None, (POINTS - 1) // (TUNES - 1))
_PARTIALS = (0.5, 1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16)
"""Partials whose places are read together, an octave below included; chosen."""
# The view ``fine``, from 110 Hz on:
_SPECTRA = 5
_BANDS = 672
_PER_OCTAVE = 96
_PER_SEMITONE = 8
_MARGIN = 8
"""Bands: a semitone on either side of the pitches."""
_CHANNELS = 64
"""Of each pitch's column; chosen."""
_WIDTH = 128
"""Numbers that say what is heard where the oscillators are; chosen."""
_OFF = -1.0
"""-40 dB over 40: nothing."""
_NEVER = -30.0
"""The logit of a point that is no position; chosen."""
_MARGINALS = len(NAMES) * POINTS


class PitchedBand(nn.Module):
    """Views ``mel`` and ``fine`` in; out, float32[N, 26 * 49 + 2 * 100]: logits over the points of each
    parameter, and log probabilities of each oscillator's RANGE and TUNE together (`joint`)."""

    def __init__(self) -> None:
        super().__init__()
        self.moving = MovingBand()
        self.harmonics = Harmonics()
        self.heights = nn.Conv1d(_CHANNELS, 2, 1)
        self.overview = nn.Sequential(
            nn.Flatten(), nn.Linear(_CHANNELS * SEMITONES, 2 * _WIDTH), nn.GELU(),
            nn.Linear(2 * _WIDTH, 2 * SEMITONES),
        )  # fmt: skip
        self.timbre = nn.Sequential(nn.Linear(2 * _CHANNELS, _WIDTH), nn.GELU())
        self.weight = nn.Parameter(torch.zeros(_WIDTH, _MARGINALS))
        self.pitch: torch.Tensor
        spelt = 12 * torch.arange(RANGES)[:, None] + torch.arange(TUNES)
        self.register_buffer("pitch", spelt, persistent=False)

    def forward(self, mel: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
        """Both kinds of logits in a row; `marginal` and `joint` take them apart."""
        columns = self.harmonics(fine / 40)
        heights = self.heights(columns) + self.overview(columns).unflatten(1, (2, SEMITONES))
        believed = torch.softmax(heights.float(), dim=2).to(columns.dtype)
        there = torch.einsum("ndp,ncp->ndc", believed, columns).flatten(1)
        logits = self.moving(mel, fine) + marginal(self.timbre(there) @ self.weight)
        return self._together(logits.float(), heights.float())

    def _together(self, logits: torch.Tensor, heights: torch.Tensor) -> torch.Tensor:
        """RANGE and TUNE of each oscillator with its pitch."""
        out, both = logits.clone(), []
        for dco in (0, 1):
            octave, semitone = _places(dco)
            by_octave, by_semitone = logits[:, octave, _OCTAVES, None], logits[:, semitone, None, _STEPS]
            cells = by_octave + by_semitone + heights[:, dco, self.pitch]
            cells = torch.log_softmax(cells.flatten(1), dim=1).unflatten(1, (RANGES, TUNES))
            out[:, [octave, semitone]] = _NEVER
            out[:, octave, _OCTAVES] = cells.logsumexp(2)
            out[:, semitone, _STEPS] = cells.logsumexp(1)
            both.append(cells.flatten(1))
        return torch.cat((out.flatten(1), *both), dim=1)

    def hidden_layers(self) -> list[nn.Module]:
        """What lies between hidden layers (`estimator.papers.vecoven2020.entries`)."""
        return [*self.moving.hidden_layers(), self.overview[1], self.timbre]


class Harmonics(nn.Module):
    """Fine spectra, float32[N, 5, 672] from -1 on, in; a column for each pitch out, float32[N, 64, 61]."""

    def __init__(self) -> None:
        super().__init__()
        self.intervals = [round(_PER_OCTAVE * math.log2(partial)) for partial in _PARTIALS]
        self.places = _PER_SEMITONE * (SEMITONES - 1) + 1 + 2 * _MARGIN
        inputs, c = _SPECTRA * len(_PARTIALS), _CHANNELS
        self.scale = scaled(inputs, affine=True)
        self.first = nn.Conv1d(inputs, c, 5, padding=2)
        self.around = nn.ModuleList(_normal(nn.Conv1d(c, c, 9, padding=4)) for _ in range(2))
        self.gather = _normal(nn.Conv1d(c, c, 2 * _MARGIN + 1, stride=_PER_SEMITONE))
        self.settle = nn.Sequential(nn.GroupNorm(8, c), nn.GELU())

    def forward(self, fine: torch.Tensor) -> torch.Tensor:
        """Each pitch's column."""
        below = _MARGIN - min(self.intervals)
        above = max(0, self.places - _MARGIN + max(self.intervals) - _BANDS)
        wide = nn.functional.pad(fine, (below, above), value=_OFF)
        starts = [below - _MARGIN + interval for interval in self.intervals]
        stacked = torch.cat([wide[:, :, start : start + self.places] for start in starts], dim=1)
        heard = self.first(self.scale(stacked))
        for more in self.around:
            heard = heard + more(heard)
        settled: torch.Tensor = self.settle(self.gather(heard))
        return settled


def marginal(output: torch.Tensor) -> torch.Tensor:
    """Logits over the points of each parameter, float32[N, 26, 49]."""
    return output[:, :_MARGINALS].unflatten(1, (len(NAMES), POINTS))


def joint(output: torch.Tensor) -> torch.Tensor:
    """Log probabilities of RANGE and TUNE of each oscillator, float32[N, 2, 4, 25]."""
    return output[:, _MARGINALS:].unflatten(1, (2, RANGES, TUNES))


def mean(output: torch.Tensor) -> torch.Tensor:
    """`expected` of the marginals."""
    return expected(marginal(output))


def pitched_loss(output: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """`spread_loss` of the marginals and the cross entropy of RANGE and TUNE together, weighed as those of
    two of the parameters. A scalar."""
    entropy = output.new_zeros(())
    for dco in (0, 1):
        octave, semitone = ((targets[:, k] * (steps - 1)).round().long()
                            for k, steps in zip(_places(dco), (RANGES, TUNES), strict=True))  # fmt: skip
        said = joint(output)[:, dco].flatten(1)
        entropy = entropy + nn.functional.nll_loss(said, octave * TUNES + semitone)
    return spread_loss(marginal(output), targets) + entropy / len(NAMES)


def _places(dco: int) -> tuple[int, int]:
    return NAMES.index(f"DCO{dco + 1} RANGE"), NAMES.index(f"DCO{dco + 1} TUNE")


def _normal(convolution: nn.Conv1d) -> nn.Module:
    return nn.Sequential(nn.GroupNorm(8, convolution.in_channels), nn.GELU(), convolution)

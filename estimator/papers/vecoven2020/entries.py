"""Who takes part: each entry's network, what it hears, its loss, how its output becomes an answer, and what
moves its weights.

That is Adam, as in the papers, or Muon for the matrices between hidden layers. Muon (Jordan 2024; here
`torch.optim.Muon`, its steps scaled to Adam's as in Liu et al. 2025, arXiv 2502.16982) makes a step of a
matrix equally long in all directions. It is meant for matrices between hidden layers; first and last layers,
convolutions and vectors stay with Adam.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol, runtime_checkable

import torch
from torch import nn

from estimator.papers.vecoven2020.networks import inversynth, thesis
from estimator.papers.vecoven2020.networks.full_band import FullBand, expected, spread_loss
from estimator.papers.vecoven2020.networks.inversynth import CLASSES
from estimator.papers.vecoven2020.networks.moving_band import MovingBand
from estimator.papers.vecoven2020.networks.pitched_band import PitchedBand, mean, pitched_loss
from estimator.papers.vecoven2020.task import NAMES


@runtime_checkable
class Layered(Protocol):
    """A network that says which of its parts lie between hidden layers."""

    def hidden_layers(self) -> list[nn.Module]:
        """No layer that reads the views, none that answers."""


def adam(model: nn.Module, learning_rate: float) -> list[torch.optim.Optimizer]:
    """Adam for every weight."""
    return [torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)]


def muon(model: nn.Module, learning_rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices in the parts that a `Layered` network names, Adam for the rest."""
    if not isinstance(model, Layered):
        raise TypeError(f"{type(model).__name__} does not name its hidden layers")
    weights = (weight for layer in model.hidden_layers() for weight in layer.parameters())
    matrices = [weight for weight in weights if weight.ndim == 2]
    named = {id(matrix) for matrix in matrices}
    rest = [weight for weight in model.parameters() if id(weight) not in named]
    return [
        torch.optim.Adam(rest, lr=learning_rate, fused=True),
        torch.optim.Muon(
            matrices, lr=learning_rate, weight_decay=0, momentum=0.95, adjust_lr_fn="match_rms_adamw"
        ),
    ]


@dataclass(frozen=True)
class Kind:
    """How a family is trained: ``loss(output, targets)`` is a scalar, ``answer(output)`` float32[N, 26], the
    number that is scored. ``scores(output)``, float32[N, 26, 16], ranks InverSynth's 16 values; None where
    there are none."""

    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    answer: Callable[[torch.Tensor], torch.Tensor]
    scores: Callable[[torch.Tensor], torch.Tensor] | None = None


@dataclass(frozen=True)
class Entry:
    """``make()`` builds the network; ``views`` are what it is given, in order
    (`estimator.papers.vecoven2020.views`).

    ``share``: of the budget, for a network that is too dear for a whole one on two cores. The locally
    connected ones have 34 and 97 million weights and learn 40 sounds a second; the thesis left them early
    too. ``optimisers(model, learning_rate)`` move the weights (`adam`, `muon`).
    """

    name: str
    family: str
    views: tuple[str, ...]
    make: Callable[[], nn.Module]
    kind: Kind
    share: float = 1.0
    optimisers: Callable[[nn.Module, float], list[torch.optim.Optimizer]] = adam

    @property
    def slug(self) -> str:
        """The name as a file may have it."""
        return self.name.lower().replace(" ", "-").replace("'", "").replace(",", "")


def classes_of(targets: torch.Tensor) -> torch.Tensor:
    """The nearest of InverSynth's 16 evenly spaced values, int64[N, 26], of targets between 0 and 1."""
    return (targets * (CLASSES - 1)).round().long()


def _squared(output: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return nn.functional.mse_loss(output.float(), targets)


def _by_class(output: torch.Tensor) -> torch.Tensor:
    return output.float().unflatten(1, (len(NAMES), CLASSES))


def _binary(output: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The paper's loss: each of the 416 outputs by itself says whether its value is the right one."""
    wanted = nn.functional.one_hot(classes_of(targets), CLASSES).float()
    return nn.functional.binary_cross_entropy_with_logits(_by_class(output), wanted)


def _mean_class(output: torch.Tensor) -> torch.Tensor:
    """The mean of the 16 values under the sigmoids, scaled to a sum of one."""
    weight = torch.sigmoid(_by_class(output))
    values = torch.linspace(0, 1, CLASSES, device=output.device)
    return (weight @ values) / weight.sum(dim=2).clamp_min(1e-9)


SQUARED = Kind(_squared, lambda output: output.float().clamp(0, 1))
BINARY = Kind(_binary, _mean_class, _by_class)
SPREAD = Kind(spread_loss, expected)
PITCHED = Kind(pitched_loss, mean)


def _inversynth(name: str) -> Entry:
    heard = "image"
    if name == "ConvE2E":
        heard = "wave"
    elif name in inversynth.BAGS:
        heard = "bag"
    elif name in inversynth.HANDMADE:
        heard = "handmade"
    return Entry(name, "InverSynth", (heard,), partial(inversynth.network, name), BINARY)


ENTRIES: tuple[Entry, ...] = (
    *(Entry(f"cnn{k}", "thesis", ("spectrogram",), partial(thesis.cnn, k), SQUARED) for k in (1, 2, 3)),
    *(Entry(f"lstm{k}", "thesis", ("spectrogram",), partial(thesis.lstm, k), SQUARED) for k in (1, 2, 3)),
    *(Entry(f"lcnn{k}", "thesis", ("spectrogram",), partial(thesis.lcnn, k), SQUARED, 0.25) for k in (1, 2)),
    *(_inversynth(name) for name in (*inversynth.CONVOLUTIONAL, *inversynth.BAGS, *inversynth.HANDMADE)),
    Entry("full band", "ours", ("mel", "fine"), FullBand, SPREAD),
    Entry("moving band", "ours", ("mel", "fine"), MovingBand, SPREAD),
    Entry("pitched band", "ours", ("mel", "fine"), PitchedBand, PITCHED),
    Entry("pitched band, Muon", "ours", ("mel", "fine"), PitchedBand, PITCHED, optimisers=muon),
    Entry(
        "full band, thesis' input", "ours", ("spectrogram",), partial(FullBand, ("spectrogram",)), SPREAD
    ),
)  # fmt: skip
"""Every trained entry, in the order of the papers; ours last."""

BY_NAME = {entry.name: entry for entry in ENTRIES}

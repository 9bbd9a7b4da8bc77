"""What moves the weights: Adam, as in the papers, or Muon for the matrices between hidden layers.

Muon (Jordan 2024; here `torch.optim.Muon`, its steps scaled to Adam's as in Liu et al. 2025, arXiv
2502.16982) makes a step of a matrix equally long in all directions. It is meant for matrices between hidden
layers; first and last layers, convolutions and vectors stay with Adam.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import nn


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

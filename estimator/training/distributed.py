"""Training in several processes, on one machine or many: what ``torchrun`` starts.

Each process hears batches of its own; gradients are averaged after every step, so that all hold the same
weights. The first alone writes. Without ``torchrun`` there is one process and nothing changes. A process has
a GPU of its own where there is one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed


@dataclass(frozen=True)
class Processes:
    """This process is number ``rank`` of ``size``, and computes on ``device``."""

    rank: int
    size: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process writes and reports."""
        return self.rank == 0

    def average(self, model: torch.nn.Module) -> None:
        """Average the gradients of all processes, in place; a weight that a batch did not use counts as
        zero."""
        if self.size == 1:
            return
        for weight in model.parameters():
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
        gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.size
        parts = flat.split([gradient.numel() for gradient in gradients])
        for gradient, averaged in zip(gradients, parts, strict=True):
            gradient.copy_(averaged.view_as(gradient))

    def agreed(self, number: float) -> float:
        """The first process' number, in all of them."""
        if self.size == 1:
            return number
        told = torch.tensor(number, device=self.device)
        distributed.broadcast(told, 0)
        return float(told)

    def wait(self) -> None:
        """Until all processes are here."""
        if self.size > 1:
            distributed.barrier()


def alone() -> Processes:
    """This process by itself, on its GPU where there is one."""
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return Processes(0, 1, device)


@contextmanager
def processes() -> Iterator[Processes]:
    """This process among those that ``torchrun`` started (its environment says), joined while in use."""
    here = alone()
    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    if size == 1:
        yield here
        return
    distributed.init_process_group("nccl" if here.device.type == "cuda" else "gloo")
    try:
        yield Processes(rank, size, here.device)
    finally:
        distributed.destroy_process_group()

"""The training loop: one step of gradient descent after another, on a schedule, with checkpoints.

Every network of this package is trained by `optimise`. A step is: set the learning rate, the loss of a batch,
its gradient (averaged over the processes of `estimator.training.distributed`), cut at a norm of one, a step
of each optimiser. What a loss is, where batches come from and what a checkpoint holds is the caller's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from estimator.training.distributed import Processes

GRADIENT_NORM = 1.0
"""Gradients are cut at this norm; chosen."""
LAST_RATE = 0.02
"""What is left of the learning rate at the end of a run; chosen."""
GPU_REPORT_STEPS = 10
"""Steps between reports on a GPU: to read a loss off it is to wait for it. Chosen."""

B = TypeVar("B")


@dataclass(frozen=True)
class Clock:
    """Where a run stands at a checkpoint: ``step``, how many lie behind; ``last``, whether it ends here;
    ``seconds`` since this process began, and ``training_seconds``, those without its checkpoints."""

    step: int
    last: bool
    seconds: float
    training_seconds: float


def schedule(gone: float, step: int, warm_up: int) -> float:
    """The part of the highest learning rate at a step: a linear rise over ``warm_up`` steps, and a fall along
    a half cosine to `LAST_RATE` while ``gone``, the part of the run that lies behind, goes from 0 to 1."""
    rise = min(1.0, (step + 1) / warm_up)
    fall = LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + np.cos(np.pi * min(gone, 1.0)))
    return float(rise * fall)


def fraction(step: int, steps: int, seconds: float, minutes: float) -> float:
    """How much of a run lies behind, 0 to 1: of its steps or, unless ``minutes`` is 0, of its time, whichever
    is more."""
    return max(step / steps, seconds / (60 * minutes) if minutes else 0.0)


def mixed_precision(device: torch.device) -> torch.autocast:
    """The context in which networks compute: layers in bfloat16, which halves the time; sums, softmax and
    weights stay in float32."""
    return torch.autocast(device.type, torch.bfloat16)


def optimise(
    model: nn.Module,
    optimisers: Sequence[torch.optim.Optimizer],
    batches: Iterable[B],
    loss: Callable[[B, int], torch.Tensor],
    *,
    first: int,
    steps: int,
    warm_up: int,
    here: Processes,
    checkpoint_at: Callable[[int], bool],
    checkpoint: Callable[[Clock], bool | None],
    report: Callable[[int, str], None],
    note: Callable[[], str],
    minutes: float = 0.0,
    seconds_before: float = 0.0,
) -> int:
    """Train from step ``first`` to ``steps``, or as long as ``batches`` last; return the step reached.

    ``optimisers``: the learning rate of each of their groups at the call is its highest.
    ``loss(batch, step)``: a scalar, of a batch and the number of steps that lie behind.
    ``checkpoint(clock)`` is called in the first process behind the steps that ``checkpoint_at`` names and
    behind the last; if it returns True, training stops there.
    ``report(steps, note())`` hears how many steps were made since it was last called.
    ``minutes``: when to end in any case (0: never), ``seconds_before`` an earlier process' share of them
    included; the learning rate is down by then.
    """
    groups = [group for optimiser in optimisers for group in optimiser.param_groups]
    highest = [group["lr"] for group in groups]
    began, saving_s = time.monotonic(), 0.0
    step = reported = first
    for batch in batches:
        spent_s = seconds_before + time.monotonic() - began
        gone = here.agreed(fraction(step, steps, spent_s, minutes))
        for group, rate in zip(groups, highest, strict=True):
            group["lr"] = rate * schedule(gone, step, warm_up)
        lost = loss(batch, step)
        for optimiser in optimisers:
            optimiser.zero_grad()
        lost.backward()
        here.average(model)
        nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_NORM)
        for optimiser in optimisers:
            optimiser.step()
        step += 1
        if here.device.type == "cpu" or step % GPU_REPORT_STEPS == 0:
            report(step - reported, note())
            reported = step
        last = step == steps or gone >= 1
        if here.first and (last or checkpoint_at(step)):
            seconds = time.monotonic() - began
            stop = checkpoint(Clock(step, last, seconds, seconds - saving_s))
            saving_s += time.monotonic() - began - seconds
            last = last or bool(stop)
        if last:
            break
    here.wait()  # a process that is gone would take the last checkpoint's time-out with it
    return step

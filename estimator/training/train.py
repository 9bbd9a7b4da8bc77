"""Train the estimator on tones rendered as they are needed, on recorded takes, or on both.

A run lives in a directory (`estimator.training.run`). The same settings, seed and takes give the same
batches; a run that was stopped goes on at the step of its last checkpoint. One that is to end by the clock is
repeatable but for how many steps fit.

``torchrun`` trains in several processes (`estimator.training.distributed`); a step then hears a batch in
each. A GPU is used where there is one: tones are rendered on the CPU, in processes of their own, the network
learns on the GPU.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from estimator.network import checkpoint
from estimator.network.network import Network, NetworkSettings
from estimator.network.parameters import soft_cross_entropy
from estimator.training.distributed import Processes, processes
from estimator.training.recorded import Recorded, judging_batches, mixed_batch
from estimator.training.run import TrainSettings, claimed, restore, save
from estimator.training.schedule import schedule
from estimator.training.synthetic import Batch, batches, make_batch
from jxctl.errors import UsageError
from simulator.synth import load_profile

VALIDATION_SEED = 1_000_003
UNHEARD_WEIGHT = 0.05
"""What a parameter that cannot be heard weighs in the loss: next to nothing, so that only its habits are
learnt (what goes with the rest of such a tone), which a whole tone needs."""
_TOLD = 10
"""Steps between reports: to read a loss off a GPU is to wait for it."""


def train(
    run: Path,
    settings: TrainSettings,
    report: Callable[[int, str], None] = lambda steps, note: None,
    threads: int = 1,
    recorded: Recorded | None = None,
    workers: int = 0,
) -> dict[str, Any]:
    """Train, or go on training, in the directory ``run``; return the last line of its log.

    ``recorded``: the takes of which ``settings.mix`` is the share. A tenth of their tones is not learnt;
    the log says their loss as ``recorded``.
    ``report(steps, note)`` hears of progress. ``threads`` work on the network; one more renders, or
    ``workers`` processes. Stopping (Ctrl-C) keeps what the last checkpoint holds.
    Raises `UsageError` when ``run`` holds a run with other settings or other takes, or a damaged one;
    `VerificationError` for a take that cannot be read; `JxError` where nothing can be written, or while
    another process trains in ``run``.
    """
    load_profile(settings.profile)  # before anything is written
    if settings.seed == VALIDATION_SEED:
        raise UsageError(f"the seed {VALIDATION_SEED} draws the tones that are judged by", "another --seed")
    if not 0 <= settings.mix <= 1 or (settings.mix > 0) != (recorded is not None):
        raise UsageError(f"a share of {settings.mix:g} recorded takes", "0 without data, else up to 1")
    wanted = asdict(settings) | ({"data": recorded.digest} if recorded else {})
    with processes() as here, claimed(run, wanted) if here.first else nullcontext():
        here.wait()  # until the first has looked at the folder
        return _train(run, settings, report, threads, recorded, here, workers)


def _train(
    run: Path,
    settings: TrainSettings,
    report: Callable[[int, str], None],
    threads: int,
    recorded: Recorded | None,
    here: Processes,
    workers: int,
) -> dict[str, Any]:
    torch.set_num_threads(threads)
    torch.manual_seed(settings.seed)
    model = _begin(settings).to(here.device)
    steps = settings.steps(here.size)
    optimiser = _optimiser(model, settings)
    step = 0
    history: dict[str, Any] = {"step": 0}
    if (run / "latest.pt").exists():
        step, history = restore(run / "latest.pt", model, optimiser, here)
        report(step, f"continued at step {step}")
    validation = [
        make_batch(VALIDATION_SEED, k, 64, settings.profile, recordings=1)
        for k in range(settings.validation // 64)
    ]
    judging = judging_batches(recorded, 64, settings.validation) if recorded else []
    make = _Maker(settings, recorded, here.rank, here.size)
    began_at = told = step
    before_s, began = float(history.get("seconds", 0)), time.monotonic()
    losses: deque[torch.Tensor] = deque(maxlen=settings.every)
    todo = steps if _gone(step, steps, before_s, settings) < 1 else step
    for batch in batches(make, step, todo, settings.hearings, workers):
        gone = here.agreed(_gone(step, steps, before_s + time.monotonic() - began, settings))
        for group in optimiser.param_groups:
            group["lr"] = group["most"] * schedule(gone, step, settings.warm_up)
        loss = _loss(model, batch)
        optimiser.zero_grad()
        loss.backward()
        here.average(model)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        losses.append(loss.detach())
        if here.device.type == "cpu" or step % _TOLD == 0:
            report(step - told, f"loss {_mean(list(losses)[-50:]):.4f}")
            told = step
        last = step == steps or gone >= 1
        if (step % settings.every == 0 or last) and here.first:
            spent_s = time.monotonic() - began
            history = {
                "step": step,
                "tones": step * settings.batch * here.size,
                "loss": round(_mean(list(losses)), 5),
                "validation": round(_validate(model, validation), 5),
                **({"recorded": round(_validate(model, judging), 5)} if judging else {}),
                **({"data": recorded.digest} if recorded else {}),
                "tones_per_s": round((step - began_at) * settings.batch * here.size / spent_s, 1),
                "seconds": round(before_s + spent_s, 1),
            }
            save(run, model, optimiser, step, history, settings)
        if last:
            break
    here.wait()  # a process that is gone would take the last checkpoint's time-out with it
    return history


def _mean(losses: list[torch.Tensor]) -> float:
    return torch.stack(losses).mean().item()


def _loss(model: Network, batch: Batch, unheard: float = UNHEARD_WEIGHT) -> torch.Tensor:
    # bfloat16 halves the time; sums and softmax stay in float32.
    batch = batch.to(model.gain.device)
    with torch.autocast(model.gain.device.type, torch.bfloat16):
        logits = model(batch.views, batch.target, batch.recordings)
    losses = soft_cross_entropy(logits.float(), batch.target)
    counts = torch.where(batch.heard, 1.0, unheard)
    return (losses * counts).sum() / counts.sum().clamp_min(1)


def _begin(settings: TrainSettings) -> Network:
    if settings.start:
        return checkpoint.load(Path(settings.start))[0].train()
    return Network(NetworkSettings(width=settings.width))


def _optimiser(model: Network, settings: TrainSettings) -> torch.optim.Optimizer:
    """AdamW; the encoder has its own rate. ``most``: the rate of a group at its highest."""
    slower = settings.learning_rate * settings.encoder_rate
    rest = [weight for name, weight in model.named_parameters() if not name.startswith("encoder.")]
    groups = [
        {"params": list(model.encoder.parameters()), "most": slower},
        {"params": rest, "most": settings.learning_rate},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, weight_decay=0.01)


def _validate(model: Network, batches: list[Batch]) -> float:
    model.eval()
    with torch.no_grad():
        losses = [_loss(model, batch, unheard=0.0).item() for batch in batches]
    model.train()
    return float(np.mean(losses))


@dataclass(frozen=True)
class _Maker:
    """Makes the batches of one process of ``size``, number ``rank``."""

    settings: TrainSettings
    recorded: Recorded | None
    rank: int
    size: int

    def __call__(self, number: int) -> Batch:
        settings, index = self.settings, number * self.size + self.rank
        if self.recorded is None:
            return make_batch(settings.seed, index, settings.batch, settings.profile)
        return mixed_batch(
            self.recorded, settings.mix, settings.seed, index, settings.batch, settings.profile
        )


def _gone(step: int, steps: int, spent_s: float, settings: TrainSettings) -> float:
    """How much of a run lies behind, 0 to 1: of its steps or of its time, whichever is more."""
    return max(step / steps, spent_s / (60 * settings.minutes) if settings.minutes else 0.0)

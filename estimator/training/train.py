"""Train the estimator on tones rendered as they are needed, on recorded takes, or on both.

A run lives in a folder (`estimator.training.run`), with ``log.jsonl`` for its history, and
``model.safetensors`` with ``model.json`` for the result so far. The same settings, seed and takes give the
same batches; a run that was stopped goes on at the step of its last checkpoint. One that is to end by the
clock is repeatable but for how many steps fit.

``torchrun`` trains in several processes (`estimator.training.distributed`); a step then hears a batch in
each. A GPU is used where there is one: tones are rendered on the CPU, in processes of their own, the network
learns on the GPU.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from estimator.network import network
from estimator.network.network import Network, NetworkSettings
from estimator.network.parameters import soft_cross_entropy
from estimator.training.distributed import Processes, processes
from estimator.training.loop import Clock, fraction, mixed_precision, optimise
from estimator.training.recorded import Recorded, judging_batches, mixed_batch
from estimator.training.run import SETTINGS, claimed, restore, save
from estimator.training.synthetic import Batch, batches, make_batch
from jxctl._files import read_object
from jxctl.errors import JxError, UsageError
from simulator.synth import load_profile

VALIDATION_SEED = 1_000_003
"""The seed of the tones that are judged by; none is learnt from it. Chosen."""
VALIDATION_BATCH = 64
"""Tones judged at a time; chosen."""
UNHEARD_WEIGHT = 0.05
"""What a parameter that cannot be heard weighs in the loss: next to nothing, so that only its habits are
learnt (what goes with the rest of such a tone), which a whole tone needs."""
WEIGHT_DECAY = 0.01
"""AdamW's; chosen."""
REPORTED_STEPS = 50
"""A report tells the mean loss over so many steps; chosen."""


@dataclass(frozen=True)
class TrainSettings:
    """Settings of a training run.

    Args:
        profile: name or file of the board that is rendered.
        tones: how many sounds there are in all.
        batch: how many at a time.
        learning_rate: the highest.
        warm_up: optimiser steps until it is reached.
        seed: of tones, notes and weights.
        width: of the LSTM.
        validation: sounds that are judged by.
        every: steps between checkpoints.
        mix: which share are recorded takes, 0 to 1.
        start: a checkpoint, without suffix, whose weights to begin with.
        encoder_rate: the part of the learning rate that its encoder then has.
        hearings: how often each sound is used.
        minutes: when to end in any case (0: never), with the learning rate brought down by then.

    Examples:
        >>> TrainSettings(tones=1000, batch=96).steps()
        11
    """

    profile: str = "superjx"
    tones: int = 400_000
    batch: int = 96
    learning_rate: float = 1e-3
    warm_up: int = 300
    seed: int = 0
    width: int = 224
    validation: int = 512
    every: int = 500
    mix: float = 0.0
    start: str = ""
    encoder_rate: float = 1.0
    hearings: int = 1
    minutes: float = 0.0

    def steps(self, processes: int = 1) -> int:
        """Optimiser steps of the whole run."""
        return -(-self.tones // (self.batch * processes))


def settings_of(run: Path) -> TrainSettings:
    """The settings of a run that has begun. Raises `UsageError` where there is none."""
    try:
        noted = read_object(run / SETTINGS)
        known = {name: noted[name] for name in asdict(TrainSettings()) if name in noted}
        return TrainSettings(**known)
    except (JxError, TypeError) as error:
        raise UsageError(
            f"{run} holds no run that could go on ({error})", "leave out --resume to begin one"
        ) from None


def train(
    run: Path,
    settings: TrainSettings,
    report: Callable[[int, str], None] = lambda steps, note: None,
    threads: int = 1,
    recorded: Recorded | None = None,
    workers: int = 0,
) -> dict[str, Any]:
    """Train, or go on training, the network on simulated and recorded sounds.

    Stopping (Ctrl-C) keeps what the last checkpoint holds; the same call goes on.

    Args:
        run: folder of the run.
        settings: of the run.
        report: is called with steps that were done and a note.
        threads: that work on the network; one more renders.
        recorded: takes of which ``settings.mix`` is the share. A tenth of their tones is not learnt; the log
            says their loss as ``recorded``.
        workers: processes that render, instead of that thread.

    Returns:
        The last line of the log.

    Raises:
        UsageError: ``run`` holds a run with other settings or other takes, or a damaged one.
        VerificationError: a take cannot be read.
        JxError: nothing can be written, or another process trains in ``run``.

    Examples:
        >>> train(Path("run"), TrainSettings(mix=0.5))
        Traceback (most recent call last):
        ...
        jxctl.errors.UsageError: a share of 0.5 recorded takes
    """
    load_profile(settings.profile)  # before anything is written
    if settings.seed == VALIDATION_SEED:
        raise UsageError(f"the seed {VALIDATION_SEED} draws the tones that are judged by", "another --seed")
    if not 0 <= settings.mix <= 1 or (settings.mix > 0) != (recorded is not None):
        raise UsageError(f"a share of {settings.mix:g} recorded takes", "0 without data, else up to 1")
    wanted = asdict(settings) | ({"data": recorded.digest} if recorded else {})
    defaults = asdict(TrainSettings()) | {"data": None}
    with processes() as here, claimed(run, wanted, defaults) if here.first else nullcontext():
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
    optimiser = _optimiser(model, settings)
    steps = settings.steps(here.size)
    began_at = 0
    history: dict[str, Any] = {"step": 0}
    if restored := restore(run, model, [optimiser], here.device):
        began_at, history = restored
        report(began_at, f"continued at step {began_at}")
    before_s = float(history.get("seconds", 0))
    validation = [
        make_batch(VALIDATION_SEED, k, VALIDATION_BATCH, settings.profile, recordings=1)
        for k in range(settings.validation // VALIDATION_BATCH)
    ]
    judging = judging_batches(recorded, VALIDATION_BATCH, settings.validation) if recorded else []
    losses: deque[torch.Tensor] = deque(maxlen=settings.every)

    def loss(batch: Batch, step: int) -> torch.Tensor:
        lost = _loss(model, batch)
        losses.append(lost.detach())
        return lost

    def keep(clock: Clock) -> None:
        nonlocal history
        sounds = settings.batch * here.size
        history = {
            "step": clock.step,
            "tones": clock.step * sounds,
            "loss": round(_mean(list(losses)), 5),
            "validation": round(_validate(model, validation), 5),
            **({"recorded": round(_validate(model, judging), 5)} if judging else {}),
            **({"data": recorded.digest} if recorded else {}),
            "tones_per_s": round((clock.step - began_at) * sounds / clock.seconds, 1),
            "seconds": round(before_s + clock.seconds, 1),
        }
        save(run, model, [optimiser], clock.step, history)
        _write_result(run, model, history, settings)

    # A run whose time is up takes no further step.
    todo = steps if fraction(began_at, steps, before_s, settings.minutes) < 1 else began_at
    make = _Maker(settings, recorded, here.rank, here.size)
    optimise(
        model,
        [optimiser],
        batches(make, began_at, todo, settings.hearings, workers),
        loss,
        first=began_at,
        steps=steps,
        warm_up=settings.warm_up,
        here=here,
        checkpoint_at=lambda step: step % settings.every == 0,
        checkpoint=keep,
        report=report,
        note=lambda: f"loss {_mean(list(losses)[-REPORTED_STEPS:]):.4f}",
        minutes=settings.minutes,
        seconds_before=before_s,
    )
    return history


def _write_result(run: Path, model: Network, history: dict[str, Any], settings: TrainSettings) -> None:
    """The result so far, and ``history`` as a line of the log. Raises `JxError` where nothing can be
    written."""
    network.write(model, run / "model", {"training": {**asdict(settings), **history}})
    try:
        with (run / "log.jsonl").open("a") as log:
            log.write(json.dumps(history) + "\n")
    except OSError as error:
        raise JxError(f"cannot write {run / 'log.jsonl'}: {error.strerror}", "check free space") from error


def _mean(losses: list[torch.Tensor]) -> float:
    return torch.stack(losses).mean().item()


def _loss(model: Network, batch: Batch, unheard: float = UNHEARD_WEIGHT) -> torch.Tensor:
    batch = batch.to(model.gain.device)
    with mixed_precision(model.gain.device):
        logits = model(batch.views, batch.target, batch.recordings)
    losses = soft_cross_entropy(logits.float(), batch.target)
    counts = torch.where(batch.heard, 1.0, unheard)
    return (losses * counts).sum() / counts.sum().clamp_min(1)


def _begin(settings: TrainSettings) -> Network:
    if settings.start:
        return network.load(Path(settings.start))[0].train()
    return Network(NetworkSettings(width=settings.width))


def _optimiser(model: Network, settings: TrainSettings) -> torch.optim.Optimizer:
    """AdamW; the encoder has its own rate."""
    slower = settings.learning_rate * settings.encoder_rate
    rest = [weight for name, weight in model.named_parameters() if not name.startswith("encoder.")]
    groups = [
        {"params": list(model.encoder.parameters()), "lr": slower},
        {"params": rest, "lr": settings.learning_rate},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, weight_decay=WEIGHT_DECAY)


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

"""Train the estimator on tones rendered as they are needed, on recorded takes, or on both.

A run lives in a directory: ``settings.json`` says what it is, ``latest.pt`` continues it, ``log.jsonl``
holds its history, and ``model.safetensors`` with ``model.json`` is the result so far. The same settings,
seed and takes give the same batches; a run that was stopped goes on at the step of its last checkpoint.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from estimator import checkpoint
from estimator.heads import soft_cross_entropy
from estimator.models.lstm import LstmEstimator, LstmSettings
from estimator.recorded import Recorded, judging_batches, mixed_batch
from estimator.stream import Batch, make_batch
from jxctl.errors import JxError, UsageError
from jxctl.files import write_atomically
from jxctl.locks import FolderLock
from simulator import load_profile

VALIDATION_SEED = 1_000_003
_AHEAD = 2


@dataclass(frozen=True)
class TrainSettings:
    """``tones``: how many to hear in all; ``batch``: how many at a time; ``mix``: which share of them
    are recorded takes."""

    profile: str = "superjx"
    tones: int = 400_000
    batch: int = 32
    learning_rate: float = 1e-3
    warm_up: int = 300
    seed: int = 0
    width: int = 160
    validation: int = 512
    every: int = 500
    mix: float = 0.0

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole run."""
        return -(-self.tones // self.batch)


def train(
    run: Path,
    settings: TrainSettings,
    report: Callable[[int, str], None] = lambda steps, note: None,
    threads: int = 1,
    recorded: Recorded | None = None,
) -> dict[str, Any]:
    """Train, or go on training, in the directory ``run``; return the last line of its log.

    ``recorded``: the takes of which ``settings.mix`` is the share. A tenth of their tones is not learnt;
    the log says their loss as ``recorded``.
    ``report(steps, note)`` hears of progress. ``threads`` work on the network; one more renders.
    Stopping (Ctrl-C) keeps what the last checkpoint holds.
    Raises `UsageError` when ``run`` holds a run with other settings or other takes, or a damaged one;
    `VerificationError` for a take that cannot be read; `JxError` where nothing can be written, or while
    another process trains in ``run``.
    """
    load_profile(settings.profile)  # before anything is written
    if settings.seed == VALIDATION_SEED:
        raise UsageError(f"the seed {VALIDATION_SEED} draws the tones that are judged by", "another --seed")
    if not 0 <= settings.mix <= 1 or (settings.mix > 0) != (recorded is not None):
        raise UsageError(f"a share of {settings.mix:g} recorded takes", "0 without data, else up to 1")
    with _claimed(run, asdict(settings) | ({"data": recorded.digest} if recorded else {})):
        return _train(run, settings, report, threads, recorded)


def _train(
    run: Path,
    settings: TrainSettings,
    report: Callable[[int, str], None],
    threads: int,
    recorded: Recorded | None,
) -> dict[str, Any]:
    torch.set_num_threads(threads)
    torch.manual_seed(settings.seed)
    model = LstmEstimator(LstmSettings(width=settings.width))
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=0.01)
    step = 0
    history: dict[str, Any] = {"step": 0}
    if (run / "latest.pt").exists():
        step, history = _restore(run / "latest.pt", model, optimiser)
        report(step, f"continued at step {step}")
    validation = [
        make_batch(VALIDATION_SEED, k, 64, settings.profile) for k in range(settings.validation // 64)
    ]
    judging = judging_batches(recorded, 64, settings.validation) if recorded else []
    began = time.monotonic()
    losses: list[float] = []
    for batch in _batches(settings, step, recorded):
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * _schedule(step, settings)
        torch.manual_seed(settings.seed + 1 + step)  # dropout, the same after a restart
        loss = _loss(model, batch)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        losses.append(loss.item())
        report(1, f"loss {np.mean(losses[-50:]):.4f}")
        if step % settings.every == 0 or step == settings.steps:
            rate = len(losses) * settings.batch / (time.monotonic() - began)
            history = {
                "step": step,
                "tones": step * settings.batch,
                "loss": round(float(np.mean(losses[-settings.every :])), 5),
                "validation": round(_validate(model, validation), 5),
                **({"recorded": round(_validate(model, judging), 5)} if judging else {}),
                **({"data": recorded.digest} if recorded else {}),
                "tones_per_s": round(rate, 1),
            }
            _save(run, model, optimiser, step, history, settings)
    return history


def _loss(model: LstmEstimator, batch: Batch) -> torch.Tensor:
    # bfloat16 halves the time; sums and softmax stay in float32.
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(batch.views)
    losses = soft_cross_entropy(logits.float(), batch.target) * batch.heard
    return losses.sum() / batch.heard.sum().clamp_min(1)


def _validate(model: LstmEstimator, batches: list[Batch]) -> float:
    model.eval()
    with torch.no_grad():
        losses = [_loss(model, batch).item() for batch in batches]
    model.train()
    return float(np.mean(losses))


def _batches(settings: TrainSettings, first: int, recorded: Recorded | None) -> Iterator[Batch]:
    """Batches from ``first`` on, made in the background while the network learns."""

    def make(index: int) -> Batch:
        if recorded is None:
            return make_batch(settings.seed, index, settings.batch, settings.profile)
        return mixed_batch(recorded, settings.mix, settings.seed, index, settings.batch, settings.profile)

    with ThreadPoolExecutor(1) as pool:
        pending = []
        for index in range(first, settings.steps):
            pending.append(pool.submit(make, index))
            if len(pending) > _AHEAD:
                yield pending.pop(0).result()
        for future in pending:
            yield future.result()


def _schedule(step: int, settings: TrainSettings) -> float:
    """Rise over the warm-up, then fall along a half cosine to 2 %."""
    rise = min(1.0, (step + 1) / settings.warm_up)
    return float(rise * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * step / settings.steps))))


@contextmanager
def _claimed(run: Path, wanted: dict[str, Any]) -> Iterator[None]:
    """The run's directory, for this process alone, with the settings noted in it."""
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder {run}: {error.strerror}", "give another one") from error
    lock = FolderLock(run, "training in")
    try:
        _note(run / "settings.json", wanted)
        yield
    finally:
        lock.release()


def _note(noted: Path, wanted: dict[str, Any]) -> None:
    """Note the settings of a run, or check them against those that are there.

    A run from before a setting existed has its default.
    """
    if noted.exists():
        try:
            found = dict(json.loads(noted.read_text()))
        except (OSError, TypeError, ValueError) as error:
            raise UsageError(f"{noted} cannot be read: {error}", "give another directory") from error
        found = asdict(TrainSettings()) | found
        differing = [key for key in (*asdict(TrainSettings()), "data") if found.get(key) != wanted.get(key)]
        if differing:
            raise UsageError(
                f"{noted.parent} holds a run with another {', '.join(differing)}",
                "continue it with its own settings, or give another directory",
            )
        return
    write_atomically(noted, (json.dumps(wanted, indent=2) + "\n").encode())


def _restore(
    path: Path, model: LstmEstimator, optimiser: torch.optim.Optimizer
) -> tuple[int, dict[str, Any]]:
    """Step and history of the last checkpoint, whose weights go into ``model`` and ``optimiser``."""
    try:
        saved = torch.load(path, weights_only=True)
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        return int(saved["step"]), dict(saved["history"])
    except Exception as error:  # torch raises half a dozen kinds
        raise UsageError(f"{path} is damaged", "remove it to begin the run again") from error


def _save(
    run: Path,
    model: LstmEstimator,
    optimiser: torch.optim.Optimizer,
    step: int,
    history: dict[str, Any],
    settings: TrainSettings,
) -> None:
    state = {
        "model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step, "history": history,
    }  # fmt: skip
    content = io.BytesIO()
    torch.save(state, content)
    write_atomically(run / "latest.pt", content.getvalue())
    checkpoint.write(model, run / "model", {"training": {**asdict(settings), **history}})
    try:
        with (run / "log.jsonl").open("a") as log:
            log.write(json.dumps(history) + "\n")
    except OSError as error:
        raise JxError(f"cannot write {run / 'log.jsonl'}: {error.strerror}", "check free space") from error

"""A training run as a directory, and what it was begun with.

``settings.json`` says what the run is, ``latest.pt`` continues it, ``log.jsonl`` holds its history, and
``model.safetensors`` with ``model.json`` is the result so far. One process at a time trains in it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from estimator.network import checkpoint
from estimator.network.network import Network
from estimator.training.distributed import Processes
from jxctl._files import FolderLock, write_atomically
from jxctl.errors import JxError, UsageError


@dataclass(frozen=True)
class TrainSettings:
    """``tones``: how many sounds to hear in all; ``batch``: how many at a time; ``hearings``: how often each
    is heard; ``minutes``: when to end in any case (0: never), with the learning rate brought down by then;
    ``mix``: which share of them are recorded takes; ``start``: a checkpoint, without suffix, whose weights to
    begin with, and ``encoder_rate``: the part of the learning rate that its encoder then has."""

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
        noted = json.loads((run / "settings.json").read_text())
        known = {name: noted[name] for name in asdict(TrainSettings()) if name in noted}
        return TrainSettings(**known)
    except (OSError, TypeError, ValueError) as error:
        raise UsageError(
            f"{run} holds no run that could go on ({error})", "leave out --resume to begin one"
        ) from None


@contextmanager
def claimed(run: Path, wanted: dict[str, Any]) -> Iterator[None]:
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


def restore(
    path: Path, model: Network, optimiser: torch.optim.Optimizer, here: Processes
) -> tuple[int, dict[str, Any]]:
    """Step and history of the last checkpoint, whose weights go into ``model`` and ``optimiser``."""
    try:
        saved = torch.load(path, weights_only=True, map_location=here.device)
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        return int(saved["step"]), dict(saved["history"])
    except Exception as error:  # torch raises half a dozen kinds
        raise UsageError(f"{path} is damaged", "remove it to begin the run again") from error


def save(
    run: Path,
    model: Network,
    optimiser: torch.optim.Optimizer,
    step: int,
    history: dict[str, Any],
    settings: TrainSettings,
) -> None:
    """Write what continues a run after ``step``, its result so far, and ``history`` as a line of its log.

    Raises `JxError` where nothing can be written.
    """
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

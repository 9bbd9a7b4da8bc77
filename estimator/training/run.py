"""A training run as a folder: claimed for one process, with its settings, and what continues it.

``settings.json`` says what the run is, ``latest.pt`` continues it: weights, optimisers, the step, and a
history, which is what the kind of run makes it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from jxctl._files import FolderLock, read_object, write_atomically
from jxctl.errors import UsageError

SETTINGS = "settings.json"
LATEST = "latest.pt"


@contextmanager
def claimed(
    run: Path, wanted: Mapping[str, Any], defaults: Mapping[str, Any] | None = None
) -> Iterator[None]:
    """The run's folder, for this process alone, with the settings ``wanted`` noted in it.

    ``defaults``: what settings are in a folder from before they existed. Raises `UsageError` when the folder
    holds a run with other settings or cannot be made, `JxError` while another process trains in it.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder {run}: {error.strerror}", "give another one") from error
    lock = FolderLock(run, "training in")
    try:
        _note(run / SETTINGS, wanted, defaults or {})
        yield
    finally:
        lock.release()


def _note(noted: Path, wanted: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """Note the settings of a run, or check them against those that are there."""
    if not noted.exists():
        write_atomically(noted, (json.dumps(wanted, indent=2) + "\n").encode())
        return
    found = {**defaults, **read_object(noted, hint="give another directory")}
    names = dict.fromkeys((*defaults, *wanted))
    differing = [name for name in names if found.get(name) != wanted.get(name)]
    if differing:
        raise UsageError(
            f"{noted.parent} holds a run with another {', '.join(differing)}",
            "continue it with its own settings, or give another directory",
        )


def save(
    run: Path,
    model: nn.Module,
    optimisers: Sequence[torch.optim.Optimizer],
    step: int,
    history: Mapping[str, Any],
) -> None:
    """Write what continues a run after ``step``. Raises `JxError` where nothing can be written."""
    state = {
        "model": model.state_dict(),
        "optimisers": [optimiser.state_dict() for optimiser in optimisers],
        "step": step,
        "history": dict(history),
    }
    content = io.BytesIO()
    torch.save(state, content)
    write_atomically(run / LATEST, content.getvalue())


def restore(
    run: Path, model: nn.Module, optimisers: Sequence[torch.optim.Optimizer], device: torch.device
) -> tuple[int, dict[str, Any]] | None:
    """Step and history of the last checkpoint, whose weights go into ``model`` and ``optimisers``; None where
    there is none yet.

    Learning rates stay as they are in ``optimisers``: a checkpoint holds those of its step. Reads checkpoints
    of two older forms too: with one ``optimiser``, and with ``seconds`` and ``curve`` for a history.
    Raises `UsageError` for a damaged one.
    """
    path = run / LATEST
    if not path.exists():
        return None
    rates = [[group["lr"] for group in optimiser.param_groups] for optimiser in optimisers]
    try:
        saved = torch.load(path, weights_only=True, map_location=device)
        states = saved["optimisers"] if "optimisers" in saved else [saved["optimiser"]]
        model.load_state_dict(saved["model"])
        for optimiser, state, highest in zip(optimisers, states, rates, strict=True):
            optimiser.load_state_dict(state)
            for group, rate in zip(optimiser.param_groups, highest, strict=True):
                group["lr"] = rate
        history = saved.get("history") or {"seconds": saved["seconds"], "curve": saved["curve"]}
        return int(saved["step"]), dict(history)
    except Exception as error:  # torch raises half a dozen kinds
        raise UsageError(f"{path} is damaged", "remove it to begin the run again") from error

"""One way to train every entry: the same tones in the same order, the same number of them, the same schedule.

A run is a folder: ``settings.json``, ``latest.pt`` (to go on from) and, when it is done, ``result.json`` and
``answers.npz``, what the trained network said of the validation tones. A run that was stopped goes on at its
last point of the curve and ends as if it had not been.

The recipe is one for all: batches of `FitSettings.batch`, a short rise of the learning rate and a fall along
a half cosine, gradients cut at a norm of one (the thesis wished for both), bfloat16 in the layers and float32
in losses and weights; Adam, and for one of ours Muon beside it (`estimator.papers.vecoven2020.optimisers`). A
GPU is used where there is one.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from estimator.papers.vecoven2020.entries import Entry
from estimator.papers.vecoven2020.views import FULL_SCALE
from estimator.training.schedule import schedule
from jxctl._files import write_atomically
from jxctl.errors import UsageError

_VALIDATED_AT_ONCE = 128
_TOLD = 20


@dataclass(frozen=True)
class FitSettings:
    """``samples`` to see in all, tones that come again counted again; ``points`` on the curve."""

    samples: int = 32768
    batch: int = 32
    learning_rate: float = 1e-3
    warm_up: int = 50
    seed: int = 0
    points: int = 8

    @property
    def steps(self) -> int:
        """Optimiser steps of the run."""
        return -(-self.samples // self.batch)


@dataclass(frozen=True)
class Data:
    """``views``: arrays [N, ...] by name; ``targets``: float32[N, 26]."""

    views: dict[str, np.ndarray]
    targets: NDArray[np.float32]


def fit(
    run: Path,
    entry: Entry,
    settings: FitSettings,
    training: Data,
    validation: Data,
    report: Callable[[int, str], None] = lambda steps, note: None,
    *,
    pause_after: int | None = None,
) -> dict[str, Any]:
    """Train ``entry`` in the folder ``run``, or go on; return its result, also in ``result.json``.

    The result: ``curve``, a list of ``samples``, ``train_mse`` and ``train_mae`` (over the batches since the
    point before), ``validation_mse``, ``validation_mae`` and ``loss``; ``weights`` (their number) and
    ``seconds`` of training.
    ``report(steps, note)`` hears of progress. ``pause_after``: stop behind that many points, for tests.
    Raises `UsageError` when ``run`` holds a run of another entry or other settings.
    """
    wanted = asdict(settings) | {"entry": entry.name, "tones": len(training.targets)}
    _claim(run, wanted)
    if (run / "result.json").exists():
        return dict(json.loads((run / "result.json").read_text()))
    torch.manual_seed(settings.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = entry.make().to(device)
    cast(Any, model).to(memory_format=torch.channels_last)  # torch's types leave this form out
    optimisers = entry.optimisers(model, settings.learning_rate)
    step, seconds = 0, 0.0
    curve: list[dict[str, float]] = []
    if (run / "latest.pt").exists():
        step, seconds, curve = _restore(run / "latest.pt", model, optimisers)
        report(step, f"{entry.name}: continued at step {step}")
    marks = {round(settings.steps * (k + 1) / settings.points) for k in range(settings.points)}
    seen: list[torch.Tensor] = []
    began, told = time.perf_counter(), step
    for rows in _orders(settings, len(training.targets), step):
        rate = settings.learning_rate * schedule(step / settings.steps, step, settings.warm_up)
        for group in (group for optimiser in optimisers for group in optimiser.param_groups):
            group["lr"] = rate
        torch.manual_seed(settings.seed * 1_000_003 + 1 + step)  # dropout, the same after a restart
        targets = torch.from_numpy(training.targets[rows]).to(device)
        output = _heard(model, entry, training, rows)
        loss = entry.kind.loss(output, targets)
        model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser in optimisers:
            optimiser.step()
        step += 1
        with torch.no_grad():
            error = entry.kind.answer(output.detach()) - targets
        seen.append(torch.stack((loss.detach(), error.square().mean(), error.abs().mean())))
        if device.type == "cpu" or step % _TOLD == 0:  # to read off a GPU is to wait for it
            recent = torch.stack(seen[-50:])[:, 1].mean().item()
            report(step - told, f"{entry.name}: squared error {recent:.4f}")
            told = step
        if step in marks:
            seconds += time.perf_counter() - began
            answers, _ = answer(model, entry, validation)
            away = np.clip(answers, 0, 1) - validation.targets
            lost, squared, absolute = torch.stack(seen).mean(0).tolist()
            curve.append(
                {
                    "samples": step * settings.batch,
                    "loss": lost,
                    "train_mse": squared,
                    "train_mae": absolute,
                    "validation_mse": float(np.square(away).mean()),
                    "validation_mae": float(np.abs(away).mean()),
                }
            )
            seen = []
            _save(run / "latest.pt", model, optimisers, step, seconds, curve)
            if pause_after is not None and len(curve) >= pause_after and step < settings.steps:
                return {"curve": curve}
            began = time.perf_counter()
    answers, scores = answer(model, entry, validation)
    said: dict[str, Any] = {"answers": answers} | (
        {} if scores is None else {"scores": scores.astype(np.float16)}
    )
    np.savez_compressed(run / "answers.npz", **said)
    result = {
        **wanted,
        "family": entry.family,
        "weights": sum(p.numel() for p in model.parameters()),
        "seconds": seconds,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "curve": curve,
    }
    write_atomically(run / "result.json", (json.dumps(result, indent=1) + "\n").encode())
    (run / "latest.pt").unlink()
    return result


def answer(
    model: nn.Module, entry: Entry, data: Data
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Answers, float32[N, 26], and where the entry ranks values their scores, float32[N, 26, 16]."""
    model.eval()
    answers, scores = [], []
    with torch.no_grad():
        for first in range(0, len(data.targets), _VALIDATED_AT_ONCE):
            output = _heard(
                model, entry, data, np.arange(first, min(first + _VALIDATED_AT_ONCE, len(data.targets)))
            )
            answers.append(entry.kind.answer(output).cpu().numpy())
            if entry.kind.scores is not None:
                scores.append(entry.kind.scores(output).cpu().numpy())
    model.train()
    return np.concatenate(answers), np.concatenate(scores) if scores else None


def _heard(model: nn.Module, entry: Entry, data: Data, rows: np.ndarray) -> torch.Tensor:
    """The network's output for some rows of the data."""
    device = next(model.parameters()).device
    inputs = []
    for name in entry.views:
        view = torch.from_numpy(data.views[name][rows]).to(device).float()
        inputs.append(view / FULL_SCALE if name == "wave" else view)
    with torch.autocast(device.type, torch.bfloat16):
        output = model(*inputs)
    return output.float()


def _orders(settings: FitSettings, tones: int, first: int) -> Iterator[NDArray[np.int64]]:
    """Rows of each step from ``first`` on: a fresh order for every time through the tones.

    Sorted within a step, so that mapped files are read forwards.
    """
    for step in range(first, settings.steps):
        places = np.arange(step * settings.batch, (step + 1) * settings.batch)
        rows = [_order(settings.seed, int(epoch), tones)[places[places // tones == epoch] % tones]
                for epoch in np.unique(places // tones)]  # fmt: skip
        yield np.sort(np.concatenate(rows))


_LAST_ORDER: dict[tuple[int, int, int], NDArray[np.int64]] = {}


def _order(seed: int, epoch: int, tones: int) -> NDArray[np.int64]:
    key = (seed, epoch, tones)
    if key not in _LAST_ORDER:
        if len(_LAST_ORDER) > 1:
            _LAST_ORDER.clear()
        _LAST_ORDER[key] = np.random.default_rng((seed, epoch)).permutation(tones)
    return _LAST_ORDER[key]


def _claim(run: Path, wanted: dict[str, Any]) -> None:
    noted = run / "settings.json"
    if noted.exists():
        try:
            found = json.loads(noted.read_text())
        except (OSError, ValueError) as error:
            raise UsageError(
                f"{noted} cannot be read: {error}", "remove the folder, or give another one"
            ) from error
        if found != wanted:
            raise UsageError(f"{run} holds another run", "remove the folder, or give another one")
        return
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder {run}: {error.strerror}", "give another one") from error
    write_atomically(noted, (json.dumps(wanted, indent=1) + "\n").encode())


def _save(
    path: Path,
    model: nn.Module,
    optimisers: list[torch.optim.Optimizer],
    step: int,
    seconds: float,
    curve: list[Any],
) -> None:
    content = io.BytesIO()
    torch.save(
        {"model": model.state_dict(), "optimisers": [one.state_dict() for one in optimisers], "step": step,
         "seconds": seconds, "curve": curve},
        content,
    )  # fmt: skip
    write_atomically(path, content.getvalue())


def _restore(
    path: Path, model: nn.Module, optimisers: list[torch.optim.Optimizer]
) -> tuple[int, float, list[Any]]:
    try:
        saved = torch.load(path, weights_only=True, map_location=next(model.parameters()).device)
        model.load_state_dict(saved["model"])
        for optimiser, state in zip(optimisers, saved["optimisers"], strict=True):
            optimiser.load_state_dict(state)
        return int(saved["step"]), float(saved["seconds"]), list(saved["curve"])
    except Exception as error:  # torch raises half a dozen kinds
        raise UsageError(f"{path} is damaged", "remove it to begin the run again") from error

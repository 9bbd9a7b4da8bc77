"""One way to train every entry: the same tones in the same order, the same number of them, the same schedule.

A run is a folder (`estimator.training.run`) in which, when it is done, are ``result.json`` and
``answers.npz``, what the trained network said of the validation tones. A run that was stopped goes on at its
last point of the curve and ends as if it had not been.

The recipe is one for all: batches of `FitSettings.batch`, a short rise of the learning rate and a fall along
a half cosine, gradients cut at a norm of one (the thesis wished for both), bfloat16 in the layers and float32
in losses and weights; Adam, and for one of ours Muon beside it (`estimator.papers.vecoven2020.entries`). A
GPU is used where there is one.
"""

from __future__ import annotations

import json
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
from estimator.training.distributed import alone
from estimator.training.loop import Clock, mixed_precision, optimise
from estimator.training.run import LATEST, claimed, restore, save
from jxctl._files import read_object, write_atomically

RESULT = "result.json"
REPORTED_STEPS = 50
"""A report tells the mean error over so many steps; chosen."""
VALIDATION_BATCH = 128
"""Sounds that are answered at a time; chosen."""


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
    Raises `UsageError` when ``run`` holds a run of another entry or other settings, or a damaged one;
    `JxError` while another process trains in it.
    """
    wanted = asdict(settings) | {"entry": entry.name, "tones": len(training.targets)}
    with claimed(run, wanted):
        if (run / RESULT).exists():
            return read_object(run / RESULT)
        return _fit(run, wanted, entry, settings, training, validation, report, pause_after)


def _fit(
    run: Path,
    wanted: dict[str, Any],
    entry: Entry,
    settings: FitSettings,
    training: Data,
    validation: Data,
    report: Callable[[int, str], None],
    pause_after: int | None,
) -> dict[str, Any]:
    here = alone()
    torch.manual_seed(settings.seed)
    model = entry.make().to(here.device)
    cast(Any, model).to(memory_format=torch.channels_last)  # torch's types leave this form out
    optimisers = entry.optimisers(model, settings.learning_rate)
    first, seconds_before, seconds = 0, 0.0, 0.0
    curve: list[dict[str, float]] = []
    if restored := restore(run, model, optimisers, here.device):
        first, history = restored
        seconds_before, curve = float(history["seconds"]), list(history["curve"])
        seconds = seconds_before
        report(first, f"{entry.name}: continued at step {first}")
    errors: list[torch.Tensor] = []  # loss, squared and absolute error of each step since the last point

    def loss(rows: NDArray[np.int64], step: int) -> torch.Tensor:
        torch.manual_seed(settings.seed * 1_000_003 + 1 + step)  # dropout, the same after a restart
        targets = torch.from_numpy(training.targets[rows]).to(here.device)
        output = _heard(model, entry, training, rows)
        lost = entry.kind.loss(output, targets)
        with torch.no_grad():
            error = entry.kind.answer(output.detach()) - targets
        errors.append(torch.stack((lost.detach(), error.square().mean(), error.abs().mean())))
        return lost

    def point(clock: Clock) -> bool:
        nonlocal seconds
        seconds = seconds_before + clock.training_seconds
        answers, _ = answer(model, entry, validation)
        away = np.clip(answers, 0, 1) - validation.targets
        lost, squared, absolute = torch.stack(errors).mean(0).tolist()
        errors.clear()
        curve.append(
            {
                "samples": clock.step * settings.batch,
                "loss": lost,
                "train_mse": squared,
                "train_mae": absolute,
                "validation_mse": float(np.square(away).mean()),
                "validation_mae": float(np.abs(away).mean()),
            }
        )
        save(run, model, optimisers, clock.step, {"seconds": seconds, "curve": curve})
        return pause_after is not None and len(curve) >= pause_after

    points = {round(settings.steps * (k + 1) / settings.points) for k in range(settings.points)}
    step = optimise(
        model,
        optimisers,
        _orders(settings, len(training.targets), first),
        loss,
        first=first,
        steps=settings.steps,
        warm_up=settings.warm_up,
        here=here,
        checkpoint_at=points.__contains__,
        checkpoint=point,
        report=report,
        note=lambda: (
            f"{entry.name}: squared error {torch.stack(errors[-REPORTED_STEPS:])[:, 1].mean().item():.4f}"
        ),
    )
    if step < settings.steps:
        return {"curve": curve}
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
        "device": torch.cuda.get_device_name() if here.device.type == "cuda" else "cpu",
        "curve": curve,
    }
    write_atomically(run / RESULT, (json.dumps(result, indent=1) + "\n").encode())
    (run / LATEST).unlink()
    return result


def answer(
    model: nn.Module, entry: Entry, data: Data
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Answers, float32[N, 26], and where the entry ranks values their scores, float32[N, 26, 16]."""
    model.eval()
    answers, scores = [], []
    with torch.no_grad():
        for first in range(0, len(data.targets), VALIDATION_BATCH):
            output = _heard(
                model, entry, data, np.arange(first, min(first + VALIDATION_BATCH, len(data.targets)))
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
    with mixed_precision(device):
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

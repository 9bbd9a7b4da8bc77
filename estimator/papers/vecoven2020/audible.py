"""Which of the 26 parameters can be heard in a tone: each is changed and the sound is compared, in the
simulator.

A parameter counts as **audible** in a tone if some other value of it changes the sound by `SPECTRUM_DB` or
more in log-mel distance (`simulator.features.log_mel_distance`: mean absolute difference over the cells
where either sounds, levels matched), or by `LEVEL_DB` or more in level (RMS). A level is tried at five values
from 0 to 1, a switch at every position. One decibel is about what an ear notices of a level; half a decibel
over all cells is little, so the test errs on the side of "audible". A silent sound against a sounding one is
audible.

What cannot be heard sets a floor under the squared error of any estimator. `floor` gives it for one that
knows all audible parameters exactly.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from estimator.network.parameters import one_at_a_time
from estimator.papers.vecoven2020 import task
from estimator.papers.vecoven2020.task import NAMES, Normal
from jxctl.protocol.parameters import parameter
from simulator.features import log_mel_distance

SPECTRUM_DB = 0.5
LEVEL_DB = 1.0
_LEVEL_TRIALS = np.linspace(0, 1, 5)
_SILENT = 1e-6


def trials(name: str) -> NDArray[np.float64]:
    """The values, as targets, at which a parameter is tried."""
    row = parameter(name)
    if row.kind == "level":
        return _LEVEL_TRIALS
    # The task's waves are three of the switch's four positions.
    positions = len(task.WAVES) if name in ("DCO1 WF", "DCO2 WF") else row.positions
    return np.linspace(0, 1, positions)


def audible(
    tones: np.ndarray, *, threads: int | None = None, report: Callable[[int], None] = lambda tones: None
) -> NDArray[np.bool_]:
    """Whether each parameter can be heard in each of the tones, uint8[N, 48]: bool[N, 26]."""
    out = np.zeros((len(tones), len(NAMES)), bool)
    targets = task.targets_of(tones)
    for n, target in enumerate(targets):
        which, changed = one_at_a_time(target.astype(np.float64), [trials(name) for name in NAMES])
        sounds = task.play(np.concatenate((tones[n : n + 1], task.tones_of(changed))), threads=threads)
        out[n, which[differs(sounds[1:], sounds[0])]] = True
        report(1)
    return out


def differs(sounds: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether sounds, float32[N, samples], can be told from a target, float32[samples]: bool[N]."""
    level = np.sqrt(np.mean(np.square(sounds, dtype=np.float64), axis=1))
    wanted = float(np.sqrt(np.mean(np.square(target, dtype=np.float64))))
    if wanted < _SILENT:
        return np.asarray(level >= _SILENT)
    louder = np.abs(20 * np.log10(np.maximum(level, _SILENT) / wanted)) >= LEVEL_DB
    return np.asarray(louder | (log_mel_distance(sounds, target) >= SPECTRUM_DB))


def floor(targets: np.ndarray, heard: np.ndarray) -> dict[str, float]:
    """Mean squared error over all 26 of an estimator that knows what is audible, ``heard`` bool[N, 26],
    exactly, for targets float[N, 26].

    ``prior_mean``: it says the prior's mean of the rest; ``conditional_mean``: what the task's multivariate
    normal expects of the rest, given what is heard (the clipping of values is left out of account).
    """
    normal = Normal.load()
    known, conditional = np.array(targets, np.float64), np.array(targets, np.float64)
    for n, row in enumerate(heard):
        rest = np.flatnonzero(~row)
        known[n, rest] = np.clip(normal.mean, 0, 1)[rest]
        conditional[n, rest] = normal.conditional(conditional[n], rest)[0]
    return {
        "prior_mean": float(np.square(known - targets).mean()),
        "conditional_mean": float(np.square(np.clip(conditional, 0, 1) - targets).mean()),
    }


def split(answers: np.ndarray, targets: np.ndarray, heard: np.ndarray) -> dict[str, float]:
    """Mean squared error over audible and over inaudible parameters, and ``share``, how much of the summed
    error lies in inaudible ones; float[N, 26] each, ``heard`` bool[N, 26].
    """
    squared = np.square(np.clip(answers, 0, 1).astype(np.float64) - targets)
    return {
        "audible": float(squared[heard].mean()),
        "inaudible": float(squared[~heard].mean()),
        "share": float(squared[~heard].sum() / squared.sum()),
    }

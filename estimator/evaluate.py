"""How good the estimator is, beside the prior alone.

::

    python -m estimator.evaluate --tones 2048                     # fresh draws from the prior
    python -m estimator.evaluate --table TABLE.csv --origin BANK  # real tones, rendered

Prints a Markdown table: per parameter, over the tones in which it can be heard, the mean absolute
error of a level (raw steps) or the share of right switch positions, for the network's single answer
and for constant answers that the prior allows: its mean (a switch: its commonest position) and its median,
which is the constant with the least absolute error.

``--sounds N`` compares sounds instead: how far, in log-mel L1, the network's single answer, what `jx guess`
finds with N renders, and the best of N draws from the prior lie from each tone.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from estimator import heads
from estimator.audible import audible
from estimator.features import log_mel_distance
from estimator.guess import Estimator, Played
from estimator.prior import Prior, read_table
from estimator.stream import SECONDS, features
from simulator import render

EVALUATION_SEED = 7_000_003


@dataclass(frozen=True)
class Scores:
    """Per head, float64[heads]: error or accuracy of the network, the prior's mean and its median; and
    how many tones count."""

    network: NDArray[np.float64]
    mean: NDArray[np.float64]
    median: NDArray[np.float64]
    count: NDArray[np.int64]


def evaluate(estimator: Estimator, tones: np.ndarray, seed: int = EVALUATION_SEED) -> Scores:
    """Render ``tones`` (uint8[N, 48]) at random notes, guess each once, and compare."""
    rng = np.random.default_rng(seed)
    size = len(tones)
    notes, velocities = rng.integers(36, 85, size), rng.integers(40, 128, size)
    gates = np.exp(rng.uniform(np.log(0.2), np.log(3.0), size))
    answers, sounding = [], []
    for part in np.array_split(np.arange(size), max(1, size // 64)):
        audio = render(tones[part], notes[part], velocities[part], gates[part], SECONDS,
                       profile=estimator.profile, seed=part)  # fmt: skip
        with torch.no_grad():
            logits = estimator.model(features(audio, notes[part], velocities[part], gates[part]))
        answers.append(heads.best(heads.probabilities(logits)))
        sounding.append(np.abs(audio).max(axis=1) > 1e-5)
    heard = audible(tones) & np.concatenate(sounding)[:, None]
    return compare(np.concatenate(answers), heads.classes(tones), heard)


def compare(answer: np.ndarray, truth: np.ndarray, heard: np.ndarray) -> Scores:
    """Scores of answers, int64[N, heads], against the truth where ``heard``, bool[N, heads]."""
    answers = (answer, *(np.tile(constant, (len(answer), 1)) for constant in prior_answers()))
    scores = np.full((3, len(heads.HEADS)), np.nan)
    for k, head in enumerate(heads.HEADS):
        rows = heard[:, k]
        if rows.any():
            measure = _level_error if head.parameter.kind == "level" else _accuracy
            scores[:, k] = [measure(given[rows, k], truth[rows, k]) for given in answers]
    return Scores(scores[0], scores[1], scores[2], heard.sum(axis=0))


def prior_answers() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What one would say without listening, int64[heads]: means, and medians, of levels; for switches the
    commonest position in both."""
    prior = Prior.load()
    of_column = {int(column): p for column, p in zip(prior.columns, prior.probability, strict=True)}
    mean, median = [], []
    for head in heads.HEADS:
        p = of_column[head.parameter.column]
        level = head.parameter.kind == "level"
        mean.append(round(float(p @ np.arange(128))) if level else int(p.argmax()))
        median.append(int(heads.median(p[None])[0]) if level else int(p.argmax()))
    return np.array(mean), np.array(median)


def markdown(scores: Scores) -> str:
    """The table, with a summary line for levels and for switches."""
    lines = [
        "| parameter | kind | tones | network | prior's mean | prior's median |",
        "|---|---|---:|---:|---:|---:|",
    ]
    kinds = np.array([head.parameter.kind for head in heads.HEADS])
    columns = (scores.network, scores.mean, scores.median)
    for kind, what in (("level", "levels: mean error, raw steps"), ("switch", "switches: right positions")):
        rows = np.flatnonzero((kinds == kind) & (scores.count > 0))
        form = "{:.1f}" if kind == "level" else "{:.0%}"
        for k in rows:
            cells = " | ".join(form.format(column[k]) for column in columns)
            lines.append(f"| {heads.HEADS[k].parameter.name} | {kind} | {scores.count[k]} | {cells} |")
        cells = " | ".join(f"**{form.format(column[rows].mean())}**" for column in columns)
        lines.append(f"| **all {what}** | | | {cells} |")
    return "\n".join(lines)


def sounds(estimator: Estimator, tones: np.ndarray, renders: int, seed: int = EVALUATION_SEED) -> str:
    """Markdown: median and quartiles of log-mel distances over ``tones``, uint8[N, 48], at random notes."""
    rng = np.random.default_rng(seed)
    names = ("network, single answer", f"network and search, {renders} renders", f"prior, best of {renders}")
    columns: dict[str, list[float]] = {name: [] for name in names}
    silent = 0
    for k, tone in enumerate(tones):
        played = Played(int(rng.integers(40, 80)), 100, float(rng.uniform(0.4, 1.5)))
        audio = render(
            tone, played.note, played.velocity, played.gate_s, 2.5, profile=estimator.profile, seed=k
        )
        draws = Prior.load().sample(renders, rng)
        if np.abs(audio).max() < 1e-4:
            silent += 1
            continue
        random = render(draws, played.note, played.velocity, played.gate_s, 2.5, profile=estimator.profile)
        single = estimator.guess(audio[0], played, renders=1).candidates[0].distance_db
        best = estimator.guess(audio[0], played, renders=renders).candidates[0].distance_db
        for column, value in zip(
            columns.values(), (single, best, log_mel_distance(random, audio[0]).min()), strict=True
        ):
            column.append(float(value))
    lines = ["| log-mel distance, dB | median | quartiles |", "|---|---:|---:|"]
    for name, values in columns.items():
        low, middle, high = np.percentile(values, (25, 50, 75))
        lines.append(f"| {name} | {middle:.1f} | {low:.1f} to {high:.1f} |")
    return "\n".join([*lines, "", f"{len(tones) - silent} tones; {silent} silent at their note left out"])


def _level_error(answer: np.ndarray, truth: np.ndarray) -> float:
    return float(np.abs(answer - truth).mean())


def _accuracy(answer: np.ndarray, truth: np.ndarray) -> float:
    return float((answer == truth).mean())


def main() -> None:
    """Print the scores of a checkpoint."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--tones", type=int, default=2048, help="how many fresh draws")
    parser.add_argument("--table", type=Path, help="real tones instead")
    parser.add_argument("--origin", default="", help="only the table's tones of this origin")
    parser.add_argument("--sounds", type=int, default=0, help="compare sounds, with so many candidates")
    parser.add_argument("--checkpoint", type=Path, help="without its suffix; default: jx's own")
    options = parser.parse_args()
    if options.table:
        tones, _, origins = read_table(options.table)
        tones = tones[[not options.origin or origin == options.origin for origin in origins]]
    else:
        tones = Prior.load().sample(options.tones, np.random.default_rng(EVALUATION_SEED))
    estimator = Estimator(options.checkpoint)
    print(
        sounds(estimator, tones, options.sounds) if options.sounds else markdown(evaluate(estimator, tones))
    )


if __name__ == "__main__":
    main()

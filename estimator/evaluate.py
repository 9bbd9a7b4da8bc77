"""How good the estimator is, beside the prior alone.

::

    python -m estimator.evaluate --tones 2048                     # fresh draws from the prior
    python -m estimator.evaluate --table TABLE.csv --origin BANK  # real tones, rendered

Prints a Markdown table: per parameter, over the tones in which it can be heard, the mean absolute
error of a level (raw steps) or the share of right switch positions, for the network's single answer
and for the best constant answer that the prior allows (its mean, or its commonest position).
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
from estimator.guess import Estimator
from estimator.prior import Prior, read_table
from estimator.stream import SECONDS, features
from simulator import render

EVALUATION_SEED = 7_000_003


@dataclass(frozen=True)
class Scores:
    """Per head, float64[heads]: the network's and the prior's error or accuracy, and how many tones."""

    network: NDArray[np.float64]
    prior: NDArray[np.float64]
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
    constant = prior_answer()[None]
    network, prior = np.full(len(heads.HEADS), np.nan), np.full(len(heads.HEADS), np.nan)
    for k, head in enumerate(heads.HEADS):
        rows = heard[:, k]
        if rows.any():
            measure = _level_error if head.parameter.kind == "level" else _accuracy
            network[k] = measure(answer[rows, k], truth[rows, k])
            prior[k] = measure(np.repeat(constant[:, k], rows.sum()), truth[rows, k])
    return Scores(network, prior, heard.sum(axis=0))


def prior_answer() -> NDArray[np.int64]:
    """What one would say without listening, int64[heads]: the mean level, the commonest position."""
    prior = Prior.load()
    of_column = {int(column): p for column, p in zip(prior.columns, prior.probability, strict=True)}
    answer = []
    for head in heads.HEADS:
        p = of_column[head.parameter.column]
        level = head.parameter.kind == "level"
        answer.append(round(float(p @ np.arange(128))) if level else int(p.argmax()))
    return np.array(answer)


def markdown(scores: Scores) -> str:
    """The table, with a summary line for levels and for switches."""
    lines = ["| parameter | kind | tones | network | prior alone |", "|---|---|---:|---:|---:|"]
    kinds = np.array([head.parameter.kind for head in heads.HEADS])
    for kind, what in (("level", "mean error, raw steps"), ("switch", "right positions")):
        rows = np.flatnonzero((kinds == kind) & (scores.count > 0))
        form = "{:.1f}" if kind == "level" else "{:.0%}"
        for k in rows:
            cells = (form.format(scores.network[k]), form.format(scores.prior[k]))
            lines.append(
                f"| {heads.HEADS[k].parameter.name} | {kind} | {scores.count[k]} | {' | '.join(cells)} |"
            )
        means = form.format(scores.network[rows].mean()), form.format(scores.prior[rows].mean())
        lines.append(f"| **all {kind}s**, {what} | | | **{means[0]}** | **{means[1]}** |")
    return "\n".join(lines)


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
    parser.add_argument("--checkpoint", type=Path, help="without its suffix; default: jx's own")
    options = parser.parse_args()
    if options.table:
        tones, _, origins = read_table(options.table)
        tones = tones[[not options.origin or origin == options.origin for origin in origins]]
    else:
        tones = Prior.load().sample(options.tones, np.random.default_rng(EVALUATION_SEED))
    print(markdown(evaluate(Estimator(options.checkpoint), tones)))


if __name__ == "__main__":
    main()

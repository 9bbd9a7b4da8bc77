"""How much of each parameter the network knows, and whether it knows what it knows.

::

    python -m benchmarks.evaluate --tones 256                                    # draws from the prior
    python -m benchmarks.evaluate --table TABLE.csv --origin "MKS-70 GENLIB-A"   # real tones, rendered

Prints Markdown. Per parameter, over the tones in which it can be heard (probed at these notes): the mean
absolute error of a level (raw steps), or the share of right positions, of the prior's median (what one would
say without listening), of the network after one note, and after six recordings (three notes an octave apart,
two velocities each). Then how far the intervals cover, and the expected calibration error. Nothing is
searched: how near guesses *sound* is judged by `benchmarks.guess` and `benchmarks.tones`.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from estimator.inference.confidence import confidence
from estimator.inference.estimator import Estimator, Played, Recording
from estimator.inference.objective import Listener, heard_in
from estimator.network import parameters
from estimator.network.parameters import prior_marginals
from simulator.prior import Prior, read_table
from simulator.synth import render

EVALUATION_SEED = 7_000_003
SECONDS = 2.5
OFFSETS, VELOCITIES = (-12, 0, 12), (60, 110)
INTERVALS = (0.5, 0.9)
_BINS = 10
_FEWEST = 5
"""A parameter heard in fewer tones has no row of its own."""


@dataclass(frozen=True)
class Said:
    """What was said of N tones: ``truth`` and ``answer`` int64[N, heads]; ``heard`` bool[N, heads], what
    counts;
    ``inside`` float64[N, heads, intervals] (`heads.inside`); ``sure`` float64[N, heads], the confidence in
    the answer."""

    truth: NDArray[np.int64]
    answer: NDArray[np.int64]
    heard: NDArray[np.bool_]
    inside: NDArray[np.float64]
    sure: NDArray[np.float64]

    def right(self) -> NDArray[np.bool_]:
        """Whether each answer is right (a level: within `heads.REACH`), bool[N, heads]."""
        return np.abs(self.answer - self.truth) <= np.where(parameters.IS_LEVEL, parameters.REACH, 0)

    def errors(self) -> NDArray[np.float64]:
        """Per head, over what counts: mean absolute error (a level) or share of right positions; not a number
        where nothing counts."""
        each = np.where(parameters.IS_LEVEL, np.abs(self.answer - self.truth), self.answer == self.truth)
        count = self.heard.sum(axis=0)
        total = np.where(self.heard, each, 0).sum(axis=0)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def coverage(self) -> NDArray[np.float64]:
        """Shares of heard levels inside the intervals, float64[intervals]."""
        return np.asarray(self.inside[self.heard & parameters.IS_LEVEL].mean(axis=0))

    def calibration_error(self) -> float:
        """Expected calibration error: confidence against how often that was right, in ten bins."""
        sure, right = self.sure[self.heard], self.right()[self.heard]
        place = np.minimum((sure * _BINS).astype(int), _BINS - 1)
        gaps = [abs(sure[place == b].mean() - right[place == b].mean()) * (place == b).mean()
                for b in np.unique(place)]  # fmt: skip
        return float(sum(gaps))


def listen(
    estimator: Estimator, tones: NDArray[np.uint8], several: bool, seed: int = EVALUATION_SEED
) -> Said:
    """What the network says of tones, uint8[N, 48], of one note each or of six recordings.

    Notes are 40 to 79, gates 0.4 to 1.5 s, velocity 100 for one note; 2.5 s of sound. Silent tones are left
    out.
    """
    rows = []
    for k, tone in enumerate(tones):
        rng = np.random.default_rng((seed, k))
        note, gate_s = int(rng.integers(40, 80)), float(rng.uniform(0.4, 1.5))
        played = [Played(note, 100, gate_s)]
        if several:
            played = [Played(note + by, velocity, gate_s) for by in OFFSETS for velocity in VELOCITIES]
        audio = render(
            np.tile(tone, (len(played), 1)), [p.note for p in played], [p.velocity for p in played],
            gate_s, SECONDS,
            profile=estimator.profile, seed=rng.integers(0, 2**31, len(played)),
        )  # fmt: skip
        if np.abs(audio).max() < 1e-4:
            continue
        recordings = [Recording(sound, p) for sound, p in zip(audio, played, strict=True)]
        truth = parameters.classes(tone[None])[0]
        said = estimator.propose(recordings, 0, rng)
        marginals, answer = [p[None] for p in said.marginals], said.best
        heard = heard_in(truth, Listener(recordings, estimator.profile))
        inside = np.stack(
            [parameters.inside(marginals, truth[None], share)[0] for share in INTERVALS], axis=1
        )
        rows.append((truth, answer, heard, inside, confidence(said.marginals, answer, played)))
    return Said(*(np.stack(column) for column in zip(*rows, strict=True)))


def prior_answers() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What one would say without listening, int64[heads]: means, and medians, of levels; for switches the
    commonest position in both. The median is the constant with the least absolute error."""
    each = prior_marginals()
    means = np.array([round(float(p @ np.arange(len(p)))) for p in each])
    medians = parameters.best([p[None] for p in each])[0]
    return np.where(parameters.IS_LEVEL, means, medians), medians


def markdown(one: Said, six: Said) -> str:
    """The tables."""
    constant = Said(
        one.truth, np.tile(prior_answers()[1], (len(one.truth), 1)), one.heard, one.inside, one.sure
    )
    columns = [said.errors() for said in (constant, one, six)]
    lines = [
        "| parameter | kind | tones | prior | one note | six recordings |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for level, what in ((True, "levels: mean error, raw steps"), (False, "switches: right positions")):
        rows = [k for k in np.flatnonzero(level == parameters.IS_LEVEL) if one.heard[:, k].sum() >= _FEWEST]
        form = "{:.1f}" if level else "{:.0%}"
        for k in rows:
            cells = " | ".join(form.format(column[k]) for column in columns)
            kind = "level" if level else "switch"
            lines.append(
                f"| {parameters.HEADS[k].parameter.name} | {kind} | {one.heard[:, k].sum()} | {cells} |"
            )
        means = [column[rows].mean() if rows else np.nan for column in columns]
        cells = " | ".join(f"**{form.format(mean)}**" for mean in means)
        lines.append(f"| **all {what}** | | | {cells} |")
    lines += [
        "",
        f"{len(one.truth)} tones that sound.",
        "",
        "| | one note | six recordings |",
        "|---|---:|---:|",
    ]
    for n, share in enumerate(INTERVALS):
        lines.append(f"| {share:.0%} intervals cover | {one.coverage()[n]:.0%} | {six.coverage()[n]:.0%} |")
    errors = f"{one.calibration_error():.3f} | {six.calibration_error():.3f}"
    lines.append(f"| expected calibration error | {errors} |")
    return "\n".join(lines)


def main() -> None:
    """Print what a checkpoint knows."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--tones", type=int, default=256, help="how many fresh draws")
    parser.add_argument("--table", type=Path, help="real tones instead")
    parser.add_argument("--origin", default="", help="only the table's tones of this origin")
    parser.add_argument("--checkpoint", type=Path, help="without its suffix; default: jx's own")
    options = parser.parse_args()
    if options.table:
        tones, _, origins = read_table(options.table)
        tones = tones[[not options.origin or origin == options.origin for origin in origins]]
    else:
        tones = Prior.load().sample(options.tones, np.random.default_rng(EVALUATION_SEED))
    estimator = Estimator(options.checkpoint)
    print(markdown(listen(estimator, tones, several=False), listen(estimator, tones, several=True)))


if __name__ == "__main__":
    main()

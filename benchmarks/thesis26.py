"""The task ``thesis26``: how fast its examples are made, and what they are like.

::

    python -m benchmarks.thesis26          # prints tables
    python -m benchmarks.thesis26 --json

An example is a four-second sound and its (690, 16) spectrogram (`estimator.papers.vecoven2020.task`). The
thesis gives no time for its simulator; real time, which its sound board would have needed, is 1. The
statistics say what an estimator's score has to be read against: the error of guessing the mean, or another
tone of the task, how many sounds are silent, and how often parameters lie at an end.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.machine import describe
from estimator.papers.vecoven2020 import task
from simulator.synth import SAMPLE_RATE
from tools.markdown import table

SILENT = 1e-4
THESIS_BEST = 0.02618  # thesis table 6.7, lstm1, 1e6 sounds


def throughput(count: int, runs: int) -> dict[str, dict[str, float]]:
    """Multiples of real time of drawing, rendering and hearing ``count`` sounds: best and median."""
    rng = np.random.default_rng(0)
    tones, _ = task.sample(count, rng)
    out = np.empty((count, round(task.SECONDS * SAMPLE_RATE)), np.float32)
    task.play(tones, out=out)
    steps: dict[str, Callable[[], Any]] = {
        "draw": lambda: task.sample(count, rng),
        "render": lambda: task.play(tones, out=out),
        "spectrogram": lambda: task.spectrogram(out),
    }
    times: dict[str, list[float]] = {name: [] for name in (*steps, "all")}
    for _ in range(runs):
        whole = 0.0
        for name, step in steps.items():
            began = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - began)
            whole += times[name][-1]
        times["all"].append(whole)
    length = count * task.SECONDS
    return {
        name: {"best": length / min(took), "median": length / statistics.median(took)}
        for name, took in times.items()
    }


def describe_task(count: int) -> dict[str, Any]:
    """Statistics of ``count`` examples."""
    rng = np.random.default_rng(1)
    tones, targets = task.sample(count, rng)
    loudest = np.concatenate(
        [np.abs(task.play(part)).max(axis=1) for part in np.array_split(tones, max(1, count // 256))]
    )
    mean = np.broadcast_to(targets.mean(axis=0), targets.shape)
    return {
        "sounds": count,
        "silent_share": float((loudest < SILENT).mean()),
        "mse_of_the_mean": task.score(mean, targets)["all"],
        "mse_of_another_tone": task.score(targets[rng.permutation(count)], targets)["all"],
        "parameters": {
            name: {
                "mean": float(values.mean()),
                "deviation": float(values.std()),
                "at_0": float((values == 0).mean()),
                "at_1": float((values == 1).mean()),
            }
            for name, values in zip(task.NAMES, targets.T, strict=True)
        },
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="The task thesis26: throughput and statistics.")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--sounds", type=int, default=2048, help="sounds for the statistics")
    options = parser.parse_args()
    report = {
        "real_time_factor": throughput(options.batch, options.runs),
        "batch": options.batch,
        "task": describe_task(options.sounds),
        "thesis_best_mse": THESIS_BEST,
        "machine": describe("numpy", "numba", "torch"),
    }
    if options.json:
        json.dump(report, sys.stdout, indent=2)
        print()
        return
    factors = [
        (name, f"{factor['best']:,.0f} (median {factor['median']:,.0f})")
        for name, factor in report["real_time_factor"].items()
    ]
    print(table(("step", f"times real time, batch {options.batch}"), factors, "lr"), end="")
    about = report["task"]
    print(
        f"\n{about['sounds']} sounds, {about['silent_share']:.1%} silent. Mean squared error of the mean "
        f"{about['mse_of_the_mean']:.4f}, of another tone {about['mse_of_another_tone']:.4f} (the thesis' "
        f"best network, on its own sounds: {THESIS_BEST}).\n"
    )
    rows = [
        (name, f"{row['mean']:.2f}", f"{row['deviation']:.2f}", f"{row['at_0']:.0%}", f"{row['at_1']:.0%}")
        for name, row in about["parameters"].items()
    ]
    print(table(("parameter", "mean", "deviation", "at 0", "at 1"), rows, "lrrrr"), end="")
    print(f"\n{report['machine']}")


if __name__ == "__main__":
    main()

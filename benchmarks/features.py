"""How many times faster than real time sounds become log-mel spectrograms.

::

    python -m benchmarks.features          # prints a table
    python -m benchmarks.features --json

A batch of four-second sounds at 44.1 kHz, rendered from the prior, in the settings that candidates are
ranked by and in those that the network sees. Side by side, taking turns: the spectra of
`simulator.features.mel` and the same by ``torch.fft`` in pieces that fit the cache, which was the way before
and still is for other windows. Both with all cores and with one. Best and median of the rounds; and the
largest difference of the two from each other, in decibels. The last row is the distance to a target, which
`jx guess` ranks by.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.machine import describe
from estimator.network import inputs
from simulator.features import RANKING, MelSettings, log_mel, log_mel_distance
from simulator.prior import Prior
from simulator.synth import SAMPLE_RATE, render
from tools.markdown import table

SECONDS = 4.0
SETTINGS = {"ranking": RANKING, "input": inputs.INPUT}


def sounds(count: int) -> np.ndarray:
    """Sounds of real tones at random notes, float32[count, samples]."""
    rng = np.random.default_rng(0)
    tones = Prior.load().sample(count, rng)
    return render(tones, rng.integers(36, 85, count), 100, 2.0, SECONDS)


def by_torch(audio: torch.Tensor, settings: MelSettings) -> torch.Tensor:
    """Log-mel as it was before `simulator.features.mel`."""
    return inputs.relative_db(inputs.mel_power_by_torch(audio, settings))


def measure(audio: torch.Tensor, runs: int, threads: int) -> dict[str, Any]:
    """Multiples of real time of each way, by settings."""
    torch.set_num_threads(threads)
    ways: dict[str, Callable[[], Any]] = {}
    samples = audio.numpy()
    for name, settings in SETTINGS.items():
        ways[f"{name}: simulator.features.mel"] = functools.partial(log_mel, samples, settings, threads)
        ways[f"{name}: torch.fft"] = functools.partial(by_torch, audio, settings)
    ways["distance to a target"] = lambda: log_mel_distance(samples, samples[0], threads=threads)
    for way in ways.values():
        way()
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(runs):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            times[name].append(time.perf_counter() - began)
    length = len(audio) * SECONDS
    return {
        name: {"best": length / min(took), "median": length / statistics.median(took)}
        for name, took in times.items()
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Log-mel throughput, in multiples of real time.")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--batch", type=int, default=256)
    options = parser.parse_args()
    audio = torch.from_numpy(sounds(options.batch))
    cores = os.cpu_count() or 1
    results = {str(threads): measure(audio, options.runs, threads) for threads in sorted({1, cores})}
    apart = {
        name: float(np.abs(log_mel(audio[:64].numpy(), s) - by_torch(audio[:64], s).numpy()).max())
        for name, s in SETTINGS.items()
    }
    report = {
        "real_time_factor_by_threads": results,
        "largest_difference_db": apart,
        "batch": options.batch,
        "seconds": SECONDS,
        "sample_rate": SAMPLE_RATE,
        "machine": describe("numpy", "numba", "torch"),
    }
    if options.json:
        json.dump(report, sys.stdout, indent=2)
        print()
        return
    rows = [
        [name, *(f"{by[name]['best']:,.0f} (median {by[name]['median']:,.0f})" for by in results.values())]
        for name in next(iter(results.values()))
    ]
    heading = [f"log-mel, batch {options.batch}", *(f"{n} threads" for n in results)]
    print(table(heading, rows, "l" + "r" * len(results)), end="")
    print(f"\nlargest difference in dB: {apart}; {report['machine']}")


if __name__ == "__main__":
    main()

"""How many times faster than real time the simulator renders.

::

    python -m benchmarks.render            # a table
    python -m benchmarks.render --json

Four-second voices at 44.1 kHz with everything on: tones drawn from the prior (so sync, x-mod, noise,
LFO, both envelopes and all four filter poles occur as often as in real tones), random notes. Also the
same with every voice uncoupled, and with every voice in sync and x-mod, which is the slowest case.
Warm: the kernel is compiled and the output's memory is there. Each figure is the best and the median
of several runs, because other work on the machine can only slow a run down.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from typing import Any

import numpy as np

from benchmarks.machine import describe
from estimator.prior import Prior
from jxctl.params import parameter
from simulator import render

BATCHES = (16, 128, 1024)
XMOD = parameter("DCO XMOD").column
SECONDS = 4.0


def measure(tones: np.ndarray, notes: np.ndarray, runs: int, out: np.ndarray) -> dict[str, float]:
    """Real-time factors over ``runs`` renders of a batch."""
    factors = []
    for _ in range(runs):
        began = time.perf_counter()
        render(tones, notes, 100, 2.0, SECONDS, out=out[: len(tones)])
        factors.append(len(tones) * SECONDS / (time.perf_counter() - began))
    return {"best": round(max(factors)), "median": round(statistics.median(factors))}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Render throughput, in multiples of real time.")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()

    rng = np.random.default_rng(0)
    tones = Prior.load().sample(max(BATCHES), rng)
    notes = rng.integers(36, 85, max(BATCHES))
    out = np.empty((max(BATCHES), round(SECONDS * 44100)), np.float32)
    began = time.perf_counter()
    render(tones[:16], notes[:16], seconds=0.1)
    first_call_s = time.perf_counter() - began
    render(tones, notes, 100, 2.0, SECONDS, out=out)

    kinds = {"prior": tones, "uncoupled": tones.copy(), "all sync and x-mod": tones.copy()}
    kinds["uncoupled"][:, XMOD] = 0
    kinds["all sync and x-mod"][:, XMOD] = 64
    results: dict[str, Any] = {
        kind: {str(batch): measure(some[:batch], notes[:batch], options.runs, out) for batch in BATCHES}
        for kind, some in kinds.items()
    }
    report = {
        "real_time_factor": results,
        "seconds": SECONDS,
        "sample_rate": 44100,
        "first_call_s": round(first_call_s, 2),
        "machine": describe("numpy", "numba", "llvmlite"),
    }
    if options.json:
        json.dump(report, sys.stdout, indent=2)
        print()
        return
    print(f"| tones | {' | '.join(f'batch {batch}' for batch in BATCHES)} |")
    print("|---|" + "---:|" * len(BATCHES))
    for kind, figures in results.items():
        cells = [f"{f['best']:,} (median {f['median']:,})" for f in figures.values()]
        print(f"| {kind} | {' | '.join(cells)} |")
    print(f"\nfirst call {first_call_s:.1f} s; {report['machine']}")


if __name__ == "__main__":
    main()

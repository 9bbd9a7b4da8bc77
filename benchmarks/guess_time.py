"""How long a guess takes, after loading: wall time and the work of all threads.

::

    python -m benchmarks.guess_time                       # 5 tones; 1, 256, 2,000 and 10,000 renders
    python -m benchmarks.guess_time --tones 3 --renders 2000 --json

Tones are drawn from the prior and sound for ``--seconds`` at note 60. 1 render is the network alone: its
answer is rendered once, and none of its draws. On a machine that does other things too, wall time says
little; CPU seconds, those of all threads of this process together, say more, and half of them is the least
that two cores need. The first guess compiles and is not counted.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from typing import Any

import numpy as np

from benchmarks.machine import describe
from estimator.inference.estimator import Estimator, Played
from jxctl.errors import UsageError
from simulator.prior import Prior
from simulator.synth import render
from tools.markdown import table
from tools.terminal import in_words

RENDERS = (1, 256, 2000, 10000)
PLAYED = Played(60, 100, 1.0)
AUDIBLE = 1e-3
SEED = 2026


def cpu_seconds() -> float:
    """Of all threads of this process so far, in the program and in the kernel."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def sounds(count: int, seconds: float, seed: int) -> list[np.ndarray]:
    """Tones of the prior that can be heard, float32[samples] each."""
    tones = Prior.load().sample(4 * count, np.random.default_rng(seed))
    audio = render(tones, PLAYED.note, PLAYED.velocity, PLAYED.gate_s, seconds)
    return list(audio[np.abs(audio).max(axis=1) > AUDIBLE][:count])


def run(tones: int, renders: list[int], seconds: float, seed: int, threads: int | None) -> dict[str, Any]:
    """Guess every tone with every number of renders; medians and worst, and all rows."""
    if tones < 1 or min(renders) < 0 or not 0 < seconds <= 8:
        raise UsageError("--tones is 1 or more, --renders 0 or more, --seconds above 0 and up to 8")
    estimator = Estimator()
    given = sounds(tones, seconds, seed)
    estimator.guess(given[0], PLAYED, renders=100, threads=threads)
    rows = []
    for count in renders:
        for k, audio in enumerate(given):
            wall, cpu = time.perf_counter(), cpu_seconds()
            found = estimator.guess(audio, PLAYED, renders=count, threads=threads)
            rows.append({
                "renders": count, "tone": k, "wall_s": time.perf_counter() - wall,
                "cpu_s": cpu_seconds() - cpu, "distance_db": found.candidates[0].distance_db,
            })  # fmt: skip
            print(f"{count} renders, tone {k}: {rows[-1]['wall_s']:.2f} s", file=sys.stderr)
    medians = []
    for count in renders:
        of = [row for row in rows if row["renders"] == count]
        measured = {name: [row[name] for row in of] for name in ("wall_s", "cpu_s", "distance_db")}
        medians.append({
            "renders": count, "worst_wall_s": max(measured["wall_s"]),
            **{name: float(np.median(values)) for name, values in measured.items()},
        })  # fmt: skip
    return {
        "tones": len(given), "seconds": seconds, "seed": seed, "weights": estimator.identity,
        "medians": medians, "rows": rows, "machine": describe("numpy", "torch", "numba"),
    }  # fmt: skip


def text(result: dict[str, Any]) -> str:
    """The medians as a table."""
    keys = ("wall_s", "worst_wall_s", "cpu_s", "distance_db")
    rows = [(f"{m['renders']:,}", *(f"{m[key]:.2f}" for key in keys)) for m in result["medians"]]
    heading = ("renders", "wall s, median", "wall s, worst", "CPU s, median", "found, dB")
    machine = result["machine"]
    return table(heading, rows) + (
        f"\n{result['tones']} tones of {result['seconds']} s, seed {result['seed']}; {machine['processor']}, "
        f"{machine['cores']} cores, commit {machine['commit']}"
    )


def main() -> None:
    """Time guesses."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--tones", type=int, default=5)
    parser.add_argument("--renders", type=int, nargs="+", default=list(RENDERS))
    parser.add_argument("--seconds", type=float, default=2.5, help="length of a recording")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--threads", type=int, help="default: all cores")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with in_words():
        result = run(options.tones, options.renders, options.seconds, options.seed, options.threads)
    print(json.dumps(result, indent=2) if options.json else text(result))


if __name__ == "__main__":
    main()

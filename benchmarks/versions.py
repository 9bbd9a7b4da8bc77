"""Speed of the renderer in several checkouts, interleaved in one run: what a change is worth.

::

    git worktree add ../before COMMIT
    python -m benchmarks.versions ../before .        # prints a table: cases down, checkouts across

Each checkout is a program of its own with one thread; they take turns, one render each, so that other work
on the machine hurts all alike. Four-second voices of the prior (`benchmarks.peers.run_jx`) whose keys are
held to the end. Multiples of real time by CPU time, best and median of the rounds, and the ratio of the
medians to the first checkout's. The renders of all checkouts are compared: *same* where all samples are
equal to the bit.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import describe

SECONDS = 4.0
VARIANTS = ("uncoupled", "full voice", "all sync and x-mod", "full voice + chorus")
BATCHES = (16, 64, 1024)
_WORKER = """
import hashlib, json, sys, time
from benchmarks.peers.run_jx import tones_of
from simulator import SAMPLE_RATE, empty, render
outputs = {}
for line in sys.stdin:
    variant, batch, seconds, stereo = json.loads(line)
    if (batch, stereo) not in outputs:
        outputs.clear()
        samples = round(seconds * SAMPLE_RATE)
        outputs[batch, stereo] = empty((batch, 2, samples) if stereo else (batch, samples))
    out = outputs[batch, stereo]
    tones, notes = tones_of(variant, batch)
    began = time.process_time()
    render(tones, notes, 100, seconds, seconds, threads=1, stereo=stereo, out=out)
    print(json.dumps([time.process_time() - began, hashlib.md5(out).hexdigest()]), flush=True)
"""


class Checkout:
    """A program that renders with the code in ``folder``."""

    def __init__(self, folder: Path) -> None:
        surroundings = os.environ | {"PYTHONPATH": str(folder.resolve())}
        if not (folder / "simulator").is_dir():  # an installed one would take its place
            raise SystemExit(f"{folder} holds no simulator")
        self._folder = folder
        self._program = subprocess.Popen(
            [sys.executable, "-c", _WORKER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder, env=surroundings,
        )  # fmt: skip

    def ask(self, *case: Any) -> tuple[float, str]:
        """Seconds of CPU time of a render, and a hash of its samples."""
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # then there is no answer either
            print(json.dumps(case), file=self._program.stdin, flush=True)
        line = self._program.stdout.readline()
        if not line:
            raise RuntimeError(f"the renderer in {self._folder} stopped")
        took, digest = json.loads(line)
        return float(took), str(digest)

    def close(self) -> None:
        """End the program."""
        with contextlib.suppress(BrokenPipeError):
            self._program.communicate()


def measure(
    folders: list[Path], batches: list[int], runs: int, variants: Sequence[str] = VARIANTS
) -> dict[str, Any]:
    """For each case: ``best`` and ``median`` of each checkout, and whether the samples are the ``same``."""
    checkouts = [Checkout(folder) for folder in folders]
    results: dict[str, Any] = {}
    try:
        for variant in variants:
            for batch in batches:
                for stereo in (False, True) if variant.endswith("chorus") else (False,):
                    case = variant, batch, SECONDS, stereo
                    hashes = {checkout.ask(*case)[1] for checkout in checkouts}
                    rounds = [[checkout.ask(*case)[0] for checkout in checkouts] for _ in range(runs)]
                    by_checkout = list(zip(*rounds, strict=True))
                    name = f"{variant}{', stereo' if stereo else ''}, {batch}"
                    results[name] = {
                        "best": [batch * SECONDS / min(times) for times in by_checkout],
                        "median": [batch * SECONDS / statistics.median(times) for times in by_checkout],
                        "same": len(hashes) == 1,
                    }
                    print(_row(name, results[name]), flush=True)
    finally:
        for checkout in checkouts:
            checkout.close()
    return results


def _row(name: str, found: dict[str, Any]) -> str:
    cells = [
        f"{best:,.0f} ({median:,.0f})" for best, median in zip(found["best"], found["median"], strict=True)
    ]
    ratios = [f"{median / found['median'][0]:.2f}" for median in found["median"][1:]]
    return f"| {' | '.join([name, *cells, *ratios, 'same' if found['same'] else 'other samples'])} |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Render throughput of several checkouts, taking turns.")
    parser.add_argument("folders", type=Path, nargs="+", help="checkouts, the one to compare with first")
    parser.add_argument("--batches", type=int, nargs="+", default=list(BATCHES))
    parser.add_argument("--runs", type=int, default=9, help="rounds (9)")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=VARIANTS)
    options = parser.parse_args()
    measure(options.folders, options.batches, options.runs, options.variants)
    print(describe("numpy", "numba", "llvmlite"))


if __name__ == "__main__":
    main()

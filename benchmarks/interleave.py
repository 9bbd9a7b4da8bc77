"""Timings of several synths that take turns, so that a busy moment of the machine hurts all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers.protocol import Worker

LONGEST_RUN_S = 20.0
MOST_MEMORY = 0.7  # of what is free
_PAUSE_S = 0.05  # a peer's threads go on spinning for a moment after its work
_ENOUGH_S = 20.0

Results = dict[str, dict[str, dict[str, dict[str, Any]]]]
"""By synth, variant and batch: ``times_s``, ``best`` and ``median`` (multiples of real time), ``peak_bytes``
and ``first_s``; or ``skipped``, the reason."""


def measure(
    workers: Mapping[str, Worker],
    variants: Mapping[str, Sequence[str]],
    batches: Sequence[int],
    seconds: float,
    runs: int,
    say: Callable[[str], None],
) -> Results:
    """Every variant of every synth at every batch size, one render each in turn, ``runs`` rounds.

    All are warm. A batch that would take more than `LONGEST_RUN_S` or more than `MOST_MEMORY` of the free
    memory, going by the last smaller batch, is skipped; one that is slow gets fewer rounds, but three.
    """
    results: Results = {name: {variant: {} for variant in variants[name]} for name in workers}
    for batch in sorted(batches):
        say(f"batch {batch}")
        playing = []
        for name, worker in workers.items():
            for variant in variants[name]:
                before = results[name][variant]
                entry: dict[str, Any] = {}
                reason = too_much(before, batch, seconds)
                if not reason:
                    try:
                        ask = {"variant": variant, "batch": batch, "seconds": seconds}
                        entry["first_s"] = worker.ask("prepare", **ask)["first_s"]
                        playing.append((worker, variant, entry))
                    except RuntimeError as error:
                        reason = str(error)
                if reason:
                    entry["skipped"] = reason
                before[str(batch)] = entry
        for turn in range(runs):
            for worker, variant, entry in playing:
                times = entry.setdefault("times_s", [])
                if (turn >= 3 and sum(times) > _ENOUGH_S) or "skipped" in entry:
                    continue
                time.sleep(_PAUSE_S)
                try:
                    answer = worker.ask("run", variant=variant)
                except RuntimeError as error:
                    entry["skipped"] = str(error)
                    continue
                times.append(answer["s"])
                entry["peak_bytes"] = answer["peak_bytes"]
        for _, _, entry in playing:
            if "skipped" not in entry:
                entry["best"] = batch * seconds / min(entry["times_s"])
                entry["median"] = batch * seconds / statistics.median(entry["times_s"])
        for worker in workers.values():
            try:
                worker.ask("release")
            except RuntimeError as error:  # it died; its rows say so
                say(str(error))
    return results


def too_much(before: Mapping[str, Mapping[str, Any]], batch: int, seconds: float) -> str:
    """Why a batch is not tried, from the measured smaller ones; or nothing."""
    measured = [(int(size), entry) for size, entry in before.items() if "best" in entry]
    if not measured:
        return ""
    size, entry = measured[-1]
    expected_s = batch * seconds / entry["median"]
    if expected_s > LONGEST_RUN_S:
        return f"about {expected_s:.0f} s a render"
    free = free_bytes()
    expected_bytes = (entry["peak_bytes"] or 0) * batch / size
    if size >= 64 and free and expected_bytes > MOST_MEMORY * free:
        return f"about {expected_bytes / 1e9:.0f} GB of memory"
    return ""


def free_bytes() -> int | None:
    """Memory that can be had without swapping; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")), None)


def straight_line(x: Sequence[float], y: Sequence[float]) -> dict[str, float]:
    """Least squares of ``y = fixed + each * x`` on relative errors, and the worst relative error of it."""
    # Each point weighs by its own size, so that the small ones count as much as the large.
    weights = [1 / value**2 for value in y]
    total = sum(weights)
    mean_x = sum(w * a for w, a in zip(weights, x, strict=True)) / total
    mean_y = sum(w * b for w, b in zip(weights, y, strict=True)) / total
    spread = sum(w * (a - mean_x) ** 2 for w, a in zip(weights, x, strict=True))
    along = sum(w * (a - mean_x) * (b - mean_y) for w, a, b in zip(weights, x, y, strict=True))
    each = along / spread
    fixed = mean_y - each * mean_x
    worst = max(abs(fixed + each * a - b) / b for a, b in zip(x, y, strict=True))
    return {"fixed": fixed, "each": each, "worst_error": worst}

"""Bars for the time that a person waits, as ratios to a loop that is timed in the same run.

::

    python -m benchmarks.bars            # first render, first guess, warm start, help
    python -m benchmarks.bars --quick    # help and a warm render alone
    python -m benchmarks.bars --json

Each bar is a command in a process of its own. The loop runs before and after it, once on every core at the
same time, so that what else the machine does slows both; compared with the bar is the command's wall time
divided by the mean of the two. A loop takes about `LOOP_S` on the machine for which the bars were chosen (a
Xeon, 2 cores, idle). Ends with exit code 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import describe
from tools.markdown import table
from tools.terminal import in_words, say

ROOT = Path(__file__).resolve().parents[1]
RECORDING = ROOT / "examples" / "soundfont_brass_D4.flac"
TONE = ROOT / "examples" / "poly_brass.json"
STEPS = 30_000_000
"""Additions of the loop (chosen)."""
LOOP = f"""
import time
began = time.perf_counter()
for step in range({STEPS}):
    pass
print(time.perf_counter() - began)
"""
LOOP_S = 0.6
"""Seconds that the loop takes on an idle core of the machine for which the bars were chosen."""


@dataclass(frozen=True)
class Bar:
    """A command's bar: ``seconds`` on the idle machine for which the bars were chosen.

    ``cold``: with an empty cache of compiled loops. ``quick``: part of the quick form.
    """

    name: str
    arguments: tuple[str, ...]
    seconds: float
    cold: bool = False
    quick: bool = False


BARS = (
    Bar("help", ("--help",), 1.0, quick=True),
    Bar("first render", ("render", str(TONE), "-o", "{folder}/a.wav"), 10.0, cold=True),
    Bar("render", ("render", str(TONE), "-o", "{folder}/b.wav"), 2.0, quick=True),
    Bar("first guess", ("guess", str(RECORDING), "-o", "{folder}/a.json"), 30.0, cold=True),
    Bar("guess without a search", ("guess", str(RECORDING), "--renders", "0", "-o", "{folder}/b.json"), 4.0),
)
"""All bars, in the order in which they run: what is not cold finds the cache that the one before left."""


def loop_s() -> float:
    """Seconds of the loop, run on every core at once: the mean."""
    cores = os.cpu_count() or 1
    running = [
        subprocess.Popen([sys.executable, "-c", LOOP], stdout=subprocess.PIPE, text=True)
        for _ in range(cores)
    ]
    return sum(float(each.communicate()[0]) for each in running) / cores


def measure(bar: Bar, cache: Path, folder: Path) -> dict[str, Any]:
    """Run a bar's command; its wall and CPU seconds, the loop's, and the ratio beside the bar's.

    Raises `subprocess.CalledProcessError` where the command fails.
    """
    arguments = [argument.replace("{folder}", str(folder)) for argument in bar.arguments]
    before = loop_s()
    cpu, began = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime, time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "jxctl", *arguments], check=True, capture_output=True, cwd=ROOT,
        env=os.environ | {"NUMBA_CACHE_DIR": str(cache)},
    )  # fmt: skip
    wall = time.perf_counter() - began
    cpu = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - cpu
    loop = (before + loop_s()) / 2
    return {
        "name": bar.name, "wall_s": wall, "cpu_s": cpu, "loop_s": loop, "ratio": wall / loop,
        "bar": bar.seconds / LOOP_S, "met": wall / loop <= bar.seconds / LOOP_S,
    }  # fmt: skip


def run(quick: bool) -> dict[str, Any]:
    """All bars, or the quick ones."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache0"
        for number, bar in enumerate(BARS):
            if quick and not bar.quick:
                continue
            if bar.cold:
                cache = Path(folder) / f"cache{number}"
            if quick and bar.name == "render":
                measure(bar, cache, Path(folder))  # compiles
            rows.append(measure(bar, cache, Path(folder)))
            say(f"{bar.name}: {rows[-1]['wall_s']:.1f} s")
    return {"format": "jx-bars", "rows": rows, "machine": describe("numba", "torch")}


def text(result: dict[str, Any]) -> str:
    """A table, and what it was measured on."""
    heading = ("", "wall s", "CPU s", "loop s", "ratio", "bar", "")
    rows = [
        (row["name"], *(f"{row[key]:.2f}" for key in ("wall_s", "cpu_s", "loop_s")),
         f"{row['ratio']:.1f}", f"{row['bar']:.0f}", "met" if row["met"] else "MISSED")
        for row in result["rows"]
    ]  # fmt: skip
    machine = result["machine"]
    return (
        table(heading, rows)
        + f"\n{machine['processor']}, {machine['cores']} cores, commit {machine['commit']}"
    )


def main() -> None:
    """Time what a person waits for."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--quick", action="store_true", help="only help and a warm render")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with in_words():
        result = run(options.quick)
    print(json.dumps(result, indent=2) if options.json else text(result))
    sys.exit(0 if all(row["met"] for row in result["rows"]) else 1)


if __name__ == "__main__":
    main()

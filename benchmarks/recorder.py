"""How fast the recorder is, how much memory it takes, and how soon it continues a long recording.

::

    python -m benchmarks.recorder                     # 100,000 short takes, 500 through sim:
    python -m benchmarks.recorder --takes 5000 --json

Two recordings. One through ``sim:`` with tones from the prior, one second of gate: rendering and FLAC
are all there is to wait for. And one of a great many takes of an instrument that costs nothing (a sine
of 30 ms), which shows what the recorder itself needs: memory along the way, and the time from starting
again, on the whole set, to the first new take. Files are synced, so the disk counts.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe
from jxctl.dataset import Row
from jxctl.dataset.writer import Writer
from jxctl.ports import AudiblePort, open_port
from jxctl.ports.client import Synth
from jxctl.recording.expectation import Simulated
from jxctl.recording.plan import Plan, prior_tones
from jxctl.recording.preflight import measure
from jxctl.recording.recorder import Tally, check_same_plan, count_remaining, record, remaining
from jxctl.recording.rig import Rig

RATE = 8000
GATE_S = 0.03


class Sine(AudiblePort):
    """An instrument that costs nothing: a sine from note-on until silenced."""

    url = "sine:"
    sample_rate = RATE

    def __init__(self) -> None:
        self._sounds = False
        self._sine = (0.5 * np.sin(np.arange(RATE) * 0.3)).astype(np.float32)

    def write(self, data: bytes) -> None:
        """Voice on, or not."""
        self._sounds = data[-3:-2] == b"\xc0"

    def listen(self, seconds: float) -> np.ndarray:
        """A sine, or nothing."""
        count = round(seconds * RATE)
        return self._sine[:count] if self._sounds else np.zeros(count, np.float32)

    def close(self) -> None:
        """Nothing to do."""


def simulated(takes: int, folder: Path) -> dict[str, Any]:
    """Takes per second through ``sim:``, with all checks and expectations."""
    with open_port("sim:") as port:
        assert isinstance(port, AudiblePort)
        rig = Rig(Synth(port), port, expected=Simulated("superjx", port.sample_rate, exact=True))
        rig.latency = measure(rig).latency
        plan = Plan(prior_tones(-(-takes // 4)), [48, 72], [50, 120], [1.0])
        with Writer(folder) as data_set:
            began = time.perf_counter()
            tally = record(remaining(plan, data_set), rig, data_set, 0)
            seconds = time.perf_counter() - began
    return {
        "takes": tally.recorded,
        "takes_per_second": round(tally.recorded / seconds, 1),
        "times_real_time": round(tally.seconds / seconds),
        "verdicts": dict(tally.verdicts),
        "retries": tally.retries,
    }


def many(takes: int, folder: Path) -> dict[str, Any]:
    """Memory along a long recording, and the time to continue it."""
    memory: dict[int, int] = {}
    marks = {max(1, takes * k // 10) for k in (1, 5, 10)}
    tally = Tally()

    def on_take(row: Row) -> None:
        if tally.recorded in marks:
            memory[tally.recorded] = tracemalloc.get_traced_memory()[0]

    def plan(count: int) -> Plan:
        return Plan(prior_tones(count), [60], [100], [GATE_S], GATE_S)

    tracemalloc.start()
    began = time.perf_counter()
    with Writer(folder) as data_set:
        port = Sine()
        record(remaining(plan(takes), data_set), Rig(Synth(port), port), data_set, 0, on_take, tally=tally)
    seconds = time.perf_counter() - began
    tracemalloc.stop()

    began = time.perf_counter()
    with Writer(folder) as data_set:
        longer = plan(takes + 1)
        check_same_plan(longer, data_set)
        assert count_remaining(longer, data_set) == 1
        start_up_s = time.perf_counter() - began
        record(remaining(longer, data_set), Rig(Synth(port), port), data_set, 0)
    return {
        "takes": takes,
        "takes_per_second": round(takes / seconds, 1),
        "python_memory_mb": {str(at): round(size / 1e6, 2) for at, size in sorted(memory.items())},
        "start_up_s": round(start_up_s, 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Speed, memory and start-up of the recorder.")
    parser.add_argument("--takes", type=int, default=100_000, help="of the instrument that costs nothing")
    parser.add_argument("--simulated", type=int, default=500, help="through sim:")
    parser.add_argument("--folder", type=Path, help="where to record; a temporary folder if not given")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        report = {
            "simulated": simulated(options.simulated, Path(folder) / "simulated"),
            "many": many(options.takes, Path(folder) / "many"),
            "machine": describe("numpy", "numba", "soundfile"),
        }
    if options.json:
        json.dump(report, sys.stdout, indent=2)
        print()
        return
    sim, lots = report["simulated"], report["many"]
    print(f"sim:   {sim['takes_per_second']} takes a second, {sim['times_real_time']}x real time")
    print(f"       {sim['takes']} takes: {sim['verdicts']}, {sim['retries']} retries")
    print(f"many:  {lots['takes_per_second']} takes a second (with memory tracing), {lots['takes']} takes")
    print(f"       MB held by Python after so many takes: {lots['python_memory_mb']}")
    print(f"       {lots['start_up_s']} s from starting again to the next take")
    print(report["machine"])


if __name__ == "__main__":
    main()

"""How many times faster than real time jx renders, beside torchsynth and SynthAX in the same run.

::

    python -m benchmarks.peers.setup       # once: the peers' own environments, in .peers/
    python -m benchmarks.render            # some minutes; writes results/render.md and render.json
    python -m benchmarks.render --quick    # fewer batches and rounds, prints and writes nothing
    python -m benchmarks.render --json     # prints the JSON, writes nothing

Four-second voices at 44.1 kHz, batches of 1 to 1024. Each synth is a program of its own with all cores;
they take turns, one render each, so that other work on the machine hurts all alike. Everything is warm,
and a render is over when its last sample is in memory. Each figure is the best and the median of the
rounds. Parameters are set before the clock starts. A peer that is not installed, and a batch that does
not fit, is named with the reason.

Besides, for jx alone: whether cost is a straight line over batch, length and notes, its memory, and how
far the audio loop is from the cores' peak (`benchmarks.limit`).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import limit, report
from benchmarks.files import RESULTS, write, write_json
from benchmarks.interleave import Results, measure, straight_line
from benchmarks.machine import describe
from benchmarks.peers.protocol import ROOT, Worker
from benchmarks.peers.setup import FOLDER, PEERS, python_of

BATCHES = (1, 4, 16, 64, 128, 256, 1024)
SECONDS = 4.0
LENGTHS_S = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
LENGTHS_BATCH = 128
BLOCK = 256


def start_workers(folder: Path, logs: Path) -> tuple[dict[str, Worker], dict[str, Any], dict[str, str]]:
    """jx and every peer that is installed: programs, what each says of itself, why others are not there."""
    workers = {"jx": Worker("jx", sys.executable, "benchmarks.peers.run_jx", logs / "jx.log")}
    missing: dict[str, str] = {}
    for peer, module in PEERS.items():
        python = python_of(peer, folder)
        if python.exists():
            workers[peer] = Worker(peer, python, module, logs / f"{peer}.log")
        else:
            missing[peer] = "not installed; run python -m benchmarks.peers.setup"
    about: dict[str, Any] = {}
    for name in list(workers):
        try:
            about[name] = workers[name].ask("describe")
        except RuntimeError as error:
            missing[name] = str(error)
            workers.pop(name).close()
    return workers, about, missing


def over_batch(results: Results) -> dict[str, dict[str, float]]:
    """For each variant of jx: seconds a render as a line over the batch, from a group of lanes on."""
    fits = {}
    for variant, by_batch in results["jx"].items():
        points = [(int(b), min(entry["times_s"])) for b, entry in by_batch.items() if "best" in entry]
        points = [(batch, took) for batch, took in points if batch >= 16]
        if len(points) > 2:
            fits[variant] = straight_line(*zip(*points, strict=True))
    return fits


def over_length(worker: Worker, runs: int) -> dict[str, Any]:
    """Seconds a render of the full voice, a batch of 128, as a line over its length."""
    times: dict[str, float] = {}
    for seconds in LENGTHS_S:
        worker.ask("prepare", variant="full voice", batch=LENGTHS_BATCH, seconds=seconds)
        times[str(seconds)] = min(worker.ask("run", variant="full voice")["s"] for _ in range(max(3, runs)))
    worker.ask("release")
    return {"times_s": times, "line": straight_line(LENGTHS_S, list(times.values()))}


def over_notes(seconds: float) -> dict[str, float]:
    """Share of one core that a real-time instrument takes, in blocks of 256 samples, by notes held."""
    from simulator.instrument.instrument import Instrument
    from simulator.instrument.memory import Model
    from simulator.synth import SAMPLE_RATE

    shares = {}
    cases: tuple[tuple[Model, int], ...] = (("jx8p", 0), ("jx8p", 1), ("jx8p", 6), ("mks70", 12))
    for model, held in cases:
        instrument = Instrument(model)
        for note in range(held):
            instrument.receive_midi(bytes((0x90, 36 + 4 * note, 100)))
        instrument.render(BLOCK)
        times = []
        for _ in range(max(1, round(seconds * SAMPLE_RATE / BLOCK))):
            began = time.perf_counter()
            instrument.render(BLOCK)
            times.append(time.perf_counter() - began)
        boards = "two boards" if model == "mks70" else "one board"
        shares[f"{held} notes, {boards}"] = statistics.median(times) * SAMPLE_RATE / BLOCK
    return shares


def first_call() -> dict[str, float]:
    """Seconds of the first render of a process, when nothing is compiled yet, and when all is."""
    code = (
        "import time, numpy, simulator\n"
        "began = time.perf_counter()\n"
        "simulator.render(numpy.zeros((16, 48), numpy.uint8), seconds=0.1)\n"
        "print(time.perf_counter() - began)"
    )
    with tempfile.TemporaryDirectory() as cache:
        surroundings = os.environ | {"NUMBA_CACHE_DIR": cache, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", code]
        times = [
            float(
                subprocess.run(command, env=surroundings, capture_output=True, text=True, check=True).stdout
            )
            for _ in range(2)
        ]
    return {"compiles_s": times[0], "loads_s": times[1]}


def distance_from_limit(results: Results) -> dict[str, Any]:
    """Operations a sample, the cores' peak, and the share of it that the best batch reached."""
    from benchmarks.peers.run_jx import tones_of
    from simulator.synth import SAMPLE_RATE, load_profile, voices

    cores = os.cpu_count() or 1
    clock = limit.clock_hz(cores)
    out: dict[str, Any] = {"clock_hz": clock, "cores": cores, "loops": {}}
    for variant in ("uncoupled", "all sync and x-mod"):
        reached = [entry["best"] for entry in results["jx"].get(variant, {}).values() if "best" in entry]
        couplings = load_profile().physical(tones_of(variant, 1)[0], "DCO XMOD")
        try:
            work = limit.work(int(voices.kinds(couplings)[0]))
        except LookupError as error:
            return out | {"why_not": str(error)}
        if reached:
            samples = max(reached) * SAMPLE_RATE
            peak = limit.peak(clock, cores, 16)
            out["loops"][variant] = {
                "operations_a_sample": work.operations,
                "vector_instructions_of_16": 16 * work.instructions,
                "cycles_of_16": clock * cores * 16 / samples,
                "peak": peak,
                "share": work.operations * samples / peak,
            }
    return out


def run(options: argparse.Namespace, say: Callable[[str], None]) -> dict[str, Any]:
    """All measurements, as they go into render.json."""
    batches = (16, 128) if options.quick else BATCHES
    runs = 3 if options.quick else options.runs
    with tempfile.TemporaryDirectory() as logs:
        workers, about, missing = start_workers(options.peers, Path(logs))
        try:
            if "jx" in missing:
                raise SystemExit(f"jx cannot be measured: {missing['jx']}")
            variants: Mapping[str, list[str]] = {name: list(said["variants"]) for name, said in about.items()}
            results = measure(workers, variants, batches, SECONDS, runs, say)
            say("length, notes and limit")
            length = over_length(workers["jx"], runs)
        finally:
            for worker in workers.values():
                worker.close()
    return {
        "seconds": SECONDS,
        "sample_rate": 44100,
        "rounds": runs,
        "results": results,
        "about": about,
        "not_measured": missing,
        "over_batch": over_batch(results),
        "over_length": length,
        "first_call": first_call(),
        "over_notes": over_notes(0.5 if options.quick else 4.0),
        "limit": distance_from_limit(results),
        "machine": describe("numpy", "numba", "llvmlite"),
    }


def main() -> None:
    """Measure, print, and write the two files."""
    parser = argparse.ArgumentParser(
        description="Render throughput of jx and its peers, in multiples of real time."
    )
    parser.add_argument("--json", action="store_true", help="print JSON, write nothing")
    parser.add_argument("--quick", action="store_true", help="two batches, three rounds, write nothing")
    parser.add_argument("--runs", type=int, default=9, help="rounds (9); slow ones get fewer")
    parser.add_argument("--peers", type=Path, default=FOLDER, help="where the peers' environments are")
    options = parser.parse_args()
    measured = run(options, lambda text: print(text, file=sys.stderr, flush=True))
    if options.json:
        json.dump(measured, sys.stdout, indent=1)
        print()
        return
    text = report.markdown(measured)
    print(text)
    if not options.quick:
        write_json(RESULTS / "render.json", measured)
        write(RESULTS / "render.md", text)


if __name__ == "__main__":
    main()

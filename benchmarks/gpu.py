"""Speed of the voices on an NVIDIA GPU, and how far their samples are from the CPU's.

::

    python -m benchmarks.gpu              # writes nothing; --json prints the figures as JSON

Four-second voices of the prior (`benchmarks.peers.run_jx`, notes 36 to 84, keys held to the end), without
chorus and noise floor, which the CUDA kernel does not have. Three times are taken, medians of the rounds:

* *kernel*: from the start of the kernel to its end, everything in the GPU's memory;
* *call*: `simulator.synth._cuda.voices_on_gpu`: control frames on the CPU, the copies, the kernel; the audio
  stays in the GPU's memory, where training wants it;
* *CPU*: `simulator.synth.render` of the same voices with all cores, in turn with the others.

The first call compiles and is not counted. *Agreement* is the RMS of the difference to the CPU's samples
under the RMS of the CPU's, in dB, over the uncoupled voices: median and worst.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any

import numpy as np

from benchmarks.machine import describe
from benchmarks.peers.run_jx import tones_of
from simulator.synth import SAMPLE_RATE, empty, render

SECONDS = 4.0
BATCHES = (1024, 8192, 32768)
VARIANTS = ("uncoupled", "full voice")
AGREEMENT_VOICES = 256


def agreement() -> dict[str, float]:
    """Difference of GPU and CPU in dB under the sound: median and worst of the voices that sound."""
    from simulator.synth._cuda import voices_on_gpu

    tones, notes = tones_of("uncoupled", AGREEMENT_VOICES)
    expected = render(tones, notes, 100, 0.5, 1.0).astype(np.float64)
    found = voices_on_gpu(tones, notes, 100, 0.5, 1.0).copy_to_host()
    level = np.sqrt(np.mean(np.square(expected), axis=1))
    sounding = level > 1e-6
    difference = np.sqrt(np.mean(np.square(found - expected), axis=1))[sounding] / level[sounding]
    decibels = 20 * np.log10(difference + 1e-12)
    return {"median_db": float(np.median(decibels)), "worst_db": float(decibels.max())}


def times(variant: str, batch: int, rounds: int) -> dict[str, float]:
    """Median seconds of kernel, call and CPU, taking turns."""
    from numba import cuda

    from simulator.synth._cuda import upload, voices_on_gpu
    from simulator.synth.render import Batch

    tones, notes = tones_of(variant, batch)
    played = (tones, notes, 100, SECONDS, SECONDS)
    samples = round(SECONDS * SAMPLE_RATE)
    on_gpu, on_cpu = cuda.device_array((batch, samples), np.float32), empty((min(batch, 8192), samples))
    taken: dict[str, list[float]] = {"kernel": [], "call": [], "cpu": []}
    for _ in range(rounds + 1):
        launch = upload(Batch.of(*played, "superjx", SAMPLE_RATE, 0))
        cuda.synchronize()
        began = time.perf_counter()
        launch(on_gpu)
        cuda.synchronize()
        taken["kernel"].append(time.perf_counter() - began)
        began = time.perf_counter()
        found = voices_on_gpu(*played)
        cuda.synchronize()
        taken["call"].append(time.perf_counter() - began)
        del found
        began = time.perf_counter()
        # The CPU's rate does not grow any more from some hundred voices on: its share is scaled up.
        render(tones[: len(on_cpu)], notes[: len(on_cpu)], 100, SECONDS, SECONDS, out=on_cpu)
        taken["cpu"].append((time.perf_counter() - began) * batch / len(on_cpu))
    return {name: statistics.median(each[1:]) for name, each in taken.items()}


def main() -> None:
    """See the module's documentation."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    from numba import cuda

    found: dict[str, Any] = {
        "format": "jx-gpu-speed 1",
        "gpu": cuda.get_current_device().name.decode()
        if isinstance(cuda.get_current_device().name, bytes)
        else str(cuda.get_current_device().name),
        "machine": describe("numpy", "numba", "numba-cuda"),
        "rounds": arguments.rounds,
        "agreement": agreement(),
        "rows": [],
    }
    for variant in VARIANTS:
        for batch in BATCHES:
            seconds = times(variant, batch, arguments.rounds)
            speed = {name: batch * SECONDS / each for name, each in seconds.items()}
            found["rows"].append({"variant": variant, "batch": batch, "seconds": seconds, "times": speed})
            print(f"{variant}, {batch}: " + ", ".join(f"{k} {v:,.0f}" for k, v in speed.items()), flush=True)
    if arguments.json:
        print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()

"""What oversampling costs: ``python -m benchmarks.oversampled``.

The same 64 tones of the prior, 4 s each, plainly and at four times the rate; the best of three renders each.
"""

from __future__ import annotations

import time

import numpy as np

from benchmarks.machine import describe
from simulator.prior import Prior
from simulator.synth import render

SECONDS = 4.0


def main() -> None:
    """Measure and print."""
    tones = Prior.load().sample(64, np.random.default_rng(0))
    factors = {}
    for times in (1, 4):
        render(tones[:4], seconds=0.1, oversample=times)
        best = np.inf
        for _ in range(3):
            began = time.perf_counter()
            render(tones, seconds=SECONDS, oversample=times)
            best = min(best, time.perf_counter() - began)
        factors[times] = len(tones) * SECONDS / best
    print(f"plain {factors[1]:,.0f} times real time, four times oversampled {factors[4]:,.0f}: ", end="")
    print(f"{factors[1] / factors[4]:.1f} times the cost; {describe('numpy', 'numba', 'soxr')}")


if __name__ == "__main__":
    main()

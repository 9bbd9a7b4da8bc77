"""Rendering for the ear and for measurements: at a multiple of the sample rate, then band-limited down.

At four times 44.1 kHz the steps of the oscillators alias less and the bilinear transform of the filters
keeps closer to the analogue curve (`tests/simulator/test_oversampled.py`), for some ten times the time
(``python -m benchmarks.oversampled``).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import soxr
from numpy.typing import NDArray

_AT_A_TIME = 32

Renderer = Callable[[slice], NDArray[np.float32]]
"""Gives the sounds of a slice of the batch, float32[n, ..., samples], at the multiple of the rate."""


def decimated(render: Renderer, out: NDArray[np.float32], sample_rate: int, times: int) -> None:
    """Fill ``out``, float32[N, ..., samples], with what ``render`` gives at ``times`` the rate.

    Each channel is filtered on its own, so the batch does not matter; the filter has linear phase and no
    delay, passes up to 0.91 of half the sample rate and stops above it (SoX' very high quality).
    """
    for first in range(0, len(out), _AT_A_TIME):
        part = slice(first, min(first + _AT_A_TIME, len(out)))
        fine = render(part)
        samples = out.shape[-1]
        channels = out[part].reshape(-1, samples)
        for channel, line in zip(channels, fine.reshape(len(channels), -1), strict=True):
            coarse = soxr.resample(line, sample_rate * times, sample_rate, quality="VHQ")[:samples]
            channel[: len(coarse)] = coarse
            channel[len(coarse) :] = 0

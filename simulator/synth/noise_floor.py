"""The noise floor: white noise of a fixed level at each output, off unless a profile says otherwise.

Every sample's noise is a hash of the seed, the output and the number of the sample; so it is the same
however a stretch is divided into blocks.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from simulator.synth._compiling import cached
from simulator.synth.profile import Profile
from simulator.synth.random import IntArray, mix_seed, random_at

NONE_DB = -200
"""The level that means none."""

_OUTPUTS = np.array([501, 502])


def add_noise_floor(audio: NDArray[np.float32], seeds: IntArray, begin: int, profile: Profile) -> None:
    """Add the noise floor of the law ``noise_floor`` (dBFS, RMS at each output) in place.

    Shape:
        ``audio``: float32[N, 2, samples], left and right, or float32[N, samples], the mean of both;
        its first sample is number ``begin``. ``seeds``: int64[N], one a board.
    """
    level_db = profile.constant("noise_floor")
    if level_db <= NONE_DB:
        return
    # Evenly spread noise of peak 1 has an RMS of 1 / sqrt(3).
    scale = math.sqrt(3) * 10 ** (level_db / 20)
    outputs = audio[:, None] if audio.ndim == 2 else audio
    _compiled(outputs, mix_seed(np.asarray(seeds)[:, None], _OUTPUTS), begin, scale)


@numba.njit(nogil=True, error_model="numpy")
def _add(audio: Any, keys: Any, begin: int, scale: float) -> None:
    """Each output its own noise, or one row the mean of both."""
    for n in range(audio.shape[0]):
        if audio.shape[1] == 1:
            for s in range(audio.shape[2]):
                both = random_at(keys[n, 0], begin + s) + random_at(keys[n, 1], begin + s)
                audio[n, 0, s] += np.float32(scale / 2 * both)
        else:
            for output in range(2):
                for s in range(audio.shape[2]):
                    audio[n, output, s] += np.float32(scale * random_at(keys[n, output], begin + s))


_compiled = cached(_add)

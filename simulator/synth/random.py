"""Counter-based random numbers, which depend on nothing but what they are numbered by; and the noise floor.

Noise, the random LFO, spread and drift must not depend on the batch, the block size or the order of
work. So each is a hash of a seed and a counter; nothing draws from a generator with a state.

The noise floor is white noise of a fixed level at each output, off unless a profile says otherwise. Every
sample's noise is a hash of the seed, the output and the number of the sample; so it is the same however a
stretch is divided into blocks.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numba import types
from numpy.typing import NDArray

from simulator.synth._compiling import Cached, full_width, scalar

IntArray = NDArray[np.int64]

LARGEST_SEED = 2**31 - 1
"""Of what a user may give; a board takes 32 bits, so that the second one can have the seed after."""
NO_NOISE_DB = -200
"""The level of the noise floor, dBFS, that means none."""

_ALL32 = 0xFFFFFFFF
# Odd, 2**32 over the golden ratio: steps a counter through 32 bits with neighbours far from each other.
_SPREAD = 0x9E3779B1
# What the seed is mixed with for the noise at the left and at the right output (chosen).
_OUTPUTS = np.array([501, 502])


def mix_seed(seed: int | IntArray, voice: int | IntArray = 0) -> IntArray:
    """32 well-mixed bits from a seed and a voice number, so that neighbours share nothing."""
    return _hash(_hash(np.asarray(seed, dtype=np.int64)) + np.asarray(voice, dtype=np.int64) * 0x85EBCA6B)


def signed(seed: int | IntArray, number: int | IntArray = 0) -> NDArray[np.float64]:
    """Evenly spread numbers from -1 to 1, keyed by a seed and a number."""
    return mix_seed(seed, number) / 2.0**31 - 1


def _hash(x: IntArray) -> IntArray:
    """32-bit integer hash (xorshift-multiply) of the low 32 bits; int64 in, 0 to 2**32 - 1 out."""
    x = x & _ALL32
    # A product may pass 63 bits; only its low 32 count, and they survive.
    with np.errstate(over="ignore"):
        x = ((x ^ (x >> 16)) * 0x7FEB352D) & _ALL32
        x = ((x ^ (x >> 15)) * 0x846CA68B) & _ALL32
    return np.asarray(x ^ (x >> 16))


@scalar
def random_at(seed: Any, number: Any) -> Any:
    """A number from -1 to 1 for compiled code, keyed by a seed and a whole number: the same hash."""
    x = np.uint32(seed + number * _SPREAD)
    x = np.uint32(np.uint32(x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D))
    x = np.uint32(np.uint32(x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B))
    return np.float64(np.uint32(x ^ (x >> np.uint32(16)))) / 2147483648.0 - 1.0


def add_noise_floor(audio: NDArray[np.float32], seeds: IntArray, begin: int, level_db: float) -> None:
    """Add white noise to each output in place: law ``noise_floor``, ``level_db`` dBFS RMS.

    Shape:
        ``audio``: float32[N, 2, samples], left and right, or float32[N, samples], the mean of both;
        its first sample is number ``begin``. ``seeds``: int64[N], one a board.
    """
    if level_db <= NO_NOISE_DB:
        return
    # Evenly spread noise of peak 1 has an RMS of 1 / sqrt(3).
    scale = math.sqrt(3) * 10 ** (level_db / 20)
    outputs = audio[:, None] if audio.ndim == 2 else audio
    compiled(outputs, mix_seed(np.asarray(seeds)[:, None], _OUTPUTS), begin, scale)


@numba.njit(nogil=True, error_model="numpy")
def _add(audio: Any, keys: Any, begin: int, scale: float) -> None:
    """Each output its own noise, or one row the mean of both."""
    full_width()
    for n in range(audio.shape[0]):
        if audio.shape[1] == 1:
            for s in range(audio.shape[2]):
                both = random_at(keys[n, 0], begin + s) + random_at(keys[n, 1], begin + s)
                audio[n, 0, s] += np.float32(scale / 2 * both)
        else:
            for output in range(2):
                for s in range(audio.shape[2]):
                    audio[n, output, s] += np.float32(scale * random_at(keys[n, output], begin + s))


_ARGUMENTS = (types.float32[:, :, ::1], types.int64[:, ::1], types.int64, types.float64)
compiled = Cached(_add, _ARGUMENTS, 1)

"""Numbers that look random and depend on nothing but what they are numbered by.

Noise, the random LFO, spread and drift must not depend on the batch, the block size or the order of
work. So each is a hash of a seed and a counter; nothing draws from a generator with a state.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.synth._compiling import scalar

IntArray = NDArray[np.int64]

LARGEST_SEED = 2**31 - 1
"""Of what a user may give; a board takes 32 bits, so that the second one can have the seed after."""

_ALL32 = 0xFFFFFFFF
_SPREAD = 0x9E3779B1


@scalar
def random_at(seed: Any, number: Any) -> Any:
    """A number from -1 to 1 for compiled code, keyed by a seed and a whole number: the same hash."""
    x = np.uint32(seed + number * _SPREAD)
    x = np.uint32(np.uint32(x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D))
    x = np.uint32(np.uint32(x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B))
    return np.float64(np.uint32(x ^ (x >> np.uint32(16)))) / 2147483648.0 - 1.0


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

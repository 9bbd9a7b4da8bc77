"""One sample of an oscillator: the scalar functions that the kernel's lanes are made of.

A sawtooth steps once a cycle, at phase zero; every waveform is made of sawtooths. A step is replaced by
the integral of the cubic B-spline around it, which takes aliases down by the fourth power of sinc.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from simulator.synth._compiling import inline
from simulator.synth._intrinsics import fma

F = np.float32
ZERO, ONE, TWO, HALF = F(0), F(1), F(2), F(0.5)
CYCLE, CYCLES = F(2.0**-32), F(2.0**32)
_HALF_CYCLE = F(2.0**-31)
_FAR, _NEAR = F((1 / 12) ** 0.25), F((1 / 3) ** 0.25)
_TWICE_FAR = F(2 * (1 / 12) ** 0.25)
_SIGN = np.int32(-(2**31))


@inline
def as_int(x: Any) -> Any:
    """The integer whose bits a float slot holds."""
    return np.float32(x).view(np.int32)


@inline
def as_bits(x: Any) -> Any:
    """A float slot holding an integer's bits."""
    return np.int32(x).view(np.float32)


@inline
def slopes(step: Any) -> Any:
    """How fast the two powers of a step's smoothing fall with the phase, for a step in cycles a sample."""
    inverse = CYCLE / step
    return -_NEAR * inverse, -_FAR * inverse


@inline
def smoothing(phase: Any, near: Any, far: Any) -> Any:
    """What a band-limited step of height 2 lacks at a phase from its middle; 1 there, 0 from 2 samples on.

    Twice one minus the integral of the cubic B-spline, ((2-x)+^4 - 4 (1-x)+^4) / 12, x samples away. The
    phase is in 2**-32 cycles; `slopes` gives ``near`` and ``far``, which hold the factors of the powers.
    """
    distance = abs(F(phase))
    u = max(fma(distance, far, _TWICE_FAR), ZERO)
    v = max(fma(distance, near, _NEAR), ZERO)
    u, v = u * u, v * v
    return fma(u, u, -(v * v))


@inline
def sawtooth(phase: Any, smoothed: Any) -> Any:
    """Sawtooth, -1 to 1, rising, from its 32-bit phase: the distance from its step, which is ``smoothed``.

    ``2 p - sign(p) (1 - smoothed)``, with p in cycles.
    """
    short = as_bits(as_int(ONE - smoothed) ^ (phase & _SIGN))
    return fma(F(phase), _HALF_CYCLE, -short)


@inline
def ramp(phase: Any) -> Any:
    """Plain sawtooth, -1 to 1; ``phase`` in cycles, -0.5 to 0.5."""
    return TWO * phase - math.copysign(ONE, phase)


@inline
def wrap(phase: Any) -> Any:
    """A phase in cycles, near zero, brought to -0.5 to 0.5."""
    return phase - F(np.int32(phase + math.copysign(HALF, phase)))


@inline
def white(seed: Any, sample: Any) -> Any:
    """White noise, -1 to 1 times 2**31: an integer hash of ``seed + sample``, whatever the order of work."""
    x = np.uint32(np.uint32(sample) + np.uint32(seed)) * np.uint32(0x9E3779B1)
    x = np.uint32(x)
    x = np.uint32(np.uint32(x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D))
    x = np.uint32(np.uint32(x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B))
    return F(np.int32(x ^ (x >> np.uint32(16))))

"""One sample of an oscillator: the scalar functions that the kernel's lanes are made of.

A sawtooth steps once a cycle, at phase zero; every waveform is made of sawtooths. A step is replaced by
the integral of the cubic B-spline around it, which takes aliases down by the fourth power of sinc.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from simulator.lanes import inline

F = np.float32
ZERO, ONE, TWO, HALF = F(0), F(1), F(2), F(0.5)
_TWELFTH, _THIRD = F(1 / 12), F(1 / 3)
FAR, NEAR = F((1 / 12) ** 0.25), F((1 / 3) ** 0.25)
_HALF_CYCLE = F(2.0**-31)


@inline
def as_int(x: Any) -> Any:
    """The integer whose bits a float slot holds."""
    return np.float32(x).view(np.int32)


@inline
def as_bits(x: Any) -> Any:
    """A float slot holding an integer's bits."""
    return np.int32(x).view(np.float32)


@inline
def half_step(distance: Any) -> Any:
    """What a band-limited unit step lacks ``distance >= 0`` samples behind its middle.

    One minus the integral of the cubic B-spline: ((2-x)+^4 - 4 (1-x)+^4) / 24.
    """
    u = max(TWO - distance, ZERO)
    v = max(ONE - distance, ZERO)
    u, v = u * u, v * v
    return HALF * (u * u * _TWELFTH - v * v * _THIRD)


@inline
def sawtooth(phase: Any, near: Any, far: Any) -> Any:
    """Band-limited sawtooth, -1 to 1, rising, from its 32-bit phase: the distance from its step.

    ``near`` and ``far`` are `NEAR` and `FAR` over the step in 2**-32 cycles a sample. Written out, it is
    ``2 p - sign(p) (1 - 2 half_step(|p| / step))`` with the powers' factors moved into their bases.
    """
    p = F(phase)
    distance = abs(p)
    u = max(TWO * FAR - distance * far, ZERO)
    v = max(NEAR - distance * near, ZERO)
    u, v = u * u, v * v
    return p * _HALF_CYCLE - math.copysign(ONE - u * u + v * v, p)


@inline
def _sign(x: Any) -> Any:
    return math.copysign(ONE, x)


@inline
def ramp_wave(phase: Any) -> Any:
    """Plain sawtooth, -1 to 1; ``phase`` in cycles, wrapped to -0.5 to 0.5."""
    return TWO * phase - _sign(phase)


@inline
def wrap(phase: Any) -> Any:
    """A phase in cycles, near zero, brought to -0.5 to 0.5."""
    return phase - F(np.int32(phase + math.copysign(HALF, phase)))


@inline
def synced_sample(
    phase: Any, width_phase: Any, width: Any, step: Any, inverse: Any, height: Any, wa: Any, wb: Any,
    start: Any, to_reset: Any, sync: Any,
) -> Any:  # fmt: skip
    """One sample of an oscillator that may be reset by the other.

    ``height`` is the step it made when its phase last passed zero, naturally or by a reset.
    ``to_reset`` is the time in samples until the other oscillator wraps (huge when it just did).
    A natural step that a reset will forestall is not prepared for; the reset's own step is.
    """
    natural = ONE - sync * F(to_reset < -phase * inverse)
    natural_width = ONE - sync * F(to_reset < -width_phase * inverse)
    ahead_zero, ahead_edge = -TWO * wa * natural, -TWO * wb * natural_width
    behind_zero, behind_edge = F(phase >= ZERO), F(width_phase >= ZERO)
    at_zero = ahead_zero + behind_zero * (-height - ahead_zero)
    at_edge = ahead_edge + behind_edge * (TWO * wb - ahead_edge)
    at_zero = at_zero * half_step(abs(phase * inverse))
    at_edge = at_edge * half_step(abs(width_phase * inverse))
    # The reset to come: its step is the value at phase zero less the value it will cut off.
    cut = wrap(phase + step * to_reset)
    jump = start - (wa * ramp_wave(cut) + wb * ramp_wave(wrap(cut - width)))
    ahead = sync * jump * half_step(to_reset)
    return wa * ramp_wave(phase) + wb * ramp_wave(width_phase) + at_zero + at_edge + ahead


@inline
def white(seed: Any, sample: Any) -> Any:
    """White noise, -1 to 1 times 2**31: an integer hash of ``seed + sample``, whatever the order of work."""
    x = np.uint32(np.uint32(sample) + np.uint32(seed)) * np.uint32(0x9E3779B1)
    x = np.uint32(x)
    x = np.uint32(np.uint32(x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D))
    x = np.uint32(np.uint32(x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B))
    return F(np.int32(x ^ (x >> np.uint32(16))))

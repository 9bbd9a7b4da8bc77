"""Band-limited oscillators: the two DCOs of a voice, one sample at a time, with x-mod and hard sync.

A sawtooth steps once a cycle, at phase zero; every waveform is made of sawtooths. A step is replaced by the
integral of the cubic B-spline around it (a BLEP), which takes aliases down by the fourth power of sinc.

The two run in one of four variants:

* `plain`: on their own.
* `bent`: each may bend the other's frequency (x-mod).
* `synced`: besides, the first may reset the second (sync).
* `mutual`: besides, the second may reset the first.

Each variant gives the samples of those before it, to the bit, where a voice needs no more: so voices are
sorted by what their tone needs, and left-over lanes of a dearer variant are filled with cheaper voices. Each
takes the lane array and a lane, moves the phases, and returns the two waves.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from simulator.synth import _lanes
from simulator.synth._compiling import inline
from simulator.synth._lanes import HALF, ONE, TWO, ZERO, F, as_bits, as_int, at, fma

# Cycles of a step of the 32-bit phase, and steps of a cycle.
CYCLE, CYCLES = F(2.0**-32), F(2.0**32)
# Scales 2**31 steps, half a cycle, to 1.
_HALF_CYCLE = F(2.0**-31)
# Factors of the two powers of the B-spline's integral, at a distance of one sample: see `smoothing`.
_FAR, _NEAR = F((1 / 12) ** 0.25), F((1 / 3) ** 0.25)
_TWICE_FAR = F(2 * (1 / 12) ** 0.25)
# The highest bit of an integer: its sign, and that of a float.
_SIGN = np.int32(-(2**31))
# The least factor to which x-mod may bend a frequency, and the largest step in cycles a sample (chosen).
_LOWEST_BEND = F(0.05)
_HIGHEST_STEP = F(0.49)


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


@inline
def plain(w: Any, k: Any) -> Any:
    """Both waves."""
    phase1 = _move(w, k, 0, as_int(w[at(_lanes.INCREMENT1, k)]))
    phase2 = _move(w, k, 1, as_int(w[at(_lanes.INCREMENT2, k)]))
    dco1 = _wave(w, k, 0, phase1, w[at(_lanes.NEAR1, k)], w[at(_lanes.FAR1, k)])
    dco2 = _wave(w, k, 1, phase2, w[at(_lanes.NEAR2, k)], w[at(_lanes.FAR2, k)])
    return dco1, dco2


@inline
def bent(w: Any, k: Any) -> Any:
    """Both waves, their frequencies bent by what the other one was a sample ago."""
    step1, increment1 = _bend(w, k, 0)
    step2, increment2 = _bend(w, k, 1)
    near1, far1 = slopes(step1)
    near2, far2 = slopes(step2)
    dco1 = _wave(w, k, 0, _move(w, k, 0, increment1), near1, far1)
    dco2 = _wave(w, k, 1, _move(w, k, 1, increment2), near2, far2)
    w[at(_lanes.LAST1, k)], w[at(_lanes.LAST2, k)] = dco1, dco2
    return dco1, dco2


@inline
def synced(w: Any, k: Any) -> Any:
    """Both waves; the second oscillator starts over when the first does."""
    step1, increment1 = _bend(w, k, 0)
    step2, increment2 = _bend(w, k, 1)
    near1, far1 = slopes(step1)
    old1 = as_int(w[at(_lanes.PHASE1, k)])
    phase1 = _move(w, k, 0, increment1)
    smoothed1 = smoothing(phase1, near1, far1)
    dco1 = _wave(w, k, 0, phase1, near1, far1)
    dco2 = _led(w, k, 1, increment2, step2, old1, phase1, step1, smoothed1)
    w[at(_lanes.LAST1, k)], w[at(_lanes.LAST2, k)] = dco1, dco2
    return dco1, dco2


@inline
def mutual(w: Any, k: Any) -> Any:
    """Both waves; each oscillator starts over when the other does."""
    step1, increment1 = _bend(w, k, 0)
    step2, increment2 = _bend(w, k, 1)
    near1, far1 = slopes(step1)
    near2, far2 = slopes(step2)
    old1, old2 = as_int(w[at(_lanes.PHASE1, k)]), as_int(w[at(_lanes.PHASE2, k)])
    phase1, phase2 = np.int32(old1 + increment1), np.int32(old2 + increment2)
    smoothed1, smoothed2 = smoothing(phase1, near1, far1), smoothing(phase2, near2, far2)
    dco1 = _led(w, k, 0, increment1, step1, old2, phase2, step2, smoothed2)
    dco2 = _led(w, k, 1, increment2, step2, old1, phase1, step1, smoothed1)
    w[at(_lanes.LAST1, k)], w[at(_lanes.LAST2, k)] = dco1, dco2
    return dco1, dco2


@inline
def _led(
    w: Any, k: Any, dco: int, increment: Any, step: Any, old_leader: Any, leader: Any, leader_step: Any,
    smoothed_leader: Any,
) -> Any:  # fmt: skip
    """Wave of an oscillator (0 or 1) that starts over when its leader passes zero, between samples.

    The jump this makes is smoothed like every step. Before the reset, a step of its own that the reset will
    forestall is not prepared for, and the jump to come is. After it, the jump takes the place of the step at
    phase zero (slot ``HEIGHT``, in terms of the natural one), and steps made shortly before it still owe the
    rest of their smoothing: ``CUT`` is the phase that was cut off, ``OWED`` and ``OWED_EDGE`` their heights.
    """
    old = as_int(w[at(_lanes.PHASE1 + dco, k)])
    phase = np.int32(old + increment)
    sync = w[at(_lanes.STATE + _lanes.SYNC21 - dco, k)] != ZERO
    wa, wb = w[at(_lanes.WA1 + 2 * dco, k)], w[at(_lanes.WB1 + 2 * dco, k)]
    edge_at = as_int(w[at(_lanes.EDGE_AT1 + dco, k)])
    width = w[at(_lanes.STATE + _lanes.WIDTH1 + 4 * dco, k)]
    near, far = slopes(step)

    # Where it stands, in cycles, when the leader passes zero; negative: not yet at its own zero.
    way = step * (F(leader) * (CYCLE / leader_step))
    at_reset = F(phase) * CYCLE - way
    edge_at_reset = F(np.int32(phase - edge_at)) * CYCLE - way
    cut = wrap(at_reset)
    edge_cut = wrap(edge_at_reset)
    jump = w[at(_lanes.START1 + dco, k)] - fma(wb, ramp(edge_cut), wa * ramp(cut))

    reset = sync & (old_leader < 0) & (leader >= 0)
    height = w[at(_lanes.HEIGHT1 + dco, k)]
    height = ONE if (old < 0) & (phase >= 0) else height
    owed = (wa * height if cut >= ZERO else ZERO) if reset else w[at(_lanes.OWED1 + dco, k)]
    owed_edge = (wb if edge_cut >= ZERO else ZERO) if reset else w[at(_lanes.OWED_EDGE1 + dco, k)]
    cut = cut if reset else w[at(_lanes.CUT1 + dco, k)]
    height = -HALF * wa * jump if reset else height
    phase = np.int32(way * CYCLES) if reset else phase
    w[at(_lanes.HEIGHT1 + dco, k)], w[at(_lanes.PHASE1 + dco, k)] = height, as_bits(phase)
    w[at(_lanes.OWED1 + dco, k)], w[at(_lanes.OWED_EDGE1 + dco, k)] = owed, owed_edge
    w[at(_lanes.CUT1 + dco, k)] = cut

    awaited = sync & (leader < 0)
    ahead = HALF * smoothed_leader * jump if awaited else ZERO
    from_edge = np.int32(phase - edge_at)
    behind = height if phase >= 0 else ONE
    at_zero = ZERO if awaited & (phase < 0) & (at_reset < ZERO) else behind
    at_edge = ZERO if awaited & (from_edge < 0) & (edge_at_reset < ZERO) else ONE
    wave = wa * sawtooth(phase, at_zero * smoothing(phase, near, far))
    wave = fma(wb, sawtooth(from_edge, at_edge * smoothing(from_edge, near, far)), wave)
    rest = owed * smoothing((cut + way) * CYCLES, near, far)
    rest = fma(owed_edge, smoothing((wrap(cut - width) + way) * CYCLES, near, far), rest)
    return wave + ahead + (rest if sync & (leader >= 0) & (smoothed_leader > ZERO) else ZERO)


@inline
def _bend(w: Any, k: Any, dco: int) -> Any:
    """Step in cycles and integer increment of an oscillator (0 or 1), bent by the other's last sample.

    Only the deviation goes through floating point: with none, the phase stays exact.
    """
    by = w[at(_lanes.STATE + _lanes.FM21 - dco, k)]
    step = w[at(_lanes.STEP1 + dco, k)]
    bent = min(step * max(fma(by, w[at(_lanes.LAST2 - dco, k)], ONE), _LOWEST_BEND), _HIGHEST_STEP)
    increment = as_int(w[at(_lanes.INCREMENT1 + dco, k)])
    return bent, np.int32(increment + np.int32((bent - step) * CYCLES))


@inline
def _move(w: Any, k: Any, dco: int, increment: Any) -> Any:
    """Advance the phase of an oscillator (0 or 1)."""
    phase = np.int32(as_int(w[at(_lanes.PHASE1 + dco, k)]) + increment)
    w[at(_lanes.PHASE1 + dco, k)] = as_bits(phase)
    return phase


@inline
def _wave(w: Any, k: Any, dco: int, phase: Any, near: Any, far: Any) -> Any:
    """One sample of an oscillator (0 or 1): two sawtooths, a pulse's width apart, weighted."""
    from_edge = np.int32(phase - as_int(w[at(_lanes.EDGE_AT1 + dco, k)]))
    wave = w[at(_lanes.WA1 + 2 * dco, k)] * sawtooth(phase, smoothing(phase, near, far))
    edge = sawtooth(from_edge, smoothing(from_edge, near, far))
    return fma(w[at(_lanes.WB1 + 2 * dco, k)], edge, wave)

"""The two oscillators of a voice, one sample at a time, in four variants.

* `plain`: on their own.
* `bent`: each may bend the other's frequency (x-mod).
* `synced`: besides, the first may reset the second (sync).
* `mutual`: besides, the second may reset the first.

Each variant gives the samples of those before it, to the bit, where a voice needs no more: so voices are
sorted by what their tone needs, and left-over lanes of a dearer variant are filled with cheaper voices. Each
takes the lane array and a lane, moves the phases, and returns the two waves.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simulator.synth import _lanes
from simulator.synth._compiling import inline
from simulator.synth._intrinsics import fma
from simulator.synth._lanes import at
from simulator.synth._waves import (
    CYCLE,
    CYCLES,
    HALF,
    ONE,
    ZERO,
    F,
    as_bits,
    as_int,
    ramp,
    sawtooth,
    slopes,
    smoothing,
    wrap,
)

_LOWEST_BEND, _HIGHEST_STEP = F(0.05), F(0.49)


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

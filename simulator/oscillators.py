"""The two DCOs of a voice, one sample at a time, in three variants.

* `plain`: they know nothing of each other.
* `modulated`: each bends the other's frequency (x-mod).
* `coupled`: besides, each may reset the other (sync).

A variant that can do less costs less; voices are sorted by what their tone needs. Each takes the lane
array and a lane, moves the phases, and returns the two waves.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simulator.lanes import (
    EDGE_AT1,
    EDGE_AT2,
    FM12,
    FM21,
    HEIGHT1,
    HEIGHT2,
    INCREMENT1,
    INCREMENT2,
    INVERSE1,
    INVERSE2,
    LAST1,
    LAST2,
    PHASE1,
    PHASE2,
    START1,
    START2,
    STATE,
    STEP1,
    STEP2,
    SYNC12,
    SYNC21,
    WA1,
    WA2,
    WB1,
    WB2,
    WIDTH1,
    WIDTH2,
    at,
    inline,
)  # fmt: skip
from simulator.waves import ONE, TWO, ZERO, F, as_bits, as_int, coupled_sample, ramp_wave, sawtooth, wrap

_CYCLE, _CYCLES = F(2.0**-32), F(2.0**32)
_LOWEST_FM, _HIGHEST_STEP = F(0.05), F(0.49)
_FAR = F(1e6)


@inline
def plain(w: Any, k: Any) -> Any:
    """Both waves, from the increments of the tick."""
    phase1 = np.int32(as_int(w[at(PHASE1, k)]) + as_int(w[at(INCREMENT1, k)]))
    phase2 = np.int32(as_int(w[at(PHASE2, k)]) + as_int(w[at(INCREMENT2, k)]))
    w[at(PHASE1, k)], w[at(PHASE2, k)] = as_bits(phase1), as_bits(phase2)
    return _wave1(w, k, phase1, w[at(INVERSE1, k)]), _wave2(w, k, phase2, w[at(INVERSE2, k)])


@inline
def modulated(w: Any, k: Any) -> Any:
    """Both waves, their frequencies bent by what the other one was a sample ago."""
    step1, inc1 = _bent(w[at(STEP1, k)], w[at(INCREMENT1, k)], w[at(STATE + FM21, k)] * w[at(LAST2, k)])
    step2, inc2 = _bent(w[at(STEP2, k)], w[at(INCREMENT2, k)], w[at(STATE + FM12, k)] * w[at(LAST1, k)])
    phase1 = np.int32(as_int(w[at(PHASE1, k)]) + inc1)
    phase2 = np.int32(as_int(w[at(PHASE2, k)]) + inc2)
    w[at(PHASE1, k)], w[at(PHASE2, k)] = as_bits(phase1), as_bits(phase2)
    dco1, dco2 = _wave1(w, k, phase1, ONE / step1), _wave2(w, k, phase2, ONE / step2)
    w[at(LAST1, k)], w[at(LAST2, k)] = dco1, dco2
    return dco1, dco2


@inline
def coupled(w: Any, k: Any) -> Any:
    """Both waves, with resets at the exact fraction of a sample and the steps they cause smoothed."""
    step1, inc1 = _bent(w[at(STEP1, k)], w[at(INCREMENT1, k)], w[at(STATE + FM21, k)] * w[at(LAST2, k)])
    step2, inc2 = _bent(w[at(STEP2, k)], w[at(INCREMENT2, k)], w[at(STATE + FM12, k)] * w[at(LAST1, k)])
    width1, width2 = w[at(STATE + WIDTH1, k)], w[at(STATE + WIDTH2, k)]
    wa1, wb1 = w[at(WA1, k)], w[at(WB1, k)]
    wa2, wb2 = w[at(WA2, k)], w[at(WB2, k)]
    sync12, sync21 = w[at(STATE + SYNC12, k)], w[at(STATE + SYNC21, k)]
    inverse1, inverse2 = ONE / step1, ONE / step2
    old1, old2 = as_int(w[at(PHASE1, k)]), as_int(w[at(PHASE2, k)])
    phase1, phase2 = np.int32(old1 + inc1), np.int32(old2 + inc2)
    wrapped1 = F((old1 < 0) & (phase1 >= 0))
    wrapped2 = F((old2 < 0) & (phase2 >= 0))
    f1, f2 = F(phase1) * _CYCLE, F(phase2) * _CYCLE
    since1, since2 = f1 * inverse1, f2 * inverse2
    reset1, reset2 = sync21 * wrapped2, sync12 * wrapped1
    cut1, cut2 = wrap(f1 - step1 * since2), wrap(f2 - step2 * since1)
    start1, start2 = w[at(START1, k)], w[at(START2, k)]
    jump1 = start1 - (wa1 * ramp_wave(cut1) + wb1 * ramp_wave(wrap(cut1 - width1)))
    jump2 = start2 - (wa2 * ramp_wave(cut2) + wb2 * ramp_wave(wrap(cut2 - width2)))
    height1, height2 = w[at(HEIGHT1, k)], w[at(HEIGHT2, k)]
    height1 = height1 + wrapped1 * (-TWO * wa1 - height1)
    height2 = height2 + wrapped2 * (-TWO * wa2 - height2)
    height1 = height1 + reset1 * (jump1 - height1)
    height2 = height2 + reset2 * (jump2 - height2)
    w[at(HEIGHT1, k)], w[at(HEIGHT2, k)] = height1, height2
    to1 = abs(since1) + F(since1 >= ZERO) * _FAR
    to2 = abs(since2) + F(since2 >= ZERO) * _FAR
    restart1, restart2 = step1 * since2, step2 * since1
    phase1 = np.int32(phase1 + np.int32(reset1) * (np.int32(restart1 * _CYCLES) - phase1))
    phase2 = np.int32(phase2 + np.int32(reset2) * (np.int32(restart2 * _CYCLES) - phase2))
    f1, f2 = F(phase1) * _CYCLE, F(phase2) * _CYCLE
    g1 = F(np.int32(phase1 - as_int(w[at(EDGE_AT1, k)]))) * _CYCLE
    g2 = F(np.int32(phase2 - as_int(w[at(EDGE_AT2, k)]))) * _CYCLE
    dco1 = coupled_sample(f1, g1, width1, step1, inverse1, height1, wa1, wb1, start1, to2, sync21)
    dco2 = coupled_sample(f2, g2, width2, step2, inverse2, height2, wa2, wb2, start2, to1, sync12)
    w[at(LAST1, k)], w[at(LAST2, k)] = dco1, dco2
    w[at(PHASE1, k)], w[at(PHASE2, k)] = as_bits(phase1), as_bits(phase2)
    return dco1, dco2


@inline
def _bent(step: Any, increment: Any, by: Any) -> Any:
    """A step in cycles and its integer increment, times one plus ``by``.

    Only the deviation goes through floating point: with none, the phase stays exact.
    """
    bent = min(step * max(ONE + by, _LOWEST_FM), _HIGHEST_STEP)
    return bent, np.int32(as_int(increment) + np.int32((bent - step) * _CYCLES))


@inline
def _wave1(w: Any, k: Any, phase: Any, inverse: Any) -> Any:
    from_edge = np.int32(phase - as_int(w[at(EDGE_AT1, k)]))
    wave = w[at(WA1, k)] * sawtooth(F(phase) * _CYCLE, inverse)
    return wave + w[at(WB1, k)] * sawtooth(F(from_edge) * _CYCLE, inverse)


@inline
def _wave2(w: Any, k: Any, phase: Any, inverse: Any) -> Any:
    from_edge = np.int32(phase - as_int(w[at(EDGE_AT2, k)]))
    wave = w[at(WA2, k)] * sawtooth(F(phase) * _CYCLE, inverse)
    return wave + w[at(WB2, k)] * sawtooth(F(from_edge) * _CYCLE, inverse)

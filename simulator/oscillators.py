"""The two DCOs of a voice, one sample at a time, in two variants.

* `unsynced`: each may bend the other's frequency (x-mod).
* `synced`: besides, each may reset the other, which costs almost twice as much.

Voices are sorted by what their tone needs. Each variant takes the lane array and a lane, moves the phases,
and returns the two waves.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simulator import lanes
from simulator.lanes import at, inline
from simulator.waves import (
    FAR,
    NEAR,
    ONE,
    TWO,
    ZERO,
    F,
    as_bits,
    as_int,
    ramp_wave,
    sawtooth,
    synced_sample,
    wrap,
)

_CYCLE, _CYCLES = F(2.0**-32), F(2.0**32)
_LOWEST_FM, _HIGHEST_STEP = F(0.05), F(0.49)
_FAR = F(1e6)


@inline
def unsynced(w: Any, k: Any) -> Any:
    """Both waves, their frequencies bent by what the other one was a sample ago, if at all."""
    step1, inc1 = _bent(w, k, 0, w[at(lanes.STATE + lanes.FM21, k)] * w[at(lanes.LAST2, k)])
    step2, inc2 = _bent(w, k, 1, w[at(lanes.STATE + lanes.FM12, k)] * w[at(lanes.LAST1, k)])
    phase1 = np.int32(as_int(w[at(lanes.PHASE1, k)]) + inc1)
    phase2 = np.int32(as_int(w[at(lanes.PHASE2, k)]) + inc2)
    w[at(lanes.PHASE1, k)], w[at(lanes.PHASE2, k)] = as_bits(phase1), as_bits(phase2)
    inverse1, inverse2 = _CYCLE / step1, _CYCLE / step2
    dco1 = _wave(w, k, 0, phase1, NEAR * inverse1, FAR * inverse1)
    dco2 = _wave(w, k, 1, phase2, NEAR * inverse2, FAR * inverse2)
    w[at(lanes.LAST1, k)], w[at(lanes.LAST2, k)] = dco1, dco2
    return dco1, dco2


@inline
def synced(w: Any, k: Any) -> Any:
    """Both waves, with resets at the exact fraction of a sample and the steps they cause smoothed."""
    step1, inc1 = _bent(w, k, 0, w[at(lanes.STATE + lanes.FM21, k)] * w[at(lanes.LAST2, k)])
    step2, inc2 = _bent(w, k, 1, w[at(lanes.STATE + lanes.FM12, k)] * w[at(lanes.LAST1, k)])
    width1, width2 = w[at(lanes.STATE + lanes.WIDTH1, k)], w[at(lanes.STATE + lanes.WIDTH2, k)]
    wa1, wb1 = w[at(lanes.WA1, k)], w[at(lanes.WB1, k)]
    wa2, wb2 = w[at(lanes.WA2, k)], w[at(lanes.WB2, k)]
    sync12, sync21 = w[at(lanes.STATE + lanes.SYNC12, k)], w[at(lanes.STATE + lanes.SYNC21, k)]
    inverse1, inverse2 = ONE / step1, ONE / step2
    old1, old2 = as_int(w[at(lanes.PHASE1, k)]), as_int(w[at(lanes.PHASE2, k)])
    phase1, phase2 = np.int32(old1 + inc1), np.int32(old2 + inc2)
    wrapped1 = F((old1 < 0) & (phase1 >= 0))
    wrapped2 = F((old2 < 0) & (phase2 >= 0))
    f1, f2 = F(phase1) * _CYCLE, F(phase2) * _CYCLE
    since1, since2 = f1 * inverse1, f2 * inverse2
    reset1, reset2 = sync21 * wrapped2, sync12 * wrapped1
    cut1, cut2 = wrap(f1 - step1 * since2), wrap(f2 - step2 * since1)
    start1, start2 = w[at(lanes.START1, k)], w[at(lanes.START2, k)]
    jump1 = start1 - (wa1 * ramp_wave(cut1) + wb1 * ramp_wave(wrap(cut1 - width1)))
    jump2 = start2 - (wa2 * ramp_wave(cut2) + wb2 * ramp_wave(wrap(cut2 - width2)))
    height1, height2 = w[at(lanes.HEIGHT1, k)], w[at(lanes.HEIGHT2, k)]
    height1 = height1 + wrapped1 * (-TWO * wa1 - height1)
    height2 = height2 + wrapped2 * (-TWO * wa2 - height2)
    height1 = height1 + reset1 * (jump1 - height1)
    height2 = height2 + reset2 * (jump2 - height2)
    w[at(lanes.HEIGHT1, k)], w[at(lanes.HEIGHT2, k)] = height1, height2
    to1 = abs(since1) + F(since1 >= ZERO) * _FAR
    to2 = abs(since2) + F(since2 >= ZERO) * _FAR
    restart1, restart2 = step1 * since2, step2 * since1
    phase1 = np.int32(phase1 + np.int32(reset1) * (np.int32(restart1 * _CYCLES) - phase1))
    phase2 = np.int32(phase2 + np.int32(reset2) * (np.int32(restart2 * _CYCLES) - phase2))
    f1, f2 = F(phase1) * _CYCLE, F(phase2) * _CYCLE
    g1 = F(np.int32(phase1 - as_int(w[at(lanes.EDGE_AT1, k)]))) * _CYCLE
    g2 = F(np.int32(phase2 - as_int(w[at(lanes.EDGE_AT2, k)]))) * _CYCLE
    dco1 = synced_sample(f1, g1, width1, step1, inverse1, height1, wa1, wb1, start1, to2, sync21)
    dco2 = synced_sample(f2, g2, width2, step2, inverse2, height2, wa2, wb2, start2, to1, sync12)
    w[at(lanes.LAST1, k)], w[at(lanes.LAST2, k)] = dco1, dco2
    w[at(lanes.PHASE1, k)], w[at(lanes.PHASE2, k)] = as_bits(phase1), as_bits(phase2)
    return dco1, dco2


@inline
def _bent(w: Any, k: Any, dco: int, by: Any) -> Any:
    """Step in cycles and integer increment of DCO ``dco`` (0 or 1), times one plus ``by``.

    Only the deviation goes through floating point: with none, the phase stays exact.
    """
    step = w[at(lanes.STEP1 + dco, k)]
    bent = min(step * max(ONE + by, _LOWEST_FM), _HIGHEST_STEP)
    return bent, np.int32(as_int(w[at(lanes.INCREMENT1 + dco, k)]) + np.int32((bent - step) * _CYCLES))


@inline
def _wave(w: Any, k: Any, dco: int, phase: Any, near: Any, far: Any) -> Any:
    """One sample of DCO ``dco`` (0 or 1): two sawtooths, a pulse's width apart, weighted."""
    from_edge = np.int32(phase - as_int(w[at(lanes.EDGE_AT1 + dco, k)]))
    wave = w[at(lanes.WA1 + 2 * dco, k)] * sawtooth(phase, near, far)
    return wave + w[at(lanes.WB1 + 2 * dco, k)] * sawtooth(from_edge, near, far)

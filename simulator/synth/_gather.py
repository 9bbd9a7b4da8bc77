"""Between voices and lanes: what the kernel takes in before, at each tick, and puts back after.

A voice in which DCO-2 resets DCO-1, and not the reverse, is taken in the other way round with everything
that belongs to its oscillators: so resets go from the first to the second.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from simulator import lanes
from simulator.lanes import at, inline
from simulator.waves import CYCLE, ONE, TWO, ZERO, F, as_bits, as_int, slopes

_NOISE_SCALE = 2.0**-31
_NOISE_RATE = 44100.0
_SMALLEST = F(1e-30)
# State that a voice has for each oscillator: the slot of the first, the second's follows.
_PAIRS = (
    lanes.HEIGHT1, lanes.CUT1, lanes.OWED1, lanes.OWED_EDGE1, lanes.LAST1, lanes.PREVIOUS + lanes.MIX1,
)  # fmt: skip


@inline
def _turned(constants: Any, voice: int) -> int:
    """1 for a voice that is taken in the other way round, else 0."""
    return 1 if constants[voice, lanes.SYNC21] > constants[voice, lanes.SYNC12] else 0


@inline
def load(
    w: Any, k: Any, voice: Any, constants: Any, seeds: Any, phases: Any, state: Any, rate: float
) -> None:
    """A voice's constants and state."""
    turned = _turned(constants, voice)
    # Noise has the same power in each Hz at every sample rate.
    noise = F(_NOISE_SCALE * math.sqrt(rate / _NOISE_RATE))
    for slot in range(lanes.STATE):
        w[at(slot, k)] = state[voice, slot]
    for slot in range(lanes.CONSTANTS):
        w[at(lanes.STATE + slot, k)] = constants[voice, slot]
    for dco in range(2):
        own = dco ^ turned
        for pair in _PAIRS:
            w[at(pair + dco, k)] = state[voice, pair + own]
        saw, edge = constants[voice, lanes.SAW1 + 4 * own], constants[voice, lanes.EDGE1 + 4 * own]
        width = constants[voice, lanes.WIDTH1 + 4 * own]
        w[at(lanes.WA1 + 2 * dco, k)] = saw - edge
        w[at(lanes.WB1 + 2 * dco, k)] = edge
        w[at(lanes.STATE + lanes.WIDTH1 + 4 * dco, k)] = width
        w[at(lanes.STATE + lanes.NOISE1 + 4 * dco, k)] = constants[voice, lanes.NOISE1 + 4 * own] * noise
        w[at(lanes.STATE + lanes.SYNC12 + dco, k)] = constants[voice, lanes.SYNC12 + own]
        w[at(lanes.STATE + lanes.FM12 + dco, k)] = constants[voice, lanes.FM12 + own]
        w[at(lanes.PHASE1 + dco, k)] = as_bits(phases[voice, own])
        w[at(lanes.EDGE_AT1 + dco, k)] = as_bits(np.int32(np.int64(width * 2.0**32)))
        # Value just after phase zero, where a reset lands.
        w[at(lanes.START1 + dco, k)] = edge - saw + edge * (ONE - TWO * width)
        if constants[voice, lanes.SYNC21 - own] == ZERO:
            w[at(lanes.HEIGHT1 + dco, k)] = ONE
    w[at(lanes.SEED, k)] = as_bits(seeds[voice])
    g = math.tan(math.pi * constants[voice, lanes.HPF_HZ] / rate)
    w[at(lanes.HIGH_PASS, k)] = F(g / (1 + g))
    w[at(lanes.SIGNAL, k)] = ZERO
    w[at(lanes.TURNED, k)] = F(turned)


@inline
def store(w: Any, k: Any, voice: Any, constants: Any, phases: Any, state: Any) -> None:
    """Put back what a voice remembers."""
    turned = _turned(constants, voice)
    for slot in range(lanes.STATE):
        state[voice, slot] = w[at(slot, k)]
    for dco in range(2):
        own = dco ^ turned
        for pair in _PAIRS:
            state[voice, pair + own] = w[at(pair + dco, k)]
        phases[voice, own] = as_int(w[at(lanes.PHASE1 + dco, k)])


@inline
def set_tick(w: Any, k: Any, voice: Any, increments: Any, levels: Any, tick: int) -> None:
    """Take over one tick's control frame: increments at once, levels as the way still to go."""
    turned = np.int64(w[at(lanes.TURNED, k)])
    for dco in range(2):
        own = dco ^ turned
        increment = increments[own, voice, tick]
        step = F(increment) * CYCLE
        w[at(lanes.INCREMENT1 + dco, k)], w[at(lanes.STEP1 + dco, k)] = as_bits(increment), step
        near, far = slopes(step)
        w[at(lanes.NEAR1 + 2 * dco, k)], w[at(lanes.FAR1 + 2 * dco, k)] = near, far
        mix = lanes.MIX1 + dco
        w[at(lanes.TARGET + mix, k)] = levels[lanes.MIX1 + own, voice, tick] - w[at(lanes.PREVIOUS + mix, k)]
    for row in (lanes.CUTOFF, lanes.GAIN):
        w[at(lanes.TARGET + row, k)] = levels[row, voice, tick] - w[at(lanes.PREVIOUS + row, k)]


@inline
def end_tick(w: Any, k: Any) -> None:
    """The voltages have arrived. A filter that has died down is set to rest: numbers under float32's normal
    range cost a processor many times the work, and rounding would keep them there for good."""
    for row in range(lanes.LEVELS):
        w[at(lanes.PREVIOUS + row, k)] += w[at(lanes.TARGET + row, k)]
    for slot in range(lanes.A_BAND, lanes.HIGH + 1):
        w[at(slot, k)] = ZERO if abs(w[at(slot, k)]) < _SMALLEST else w[at(slot, k)]

"""Between voices and lanes: what the kernel takes in before, at each tick, and puts back after.

A voice in which DCO-2 resets DCO-1, and not the reverse, is taken in the other way round with everything
that belongs to its oscillators: so resets go from the first to the second.

Between lines of samples in memory and the kernels' [samples, lanes]: whole blocks are turned at once.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from simulator.synth import _lanes
from simulator.synth._compiling import full_width, inline
from simulator.synth._lanes import (
    BLOCK,
    LANES,
    at,
    move_block,
    stream_block,
    transpose,
)
from simulator.synth._oscillators import CYCLE, ONE, TWO, ZERO, F, as_bits, as_int, slopes

_NOISE_SCALE = 2.0**-31
_NOISE_RATE = 44100.0
_SMALLEST = F(1e-30)
# State that a voice has for each oscillator: the slot of the first, the second's follows.
_PAIRS = (
    _lanes.HEIGHT1, _lanes.CUT1, _lanes.OWED1, _lanes.OWED_EDGE1, _lanes.LAST1, _lanes.PREVIOUS + _lanes.MIX1,
)  # fmt: skip


@inline
def _turned(constants: Any, voice: int) -> int:
    """1 for a voice that is taken in the other way round, else 0."""
    return 1 if constants[voice, _lanes.SYNC21] > constants[voice, _lanes.SYNC12] else 0


@inline
def load(
    w: Any, k: Any, voice: Any, constants: Any, seeds: Any, phases: Any, state: Any, rate: float
) -> None:
    """A voice's constants and state."""
    turned = _turned(constants, voice)
    # Noise has the same power in each Hz at every sample rate.
    noise = F(_NOISE_SCALE * math.sqrt(rate / _NOISE_RATE))
    for slot in range(_lanes.STATE):
        w[at(slot, k)] = state[voice, slot]
    for slot in range(_lanes.CONSTANTS):
        w[at(_lanes.STATE + slot, k)] = constants[voice, slot]
    for dco in range(2):
        own = dco ^ turned
        for pair in _PAIRS:
            w[at(pair + dco, k)] = state[voice, pair + own]
        saw, edge = constants[voice, _lanes.SAW1 + 4 * own], constants[voice, _lanes.EDGE1 + 4 * own]
        width = constants[voice, _lanes.WIDTH1 + 4 * own]
        w[at(_lanes.WA1 + 2 * dco, k)] = saw - edge
        w[at(_lanes.WB1 + 2 * dco, k)] = edge
        w[at(_lanes.STATE + _lanes.WIDTH1 + 4 * dco, k)] = width
        w[at(_lanes.STATE + _lanes.NOISE1 + 4 * dco, k)] = constants[voice, _lanes.NOISE1 + 4 * own] * noise
        w[at(_lanes.STATE + _lanes.SYNC12 + dco, k)] = constants[voice, _lanes.SYNC12 + own]
        w[at(_lanes.STATE + _lanes.FM12 + dco, k)] = constants[voice, _lanes.FM12 + own]
        w[at(_lanes.PHASE1 + dco, k)] = as_bits(phases[voice, own])
        w[at(_lanes.EDGE_AT1 + dco, k)] = as_bits(np.int32(np.int64(width * 2.0**32)))
        # Value just after phase zero, where a reset lands.
        w[at(_lanes.START1 + dco, k)] = edge - saw + edge * (ONE - TWO * width)
        if constants[voice, _lanes.SYNC21 - own] == ZERO:
            w[at(_lanes.HEIGHT1 + dco, k)] = ONE
    w[at(_lanes.SEED, k)] = as_bits(seeds[voice])
    g = math.tan(math.pi * constants[voice, _lanes.HPF_HZ] / rate)
    w[at(_lanes.HIGH_PASS, k)] = F(g / (1 + g))
    w[at(_lanes.SIGNAL, k)] = ZERO
    w[at(_lanes.TURNED, k)] = F(turned)


@inline
def store(w: Any, k: Any, voice: Any, constants: Any, phases: Any, state: Any) -> None:
    """Put back what a voice remembers."""
    turned = _turned(constants, voice)
    for slot in range(_lanes.STATE):
        state[voice, slot] = w[at(slot, k)]
    for dco in range(2):
        own = dco ^ turned
        for pair in _PAIRS:
            state[voice, pair + own] = w[at(pair + dco, k)]
        phases[voice, own] = as_int(w[at(_lanes.PHASE1 + dco, k)])


@inline
def set_tick(w: Any, k: Any, voice: Any, increments: Any, levels: Any, tick: int) -> None:
    """Take over one tick's control frame: increments at once, levels as the way still to go."""
    turned = np.int64(w[at(_lanes.TURNED, k)])
    for dco in range(2):
        own = dco ^ turned
        increment = increments[own, voice, tick]
        step = F(increment) * CYCLE
        w[at(_lanes.INCREMENT1 + dco, k)], w[at(_lanes.STEP1 + dco, k)] = as_bits(increment), step
        near, far = slopes(step)
        w[at(_lanes.NEAR1 + 2 * dco, k)], w[at(_lanes.FAR1 + 2 * dco, k)] = near, far
        mix = _lanes.MIX1 + dco
        w[at(_lanes.TARGET + mix, k)] = (
            levels[_lanes.MIX1 + own, voice, tick] - w[at(_lanes.PREVIOUS + mix, k)]
        )
    for row in (_lanes.CUTOFF, _lanes.GAIN):
        w[at(_lanes.TARGET + row, k)] = levels[row, voice, tick] - w[at(_lanes.PREVIOUS + row, k)]


@inline
def end_tick(w: Any, k: Any) -> None:
    """The voltages have arrived. A filter that has died down is set to rest: numbers under float32's normal
    range cost a processor many times the work, and rounding would keep them there for good."""
    for row in range(_lanes.LEVELS):
        w[at(_lanes.PREVIOUS + row, k)] += w[at(_lanes.TARGET + row, k)]
    for slot in range(_lanes.A_BAND, _lanes.HIGH + 1):
        w[at(slot, k)] = ZERO if abs(w[at(slot, k)]) < _SMALLEST else w[at(slot, k)]


LINE = 64
"""Bytes of a cache line."""
PAST_CACHE = 1 << 21
"""Outputs of this many samples fit into no cache: they are written to memory directly, which spares reading
each line first."""


@inline
def aligned(size: int) -> Any:
    """Zeros that start at a cache line."""
    memory = np.zeros(size + LINE // 4, np.float32)
    skip = (-memory.ctypes.data % LINE) // 4
    return memory[skip : skip + size]


@inline
def gather(dry: Any, source: Any, starts: Any, samples: int) -> None:
    """Lines of the flat source, from each lane's start on, into [samples, lanes]."""
    full_width()
    for s in range(0, samples, BLOCK):
        last = min(samples - s, BLOCK)
        for lane in range(0, LANES, BLOCK):
            for k in range(BLOCK):
                start, to = starts[lane + k] + s, (s + k) * LANES + lane
                if starts[lane + k] < 0:
                    dry[to : to + BLOCK] = ZERO
                elif last < BLOCK:
                    dry[to : to + last] = source[start : start + last]
                else:
                    move_block(dry, to, source, start)
            transpose(dry, s * LANES + lane)


@inline
def scatter(out: Any, starts: Any, samples: int, signals: Any, past_cache: bool) -> None:
    """The opposite: [samples, lanes], which is turned in place, into lines of the flat output."""
    full_width()
    for s in range(0, samples, BLOCK):
        last = min(samples - s, BLOCK)
        for lane in range(0, LANES, BLOCK):
            transpose(signals, s * LANES + lane)
            for k in range(BLOCK):
                start, turned = starts[lane + k] + s, (s + k) * LANES + lane
                if starts[lane + k] >= 0:
                    if last < BLOCK:
                        out[start : start + last] = signals[turned : turned + last]
                    elif past_cache:
                        stream_block(out, start, signals, turned)
                    else:
                        move_block(out, start, signals, turned)

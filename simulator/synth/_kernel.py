"""The audio-rate loop: control frames in, samples out, `LANES` voices side by side.

A voice is two band-limited DCOs, noise, mixer, low-pass VCF of two or four poles, one-pole HPF and
VCA. `run` carries `LANES` voices through time together: the innermost loops run over lanes, hold no
branch, and touch one small array, so that LLVM turns them into vector code. Every voice is computed by
the same instructions wherever it lies, so its samples do not depend on the batch, its place in it, the
number of threads or the block size. Every multiply-add is written out, so that none is left to the compiler.

**Two stages.** A stretch of samples goes through the oscillators, and then through the filters. In one
loop, each sample would wait for the last one's whole way through the voice; in two short loops the
processor works on several samples at once.

**Voices and lanes.** A voice's constants and state are taken into its lane before (`load`) and its state is
put back after (`store`); control frames come in at each tick (`set_tick`, `end_tick`). A voice in which DCO-2
resets DCO-1, and not the reverse, is taken in the other way round with everything that belongs to its
oscillators: so resets go from the first to the second.

**Oscillators** are in `simulator.synth._oscillators`. The phase is a 32-bit integer that wraps by itself, so
a frequency is exact to ``sample_rate / 2**32``. The smoothing of their steps droops by 3 dB at 10 kHz; a
symmetric three-point filter behind the mixer takes that out. **Filters** are in `simulator.synth._filters`;
their coefficients follow the control voltage every `CHUNK` samples.

**Control voltages** move from the previous tick's value to the new one along a straight line of
``slew`` samples, then hold; DCO dividers change at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import types
from numpy.typing import NDArray

from simulator.synth import _lanes, _oscillators
from simulator.synth._compiling import FAST, Cached, full_width, inline
from simulator.synth._filters import filtered, set_filters
from simulator.synth._lanes import (
    LINE,
    ONE,
    PAST_CACHE,
    TWO,
    ZERO,
    F,
    aligned,
    as_bits,
    as_int,
    at,
    fma,
    move_lanes,
    scatter,
)
from simulator.synth._oscillators import CYCLE, slopes, white

CHUNK = 16
"""Samples after which the filters' coefficients follow the cutoff while it moves (chosen)."""
LONGEST = 128
"""Samples that go through both stages at a time (chosen): they stay in the first cache."""
DROOP = F(0.2225)
"""Of the droop correction, gain 1 + 2c(1 - cos w): this c keeps the error against sinc**-4 under 0.19 dB from
0 to 10 kHz at 44.1 kHz."""

_DROOP_CENTRE = F(1 + 2 * 0.2225)
# What `white` gives, -2**31 to 2**31, to -1 to 1.
_NOISE_SCALE = 2.0**-31
# The sample rate, Hz, at which noise has an amplitude of 1.
_NOISE_RATE = 44100.0
# A filter's state below this is set to rest.
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


@inline
def mixed(w: Any, k: Any, dco1: Any, dco2: Any, way: Any, sample: Any) -> Any:
    """One sample behind the mixer; ``way`` is how far the control voltages have come, 0 to 1."""
    mix1 = fma(w[at(_lanes.TARGET + _lanes.MIX1, k)], way, w[at(_lanes.PREVIOUS + _lanes.MIX1, k)])
    mix2 = fma(w[at(_lanes.TARGET + _lanes.MIX2, k)], way, w[at(_lanes.PREVIOUS + _lanes.MIX2, k)])
    wave = fma(mix2, dco2, mix1 * dco1)
    before1, before2 = w[at(_lanes.BEFORE1, k)], w[at(_lanes.BEFORE2, k)]
    w[at(_lanes.BEFORE1, k)], w[at(_lanes.BEFORE2, k)] = wave, before1
    hiss = fma(mix2, w[at(_lanes.STATE + _lanes.NOISE2, k)], mix1 * w[at(_lanes.STATE + _lanes.NOISE1, k)])
    signal = fma(-DROOP, wave + before2, _DROOP_CENTRE * before1)
    return fma(hiss, white(as_int(w[at(_lanes.SEED, k)]), sample), signal)


def _stage(dcos: Callable[..., Any]) -> Callable[..., None]:
    """The first stage, with one way to run the oscillators."""

    @inline
    def stage(w: Any, signals: Any, sample: int, offset: int, samples: int, inverse_slew: Any) -> None:
        full_width()
        for s in range(samples):
            way = min(F(offset + s + 1) * inverse_slew, ONE)
            for k in range(_lanes.LANES):
                dco1, dco2 = dcos(w, k)
                w[at(_lanes.SIGNAL, k)] = mixed(w, k, dco1, dco2, way, sample + s)
            move_lanes(signals, s * _lanes.LANES, w, _lanes.SIGNAL * _lanes.LANES)

    return stage


_plain = _stage(_oscillators.plain)
_bent = _stage(_oscillators.bent)
_synced = _stage(_oscillators.synced)
_mutual = _stage(_oscillators.mutual)


@inline
def _filter(w: Any, signals: Any, offset: int, samples: int, inverse_slew: Any) -> None:
    """The second stage, in place."""
    full_width()
    filter_at = F(-1)
    s = 0
    while s < samples:
        chunk = (offset + s) // CHUNK * CHUNK
        way = min(F(chunk + CHUNK // 2) * inverse_slew, ONE)
        # The cutoff moves from chunk to chunk until it has arrived; then it holds.
        end = min(chunk + CHUNK - offset, samples) if way < ONE else samples
        if way != filter_at:
            for k in range(_lanes.LANES):
                set_filters(w, k, way)
            filter_at = way
        while s < end:
            way = min(F(offset + s + 1) * inverse_slew, ONE)
            move_lanes(w, _lanes.SIGNAL * _lanes.LANES, signals, s * _lanes.LANES)
            for k in range(_lanes.LANES):
                w[at(_lanes.SIGNAL, k)] = filtered(w, k, way)
            move_lanes(signals, s * _lanes.LANES, w, _lanes.SIGNAL * _lanes.LANES)
            s += 1


def _loop(stage: Callable[..., None]) -> Any:
    """The loop over groups, ticks and stretches, with one first stage: see `run`."""

    @numba.njit(nogil=True, error_model="numpy", fastmath=FAST)
    def run(
        groups: Any, increments: Any, levels: Any, edges: Any, constants: Any, seeds: Any,
        phases: Any, state: Any, out: Any, rows: Any, begin: int, end: int, slew: float, rate: float,
    ) -> None:  # fmt: skip
        full_width()
        w = aligned(_lanes.SLOTS * _lanes.LANES)
        signals = aligned(LONGEST * _lanes.LANES)
        lines = np.empty(_lanes.LANES, np.int64)
        inverse_slew = F(1.0 / max(slew, 1.0))
        length = out.shape[1]
        flat = out.reshape(out.size)
        past_cache = out.size >= PAST_CACHE and (out.ctypes.data | length * 4) % LINE == 0
        for group in range(groups.shape[0]):
            voices = groups[group]
            for k in range(_lanes.LANES):
                load(w, k, max(voices[k], 0), constants, seeds, phases, state, rate)
                lines[k] = rows[voices[k]] * length if voices[k] >= 0 else -1
            now = begin
            tick = np.searchsorted(edges, begin, side="right") - 1
            while now < end:
                for k in range(_lanes.LANES):
                    set_tick(w, k, max(voices[k], 0), increments, levels, tick)
                tick_end = min(edges[tick + 1], end)
                while now < tick_end:
                    offset = now - edges[tick]
                    # Written in whole stretches, counted from the start, so that they meet cache lines.
                    filled = (now - begin) % LONGEST
                    samples = min(LONGEST - filled, tick_end - now)
                    part = signals[filled * _lanes.LANES :]
                    stage(w, part, now, offset, samples, inverse_slew)
                    _filter(w, part, offset, samples, inverse_slew)
                    now += samples
                    filled += samples
                    if filled == LONGEST or now == end:
                        scatter(flat, lines, filled, signals, past_cache)
                        for k in range(_lanes.LANES):
                            lines[k] += filled if lines[k] >= 0 else 0
                if now == edges[tick + 1]:
                    for k in range(_lanes.LANES):
                        end_tick(w, k)
                    tick += 1
            for k in range(_lanes.LANES):
                if voices[k] >= 0:
                    store(w, k, voices[k], constants, phases, state)

    return run


_ARGUMENTS = (
    types.int64[:, ::1], types.int32[:, :, ::1], types.float32[:, :, ::1], types.int64[::1],
    types.float32[:, ::1], types.int32[::1], types.int32[:, ::1], types.float32[:, ::1],
    types.float32[:, ::1], types.int64[::1], types.int64, types.int64, types.float64, types.float64,
)  # fmt: skip
# A function for each way, so that only those are compiled that the tones at hand need.
compiled = {
    _lanes.PLAIN: Cached(_loop(_plain), _ARGUMENTS, 5, "plain"),
    _lanes.BENT: Cached(_loop(_bent), _ARGUMENTS, 5, "bent"),
    _lanes.SYNCED: Cached(_loop(_synced), _ARGUMENTS, 6, "synced"),
    _lanes.MUTUAL: Cached(_loop(_mutual), _ARGUMENTS, 6, "mutual"),
}
"""The loop by kind."""


def run(
    groups: NDArray[np.int64],
    kind: int,
    increments: NDArray[np.int32],
    levels: NDArray[np.float32],
    edges: NDArray[np.int64],
    constants: NDArray[np.float32],
    seeds: NDArray[np.int32],
    phases: NDArray[np.int32],
    state: NDArray[np.float32],
    out: NDArray[np.float32],
    rows: NDArray[np.int64],
    begin: int,
    end: int,
    slew: float,
    rate: float,
) -> None:
    """Render samples ``begin`` to ``end`` of the voices in ``groups``.

    Shape:
        ``groups``: int64[G, LANES], voices that go through together; -1 fills up.
        ``increments``: int32[2, N, ticks], phase increment per DCO in cycles * 2**32 a sample.
        ``levels``: float32[4, N, ticks]: gain of mixer 1 and 2, tan(pi cutoff / rate), gain of the VCA.
        ``edges``: int64[ticks + 1], first sample of each tick, and the end of the last.
        ``constants``: float32[N, 16]; ``seeds``: int32[N], of the noise.
        ``phases``: int32[N, 2] and ``state``: float32[N, 21], read and written: a call continues
        where the last one stopped, in the middle of a tick if need be.
        ``out``: float32[any, samples], at least as many as are rendered; voice n is written to the beginning
        of row ``rows[n]``, an int64.

    ``slew`` is the time in samples that a control voltage takes to its new value; ``rate`` the sample
    rate in Hz. ``kind`` (`lanes.PLAIN` to `lanes.MUTUAL`) is how the oscillators of all
    voices in ``groups`` run.
    """
    compiled[kind](groups, increments, levels, edges, constants, seeds, phases, state, out, rows,
                   begin, end, slew, rate)  # fmt: skip

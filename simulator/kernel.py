"""The audio-rate loop: control frames in, samples out, sixteen voices side by side.

A voice is two band-limited DCOs, noise, mixer, low-pass VCF of two or four poles, one-pole HPF and
VCA. `run` carries sixteen voices (lanes) through time together: the innermost loop runs over lanes,
holds no branch, and touches one small array, so that LLVM turns it into vector code. Every voice is
computed by the same instructions wherever it lies, so its samples do not depend on the batch, its place
in it, the number of threads or the block size.

**Oscillators** are in `simulator.oscillators`. The phase is a 32-bit integer that wraps by itself, so a
frequency is exact to ``sample_rate / 2**32``. The smoothing of their steps droops by 3 dB at 10 kHz; a
symmetric three-point filter behind the mixer takes that out.

**VCF.** Trapezoidal two-pole sections: the bilinear transform of thesis eq. 4.7 with the cutoff
prewarped, stable under modulation. Coefficients follow the control voltage every `CHUNK` samples.

**Control voltages** move from the previous tick's value to the new one along a straight line of
``slew`` samples, then hold; DCO dividers change at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from simulator import lanes, oscillators
from simulator.lanes import FAST, at, inline
from simulator.waves import HALF, ONE, TWO, F, as_bits, as_int, white

CHUNK, LONGEST = 16, 128  # samples at a time, while the cutoff moves and when it holds
_LINE = 64  # bytes of a cache line
_CYCLE, _NOISE_SCALE = F(2.0**-32), F(2.0**-31)
# Droop correction: gain 1 + 2c(1 - cos w). This c keeps the error against sinc**-4 under 0.19 dB
# from 0 to 10 kHz at 44.1 kHz.
DROOP = F(0.2225)
_DROOP_CENTRE = F(1 + 2 * 0.2225)


@inline
def _section(w: Any, k: Any, band_slot: int, low_slot: int, first: int, signal: Any) -> Any:
    """One sample of a two-pole low-pass; ``first`` is the first of its three coefficients.

    The trapezoidal state-variable form. With a = 1 / (1 + g (g + 2 damping)), the coefficients are
    2 a - 1, 2 a g and 2 a g g, so that they move the states directly.
    """
    band, low = w[at(band_slot, k)], w[at(low_slot, k)]
    c1, c2, c3 = w[at(first, k)], w[at(first + 1, k)], w[at(first + 2, k)]
    error = signal - low
    change = c2 * band + c3 * error
    w[at(band_slot, k)] = c1 * band + c2 * error
    w[at(low_slot, k)] = low + change
    return low + HALF * change


@inline
def _voice(w: Any, k: Any, dco1: Any, dco2: Any, ramp: Any, counter: Any) -> Any:
    """One sample of one voice from its oscillators on: mixer, noise, VCF, HPF, VCA."""
    mix1 = w[at(lanes.PREVIOUS + lanes.MIX1, k)] + w[at(lanes.TARGET + lanes.MIX1, k)] * ramp
    mix2 = w[at(lanes.PREVIOUS + lanes.MIX2, k)] + w[at(lanes.TARGET + lanes.MIX2, k)] * ramp
    gain = w[at(lanes.PREVIOUS + lanes.GAIN, k)] + w[at(lanes.TARGET + lanes.GAIN, k)] * ramp
    wave = mix1 * dco1 + mix2 * dco2
    before1, before2 = w[at(lanes.BEFORE1, k)], w[at(lanes.BEFORE2, k)]
    w[at(lanes.BEFORE1, k)], w[at(lanes.BEFORE2, k)] = wave, before1
    noise = white(as_int(w[at(lanes.SEED, k)]), counter)
    hiss = mix1 * w[at(lanes.STATE + lanes.NOISE1, k)] + mix2 * w[at(lanes.STATE + lanes.NOISE2, k)]
    signal = _DROOP_CENTRE * before1 - DROOP * (wave + before2) + hiss * noise

    low_pass = _section(w, k, lanes.A_BAND, lanes.A_LOW, lanes.A1, signal)
    signal = signal + w[at(lanes.STATE + lanes.POLES4, k)] * (low_pass - signal)
    signal = _section(w, k, lanes.B_BAND, lanes.B_LOW, lanes.B1, signal)

    held = w[at(lanes.HIGH, k)]
    moved = (signal - held) * w[at(lanes.HIGH_PASS, k)]
    under = held + moved
    w[at(lanes.HIGH, k)] = under + moved
    return (signal - under) * gain


def _variant(dcos: Callable[..., Any]) -> Callable[..., None]:
    """The loop over one chunk of samples, with one way to run the oscillators."""

    @inline
    def chunk(w: Any, out: Any, sample: int, offset: int, samples: int, inverse_slew: Any) -> None:
        for s in range(samples):
            ramp = min(F(offset + s + 1) * inverse_slew, ONE)
            for k in range(lanes.LANES):
                dco1, dco2 = dcos(w, k)
                w[at(lanes.OUT, k)] = _voice(w, k, dco1, dco2, ramp, sample + s)
            for k in range(lanes.LANES):
                out[s * lanes.LANES + k] = w[at(lanes.OUT, k)]

    return chunk


_unsynced = _variant(oscillators.unsynced)
_synced = _variant(oscillators.synced)


@inline
def _set_filter(w: Any, ramp: Any) -> None:
    """Coefficients of both sections for the point of its way that the cutoff has reached."""
    for k in range(lanes.LANES):
        g = w[at(lanes.PREVIOUS + lanes.CUTOFF, k)] + w[at(lanes.TARGET + lanes.CUTOFF, k)] * ramp
        for section in range(2):
            damping = w[at(lanes.STATE + lanes.FIXED_DAMPING + section, k)]
            a = TWO / (ONE + g * (g + TWO * damping))
            first = lanes.A1 + 3 * section
            w[at(first, k)], w[at(first + 1, k)], w[at(first + 2, k)] = a - ONE, a * g, a * g * g


@inline
def _set_tick(w: Any, voices: Any, increments: Any, levels: Any, tick: int) -> None:
    """Take over one tick's control frame: increments at once, levels as the way still to go."""
    for k in range(lanes.LANES):
        voice = max(voices[k], 0)
        for dco in range(2):
            increment = increments[dco, voice, tick]
            w[at(lanes.INCREMENT1 + dco, k)] = as_bits(increment)
            w[at(lanes.STEP1 + dco, k)] = F(increment) * _CYCLE
        for row in range(lanes.LEVELS):
            w[at(lanes.TARGET + row, k)] = levels[row, voice, tick] - w[at(lanes.PREVIOUS + row, k)]


@inline
def _load(w: Any, voices: Any, constants: Any, seeds: Any, phases: Any, state: Any, rate: float) -> None:
    """Gather one group's constants and state into the lane arrays."""
    for k in range(lanes.LANES):
        voice = max(voices[k], 0)
        for slot in range(lanes.STATE):
            w[slot * lanes.LANES + k] = state[voice, slot]
        for slot in range(lanes.CONSTANTS):
            w[at(lanes.STATE + slot, k)] = constants[voice, slot]
        for dco in range(2):
            saw, edge = constants[voice, lanes.SAW1 + 4 * dco], constants[voice, lanes.EDGE1 + 4 * dco]
            width = constants[voice, lanes.WIDTH1 + 4 * dco]
            w[at(lanes.WA1 + 2 * dco, k)] = saw - edge
            w[at(lanes.WB1 + 2 * dco, k)] = edge
            w[at(lanes.STATE + lanes.NOISE1 + 4 * dco, k)] *= _NOISE_SCALE
            # Value just after phase zero, where a reset lands.
            w[at(lanes.START1 + dco, k)] = edge - saw + edge * (ONE - TWO * width)
            w[at(lanes.PHASE1 + dco, k)] = as_bits(phases[voice, dco])
            w[at(lanes.EDGE_AT1 + dco, k)] = as_bits(np.int32(np.int64(width * 2.0**32)))
        w[at(lanes.SEED, k)] = as_bits(seeds[voice])
        g = math.tan(math.pi * constants[voice, lanes.HPF_HZ] / rate)
        w[at(lanes.HIGH_PASS, k)] = F(g / (1 + g))


@inline
def _store(w: Any, voices: Any, phases: Any, state: Any) -> None:
    for k in range(lanes.LANES):
        voice = voices[k]
        if voice >= 0:
            for slot in range(lanes.STATE):
                state[voice, slot] = w[slot * lanes.LANES + k]
            phases[voice, 0] = as_int(w[at(lanes.PHASE1, k)])
            phases[voice, 1] = as_int(w[at(lanes.PHASE2, k)])


@inline
def _aligned(size: int) -> Any:
    """Zeros that start at a cache line: a vector of sixteen floats that straddles two costs double."""
    memory = np.zeros(size + _LINE // 4, np.float32)
    skip = (-memory.ctypes.data % _LINE) // 4
    return memory[skip : skip + size]


@numba.njit(nogil=True, error_model="numpy", fastmath=FAST)
def _run(
    groups: Any, kind: int, increments: Any, levels: Any, edges: Any, constants: Any, seeds: Any,
    phases: Any, state: Any, out: Any, rows: Any, begin: int, slew: float, rate: float,
) -> None:  # fmt: skip
    """See `run`."""
    w = _aligned(lanes.SLOTS * lanes.LANES)
    chunk_out = _aligned(LONGEST * lanes.LANES)
    inverse_slew = F(1.0 / max(slew, 1.0))
    end = begin + out.shape[1]
    for group in range(groups.shape[0]):
        voices = groups[group]
        _load(w, voices, constants, seeds, phases, state, rate)
        now = begin
        tick = np.searchsorted(edges, begin, side="right") - 1
        while now < end:
            _set_tick(w, voices, increments, levels, tick)
            tick_begin = edges[tick]
            tick_end = min(edges[tick + 1], end)
            filter_at = F(-1)
            while now < tick_end:
                offset = now - tick_begin
                chunk = offset // CHUNK * CHUNK
                ramp = min(F(chunk + CHUNK // 2) * inverse_slew, ONE)
                # The cutoff moves from chunk to chunk until it has arrived; then it holds.
                samples = min(chunk + CHUNK - offset if ramp < ONE else LONGEST, tick_end - now)
                if ramp != filter_at:
                    _set_filter(w, ramp)
                    filter_at = ramp
                if kind == lanes.SYNCED:
                    _synced(w, chunk_out, now, offset, samples, inverse_slew)
                else:
                    _unsynced(w, chunk_out, now, offset, samples, inverse_slew)
                for k in range(lanes.LANES):
                    if voices[k] >= 0:
                        line = out[rows[voices[k]], now - begin : now - begin + samples]
                        for s in range(samples):
                            # Unsigned: no check for an index from the end, which takes twice as long.
                            line[np.uintp(s)] = chunk_out[np.uintp(s * lanes.LANES + k)]
                now += samples
            if now == edges[tick + 1]:
                for slot in range(lanes.LEVELS * lanes.LANES):
                    w[lanes.PREVIOUS * lanes.LANES + slot] += w[lanes.TARGET * lanes.LANES + slot]
                tick += 1
        _store(w, voices, phases, state)


def _entry(source: bytes) -> Callable[..., None]:
    """The compiled loop, cached on disk.

    numba's cache notices a change of the file in which the cached function stands, and of the values it
    closes over; so it closes over the text of the files that are compiled into it.
    """

    def entry(*arguments: Any) -> None:
        if len(source) > 0:
            _run(*arguments)

    try:
        return numba.njit(nogil=True, cache=True)(entry)
    except RuntimeError:
        # Nowhere to write a cache: a read-only installation and no home. Compiling takes seconds each time.
        return numba.njit(nogil=True)(entry)


_PARTS = ("lanes.py", "oscillators.py", "waves.py")
_compiled = _entry(b"".join(Path(__file__).with_name(part).read_bytes() for part in _PARTS))


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
    slew: float,
    rate: float,
) -> None:
    """Render samples ``begin`` to ``begin + out.shape[1]`` of the voices in ``groups``.

    Shape:
        ``groups``: int64[G, 16], voices that go through together; -1 fills up.
        ``increments``: int32[2, N, ticks], phase increment per DCO in cycles * 2**32 a sample.
        ``levels``: float32[4, N, ticks]: gain of mixer 1 and 2, tan(pi cutoff / rate), gain of the VCA.
        ``edges``: int64[ticks + 1], first sample of each tick, and the end of the last.
        ``constants``: float32[N, 16]; ``seeds``: int32[N], of the noise.
        ``phases``: int32[N, 2] and ``state``: float32[N, 16], read and written: a call continues
        where the last one stopped, in the middle of a tick if need be.
        ``out``: float32[any, samples]; voice n is written to row ``rows[n]``, an int64.

    ``slew`` is the time in samples that a control voltage takes to its new value; ``rate`` the sample
    rate in Hz. ``kind`` (`lanes.UNSYNCED`, `lanes.SYNCED`) is how the oscillators of all
    voices in ``groups`` run.
    """
    _compiled(groups, kind, increments, levels, edges, constants, seeds, phases, state, out, rows,
              begin, slew, rate)  # fmt: skip

"""The audio-rate loop: control frames in, samples out, sixteen voices side by side.

A voice is two band-limited DCOs, noise, mixer, low-pass VCF of two or four poles, one-pole HPF and
VCA. `run` carries sixteen voices (lanes) through time together: the innermost loop runs over lanes,
holds no branch, and touches two small arrays and an output buffer, so that LLVM turns it into vector
code. Every voice is computed by the same instructions wherever it lies, so its samples do not depend
on the batch, its place in it, the number of threads or the block size.

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

from simulator import lanes, oscillators, waves
from simulator.lanes import (
    A1,
    A2,
    A3,
    A_BAND,
    A_LOW,
    B1,
    B2,
    B3,
    B_BAND,
    B_LOW,
    BEFORE1,
    BEFORE2,
    CONSTANTS,
    COUPLED,
    CUTOFF,
    DAMPING,
    EDGE1,
    EDGE_AT1,
    FAST,
    FIXED_DAMPING,
    GAIN,
    HIGH,
    HIGH_PASS,
    HPF_HZ,
    INCREMENT1,
    INVERSE1,
    LANES,
    LEVELS,
    MIX1,
    MIX2,
    MODULATED,
    NOISE1,
    NOISE2,
    OUT,
    PHASE1,
    PHASE2,
    POLES4,
    PREVIOUS,
    SAW1,
    SEED,
    SLOTS,
    START1,
    STATE,
    STEP1,
    TARGET,
    WA1,
    WB1,
    WIDTH1,
    at,
    inline,
)  # fmt: skip
from simulator.waves import ONE, TWO, F, as_bits, as_int, white

CHUNK = 16
_CYCLE = F(2.0**-32)
# Droop correction: gain 1 + 2c(1 - cos w). This c keeps the error against sinc**-4 under 0.17 dB
# from 0 to 10 kHz at 44.1 kHz.
DROOP = F(0.2225)
_DROOP_CENTRE = F(1 + 2 * 0.2225)


@inline
def _voice(w: Any, k: Any, dco1: Any, dco2: Any, ramp: Any, counter: Any) -> Any:
    """One sample of one voice from its oscillators on: mixer, noise, VCF, HPF, VCA."""
    mix1 = w[at(PREVIOUS + MIX1, k)] + w[at(TARGET + MIX1, k)] * ramp
    mix2 = w[at(PREVIOUS + MIX2, k)] + w[at(TARGET + MIX2, k)] * ramp
    gain = w[at(PREVIOUS + GAIN, k)] + w[at(TARGET + GAIN, k)] * ramp
    wave = mix1 * dco1 + mix2 * dco2
    before1, before2 = w[at(BEFORE1, k)], w[at(BEFORE2, k)]
    w[at(BEFORE1, k)], w[at(BEFORE2, k)] = wave, before1
    noise = white(as_int(w[at(SEED, k)]), counter)
    hiss = mix1 * w[at(STATE + NOISE1, k)] + mix2 * w[at(STATE + NOISE2, k)]
    signal = _DROOP_CENTRE * before1 - DROOP * (wave + before2) + hiss * noise

    band, low = w[at(A_BAND, k)], w[at(A_LOW, k)]
    a1, a2, a3 = w[at(A1, k)], w[at(A2, k)], w[at(A3, k)]
    error = signal - low
    new_band = a1 * band + a2 * error
    new_low = low + a2 * band + a3 * error
    w[at(A_BAND, k)] = TWO * new_band - band
    w[at(A_LOW, k)] = TWO * new_low - low
    signal = signal + w[at(STATE + POLES4, k)] * (new_low - signal)

    band, low = w[at(B_BAND, k)], w[at(B_LOW, k)]
    a1, a2, a3 = w[at(B1, k)], w[at(B2, k)], w[at(B3, k)]
    error = signal - low
    new_band = a1 * band + a2 * error
    new_low = low + a2 * band + a3 * error
    w[at(B_BAND, k)] = TWO * new_band - band
    w[at(B_LOW, k)] = TWO * new_low - low

    held = w[at(HIGH, k)]
    moved = (new_low - held) * w[at(HIGH_PASS, k)]
    under = held + moved
    w[at(HIGH, k)] = under + moved
    return (new_low - under) * gain


def _variant(dcos: Callable[..., Any]) -> Callable[..., None]:
    """The loop over one chunk of samples, with one way to run the oscillators."""

    @inline
    def chunk(w: Any, out: Any, sample: int, offset: int, samples: int, inverse_slew: Any) -> None:
        for s in range(samples):
            ramp = min(F(offset + s + 1) * inverse_slew, ONE)
            for k in range(LANES):
                dco1, dco2 = dcos(w, k)
                w[at(OUT, k)] = _voice(w, k, dco1, dco2, ramp, sample + s)
            for k in range(LANES):
                out[s * LANES + k] = w[at(OUT, k)]

    return chunk


_plain = _variant(oscillators.plain)
_modulated = _variant(oscillators.modulated)
_coupled = _variant(oscillators.coupled)


@inline
def _set_filter(w: Any, ramp: Any) -> None:
    """Coefficients of both sections for the point of its way that the cutoff has reached."""
    for k in range(LANES):
        g = w[at(PREVIOUS + CUTOFF, k)] + w[at(TARGET + CUTOFF, k)] * ramp
        damping = TWO * w[at(STATE + FIXED_DAMPING, k)]
        a1 = ONE / (ONE + g * (g + damping))
        w[at(A1, k)], w[at(A2, k)], w[at(A3, k)] = a1, g * a1, g * (g * a1)
        damping = TWO * w[at(STATE + DAMPING, k)]
        b1 = ONE / (ONE + g * (g + damping))
        w[at(B1, k)], w[at(B2, k)], w[at(B3, k)] = b1, g * b1, g * (g * b1)


@inline
def _set_tick(w: Any, voices: Any, increments: Any, levels: Any, tick: int) -> None:
    """Take over one tick's control frame: increments at once, levels as the way still to go."""
    for k in range(LANES):
        voice = max(voices[k], 0)
        for dco in range(2):
            increment = increments[dco, voice, tick]
            w[at(INCREMENT1 + dco, k)] = as_bits(increment)
            w[at(STEP1 + dco, k)] = F(increment) * _CYCLE
            w[at(INVERSE1 + dco, k)] = ONE / (F(increment) * _CYCLE)
        for row in range(LEVELS):
            w[at(TARGET + row, k)] = levels[row, voice, tick] - w[at(PREVIOUS + row, k)]


@inline
def _load(w: Any, voices: Any, constants: Any, seeds: Any, phases: Any, state: Any, rate: float) -> None:
    """Gather one group's constants and state into the lane arrays."""
    for k in range(LANES):
        voice = max(voices[k], 0)
        for slot in range(STATE):
            w[slot * LANES + k] = state[voice, slot]
        for slot in range(CONSTANTS):
            w[at(STATE + slot, k)] = constants[voice, slot]
        for dco in range(2):
            saw, edge = constants[voice, SAW1 + 4 * dco], constants[voice, EDGE1 + 4 * dco]
            width = constants[voice, WIDTH1 + 4 * dco]
            w[at(WA1 + 2 * dco, k)] = saw - edge
            w[at(WB1 + 2 * dco, k)] = edge
            # Value just after phase zero, where a reset lands.
            w[at(START1 + dco, k)] = edge - saw + edge * (ONE - TWO * width)
            w[at(PHASE1 + dco, k)] = as_bits(phases[voice, dco])
            w[at(EDGE_AT1 + dco, k)] = as_bits(np.int32(np.int64(width * 2.0**32)))
        w[at(SEED, k)] = as_bits(seeds[voice])
        g = math.tan(math.pi * constants[voice, HPF_HZ] / rate)
        w[at(HIGH_PASS, k)] = F(g / (1 + g))


@inline
def _store(w: Any, voices: Any, phases: Any, state: Any) -> None:
    for k in range(LANES):
        voice = voices[k]
        if voice >= 0:
            for slot in range(STATE):
                state[voice, slot] = w[slot * LANES + k]
            phases[voice, 0] = as_int(w[at(PHASE1, k)])
            phases[voice, 1] = as_int(w[at(PHASE2, k)])


@numba.njit(nogil=True, error_model="numpy", fastmath=FAST)
def _run(
    groups: Any, kind: int, increments: Any, levels: Any, edges: Any, constants: Any, seeds: Any,
    phases: Any, state: Any, out: Any, rows: Any, begin: int, slew: float, rate: float,
) -> None:  # fmt: skip
    """See `run`."""
    w = np.zeros(SLOTS * LANES, np.float32)
    chunk_out = np.zeros(CHUNK * LANES, np.float32)
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
                middle = offset // CHUNK * CHUNK + CHUNK // 2
                samples = min(offset // CHUNK * CHUNK + CHUNK - offset, tick_end - now)
                ramp = min(F(middle) * inverse_slew, ONE)
                if ramp != filter_at:
                    _set_filter(w, ramp)
                    filter_at = ramp
                if kind == COUPLED:
                    _coupled(w, chunk_out, now, offset, samples, inverse_slew)
                elif kind == MODULATED:
                    _modulated(w, chunk_out, now, offset, samples, inverse_slew)
                else:
                    _plain(w, chunk_out, now, offset, samples, inverse_slew)
                for k in range(LANES):
                    if voices[k] >= 0:
                        line = out[rows[voices[k]]]
                        for s in range(samples):
                            line[now - begin + s] = chunk_out[s * LANES + k]
                now += samples
            if now == edges[tick + 1]:
                for slot in range(LEVELS * LANES):
                    w[PREVIOUS * LANES + slot] += w[TARGET * LANES + slot]
                tick += 1
        _store(w, voices, phases, state)


def _entry(source: bytes) -> Callable[..., None]:
    """The compiled loop, cached on disk.

    numba's cache notices a change of the file in which the cached function stands, and of the values it
    closes over; so it closes over the text of the files that are compiled into it.
    """

    @numba.njit(nogil=True, cache=True)
    def entry(*arguments: Any) -> None:
        if len(source) > 0:
            _run(*arguments)

    return entry


_compiled = _entry(b"".join(Path(part.__file__).read_bytes() for part in (lanes, oscillators, waves)))


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
    rate in Hz. ``kind`` (`lanes.PLAIN`, `lanes.MODULATED`, `lanes.COUPLED`) is how the oscillators of all
    voices in ``groups`` run.
    """
    _compiled(groups, kind, increments, levels, edges, constants, seeds, phases, state, out, rows,
              begin, slew, rate)  # fmt: skip

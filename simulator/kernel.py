"""The audio-rate loop: control frames in, samples out, sixteen voices side by side.

A voice is two band-limited DCOs, noise, mixer, low-pass VCF of two or four poles, one-pole HPF and
VCA. `run` carries sixteen voices (lanes) through time together: the innermost loop runs over lanes,
holds no branch, and touches two small arrays and an output buffer, so that LLVM turns it into vector
code. Every voice is computed by the same instructions wherever it lies, so its samples do not depend
on the batch, its place in it, the number of threads or the block size.

**Oscillators.** The phase is a 32-bit integer that wraps by itself, so a frequency is exact to
``sample_rate / 2**32``. Every waveform is a sum of sawtooths: ``wa * saw(p) + wb * saw(p - width)``,
with (1, 0) for a sawtooth and (-1, 1) for square and pulse. A step of the wave is replaced by the
integral of the cubic B-spline around it: aliases fall by the fourth power of sinc. The droop that
comes with it (3 dB at 10 kHz) is taken out by a symmetric three-point filter behind the mixer.

**Coupled oscillators.** Sync resets the other oscillator at the exact fraction of a sample and
smooths the step it causes; frequency modulation acts on the increment. Voices that use either run in
a variant of the loop of their own, because it costs half as much again.

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

from simulator import waves
from simulator.waves import (
    FAST,
    ONE,
    TWO,
    ZERO,
    F,
    as_bits,
    as_int,
    coupled_sample,
    inline,
    ramp_wave,
    sawtooth,
    white,
    wrap,
)  # fmt: skip

LANES = 16
CHUNK = 16

# Rows of the levels in a control frame, which slew.
MIX1, MIX2, CUTOFF, GAIN = range(4)
LEVELS = 4

# Columns of `constants`, one row a voice.
(SAW1, EDGE1, NOISE1, WIDTH1, SAW2, EDGE2, NOISE2, WIDTH2) = range(8)
(FIXED_DAMPING, DAMPING, POLES4, HPF_HZ, SYNC12, SYNC21, FM12, FM21) = range(8, 16)
CONSTANTS = 16

# Columns of `state`, one row a voice: what a voice remembers between calls.
(HEIGHT1, HEIGHT2, LAST1, LAST2, BEFORE1, BEFORE2) = range(6)
(A_BAND, A_LOW, B_BAND, B_LOW, HIGH, PREVIOUS) = range(6, 12)
STATE = PREVIOUS + LEVELS

# Slots of the lane array that are neither state nor constants.
_WA1, _WB1, _WA2, _WB2, _START1, _START2 = range(STATE + CONSTANTS, STATE + CONSTANTS + 6)
_INVERSE1, _INVERSE2, _STEP1, _STEP2 = range(STATE + CONSTANTS + 6, STATE + CONSTANTS + 10)
_TARGET = STATE + CONSTANTS + 10
_A1, _A2, _A3, _B1, _B2, _B3, _HP = range(_TARGET + LEVELS, _TARGET + LEVELS + 7)
# Slots that hold 32-bit integers, bit for bit.
_PHASE1, _PHASE2, _INC1, _INC2, _WIDTH1, _WIDTH2, _SEED = range(_HP + 1, _HP + 8)
_OUT = _HP + 8
_SLOTS = _OUT + 1

_CYCLE = F(2.0**-32)
# Droop correction: gain 1 + 2c(1 - cos w). This c keeps the error against sinc**-4 under 0.17 dB
# from 0 to 10 kHz at 44.1 kHz.
DROOP = F(0.2225)
_DROOP_CENTRE = F(1 + 2 * 0.2225)
_LOWEST_FM, _HIGHEST_STEP = F(0.05), F(0.49)


def _variant(coupled: bool) -> Callable[..., None]:
    """The loop over one block of samples, for plain or for coupled oscillators."""

    @inline
    def block(w: Any, out: Any, sample: int, offset: int, samples: int, inverse_slew: Any) -> None:
        for s in range(samples):
            ramp = min(F(offset + s + 1) * inverse_slew, ONE)
            counter = sample + s
            row = s * LANES
            for k in range(LANES):
                phase1, phase2 = as_int(w[_PHASE1 * LANES + k]), as_int(w[_PHASE2 * LANES + k])
                inc1, inc2 = as_int(w[_INC1 * LANES + k]), as_int(w[_INC2 * LANES + k])
                if coupled:
                    width1, width2 = w[(STATE + WIDTH1) * LANES + k], w[(STATE + WIDTH2) * LANES + k]
                    wa1, wb1 = w[_WA1 * LANES + k], w[_WB1 * LANES + k]
                    wa2, wb2 = w[_WA2 * LANES + k], w[_WB2 * LANES + k]
                    sync12, sync21 = w[(STATE + SYNC12) * LANES + k], w[(STATE + SYNC21) * LANES + k]
                    fm1 = max(ONE + w[(STATE + FM21) * LANES + k] * w[LAST2 * LANES + k], _LOWEST_FM)
                    fm2 = max(ONE + w[(STATE + FM12) * LANES + k] * w[LAST1 * LANES + k], _LOWEST_FM)
                    # Only the deviation goes through floating point: without FM the phase is exact.
                    base1, base2 = w[_STEP1 * LANES + k], w[_STEP2 * LANES + k]
                    step1, step2 = min(base1 * fm1, _HIGHEST_STEP), min(base2 * fm2, _HIGHEST_STEP)
                    inc1 = np.int32(inc1 + np.int32((step1 - base1) * F(2.0**32)))
                    inc2 = np.int32(inc2 + np.int32((step2 - base2) * F(2.0**32)))
                    inverse1, inverse2 = ONE / step1, ONE / step2
                    old1, old2 = phase1, phase2
                    phase1, phase2 = np.int32(phase1 + inc1), np.int32(phase2 + inc2)
                    wrapped1 = F((old1 < 0) & (phase1 >= 0))
                    wrapped2 = F((old2 < 0) & (phase2 >= 0))
                    f1, f2 = F(phase1) * _CYCLE, F(phase2) * _CYCLE
                    since1, since2 = f1 * inverse1, f2 * inverse2
                    reset1, reset2 = sync21 * wrapped2, sync12 * wrapped1
                    cut1, cut2 = wrap(f1 - step1 * since2), wrap(f2 - step2 * since1)
                    start1, start2 = w[_START1 * LANES + k], w[_START2 * LANES + k]
                    jump1 = start1 - (wa1 * ramp_wave(cut1) + wb1 * ramp_wave(wrap(cut1 - width1)))
                    jump2 = start2 - (wa2 * ramp_wave(cut2) + wb2 * ramp_wave(wrap(cut2 - width2)))
                    height1, height2 = w[HEIGHT1 * LANES + k], w[HEIGHT2 * LANES + k]
                    height1 = height1 + wrapped1 * (-TWO * wa1 - height1)
                    height2 = height2 + wrapped2 * (-TWO * wa2 - height2)
                    height1 = height1 + reset1 * (jump1 - height1)
                    height2 = height2 + reset2 * (jump2 - height2)
                    w[HEIGHT1 * LANES + k], w[HEIGHT2 * LANES + k] = height1, height2
                    to1 = abs(since1) + F(since1 >= ZERO) * F(1e6)
                    to2 = abs(since2) + F(since2 >= ZERO) * F(1e6)
                    restart1, restart2 = step1 * since2, step2 * since1
                    phase1 = np.int32(phase1 + np.int32(reset1) * (np.int32(restart1 * F(2.0**32)) - phase1))
                    phase2 = np.int32(phase2 + np.int32(reset2) * (np.int32(restart2 * F(2.0**32)) - phase2))
                    f1, f2 = F(phase1) * _CYCLE, F(phase2) * _CYCLE
                    g1 = F(np.int32(phase1 - as_int(w[_WIDTH1 * LANES + k]))) * _CYCLE
                    g2 = F(np.int32(phase2 - as_int(w[_WIDTH2 * LANES + k]))) * _CYCLE
                    dco1 = coupled_sample(
                        f1, g1, width1, step1, inverse1, height1, wa1, wb1, start1, to2, sync21
                    )
                    dco2 = coupled_sample(
                        f2, g2, width2, step2, inverse2, height2, wa2, wb2, start2, to1, sync12
                    )
                    w[LAST1 * LANES + k], w[LAST2 * LANES + k] = dco1, dco2
                else:
                    phase1, phase2 = np.int32(phase1 + inc1), np.int32(phase2 + inc2)
                    inverse1, inverse2 = w[_INVERSE1 * LANES + k], w[_INVERSE2 * LANES + k]
                    f1, f2 = F(phase1) * _CYCLE, F(phase2) * _CYCLE
                    g1 = F(np.int32(phase1 - as_int(w[_WIDTH1 * LANES + k]))) * _CYCLE
                    g2 = F(np.int32(phase2 - as_int(w[_WIDTH2 * LANES + k]))) * _CYCLE
                    dco1 = w[_WA1 * LANES + k] * sawtooth(f1, inverse1)
                    dco1 += w[_WB1 * LANES + k] * sawtooth(g1, inverse1)
                    dco2 = w[_WA2 * LANES + k] * sawtooth(f2, inverse2)
                    dco2 += w[_WB2 * LANES + k] * sawtooth(g2, inverse2)
                w[_PHASE1 * LANES + k], w[_PHASE2 * LANES + k] = as_bits(phase1), as_bits(phase2)

                mix1 = w[(PREVIOUS + MIX1) * LANES + k] + w[(_TARGET + MIX1) * LANES + k] * ramp
                mix2 = w[(PREVIOUS + MIX2) * LANES + k] + w[(_TARGET + MIX2) * LANES + k] * ramp
                gain = w[(PREVIOUS + GAIN) * LANES + k] + w[(_TARGET + GAIN) * LANES + k] * ramp
                wave = mix1 * dco1 + mix2 * dco2
                before1, before2 = w[BEFORE1 * LANES + k], w[BEFORE2 * LANES + k]
                w[BEFORE1 * LANES + k], w[BEFORE2 * LANES + k] = wave, before1
                noise = white(as_int(w[_SEED * LANES + k]), counter)
                hiss = mix1 * w[(STATE + NOISE1) * LANES + k] + mix2 * w[(STATE + NOISE2) * LANES + k]
                signal = _DROOP_CENTRE * before1 - DROOP * (wave + before2) + hiss * noise

                band, low = w[A_BAND * LANES + k], w[A_LOW * LANES + k]
                a1, a2, a3 = w[_A1 * LANES + k], w[_A2 * LANES + k], w[_A3 * LANES + k]
                error = signal - low
                new_band = a1 * band + a2 * error
                new_low = low + a2 * band + a3 * error
                w[A_BAND * LANES + k] = TWO * new_band - band
                w[A_LOW * LANES + k] = TWO * new_low - low
                signal = signal + w[(STATE + POLES4) * LANES + k] * (new_low - signal)

                band, low = w[B_BAND * LANES + k], w[B_LOW * LANES + k]
                a1, a2, a3 = w[_B1 * LANES + k], w[_B2 * LANES + k], w[_B3 * LANES + k]
                error = signal - low
                new_band = a1 * band + a2 * error
                new_low = low + a2 * band + a3 * error
                w[B_BAND * LANES + k] = TWO * new_band - band
                w[B_LOW * LANES + k] = TWO * new_low - low

                held = w[HIGH * LANES + k]
                moved = (new_low - held) * w[_HP * LANES + k]
                under = held + moved
                w[HIGH * LANES + k] = under + moved
                w[_OUT * LANES + k] = (new_low - under) * gain
            for k in range(LANES):
                out[row + k] = w[_OUT * LANES + k]

    return block


_plain_block = _variant(coupled=False)
_coupled_block = _variant(coupled=True)


@inline
def _set_filter(w: Any, ramp: Any) -> None:
    """Coefficients of both sections for the point of its way that the cutoff has reached."""
    for k in range(LANES):
        g = w[(PREVIOUS + CUTOFF) * LANES + k] + w[(_TARGET + CUTOFF) * LANES + k] * ramp
        damping = TWO * w[(STATE + FIXED_DAMPING) * LANES + k]
        a1 = ONE / (ONE + g * (g + damping))
        w[_A1 * LANES + k], w[_A2 * LANES + k], w[_A3 * LANES + k] = a1, g * a1, g * (g * a1)
        damping = TWO * w[(STATE + DAMPING) * LANES + k]
        b1 = ONE / (ONE + g * (g + damping))
        w[_B1 * LANES + k], w[_B2 * LANES + k], w[_B3 * LANES + k] = b1, g * b1, g * (g * b1)


@inline
def _set_tick(w: Any, voices: Any, increments: Any, levels: Any, tick: int) -> None:
    """Take over one tick's control frame: increments at once, levels as the way still to go."""
    for k in range(LANES):
        voice = max(voices[k], 0)
        for dco in range(2):
            increment = increments[dco, voice, tick]
            w[(_INC1 + dco) * LANES + k] = as_bits(increment)
            w[(_STEP1 + dco) * LANES + k] = F(increment) * _CYCLE
            w[(_INVERSE1 + dco) * LANES + k] = ONE / (F(increment) * _CYCLE)
        for row in range(LEVELS):
            w[(_TARGET + row) * LANES + k] = levels[row, voice, tick] - w[(PREVIOUS + row) * LANES + k]


@inline
def _load(w: Any, voices: Any, constants: Any, seeds: Any, phases: Any, state: Any, rate: float) -> None:
    """Gather one group's constants and state into the lane arrays."""
    for k in range(LANES):
        voice = max(voices[k], 0)
        for slot in range(STATE):
            w[slot * LANES + k] = state[voice, slot]
        for slot in range(CONSTANTS):
            w[(STATE + slot) * LANES + k] = constants[voice, slot]
        for dco in range(2):
            saw, edge = constants[voice, SAW1 + 4 * dco], constants[voice, EDGE1 + 4 * dco]
            width = constants[voice, WIDTH1 + 4 * dco]
            w[(_WA1 + 2 * dco) * LANES + k] = saw - edge
            w[(_WB1 + 2 * dco) * LANES + k] = edge
            # Value just after phase zero, where a reset lands.
            w[(_START1 + dco) * LANES + k] = edge - saw + edge * (ONE - TWO * width)
            w[(_PHASE1 + dco) * LANES + k] = as_bits(phases[voice, dco])
            w[(_WIDTH1 + dco) * LANES + k] = as_bits(np.int32(np.int64(width * 2.0**32)))
        w[_SEED * LANES + k] = as_bits(seeds[voice])
        g = math.tan(math.pi * constants[voice, HPF_HZ] / rate)
        w[_HP * LANES + k] = F(g / (1 + g))


@inline
def _store(w: Any, voices: Any, phases: Any, state: Any) -> None:
    for k in range(LANES):
        voice = voices[k]
        if voice >= 0:
            for slot in range(STATE):
                state[voice, slot] = w[slot * LANES + k]
            phases[voice, 0] = as_int(w[_PHASE1 * LANES + k])
            phases[voice, 1] = as_int(w[_PHASE2 * LANES + k])


@numba.njit(nogil=True, error_model="numpy", fastmath=FAST)
def _run(
    groups: Any, coupled: bool, increments: Any, levels: Any, edges: Any, constants: Any, seeds: Any,
    phases: Any, state: Any, out: Any, rows: Any, begin: int, slew: float, rate: float,
) -> None:  # fmt: skip
    """See `run`."""
    w = np.zeros(_SLOTS * LANES, np.float32)
    chunk_out = np.zeros(CHUNK * LANES, np.float32)
    inverse_slew = F(1.0 / max(slew, 1.0))
    end = begin + out.shape[1]
    for group in range(groups.shape[0]):
        voices = groups[group]
        _load(w, voices, constants, seeds, phases, state, rate)
        at = begin
        tick = np.searchsorted(edges, begin, side="right") - 1
        while at < end:
            _set_tick(w, voices, increments, levels, tick)
            tick_begin = edges[tick]
            tick_end = min(edges[tick + 1], end)
            filter_at = F(-1)
            while at < tick_end:
                offset = at - tick_begin
                middle = offset // CHUNK * CHUNK + CHUNK // 2
                samples = min(offset // CHUNK * CHUNK + CHUNK - offset, tick_end - at)
                ramp = min(F(middle) * inverse_slew, ONE)
                if ramp != filter_at:
                    _set_filter(w, ramp)
                    filter_at = ramp
                if coupled:
                    _coupled_block(w, chunk_out, at, offset, samples, inverse_slew)
                else:
                    _plain_block(w, chunk_out, at, offset, samples, inverse_slew)
                for k in range(LANES):
                    if voices[k] >= 0:
                        line = out[rows[voices[k]]]
                        for s in range(samples):
                            line[at - begin + s] = chunk_out[s * LANES + k]
                at += samples
            if at == edges[tick + 1]:
                for slot in range(LEVELS * LANES):
                    w[PREVIOUS * LANES + slot] += w[_TARGET * LANES + slot]
                tick += 1
        _store(w, voices, phases, state)


def _entry(source: bytes) -> Callable[..., None]:
    """The compiled loop, cached on disk.

    numba's cache notices a change of the file in which the cached function stands, and of the values it
    closes over; so it closes over the text of `simulator.waves`, which is compiled into it.
    """

    @numba.njit(nogil=True, cache=True)
    def entry(*arguments: Any) -> None:
        if len(source) > 0:
            _run(*arguments)

    return entry


_compiled = _entry(Path(waves.__file__).read_bytes())


def run(
    groups: NDArray[np.int64],
    coupled: bool,
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
    rate in Hz. ``coupled`` chooses the loop with sync and FM for all voices in ``groups``.
    """
    _compiled(groups, coupled, increments, levels, edges, constants, seeds, phases, state, out, rows,
              begin, slew, rate)  # fmt: skip

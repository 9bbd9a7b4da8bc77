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
from typing import Any

import numba
import numpy as np

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

_F = np.float32
_CYCLE = _F(2.0**-32)
_ZERO, _ONE, _TWO, _HALF = _F(0), _F(1), _F(2), _F(0.5)
_TWELFTH, _THIRD = _F(1 / 12), _F(1 / 3)
# Droop correction: gain 1 + 2c(1 - cos w). This c keeps the error against sinc**-4 under 0.17 dB
# from 0 to 10 kHz at 44.1 kHz.
DROOP = _F(0.2225)
_DROOP_CENTRE = _F(1 + 2 * 0.2225)
_NOISE_SCALE = _F(2.0**-31)
_LOWEST_FM, _HIGHEST_STEP = _F(0.05), _F(0.49)

_jit = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract", "nsz"})
_inline = numba.njit(forceinline=True, error_model="numpy", fastmath={"contract", "nsz"})


@_inline
def _int(x: Any) -> Any:
    """The integer whose bits a float slot holds."""
    return np.float32(x).view(np.int32)


@_inline
def _bits(x: Any) -> Any:
    """A float slot holding an integer's bits."""
    return np.int32(x).view(np.float32)


@_inline
def _half_step(distance: Any) -> Any:
    """What a band-limited unit step lacks ``distance >= 0`` samples behind its middle.

    One minus the integral of the cubic B-spline: ((2-x)+^4 - 4 (1-x)+^4) / 24.
    """
    u = max(_TWO - distance, _ZERO)
    v = max(_ONE - distance, _ZERO)
    u, v = u * u, v * v
    return _HALF * (u * u * _TWELFTH - v * v * _THIRD)


@_inline
def _sign(x: Any) -> Any:
    return math.copysign(_ONE, x)


@_inline
def _saw(phase: Any, inverse: Any) -> Any:
    """Band-limited sawtooth, -1 to 1, rising; ``phase`` is the distance from its step in cycles."""
    hidden = _half_step(abs(phase * inverse))
    return _TWO * phase - _sign(phase) * (_ONE - _TWO * hidden)


@_inline
def _ramp(phase: Any) -> Any:
    """Plain sawtooth; ``phase`` in cycles, wrapped to -0.5 to 0.5."""
    return _TWO * phase - _sign(phase)


@_inline
def _wrap(phase: Any) -> Any:
    return phase - _F(np.int32(phase + math.copysign(_HALF, phase)))


@_inline
def _coupled(
    phase: Any, width_phase: Any, width: Any, step: Any, inverse: Any, height: Any, wa: Any, wb: Any,
    start: Any, to_reset: Any, sync: Any,
) -> Any:  # fmt: skip
    """One sample of an oscillator that may be reset by the other.

    ``height`` is the step it made when its phase last passed zero, naturally or by a reset.
    ``to_reset`` is the time in samples until the other oscillator wraps (huge when it just did).
    A natural step that a reset will forestall is not prepared for; the reset's own step is.
    """
    natural = _ONE - sync * _F(to_reset < -phase * inverse)
    natural_width = _ONE - sync * _F(to_reset < -width_phase * inverse)
    ahead_zero, ahead_edge = -_TWO * wa * natural, -_TWO * wb * natural_width
    behind_zero, behind_edge = _F(phase >= _ZERO), _F(width_phase >= _ZERO)
    at_zero = ahead_zero + behind_zero * (-height - ahead_zero)
    at_edge = ahead_edge + behind_edge * (_TWO * wb - ahead_edge)
    at_zero = at_zero * _half_step(abs(phase * inverse))
    at_edge = at_edge * _half_step(abs(width_phase * inverse))
    # The reset to come: its step is the value at phase zero less the value it will cut off.
    cut = _wrap(phase + step * to_reset)
    jump = start - (wa * _ramp(cut) + wb * _ramp(_wrap(cut - width)))
    ahead = sync * jump * _half_step(to_reset)
    return wa * _ramp(phase) + wb * _ramp(width_phase) + at_zero + at_edge + ahead


@_inline
def _noise(seed: Any, sample: Any) -> Any:
    """White noise, -1 to 1: an integer hash of ``seed + sample``, whatever the order of work."""
    x = np.uint32(np.uint32(sample) + np.uint32(seed)) * np.uint32(0x9E3779B1)
    x = np.uint32(x)
    x = np.uint32(np.uint32(x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D))
    x = np.uint32(np.uint32(x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B))
    return _F(np.int32(x ^ (x >> np.uint32(16)))) * _NOISE_SCALE


def _variant(coupled: bool) -> Callable[..., None]:
    """The loop over one block of samples, for plain or for coupled oscillators."""

    @_inline
    def block(w: Any, out: Any, sample: int, offset: int, samples: int, inverse_slew: Any) -> None:
        for s in range(samples):
            ramp = min(_F(offset + s + 1) * inverse_slew, _ONE)
            counter = sample + s
            row = s * LANES
            for k in range(LANES):
                phase1, phase2 = _int(w[_PHASE1 * LANES + k]), _int(w[_PHASE2 * LANES + k])
                inc1, inc2 = _int(w[_INC1 * LANES + k]), _int(w[_INC2 * LANES + k])
                if coupled:
                    width1, width2 = w[(STATE + WIDTH1) * LANES + k], w[(STATE + WIDTH2) * LANES + k]
                    wa1, wb1 = w[_WA1 * LANES + k], w[_WB1 * LANES + k]
                    wa2, wb2 = w[_WA2 * LANES + k], w[_WB2 * LANES + k]
                    sync12, sync21 = w[(STATE + SYNC12) * LANES + k], w[(STATE + SYNC21) * LANES + k]
                    fm1 = max(
                        _ONE + w[(STATE + FM21) * LANES + k] * w[LAST2 * LANES + k], _LOWEST_FM
                    )
                    fm2 = max(
                        _ONE + w[(STATE + FM12) * LANES + k] * w[LAST1 * LANES + k], _LOWEST_FM
                    )
                    # Only the deviation goes through floating point: without FM the phase is exact.
                    base1, base2 = w[_STEP1 * LANES + k], w[_STEP2 * LANES + k]
                    step1, step2 = min(base1 * fm1, _HIGHEST_STEP), min(base2 * fm2, _HIGHEST_STEP)
                    inc1 = np.int32(inc1 + np.int32((step1 - base1) * _F(2.0**32)))
                    inc2 = np.int32(inc2 + np.int32((step2 - base2) * _F(2.0**32)))
                    inverse1, inverse2 = _ONE / step1, _ONE / step2
                    old1, old2 = phase1, phase2
                    phase1, phase2 = np.int32(phase1 + inc1), np.int32(phase2 + inc2)
                    wrapped1 = _F((old1 < 0) & (phase1 >= 0))
                    wrapped2 = _F((old2 < 0) & (phase2 >= 0))
                    f1, f2 = _F(phase1) * _CYCLE, _F(phase2) * _CYCLE
                    since1, since2 = f1 * inverse1, f2 * inverse2
                    reset1, reset2 = sync21 * wrapped2, sync12 * wrapped1
                    cut1, cut2 = _wrap(f1 - step1 * since2), _wrap(f2 - step2 * since1)
                    start1, start2 = w[_START1 * LANES + k], w[_START2 * LANES + k]
                    jump1 = start1 - (wa1 * _ramp(cut1) + wb1 * _ramp(_wrap(cut1 - width1)))
                    jump2 = start2 - (wa2 * _ramp(cut2) + wb2 * _ramp(_wrap(cut2 - width2)))
                    height1, height2 = w[HEIGHT1 * LANES + k], w[HEIGHT2 * LANES + k]
                    height1 = height1 + wrapped1 * (-_TWO * wa1 - height1)
                    height2 = height2 + wrapped2 * (-_TWO * wa2 - height2)
                    height1 = height1 + reset1 * (jump1 - height1)
                    height2 = height2 + reset2 * (jump2 - height2)
                    w[HEIGHT1 * LANES + k], w[HEIGHT2 * LANES + k] = height1, height2
                    to1 = abs(since1) + _F(since1 >= _ZERO) * _F(1e6)
                    to2 = abs(since2) + _F(since2 >= _ZERO) * _F(1e6)
                    restart1, restart2 = step1 * since2, step2 * since1
                    phase1 = np.int32(phase1 + np.int32(reset1) * (np.int32(restart1 * _F(2.0**32)) - phase1))
                    phase2 = np.int32(phase2 + np.int32(reset2) * (np.int32(restart2 * _F(2.0**32)) - phase2))
                    f1, f2 = _F(phase1) * _CYCLE, _F(phase2) * _CYCLE
                    g1 = _F(np.int32(phase1 - _int(w[_WIDTH1 * LANES + k]))) * _CYCLE
                    g2 = _F(np.int32(phase2 - _int(w[_WIDTH2 * LANES + k]))) * _CYCLE
                    dco1 = _coupled(f1, g1, width1, step1, inverse1, height1, wa1, wb1, start1, to2, sync21)
                    dco2 = _coupled(f2, g2, width2, step2, inverse2, height2, wa2, wb2, start2, to1, sync12)
                    w[LAST1 * LANES + k], w[LAST2 * LANES + k] = dco1, dco2
                else:
                    phase1, phase2 = np.int32(phase1 + inc1), np.int32(phase2 + inc2)
                    inverse1, inverse2 = w[_INVERSE1 * LANES + k], w[_INVERSE2 * LANES + k]
                    f1, f2 = _F(phase1) * _CYCLE, _F(phase2) * _CYCLE
                    g1 = _F(np.int32(phase1 - _int(w[_WIDTH1 * LANES + k]))) * _CYCLE
                    g2 = _F(np.int32(phase2 - _int(w[_WIDTH2 * LANES + k]))) * _CYCLE
                    dco1 = w[_WA1 * LANES + k] * _saw(f1, inverse1) + w[_WB1 * LANES + k] * _saw(g1, inverse1)
                    dco2 = w[_WA2 * LANES + k] * _saw(f2, inverse2) + w[_WB2 * LANES + k] * _saw(g2, inverse2)
                w[_PHASE1 * LANES + k], w[_PHASE2 * LANES + k] = _bits(phase1), _bits(phase2)

                mix1 = w[(PREVIOUS + MIX1) * LANES + k] + w[(_TARGET + MIX1) * LANES + k] * ramp
                mix2 = w[(PREVIOUS + MIX2) * LANES + k] + w[(_TARGET + MIX2) * LANES + k] * ramp
                gain = w[(PREVIOUS + GAIN) * LANES + k] + w[(_TARGET + GAIN) * LANES + k] * ramp
                wave = mix1 * dco1 + mix2 * dco2
                before1, before2 = w[BEFORE1 * LANES + k], w[BEFORE2 * LANES + k]
                w[BEFORE1 * LANES + k], w[BEFORE2 * LANES + k] = wave, before1
                noise = _noise(_int(w[_SEED * LANES + k]), counter)
                hiss = mix1 * w[(STATE + NOISE1) * LANES + k] + mix2 * w[(STATE + NOISE2) * LANES + k]
                signal = _DROOP_CENTRE * before1 - DROOP * (wave + before2) + hiss * noise

                band, low = w[A_BAND * LANES + k], w[A_LOW * LANES + k]
                a1, a2, a3 = w[_A1 * LANES + k], w[_A2 * LANES + k], w[_A3 * LANES + k]
                error = signal - low
                new_band = a1 * band + a2 * error
                new_low = low + a2 * band + a3 * error
                w[A_BAND * LANES + k] = _TWO * new_band - band
                w[A_LOW * LANES + k] = _TWO * new_low - low
                signal = signal + w[(STATE + POLES4) * LANES + k] * (new_low - signal)

                band, low = w[B_BAND * LANES + k], w[B_LOW * LANES + k]
                a1, a2, a3 = w[_B1 * LANES + k], w[_B2 * LANES + k], w[_B3 * LANES + k]
                error = signal - low
                new_band = a1 * band + a2 * error
                new_low = low + a2 * band + a3 * error
                w[B_BAND * LANES + k] = _TWO * new_band - band
                w[B_LOW * LANES + k] = _TWO * new_low - low

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


@_inline
def _set_filter(w: Any, ramp: Any) -> None:
    """Coefficients of both sections for the point of its way that the cutoff has reached."""
    for k in range(LANES):
        g = w[(PREVIOUS + CUTOFF) * LANES + k] + w[(_TARGET + CUTOFF) * LANES + k] * ramp
        damping = _TWO * w[(STATE + FIXED_DAMPING) * LANES + k]
        a1 = _ONE / (_ONE + g * (g + damping))
        w[_A1 * LANES + k], w[_A2 * LANES + k], w[_A3 * LANES + k] = a1, g * a1, g * (g * a1)
        damping = _TWO * w[(STATE + DAMPING) * LANES + k]
        b1 = _ONE / (_ONE + g * (g + damping))
        w[_B1 * LANES + k], w[_B2 * LANES + k], w[_B3 * LANES + k] = b1, g * b1, g * (g * b1)


@_inline
def _set_tick(
    w: Any, voices: Any, increments: Any, levels: Any, tick: int
) -> None:
    """Take over one tick's control frame: increments at once, levels as the way still to go."""
    for k in range(LANES):
        voice = max(voices[k], 0)
        for dco in range(2):
            increment = increments[dco, voice, tick]
            w[(_INC1 + dco) * LANES + k] = _bits(increment)
            w[(_STEP1 + dco) * LANES + k] = _F(increment) * _CYCLE
            w[(_INVERSE1 + dco) * LANES + k] = _ONE / (_F(increment) * _CYCLE)
        for row in range(LEVELS):
            w[(_TARGET + row) * LANES + k] = levels[row, voice, tick] - w[(PREVIOUS + row) * LANES + k]


@_inline
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
            w[(_START1 + dco) * LANES + k] = edge - saw + edge * (_ONE - _TWO * width)
            w[(_PHASE1 + dco) * LANES + k] = _bits(phases[voice, dco])
            w[(_WIDTH1 + dco) * LANES + k] = _bits(np.int32(np.int64(width * 2.0**32)))
        w[_SEED * LANES + k] = _bits(seeds[voice])
        g = math.tan(math.pi * constants[voice, HPF_HZ] / rate)
        w[_HP * LANES + k] = _F(g / (1 + g))


@_inline
def _store(w: Any, voices: Any, phases: Any, state: Any) -> None:
    for k in range(LANES):
        voice = voices[k]
        if voice >= 0:
            for slot in range(STATE):
                state[voice, slot] = w[slot * LANES + k]
            phases[voice, 0] = _int(w[_PHASE1 * LANES + k])
            phases[voice, 1] = _int(w[_PHASE2 * LANES + k])


@_jit
def run(
    groups: Any, coupled: bool, increments: Any, levels: Any, edges: Any, constants: Any, seeds: Any,
    phases: Any, state: Any, out: Any, rows: Any, begin: int, slew: float, rate: float,
) -> None:  # fmt: skip
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
    w = np.zeros(_SLOTS * LANES, np.float32)
    chunk_out = np.zeros(CHUNK * LANES, np.float32)
    inverse_slew = _F(1.0 / max(slew, 1.0))
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
            filter_at = _F(-1)
            while at < tick_end:
                offset = at - tick_begin
                middle = offset // CHUNK * CHUNK + CHUNK // 2
                samples = min(offset // CHUNK * CHUNK + CHUNK - offset, tick_end - at)
                ramp = min(_F(middle) * inverse_slew, _ONE)
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

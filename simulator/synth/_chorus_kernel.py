"""The audio-rate loop of the chorus: `LANES` signals side by side through filters and delay lines.

Made like `simulator.synth._kernel`: the innermost loops run over lanes, hold no branch, and every
multiply-add is written out. The low-pass into the line and those behind it do not wait for each other, so one
loop over samples holds them all. A line lies in memory as [time][lane], so that signals which share an LFO
also share the places to read, and reading is a plain load of neighbours. Signals whose LFOs have each their
own phase are read lane by lane, which takes several times as long.

**Exact.** Where a line is read follows from the number of the sample alone, and a line is indexed by it;
nothing is accumulated but the filters' states. So the result does not depend on the block size.

**Denormals.** Every `_CLEAN` samples what a filter remembers is set to zero if it is below 1e-20, and so is
what enters the line. Input that dies away ends in zeros, and not in numbers that the processor computes
slowly; a line that has run out is exactly silent.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from simulator.synth._compiling import FAST, cached, full_width, inline
from simulator.synth._gather import LINE, PAST_CACHE, aligned, gather, scatter
from simulator.synth._lanes import LANES, at, fma, move_lanes
from simulator.synth._oscillators import HALF, ZERO, F

TAPS = 4
LONGEST = 64  # samples at a time
GUARD = TAPS - 1
"""Rows behind a line that repeat its first ones, so that four neighbours never wrap."""
# Slots of the lane array: two states for each of three filters, and samples on their way.
IN, LEFT, RIGHT = 0, 2, 4
STATES = 6
_DRY, _LEFT_OUT, _RIGHT_OUT = 6, 7, 8
_SLOTS = 9
_CLEAN = 16
_TINY = F(1e-20)
_SIXTH = 1 / 6


@inline
def _kept(x: Any) -> Any:
    return x if abs(x) > _TINY else ZERO


@inline
def _low_pass(w: Any, k: Any, slot: int, c1: Any, c2: Any, c3: Any, signal: Any) -> Any:
    """One sample of a two-pole low-pass, as of the VCF in `simulator.synth._filters`, with fixed
    coefficients."""
    band, low = w[at(slot, k)], w[at(slot + 1, k)]
    error = signal - low
    change = fma(c2, band, c3 * error)
    w[at(slot, k)] = fma(c1, band, c2 * error)
    w[at(slot + 1, k)] = low + change
    return fma(HALF, change, low)


@inline
def _set_tap(
    rows: Any, weights: Any, side: int, i: int, turns: Any, sample: int, lfo: Any, mask: int
) -> None:
    """Where one side reads its line at one sample, and the weights of the four values there.

    The delay is a triangle of the LFO's phase; between samples, the cubic through four neighbours.
    """
    triangle = 1.0 - 4.0 * abs(turns - math.floor(turns) - 0.5)
    delay = max(lfo[1] + lfo[2] * triangle, 1.0)
    whole = math.floor(delay)
    f = delay - whole
    rows[side, i] = ((sample - np.int64(whole) - 2) & mask) * LANES
    weights[side, 0, i] = F((f + 1.0) * f * (f - 1.0) * _SIXTH)
    weights[side, 1, i] = F((f + 1.0) * f * (2.0 - f) * 0.5)
    weights[side, 2, i] = F((f + 1.0) * (1.0 - f) * (2.0 - f) * 0.5)
    weights[side, 3, i] = F((f - 1.0) * f * (2.0 - f) * _SIXTH)


@inline
def _shared_taps(
    rows: Any, weights: Any, samples: int, now: int, turn: Any, since: int, lfo: Any, mask: int
) -> None:
    full_width()
    for side in range(2):
        for s in range(samples):
            turns = turn + side * lfo[3] + (now + s - since) * lfo[0]
            _set_tap(rows, weights, side, s, turns, now + s, lfo, mask)


@inline
def _own_taps(
    rows: Any, weights: Any, samples: int, now: int, turns: Any, since: int, lfo: Any, mask: int
) -> None:
    full_width()
    for side in range(2):
        for s in range(samples):
            for k in range(LANES):
                turn = turns[k] + side * lfo[3] + (now + s - since) * lfo[0]
                _set_tap(rows, weights, side, s * LANES + k, turn, now + s, lfo, mask)


@inline
def _enter(w: Any, line: Any, dry: Any, s: int, sample: int, last: int, gains: Any) -> None:
    """One sample of all lanes through the low-pass into the line; it stays in the lane array as `_DRY`."""
    full_width()
    place = sample & last
    if place % _CLEAN == 0:
        for i in range(STATES * LANES):
            w[i] = _kept(w[i])
    move_lanes(w, _DRY * LANES, dry, s * LANES)
    for k in range(LANES):
        w[at(_LEFT_OUT, k)] = _low_pass(w, k, IN, gains[2], gains[3], gains[4], _kept(w[at(_DRY, k)]))
    move_lanes(line, place * LANES, w, _LEFT_OUT * LANES)
    if place < GUARD:
        move_lanes(line, (last + 1 + place) * LANES, w, _LEFT_OUT * LANES)


@inline
def _read(line: Any, row: Any, k: Any, c0: Any, c1: Any, c2: Any, c3: Any) -> Any:
    """A line between its samples: four rows from ``row`` on, the oldest first."""
    first = row + np.uintp(k)
    older = fma(c1, line[first + np.uintp(LANES)], c0 * line[first])
    newer = fma(c3, line[first + np.uintp(3 * LANES)], c2 * line[first + np.uintp(2 * LANES)])
    return older + newer


@inline
def _mix(w: Any, k: Any, left: Any, right: Any, gains: Any) -> None:
    """What was read from the line through the low-passes, the dry signal added; and in `_DRY`, the mean."""
    direct = gains[0] * w[at(_DRY, k)]
    left = fma(gains[1], _low_pass(w, k, LEFT, gains[5], gains[6], gains[7], left), direct)
    right = fma(gains[1], _low_pass(w, k, RIGHT, gains[5], gains[6], gains[7], right), direct)
    w[at(_LEFT_OUT, k)], w[at(_RIGHT_OUT, k)] = left, right
    w[at(_DRY, k)] = HALF * (left + right)


@inline
def _leave(w: Any, sides: Any, s: int, stereo: bool) -> None:
    """One sample of all lanes to where it is collected: left, and `LONGEST` later right; or the mean."""
    if stereo:
        move_lanes(sides, s * LANES, w, _LEFT_OUT * LANES)
        move_lanes(sides, (LONGEST + s) * LANES, w, _RIGHT_OUT * LANES)
    else:
        move_lanes(sides, s * LANES, w, _DRY * LANES)


@inline
def _together(
    w: Any, line: Any, sides: Any, rows: Any, weights: Any, first: int, samples: int, now: int, last: int,
    stereo: bool, gains: Any,
) -> None:  # fmt: skip
    """Samples of lanes that share their LFO, in place; the taps of the first one are at ``first``."""
    full_width()
    for s in range(samples):
        _enter(w, line, sides, s, now + s, last, gains)
        t = np.uintp(first + s)
        row0, row1 = np.uintp(rows[0, t]), np.uintp(rows[1, t])
        a0, a1, a2, a3 = weights[0, 0, t], weights[0, 1, t], weights[0, 2, t], weights[0, 3, t]
        b0, b1, b2, b3 = weights[1, 0, t], weights[1, 1, t], weights[1, 2, t], weights[1, 3, t]
        for k in range(LANES):
            left, right = _read(line, row0, k, a0, a1, a2, a3), _read(line, row1, k, b0, b1, b2, b3)
            _mix(w, k, left, right, gains)
        _leave(w, sides, s, stereo)


@inline
def _one_by_one(
    w: Any, line: Any, sides: Any, rows: Any, weights: Any, samples: int, now: int, last: int, stereo: bool,
    gains: Any,
) -> None:  # fmt: skip
    """Samples of lanes with an LFO each, in place."""
    full_width()
    for s in range(samples):
        _enter(w, line, sides, s, now + s, last, gains)
        for k in range(LANES):
            t = np.uintp(s * LANES + k)
            a, b = weights[0], weights[1]
            left = _read(line, np.uintp(rows[0, t]), k, a[0, t], a[1, t], a[2, t], a[3, t])
            right = _read(line, np.uintp(rows[1, t]), k, b[0, t], b[1, t], b[2, t], b[3, t])
            _mix(w, k, left, right, gains)
        _leave(w, sides, s, stereo)


@numba.njit(nogil=True, error_model="numpy", fastmath=FAST)
def _run(
    source: Any, target: Any, row_of: Any, stereo: bool, column: int, filters: Any, lines: Any, turns: Any,
    shared: bool, begin: int, since: int, lfo: Any, given_gains: Any,
) -> None:  # fmt: skip
    """See `run`."""
    full_width()
    count, samples = source.shape
    width = target.shape[1]
    heard, out = source.reshape(source.size), target.reshape(target.size)
    past_cache = target.size >= PAST_CACHE and (target.ctypes.data | width * 4 | column * 4) % LINE == 0
    last = lines.shape[1] // LANES - GUARD - 1
    g = given_gains
    gains = (g[0], g[1], g[2], g[3], g[4], g[5], g[6], g[7])
    w = aligned(_SLOTS * LANES)
    sides = aligned(2 * LONGEST * LANES)
    own = np.zeros(LANES)
    starts, ends = np.empty(LANES, np.int64), np.empty(LANES, np.int64)
    taps = samples if shared else LONGEST * LANES
    rows, weights = np.empty((2, taps), np.int64), np.empty((2, TAPS, taps), np.float32)
    if shared:
        _shared_taps(rows, weights, samples, begin, turns[0], since, lfo, last)
    for group in range(lines.shape[0]):
        line = lines[group]
        for slot in range(STATES * LANES):
            w[slot] = filters[group, slot]
        for first in range(0, samples, LONGEST):
            now, block = begin + first, min(LONGEST, samples - first)
            for k in range(LANES):
                n = group * LANES + k
                starts[k] = n * samples + first if n < count else -1
                ends[k] = row_of[n] * width + column + first if n < count else -1
                own[k] = turns[min(n, count - 1)]
            gather(sides, heard, starts, block)
            if shared:
                _together(w, line, sides, rows, weights, first, block, now, last, stereo, gains)
            else:
                _own_taps(rows, weights, block, now, own, since, lfo, last)
                _one_by_one(w, line, sides, rows, weights, block, now, last, stereo, gains)
            for side in range(2 if stereo else 1):
                scatter(out, ends, block, sides[side * LONGEST * LANES :], past_cache)
                for k in range(LANES):
                    ends[k] += width if ends[k] >= 0 else 0
        for slot in range(STATES * LANES):
            filters[group, slot] = w[slot]


_compiled = cached(_run)


def run(
    source: NDArray[np.float32],
    target: NDArray[np.float32],
    row_of: NDArray[np.int64],
    stereo: bool,
    column: int,
    filters: NDArray[np.float32],
    lines: NDArray[np.float32],
    turns: NDArray[np.float64],
    shared: bool,
    begin: int,
    since: int,
    lfo: NDArray[np.float64],
    gains: NDArray[np.float32],
) -> None:
    """Samples ``begin`` to ``begin + source.shape[1]`` of N signals through the chorus.

    Shape:
        ``source``: float32[N, samples], C-contiguous. ``target``: float32[any, any], C-contiguous;
        signal n is written from ``column`` on to row ``row_of[n]``, the mean of both sides, or if
        ``stereo``, left there and right into the row after it.
        ``filters``: float32[G, 6 * LANES] and ``lines``: float32[G, (length + 3) * LANES], for G groups of
        `LANES` signals, read and written. ``length``: a power of two, at least 16, and more than the longest
        delay by `TAPS` samples.
        ``turns``: float64[N], phase of each signal's LFO at sample ``since``; all alike if ``shared``.
        ``lfo``: float64[4]: turns a sample, middle and swing of the delay in samples, turns between
        the sides. ``gains``: float32[8]: dry, wet, coefficients of the filter before the line, and of
        those after it.
    """
    _compiled(source, target, row_of, stereo, column, filters, lines, turns, shared, begin, since, lfo,
              gains)  # fmt: skip

"""The chorus: the dry signal and, on each side, one copy of it from a bucket-brigade delay line.

A bucket-brigade device (BBD) is a row of capacitors that hand their charges on, one place a clock. The
clock, and so the delay, is swept by an LFO: a triangle, in opposite phase left and right. A low-pass
before the line keeps out what its clock would alias, one behind it takes the clock out. Here each is a
two-pole section, the delay itself moves along the triangle, and::

    left  = dry * x + wet * low_pass(line(low_pass(x), t - delay_left(t)))
    right = the same with delay_right

**Read between samples, not clocked.** A real BBD takes its samples at its own clock and holds them. That
is not modelled: the number of stages, and so the clock, of a JX is in no source. At the delays assumed here
a line of 256 stages would take 25,000 to 85,000 samples a second, so that images of what the first low-pass
leaves begin above 15 kHz, where the second one is falling. What is heard is the moving delay; it is read with
a cubic through four samples. Noise and distortion of the line are left out for the same reason.

All numbers are the profile's (laws ``chorus_``), and assumed. A position of CHORUS with wet 0 and dry 1 is
off, and leaves the signal as it is, bit for bit. The LFO starts when the chorus is switched on, with the
law ``chorus_phase``: at the shortest delay on the left (``key``), or where the seed says (``free``).

**The loop** is made like `simulator.synth._kernel`: `LANES` signals side by side, the innermost loops run
over lanes, hold no branch, and every multiply-add is written out. The low-pass into the line and those behind
it do not wait for each other, so one loop over samples holds them all. A line lies in memory as [time][lane],
so that signals which share an LFO also share the places to read, and reading is a plain load of neighbours.
Signals whose LFOs have each their own phase are read lane by lane, which takes several times as long.

**Exact.** Where a line is read follows from the number of the sample alone, and a line is indexed by it;
nothing is accumulated but the filters' states. So the result does not depend on the block size.

**Denormals.** Every `_CLEAN` samples what a filter remembers is set to zero if it is below 1e-20, and so is
what enters the line. Input that dies away ends in zeros, and not in numbers that the processor computes
slowly; a line that has run out is exactly silent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numba
import numpy as np
from numba import types
from numpy.typing import NDArray

from jxctl.protocol.parameters import parameter
from simulator.synth._compiling import FAST, Cached, full_width, inline
from simulator.synth._filters import HIGHEST_CUTOFF
from simulator.synth._lanes import (
    HALF,
    LANES,
    LINE,
    PAST_CACHE,
    ZERO,
    F,
    aligned,
    at,
    fma,
    gather,
    move_lanes,
    scatter,
)
from simulator.synth.profile import CHORUS_LAWS, Profile
from simulator.synth.random import mix_seed

_ROW = parameter("CHORUS")
POSITIONS = np.array(_ROW.classes)
"""Position of CHORUS, 0 (off) to 2, by raw value: int[128]."""

TAPS = 4
"""Samples of a line that a value between two is read from."""
GUARD = TAPS - 1
"""Rows behind a line that repeat its first ones, so that four neighbours never wrap."""
LONGEST = 64
"""Samples that go through at a time (chosen)."""

# What the seed is mixed with for the LFO's phase (chosen).
_PHASE = 103
# Slots of the lane array: two states for each of three filters, and samples on their way.
_IN, _LEFT, _RIGHT = 0, 2, 4
_STATES = 6
_DRY, _LEFT_OUT, _RIGHT_OUT = 6, 7, 8
_SLOTS = 9
# Samples after which filters that have died down are set to rest, and the magnitude that is rest (chosen).
_CLEAN = 16
_TINY = F(1e-20)
_SIXTH = 1 / 6


@dataclass(frozen=True)
class Setting:
    """One position of CHORUS at a sample rate.

    ``lfo``: float64[4]: turns a sample; middle and swing of the delay in samples; turns between the
    sides. ``gains``: float32[8]: dry, wet, and three coefficients for each of the low-passes.
    """

    lfo: NDArray[np.float64]
    gains: NDArray[np.float32]

    @classmethod
    def of(cls, position: int, profile: Profile, sample_rate: float) -> Setting:
        """What the profile says of a position, 0 to 2."""
        rate, shortest, longest, dry, wet = (float(profile.laws[law].values[position]) for law in CHORUS_LAWS)
        middle, swing = (longest + shortest) / 2, (longest - shortest) / 2
        apart = profile.constant("chorus_apart")
        lfo = [rate / sample_rate, middle * sample_rate, swing * sample_rate, apart]
        filters = [_coefficients(f"chorus_low_pass_{end}", profile, sample_rate) for end in ("in", "out")]
        return cls(np.array(lfo), np.array([dry, wet, *filters[0], *filters[1]], np.float32))


@dataclass
class State:
    """What the chorus of N signals remembers, in G groups of `LANES`.

    ``filters``: float32[G, 6 * LANES]. ``lines``: float32[G, (length + 3) * LANES]; length is a power of two,
    at least 16, and more than the longest delay by `TAPS` samples. ``turns``: float64[N], phase of the LFO at
    sample ``since``. ``shared``: whether all have the same.
    """

    filters: NDArray[np.float32]
    lines: NDArray[np.float32]
    turns: NDArray[np.float64]
    since: int
    shared: bool

    @classmethod
    def fresh(cls, seeds: NDArray[np.uint32], since: int, profile: Profile, sample_rate: float) -> State:
        """Empty lines; ``seeds``, `phase_seeds`, place LFOs that run free."""
        longest = profile.laws["chorus_longest"].values.max() * sample_rate
        length = 1 << int(np.ceil(longest) + TAPS).bit_length()
        groups = -(-len(seeds) // LANES)
        shared = profile.choice("chorus_phase") == "key"
        turns = np.zeros(len(seeds)) if shared else seeds / 2.0**32
        return cls(
            np.zeros((groups, _STATES * LANES), np.float32),
            np.zeros((groups, (length + GUARD) * LANES), np.float32),
            turns,
            since,
            shared,
        )

    @property
    def silent(self) -> bool:
        """Whether nothing is left in lines and filters: silence in would be silence out."""
        return not (self.filters.any() or self.lines.any())


def run(
    state: State,
    setting: Setting,
    source: NDArray[np.float32],
    target: NDArray[np.float32],
    rows: NDArray[np.int64],
    begin: int,
    column: int,
    stereo: bool,
) -> None:
    """N signals, float32[N, samples], from sample ``begin`` on, through the chorus.

    Signal n is written to row ``rows[n]`` of ``target`` from ``column`` on: the mean of both sides, or if
    ``stereo``, left there and right into the next row. A call continues where the last one stopped.
    """
    compiled(source, target, rows, stereo, column, state.filters, state.lines, state.turns, state.shared,
              begin, state.since, setting.lfo, setting.gains)  # fmt: skip


def positions(tones: np.ndarray, profile: Profile) -> NDArray[np.int64]:
    """Position of CHORUS for each tone, int64[N]; 0 where the profile makes it sound like off."""
    position = POSITIONS[tones[:, _ROW.column]]
    return np.asarray(np.where(audible(profile)[position], position, 0), dtype=np.int64)


def audible(profile: Profile) -> NDArray[np.bool_]:
    """Whether each position of CHORUS sounds other than off: bool[3]."""
    dry, wet = (profile.laws[f"chorus_{name}"].values for name in ("dry", "wet"))
    return np.asarray((dry != 1) | (wet != 0))


@dataclass
class Chorus:
    """The chorus of one board: one signal in, both sides out, and a position that may change.

    ``seed``: of `phase_seeds`. Switched on, it starts with an empty line; between 1 and 2 line and LFO run
    on, and the delay jumps where their laws differ.
    """

    profile: Profile
    sample_rate: float
    seed: NDArray[np.uint32]
    _position: int = 0
    _state: State | None = field(default=None, repr=False)
    _setting: Setting | None = field(default=None, repr=False)

    def play(self, dry: NDArray[np.float32], position: int, begin: int) -> NDArray[np.float32]:
        """float32[samples] from sample ``begin`` on to float32[2, samples], at a `positions` position."""
        self._switch(position, begin)
        if self._state is None or (not dry.any() and self._state.silent):
            return np.stack([dry, dry])
        out = np.empty((2, len(dry)), np.float32)
        if self._setting is None:
            self._setting = Setting.of(position, self.profile, self.sample_rate)
        run(self._state, self._setting, dry[None, :], out, np.zeros(1, np.int64), begin, 0, stereo=True)
        return out

    def _switch(self, position: int, now: int) -> None:
        if position == self._position:
            return
        state = self._state
        if position == 0:
            self._state = None
        elif state is None:
            self._state = State.fresh(self.seed, now, self.profile, self.sample_rate)
        else:
            old = Setting.of(self._position, self.profile, self.sample_rate)
            state.turns = (state.turns + (now - state.since) * old.lfo[0]) % 1.0
            state.since = now
        self._position = position
        self._setting = None


def phase_seeds(seeds: NDArray[np.int64]) -> NDArray[np.uint32]:
    """32 bits for each signal, from the seeds of `simulator.synth.render` or of a board: uint32[N]."""
    return mix_seed(seeds, _PHASE).astype(np.uint32)


def seeds_at(phases: NDArray[np.float64], among: int) -> list[int]:
    """Choose seeds of `simulator.synth.render` whose free-running LFO starts nearest to some phases.

    A key does not start the LFO, so its phase is no property of a tone: who compares a recording with renders
    has to find it, by renders at a grid of phases.

    Args:
        phases: in cycles, 0 to 1, float64[N].
        among: so many seeds, from 0 on, are gone through: N phases are met within about 1 / ``among``.

    Returns:
        A seed for each phase.

    Examples:
        >>> turns = phase_seeds(np.array(seeds_at(np.array([0.25, 0.5]), 4096))) / 2.0**32
        >>> turns.round(2).tolist()
        [0.25, 0.5]
    """
    turns = phase_seeds(np.arange(among)) / 2.0**32
    return [int(np.argmin(np.abs((turns - phase + 0.5) % 1 - 0.5))) for phase in phases]


def _coefficients(law: str, profile: Profile, sample_rate: float) -> tuple[float, float, float]:
    """Of a two-pole low-pass by the trapezoidal rule, as `simulator.synth._kernel` makes them for the VCF."""
    g = float(np.tan(np.pi * min(profile.constant(law) / sample_rate, HIGHEST_CUTOFF)))
    a = 2 / (1 + g * (g + 2 * profile.constant("chorus_damping")))
    return a - 1, a * g, a * g * g


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
        for i in range(_STATES * LANES):
            w[i] = _kept(w[i])
    move_lanes(w, _DRY * LANES, dry, s * LANES)
    for k in range(LANES):
        w[at(_LEFT_OUT, k)] = _low_pass(w, k, _IN, gains[2], gains[3], gains[4], _kept(w[at(_DRY, k)]))
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
    left = fma(gains[1], _low_pass(w, k, _LEFT, gains[5], gains[6], gains[7], left), direct)
    right = fma(gains[1], _low_pass(w, k, _RIGHT, gains[5], gains[6], gains[7], right), direct)
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
        for slot in range(_STATES * LANES):
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
        for slot in range(_STATES * LANES):
            filters[group, slot] = w[slot]


_ARGUMENTS = (
    types.float32[:, ::1], types.float32[:, ::1], types.int64[::1], types.bool_, types.int64,
    types.float32[:, ::1], types.float32[:, ::1], types.float64[::1], types.bool_, types.int64, types.int64,
    types.float64[::1], types.float32[::1],
)  # fmt: skip
compiled = Cached(_run, _ARGUMENTS, 5, "chorus")

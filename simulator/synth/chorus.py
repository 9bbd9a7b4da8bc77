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
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from jxctl.protocol.parameters import parameter
from simulator.synth import _chorus_kernel, _lanes
from simulator.synth._chorus_kernel import GUARD, STATES, TAPS
from simulator.synth.profile import CHORUS_LAWS, Profile
from simulator.synth.random import mix_seed
from simulator.synth.voices import HIGHEST_CUTOFF

_ROW = parameter("CHORUS")
POSITIONS = np.array(_ROW.classes)
"""Position of CHORUS, 0 (off) to 2, by raw value: int[128]."""
_PHASE = 103  # what the seed is mixed with for the LFO's phase


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
        lfo = [
            rate / sample_rate,
            middle * sample_rate,
            swing * sample_rate,
            profile.constant("chorus_apart"),
        ]
        filters = [_coefficients(f"chorus_low_pass_{end}", profile, sample_rate) for end in ("in", "out")]
        return cls(np.array(lfo), np.array([dry, wet, *filters[0], *filters[1]], np.float32))


@dataclass
class State:
    """What the chorus of N signals remembers, in groups; ``filters`` and ``lines`` as of `chorus_kernel.run`.

    ``turns``: float64[N], phase of the LFO at sample ``since``. ``shared``: whether all have the same.
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
        groups = -(-len(seeds) // _lanes.LANES)
        shared = profile.choice("chorus_phase") == "key"
        turns = np.zeros(len(seeds)) if shared else seeds / 2.0**32
        return cls(
            np.zeros((groups, STATES * _lanes.LANES), np.float32),
            np.zeros((groups, (length + GUARD) * _lanes.LANES), np.float32),
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
    _chorus_kernel.run(source, target, rows, stereo, column, state.filters, state.lines, state.turns,
                      state.shared, begin, state.since, setting.lfo, setting.gains)  # fmt: skip


def positions(tones: np.ndarray, profile: Profile) -> NDArray[np.int64]:
    """Position of CHORUS for each tone, int64[N]; 0 where the profile makes it sound like off."""
    dry, wet = (profile.laws[f"chorus_{name}"].values for name in ("dry", "wet"))
    audible = (dry != 1) | (wet != 0)
    position = POSITIONS[tones[:, _ROW.column]]
    return np.asarray(np.where(audible[position], position, 0), dtype=np.int64)


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

"""The control loop of the sound board: tones, notes and what is played beside them in, control frames out.

Once per tick (about 10 ms, thesis 3.1.2.2) the board's processor computes LFO and envelopes, programs
the DCO dividers and writes control voltages. `Voicing` holds what does not change while a note sounds;
`Voicing.frames` evaluates any range of ticks at once, for all voices, from closed forms
(`simulator.synth.control_rate`): envelopes are thesis eq. 4.11 and 4.12, evaluated at the end of each tick.

**Performance**: what is played beside keys: bender, wheel, pressure, tuning, volume, portamento and hold. A
board has these in its registers $B0 to $BF. Which register does what is documented (thesis, Appendix A;
captures); how deep it reaches is assumed, law by law, in the profile.

**Component spread**: six voices are six slightly different synths (`deviation`). Off unless a profile says
otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jxctl.protocol.bus import MASTER_TUNE
from jxctl.protocol.parameters import FIRST_ID, PARAMETERS, TONE_PARAMETERS, TONE_SIZE, parameter
from simulator.synth import control_rate
from simulator.synth.control_rate import BOARD, VOICE
from simulator.synth.profile import FloatArray, Profile
from simulator.synth.random import IntArray, signed

NEVER = np.iinfo(np.int64).max // 4
"""A tick that does not come: the start of a voice that is idle, the end of a key that is held."""

A4_NOTE = 69
"""MIDI note from which pitches count in octaves: A4."""

POWER_UP = {"MASTER TUNE1": MASTER_TUNE, "MASTER TUNE2": MASTER_TUNE, "MIDI VOL": 127}
"""Registers that are not zero when a board is switched on, so that it sounds in tune before anything is
written to them (assumed: no capture shows what they hold then)."""

_ROWS = {row.name: row for row in PARAMETERS}
_CLASSES = np.array([row.classes for row in TONE_PARAMETERS])
_COLUMNS = np.arange(TONE_SIZE)

# Fields of a voice's record that one parameter gives, through its law.
_FIELDS = {
    "attack1": "ENV1 ATT", "decay1": "ENV1 DECY", "sustain1": "ENV1 SUS", "release1": "ENV1 REL",
    "attack2": "ENV2 ATT", "decay2": "ENV2 DECY", "sustain2": "ENV2 SUS", "release2": "ENV2 REL",
    "pitch_lfo1": "DCO1 LFO", "pitch_lfo2": "DCO2 LFO", "pitch_env1": "DCO1 ENV", "pitch_env2": "DCO2 ENV",
    "mix1": "MIX DCO1", "mix2": "MIX DCO2", "mix_depth": "MIX ENV",
    "cutoff": "VCF FREQ", "cutoff_lfo": "VCF LFO", "cutoff_env": "VCF ENV", "gain": "VCA LEVEL",
    "lfo_rate": "LFO RATE", "lfo_delay": "LFO DELAY",
}  # fmt: skip
# What several parameters make together.
_PARTS = {
    "range1": ("DCO1 RANGE", ""), "range2": ("DCO2 RANGE", ""), "tune1": ("DCO1 TUNE", ""),
    "tune2": ("DCO2 TUNE", ""), "prescale1": ("DCO1 RANGE", "dco_prescale"),
    "prescale2": ("DCO2 RANGE", "dco_prescale"), "fine": ("DCO2 FTUNE", ""), "key": ("VCF KEY", ""),
    "key1": ("ENV1 KEY", ""), "key2": ("ENV2 KEY", ""),
}  # fmt: skip
_ENTRIES = (*((name, "") for name in _FIELDS.values()), *_PARTS.values())

# What a voice's seed is mixed with for the first of the parts that may be off; the others follow (chosen).
_FIRST_KIND = 301
_KINDS = ("cutoff", "resonance", "envelope", "gain", "pulse_width", "hpf")


@dataclass(frozen=True)
class Performance:
    """What is played beside keys, in physical units. The default changes nothing.

    ``bend`` (semitones) and ``tune`` (cents, of DCO-1 and DCO-2) shift the pitch; ``vibrato`` (cents) is
    LFO that both DCOs get beside the tone's own; ``brightness`` (octaves) shifts the cutoff;
    ``volume`` is a factor on the VCA.

    ``glide_from``: float[N], semitones that each voice was away from its note at tick ``glide_since``
    (int[N]), and ``glide_s`` the seconds an octave takes; None without portamento.
    ``lfo_turns``: turns that an LFO which runs free had made at tick ``lfo_since``.
    """

    bend: float = 0.0
    tune: tuple[float, float] = (0.0, 0.0)
    vibrato: float = 0.0
    brightness: float = 0.0
    volume: float = 1.0
    glide_from: NDArray[np.float64] | None = None
    glide_since: IntArray | None = None
    glide_s: float = 0.0
    lfo_since: int = 0
    lfo_turns: float = 0.0


NEUTRAL = Performance()


def registers_at_power_up() -> NDArray[np.uint8]:
    """What a board's 64 registers hold when it is switched on: zero but for `POWER_UP` (assumed)."""
    registers = np.zeros(64, np.uint8)
    for name, value in POWER_UP.items():
        registers[_ROWS[name].id - FIRST_ID] = value
    return registers


def from_registers(registers: NDArray[np.uint8], profile: Profile) -> Performance:
    """What a board's registers, uint8[64], say; without the glide and the LFO, which take time.

    Pressure acts through the depth of the tone and the switch of the patch. MASTER TUNE1 tunes DCO-1
    and MASTER TUNE2 DCO-2 (assumed; the assigner writes both alike).
    """

    def value(name: str) -> float:
        return float(profile.table(name)[registers[_ROWS[name].id - FIRST_ID]])

    def on(name: str) -> bool:
        return is_on(registers, name)

    pressure = value("AFTERTOUCH")
    up = 1 if on("BENDER POLARITY") else -1
    return Performance(
        bend=up * value("BENDER") * value("BEND RANGE"),
        tune=(value("MASTER TUNE1"), value("MASTER TUNE2")),
        vibrato=value("MODULATION") + (pressure * value("AFTER VIB") if on("AFTER VIB SW") else 0),
        brightness=pressure * value("AFTER BRI") if on("AFTER BRI SW") else 0.0,
        volume=value("MIDI VOL") * (1 + (pressure * value("AFTER VOL") if on("AFTER VOL SW") else 0)),
    )


def is_on(registers: NDArray[np.uint8], name: str) -> bool:
    """Whether a switch with two positions is at the second."""
    row = _ROWS[name]
    return row.position(int(registers[row.id - FIRST_ID])) == 1


def deviation(profile: Profile, kind: str, seeds: IntArray) -> NDArray[np.float64]:
    """How far each voice is off: float64[N], within plus and minus the law ``spread_KIND``.

    ``seeds``: int64[N], one a voice (or, for a part common to them, of its board).
    """
    amount = profile.constant(f"spread_{kind}")
    if amount == 0:
        return np.zeros(len(seeds))
    return amount * signed(seeds, _FIRST_KIND + _KINDS.index(kind))


@dataclass(frozen=True)
class Notes:
    """What each voice plays. All ``int64[N]``.

    ``note``: MIDI note. ``velocity``: 0-127. ``on``, ``off``: the ticks at which the key goes down
    and up (`NEVER`: not yet). ``seed``: 32 bits that key what is a voice's own: its random LFO, its
    deviations. ``board``: 32 bits that key what it shares with the voices of its board; without them
    each voice is on a board of its own.
    """

    note: IntArray
    velocity: IntArray
    on: IntArray
    off: IntArray
    seed: IntArray
    board: IntArray | None = None


class Voicing:
    """Everything about N sounding voices that one tick has in common with the next.

    ``tones``: uint8[N, 48], ``notes``: what they play, ``performance``: what is played beside keys.
    ``voices``: N records, `simulator.synth.control_rate.VOICE`.
    """

    def __init__(
        self, tones: np.ndarray, notes: Notes, profile: Profile, performance: Performance = NEUTRAL
    ) -> None:
        self.tones, self.notes, self.profile = tones, notes, profile
        self.board_seeds = notes.seed if notes.board is None else notes.board
        self._positions = _CLASSES[_COLUMNS, tones]
        physical = profile.gather(tones, _ENTRIES)
        self.voices = np.zeros(len(tones), VOICE)
        for column, field in enumerate(_FIELDS):
            self.voices[field] = physical[:, column]
        parts = dict(zip(_PARTS, physical[:, len(_FIELDS) :].T, strict=True))
        self._set_envelopes(parts)
        self._set_pitch(parts, performance)
        self._set_filter_and_levels(parts, performance)
        self._set_lfo(performance)
        self._board = _board_record(profile)

    def frames(self, first: int, ticks: int) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Control frames of ``ticks`` ticks from tick ``first``.

        Returns ``frequencies``, float64[2, N, ticks] in Hz, exactly clock / (prescale x divider),
        and ``levels``, float32[4, N, ticks]: mixer 1, mixer 2, cutoff in Hz, VCA gain.
        """
        return control_rate.fill(self.voices, self._board, first, ticks)

    def position(self, name: str) -> IntArray:
        """Positions of a switch: int64[N]."""
        return self._positions[:, parameter(name).column]

    def _set_envelopes(self, parts: dict[str, FloatArray]) -> None:
        voices, notes, profile = self.voices, self.notes, self.profile
        voices["on"], voices["off"] = notes.on, notes.off
        keys = (notes.note - profile.constant("env_key_lowest")) / profile.constant("env_key_span")
        spread = 1 + deviation(profile, "envelope", notes.seed)
        for number in ("1", "2"):
            factor = np.exp2(-parts["key" + number] * keys) * spread
            for stage in ("attack", "decay", "release"):
                voices[stage + number] *= factor

    def _set_pitch(self, parts: dict[str, FloatArray], performance: Performance) -> None:
        voices, notes, profile = self.voices, self.notes, self.profile
        signs = self._route("pitch_envelope", "DCO MODE") * self._dynamics("DCO DYNA")
        crystal = profile.constant("dco_clock")
        for dco, number in enumerate(("1", "2")):
            semitones = notes.note + parts["range" + number] + parts["tune" + number]
            semitones = semitones + performance.bend + performance.tune[dco] / 100
            voices["pitch" + number] = (semitones - A4_NOTE) / 12
            voices["pitch_lfo" + number] = (voices["pitch_lfo" + number] + performance.vibrato) / 1200
            voices["pitch_env" + number] *= signs / 1200
            voices["clock" + number] = voices["tuned" + number] = crystal / parts["prescale" + number]
        # Fine tune shifts the clock, so it is not quantised (thesis 3.1.2.1).
        voices["tuned2"] *= np.exp2(parts["fine"] / 1200)
        if performance.glide_from is not None and performance.glide_s > 0:
            voices["glide_from"] = performance.glide_from / 12
            voices["glide_since"] = performance.glide_since
            voices["glide_rate"] = 1 / performance.glide_s

    def _set_filter_and_levels(self, parts: dict[str, FloatArray], performance: Performance) -> None:
        voices, notes, profile = self.voices, self.notes, self.profile
        octaves = (notes.note - profile.constant("vcf_key_centre")) / 12
        voices["cutoff"] = np.log2(voices["cutoff"]) + parts["key"] * octaves
        voices["cutoff"] += performance.brightness + deviation(profile, "cutoff", notes.seed)
        voices["cutoff_env"] *= self._route("cutoff_envelope", "VCF MODE") * self._dynamics("VCF DYNA")
        voices["drift_seed"] = notes.seed
        voices["mix_depth"] *= self._dynamics("MIX DYNA")
        voices["mix_inverted"] = self._route("mix_envelope", "MIX MODE") < 0
        voices["gain"] *= self._dynamics("VCA DYNA") * profile.constant("voice_gain") * performance.volume
        voices["gain"] *= 1 + deviation(profile, "gain", notes.seed)
        voices["gated"] = self.position("VCA MODE") == 0

    def _set_lfo(self, performance: Performance) -> None:
        voices, notes = self.voices, self.notes
        voices["lfo_wave"] = self.position("LFO WF")
        voices["lfo_fade"] = voices["lfo_delay"] * self.profile.constant("lfo_fade")
        if self.profile.choice("lfo_phase") == "free":
            voices["lfo_seed"] = self.board_seeds
            voices["lfo_since"], voices["lfo_turns"] = performance.lfo_since, performance.lfo_turns
        else:
            voices["lfo_seed"], voices["lfo_since"] = notes.seed, notes.on

    def _route(self, field: str, mode: str) -> IntArray:
        """Set the envelope (1 or 2) that a MODE switch selects; return -1 where it is inverted, else 1."""
        position = self.position(mode)
        self.voices[field] = np.where(position >= 2, 1, 2)
        return position % 2 * 2 - 1

    def _dynamics(self, name: str) -> FloatArray:
        return self.profile.dynamics(self.tones, name, self.notes.velocity)


def _board_record(profile: Profile) -> np.void:
    """What all voices have in common, `simulator.synth.control_rate.BOARD`."""
    board = np.zeros(1, BOARD)
    board["tick_s"] = profile.constant("tick")
    board["lowest"], board["highest"] = (
        np.log2(profile.constant(f"vcf_{end}")) for end in ("lowest", "highest")
    )
    board["drift"], board["drift_s"] = profile.constant("drift_cutoff"), profile.constant("drift_time")
    board["sine"] = profile.choice("lfo_wave3") == "sine"
    board["crossfade"] = profile.choice("mixer") == "crossfade"
    board["stepping"] = profile.choice("divider_stepping") == "on"
    return board[0]

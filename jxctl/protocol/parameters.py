"""The table: every parameter number of the Super-JX sound board, $80 to $BF, once.

Codecs, simulator, estimator heads, command line and documents derive from `PARAMETERS`; nothing
else in jx repeats a number, a name or a switch position.

Sources, as named in ``evidence`` and ``source``:

* ``thesis A``: Vecoven 2020, Appendix A (names and numbers, from the disassembled firmware).
* ``captured``: the value or the bytes were seen on a real instrument (`superjx_patch_load_bus`).
* ``manual``: Roland JX-8P owner's manual, pages 8 to 31.

The id of a tone parameter is $80 + (its SysEx number - 11); the rule is checked below.
Raw values are 7-bit (0-127). A *level* uses all of them. A *switch* is left-aligned: its positions
are ranges (bins) of raw values, of which the first is written and all are accepted, because real
factory data holds values such as $4C inside a bin.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal

Kind = Literal["level", "switch"]
Evidence = Literal["documented", "captured", "inferred", "assumed"]

FIRST_ID, LAST_ID = 0x80, 0xBF
TONE_SIZE = 48
"""Tone parameters, $80 to $AF: column k of a tone batch is parameter $80 + k."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One row of the table.

    Args:
        id: number on the sound-board bus, $80-$BF.
        name: as `docs/parameters.md` lists it.
        group: the block of the panel it belongs to.
        kind: a level, 0-127, or a switch.
        law: the name under which a profile holds the raw-to-physical law (empty: none is known or needed).
        labels: a switch's positions.
        starts: the first raw value of each.
        sysex: number in a JX-8P / MKS-70 tone message.
        pg800: whether a PG-800 has a control for it.
        evidence: how the meaning is known.
        note: what is not known, or why it is so.

    Examples:
        >>> parameter("DCO1 WF").labels
        ('noise', 'square', 'pulse', 'sawtooth')
    """

    id: int
    name: str
    group: str
    kind: Kind
    law: str
    labels: tuple[str, ...]
    starts: tuple[int, ...]
    sysex: int | None
    pg800: bool
    evidence: Evidence
    note: str = ""

    @property
    def positions(self) -> int:
        """How many positions a switch has; 128 for a level."""
        return len(self.starts) if self.kind == "switch" else 128

    @property
    def is_tone(self) -> bool:
        """Whether the parameter belongs to a stored tone ($80-$AF)."""
        return self.id < FIRST_ID + TONE_SIZE

    @property
    def column(self) -> int:
        """Column in a tone batch (tone parameters only)."""
        return self.id - FIRST_ID

    @property
    def classes(self) -> tuple[int, ...]:
        """For each raw value 0-127, the class it falls in: a switch's position, a level's own value."""
        return tuple(self.position(raw) if self.starts else raw for raw in range(128))

    def position(self, raw: int) -> int:
        """Switch position (0-based) of a raw value."""
        return bisect_right(self.starts, raw) - 1

    def label(self, raw: int) -> str:
        """What the panel would show: a switch's label, or the number of a level."""
        return self.labels[self.position(raw)] if self.kind == "switch" else str(raw)

    def start(self, position: int) -> int:
        """The raw value that is written for a switch position."""
        return self.starts[position]


_FOUR = (0, 32, 64, 96)
_THREE = (0, 32, 64)
_TWO = (0, 64)
# Measured on an instrument: the bins at both ends and the one at 0 hold six values, the others
# five (jx_hardware.md section 4.5, parameters 13 and 19).
_TUNE_STARTS = (0, *range(6, 61, 5), 61, *range(67, 118, 5), 122)
_TUNE_LABELS = tuple(f"{semitone:+d}" if semitone else "0" for semitone in range(-12, 13))

_RANGE = ("16'", "8'", "4'", "2'")
# Roland prints square and sawtooth the other way round; factory tones settle it
# (jx_hardware.md section 5.2).
_WAVE = ("noise", "square", "pulse", "sawtooth")
_XMOD = ("off", "sync 1", "sync 2", "x-mod")
_OFF_TO_3 = ("off", "1", "2", "3")
_ENV_MODE = ("ENV-2 inverted", "ENV-2", "ENV-1 inverted", "ENV-1")

# fmt: off
_SWITCHES: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
    "range":  (_RANGE, _FOUR),
    "wave":   (_WAVE, _FOUR),
    "tune":   (_TUNE_LABELS, _TUNE_STARTS),
    "xmod":   (_XMOD, _FOUR),
    "dyna":   (_OFF_TO_3, _FOUR),
    "mode":   (_ENV_MODE, _FOUR),
    "hpf":    (("0", "1", "2", "3"), _FOUR),
    "chorus": (("off", "1", "2"), _THREE),
    "lfo":    (("random", "square", "triangle"), _THREE),
    "key":    (_OFF_TO_3, _FOUR),
    "vca":    (("gate", "ENV-2"), _TWO),
    "off_on": (("off", "on"), _TWO),
    "bend":   (("2", "3", "4", "7"), _FOUR),
    "sign":   (("down", "up"), _TWO),
}

# id, name, group, switch positions ("" for a level), law, PG-800, evidence, note
_ROWS: tuple[tuple[int, str, str, str, str, bool, Evidence, str], ...] = (
    (0x80, "DCO1 RANGE",      "DCO-1", "range",  "dco_range",    True,  "documented", ""),
    (0x81, "DCO1 WF",         "DCO-1", "wave",   "dco_wave",     True,  "documented", ""),
    (0x82, "DCO1 TUNE",       "DCO-1", "tune",   "dco_tune",     True,  "documented", ""),
    (0x83, "DCO1 LFO",        "DCO-1", "",       "dco_lfo",      True,  "documented", ""),
    (0x84, "DCO1 ENV",        "DCO-1", "",       "dco_env",      True,  "documented", ""),
    (0x85, "DCO2 RANGE",      "DCO-2", "range",  "dco_range",    True,  "documented", ""),
    (0x86, "DCO2 WF",         "DCO-2", "wave",   "dco_wave",     True,  "documented", ""),
    (0x87, "DCO XMOD",        "DCO-2", "xmod",   "dco_xmod",     True,  "documented",
     "sources disagree on sync 2: sync 1 with x-mod (manual) or DCO-1 synced by DCO-2 (thesis)"),
    (0x88, "DCO2 TUNE",       "DCO-2", "tune",   "dco_tune",     True,  "documented", ""),
    (0x89, "DCO2 FTUNE",      "DCO-2", "",       "dco_ftune",    True,  "documented", ""),
    (0x8A, "DCO2 LFO",        "DCO-2", "",       "dco_lfo",      True,  "documented", ""),
    (0x8B, "DCO2 ENV",        "DCO-2", "",       "dco_env",      True,  "documented", ""),
    (0x8C, "AFTER VIB",       "AFTERTOUCH", "",  "after_vib",    False, "documented",
     "depth; undefined in Roland's SysEx table"),
    (0x8D, "AFTER BRI",       "AFTERTOUCH", "",  "after_bri",    False, "documented",
     "depth; undefined in Roland's SysEx table"),
    (0x8E, "AFTER VOL",       "AFTERTOUCH", "",  "after_vol",    False, "documented",
     "depth; undefined in Roland's SysEx table"),
    (0x8F, "DCO DYNA",        "DCO",   "dyna",   "dynamics",     True,  "documented", ""),
    (0x90, "DCO MODE",        "DCO",   "mode",   "env_mode",     True,  "documented", ""),
    (0x91, "MIX DCO1",        "MIXER", "",       "mix_level",    True,  "documented", ""),
    (0x92, "MIX DCO2",        "MIXER", "",       "mix_level",    True,  "documented", ""),
    (0x93, "MIX ENV",         "MIXER", "",       "mix_env",      True,  "documented",
     "acts on DCO-2 only (manual) or cross-fades both (thesis eq. 4.6)"),
    (0x94, "MIX DYNA",        "MIXER", "dyna",   "dynamics",     True,  "documented", ""),
    (0x95, "MIX MODE",        "MIXER", "mode",   "env_mode",     True,  "documented", ""),
    (0x96, "HPF FREQ",        "HPF",   "hpf",    "hpf_corner",   True,  "documented", ""),
    (0x97, "VCF FREQ",        "VCF",   "",       "vcf_cutoff",   True,  "documented", ""),
    (0x98, "VCF RES",         "VCF",   "",       "vcf_damping",  True,  "documented", ""),
    (0x99, "VCF LFO",         "VCF",   "",       "vcf_lfo",      True,  "documented", ""),
    (0x9A, "VCF ENV",         "VCF",   "",       "vcf_env",      True,  "documented", ""),
    (0x9B, "VCF KEY",         "VCF",   "",       "vcf_key",      True,  "documented", ""),
    (0x9C, "VCF DYNA",        "VCF",   "dyna",   "dynamics",     True,  "documented", ""),
    (0x9D, "VCF MODE",        "VCF",   "mode",   "env_mode",     True,  "documented", ""),
    (0x9E, "VCA LEVEL",       "VCA",   "",       "vca_level",    True,  "documented",
     "the assigner scales it by patch volume and balance before it reaches the board"),
    (0x9F, "VCA DYNA",        "VCA",   "dyna",   "dynamics",     True,  "documented", ""),
    (0xA0, "CHORUS",          "CHORUS", "chorus", "chorus",      True,  "documented", ""),
    (0xA1, "LFO WF",          "LFO",   "lfo",    "lfo_wave",     True,  "documented",
     "position 3 is a sine on the panel, a triangle in the MIDI table"),
    (0xA2, "LFO DELAY",       "LFO",   "",       "lfo_delay",    True,  "documented", ""),
    (0xA3, "LFO RATE",        "LFO",   "",       "lfo_rate",     True,  "documented", ""),
    (0xA4, "ENV1 ATT",        "ENV-1", "",       "env_attack",   True,  "documented", ""),
    (0xA5, "ENV1 DECY",       "ENV-1", "",       "env_decay",    True,  "documented", ""),
    (0xA6, "ENV1 SUS",        "ENV-1", "",       "env_sustain",  True,  "documented", ""),
    (0xA7, "ENV1 REL",        "ENV-1", "",       "env_release",  True,  "documented", ""),
    (0xA8, "ENV1 KEY",        "ENV-1", "key",    "env_key",      True,  "documented", ""),
    (0xA9, "ENV2 ATT",        "ENV-2", "",       "env_attack",   True,  "documented", ""),
    (0xAA, "ENV2 DECY",       "ENV-2", "",       "env_decay",    True,  "documented", ""),
    (0xAB, "ENV2 SUS",        "ENV-2", "",       "env_sustain",  True,  "documented", ""),
    (0xAC, "ENV2 REL",        "ENV-2", "",       "env_release",  True,  "documented", ""),
    (0xAD, "ENV2 KEY",        "ENV-2", "key",    "env_key",      True,  "documented", ""),
    (0xAE, "UNKNOWN AE",      "UNKNOWN", "",     "",             False, "captured",
     "sent by the stock assigner; meaning unknown; preserved"),
    (0xAF, "VCA MODE",        "VCA",   "vca",    "vca_mode",     True,  "documented", ""),
    (0xB0, "PORTA TIME",      "PERFORMANCE", "", "porta_time",   False, "captured", ""),
    (0xB1, "MIDI VOL",        "PERFORMANCE", "", "midi_volume",  False, "documented", ""),
    (0xB2, "BENDER",          "PERFORMANCE", "", "bender",       False, "documented",
     "magnitude; sign in $BF"),
    (0xB3, "AFTERTOUCH",      "PERFORMANCE", "", "aftertouch",   False, "documented", "pressure"),
    (0xB4, "MASTER TUNE1",    "PERFORMANCE", "", "master_tune",  False, "captured",
     "sent with $BE, same value; cents per step unknown"),
    (0xB5, "PORTA SW",        "PERFORMANCE", "off_on", "",       False, "captured", ""),
    (0xB6, "SILENCE",         "PERFORMANCE", "off_on", "",       False, "captured", ""),
    (0xB7, "BEND RANGE",      "PERFORMANCE", "bend", "bend_range", False, "inferred",
     "semitones, by analogy with the SysEx patch parameter; 00 = 2 is captured"),
    (0xB8, "AFTER VIB SW",    "PERFORMANCE", "off_on", "",       False, "captured", ""),
    (0xB9, "AFTER BRI SW",    "PERFORMANCE", "off_on", "",       False, "captured", ""),
    (0xBA, "AFTER VOL SW",    "PERFORMANCE", "off_on", "",       False, "captured", ""),
    (0xBB, "HOLD SW",         "PERFORMANCE", "off_on", "",       False, "captured", ""),
    (0xBC, "MODULATION",      "PERFORMANCE", "", "modulation",   False, "documented", ""),
    (0xBD, "CHECK ENV SW",    "PERFORMANCE", "off_on", "",       False, "captured",
     "sent at patch load; function unknown"),
    (0xBE, "MASTER TUNE2",    "PERFORMANCE", "", "master_tune",  False, "captured", "see $B4"),
    (0xBF, "BENDER POLARITY", "PERFORMANCE", "sign", "",         False, "documented", ""),
)
# fmt: on


def _parameter(
    id: int, name: str, group: str, switch: str, law: str, pg800: bool, evidence: Evidence, note: str
) -> Parameter:
    labels, starts = _SWITCHES[switch] if switch else ((), ())
    sysex = id - FIRST_ID + 11 if id < FIRST_ID + TONE_SIZE else None
    kind: Kind = "switch" if switch else "level"
    return Parameter(id, name, group, kind, law, labels, starts, sysex, pg800, evidence, note)


PARAMETERS: tuple[Parameter, ...] = tuple(_parameter(*row) for row in _ROWS)
"""All rows in order of id."""

TONE_PARAMETERS: tuple[Parameter, ...] = PARAMETERS[:TONE_SIZE]
"""The rows of a stored tone, in column order."""

BY_NAME: dict[str, Parameter] = {parameter.name: parameter for parameter in PARAMETERS}


def parameter(key: int | str) -> Parameter:
    """The row of the table for an id or a name.

    Args:
        key: bus id ($80-$BF), or name (any case, ``_`` or ``.`` for the space).

    Returns:
        The row.

    Raises:
        KeyError: for anything else.

    Examples:
        >>> parameter("vcf_freq").id == parameter(0x97).id
        True
    """
    if isinstance(key, int):
        if not FIRST_ID <= key <= LAST_ID:
            raise KeyError(f"no parameter has id {key:#04x}")
        return PARAMETERS[key - FIRST_ID]
    return BY_NAME[key.upper().replace("_", " ").replace(".", " ")]


def table_hash() -> str:
    """Hash of what a tone batch means: ids, names, kinds and bins of the tone parameters.

    A checkpoint trained against another table is refused by it.
    """
    text = "\n".join(f"{p.id} {p.name} {p.kind} {p.starts} {p.labels}" for p in TONE_PARAMETERS)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _check() -> None:
    """Refuse to import a table with a gap, an overlap or a switch whose bins do not cover 0-127."""
    ids = [p.id for p in PARAMETERS]
    if ids != list(range(FIRST_ID, LAST_ID + 1)):
        raise AssertionError("parameter ids must run from $80 to $BF without gap or overlap")
    if len(BY_NAME) != len(PARAMETERS):
        raise AssertionError("parameter names must be unique")
    for p in PARAMETERS:
        if p.kind == "switch":
            ordered = all(low < high for low, high in zip(p.starts, p.starts[1:], strict=False))
            if p.starts[0] != 0 or not ordered or p.starts[-1] > 127 or len(p.labels) != len(p.starts):
                raise AssertionError(f"{p.name}: bins must start at 0, rise, and each have a label")


_check()

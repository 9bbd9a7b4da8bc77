"""A tone of Vecoven's V4 firmware, 101 raw values, and its conversion from and to a stock tone.

V4 adds PWM, a second LFO, two more envelopes and a source for every destination (jx_hardware.md 4.10). A
stock tone says about half of the values; `from_stock` and `to_stock` say in words what is lost.

The stock envelopes become ENV-3 and ENV-4, the stock LFO becomes LFO-1, and a stock VCA gate
becomes ENV-2 as a plain on and off: so are the factory tones in a V4 bank (captured:
`vecoven_v4_bulk_bank.syx`; that the firmware meant them so is inferred).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jxctl.errors import ToneError
from jxctl.protocol.parameters import TONE_SIZE, parameter
from jxctl.protocol.patch import name_from_json
from jxctl.protocol.rows import Row, RowKind, Table
from jxctl.protocol.tone import NAME_SIZE, Tone, encode_name, name_text

JSON_FORMAT = "jx.tone-v4"
JSON_VERSION = 1
RECORD_SIZE = 77
"""Bytes of its bulk record, without the checksum."""

PULSE_WIDTH = 0x40
"""The width of a tone without PWM (captured in 48 of 50 tones)."""

_Positions = tuple[tuple[str, ...], tuple[int, ...]]


def _stock(name: str) -> _Positions:
    return parameter(name).labels, parameter(name).starts


_TWO_BITS, _THREE_BITS = (0, 32, 64, 96), tuple(range(0, 128, 16))
_SOURCES = tuple(f"ENV-{n}{sign}" for n in range(1, 5) for sign in (" inverted", ""))
_SWITCHES: dict[str, _Positions] = {
    "": ((), ()),
    "unknown": ((), ()),
    "range": _stock("DCO1 RANGE"),
    "wave": _stock("DCO1 WF"),
    "tune": _stock("DCO1 TUNE"),
    "xmod": _stock("DCO XMOD"),
    "dyna": _stock("DCO DYNA"),
    "hpf": _stock("HPF FREQ"),
    "chorus": _stock("CHORUS"),
    "lfo": (("LFO-1 inverted", "LFO-1", "LFO-2 inverted", "LFO-2"), _TWO_BITS),
    "env": (_SOURCES, _THREE_BITS),
    "key": (("off", "1", "2", "3", "loop 0", "loop 1", "loop 2", "loop 3"), _THREE_BITS),
    "lfo_wave": (("random", "square", "saw down", "saw up", "sine"), _THREE_BITS[:5]),
    "sync": (("off", "on", "key"), _TWO_BITS[:3]),
}

# name, switch positions, IPR number (0: none known), in the order of an APR message. Positions are
# documented (4.10); that DCO TUNE keeps the stock bins and the waveforms their stock order is assumed.
_ROWS: tuple[tuple[str, str, int], ...] = (
    ("DCO1 TUNE", "tune", 0x0D), ("DCO1 LFO", "", 0x0E), ("DCO1 ENV", "", 0x10),
    ("DCO2 TUNE", "tune", 0x15), ("DCO2 FTUNE", "", 0x1C), ("DCO2 LFO", "", 0x16), ("DCO2 ENV", "", 0x18),
    ("PWM1 WIDTH", "", 0x1F), ("PWM1 ENV", "", 0x20), ("PWM1 LFO", "", 0x21),
    ("PWM2 WIDTH", "", 0x25), ("PWM2 ENV", "", 0x26), ("PWM2 LFO", "", 0x27),
    ("MIX DCO1", "", 0x2B), ("MIX DCO2", "", 0x2C), ("MIX ENV", "", 0x2D),
    ("VCF FREQ", "", 0x30), ("VCF RES", "", 0x31), ("VCF LFO1", "", 0x32), ("VCF LFO2", "", 0x33),
    ("VCF ENV", "", 0x34), ("VCF KEY", "", 0x35), ("VCA LEVEL", "", 0x38),
    ("LFO1 DELAY", "", 0x3C), ("LFO1 RATE", "", 0x3D), ("LFO1 CROSS", "", 0x3E),
    ("LFO2 DELAY", "", 0x41), ("LFO2 RATE", "", 0x42), ("LFO2 CROSS", "", 0x43),
    ("ENV1 T1", "", 0x45), ("ENV1 L1", "", 0x46), ("ENV1 T2", "", 0x47), ("ENV1 L2", "", 0x48),
    ("ENV1 T3", "", 0x49), ("ENV1 L3", "", 0x4A), ("ENV1 T4", "", 0x4B),
    ("ENV2 T1", "", 0x4D), ("ENV2 L1", "", 0x4E), ("ENV2 T2", "", 0x4F), ("ENV2 L2", "", 0x50),
    ("ENV2 T3", "", 0x51), ("ENV2 L3", "", 0x52), ("ENV2 T4", "", 0x53),
    ("ENV3 ATT", "", 0x55), ("ENV3 DECY", "", 0x56), ("ENV3 SUS", "", 0x57), ("ENV3 REL", "", 0x58),
    ("ENV4 ATT", "", 0x5A), ("ENV4 DECY", "", 0x5B), ("ENV4 SUS", "", 0x5C), ("ENV4 REL", "", 0x5D),
    ("UNKNOWN 62", "unknown", 0), ("UNKNOWN 63", "unknown", 0),
    ("DCO1 RANGE", "range", 0x0B), ("DCO1 WF", "wave", 0x0C),
    ("DCO2 RANGE", "range", 0x13), ("DCO2 WF", "wave", 0x14), ("DCO XMOD", "xmod", 0x1B),
    ("DCO1 DYNA", "dyna", 0x11), ("DCO2 DYNA", "dyna", 0x19), ("MIX DYNA", "dyna", 0x2E),
    ("DCO1 LFO SOURCE", "lfo", 0x0F), ("DCO2 LFO SOURCE", "lfo", 0x17),
    ("PWM1 LFO SOURCE", "lfo", 0x22), ("PWM2 LFO SOURCE", "lfo", 0x28),
    ("PWM1 DYNA", "dyna", 0x23), ("PWM2 DYNA", "dyna", 0x29),
    ("LFO1 SYNC", "sync", 0x3F), ("LFO2 SYNC", "sync", 0x44),
    ("ENV1 KEY", "key", 0x4C), ("ENV2 KEY", "key", 0x54), ("HPF FREQ", "hpf", 0x1D),
    ("DCO1 SOURCE", "env", 0x12), ("DCO2 SOURCE", "env", 0x1A), ("VCA DYNA", "dyna", 0x3A),
    ("MIX SOURCE", "env", 0x2F), ("VCF SOURCE", "env", 0x37), ("VCF DYNA", "dyna", 0x36),
    ("VCA SOURCE", "env", 0x39), ("LFO1 WF", "lfo_wave", 0x3B), ("CHORUS", "chorus", 0x1E),
    ("LFO2 WF", "lfo_wave", 0x40), ("ENV3 KEY", "key", 0x59), ("UNKNOWN 94", "unknown", 0),
    ("PWM1 SOURCE", "env", 0x24), ("PWM2 SOURCE", "env", 0x2A), ("UNKNOWN 97", "unknown", 0),
    ("ENV4 KEY", "key", 0x5E), ("UNKNOWN 99", "unknown", 0), ("UNKNOWN 100", "unknown", 0),
)  # fmt: skip


# Values that both have under the same name.
_SAME = (
    "DCO1 RANGE", "DCO1 WF", "DCO1 TUNE", "DCO1 LFO", "DCO1 ENV",
    "DCO2 RANGE", "DCO2 WF", "DCO XMOD", "DCO2 TUNE", "DCO2 FTUNE", "DCO2 LFO", "DCO2 ENV",
    "MIX DCO1", "MIX DCO2", "MIX ENV", "MIX DYNA", "HPF FREQ",
    "VCF FREQ", "VCF RES", "VCF ENV", "VCF KEY", "VCF DYNA", "VCA LEVEL", "VCA DYNA", "CHORUS",
)  # fmt: skip

# Stock name to V4 name, where the raw values mean the same.
_RENAMED = {
    "VCF LFO": "VCF LFO1",
    "LFO DELAY": "LFO1 DELAY",
    "LFO RATE": "LFO1 RATE",
    **{f"ENV{n} {part}": f"ENV{n + 2} {part}" for n in (1, 2) for part in ("ATT", "DECY", "SUS", "REL")},
}

# V4 source to the stock modes it serves; DCO DYNA and DCO MODE of a stock tone hold for both DCOs.
_MODES = {
    "DCO1 SOURCE": "DCO MODE",
    "DCO2 SOURCE": "DCO MODE",
    "MIX SOURCE": "MIX MODE",
    "VCF SOURCE": "VCF MODE",
}
_STOCK_OF = {
    "ENV-3": "ENV-1",
    "ENV-3 inverted": "ENV-1 inverted",
    "ENV-4": "ENV-2",
    "ENV-4 inverted": "ENV-2 inverted",
}
_V4_OF = {stock: v4 for v4, stock in _STOCK_OF.items()}
_LFO_WAVE = {"random": "random", "square": "square", "triangle": "sine"}

_SWITCH_AND_HOLD: dict[str, int | str] = {
    f"ENV2 {part}": 127 if part[0] == "L" else 0 for part in ("T1", "L1", "T2", "L2", "T3", "L3", "T4")
}
# Written by factory tones where V4 has nothing (jx_hardware.md 2.3, 4.5).
_UNSAID = ("AFTER VIB", "AFTER BRI", "AFTER VOL", "UNKNOWN AE")
_UNSAID_RAW = 127


def _rows() -> tuple[Row, ...]:
    rows = [Row(n, f"NAME {n + 1}", "character", ipr=n) for n in range(NAME_SIZE)]
    rows.append(Row(NAME_SIZE, "UNKNOWN 10", note="between name and values; meaning unknown"))
    for name, switch, number in _ROWS:
        labels, starts = _SWITCHES[switch]
        kind: RowKind = "bins" if labels else "level"
        note = "sent by the instrument; meaning unknown" if switch == "unknown" else ""
        rows.append(Row(len(rows), name, kind, labels, starts, number or None, note))
    return tuple(rows)


TONE_V4 = Table("V4 tone", _rows())
"""The 101 values of a V4 tone in the order of its APR message."""

BY_IPR: dict[int, Row] = {row.ipr: row for row in TONE_V4.rows if row.ipr is not None}
"""Rows by their number in an individual-parameter message (op 39)."""

if sorted(BY_IPR) != [*range(0x0A), *range(0x0B, 0x5F)]:
    raise AssertionError("V4 individual-parameter numbers must be 00 to 09 and 0B to 5E, each once")


@dataclass(frozen=True, slots=True)
class ToneV4:
    """101 raw values of 0-127, name first.

    ``rest``: the bits of its bulk record that no value claims, as they were (77 bytes; empty: all
    zero). They mean nothing that is known and do not count when tones are compared.

    Raises `ToneError` for another number of values, a value above 127 or a rest of another size.
    """

    values: bytes
    rest: bytes = field(default=b"", compare=False)

    def __post_init__(self) -> None:
        TONE_V4.check(self.values)
        if self.rest and len(self.rest) != RECORD_SIZE:
            raise ToneError(f"the rest of a V4 tone is {RECORD_SIZE} bytes, not {len(self.rest)}")

    @property
    def name_bytes(self) -> bytes:
        """The ten bytes of the name as stored."""
        return self.values[:NAME_SIZE]

    @property
    def name(self) -> str:
        """The name as text (`jxctl.protocol.tone.name_text`)."""
        return name_text(self.name_bytes)

    def named(self, name: str) -> ToneV4:
        """The same values under another name (ASCII, cut or padded to 10 characters)."""
        return replace(self, values=encode_name(name) + self.values[NAME_SIZE:])

    def raw(self, key: int | str) -> int:
        """Raw value by number or name."""
        return self.values[TONE_V4.row(key).number]

    def label(self, key: int | str) -> str:
        """What a player reads for a value."""
        return TONE_V4.row(key).label(self.raw(key))

    def with_values(self, changes: Mapping[str, int | str]) -> ToneV4:
        """A copy with some values changed: raw numbers or labels. Raises `ToneError`."""
        return replace(self, values=TONE_V4.changed(self.values, changes))

    def to_json(self) -> dict[str, Any]:
        """Plain data for JSON: raw values by name; hexadecimal for the exact name and the rest."""
        return {
            "format": JSON_FORMAT,
            "version": JSON_VERSION,
            "name": self.name,
            "name_hex": self.name_bytes.hex(),
            **({"rest_hex": self.rest.hex()} if self.rest else {}),
            "values": TONE_V4.to_json(self.values),
        }

    @classmethod
    def from_json(cls, data: object) -> ToneV4:
        """A tone from the form of `to_json`; values may be labels. Raises `ToneError`."""
        if not isinstance(data, dict) or data.get("format") != JSON_FORMAT:
            raise ToneError('not a V4 tone: the key "format" is not "jx.tone-v4"')
        if data.get("version") != JSON_VERSION:
            raise ToneError(f"V4 tone version {data.get('version')!r} cannot be read, only {JSON_VERSION}")
        try:
            rest = bytes.fromhex(data.get("rest_hex", ""))
        except (TypeError, ValueError):
            raise ToneError(f"rest_hex is {data['rest_hex']!r}; expected hexadecimal digits") from None
        return cls(TONE_V4.from_json(data.get("values"), name_from_json(data, NAME_SIZE)), rest)


def from_stock(tone: Tone) -> tuple[ToneV4, list[str]]:
    """A stock tone in V4's terms, and what V4 cannot say, in words.

    Switches are written at the start of their bin, for V4 keeps only their position.
    """
    changes: dict[str, int | str] = {"UNKNOWN 10": tone.byte_10, "PWM1 WIDTH": PULSE_WIDTH}
    changes["PWM2 WIDTH"] = PULSE_WIDTH
    for name in _SAME:
        changes[name] = _bin_start(tone, name)
    for stock, v4 in _RENAMED.items():
        changes[v4] = tone.raw(stock)
    for v4, stock in _MODES.items():
        changes[v4] = _V4_OF[tone.label(stock)]
    for dco in ("DCO1", "DCO2"):
        changes[f"{dco} DYNA"] = _bin_start(tone, "DCO DYNA")
        changes[f"{dco} LFO SOURCE"] = "LFO-1"
    for n in (1, 2):
        changes[f"ENV{n + 2} KEY"] = tone.label(f"ENV{n} KEY")
    changes |= {"LFO1 WF": _LFO_WAVE[tone.label("LFO WF")], "LFO1 SYNC": "on"} | _SWITCH_AND_HOLD
    changes["VCA SOURCE"] = "ENV-2" if tone.label("VCA MODE") == "gate" else "ENV-4"
    blank = ToneV4(tone.name_bytes + bytes(len(TONE_V4.rows) - NAME_SIZE))
    lost = [f"{name} {tone.raw(name)}" for name in _UNSAID if tone.raw(name) != _UNSAID_RAW]
    return blank.with_values(changes), lost


def to_stock(v4: ToneV4) -> tuple[Tone, list[str]]:
    """A V4 tone as the nearest stock tone, and what of it a stock tone cannot say, in words."""
    lost: list[str] = []
    changes: dict[str, int | str] = {name: v4.raw(name) for name in _SAME}
    changes |= {stock: v4.raw(name) for stock, name in _RENAMED.items()}
    changes |= dict.fromkeys(_UNSAID, _UNSAID_RAW)
    for n in (1, 2):
        changes[f"ENV{n} KEY"] = _or_lost(v4, f"ENV{n + 2} KEY", ("off", "1", "2", "3"), "off", lost)
    wave = {v4_label: stock for stock, v4_label in _LFO_WAVE.items()}
    changes["LFO WF"] = wave.get(v4.label("LFO1 WF"), "triangle")
    if v4.label("LFO1 WF") not in wave and _uses_lfo1(v4):
        lost.append(_said(v4, "LFO1 WF"))
    for source, mode in reversed(_MODES.items()):
        changes[mode] = _STOCK_OF.get(v4.label(source), "ENV-1")
        if v4.label(source) not in _STOCK_OF and v4.raw(_depth(source)):
            lost.append(_said(v4, source))
    changes["DCO DYNA"] = v4.label("DCO1 DYNA")
    lost += _vca(v4, changes) + _two_dcos(v4) + _lfo(v4) + _pwm(v4)
    if v4.raw("LFO1 CROSS") and _uses_lfo1(v4):
        lost.append(_said(v4, "LFO1 CROSS"))
    stock = Tone(bytes(TONE_SIZE), v4.name_bytes, v4.raw("UNKNOWN 10"))
    return stock.with_values(changes), lost


def _bin_start(tone: Tone, name: str) -> int:
    # Tune keeps all seven bits in V4; other switches keep the position alone.
    p = parameter(name)
    switch = p.kind == "switch" and not name.endswith("TUNE")
    return p.start(tone.position(name)) if switch else tone.raw(name)


def _said(v4: ToneV4, name: str) -> str:
    return f"{name} {v4.label(name)}"


def _or_lost(v4: ToneV4, name: str, allowed: tuple[str, ...], otherwise: str, lost: list[str]) -> str:
    if v4.label(name) in allowed:
        return v4.label(name)
    lost.append(_said(v4, name))
    return otherwise


def _depth(source: str) -> str:
    return source.replace("SOURCE", "ENV")


def _vca(v4: ToneV4, changes: dict[str, int | str]) -> list[str]:
    source = v4.label("VCA SOURCE")
    on_and_off = all(v4.raw(name) == raw for name, raw in _SWITCH_AND_HOLD.items())
    changes["VCA MODE"] = "gate" if source == "ENV-2" and on_and_off else "ENV-2"
    exact = source == "ENV-4" or changes["VCA MODE"] == "gate"
    return [] if exact else [_said(v4, "VCA SOURCE")]


def _two_dcos(v4: ToneV4) -> list[str]:
    """A stock tone has one dynamics switch and one envelope mode for both DCOs; DCO-1's are taken."""
    lost = []
    for name, first in (("DCO2 DYNA", "DCO1 DYNA"), ("DCO2 SOURCE", "DCO1 SOURCE")):
        if v4.label(name) != v4.label(first) and v4.raw("DCO2 ENV"):
            lost.append(_said(v4, name))
    return lost


def _uses_lfo1(v4: ToneV4) -> bool:
    return any(v4.raw(name) for name in ("DCO1 LFO", "DCO2 LFO", "VCF LFO1"))


def _lfo(v4: ToneV4) -> list[str]:
    lost = [
        _said(v4, f"{dco} LFO SOURCE")
        for dco in ("DCO1", "DCO2")
        if v4.raw(f"{dco} LFO") and v4.label(f"{dco} LFO SOURCE") != "LFO-1"
    ]
    return lost + ([_said(v4, "VCF LFO2")] if v4.raw("VCF LFO2") else [])


def _pwm(v4: ToneV4) -> list[str]:
    """Pulse width is heard only where the waveform is a pulse."""
    neutral = {"WIDTH": PULSE_WIDTH, "ENV": 0, "LFO": 0}
    return [
        _said(v4, f"PWM{n} {part}")
        for n in (1, 2)
        for part, raw in neutral.items()
        if v4.label(f"DCO{n} WF") == "pulse" and v4.raw(f"PWM{n} {part}") != raw
    ]

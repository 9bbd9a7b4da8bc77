"""A patch: up to two tones by number, and how they are played.

A Super JX patch (JX-10, MKS-70, Vecoven) has 53 values, the first 18 its name; a JX-8P patch has
nine and no name. Values are raw (0-127) in the order of their numbers in an individual-parameter
message (jx_hardware.md 4.4 and 4.6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from jxctl.errors import ToneError
from jxctl.protocol.rows import Row, RowKind, Table
from jxctl.protocol.tone import encode_name, name_text

JSON_FORMAT = "jx.patch"
JSON_VERSION = 1
NAME_SIZE = 18
BULK_SIZE = 48

PatchFamily = Literal["superjx", "jx8p"]

_OFF_ON = (("off", "on"), (0, 1))
_BEND = (("2", "3", "4", "7"), (0, 32, 64, 96))
_MODES = ("dual", "split", "whole upper", "whole lower")
_ASSIGN = (("poly 1", "unison 1", "mono 1", "poly 2", "unison 2", "mono 2"), (0, 1, 2, 4, 5, 6))
_SOLO = (("poly 1", "unison 1", "solo 1", "poly 2", "unison 2", "solo 2"), (0, 1, 2, 4, 5, 6))
_NONE: tuple[tuple[str, ...], tuple[int, ...]] = ((), ())

_Half = tuple[str, RowKind, tuple[tuple[str, ...], tuple[int, ...]], str]
# One tone's share of the patch: 29-37 of the upper, 38-46 of the lower.
_HALF: tuple[_Half, ...] = (
    ("TONE", "level", _NONE, "0-49 user, 50-99 ROM; V4 captures use up to 127"),
    ("SHIFT", "signed", _NONE, "semitones, 7-bit two's complement"),
    ("ASSIGN", "choice", _ASSIGN, ""),
    ("UNISON DETUNE", "level", _NONE, "64 is none"),
    ("HOLD", "choice", _OFF_ON, ""),
    ("LFO DEPTH", "level", _NONE, "of the modulation wheel"),
    ("PORTA SW", "choice", _OFF_ON, ""),
    ("BENDER SW", "choice", _OFF_ON, ""),
    ("UNKNOWN", "level", _NONE, "unused by Roland's table; preserved in APR messages"),
)

_COMMON: tuple[_Half, ...] = (
    ("BALANCE", "level", _NONE, ""),
    ("DUAL DETUNE", "level", _NONE, "64 is none"),
    ("UPPER SPLIT", "level", _NONE, "key; sources disagree whether 0 is A0 or the number is the MIDI note"),
    ("LOWER SPLIT", "level", _NONE, "as UPPER SPLIT"),
    ("PORTA TIME", "level", _NONE, ""),
    ("BEND RANGE", "bins", _BEND, "semitones; see BEND RANGE HIGH"),
    ("KEY MODE", "choice", (_MODES, (0, 1, 2, 3)), "see KEY MODE HIGH"),
    ("TOTAL VOLUME", "level", _NONE, ""),
    ("AFTER VIB", "level", _NONE, ""),
    ("AFTER BRI", "level", _NONE, ""),
    ("AFTER VOL", "level", _NONE, ""),
)

_END: tuple[_Half, ...] = (
    ("CHASE LEVEL", "level", _NONE, ""),
    ("CHASE MODE", "choice", (("A-B", "A-B-B", "A-B-A"), (0, 1, 2)), "sources disagree on 1 and 2"),
    ("CHASE TIME", "level", _NONE, ""),
    ("CHASE", "choice", _OFF_ON, ""),
    ("KEY MODE HIGH", "level", _NONE, "T-voice and X-fade are 1 and 2; sources disagree which is which"),
    ("BEND RANGE HIGH", "level", _NONE, "1 is 12 semitones (Vecoven)"),
)


def _superjx() -> tuple[Row, ...]:
    rows = [Row(n, f"NAME {n + 1}", "character") for n in range(NAME_SIZE)]
    parts = list(_COMMON)
    for half in ("UPPER", "LOWER"):
        parts += [(f"{half} {name}", kind, positions, note) for name, kind, positions, note in _HALF]
    for name, kind, (labels, starts), note in (*parts, *_END):
        rows.append(Row(len(rows), name, kind, labels, starts, note=note))
    return tuple(rows)


SUPERJX = Table("Super JX patch", _superjx())
"""The 53 values of a Super JX patch."""

JX8P = Table(
    "JX-8P patch",
    (
        Row(0, "BEND RANGE", "bins", *_BEND, note="semitones"),
        Row(1, "PORTA TIME"),
        Row(2, "PORTA SW", "bins", ("off", "on"), (0, 64)),
        Row(3, "ASSIGN", "choice", *_SOLO),
        Row(4, "AFTERTOUCH", "choice", ("off", "vibrato", "brilliance", "volume"), (0, 1, 2, 4)),
        Row(5, "BEND LFO DEPTH"),
        Row(6, "UNISON DETUNE"),
        Row(7, "TONE", note="0-31 in the bank"),
        Row(8, "BANK", note="0-3: internal, cartridge, preset 1, preset 2 by the order of 4.1 (inferred)"),
    ),
)
"""The nine values of a JX-8P patch (4.4)."""


@dataclass(frozen=True, slots=True)
class Patch:
    """Raw values of a patch: 53 of a Super JX or 9 of a JX-8P, each 0-127.

    Args:
        values: 53 bytes or 9, each 0-127, in the order of the table of its family.
        rest: the bits of its 48-byte bulk record that no value claims, as they were (empty: those of a new
            patch). They mean nothing that is known and do not count when patches are compared.

    Raises:
        ToneError: another number of values, a value above 127 or a rest of another size.

    Examples:
        >>> Patch.init("DUO").with_tones(0, 4).tones
        (0, 4)
    """

    values: bytes
    rest: bytes = field(default=b"", compare=False)

    def __post_init__(self) -> None:
        self.table.check(self.values)
        if self.rest and (len(self.rest) != BULK_SIZE or self.family == "jx8p"):
            raise ToneError(f"the rest of a Super JX patch is {BULK_SIZE} bytes, not {len(self.rest)}")

    def __repr__(self) -> str:
        """One line for a prompt: name, key mode, and the tones, counted from 1 as on the panel."""
        if self.family == "jx8p":
            return f"<Patch of a JX-8P: tone {self.tones[0] + 1}, {self.label('ASSIGN')}>"
        upper, lower = (tone + 1 for tone in self.tones)
        return f"<Patch {self.name!r}: {self.label('KEY MODE')}, upper tone {upper}, lower tone {lower}>"

    @classmethod
    def init(cls, name: str = "INIT PATCH") -> Patch:
        """A Super JX patch to start from: whole upper, tone 0, no detune, full volume, bender on."""
        start = encode_name(name, NAME_SIZE).ljust(len(SUPERJX), b"\0")
        changes: dict[str, object] = {"KEY MODE": "whole upper", "BALANCE": 64, "DUAL DETUNE": 64}
        changes |= {"UPPER SPLIT": 0x27, "LOWER SPLIT": 0x26, "TOTAL VOLUME": 127, "CHASE TIME": 1}
        for half in ("UPPER", "LOWER"):
            changes |= {f"{half} UNISON DETUNE": 64, f"{half} BENDER SW": "on"}
        return cls(SUPERJX.changed(start, changes))

    @classmethod
    def init_jx8p(cls, tone: int = 0) -> Patch:
        """A JX-8P patch to start from: poly 1, bend range 2, the tone of that number."""
        return cls(JX8P.changed(bytes(len(JX8P)), {"TONE": tone}))

    @property
    def family(self) -> PatchFamily:
        """``superjx`` or ``jx8p``, by the number of values."""
        return "jx8p" if len(self.values) == len(JX8P) else "superjx"

    @property
    def table(self) -> Table:
        """The rows its values belong to."""
        return JX8P if self.family == "jx8p" else SUPERJX

    @property
    def name_bytes(self) -> bytes:
        """The 18 bytes of the name as stored; empty for a JX-8P patch."""
        return b"" if self.family == "jx8p" else self.values[:NAME_SIZE]

    @property
    def name(self) -> str:
        """The name as text (`jxctl.protocol.tone.name_text`); a JX-8P patch has none."""
        return name_text(self.name_bytes)

    def named(self, name: str) -> Patch:
        """The same patch under another name. Raises `ToneError` for a JX-8P patch, which has none."""
        if self.family == "jx8p":
            raise ToneError("a JX-8P patch has no name", "name its tone instead")
        return replace(self, values=encode_name(name, NAME_SIZE) + self.values[NAME_SIZE:])

    @property
    def tones(self) -> tuple[int, ...]:
        """Numbers of its tones: (upper, lower), or (tone,) of a JX-8P patch."""
        return tuple(self.raw(name) for name in self._tone_names)

    def with_tones(self, *numbers: int) -> Patch:
        """The same patch playing other tones: upper and lower, or one for a JX-8P. Raises `ToneError`."""
        if len(numbers) != len(self._tone_names):
            raise ToneError(f"a {self.table.what} has {len(self._tone_names)} tones, not {len(numbers)}")
        return self.with_values(dict(zip(self._tone_names, numbers, strict=True)))

    @property
    def _tone_names(self) -> tuple[str, ...]:
        return ("TONE",) if self.family == "jx8p" else ("UPPER TONE", "LOWER TONE")

    def raw(self, key: int | str) -> int:
        """Raw value by number or name."""
        return self.values[self.table.row(key).number]

    def label(self, key: int | str) -> str:
        """What a player reads for a value."""
        return self.table.row(key).label(self.raw(key))

    def with_values(self, changes: Mapping[str, int | str]) -> Patch:
        """A copy with some values changed: raw numbers or labels. Raises `ToneError`."""
        return replace(self, values=self.table.changed(self.values, changes))

    def to_json(self) -> dict[str, Any]:
        """Plain data for JSON: raw values by name; hexadecimal for the exact name and the rest."""
        return {
            "format": JSON_FORMAT,
            "version": JSON_VERSION,
            "family": self.family,
            "name": self.name,
            "name_hex": self.name_bytes.hex(),
            **({"rest_hex": self.rest.hex()} if self.rest else {}),
            "values": self.table.to_json(self.values),
        }

    @classmethod
    def from_json(cls, data: object) -> Patch:
        """A patch from the form of `to_json`; values may be labels. Raises `ToneError`."""
        if not isinstance(data, dict) or data.get("format") != JSON_FORMAT:
            raise ToneError('not a jx patch: the key "format" is not "jx.patch"')
        if data.get("version") != JSON_VERSION:
            raise ToneError(f"patch version {data.get('version')!r} cannot be read, only {JSON_VERSION}")
        if data.get("family") not in ("superjx", "jx8p"):
            raise ToneError(f"patch family is {data.get('family')!r}; expected superjx or jx8p")
        table = JX8P if data["family"] == "jx8p" else SUPERJX
        name = b"" if table is JX8P else name_from_json(data, NAME_SIZE)
        try:
            rest = bytes.fromhex(data.get("rest_hex", ""))
        except (TypeError, ValueError):
            raise ToneError(f"rest_hex is {data['rest_hex']!r}; expected hexadecimal digits") from None
        return cls(table.from_json(data.get("values"), name), rest)


def name_from_json(data: Mapping[str, Any], size: int) -> bytes:
    """Exact name bytes from ``name_hex``, unless ``name`` was edited and no longer agrees.

    Raises `ToneError`.
    """
    name, exact = data.get("name", ""), data.get("name_hex")
    if not isinstance(name, str):
        raise ToneError(f"name is {name!r}; expected text")
    if exact is None:
        return encode_name(name, size)
    try:
        name_bytes = bytes.fromhex(exact)
    except (TypeError, ValueError):
        raise ToneError(f"name_hex is {exact!r}; expected {2 * size} hexadecimal digits") from None
    if len(name_bytes) != size or max(name_bytes) > 127:
        raise ToneError(f"this name is {size} bytes of 0 to 127")
    return encode_name(name, size) if "name" in data and name_text(name_bytes) != name else name_bytes

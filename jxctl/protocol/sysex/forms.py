"""The forms and lengths of every message, worked out from the families: for documents and `jx models`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jxctl.protocol.bank import FamilyName
from jxctl.protocol.sysex.decode import FAMILIES, AnyMessage
from jxctl.protocol.sysex.family import LEVELS, PGR, Level
from jxctl.protocol.sysex.messages import (
    EDIT_BUFFER_REQUEST,
    BulkPatch,
    BulkTone,
    Changes,
    PatchData,
    Program,
    ToneData,
)
from jxctl.protocol.sysex.transfer import LONGEST_NAME, NIBBLES, OPS, Transfer
from jxctl.protocol.sysex.vecoven4 import REQUEST

Kind = Literal[
    "IPR tone", "IPR patch", "APR tone", "APR patch", "PGR", "BLD", "transfer", "request", "bus"
]  # fmt: skip
"""Kinds of message: individual and all parameters, program number, bulk dump, cartridge transfer,
edit-buffer request, and the bytes of the sound-board bus, which are no System Exclusive."""

KINDS: tuple[Kind, ...] = (
    "IPR tone", "IPR patch", "APR tone", "APR patch", "PGR", "BLD", "transfer", "request", "bus",
)  # fmt: skip

_AROUND = 8
"""``F0 41 op ch ff lv gg`` and ``F7``."""
_SHORT = 6
"""``F0 41 op ch ff`` and ``F7``."""


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a message: ``lengths`` in bytes from ``F0`` to ``F7``, shortest and longest."""

    kind: Kind
    op: int
    text: str
    lengths: tuple[int, int]

    @property
    def length(self) -> str:
        """The lengths as text."""
        low, high = self.lengths
        return str(low) if low == high else f"{low} to {high}"


def forms(family: FamilyName) -> list[Form]:
    """Every form of a family. A transfer belongs to no family; see `transfer_forms`."""
    wire = FAMILIES[family]
    found = [_whole(family, "tone"), _whole(family, "patch")]
    for level in ("tone", "patch"):
        pairs = 1 if family != "jx8p" else len(wire.tone_numbers if level == "tone" else wire.patch_numbers)
        lengths = (_AROUND + 2, _AROUND + 2 * pairs)
        kind: Kind = "IPR tone" if level == "tone" else "IPR patch"
        text = _text(wire.ipr, wire.format, LEVELS[level], "number value" + (" ..." if pairs > 1 else ""))
        found.append(Form(kind, wire.ipr, text, lengths))
    size = _AROUND + wire.pgr_sizes[0]
    data = "00 slot 02" if family == "jx8p" else "number 00"
    found.append(Form("PGR", PGR, _text(PGR, wire.format, None, data), (size, size)))
    if wire.bulk is not None:
        extra = 2 + (wire.bulk.checksum is not None)
        sizes: tuple[tuple[Level, int], ...] = (
            ("tone", wire.bulk.tone_size),
            ("patch", wire.bulk.patch_size),
        )
        for stored, size in sizes:
            data = f"00 slot, {size} bytes" + (", checksum" if extra > 2 else "")
            text = _text(wire.bulk.op, wire.format, LEVELS[stored], data)
            found.append(Form("BLD", wire.bulk.op, text, (_AROUND + extra + size,) * 2))
    if family == "vecoven4":
        body = REQUEST.hex(" ").upper()
        text = f"F0 41 {EDIT_BUFFER_REQUEST:02X} ch {wire.format:02X} {body} F7"
        found.append(Form("request", EDIT_BUFFER_REQUEST, text, (_SHORT + len(REQUEST),) * 2))
    return found


def transfer_forms() -> list[Form]:
    """The forms of the JX-10's cartridge transfer."""
    data = {
        "WSF": ("file name, checksum", 1, 1 + LONGEST_NAME),
        "RQF": ("file name, checksum", 1, 1 + LONGEST_NAME),
        "DAT": (f"{NIBBLES} nibbles, checksum", NIBBLES + 1, NIBBLES + 1),
    }
    found = []
    for name, op in OPS.items():
        text, low, high = data.get(name, ("", 0, 0))
        shown = f"F0 41 {op:02X} ch 24 {text}".rstrip() + " F7"
        found.append(Form("transfer", op, f"{name}: {shown}", (_SHORT + low, _SHORT + high)))
    return found


def kind_of(message: AnyMessage) -> Kind:
    """The kind of a message."""
    if isinstance(message, Changes):
        return "IPR tone" if message.level == "tone" else "IPR patch"
    if isinstance(message, BulkTone | BulkPatch):
        return "BLD"
    if isinstance(message, ToneData):
        return "APR tone"
    if isinstance(message, PatchData):
        return "APR patch"
    if isinstance(message, Program):
        return "PGR"
    return "transfer" if isinstance(message, Transfer) else "request"


def _whole(family: FamilyName, level: Level) -> Form:
    wire = FAMILIES[family]
    sizes = (wire.tone_size,) if level == "tone" else wire.patch_sizes
    text = _text(wire.apr, wire.format, LEVELS[level], " or ".join(map(str, sorted(sizes))) + " values")
    kind: Kind = "APR tone" if level == "tone" else "APR patch"
    return Form(kind, wire.apr, text, (_AROUND + min(sizes), _AROUND + max(sizes)))


def _text(op: int, form: int, level: int | None, data: str) -> str:
    shown = "lv" if level is None else f"{level:02X}"
    return f"F0 41 {op:02X} ch {form:02X} {shown} gg {data} F7"

"""The blocks about System Exclusive: forms of messages, values of patches and V4 tones, bit maps, models."""

from __future__ import annotations

from jxctl.errors import UsageError
from jxctl.protocol.bank import FAMILIES
from jxctl.protocol.models import markdown_matrix
from jxctl.protocol.patch import JX8P, SUPERJX
from jxctl.protocol.rows import Row, Table
from jxctl.protocol.sysex.bits import BitMap, Slice
from jxctl.protocol.sysex.forms import Form, forms, transfer_forms
from jxctl.protocol.sysex.mks70 import PATCH_BITS
from jxctl.protocol.sysex.vecoven4 import TONE_BITS
from jxctl.protocol.vecoven_tone import TONE_V4
from tools.markdown import table


def message_forms(family: str) -> str:
    """The forms of a family's messages, or of the cartridge transfer (``transfer``)."""
    found: list[Form] = []
    for name in FAMILIES:
        if name == family:
            found = forms(name)
    if family == "transfer":
        found = transfer_forms()
    if not found:
        raise UsageError(f"no family is called {family!r}", f"families: {', '.join(FAMILIES)}, transfer")
    return table(("message", "bytes", "length"), [(f.kind, f"`{f.text}`", f.length) for f in found])


def models() -> str:
    """The matrix of models and messages."""
    return markdown_matrix()


def patch_values(family: str) -> str:
    """The values of a patch: ``superjx``, with their place in a bulk record, or ``jx8p``."""
    if family == "jx8p":
        return table(("number", "name", "values", "note"), [_cells(row) for row in JX8P.rows])
    return _values(SUPERJX, PATCH_BITS)


def v4_tone() -> str:
    """The values of a V4 tone, with their places in a bulk record and how those are known."""
    rows = []
    for row in TONE_V4.rows[10:]:
        slices = [s for s in TONE_BITS.slices if s.value == row.number]
        inferred = [s for s in slices if s.evidence == "inferred"]
        known = "captured" if not inferred else "unverified"
        if inferred and len(inferred) < len(slices):
            known = "unverified in part"
        ipr = "" if row.ipr is None else f"`{row.ipr:02X}`"
        rows.append((str(row.number), ipr, row.name, _positions(row), _places(slices), known))
    return table(("APR", "IPR", "name", "values", "bulk bits", "bulk bits are"), rows)


def _values(values: Table, bits: BitMap) -> str:
    rows = []
    for row in values.rows:
        if row.kind == "character":
            continue
        slices = [s for s in bits.slices if s.value == row.number and not s.copy]
        rows.append((*_cells(row)[:3], _places(slices) or "none", row.note))
    return table(("number", "name", "values", "bulk bits", "note"), rows)


def _cells(row: Row) -> tuple[str, str, str, str]:
    return str(row.number), row.name, _positions(row), row.note


def _positions(row: Row) -> str:
    if row.kind == "signed":
        return "-64 to 63"
    if not row.labels:
        return "0-127"
    if len(row.labels) > 8:
        return f"{len(row.labels)} positions from {row.labels[0]} to {row.labels[-1]}"
    return ", ".join(f"{start}: {label}" for start, label in zip(row.starts, row.labels, strict=True))


def _places(slices: list[Slice]) -> str:
    """Byte and bits, the value's highest first: ``26.7 18.7``."""
    ordered = sorted(slices, key=lambda s: -s.value_bit)
    return " ".join(
        f"{s.byte}.{s.bit}" if s.width == 1 else f"{s.byte}.{s.bit}-{s.bit + s.width - 1}" for s in ordered
    )

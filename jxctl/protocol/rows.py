"""Rows of numbered values: what the tables of patches and of Vecoven V4 tones are made of.

The sound board's own table is `jxctl.protocol.parameters`; a patch never reaches a board as such, so its
values have no bus id and live in tables of their own, in the manner of that one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jxctl.errors import ToneError

RowKind = Literal["level", "bins", "choice", "signed", "character"]
"""``level``: all of 0-127. ``bins``: a switch, each position a range. ``choice``: exact raw values.

``signed``: 7-bit two's complement. ``character``: of a name.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One value of a record.

    ``number``: its place among the values. ``labels`` and ``starts``: positions of a switch (the
    first raw value of each bin) or the exact raw values of a choice. ``ipr``: number in an
    individual-parameter message, where that is another number. ``note``: what is not known.
    """

    number: int
    name: str
    kind: RowKind = "level"
    labels: tuple[str, ...] = ()
    starts: tuple[int, ...] = ()
    ipr: int | None = None
    note: str = ""

    def label(self, raw: int) -> str:
        """What a player reads: a label, a signed number, or the raw number itself."""
        if self.kind == "bins":
            return self.labels[bisect_right(self.starts, raw) - 1]
        if self.kind == "choice" and raw in self.starts:
            return self.labels[self.starts.index(raw)]
        if self.kind == "signed":
            return f"{raw - 128 if raw > 63 else raw:+d}" if raw else "0"
        return str(raw)

    def raw(self, value: object) -> int:
        """Raw value from a number or a label. Raises `ToneError`."""
        if isinstance(value, str) and value in self.labels:
            return self.starts[self.labels.index(value)]
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 127:
            return value
        options = f"one of {', '.join(self.labels)}, or 0 to 127" if self.labels else "0 to 127"
        raise ToneError(f"{self.name} is {value!r}; expected {options}")


class Table:
    """Rows in order of their numbers, found by number or name. ``what``: the noun in messages.

    Raises `AssertionError` when built with a gap, a name twice, or bins that do not start at 0 and
    rise.
    """

    def __init__(self, what: str, rows: tuple[Row, ...]) -> None:
        self.what = what
        self.rows = rows
        self._by_name = {row.name: row for row in rows}
        if [row.number for row in rows] != list(range(len(rows))):
            raise AssertionError(f"{what}: numbers must run from 0 without gap")
        if len(self._by_name) != len(rows):
            raise AssertionError(f"{what}: names must be unique")
        for row in rows:
            if len(row.labels) != len(row.starts) or row.starts != tuple(sorted(set(row.starts))):
                raise AssertionError(f"{row.name}: labels and starts do not match")
            if row.kind == "bins" and row.starts[:1] != (0,):
                raise AssertionError(f"{row.name}: bins must start at 0")

    def __len__(self) -> int:
        return len(self.rows)

    def row(self, key: int | str) -> Row:
        """The row of a number or a name (any case, ``_`` or ``.`` for the space). Raises `ToneError`."""
        if isinstance(key, int) and 0 <= key < len(self.rows):
            return self.rows[key]
        name = str(key).upper().replace("_", " ").replace(".", " ")
        if name not in self._by_name:
            raise ToneError(f"a {self.what} has no value {key!r}", f"it has {', '.join(self.names())}")
        return self._by_name[name]

    def names(self) -> list[str]:
        """Names of all rows that are not characters of the name."""
        return [row.name for row in self.rows if row.kind != "character"]

    def check(self, values: bytes) -> None:
        """Raise `ToneError` unless there is one value of 0-127 for each row."""
        if len(values) != len(self.rows):
            raise ToneError(f"a {self.what} has {len(self.rows)} values, not {len(values)}")
        for row, raw in zip(self.rows, values, strict=True):
            if raw > 127:
                raise ToneError(f"{row.name} is {raw}; raw values are 0 to 127")

    def changed(self, values: bytes, changes: Mapping[str, object]) -> bytes:
        """``values`` with some changed: raw numbers or labels, by name. Raises `ToneError`."""
        result = bytearray(values)
        for name, value in changes.items():
            row = self.row(name)
            result[row.number] = row.raw(value)
        return bytes(result)

    def to_json(self, values: bytes) -> dict[str, int]:
        """Raw values by name, without the characters of the name."""
        return {row.name: values[row.number] for row in self.rows if row.kind != "character"}

    def from_json(self, given: Any, name_bytes: bytes = b"") -> bytes:
        """Values from the form of `to_json` and the name. Raises `ToneError` for a gap."""
        if not isinstance(given, dict) or not all(isinstance(key, str) for key in given):
            raise ToneError(f"the values of the {self.what} are not a table of names and values")
        found = {self.row(name).name for name in given}
        if missing := [name for name in self.names() if name not in found]:
            raise ToneError(f"values missing in the {self.what}: {', '.join(missing)}")
        start = name_bytes.ljust(len(self.rows), b"\0")
        return self.changed(start, given)

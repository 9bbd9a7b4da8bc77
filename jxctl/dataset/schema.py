"""The columns of a data set, in one table. Rows are checked by it, and the documents are made from it.

``schema`` 1 had the first seventeen columns; a row of it is read as one whose other columns are
unknown. Nothing unknown is ever filled in.

`Indices`, the indices of the takes of a set, stays small however many there are.
"""

from __future__ import annotations

import json
import math
import os
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal, TypedDict, cast

from jxctl.dataset.take import Verdict

SCHEMA = 2
"""The version that is written."""

HIGHEST_RATE = 655_350
"""Hz, the most that FLAC can say."""

Kind = Literal["text", "whole", "number", "flag"]


@dataclass(frozen=True, slots=True)
class Field:
    """A column: its ``kind`` and ``unit``, what it ``means``, and what ``null`` means, "" where it is
    never null. ``since``: the schema that brought it."""

    name: str
    kind: Kind
    unit: str
    means: str
    null: str = ""
    since: int = 2

    @property
    def type(self) -> str:
        """The JSON type in words."""
        return {"text": "string", "whole": "integer", "number": "number", "flag": "true or false"}[self.kind]


FIELDS: tuple[Field, ...] = (
    Field("file_name", "text", "", "the audio, relative to the folder: FLAC, mono, 24 bit", since=1),
    Field("index", "whole", "", "place in the plan; no other take of the set has it", since=1),
    Field("tone", "text", "hex", "the 48 raw values of the tone, $80 first", since=1),
    Field("note", "whole", "MIDI", "note played, 0-127; 60 is the middle C", since=1),
    Field("velocity", "whole", "MIDI", "how hard, 1-127", since=1),
    Field("gate_s", "number", "s", "from note-on to note-off", since=1),
    Field("max_seconds", "number", "s", "where the recording would have been cut", since=1),
    Field("sample_rate", "whole", "Hz", "of the audio", since=1),
    Field("port", "text", "", "URL of the port that played", since=1),
    Field("noise_floor_dbfs", "number", "dBFS", "RMS before the note", "not measured", since=1),
    Field("peak_dbfs", "number", "dBFS", "largest sample", "not measured", since=1),
    Field("onset_s", "number", "s", "from sending the note to hearing it", "nothing was heard", since=1),
    Field("tail_cut", "flag", "", "it still sounded at the end of the file", "not measured", since=1),
    Field("verdict", "text", "", "whether the audio can be trusted", "not judged", since=1),
    Field("code_version", "text", "", "version of jx that recorded it", since=1),
    Field("seed", "whole", "", "the plan was drawn with it", "the plan was not drawn", since=1),
    Field("sha256", "text", "hex", "of the FLAC file", since=1),
    Field("schema", "whole", "", "version of this table"),
    Field("samples", "whole", "samples", "length of the audio", "row of schema 1"),
    Field("tone_name", "text", "", "name of the tone", "row of schema 1"),
    Field("reference", "flag", "", "a repeat of the reference tone, which shows drift", "row of schema 1"),
    Field("tones_from", "text", "", "where the plan's tones come from", "unknown"),
    Field(
        "patch", "text", "hex",
        "what was sent beside the tone: pairs $B0-$BF of the bus, or the messages of the patch", "unknown",
    ),
    Field("board", "text", "", "lower, upper or both", "unknown (a whole synth)"),
    Field("voice", "whole", "", "the voice that sounded, 0-5", "the synth chose it"),
    Field("model", "text", "", "model of the synth, as jx models names it", "unknown"),
    Field("unit", "text", "", "serial number of the instrument", "not given"),
    Field("firmware", "text", "", "version of its ROM", "not given"),
    Field("profile", "text", "", "profile of a virtual board", "not virtual, or unknown"),
    Field("audio_device", "text", "", "name of the audio input", "heard at the port itself"),
    Field("input_gain", "text", "", "where the gain of the input stood, in words", "not given"),
    Field("latency_s", "number", "s", "from sending a note to hearing it, for the rig", "not measured"),
    Field("latency_spread_s", "number", "s", "largest less smallest of those measurements", "not measured"),
    Field("powered_on_min", "number", "min", "minutes since power-on when the note was sent", "not given"),
    Field("recorded_at", "text", "UTC", "time of day (ISO 8601); a clock may be set back", "unknown"),
    Field("attempts", "whole", "", "how often it was played until this verdict", "row of schema 1"),
    Field("reason", "text", "", "why the take is not trusted", "it is, or row of schema 1"),
    Field(
        "pitch_cents", "number", "cents", "heard less asked pitch, octaves left out, -600 to 600",
        "not measured, or no clear pitch",
    ),
    Field("expected", "text", "", "what the tone should give: sound or silence", "not asked"),
    Field("source_set", "text", "", "name of the set that the take was merged from", "not merged"),
    Field("source_index", "whole", "", "its index there", "not merged"),
)  # fmt: skip
"""Every column, in the order in which a row is written."""


class Row(TypedDict):
    """What is known about a take, as `FIELDS` describes it; unknown is ``None``."""

    file_name: str
    index: int
    tone: str
    note: int
    velocity: int
    gate_s: float
    max_seconds: float
    sample_rate: int
    port: str
    noise_floor_dbfs: float | None
    peak_dbfs: float | None
    onset_s: float | None
    tail_cut: bool | None
    verdict: Verdict | None
    code_version: str
    seed: int | None
    sha256: str
    schema: int
    samples: int | None
    tone_name: str | None
    reference: bool | None
    tones_from: str | None
    patch: str | None
    board: str | None
    voice: int | None
    model: str | None
    unit: str | None
    firmware: str | None
    profile: str | None
    audio_device: str | None
    input_gain: str | None
    latency_s: float | None
    latency_spread_s: float | None
    powered_on_min: float | None
    recorded_at: str | None
    attempts: int | None
    reason: str | None
    pitch_cents: float | None
    expected: str | None
    source_set: str | None
    source_index: int | None


def _no_number(name: str) -> float:
    """Python reads and writes NaN and Infinity; JSON has neither."""
    raise ValueError(name)


_JSON = json.JSONDecoder(parse_constant=_no_number)


def parse(line: bytes) -> Row:
    """The row on a line of the metadata. Columns that nobody knows are kept.

    Raises `ValueError`, in words, for what is no row.
    """
    try:
        found = _JSON.decode(line.decode("utf-8-sig", "surrogatepass"))
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None
    if not isinstance(found, dict):
        raise ValueError("is no table of names and values")
    schema = found.setdefault("schema", 1)
    if isinstance(schema, bool) or not isinstance(schema, int) or schema < 1:
        raise ValueError("has an unknown schema")
    if schema > SCHEMA:
        raise ValueError(f"was written by a newer jx (schema {schema}; this one reads up to {SCHEMA})")
    for field in FIELDS:
        if field.name not in found:
            if field.since <= schema:
                raise ValueError(f"has no {field.name}")
            found[field.name] = None
        value = found[field.name]
        # Most values of most rows are of the one type that JSON gives them; the rest is asked in full.
        if type(value) is not _TYPES[field.kind] and not _fits(field, value, schema):
            raise ValueError(f"has {value!r} as its {field.name}")
        if field.kind == "number" and value is not None and not _finite(value):
            raise ValueError(f"has {value!r} as its {field.name}")
    _check_values(found)
    return cast(Row, found)


_TYPES: Mapping[Kind, type] = {"text": str, "whole": int, "number": float, "flag": bool}


def _fits(field: Field, value: object, schema: int) -> bool:
    if value is None:
        return bool(field.null) and not (schema >= 2 and field.null == "row of schema 1")
    return field.kind == "number" and type(value) is int


def _finite(value: float) -> bool:
    """JSON may hold a number that is too large for a float."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _in(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: low <= value <= high


_RANGES: Mapping[str, Callable[[Any], bool]] = {
    "index": _in(0, 2**63 - 1),
    "note": _in(0, 127),
    "velocity": _in(1, 127),
    "sample_rate": _in(1, HIGHEST_RATE),
    "samples": lambda value: value is None or 0 <= value < 2**63,
    "gate_s": lambda value: value > 0,
    "tone": lambda value: _is_hex(value, 48) and max(bytes.fromhex(value)) < 128,
    "sha256": lambda value: _is_hex(value, 32),
    "file_name": lambda value: inside(value),
}


def _is_hex(value: str, size: int) -> bool:
    """One way of writing each value: a tone in capitals would be another tone."""
    found = bytes.fromhex(value)
    return len(found) == size and found.hex() == value


def _check_values(row: Mapping[str, Any]) -> None:
    for name, fits in _RANGES.items():
        try:
            good = fits(row[name])
        except ValueError:
            good = False
        if not good:
            raise ValueError(f"has {row[name]!r} as its {name}")


def inside(name: str) -> bool:
    """Whether a file name stays within its data set. A set may come from anyone."""
    if "\\" in name or ":" in name or "\0" in name:
        return False
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return not {"", ".", ".."} & set(name.split("/"))


class Indices(Set[int]):
    """A set of whole numbers, kept as runs ``[start, stop)``: takes are recorded nearly in order.

    `add` and the questions may come from different threads.
    """

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []
        self._size = 0
        self._lock = Lock()
        for number in numbers:
            self.add(number)

    def add(self, number: int) -> bool:
        """Put a number in; tell whether it was new."""
        with self._lock:
            at = bisect_right(self._starts, number)
            if at and number < self._stops[at - 1]:
                return False
            joins_left = at > 0 and self._stops[at - 1] == number
            joins_right = at < len(self._starts) and self._starts[at] == number + 1
            if joins_left and joins_right:
                self._stops[at - 1] = self._stops.pop(at)
                del self._starts[at]
            elif joins_left:
                self._stops[at - 1] += 1
            elif joins_right:
                self._starts[at] -= 1
            else:
                self._starts.insert(at, number)
                self._stops.insert(at, number + 1)
            self._size += 1
            return True

    @property
    def runs(self) -> int:
        """How many runs there are, which is what the set costs in memory."""
        return len(self._starts)

    def __contains__(self, number: object) -> bool:
        if not isinstance(number, int):
            return False
        with self._lock:
            at = bisect_right(self._starts, number)
            return at > 0 and number < self._stops[at - 1]

    def __iter__(self) -> Iterator[int]:
        with self._lock:
            runs = list(zip(self._starts, self._stops, strict=True))
        for start, stop in runs:
            yield from range(start, stop)

    def __len__(self) -> int:
        return self._size

    def __repr__(self) -> str:
        return f"Indices({len(self)} numbers in {self.runs} runs)"

"""The columns of a data set: what is a row, what is none, and rows of the first schema."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from takes import a_set, a_take

from jxctl.dataset import FIELDS, Row, check, rows
from jxctl.dataset.schema import inside, parse
from jxctl.dataset.take import Take
from jxctl.dataset.writer import Writer
from jxctl.errors import VerificationError

FIRST_SCHEMA = {
    "file_name": "takes/000/000000.flac", "index": 0, "tone": "00" * 48, "note": 60, "velocity": 100,
    "gate_s": 1, "max_seconds": 4.0, "sample_rate": 44100, "port": "sim:", "noise_floor_dbfs": None,
    "peak_dbfs": -3.5, "onset_s": None, "tail_cut": False, "verdict": "ok", "code_version": "0.1.0",
    "seed": None, "sha256": "ab" * 32,
}  # fmt: skip
"""A row as the first version of jx wrote it."""

UNKNOWN_IN_FIRST = {field.name for field in FIELDS} - FIRST_SCHEMA.keys() - {"schema"}


def line(**changes: Any) -> bytes:
    return json.dumps(FIRST_SCHEMA | changes).encode() + b"\n"


def test_the_table_and_the_type_name_the_same_columns() -> None:
    assert list(Row.__annotations__) == [field.name for field in FIELDS]
    assert len({field.name for field in FIELDS}) == len(FIELDS)
    assert all(field.means for field in FIELDS)


def test_every_attribute_of_a_take_has_a_column() -> None:
    """Nothing that is known of a take may be forgotten."""
    assert {field.name for field in fields(Take)} - {"audio"} <= {field.name for field in FIELDS}


def test_what_is_written_is_what_the_take_knows(tmp_path: Path) -> None:
    take = a_take(
        7, reference=True, tones_from="prior", patch="b000", unit="123456", firmware="v3.1", voice=4,
        audio_device="USB", input_gain="12 o'clock", latency_s=0.004, latency_spread_s=0.0001,
        powered_on_min=31.5, attempts=2, pitch_cents=-3.0, expected="sound", profile=None,
    )  # fmt: skip
    with Writer(tmp_path) as data_set:
        data_set.append(3, take, seed=9)
    (row,) = (json.loads(text) for text in (tmp_path / "metadata.jsonl").read_text("utf-8").splitlines())
    assert row["schema"] == 2
    assert row["samples"] == 800
    assert bytes.fromhex(row["tone"]) == take.tone.values
    assert row["tone_name"] == "INIT TONE"
    for name in ("reference", "tones_from", "patch", "unit", "firmware", "voice", "audio_device", "attempts"):
        assert row[name] == getattr(take, name), name
    for name in ("input_gain", "latency_s", "latency_spread_s", "powered_on_min", "pitch_cents", "expected"):
        assert row[name] == getattr(take, name), name
    for name in ("profile", "reason", "source_set", "source_index"):
        assert row[name] is None, f"{name} is unknown and must not be filled in"
    assert list(row) == [field.name for field in FIELDS]


def test_a_row_of_the_first_schema_is_read_and_nothing_is_filled_in() -> None:
    row = dict(parse(line()))
    assert row["schema"] == 1
    assert {name for name in UNKNOWN_IN_FIRST if row[name] is None} == UNKNOWN_IN_FIRST
    assert {name: row[name] for name in FIRST_SCHEMA} == FIRST_SCHEMA


def test_both_schemas_live_in_one_set(tmp_path: Path) -> None:
    a_set(tmp_path, 2)
    metadata = tmp_path / "metadata.jsonl"
    first, second = (json.loads(text) for text in metadata.read_text("utf-8").splitlines())
    old = {name: first[name] for name in FIRST_SCHEMA}
    metadata.write_text(json.dumps(old) + "\n" + json.dumps(second) + "\n", "utf-8")
    assert [row["schema"] for row in rows(tmp_path)] == [1, 2]
    assert list(check(tmp_path)) == []
    with Writer(tmp_path) as data_set:
        data_set.append(2, a_take(2))
    assert [row["schema"] for row in rows(tmp_path)] == [1, 2, 2]


def test_columns_that_nobody_knows_are_kept() -> None:
    assert dict(parse(line(weather="rain")))["weather"] == "rain"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"note": 128}, "has 128 as its note"),
        ({"note": "60"}, "has '60' as its note"),
        ({"note": None}, "has None as its note"),
        ({"note": True}, "has True as its note"),
        ({"velocity": 0}, "has 0 as its velocity"),
        ({"index": -1}, "has -1 as its index"),
        ({"index": 1.0}, "has 1.0 as its index"),
        ({"gate_s": 0}, "has 0 as its gate_s"),
        ({"sample_rate": 0}, "has 0 as its sample_rate"),
        ({"tone": "00" * 47}, "as its tone"),
        ({"tone": "80" * 48}, "as its tone"),
        ({"tone": "zz" * 48}, "as its tone"),
        ({"sha256": "ab"}, "as its sha256"),
        ({"tail_cut": 1}, "has 1 as its tail_cut"),
        ({"file_name": "../outside.flac"}, "as its file_name"),
        ({"file_name": "takes/\0.flac"}, "as its file_name"),
        ({"file_name": "takes/\ud800.flac"}, "as its file_name"),
        ({"gate_s": float("nan")}, "is not JSON"),
        ({"peak_dbfs": float("-inf")}, "is not JSON"),
        ({"weather": float("nan")}, "is not JSON"),
        ({"onset_s": 10**400}, "as its onset_s"),
        ({"samples": -1}, "has -1 as its samples"),
        ({"samples": 10**30}, "as its samples"),
        ({"index": 2**63}, "as its index"),
        ({"sample_rate": 10**6}, "as its sample_rate"),
        ({"tone": "AB" + "00" * 47}, "as its tone"),
        ({"tone": "00" * 47 + "  "}, "as its tone"),
        ({"sha256": "AB" * 32}, "as its sha256"),
        ({"schema": 3}, "newer jx"),
        ({"schema": "2"}, "unknown schema"),
        ({"schema": 2}, "has no samples"),
    ],
)  # fmt: skip
def test_what_is_no_row_is_said_in_words(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse(line(**changes))


@pytest.mark.parametrize("missing", ["tone", "sha256", "verdict"])
def test_a_row_that_lacks_a_column_is_named(missing: str, tmp_path: Path) -> None:
    row = {name: value for name, value in FIRST_SCHEMA.items() if name != missing}
    (tmp_path / "metadata.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(VerificationError, match=f"line 1 is not the row of a take: it has no {missing}"):
        next(rows(tmp_path))
    assert f"it has no {missing}" in next(iter(check(tmp_path)))


@pytest.mark.parametrize("content", [b"[]\n", b"7\n", b"null\n", b"{}\n", b"x\n", b"[" * 100_000 + b"\n"])
def test_other_json_is_no_row(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"is not JSON|is no table|has no file_name"):
        parse(content)


def test_a_number_too_large_for_a_float_is_named() -> None:
    with pytest.raises(ValueError, match="has inf as its peak_dbfs"):
        parse(line(peak_dbfs=-3.25).replace(b"-3.25", b"1e999"))


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    metadata = a_set(tmp_path, 2) / "metadata.jsonl"
    metadata.write_bytes(b"\xef\xbb\xbf" + metadata.read_bytes().replace(b"\n", b"\r\n"))
    assert [row["index"] for row in rows(tmp_path)] == [0, 1]
    assert list(check(tmp_path)) == []


def test_names_that_leave_the_folder_are_told_apart() -> None:
    assert inside("takes/000/000000.flac")
    outside = ("/etc/passwd", "../x.flac", "takes/../../x.flac", "", ".", "c:/x", "takes\\x", "file://x")
    assert not any(map(inside, outside))

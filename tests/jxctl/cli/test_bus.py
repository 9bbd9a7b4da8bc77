"""``jx bus decode`` and ``jx ports``, run as a user runs them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

CAPTURE = Path("data/captures/superjx_patch_load_bus.bin")


def test_decode_of_the_real_capture(jx: Run, shared: Path) -> None:
    result = jx("bus", "decode", str(shared / CAPTURE), "--json")
    assert result.returncode == 0
    data = json.loads(result.stdout)
    assert (data["bytes"], data["dropped"]) == (798, 0)
    assert data["messages"][0] == {
        "type": "SelectBoard", "board": "both", "offset": 0, "hex": "f4", "text": "select both",
    }  # fmt: skip
    assert data["messages"][-1]["hex"] == "b500"
    assert "".join(m["hex"] for m in data["messages"]) == (shared / CAPTURE).read_bytes().hex()
    assert data["tones"]["lower"]["parameters"]["VCF FREQ"] == 0x44
    assert data["tones"]["upper"]["parameters"]["VCA LEVEL"] == 0x74


def test_text_says_where_bytes_were_dropped(jx: Run) -> None:
    result = jx("bus", "decode", "-", input=bytes.fromhex("F1 80 60 55 55 C0 3C 64"), text=False)
    assert result.returncode == 0
    assert result.stdout.decode().splitlines() == [
        "    0  F1        select lower",
        "    1  80 60     DCO1 RANGE = 96 (2')",
        "    3  55 55  dropped: 2 bytes of no message",
        "    5  C0 3C 64  voice 0 on, note 60, velocity 100",
        "8 bytes, 3 messages, 2 bytes dropped",
        "no complete tone: no board was sent all 48 parameters",
    ]


def test_forwarded_bytes_are_json_too(jx: Run) -> None:
    result = jx("bus", "decode", "-", "--json", input=bytes.fromhex("F5 C0 00"), text=False)
    assert json.loads(result.stdout)["messages"][0]["data"] == "c000"


def test_a_file_of_another_kind_is_said_to_be_one(jx: Run, shared: Path) -> None:
    result = jx("bus", "decode", shared / "data/captures/mks70_bulk_bank.syx")
    assert result.returncode == 0
    assert "SysEx" in result.stderr


def test_nothing_decodes_to_nothing(jx: Run) -> None:
    result = jx("bus", "decode", "-", input=b"", text=False)
    assert result.returncode == 0
    assert b"0 bytes, 0 messages, 0 bytes dropped" in result.stdout


def test_files_that_cannot_be_read(jx: Run, tmp_path: Path) -> None:
    for path in (tmp_path / "missing.bin", tmp_path):
        result = jx("bus", "decode", str(path))
        assert result.returncode == 2
        assert result.stdout == ""
        assert str(path) in result.stderr
        assert "Traceback" not in result.stderr


def test_ports_lists_the_virtual_board(jx: Run) -> None:
    result = jx("ports", "--json")
    assert result.returncode == 0
    assert {"url": "sim:", "description": "the virtual board"} in json.loads(result.stdout)
    assert "sim:" in jx("ports").stdout


def test_a_stream_without_end_is_no_capture(jx: Run) -> None:
    if not Path("/dev/zero").exists():
        pytest.skip("no /dev/zero")
    for command in (("bus", "decode", "/dev/zero"), ("render", "/dev/zero", "-o", "out.wav")):
        done = jx(*command)
        assert done.returncode == 2
        assert "not a regular file" in done.stderr
        assert "Traceback" not in done.stderr

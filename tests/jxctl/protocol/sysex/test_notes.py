"""The notes on System Exclusive say what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jxctl.errors import UsageError
from tools.docs import generate

ROOT = Path(__file__).resolve().parents[4]
NOTE = ROOT / "firmware_notes" / "sysex.md"


def block(name: str) -> str:
    """A block of the documents, made anew."""
    return generate.filled(f"<!-- generated: {name} -->\n<!-- end -->\n")


def test_the_tables_are_up_to_date() -> None:
    assert generate.stale(NOTE) is None, "run make docs"
    names = re.findall(r"<!-- generated: (.*) -->", NOTE.read_text("utf-8"))
    assert names == [
        "models", "sysex-forms jx8p", "patch-values jx8p", "sysex-forms mks70", "patch-values superjx",
        "sysex-forms vecoven4", "v4-tone", "sysex-forms transfer",
    ]  # fmt: skip


def test_a_few_cells_worked_out_by_hand() -> None:
    assert "| APR tone | `F0 41 35 ch 21 20 gg 59 values F7` | 67 |" in block("sysex-forms jx8p")
    assert "| BLD | `F0 41 37 ch 24 30 gg 00 slot, 96 bytes F7` | 106 |" in block("sysex-forms mks70")
    bulk = "| BLD | `F0 41 3A ch 24 20 gg 00 slot, 77 bytes, checksum F7` | 88 |"
    assert bulk in block("sysex-forms vecoven4")
    assert "| transfer | `ACK: F0 41 43 ch 24 F7` | 6 |" in block("sysex-forms transfer")
    # jx_hardware.md 4.7: bend range bit 1 in 26.7, bit 0 in 18.7; key mode in 20.7 and 21.7.
    assert "| 23 | BEND RANGE | 0: 2, 32: 3, 64: 4, 96: 7 | 26.7 18.7 |" in block("patch-values superjx")
    assert "| 24 | KEY MODE | 0: dual, 1: split, 2: whole upper, 3: whole lower | 20.7 21.7 |" in block(
        "patch-values superjx"
    )
    assert "| 37 | UPPER UNKNOWN | 0-127 | none |" in block("patch-values superjx")
    v4 = block("v4-tone")
    assert "| 27 | `30` | VCF FREQ | 0-127 | 27.0-6 | captured |" in v4
    # The eighth bit of byte 64 is sent in bit 6 of byte 71.
    assert re.search(r"\| 67 \| `14` \| DCO2 WF \|.* \| 71\.6 64\.6 \| captured \|", v4)
    assert re.search(r"\| 95 \| `24` \| PWM1 SOURCE \|.*\| unverified \|", v4)


def test_the_exceptions_in_the_note_are_those_the_captures_test_counts() -> None:
    note = NOTE.read_text("utf-8")
    assert "bytes 10 (7 tones), 23 and 24 (12), 25 (4) and 57\n(12)" in note
    assert "| 47 bits 1-7 | 0 | 52:" in note


def test_an_unknown_family_is_named() -> None:
    with pytest.raises(UsageError, match="jx3p"):
        block("sysex-forms jx3p")

"""Patches: raw values kept exactly, labels, JSON, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jxctl.errors import ToneError
from jxctl.protocol.patch import JX8P, SUPERJX, Patch


def sevens(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size).map(lambda data: bytes(byte & 0x7F for byte in data))


patches = st.one_of(
    st.builds(Patch, sevens(53), st.one_of(st.just(b""), st.binary(min_size=48, max_size=48))),
    st.builds(Patch, sevens(9)),
)


@given(patches)
def test_json_keeps_every_byte(patch: Patch) -> None:
    again = Patch.from_json(json.loads(json.dumps(patch.to_json())))
    assert (again.values, again.rest) == (patch.values, patch.rest)


@given(patches)
def test_every_value_has_a_label(patch: Patch) -> None:
    assert all(patch.label(row.name) for row in patch.table.rows)


def test_the_numbers_are_those_of_the_documents() -> None:
    """jx_hardware.md 4.6 and 4.4."""
    numbers = {
        "BALANCE": 18,
        "DUAL DETUNE": 19,
        "BEND RANGE": 23,
        "KEY MODE": 24,
        "TOTAL VOLUME": 25,
        "UPPER TONE": 29,
        "UPPER SHIFT": 30,
        "UPPER ASSIGN": 31,
        "UPPER BENDER SW": 36,
        "UPPER UNKNOWN": 37,
        "LOWER TONE": 38,
        "LOWER BENDER SW": 45,
        "LOWER UNKNOWN": 46,
        "CHASE LEVEL": 47,
        "CHASE": 50,
        "KEY MODE HIGH": 51,
        "BEND RANGE HIGH": 52,
    }
    assert {name: SUPERJX.row(name).number for name in numbers} == numbers
    assert len(SUPERJX) == 53
    names = [
        "BEND RANGE",
        "PORTA TIME",
        "PORTA SW",
        "ASSIGN",
        "AFTERTOUCH",
        "BEND LFO DEPTH",
        "UNISON DETUNE",
    ]
    assert [row.name for row in JX8P.rows] == [*names, "TONE", "BANK"]


def test_labels() -> None:
    patch = Patch.init("A").with_values(
        {"KEY MODE": "split", "UPPER SHIFT": 0x74, "LOWER SHIFT": 12, "BEND RANGE": 0x60, "UPPER ASSIGN": 4}
    )
    assert patch.raw("KEY MODE") == 1
    shown = {"KEY MODE": "split", "UPPER SHIFT": "-12", "LOWER SHIFT": "+12", "BEND RANGE": "7"}
    shown |= {"UPPER ASSIGN": "poly 2", "CHASE": "off", "BALANCE": "64"}
    assert {name: patch.label(name) for name in shown} == shown
    # A value with no meaning is shown as its number, not as its neighbour's label.
    assert patch.with_values({"UPPER ASSIGN": 3}).label("UPPER ASSIGN") == "3"
    assert Patch.init_jx8p().with_values({"PORTA SW": 70}).label("PORTA SW") == "on"


def test_names_keep_digits_typed_on_the_panel() -> None:
    patch = Patch(b"BASS \x01\x02".ljust(18) + bytes(35))
    assert patch.name == "BASS 12"
    assert Patch.from_json(patch.to_json()).name_bytes == patch.name_bytes
    assert Patch.from_json(patch.to_json() | {"name": "OTHER"}).name == "OTHER"
    assert patch.named("AN EIGHTEEN LETTER NAME").name == "AN EIGHTEEN LETTER"


def test_tones_are_relinked() -> None:
    patch = Patch.init().with_tones(7, 49)
    assert patch.tones == (7, 49)
    assert (patch.values[29], patch.values[38]) == (7, 49)
    assert Patch.init_jx8p(3).with_tones(9).tones == (9,)
    with pytest.raises(ToneError, match="2 tones, not 1"):
        patch.with_tones(1)


def test_rest_does_not_count_when_patches_are_compared() -> None:
    assert Patch(bytes(53), bytes([1]) * 48) == Patch(bytes(53))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Patch(bytes(52)), "53 values, not 52"),
        (lambda: Patch(b"\x80" + bytes(52)), "NAME 1 is 128"),
        (lambda: Patch(bytes(53), bytes(47)), "48 bytes, not 47"),
        (lambda: Patch(bytes(9), bytes(48)), "rest"),
        (lambda: Patch.init().with_values({"CUTOFF": 1}), "no value 'CUTOFF'"),
        (lambda: Patch.init().with_values({"BALANCE": 128}), "BALANCE is 128"),
        (lambda: Patch.init().with_values({"KEY MODE": "triple"}), "dual, split, whole upper"),
        (lambda: Patch.init("\u00e9"), "not printable ASCII"),
        (lambda: Patch.init_jx8p().named("X"), "has no name"),
    ],
)
def test_what_is_no_patch_is_refused(make: Any, said: str) -> None:
    with pytest.raises(ToneError, match=said):
        make()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "jx.tone"}, "not a jx patch"),
        ({"version": 2}, "version 2"),
        ({"family": "x"}, "family is 'x'"),
        ({"values": {}}, "values missing"),
        ({"values": 5}, "not a table"),
        ({"name": 5}, "name is 5"),
        ({"name_hex": "zz"}, "name_hex is 'zz'"),
        ({"name_hex": "00"}, "18 bytes"),
        ({"rest_hex": "0"}, "rest_hex"),
    ],
)
def test_a_file_that_is_wrong_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ToneError, match=said):
        Patch.from_json(Patch.init().to_json() | change)


@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x))
)
def test_any_json_is_refused_with_words(data: Any) -> None:
    with pytest.raises(ToneError):
        Patch.from_json(data)


def test_at_a_prompt_a_patch_says_what_it_is() -> None:
    patch = Patch.init("STRINGS").with_tones(4, 31)
    assert repr(patch) == "<Patch 'STRINGS': whole upper, upper tone 5, lower tone 32>"
    assert repr(Patch.init_jx8p(3)) == "<Patch of a JX-8P: tone 4, poly 1>"

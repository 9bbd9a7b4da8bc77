"""Banks: JSON, missing tones, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jxctl.errors import ToneError
from jxctl.protocol.bank import Bank
from jxctl.protocol.patch import Patch
from jxctl.protocol.tone import INIT_TONE, Tone
from jxctl.protocol.vecoven_tone import ToneV4

BANK = Bank(
    "mks70", {3: Patch.init("P").with_tones(1, 55), 0: Patch.init()}, {1: INIT_TONE}, "MINE", b"\x01\xff"
)


def test_json_keeps_slots_order_and_rest() -> None:
    again = Bank.from_json(json.loads(json.dumps(BANK.to_json())))
    assert again == BANK
    assert list(again.patches) == [3, 0]
    assert (again.name, again.rest) == ("MINE", b"\x01\xff")
    v4 = Bank("vecoven4", {}, {0: ToneV4(bytes(101))})
    assert Bank.from_json(v4.to_json()) == v4


def test_missing_tones_are_those_a_patch_names_and_the_bank_lacks() -> None:
    assert BANK.missing_tones() == [0, 55]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Bank("jx3p"), "no family 'jx3p'"),  # type: ignore[arg-type]
        (lambda: Bank("mks70", {}, {128: INIT_TONE}), "slot 128"),
        (lambda: Bank("mks70", {}, {True: INIT_TONE}), "slot True"),
        (lambda: Bank("mks70", {}, {0: ToneV4(bytes(101))}), "no tone of family mks70"),
        (lambda: Bank("vecoven4", {}, {0: INIT_TONE}), "no tone of family vecoven4"),
        (lambda: Bank("mks70", {0: Patch.init_jx8p()}), "no patch of family mks70"),
        (lambda: Bank("jx8p", {0: Patch.init()}), "no patch of family jx8p"),
    ],
)
def test_what_is_no_bank_is_refused(make: Any, said: str) -> None:
    with pytest.raises(ToneError, match=said):
        make()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "x"}, "not a jx bank"),
        ({"version": 0}, "version 0"),
        ({"family": None}, "no family None"),
        ({"family": []}, "no family"),
        ({"tones": 3}, "not a list"),
        ({"tones": [{"tone": {}}]}, "slot None of a tone"),
        ({"tones": [5]}, "not a list"),
        ({"patches": [{"slot": 1, "patch": {}}]}, "patch 1: not a jx patch"),
        ({"rest_hex": "0"}, "hexadecimal"),
        ({"tones": [{"slot": "1", "tone": INIT_TONE.to_json()}]}, "slot '1'"),
        ({"tones": [{"slot": [1], "tone": INIT_TONE.to_json()}]}, "slot"),
        ({"tones": [{"slot": 1, "tone": INIT_TONE.to_json()}] * 2}, "two tones for slot 1"),
    ],
)
def test_a_file_that_is_wrong_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ToneError, match=said):
        Bank.from_json(BANK.to_json() | change)


@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x))
)
def test_any_json_is_refused_with_words(data: Any) -> None:
    with pytest.raises(ToneError):
        Bank.from_json(data)


def test_at_a_prompt_a_bank_says_what_it_holds() -> None:
    tones = {slot: Tone.init(f"TONE {slot}") for slot in range(4)}
    held = "0 patches, 4 tones ('TONE 0', 'TONE 1', 'TONE 2', ...)"
    assert repr(Bank("mks70", tones=tones)) == f"<Bank mks70: {held}>"
    named = Bank("mks70", {0: Patch.init("SOLO")}, {7: Tone.init("LEAD")}, "mine")
    assert repr(named) == "<Bank 'mine' mks70: 1 patch, 1 tone ('SOLO', 'LEAD')>"
    assert repr(Bank("jx8p")) == "<Bank jx8p: 0 patches, 0 tones>"

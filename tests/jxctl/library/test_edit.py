"""The librarian: merging, duplicates, parts, families, morphs. Patches keep their tones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jxctl.errors import UsageError
from jxctl.library import edit
from jxctl.library.edit import converted, morph
from jxctl.library.files import read_library
from jxctl.protocol.bank import Bank
from jxctl.protocol.parameters import TONE_PARAMETERS
from jxctl.protocol.patch import Patch
from jxctl.protocol.tone import INIT_TONE, Tone


def tone(content: int, name: str = "TONE") -> Tone:
    """A tone that differs from others in one value."""
    return INIT_TONE.with_values({"VCF FREQ": content}).named(name)


def patch(upper: int, lower: int, name: str = "PATCH") -> Patch:
    """A patch that plays two tones."""
    return Patch.init(name).with_tones(upper, lower)


CONTENTS = st.integers(0, 5)
NAMES = st.sampled_from(["ONE", "TWO", "THREE"])


@st.composite
def banks(draw: st.DrawFn, most: int = 8) -> Bank:
    """A MKS-70 bank whose patches play its own tones or presets."""
    slots = draw(st.lists(st.integers(0, 49), min_size=1, max_size=most, unique=True))
    tones = {slot: tone(draw(CONTENTS), draw(NAMES)) for slot in slots}
    numbers = st.sampled_from([*slots, 50, 99])
    at = draw(st.lists(st.integers(0, 63), max_size=most, unique=True))
    patches = {slot: patch(draw(numbers), draw(numbers), draw(NAMES)) for slot in at}
    return Bank("mks70", patches, tones)


def played(bank: Bank, number: int, with_name: bool = True) -> object:
    """What is heard of a patch: its two tones, or the number of a preset."""

    def one(n: int) -> object:
        held = bank.tones.get(n)
        return n if held is None else (held.values, held.name) if with_name else held.values  # type: ignore[union-attr]

    return tuple(one(n) for n in bank.patches[number].tones)


@given(st.lists(banks(), min_size=2, max_size=4))
@settings(max_examples=60)
def test_merged_patches_play_what_they_played(several: list[Bank]) -> None:
    merged = edit.merge(several).bank
    for slot in several[0].patches:
        assert merged.patches[slot] == several[0].patches[slot]
    for slot, held in several[0].tones.items():
        assert merged.tones[slot] == held
    found = [(p.name, played(merged, slot)) for slot, p in merged.patches.items()]
    for bank in several:
        for slot, p in bank.patches.items():
            assert (p.name, played(bank, slot)) in found
    everything = [(held.values, held.name) for held in merged.tones.values()]  # type: ignore[union-attr]
    for bank in several:
        for held in bank.tones.values():
            assert (held.values, held.name) in everything  # type: ignore[union-attr]


@given(banks(most=20))
@settings(max_examples=60)
def test_without_duplicates_patches_still_play_what_they_played(bank: Bank) -> None:
    tones_only = edit.dedupe(bank, patches=False).bank
    for slot in bank.patches:
        assert played(tones_only, slot, with_name=False) == played(bank, slot, with_name=False)
    contents = [held.values for held in tones_only.tones.values()]
    assert len(set(contents)) == len(contents)
    assert set(contents) == {held.values for held in bank.tones.values()}
    assert all(bank.tones[slot] == held for slot, held in tones_only.tones.items())
    both = edit.dedupe(bank)
    assert edit.dedupe(both.bank) == edit.Edited(both.bank)
    before = {(p.values[18:29], played(bank, slot, with_name=False)) for slot, p in bank.patches.items()}
    after = [(p.values[18:29], played(both.bank, s, with_name=False)) for s, p in both.bank.patches.items()]
    assert sorted(map(repr, before)) == sorted(map(repr, after))


@given(banks(most=12), st.integers(1, 5))
@settings(max_examples=60)
def test_the_parts_of_a_bank_make_the_bank_again(bank: Bank, size: int) -> None:
    parts = edit.parts(bank, size)
    assert all(len(part.patches) <= size for part in parts)
    assert edit.merge(parts, together=True).bank == bank
    for part in parts:
        for slot in part.patches:
            assert played(part, slot) == played(bank, slot)


def test_full_slots_are_said() -> None:
    full = Bank("mks70", {}, {slot: tone(slot) for slot in range(50)})
    with pytest.raises(UsageError, match="all 50 tone slots are full: no place for tone 4 of") as refused:
        edit.merge([full, Bank("mks70", {}, {3: tone(100)})])
    assert "dedupe" in refused.value.hint
    # The same tone needs no place.
    again = edit.merge([full, Bank("mks70", {0: patch(9, 9)}, {9: tone(4)})]).bank
    assert again.tones == full.tones
    assert again.patches[0].tones == (4, 4)


def test_a_patch_never_gets_another_files_tone() -> None:
    alone = Bank("mks70", {0: patch(7, 60)})
    other = Bank("mks70", {}, {7: tone(1, "OTHER")})
    with pytest.raises(UsageError, match="patch 1 'PATCH' plays tone 8, which its own file does not hold"):
        edit.merge([other, alone])
    # The other way round the slot is kept free for the tone that is missing.
    merged = edit.merge([alone, other]).bank
    assert list(merged.tones) == [0]
    assert edit.merge([alone, other], together=True).bank.tones == other.tones


def test_pieces_of_one_dump_must_agree() -> None:
    first, second = Bank("mks70", {}, {7: tone(1)}), Bank("mks70", {}, {7: tone(2)})
    with pytest.raises(UsageError, match="not pieces of one dump"):
        edit.merge([first, second], together=True)


def test_families_do_not_mix() -> None:
    with pytest.raises(UsageError, match="jx8p and mks70") as refused:
        edit.merge([Bank("jx8p", {}, {0: tone(1)}), Bank("mks70", {}, {0: tone(1)})])
    assert "--family jx8p" in refused.value.hint


def test_stock_tones_are_the_same_in_both_families() -> None:
    bank = Bank("jx8p", {}, {0: tone(1), 31: tone(2)})
    there, lost = converted(bank, "mks70")
    assert (there.tones, lost) == (bank.tones, [])
    back, lost = converted(there, "jx8p")
    assert (back, lost) == (bank, [])


def test_what_a_jx8p_cannot_hold_is_said() -> None:
    bank = Bank("mks70", {0: patch(40, 3)}, {3: tone(1), 40: tone(2, "HIGH")})
    there, lost = converted(bank, "jx8p")
    assert there.tones == {3: tone(1), 0: tone(2, "HIGH")}
    assert there.patches == {}
    assert any("tone 41 'HIGH'" in line and "tone 1" in line for line in lost)
    assert any("patch 1" in line for line in lost)
    with pytest.raises(UsageError, match="50 tones do not fit in the 32 slots"):
        converted(Bank("mks70", {}, {slot: tone(slot) for slot in range(50)}), "jx8p")


def test_a_v4_bank_in_stock_terms_keeps_its_links(shared: Path) -> None:
    bank = read_library(shared / "data" / "captures" / "vecoven_v4_bulk_bank.syx").bank
    there, lost = converted(bank, "mks70")
    assert there.family == "mks70"
    assert [p.tones for p in there.patches.values()] == [p.tones for p in bank.patches.values()]
    assert [held.name for held in there.tones.values()] == [held.name for held in bank.tones.values()]
    # PAD 1 uses pulse width and a second LFO, which a stock tone does not have.
    assert any("PAD 1" in line and "PWM1" in line for line in lost)


@given(st.binary(min_size=48, max_size=48), st.binary(min_size=48, max_size=48), st.floats(0, 1))
@settings(max_examples=50)
def test_a_morph_lies_between(a: bytes, b: bytes, amount: float) -> None:
    first = Tone(bytes(v & 127 for v in a), b"A         ")
    second = Tone(bytes(v & 127 for v in b), b"B         ")
    made = morph(first, second, amount)
    for p, x, y, value in zip(TONE_PARAMETERS, first.values, second.values, made.values, strict=True):
        if p.kind == "switch" or p.name == "UNKNOWN AE":
            assert value == (y if amount >= 0.5 else x)
        else:
            assert abs(value - (x + (y - x) * amount)) <= 0.5 + 1e-9
    assert morph(first, second, 0) == first
    assert morph(first, second, 1) == second


@pytest.mark.parametrize("amount", [-0.1, 1.1, float("nan")])
def test_a_morph_beyond_the_ends_is_refused(amount: float) -> None:
    with pytest.raises(UsageError, match="0 to 1"):
        morph(INIT_TONE, INIT_TONE, amount)


def test_a_bank_is_replaced_not_changed() -> None:
    bank = Bank("mks70", {0: patch(1, 2)}, {1: tone(1), 2: tone(1)})
    before = replace(bank)
    edit.dedupe(bank)
    edit.merge([bank, bank])
    assert bank == before


def test_tones_that_differ_in_a_byte_that_means_nothing_are_two() -> None:
    """Their text at a prompt is the same; what is merged is told apart by all that it is."""
    one = INIT_TONE.named("SAME")
    for other in (replace(one, byte_10=0x21), one.with_values({"UNKNOWN AE": 5})):
        assert repr(one) == repr(other)
        merged = edit.merge([Bank("mks70", tones={0: one}), Bank("mks70", tones={0: other})]).bank
        assert {tone.record for tone in merged.tones.values()} == {one.record, other.record}

"""Messages to banks and back; what cannot be placed is said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jxctl.errors import ToneError
from jxctl.protocol.bank import AnyTone, Bank
from jxctl.protocol.patch import Patch
from jxctl.protocol.sysex import (
    AnyMessage,
    BulkPatch,
    BulkTone,
    Changes,
    PatchData,
    Program,
    ToneData,
    bank_of,
    banks_of,
    decode,
    encode,
    messages_of,
    not_in_bulk,
    not_in_sets,
)  # fmt: skip
from jxctl.protocol.sysex.jx8p import JX8P, WRITE
from jxctl.protocol.sysex.mks70 import MKS70
from jxctl.protocol.sysex.vecoven4 import VECOVEN4
from jxctl.protocol.tone import INIT_TONE, Tone
from jxctl.protocol.vecoven_tone import ToneV4


def sevens(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size).map(lambda data: bytes(byte & 0x7F for byte in data))


stock = st.builds(Tone, sevens(48), sevens(10), st.integers(0, 127))
patch_slots, slots = st.integers(0, 63), st.integers(0, 49)
# Values a bulk record holds whole: switches of the patch are single bits there.
holdable = st.builds(
    lambda name, tones, level: Patch.init(name).with_values({"BALANCE": level}).with_tones(*tones),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=18),
    st.tuples(slots, slots), slots,
)  # fmt: skip


banked_patches = st.dictionaries(patch_slots, holdable, max_size=4)
banked_tones = st.dictionaries(slots, stock, min_size=1, max_size=4)


@given(banked_patches, banked_tones)
@settings(max_examples=40)
def test_any_mks70_bank_survives_a_bulk_dump(patches: dict[int, Patch], tones: dict[int, AnyTone]) -> None:
    bank = Bank("mks70", patches, tones)
    again, problems = bank_of(decode(encode(messages_of(bank))).messages)
    assert [line for line in problems if not line.startswith("missing: ")] == []
    assert again == bank


@given(banked_patches, banked_tones)
@settings(max_examples=40)
def test_any_mks70_bank_survives_sets(patches: dict[int, Patch], tones: dict[int, AnyTone]) -> None:
    bank = Bank("mks70", patches, tones)
    again, problems = bank_of(decode(encode(messages_of(bank, "sets"))).messages)
    assert problems == []
    assert again == bank


@given(st.dictionaries(st.integers(0, 31), stock, min_size=1, max_size=4))
@settings(max_examples=30)
def test_any_jx8p_bank_survives(tones: dict[int, AnyTone]) -> None:
    bank = Bank("jx8p", {}, tones)
    stream = encode(messages_of(bank))
    # 67 bytes of APR and 11 of PGR a tone: 78, the size of a factory bank's entries (4.4).
    assert len(stream) == 78 * len(tones)
    again, problems = bank_of(decode(stream).messages)
    assert [line for line in problems if not line.startswith("missing: ")] == []
    assert again == bank


def test_a_jx8p_tone_goes_where_the_write_after_it_says() -> None:
    other = INIT_TONE.named("OTHER")
    messages = [
        ToneData(wire=JX8P, tone=INIT_TONE),
        ToneData(wire=JX8P, tone=other),
        Program(wire=JX8P, level="tone", number=7, flags=WRITE),
    ]
    bank, problems = bank_of(messages)
    assert bank.tones == {7: other, 0: INIT_TONE}
    assert problems[-1] == "no slot is named for 1 of the tones; put into tone 1"


def test_tones_without_slots_are_put_in_order_and_that_is_said_once() -> None:
    tones = [INIT_TONE.named(str(n)) for n in range(32)]
    bank, problems = bank_of([ToneData(wire=JX8P, tone=tone) for tone in tones])
    assert list(bank.tones.items()) == list(enumerate(tones))
    assert len(problems) == 1
    crowd, problems = bank_of([ToneData(wire=MKS70, tone=INIT_TONE)] * 130)
    # A MKS-70 has 50 tones: the others are the next banks.
    assert len(crowd.tones) == 50
    ends = ["tones 1-50 of bank 1", "tones 1-50 of bank 2", "tones 1-30 of bank 3"]
    assert [line.split(" into ")[1] for line in problems] == ends


def test_a_second_content_for_a_slot_begins_the_next_bank() -> None:
    one = BulkTone(wire=MKS70, slot=3, tone=INIT_TONE)
    two = BulkTone(wire=MKS70, slot=3, tone=INIT_TONE.with_values({"LFO RATE": 1}))
    again = banks_of([one, one])
    assert [bank.tones for bank in again.banks] == [{3: INIT_TONE}]
    assert again.account.duplicated == ("tone 4 with the same content",)
    assert [bank.tones for bank in banks_of([one, two]).banks] == [{3: INIT_TONE}, {3: two.tone}]
    three = BulkTone(wire=MKS70, slot=4, tone=INIT_TONE)
    other = BulkTone(wire=MKS70, group=2, slot=4, tone=two.tone)
    found = banks_of([three, other])
    assert [bank.tones for bank in found.banks] == [{4: INIT_TONE}, {4: two.tone}]
    assert found.account.remarks == ("bulk dumps of several memories (groups 1, 2: 1 internal, 2 cartridge)",)


def test_two_dumps_in_one_file_are_two_banks_though_they_share_tones() -> None:
    def dump(rate: int) -> list[AnyMessage]:
        # Every third tone is the same in both, the first one too.
        tones = {
            n: INIT_TONE.named(f"T{n}").with_values({"LFO RATE": rate if n % 3 else 9}) for n in range(50)
        }
        return messages_of(Bank("mks70", {}, tones))

    found = banks_of([*dump(1), *dump(2), *dump(1)])
    assert [len(bank.tones) for bank in found.banks] == [50, 50, 50]
    assert found.banks[0] == found.banks[2] != found.banks[1]
    assert found.account.whole


@pytest.mark.parametrize("wrong", [0, 1, 7, 20, 40])
def test_a_damaged_slot_byte_costs_one_tone_and_no_bank(wrong: int) -> None:
    tones = {n: INIT_TONE.named(f"T{n}") for n in range(50)}
    messages = messages_of(Bank("mks70", {}, tones))
    messages[10] = BulkTone(wire=MKS70, slot=wrong, tone=tones[10])
    found = banks_of(messages)
    del tones[10]
    # Whatever the byte says, the other 49 stay together.
    assert found.banks[0].tones == tones
    assert found.account.missing == ("bank 1: tone 11",)
    assert found.banks[1].tones == {wrong: messages[10].tone}
    assert "out of order" in found.account.duplicated[0]


def test_edits_and_wrong_checksums_are_said() -> None:
    messages = [
        Changes(wire=MKS70, level="tone", pairs=((11, 3),), offset=40),
        BulkTone(wire=VECOVEN4, slot=0, tone=ToneV4(bytes(101)), checksum_off=1),
    ]
    bank, problems = bank_of(messages)
    assert bank.family == "vecoven4"
    assert "the checksum is wrong" in problems[0]
    (change,) = banks_of(messages).account.foreign
    assert "at byte 40" in change


def test_a_tone_number_in_a_patch_is_that_of_the_pgr_before_it() -> None:
    messages = [
        Program(wire=MKS70, level="tone", number=12, group=1),
        ToneData(wire=MKS70, tone=INIT_TONE, group=1),
        Program(wire=MKS70, level="tone", number=13, group=2),
        ToneData(wire=MKS70, tone=INIT_TONE.named("B"), group=2),
        Program(wire=MKS70, level="patch", number=4),
        PatchData(wire=MKS70, patch=Patch.init()),
    ]
    bank, problems = bank_of(messages)
    assert problems == []
    assert list(bank.tones) == [12, 13]
    assert list(bank.patches) == [4]


def test_families_are_banks_of_their_own_and_nothing_is_no_bank() -> None:
    mixed = [BulkTone(wire=MKS70, slot=0, tone=INIT_TONE), ToneData(wire=JX8P, tone=INIT_TONE)]
    found = banks_of(decode(encode(mixed)).messages)
    assert [(bank.family, bank.tones) for bank in found.banks] == [
        ("mks70", {0: INIT_TONE}), ("jx8p", {0: INIT_TONE}),
    ]  # fmt: skip
    with pytest.raises(ToneError, match="no tone and no patch"):
        bank_of([])


def test_a_tone_in_rom_is_left_out_of_a_set() -> None:
    bank = Bank("mks70", {0: Patch.init().with_tones(1, 60)}, {1: INIT_TONE})
    assert bank.missing_tones() == [60]
    kinds = [type(message).__name__ for message in messages_of(bank, "sets")]
    assert kinds == ["Program", "PatchData", "Program", "ToneData"]


def test_what_a_jx8p_cannot_store_is_refused() -> None:
    with pytest.raises(ToneError, match="no bulk dump"):
        messages_of(Bank("jx8p", {}, {0: INIT_TONE}), "bulk")
    with pytest.raises(ToneError, match="no message stores a JX-8P patch"):
        messages_of(Bank("jx8p", {0: Patch.init_jx8p()}, {}))
    with pytest.raises(ToneError, match="no tone slot 33"):
        messages_of(Bank("jx8p", {}, {32: INIT_TONE}))


def test_what_a_bulk_dump_has_no_room_for_is_said() -> None:
    patch = Patch.init().with_values({"UPPER UNKNOWN": 0x7B, "LOWER HOLD": 1})
    bank = Bank("mks70", {4: patch, 5: patch}, {0: INIT_TONE})
    assert not_in_bulk(bank) == ["UPPER UNKNOWN of patches 5-6, in part or whole"]
    # A V4 switch is three high bits; the low ones have no place.
    tone = ToneV4(bytes(101)).with_values({"VCF SOURCE": 0x51, "VCF FREQ": 127})
    assert not_in_bulk(Bank("vecoven4", {}, {9: tone})) == ["VCF SOURCE of tone 10, in part or whole"]


def test_what_whole_messages_have_no_room_for_is_said() -> None:
    # A patch as a dump has it: filler as in the captures, but one bit of byte 47 (jx_hardware.md 4.7).
    filler = bytes(39) + bytes.fromhex("10 10 80 80 7F 7F 27 04 00")
    patch = replace(Patch.init(), rest=filler)
    odd = replace(patch, rest=filler[:-1] + b"\x02")
    assert not_in_sets(Bank("mks70", {0: patch}, {})) == []
    assert not_in_sets(Bank("mks70", {0: patch, 2: odd}, {})) == [
        "bits of unknown meaning in the bulk data of patch 3"
    ]


def test_the_group_of_a_bulk_dump_is_the_memory() -> None:
    bank = Bank("mks70", {0: Patch.init()}, {0: INIT_TONE})
    assert [m.encoded()[6] for m in messages_of(bank, group=2)] == [2, 2]
    assert all(isinstance(m, BulkPatch | BulkTone) for m in messages_of(bank))

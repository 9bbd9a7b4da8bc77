"""Tables of bit slices: what they hold, and the mistakes that cannot be imported."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jxctl.protocol.patch import SUPERJX, Patch
from jxctl.protocol.sysex.bits import BitMap, Slice
from jxctl.protocol.sysex.mks70 import PATCH_BITS, read_patch_record, write_patch_record
from jxctl.protocol.sysex.vecoven4 import TONE_BITS, pack_top_bits, unpack_top_bits
from jxctl.protocol.vecoven_tone import TONE_V4


@pytest.mark.parametrize(
    ("slices", "said"),
    [
        ((Slice(0, 0, 2, 7),), "leaves its byte"),
        ((Slice(0, 0, 0, 2, 6),), "leaves its byte or its value"),
        ((Slice(0, 0, 0, 0),), "leaves"),
        ((Slice(0, 0, 0, 4), Slice(1, 0, 3, 2)), "claims a bit of the record twice"),
        ((Slice(0, 0, 0, 4), Slice(0, 1, 0, 4)), "claims a bit of the value twice"),
        ((Slice(0, 0, 0, 4), Slice(1, 0, 3, 2, copy=True)), "claims a bit of the record twice"),
    ],
)
def test_a_table_with_a_mistake_cannot_be_made(slices: tuple[Slice, ...], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        BitMap(2, 2, slices)


def test_where_the_documents_put_a_value() -> None:
    """jx_hardware.md 4.7: each byte of the record, worked out by hand."""
    patch = Patch.init("X").with_values(
        {"BEND RANGE": 0x60, "KEY MODE": 1, "UPPER SHIFT": 0x74, "LOWER SHIFT": 5, "CHASE MODE": 2,
         "UPPER ASSIGN": 5, "LOWER ASSIGN": 2, "CHASE": 1, "KEY MODE HIGH": 2, "BEND RANGE HIGH": 1,
         "UPPER TONE": 49, "UPPER HOLD": 1, "LOWER PORTA SW": 1, "LOWER LFO DEPTH": 3}
    )  # fmt: skip
    record = write_patch_record(patch)
    expected = {
        18: 0x80 | 64, 20: 0x27, 21: 0x80 | 0x26, 24: 0x80, 25: 0, 26: 0x80, 27: 0x80 | 49,
        28: 0xF4,  # -12, as a signed byte
        33: 5, 35: 0x80 | 3, 37: 0x80, 38: 1, 39: 5 << 5 | 0x10, 40: 2 << 5 | 0x10,
        41: 0x80, 42: 0x80, 43: 0x7F, 44: 0x7F, 45: 0x80 | 0x27, 46: 4, 47: 1,
    }  # fmt: skip
    assert {byte: record[byte] for byte in expected} == expected
    assert read_patch_record(record) == patch


@pytest.mark.parametrize(("raw", "low", "high"), [(0, 0, 0), (0x20, 1, 0), (0x40, 0, 1), (0x60, 1, 1)])
def test_the_two_bits_of_the_bend_range(raw: int, low: int, high: int) -> None:
    """Bit 0 in 18.7, bit 1 in 26.7 (jx_hardware.md 4.7); the captures hold 0 and 3 only."""
    record = write_patch_record(Patch.init().with_values({"BEND RANGE": raw}))
    assert (record[18] >> 7, record[26] >> 7) == (low, high)


# Where another project reads V4's switches: byte, lowest bit, and where the top bit went. Its reading of
# bulk data is independent of the captures; it settles nothing, but every row agrees.
OTHER_READING = {
    "DCO1 DYNA": (65, 2), "DCO2 DYNA": (65, 4), "DCO1 LFO SOURCE": (66, 0), "DCO2 LFO SOURCE": (66, 2),
    "PWM1 LFO SOURCE": (66, 4), "PWM2 LFO SOURCE": (66, 6, 71, 4), "PWM1 DYNA": (67, 0), "PWM2 DYNA": (67, 2),
    "LFO1 SYNC": (67, 4), "LFO2 SYNC": (67, 6, 71, 3), "ENV1 KEY": (68, 0), "ENV2 KEY": (68, 3),
    "DCO1 SOURCE": (69, 0), "DCO2 SOURCE": (69, 3), "MIX SOURCE": (70, 0), "VCF SOURCE": (70, 3),
    "VCA SOURCE": (72, 0), "LFO1 WF": (72, 3), "LFO2 WF": (73, 0), "ENV3 KEY": (73, 3),
    "PWM1 SOURCE": (74, 0), "PWM2 SOURCE": (74, 3), "ENV4 KEY": (75, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER_READING)
def test_unverified_v4_bits_are_where_another_project_reads_them(name: str) -> None:
    slices = sorted(
        (s for s in TONE_BITS.slices if s.value == TONE_V4.row(name).number), key=lambda s: s.value_bit
    )
    byte, bit, *top = OTHER_READING[name]
    expected = [(byte, bit + n) for n in range(len(slices))]
    if top:
        expected[-1] = (top[0], top[1])
    assert [(s.byte, s.bit) for s in slices] == expected
    assert [s.value_bit for s in slices] == list(range(7 - len(slices), 7))


def test_every_value_of_a_patch_but_the_two_unknown_ones_has_a_place() -> None:
    homeless = [SUPERJX.rows[n].name for n, held in enumerate(PATCH_BITS.held) if not held]
    assert homeless == ["UPPER UNKNOWN", "LOWER UNKNOWN"]


def test_what_a_record_has_no_room_for_is_named() -> None:
    values = Patch.init().with_values({"UPPER HOLD": 3, "LOWER UNKNOWN": 1}).values
    assert [SUPERJX.rows[n].name for n in PATCH_BITS.dropped(values)] == ["UPPER HOLD", "LOWER UNKNOWN"]


@given(st.binary(min_size=48, max_size=48))
def test_values_and_rest_are_the_whole_record(record: bytes) -> None:
    values, rest = PATCH_BITS.unpack(record)
    assert max(values) < 128
    assert PATCH_BITS.pack(values, rest) == record


@given(st.binary(min_size=77, max_size=77).map(lambda data: bytes(byte & 0x7F for byte in data)))
def test_v4_values_and_rest_are_the_whole_record(record: bytes) -> None:
    values, rest = TONE_BITS.unpack(record)
    assert TONE_BITS.pack(values, rest) == record
    # Three bits of the last top bits stand for nothing.
    assert all(byte == 0 for n, byte in enumerate(rest) if n != 76)
    assert rest[76] == record[76] & 0x70


@given(st.binary(max_size=60))
def test_top_bits_both_ways(record: bytes) -> None:
    data = pack_top_bits(record)
    assert all(byte < 128 for byte in data)
    assert len(data) == len(record) + -(-len(record) // 7)
    assert unpack_top_bits(data) == record


def test_top_bits_by_hand() -> None:
    # First byte's top bit in bit 6; a short last group starts lower.
    assert pack_top_bits(bytes([0x81, 2, 3, 4, 5, 6, 0x87])) == bytes([1, 2, 3, 4, 5, 6, 7, 0b1000001])
    assert pack_top_bits(bytes([0xFF, 0x00])) == bytes([0x7F, 0x00, 0b10])

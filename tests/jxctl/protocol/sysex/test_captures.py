"""Captures judge the codec: everything decodes, comes back byte for byte, and agrees with other readings."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from jxctl.protocol.bank import Bank
from jxctl.protocol.bus import decode as decode_bus
from jxctl.protocol.parameters import TONE_PARAMETERS
from jxctl.protocol.registers import tones_in
from jxctl.protocol.sysex import decode, encode, messages_of, write_image
from jxctl.protocol.sysex.mks70 import PATCH_BITS
from jxctl.protocol.sysex.vecoven4 import TONE_BITS
from jxctl.protocol.tone import Tone
from jxctl.protocol.vecoven_tone import TONE_V4, ToneV4, to_stock

MKS70, V4_BULK, V4_APR = "mks70_bulk_bank.syx", "vecoven_v4_bulk_bank.syx", "vecoven_v4_apr_set.syx"
CARTRIDGE, BUS = "jx8p_m16c_cartridge.bin", "superjx_patch_load_bus.bin"
FORMS = {MKS70: "bulk", V4_BULK: "bulk", V4_APR: "sets"}


def typed_digits(name: bytes) -> bytes:
    """A name as the firmware sends it: digits typed on the panel (0-9) as ASCII (4.9)."""
    return bytes(byte + 0x30 if byte < 10 else byte for byte in name)


def test_every_capture_is_known_here(captures: dict[str, bytes]) -> None:
    assert set(captures) == {*FORMS, CARTRIDGE, BUS}


@pytest.mark.parametrize(("name", "count"), [(MKS70, 114), (V4_BULK, 114), (V4_APR, 384)])
def test_every_byte_is_in_a_message_and_comes_back(captures: dict[str, bytes], name: str, count: int) -> None:
    decoded = decode(captures[name])
    assert decoded.unused == []
    assert len(decoded.messages) == count
    assert encode(decoded.messages) == captures[name]
    assert all(getattr(message, "checksum_off", 0) == 0 for message in decoded.messages)


@pytest.mark.parametrize("name", FORMS)
def test_a_bank_is_written_back_byte_for_byte(
    captures: dict[str, bytes], banks: dict[str, Bank], name: str
) -> None:
    form = FORMS[name]
    assert encode(messages_of(banks[name], form)) == captures[name]  # type: ignore[arg-type]


def test_a_cartridge_is_written_back_byte_for_byte(
    captures: dict[str, bytes], banks: dict[str, Bank]
) -> None:
    assert write_image(banks[CARTRIDGE]) == captures[CARTRIDGE]


def test_a_bank_survives_json_byte_for_byte(captures: dict[str, bytes], banks: dict[str, Bank]) -> None:
    for name, bank in banks.items():
        again = Bank.from_json(bank.to_json())
        assert again == bank
        if name in FORMS:
            assert encode(messages_of(again, FORMS[name])) == captures[name]  # type: ignore[arg-type]
        else:
            assert write_image(again) == captures[name]


@pytest.mark.parametrize(
    ("name", "origin", "expected"),
    [(MKS70, "MKS-70 GENLIB-A", 47), (V4_BULK, "MKS-70 internal, OS4 bulk (MKS-70_full_inte)", 31),
     (CARTRIDGE, "user cartridge jx8p-1.rom", 31)],
)  # fmt: skip
def test_tones_agree_with_an_independent_reading(
    banks: dict[str, Bank], dev_tones: list[dict[str, str]], name: str, origin: str, expected: int
) -> None:
    tones: dict[str, list[Tone]] = {}
    for tone in banks[name].tones.values():
        stock = to_stock(tone)[0] if isinstance(tone, ToneV4) else tone
        tones.setdefault(stock.name.strip(), []).append(stock)
    rows = [row for row in dev_tones if row["origin"] == origin]
    assert len(rows) == expected
    for row in rows:
        read = {key: int(value) for key, value in row.items() if key not in ("name", "origin")}
        assert len(read) == 44
        ours = [{key: tone.raw(key) for key in read} for tone in tones[row["name"].strip()]]
        assert read in ours, row["name"]


def test_bulk_and_whole_patches_of_one_bank_agree(banks: dict[str, Bank]) -> None:
    bulk, apr = banks[V4_BULK].patches, banks[V4_APR].patches
    assert list(bulk) == list(apr) == list(range(64))
    for slot in bulk:
        assert bulk[slot].values[18:] == apr[slot].values[18:], slot
        assert typed_digits(bulk[slot].name_bytes) == apr[slot].name_bytes
        assert bulk[slot].name == apr[slot].name


def test_bulk_and_whole_tones_of_one_bank_agree(banks: dict[str, Bank]) -> None:
    bulk, apr = banks[V4_BULK].tones, banks[V4_APR].tones
    both = sorted(set(bulk) & set(apr))
    assert len(both) == 42
    for slot in both:
        b, a = bulk[slot], apr[slot]
        assert isinstance(b, ToneV4)
        assert isinstance(a, ToneV4)
        # Byte 10 changes as a digit of the name does: it is an 11th character.
        assert typed_digits(b.values[:11]) == a.values[:11]
        assert b.values[11:] == a.values[11:], (slot, b.name)


def test_bus_tones_agree_with_tones_of_the_same_name(
    captures: dict[str, bytes], banks: dict[str, Bank], dev_tones: list[dict[str, str]]
) -> None:
    """The captured patch plays PIANO 4 above and HARMO1 below (jx_hardware.md 2.5)."""
    messages, dropped = decode_bus(captures[BUS])
    assert dropped == 0
    on_bus = tones_in(messages)
    in_v4 = [*banks[V4_APR].tones.values(), *banks[V4_BULK].tones.values()]
    stored = {tone.name.strip(): tone for tone in in_v4}
    # The assigner scales VCA LEVEL and sends aftertouch depths of 0; V4 has no place for the last two.
    apart = {"VCA LEVEL", "AFTER VIB", "AFTER BRI", "AFTER VOL", "UNKNOWN AE"}
    differing = {}
    for board, name in (("upper", "PIANO 4"), ("lower", "HARMO1")):
        tone = stored[name]
        assert isinstance(tone, ToneV4)
        stock, lost = to_stock(tone)
        assert lost == []
        bus = on_bus[board]  # type: ignore[index]
        differing[name] = {
            p.name for p in TONE_PARAMETERS if p.name not in apart and bus.raw(p.id) != stock.raw(p.id)
        }
        rows = [row for row in dev_tones if row["name"].strip() == name]
        assert rows
        for row in rows:
            ours = {p.name: bus.raw(p.id) for p in TONE_PARAMETERS if p.name in row}
            read = {key: int(row[key]) for key in ours}
            assert {key for key in ours if ours[key] != read[key]} == {"VCA LEVEL"}
    # One ROM tone is not the same in both instruments: sustain of ENV-1 is 48 there, 0 in the V4.
    assert differing == {"PIANO 4": {"ENV1 SUS"}, "HARMO1": set()}


def test_tones_of_one_name_in_two_instruments_agree(banks: dict[str, Bank]) -> None:
    """V4 keeps the position of a switch, so switches are compared by position, levels by value."""
    v4 = {tone.name: to_stock(tone)[0] for tone in banks[V4_BULK].tones.values() if isinstance(tone, ToneV4)}
    shared = {t.name: t for t in banks[MKS70].tones.values() if isinstance(t, Tone) and t.name in v4}
    # These two names stand for different sounds in the two banks: most of their values differ.
    other = {name: shared.pop(name) for name in ("PAD 1", "TOUCH POLY")}
    assert len(shared) == 10
    unsaid = {"AFTER VIB", "AFTER BRI", "AFTER VOL", "UNKNOWN AE"}
    for name, tone in shared.items():
        apart = {
            p.name
            for p in TONE_PARAMETERS
            if p.name not in unsaid and p.position(tone.raw(p.id)) != p.position(v4[name].raw(p.id))
            if p.kind == "switch" or tone.raw(p.id) != v4[name].raw(p.id)
        }
        assert apart == set(), name
    for name, tone in other.items():
        assert sum(tone.raw(p.id) != v4[name].raw(p.id) for p in TONE_PARAMETERS) > 20


def unclaimed(records: list[bytes], masks: bytes) -> dict[int, int]:
    """How many records have a set bit outside ``masks``, by byte."""
    counts: Counter[int] = Counter()
    for record in records:
        assert len(record) == len(masks)
        counts.update(n for n, (byte, mask) in enumerate(zip(record, masks, strict=True)) if byte & ~mask)
    return dict(sorted(counts.items()))


def patch_records(data: bytes, start: int, size: int, count: int) -> list[bytes]:
    """The data bytes of bulk patch messages, which come first in a bank."""
    return [data[n * size + start : (n + 1) * size - 1] for n in range(count)]


def test_no_set_bit_is_claimed_by_no_row_in_stock_patches(captures: dict[str, bytes]) -> None:
    nibbles = patch_records(captures[MKS70], 9, 106, 64)
    records = [bytes(n[2 * k] << 4 | n[2 * k + 1] for k in range(48)) for n in nibbles]
    # Exceptions, as jx_hardware.md 4.7 has them: bit 4 of both key assigns is always set, 41-44 and
    # 46 and the low bits of 45 are filler. Every one of the 64 patches has them.
    assert unclaimed(records, bytes(PATCH_BITS.claimed)) == dict.fromkeys(
        (39, 40, 41, 42, 43, 44, 45, 46), 64
    )


def test_no_set_bit_is_claimed_by_no_row_in_v4_patches(captures: dict[str, bytes]) -> None:
    records = []
    for data in patch_records(captures[V4_BULK], 9, 66, 64):
        # Seven bytes and their top bits, first byte in bit 6; the last group has six.
        groups = [data[n : n + 8] for n in range(0, 48, 8)] + [data[48:55]]
        record = b""
        for group in groups:
            tops = f"{group[-1]:07b}"[-(len(group) - 1) :]
            record += bytes(byte + 128 * int(top) for byte, top in zip(group[:-1], tops, strict=True))
        records.append(record)
    counts = unclaimed(records, bytes(PATCH_BITS.claimed))
    # The same filler, but for a patch that was never written; byte 47 holds more than its one known
    # bit, 31 and 36 do in one patch each.
    assert counts == {31: 1, 36: 1} | dict.fromkeys(range(39, 46), 63) | {46: 64, 47: 52}


def test_no_set_bit_is_claimed_by_no_row_in_v4_tones(captures: dict[str, bytes]) -> None:
    bulk = [captures[V4_BULK][64 * 66 + n * 88 :][9:86] for n in range(50)]
    assert unclaimed(bulk, bytes(TONE_BITS.claimed)) == {}
    messages = [m for m in captures[V4_APR].split(b"\xf7") if len(m) == 108]
    assert len(messages) == 128
    # A switch uses the high bits of its byte; a set low bit would be one that nobody reads.
    assert unclaimed([m[7:] for m in messages], bytes(TONE_BITS.held)) == {}


def test_v4_bytes_of_unknown_meaning_are_set_only_in_tones_that_do_not_exist(
    banks: dict[str, Bank],
) -> None:
    """Patches of the capture name tones 126 and 127; what the instrument sends for them is no tone."""
    unknown = [row.number for row in TONE_V4.rows if row.name.startswith("UNKNOWN") and row.number > 10]
    tones = {slot: t for slot, t in banks[V4_APR].tones.items() if isinstance(t, ToneV4)}
    assert len(tones) == 81
    assert {slot for slot, t in tones.items() if any(t.values[n] for n in unknown)} == {126, 127}
    counts = {n: sum(1 for t in tones.values() if t.values[n]) for n in unknown}
    assert counts == {62: 2, 63: 2, 94: 2, 97: 2, 99: 1, 100: 0}


def test_bits_of_the_cartridge_that_no_row_claims(captures: dict[str, bytes]) -> None:
    image = captures[CARTRIDGE]
    header, tones = image[:160], [image[160 + n * 59 :][:59] for n in range(32)]
    assert sum(1 for byte in header if byte) == 81
    # Top bits stand only in bytes whose meaning is unknown: 10, the aftertouch depths, and 57 (AE).
    assert unclaimed(tones, bytes([0x7F]) * 59) == {10: 7, 23: 12, 24: 12, 25: 4, 57: 12}


def test_v4_bits_marked_as_captured_are_those_the_captures_settle(captures: dict[str, bytes]) -> None:
    """A bit is settled when it changes between paired tones and no other bulk bit changes with it."""
    apr: dict[int, bytes] = {}
    messages = captures[V4_APR].split(b"\xf7")
    for before, message in pairwise(messages):
        if len(message) == 108:
            apr[before[7]] = message[7:]
    bulk = {n: captures[V4_BULK][64 * 66 + n * 88 :][9:86] for n in range(50)}
    both = [n for n in bulk if n in apr]
    columns = {
        (byte, bit): tuple(bulk[n][byte] >> bit & 1 for n in both)
        for byte in range(64, 77)
        for bit in range(7)
    }
    times = Counter(columns.values())
    for s in TONE_BITS.slices:
        if s.byte < 64:
            settled = len({apr[n][s.value] for n in both}) > 1
        else:
            column = tuple(apr[n][s.value] >> s.value_bit & 1 for n in both)
            assert columns[s.byte, s.bit] == column, TONE_V4.rows[s.value].name
            settled = len(set(column)) == 2 and times[column] == 1
        expected = "captured" if settled else "inferred"
        assert s.evidence == expected, (TONE_V4.rows[s.value].name, s.value_bit)

"""Messages of every family: published vectors, arbitrary content, and refusals that say why."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jxctl.errors import ToneError, UsageError
from jxctl.protocol.patch import Patch
from jxctl.protocol.sysex import (
    FAMILIES,
    AnyMessage,
    BulkPatch,
    BulkTone,
    Changes,
    Decoder,
    EditBufferRequest,
    PatchData,
    Program,
    ToneData,
    Transfer,
    Unused,
    decode,
    encode,
)  # fmt: skip
from jxctl.protocol.sysex.jx8p import JX8P, MANUAL, WRITE
from jxctl.protocol.sysex.mks70 import MKS70
from jxctl.protocol.sysex.vecoven4 import VECOVEN4
from jxctl.protocol.tone import INIT_TONE, Tone
from jxctl.protocol.vecoven_tone import ToneV4

raw = st.integers(0, 127)


def sevens(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size).map(lambda data: bytes(byte & 0x7F for byte in data))


stock_tones = st.builds(Tone, sevens(48), sevens(10), raw)
superjx = st.builds(Patch, sevens(53))
jx8p_patches = st.builds(Patch, sevens(9))
v4_tones = st.builds(ToneV4, sevens(101))
channel = st.integers(0, 15)
group = st.sampled_from([1, 2])
level = st.sampled_from(["tone", "patch"])


def common(wire: Any, groups: st.SearchStrategy[int] = group) -> dict[str, Any]:
    return {"wire": st.just(wire), "channel": channel, "group": groups}


def change(wire: Any, level: str, most: int = 1) -> st.SearchStrategy[Changes]:
    numbers = sorted(wire.tone_numbers if level == "tone" else wire.patch_numbers)
    pairs = st.lists(st.tuples(st.sampled_from(numbers), raw), min_size=1, max_size=most).map(tuple)
    groups = st.just(1) if wire is JX8P else group
    return st.builds(Changes, level=st.just(level), pairs=pairs, **common(wire, groups))


messages: st.SearchStrategy[AnyMessage] = st.one_of(
    st.builds(ToneData, tone=stock_tones, **common(JX8P, st.just(1))),
    st.builds(PatchData, patch=jx8p_patches, **common(JX8P)),
    st.builds(
        Program, level=st.just("tone"), number=raw, flags=st.sampled_from([WRITE, MANUAL]),
        **common(JX8P, st.just(1)),
    ),
    change(JX8P, "tone", 5), change(JX8P, "patch", 5),
    st.builds(ToneData, tone=stock_tones, **common(MKS70)),
    st.builds(PatchData, patch=superjx, **common(MKS70)),
    st.builds(Program, level=level, number=raw, **common(MKS70)),
    change(MKS70, "tone"), change(MKS70, "patch"),
    st.builds(BulkTone, slot=raw, tone=stock_tones, **common(MKS70)),
    st.builds(ToneData, tone=v4_tones, **common(VECOVEN4)),
    st.builds(PatchData, patch=superjx, **common(VECOVEN4)),
    change(VECOVEN4, "tone"), change(VECOVEN4, "patch"),
    st.builds(EditBufferRequest, wire=st.just(VECOVEN4), channel=channel),
    st.builds(Transfer, kind=st.sampled_from(["ACK", "EOF", "ERR", "RJC"]), channel=channel),
    st.builds(Transfer, kind=st.sampled_from(["WSF", "RQF"]), data=sevens(8), channel=channel),
)  # fmt: skip


# Published vectors: jx_hardware.md sections 4.2, 4.4 and 9.
VECTORS: list[tuple[str, AnyMessage, str]] = [
    ("F0 41 36 00 24 30 01 12 4D F7", Changes(wire=MKS70, level="patch", pairs=((18, 77),)), "BALANCE = 77"),
    ("F0 41 34 00 24 20 01 52 00 F7", Program(wire=MKS70, level="tone", number=82), "PGR tone 1: 83"),
    ("F0 41 34 00 24 20 02 26 00 F7", Program(wire=MKS70, level="tone", group=2, number=38), "tone 2: 39"),
    ("F0 41 34 00 21 20 01 00 00 02 F7", Program(wire=JX8P, level="tone", number=0, flags=WRITE), "to 1"),
    ("F0 41 3D 00 24 02 01 07 F7", EditBufferRequest(wire=VECOVEN4), "request"),
    ("F0 41 36 00 21 20 01 0C 40 17 00 F7",
     Changes(wire=JX8P, level="tone", pairs=((12, 64), (23, 0))), "DCO1 WF = 64 (pulse), AFTER VIB = 0"),
    ("F0 41 39 00 24 20 01 0C 60 F7", Changes(wire=VECOVEN4, level="tone", pairs=((0x0C, 0x60),)),
     "DCO1 WF = 96 (sawtooth)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message", "shown"), VECTORS, ids=[vector[0] for vector in VECTORS])
def test_published_vectors_both_ways(text: str, message: AnyMessage, shown: str) -> None:
    data = bytes.fromhex(text)
    assert message.encoded() == data
    decoded = decode(data)
    assert decoded.messages == [message]
    assert decoded.unused == []
    assert shown in str(message)


def test_lengths_are_those_of_the_documents() -> None:
    """jx_hardware.md 4.4, 4.6, 4.7, 4.10."""
    v4, patch = ToneV4(bytes(101)), Patch.init()
    lengths = {
        67: ToneData(wire=JX8P, tone=INIT_TONE), 17: PatchData(wire=JX8P, patch=Patch.init_jx8p()),
        69: BulkTone(wire=MKS70, slot=0, tone=INIT_TONE), 106: BulkPatch(wire=MKS70, slot=0, patch=patch),
        61: PatchData(wire=MKS70, patch=patch), 59: PatchData(wire=MKS70, patch=patch, size=51),
        109: ToneData(wire=VECOVEN4, tone=v4), 88: BulkTone(wire=VECOVEN4, slot=0, tone=v4),
        66: BulkPatch(wire=VECOVEN4, slot=0, patch=patch),
        263: Transfer(kind="DAT", data=bytes(256)), 6: Transfer(kind="ACK"),
    }  # fmt: skip
    assert {length: len(message.encoded()) for length, message in lengths.items()} == {n: n for n in lengths}


def test_values_stand_where_the_documents_say() -> None:
    """A MKS-70 tone's DCO1 RANGE is parameter 11, its VCA MODE 58 (4.5)."""
    tone = INIT_TONE.with_values({"DCO1 RANGE": 5, "VCA MODE": 77}).named("ABC")
    data = ToneData(wire=MKS70, tone=tone, channel=3, group=2).encoded()
    assert data[:7] == bytes.fromhex("F0 41 35 03 24 20 02")
    assert data[7:17] == b"ABC       "
    assert (data[7 + 10], data[7 + 11], data[7 + 58]) == (0x20, 5, 77)


@given(st.lists(messages, max_size=6))
@settings(max_examples=60)
def test_any_messages_survive_the_way_through_bytes(sent: list[AnyMessage]) -> None:
    decoded = decode(encode(sent))
    assert decoded.messages == sent
    assert decoded.unused == []
    assert encode(decoded.messages) == encode(sent)


@given(messages, st.data())
def test_a_message_cut_anywhere_is_reported_and_the_next_one_read(message: AnyMessage, data: Any) -> None:
    whole = message.encoded()
    cut = whole[: data.draw(st.integers(1, len(whole) - 1))]
    decoded = decode(cut + whole)
    assert decoded.messages == [message]
    assert [(item.offset, item.data) for item in decoded.unused] == [(0, cut)]


@given(messages, st.data())
def test_one_wrong_byte_never_raises_and_never_loses_bytes(message: AnyMessage, data: Any) -> None:
    stream = bytearray(message.encoded())
    stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 0xF7))
    decoded = decode(bytes(stream))
    parts = [(m.offset or 0, m.encoded()) for m in decoded.messages]
    parts += [(item.offset, item.data) for item in decoded.unused]
    assert b"".join(part for _, part in sorted(parts)) == bytes(stream)
    assert all(item.reason for item in decoded.unused)


frames = st.tuples(
    st.sampled_from([0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x3D, 0x40, 0x42, 0x43, 0x4E]),
    st.sampled_from([0x21, 0x24]), st.sampled_from([0x20, 0x30, 2]), st.integers(0, 3),
    st.one_of(sevens(n) for n in (0, 1, 2, 3, 9, 51, 53, 57, 58, 59, 61, 79, 80, 98, 101, 257)),
).map(lambda f: bytes((0xF0, 0x41, f[0], 0, f[1], f[2], f[3])) + f[4] + b"\xf7")  # fmt: skip


@given(st.lists(st.one_of(frames, st.binary(max_size=20)), max_size=5))
@settings(max_examples=150)
def test_anything_at_all_is_decoded_or_reported_and_comes_back(pieces: list[bytes]) -> None:
    stream = b"".join(pieces)
    decoded = decode(stream)
    parts = [(m.offset or 0, m.encoded()) for m in decoded.messages]
    parts += [(item.offset, item.data) for item in decoded.unused if not item.harmless]
    assert b"".join(part for _, part in sorted(parts)) == bytes(byte for byte in stream if byte < 0xF8)
    for message in decoded.messages:
        assert str(message)
    decoder = Decoder()
    streamed = [item for byte in stream for item in decoder.feed(bytes((byte,)))] + decoder.finish()
    assert [item for item in streamed if not isinstance(item, Unused)] == decoded.messages
    assert [item for item in streamed if isinstance(item, Unused)] == decoded.unused


@given(st.lists(messages, min_size=1, max_size=3))
@settings(max_examples=30)
def test_duplicates_are_messages_of_their_own(sent: list[AnyMessage]) -> None:
    assert decode(encode(sent) * 2).messages == sent * 2


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("F0 41 35 00 24 20 01 00 F7", "1 data bytes; expected 59"),
        ("F0 41 35 00 24 30 01 00 F7", "expected 53 or 51"),
        ("F0 41 36 00 24 30 01 12 F7", "a parameter number without a value"),
        ("F0 41 36 00 24 30 01 35 00 F7", "a patch of mks70 has no parameter 53"),
        ("F0 41 36 00 24 20 01 01 02 03 04 F7", "2 parameters in one message"),
        ("F0 41 36 00 24 20 05 01 02 F7", "group 05"),
        ("F0 41 36 00 24 25 01 01 02 F7", "level 25"),
        ("F0 41 34 00 24 20 01 00 00 52 00 F7", "4 data bytes; expected 2 or 3"),
        ("F0 41 34 00 21 20 01 52 00 F7", "2 data bytes; expected 3"),
        ("F0 41 37 00 21 20 01 00 F7", "operation 37 is none of format 21"),
        ("F0 41 39 00 24 20 01 0A 00 F7", "no parameter 10"),
        ("F0 41 46 00 24 F7", "no known meaning"),
        ("F0 41 43 00 24 00 F7", "expected none"),
        ("F0 41 3D 00 24 02 01 08 F7", "another form"),
    ],
)
def test_a_message_that_is_not_quite_one_is_refused_with_the_reason(data: str, said: str) -> None:
    decoded = decode(b"\x00" + bytes.fromhex(data))
    assert decoded.messages == []
    assert decoded.unused[-1].offset == 1
    assert said in decoded.unused[-1].reason


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ToneData(wire=VECOVEN4, tone=INIT_TONE), "no tone of family vecoven4"),
        (lambda: ToneData(wire=MKS70, tone=ToneV4(bytes(101))), "no tone of family mks70"),
        (lambda: PatchData(wire=MKS70, patch=Patch.init_jx8p()), "no patch of family mks70"),
        (lambda: BulkTone(wire=JX8P, slot=0, tone=INIT_TONE), "no bulk dump"),
        (lambda: BulkTone(wire=MKS70, slot=128, tone=INIT_TONE), "slot is 128"),
        (lambda: Changes(wire=MKS70, level="tone", pairs=()), "no parameter given"),
        (lambda: Changes(wire=MKS70, level="tone", pairs=((11, 0), (12, 0))), "2 parameters"),
        (lambda: Changes(wire=MKS70, level="tone", pairs=((59, 0),)), "no parameter 59"),
        (lambda: Changes(wire=MKS70, level="tone", pairs=((11, 128),)), "expected 0 to 127"),
        (lambda: Program(wire=MKS70, level="tone", number=128), "expected 0 to 127"),
        (lambda: Program(wire=JX8P, level="tone", number=1), "2 bytes beside"),
        (lambda: ToneData(wire=MKS70, tone=INIT_TONE, channel=16), "channel is 16"),
        (lambda: Transfer(kind="DAT", data=bytes(255)), "expected 256"),
        (lambda: Transfer(kind="DAT", data=b"\x10" * 256), "0F"),
        (lambda: Transfer(kind="ACK", data=b"\x00"), "no data"),
    ],
)  # fmt: skip
def test_a_message_that_cannot_be_is_refused_when_made(make: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        make()


def test_changes_change_what_they_name() -> None:
    pulse = Changes(wire=MKS70, level="tone", pairs=((12, 64),)).changed_tone(INIT_TONE)
    assert pulse == INIT_TONE.with_values({"DCO1 WF": 64})
    named = Changes(wire=JX8P, level="tone", pairs=((0, 0x41), (10, 3))).changed_tone(INIT_TONE)
    assert isinstance(named, Tone)
    assert (named.name, named.byte_10) == ("ANIT TONE", 3)
    v4 = Changes(wire=VECOVEN4, level="tone", pairs=((0x5E, 0x30),)).changed_tone(ToneV4(bytes(101)))
    assert v4.raw("ENV4 KEY") == 0x30
    split = Changes(wire=MKS70, level="patch", pairs=((24, 1),)).changed_patch(Patch.init())
    assert split.label("KEY MODE") == "split"
    with pytest.raises(ToneError, match="changes to a patch"):
        Changes(wire=MKS70, level="patch", pairs=((24, 1),)).changed_tone(INIT_TONE)
    with pytest.raises(ToneError, match="changes to a tone"):
        Changes(wire=MKS70, level="tone", pairs=((24, 1),)).changed_patch(Patch.init())


@given(st.binary(min_size=48, max_size=48), raw, channel)
def test_any_stock_patch_record_comes_back_byte_for_byte(record: bytes, slot: int, channel: int) -> None:
    nibbles = bytes(nibble for byte in record for nibble in (byte >> 4, byte & 15))
    data = bytes((0xF0, 0x41, 0x37, channel, 0x24, 0x30, 1, 0, slot)) + nibbles + b"\xf7"
    decoded = decode(data)
    assert len(decoded.messages) == 1
    assert encode(decoded.messages) == data


@given(sevens(78), raw)
def test_any_v4_tone_record_comes_back_byte_for_byte(record: bytes, slot: int) -> None:
    data = bytes((0xF0, 0x41, 0x3A, 0, 0x24, 0x20, 1, 0, slot)) + record + b"\xf7"
    decoded = decode(data)
    assert len(decoded.messages) == 1
    assert encode(decoded.messages) == data
    wrong = sum(record[n] for n in range(76) if n % 8 != 7) % 128 != record[77]
    message = decoded.messages[0]
    assert isinstance(message, BulkTone)
    assert bool(message.checksum_off) == wrong


@given(sevens(56))
def test_any_v4_patch_record_comes_back_or_is_refused(record: bytes) -> None:
    data = bytes.fromhex("F0 41 3A 00 24 30 01 00 00") + record + b"\xf7"
    decoded = decode(data)
    # Bit 6 of the last top bits stands for a byte that is not there.
    if record[54] & 0x40:
        assert "top bit" in decoded.unused[0].reason
    else:
        assert encode(decoded.messages) == data


def test_groups_that_only_name_a_memory_are_all_taken() -> None:
    for message in (
        BulkTone(wire=MKS70, slot=0, tone=INIT_TONE, group=0),
        BulkPatch(wire=VECOVEN4, slot=0, patch=Patch.init(), group=3),
        PatchData(wire=JX8P, patch=Patch.init_jx8p(), group=7),
    ):
        assert decode(message.encoded()).messages == [message]
    assert "group 00" in decode(ToneData(wire=MKS70, tone=INIT_TONE, group=0).encoded()).unused[0].reason


def test_a_longer_pgr_is_read_and_kept() -> None:
    """A transcript of Roland's text has a zero before the number (jx_hardware.md 4.7)."""
    data = bytes.fromhex("F0 41 34 00 24 30 01 00 07 00 F7")
    (message,) = decode(data).messages
    assert isinstance(message, Program)
    assert (message.level, message.number) == ("patch", 7)
    assert message.encoded() == data


def test_families_are_known_by_name() -> None:
    assert {name: family.name for name, family in FAMILIES.items()} == {n: n for n in FAMILIES}
    assert ToneData(wire=MKS70, tone=INIT_TONE).family == "mks70"

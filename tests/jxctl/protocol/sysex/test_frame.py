"""The frames of a stream: realtime bytes, junk, cuts and pieces; nothing lost, nothing raised."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from jxctl.protocol.sysex.frame import (
    LONGEST,
    Frame,
    Frames,
    Unused,
    from_nibbles,
    read_frame,
    to_nibbles,
)

IPR = bytes.fromhex("F0 41 36 00 24 30 01 12 4D F7")  # patch balance, jx_hardware.md section 9
PGR = bytes.fromhex("F0 41 34 00 24 20 01 52 00 F7")

# Bytes that make trouble more often than chance would.
troublesome = st.one_of(
    st.sampled_from([b"\xf0", b"\xf7", b"\x41", b"\x24", b"\x21", b"\xf8", b"\xfe", b"\x90", IPR, PGR]),
    st.binary(max_size=6),
)
streams = st.lists(troublesome, max_size=30).map(b"".join)


def split(*pieces: bytes) -> list[Frame | Unused]:
    frames = Frames()
    found: list[Frame | Unused] = [item for piece in pieces for item in frames.feed(piece)]
    return found + list(frames.finish())


def test_one_message() -> None:
    assert split(IPR) == [Frame(0x36, 0, 0x24, bytes((0x30, 1, 0x12, 0x4D)))]


def test_realtime_bytes_inside_a_message_leave_it_whole() -> None:
    # F8-FF may stand anywhere in MIDI.
    torn = b"".join(bytes((byte, 0xFE)) for byte in IPR)
    frames = [item for item in split(torn) if isinstance(item, Frame)]
    assert [frame.encoded() for frame in frames] == [IPR]
    others = [item for item in split(torn) if isinstance(item, Unused)]
    assert len(others) == len(IPR)
    assert all(item.harmless and item.data == b"\xfe" for item in others)
    assert [item.offset for item in others] == list(range(1, 2 * len(IPR), 2))


def test_what_cannot_be_used_is_named_with_place_and_reason() -> None:
    stream = b"\x12\x34" + IPR + IPR[:6] + PGR + IPR[:4] + b"\x90\x40\x7f" + IPR[:5]
    found = split(stream)
    assert [item.offset for item in found if isinstance(item, Frame)] == [2, 18]
    unused = [(item.offset, len(item.data), item.reason) for item in found if isinstance(item, Unused)]
    assert unused == [
        (0, 2, "not a System Exclusive message"),
        (12, 6, "cut short by the next message"),
        (28, 4, "cut short by status byte 90"),
        (32, 3, "not a System Exclusive message"),
        (35, 5, "cut short by the end"),
    ]


def test_messages_for_others_are_refused_by_name() -> None:
    assert "not a Roland message" in reason(bytes.fromhex("F0 43 00 F7"))
    assert "Alpha Juno" in reason(bytes.fromhex("F0 41 35 00 23 20 01 F7"))
    assert "MKS-80" in reason(bytes.fromhex("F0 41 35 00 20 20 01 F7"))
    assert "channel byte 10" in reason(bytes.fromhex("F0 41 35 10 24 20 01 F7"))
    assert "too short" in reason(bytes.fromhex("F0 41 35 F7"))
    assert "not a Roland message" in reason(bytes.fromhex("F0 F7"))


def reason(data: bytes) -> str:
    found = read_frame(data)
    assert isinstance(found, Unused)
    assert found.data == data
    return found.reason


def test_a_message_that_never_ends_is_given_up_and_the_next_is_read() -> None:
    found = split(b"\xf0\x41" + bytes(3 * LONGEST) + IPR)
    assert [item.encoded() for item in found if isinstance(item, Frame)] == [IPR]
    assert all(len(item.data) <= LONGEST for item in found if isinstance(item, Unused))
    first = found[0]
    assert isinstance(first, Unused)
    assert first.reason == f"no end in {LONGEST} bytes"


@given(streams)
def test_every_byte_comes_out_once(stream: bytes) -> None:
    places = {}
    for item in split(stream):
        data = item.encoded() if isinstance(item, Frame) else item.data
        harmless = isinstance(item, Unused) and item.harmless
        places[(item.offset, harmless)] = data
    realtime = {offset: data for (offset, harmless), data in places.items() if harmless}
    assert {n: bytes((byte,)) for n, byte in enumerate(stream) if byte > 0xF7} == realtime
    rest = b"".join(data for (_, harmless), data in sorted(places.items()) if not harmless)
    assert rest == bytes(byte for byte in stream if byte <= 0xF7)


@given(streams, st.lists(st.integers(0, 200), max_size=8))
def test_the_pieces_do_not_change_the_result(stream: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[low:high] for low, high in pairwise(edges)]
    assert split(*pieces) == split(stream)
    assert split(*(bytes((byte,)) for byte in stream)) == split(stream)


@given(st.binary(max_size=60), st.booleans())
def test_nibbles_both_ways(data: bytes, high_first: bool) -> None:
    nibbles = to_nibbles(data, high_first=high_first)
    assert nibbles.hex()[::2] == "0" * 2 * len(data)
    assert from_nibbles(nibbles, high_first=high_first) == data


def test_nibble_order_and_what_is_no_nibble() -> None:
    assert to_nibbles(b"\x4d", high_first=True) == b"\x04\x0d"
    assert to_nibbles(b"\x4d", high_first=False) == b"\x0d\x04"
    assert from_nibbles(b"\x04") is None
    assert from_nibbles(b"\x04\x10") is None

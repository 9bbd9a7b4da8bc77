"""MIDI streams: every complete message comes out, noise is counted, nothing ever fails."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jxctl.protocol.midi import LONGEST_SYSEX, NO_MESSAGE, Splitter, midi_text, split

SEVEN = st.integers(0, 127)
CHANNEL = st.integers(0, 15)
THREE_BYTES = st.sampled_from((0x80, 0x90, 0xA0, 0xB0, 0xE0))
MESSAGES = st.one_of(
    st.builds(lambda s, c, a, b: bytes((s | c, a, b)), THREE_BYTES, CHANNEL, SEVEN, SEVEN),
    st.builds(lambda s, c, a: bytes((s | c, a)), st.sampled_from((0xC0, 0xD0)), CHANNEL, SEVEN),
    st.builds(lambda data: b"\xf0" + bytes(data) + b"\xf7", st.lists(SEVEN, max_size=20)),
    st.just(b"\xf6"),
)  # fmt: skip
REALTIME = st.sampled_from([bytes((byte,)) for byte in range(0xF8, 0x100)])


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """``data`` cut at some places."""
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@given(st.lists(MESSAGES, max_size=8), st.lists(st.integers(0, 200), max_size=5))
def test_messages_come_out_as_they_went_in(messages: list[bytes], cuts: list[int]) -> None:
    splitter = Splitter()
    found = [message for piece in pieces(b"".join(messages), cuts) for message in splitter.feed(piece)]
    assert found == messages
    assert (splitter.dropped, splitter.pending) == (0, 0)


@given(MESSAGES, REALTIME, st.integers(0, 30))
def test_realtime_inside_a_message_does_not_break_it(message: bytes, realtime: bytes, where: int) -> None:
    at = where % (len(message) + 1)
    found, dropped = split(message[:at] + realtime + message[at:])
    assert sorted(found) == sorted([message, realtime])
    assert dropped == 0


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=4))
def test_noise_is_split_the_same_in_any_pieces_and_counted(data: bytes, cuts: list[int]) -> None:
    whole, lost = split(data)
    splitter = Splitter()
    assert [message for piece in pieces(data, cuts) for message in splitter.feed(piece)] == whole
    assert splitter.dropped + splitter.pending == lost
    for message in whole:
        assert message[0] >= 0x80
        assert midi_text(message)
        if message[0] != 0xF0:
            assert all(byte < 0x80 for byte in message[1:])


@pytest.mark.parametrize(
    ("stream", "messages", "dropped"),
    [
        ("90 3C 64 40 65 3C 00", ["903C64", "904065", "903C00"], 0),  # running status
        ("90 3C F8 64", ["F8", "903C64"], 0),
        ("C0 05 06", ["C005", "C006"], 0),
        ("90 3C F0 01 F7 40 41", ["F001F7"], 4),  # a system message ends running status
        ("F0 01 02 90 3C 64", ["903C64"], 3),
        ("F7", [], 1),
        ("F4 F5 90 3C 64", ["903C64"], 2),
        ("3C 64", [], 2),
        ("F2 01 02 03", ["F20102"], 1),
        ("F1 9E 00", [], 3),
        ("90 3C 64 40 F6", ["903C64", "F6"], 1),  # the status of a message cut short did not come twice
    ],
)
def test_streams_worked_out_by_hand(stream: str, messages: list[str], dropped: int) -> None:
    found, lost = split(bytes.fromhex(stream))
    assert [message.hex().upper() for message in found] == messages
    assert lost == dropped


def test_pieces_name_every_byte_its_offset_and_why_it_is_no_message() -> None:
    splitter = Splitter()
    stream = bytes.fromhex("12 90 3C FE 64 40 41 F0 01 C5 06 F4 F7 F0 01")
    found = [*splitter.pieces(stream), *splitter.finish()]
    assert [(piece.offset, piece.data.hex(), piece.message.hex(), piece.reason) for piece in found] == [
        (0, "12", "", NO_MESSAGE),
        (3, "fe", "fe", ""),
        (1, "903c64", "903c64", ""),
        (5, "4041", "904041", ""),
        (7, "f001", "", "cut short by status byte C5"),
        (9, "c506", "c506", ""),
        (11, "f4f7", "", NO_MESSAGE),
        (13, "f001", "", "cut short by the end"),
    ]
    assert splitter.dropped == 7


@given(st.binary(max_size=300))
def test_every_byte_is_in_one_piece(data: bytes) -> None:
    splitter = Splitter(longest=20)
    found = [*splitter.pieces(data), *splitter.finish()]
    assert sorted(b"".join(piece.data for piece in found)) == sorted(data)
    assert all(bool(piece.message) != bool(piece.reason) for piece in found)


def test_only_sysex_leaves_other_messages_in_the_bytes_of_none() -> None:
    splitter = Splitter(only_sysex=True)
    found = [*splitter.pieces(bytes.fromhex("90 3C 64 C0 05 F0 01 F7 F6")), *splitter.finish()]
    assert [(piece.offset, piece.data.hex(), bool(piece.message)) for piece in found] == [
        (0, "903c64c005", False),
        (5, "f001f7", True),
        (8, "f6", False),
    ]


def test_a_sysex_without_end_does_not_fill_the_memory() -> None:
    splitter = Splitter()
    for _ in range(3):
        assert splitter.feed(b"\xf0" + bytes(LONGEST_SYSEX)) == []
        assert splitter.pending < LONGEST_SYSEX
    assert splitter.feed(b"\x90\x3c\x64") == [b"\x90\x3c\x64"]


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("90 3C 64", "channel 1 note 60 on, velocity 100"),
        ("9F 3C 00", "channel 16 note 60 off"),
        ("82 3C 40", "channel 3 note 60 off"),
        ("B0 40 7F", "channel 1 controller 64 = 127"),
        ("C0 05", "channel 1 program 6"),
        ("D0 05", "channel 1 pressure 5"),
        ("E0 00 40", "channel 1 bend +0"),
        ("E0 00 00", "channel 1 bend -8192"),
        ("F0 41 F7", "SysEx, 3 bytes"),
        ("FE", "active sensing"),
    ],
)
def test_text(message: str, text: str) -> None:
    assert midi_text(bytes.fromhex(message)) == text

"""The bus: bytes against the documented table, and properties over arbitrary streams."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jxctl.errors import UsageError
from jxctl.protocol.bus import (
    Decoder,
    Forward,
    Message,
    SelectBoard,
    SetParameter,
    VoiceOff,
    VoiceOn,
    decode,
    encode,
)

CAPTURE = Path("data/captures/superjx_patch_load_bus.bin")

# jx_hardware.md 2.2 and the examples of section 9, typed from the document.
DOCUMENTED = [
    ("F1", SelectBoard("lower")),
    ("F9", SelectBoard("upper")),
    ("F4", SelectBoard("both")),
    ("80 60", SetParameter(0x80, 0x60)),
    ("BF 7F", SetParameter(0xBF, 0x7F)),
    ("C0 48 74", VoiceOn(0, 72, 116)),
    ("C5 7F 01", VoiceOn(5, 127, 1)),
    ("D0 48 00", VoiceOff(0, 72)),
    ("D5 00 40", VoiceOff(5, 0, 64)),
    ("F5 C0 00", Forward(bytes([0xC0, 0]))),
]

levels = st.integers(0, 127)
selects = st.builds(SelectBoard, st.sampled_from(["lower", "upper", "both"]))
forwards = st.builds(Forward, st.binary(max_size=9).map(lambda b: b.translate(None, b"\xf1\xf4\xf5\xf9")))
commands = st.one_of(
    selects,
    st.builds(SetParameter, st.integers(0x80, 0xBF), levels),
    st.builds(VoiceOn, st.integers(0, 5), levels, levels),
    st.builds(VoiceOff, st.integers(0, 5), levels, levels),
)
# What may follow forwarded bytes is a select or another forward, so a forward brings its own.
streams = st.lists(
    st.one_of(commands.map(lambda m: [m]), st.tuples(forwards, selects).map(list)), max_size=12
).map(lambda parts: [message for part in parts for message in part])
commands_only = st.lists(commands, min_size=1, max_size=12)


@pytest.mark.parametrize(("text", "message"), DOCUMENTED)
def test_documented_bytes(text: str, message: Message) -> None:
    data = bytes.fromhex(text)
    assert encode([message]) == data
    assert decode(data) == ([message], 0)


@given(streams)
def test_round_trip(messages: list[Message]) -> None:
    assert decode(encode(messages)) == (messages, 0)


@given(st.lists(st.binary(max_size=8)))
def test_no_bytes_break_it_and_splits_do_not_matter(pieces: list[bytes]) -> None:
    split, whole = Decoder(), Decoder()
    found = [message for piece in pieces for message in split.feed(piece)]
    found += split.finish()
    expected = whole.feed(b"".join(pieces)) + whole.finish()
    assert [(m, m.offset) for m in found] == [(m, m.offset) for m in expected]
    assert split.dropped == whole.dropped


@given(st.binary(max_size=60))
def test_every_byte_is_in_a_message_or_dropped_or_pending(data: bytes) -> None:
    decoder = Decoder()
    messages = decoder.feed(data)
    assert sum(len(m.encoded()) for m in messages) + decoder.dropped + decoder.pending == len(data)
    messages += decoder.finish()
    assert decoder.pending == 0
    assert sum(len(m.encoded()) for m in messages) + decoder.dropped == len(data)
    for message in messages:
        assert message.offset is not None
        assert data[message.offset :].startswith(message.encoded())


# Only data bytes, and statuses that jx_hardware.md 2.2 gives no stock meaning.
NOISE = [
    *range(0x80),
    *range(0xC6, 0xD0),
    *range(0xD6, 0xF1),
    0xF2,
    0xF3,
    0xF6,
    0xF7,
    0xF8,
    *range(0xFA, 0x100),
]


@given(commands_only, st.lists(st.sampled_from(NOISE), max_size=9), commands_only)
def test_noise_between_messages_is_dropped_and_counted(
    before: list[Message], noise: list[int], after: list[Message]
) -> None:
    stream = encode(before) + bytes(noise) + encode(after)
    assert decode(stream) == (before + after, len(noise))


@given(commands_only, st.data())
def test_a_lost_byte_costs_its_own_message_only(messages: list[Message], data: st.DataObject) -> None:
    hit = data.draw(st.integers(0, len(messages) - 1))
    broken = messages[hit].encoded()
    lost = data.draw(st.integers(0, len(broken) - 1))
    stream = encode(messages[:hit]) + broken[:lost] + broken[lost + 1 :] + encode(messages[hit + 1 :])
    assert decode(stream) == (messages[:hit] + messages[hit + 1 :], len(broken) - 1)


@pytest.mark.parametrize(
    ("text", "expected", "dropped"),
    [
        ("", [], 0),
        ("80", [], 1),
        ("C0 48", [], 2),
        ("80 60 61", [SetParameter(0x80, 0x60)], 1),  # no running status
        ("C0 48 D0 48 00", [VoiceOff(0, 0x48)], 2),
        ("80 FE 60 81 20", [SetParameter(0x81, 0x20)], 3),
        ("C6 40 40 E0 00 FD 0C F1", [SelectBoard("lower")], 7),
        ("F5", [Forward(b"")], 0),
        ("F5 F5 90 F1", [Forward(b""), Forward(b"\x90"), SelectBoard("lower")], 0),
        ("F5 F0 41 F7 80 10 F4 80 10", [Forward(bytes.fromhex("F041F78010")), SelectBoard("both"),
                                        SetParameter(0x80, 0x10)], 0),
    ],
)  # fmt: skip
def test_edges(text: str, expected: list[Message], dropped: int) -> None:
    assert decode(bytes.fromhex(text)) == (expected, dropped)


def test_forwarded_bytes_come_out_when_forwarding_ends() -> None:
    decoder = Decoder()
    assert decoder.feed(bytes.fromhex("F5 C0")) == []
    assert decoder.feed(b"\x00") == []
    assert decoder.feed(b"\xf4") == [Forward(b"\xc0\x00"), SelectBoard("both")]


@pytest.mark.parametrize(
    "build",
    [
        lambda: SelectBoard("left"),
        lambda: SetParameter(0x7F, 0),
        lambda: SetParameter(0xC0, 0),
        lambda: SetParameter(0x80, 128),
        lambda: SetParameter(0x80, -1),
        lambda: VoiceOn(6, 60, 100),
        lambda: VoiceOn(0, 128, 100),
        lambda: VoiceOff(0, 60, 128),
        lambda: VoiceOn(0, 60.5, 100),
        lambda: Forward(b"\xf1"),
        lambda: encode([Forward(b"\x90"), SetParameter(0x80, 0)]),
    ],
)
def test_what_the_bus_cannot_carry_is_refused(build) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError):
        build()


def test_text_names_the_parameter_and_the_switch_position() -> None:
    assert str(SetParameter(0x80, 0x60)) == "DCO1 RANGE = 96 (2')"
    assert str(SetParameter(0x97, 0x44)) == "VCF FREQ = 68"


def test_real_capture_decodes_and_encodes_to_the_same_bytes(shared: Path) -> None:
    data = (shared / CAPTURE).read_bytes()
    messages, dropped = decode(data)
    assert dropped == 0
    assert encode(messages) == data
    # 798 bytes; two of the three patch loads end with a program change for MIDI OUT (2.5, step 8).
    assert len(data) == 798
    assert [m for m in messages if isinstance(m, Forward)] == [Forward(b"\xc0\x00")] * 2
    assert not any(isinstance(m, VoiceOn | VoiceOff) for m in messages)

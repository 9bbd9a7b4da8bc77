"""Registers and the tones found in a stretch of bus."""

from __future__ import annotations

from pathlib import Path

from jxctl.protocol.bus import Message, SelectBoard, SetParameter, VoiceOn, decode
from jxctl.protocol.registers import Boards, tones_in

CAPTURE = Path("data/captures/superjx_patch_load_bus.bin")

# Read by eye from a hex dump of the capture, as (id, value) pairs: 8C-8E and 9E come later there.
LOWER = """
80 60 81 20 82 7f 83 00 84 7f 85 60 86 20 87 60 88 5c 89 4d 8a 00 8b 00 8c 00 8d 00 8e 00 8f 00
90 60 91 00 92 7f 93 00 94 00 95 60 96 00 97 44 98 6c 99 00 9a 00 9b 5d 9c 20 9d 60 9e 5c 9f 60
a0 00 a1 00 a2 00 a3 50 a4 00 a5 00 a6 00 a7 00 a8 00 a9 00 aa 29 ab 00 ac 20 ad 20 ae 00 af 40
"""
UPPER = """
80 20 81 60 82 00 83 00 84 00 85 60 86 20 87 00 88 76 89 00 8a 00 8b 00 8c 00 8d 00 8e 00 8f 40
90 60 91 52 92 42 93 7f 94 60 95 60 96 00 97 2c 98 1b 99 00 9a 14 9b 62 9c 40 9d 60 9e 74 9f 20
a0 20 a1 20 a2 00 a3 67 a4 00 a5 40 a6 30 a7 50 a8 20 a9 00 aa 4f ab 00 ac 29 ad 20 ae 7f af 40
"""
SILENCE = [SetParameter(id, 0) for id in (0x9E, 0xA6, 0xA7, 0xAB, 0xAC)]


def values(pairs: str) -> bytes:
    data = bytes.fromhex(pairs)
    assert list(data[::2]) == list(range(0x80, 0xB0))
    return data[1::2]


def whole_tone(value: int) -> list[Message]:
    return [SetParameter(id, value) for id in range(0x80, 0xB0)]


def test_the_two_tones_of_the_real_capture(shared: Path) -> None:
    messages, _ = decode((shared / CAPTURE).read_bytes())
    tones = tones_in(messages)
    assert tones["lower"].values == values(LOWER)
    assert tones["upper"].values == values(UPPER)
    assert tones["lower"].label("DCO1 RANGE") == "2'"
    assert tones["upper"].label("CHORUS") == "1"


def test_a_capture_cut_inside_a_later_load_still_has_the_tones_of_the_earlier_one(shared: Path) -> None:
    data = (shared / CAPTURE).read_bytes()
    second_load = 267
    assert data[second_load : second_load + 3] == bytes.fromhex("F4 9E 00")
    for cut in (second_load, second_load + 11, second_load + 100):
        tones = tones_in(decode(data[:cut])[0])
        assert {board: tone.values for board, tone in tones.items()} == {
            "lower": values(LOWER),
            "upper": values(UPPER),
        }


def test_a_board_that_lacks_one_parameter_has_no_tone() -> None:
    messages: list[Message] = [SelectBoard("both"), *whole_tone(7)]
    assert set(tones_in(messages)) == {"lower", "upper"}
    del messages[20]
    assert tones_in(messages) == {}


def test_selects_decide_who_receives() -> None:
    boards = Boards()
    for message in (
        SetParameter(0x97, 1),  # before any select: nobody
        SelectBoard("lower"),
        SetParameter(0x97, 2),
        SelectBoard("upper"),
        SetParameter(0x97, 3),
        VoiceOn(0, 60, 100),
        SelectBoard("both"),
        SetParameter(0x98, 4),
        SetParameter(0xBF, 5),
    ):
        boards.receive(message)
    assert (boards.lower.values[0x17], boards.upper.values[0x17]) == (2, 3)
    assert (boards.lower.values[0x18], boards.upper.values[0x18]) == (4, 4)
    assert boards.upper.values[0x3F] == 5
    assert len(boards.lower.values) == 64


def test_a_load_that_starts_over_keeps_the_tone_before_it() -> None:
    messages: list[Message] = [
        SelectBoard("lower"),
        *whole_tone(7),
        *SILENCE,
        SetParameter(0x80, 1),
        *SILENCE,
    ]
    assert tones_in(messages)["lower"].values == bytes([7] * 48)
    messages += [*whole_tone(9)]
    assert tones_in(messages)["lower"].values == bytes([9] * 48)


def test_a_level_of_zero_ends_a_load_too() -> None:
    messages: list[Message] = [SelectBoard("lower"), *SILENCE]
    messages += [m for m in whole_tone(9) if m != SetParameter(0x9E, 9)]
    messages += [SetParameter(0x9E, 0), SetParameter(0xB6, 127)]
    expected = bytearray([9] * 48)
    expected[0x1E] = 0
    assert tones_in(messages)["lower"].values == bytes(expected)


def test_turning_the_level_to_zero_is_an_edit() -> None:
    messages: list[Message] = [
        SelectBoard("lower"),
        *whole_tone(9),
        SetParameter(0x9E, 0),
        SetParameter(0x9E, 0),
    ]
    assert tones_in(messages)["lower"].raw("VCA LEVEL") == 0

"""The load order against the capture of a real assigner."""

from __future__ import annotations

from pathlib import Path

import pytest

from jxctl.protocol import load_order
from jxctl.protocol.bus import BoardName, decode, encode
from jxctl.protocol.load_order import load_sequence
from jxctl.protocol.registers import Boards
from jxctl.protocol.tone import Tone

CAPTURE = Path("data/captures/superjx_patch_load_bus.bin")


def test_patch_load_of_the_captured_registers_is_the_capture(shared: Path) -> None:
    """What the boards hold after the captured load, put through `patch_load`, gives its bytes back."""
    data = (shared / CAPTURE).read_bytes()
    load = data[: data.index(0xF5)]
    boards = Boards()
    for message in decode(load)[0]:
        boards.receive(message)
    held = {"lower": boards.lower.values, "upper": boards.upper.values}

    def values(board: BoardName, id: int) -> int:
        return held[board][id - 0x80]

    assert encode(load_order.patch_load(("lower", "upper"), values)) == load


@pytest.mark.parametrize(("board", "select"), [("lower", 0xF1), ("upper", 0xF9)])
def test_order_is_that_of_a_real_assigner(shared: Path, board: str, select: int) -> None:
    """One patch load of the capture, as one board hears it, is what `load_sequence` makes.

    The capture repeats some messages, and holds three values that belong to the patch, not the
    tone: portamento time 1 and the dual detune of the lower board's $B4 and $BE (51 for 32).
    """
    data = (shared / CAPTURE).read_bytes()[:267]
    heard, selected, at = [], 0, 0
    while data[at] != 0xF5:
        if data[at] >= 0xF0:
            selected, at = data[at], at + 1
            continue
        if selected in (select, 0xF4):
            heard.append((data[at], data[at + 1]))
        at += 2
    tone_values = bytearray(48)
    for id, value in heard:
        if id < 0xB0:
            tone_values[id - 0x80] = value
    neutral = {0xB0: 0x00, 0xB4: 0x32, 0xBE: 0x32}
    heard = [(id, neutral.get(id, value)) for id, value in heard]
    # Zeros of the silence block that are also the tone's values come twice; a set would merge them.
    silence = [(0x9E, 0), (0xA6, 0), (0xA7, 0), (0xAB, 0), (0xAC, 0)]
    assert heard[:5] == silence
    once = silence + list(dict.fromkeys(heard[5:]))

    sent = encode(load_sequence(Tone(bytes(tone_values)), board))[1:]  # type: ignore[arg-type]
    assert list(zip(sent[::2], sent[1::2], strict=True)) == once

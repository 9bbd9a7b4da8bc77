"""Synth: exact bytes, and the order of a real assigner."""

from __future__ import annotations

from pathlib import Path

import pytest

from jxctl.errors import DeviceError, UsageError
from jxctl.ports import Port
from jxctl.ports.client import Synth
from jxctl.protocol.tone import Tone

CAPTURE = Path("data/captures/superjx_patch_load_bus.bin")

# Every value different and none zero: parameter $80 + k is k + 1.
COUNTING = Tone(bytes(range(1, 49)))
COUNTING_LOADED = bytes.fromhex(
    """
    F1  9E 00 A6 00 A7 00 AB 00 AC 00
    80 01 81 02 82 03 83 04 84 05 85 06 86 07 87 08 88 09 89 0A 8A 0B 8B 0C
    8F 10 90 11 91 12 92 13 93 14 94 15 95 16 96 17 97 18 98 19 99 1A 9A 1B 9B 1C 9C 1D 9D 1E
    9F 20 A0 21 A1 22 A2 23 A3 24 A4 25 A5 26 A6 27 A7 28 A8 29 A9 2A AA 2B AB 2C AC 2D AD 2E AE 2F AF 30
    B5 00
    9E 1F
    B0 00 B7 00 B8 00 B9 00 BA 00 8C 0D 8D 0E 8E 0F
    B6 7F BB 00
    BD 00 B4 32 BE 32
    """
)


class Memory(Port):
    """Keeps what is written; fails when told to."""

    url = "memory:"

    def __init__(self) -> None:
        self.written = b""
        self.broken = False

    def write(self, data: bytes) -> None:
        if self.broken:
            raise DeviceError("gone")
        self.written += data

    def close(self) -> None:
        pass

    def take(self) -> str:
        """What was written since the last call, as hex."""
        taken, self.written = self.written, b""
        return taken.hex(" ").upper()


@pytest.fixture
def port() -> Memory:
    return Memory()


def test_load_sends_exactly_these_bytes(port: Memory) -> None:
    Synth(port).load(COUNTING)
    assert port.written == COUNTING_LOADED


@pytest.mark.parametrize(("board", "select"), [("lower", "F1"), ("upper", "F9"), ("both", "F4")])
def test_load_goes_to_the_board_asked_for(port: Memory, board: str, select: str) -> None:
    synth = Synth(port)
    synth.load(COUNTING, board)  # type: ignore[arg-type]
    assert port.written == bytes.fromhex(select) + COUNTING_LOADED[1:]
    port.take()
    synth.note_on(60)
    assert port.take() == "C0 3C 64"


def test_board_select_is_sent_only_when_the_board_changes(port: Memory) -> None:
    synth = Synth(port)
    synth.note_on(60, 100)
    assert port.take() == "F1 C0 3C 64"
    synth.note_on(64, 1, voice=5)
    synth.note_off(64, voice=5)
    synth.note_off(60)
    assert port.take() == "C5 40 01 D5 40 00 D0 3C 00"
    synth.silence()
    assert port.take() == "F4 B6 7F"
    synth.note_on(60, 127)
    assert port.take() == "F1 C0 3C 7F"


def test_wake_is_eight_selects_of_each_board(port: Memory) -> None:
    Synth(port).wake()
    assert port.written == b"\xf1" * 8 + b"\xf9" * 8


def test_after_a_failed_write_the_board_is_selected_again(port: Memory) -> None:
    synth = Synth(port)
    synth.note_on(60)
    port.take()
    port.broken = True
    with pytest.raises(DeviceError):
        synth.note_off(60)
    port.broken = False
    synth.note_off(60)
    assert port.take() == "F1 D0 3C 00"


@pytest.mark.parametrize(
    "act",
    [
        lambda synth: synth.load(COUNTING, "left"),
        lambda synth: synth.note_on(128),
        lambda synth: synth.note_on(-1),
        lambda synth: synth.note_on(60, 0),
        lambda synth: synth.note_on(60, 128),
        lambda synth: synth.note_on(60, voice=6),
        lambda synth: synth.note_off(128),
        lambda synth: synth.note_off(60, voice=-1),
    ],
)
def test_values_out_of_range_send_nothing(port: Memory, act) -> None:  # type: ignore[no-untyped-def]
    synth = Synth(port)
    with pytest.raises(UsageError):
        act(synth)
    assert port.written == b""
    assert synth.board == "lower"

"""The assigner loads: patches, tones and SysEx onto the bus, against a capture of a real one."""

from __future__ import annotations

from pathlib import Path

import pytest
from synths import play, synth

from jxctl.errors import UsageError
from jxctl.protocol.bank import Bank
from jxctl.protocol.bus import SelectBoard, SetParameter, decode
from jxctl.protocol.patch import Patch
from jxctl.protocol.tone import INIT_TONE, Tone
from simulator.instrument.assigner import Assigner
from simulator.instrument.memory import Memory

CAPTURE = Path("data/captures/superjx_patch_load_bus.bin")

# --- patch loads ---------------------------------------------------------------------------------


def captured_tones(data: bytes) -> dict[int, bytearray]:
    """Tone values by board select byte, as the capture loads them; the level as in the patch: full."""
    boards = {0xF1: bytearray(48), 0xF9: bytearray(48)}
    selected, at = 0, 0
    while data[at] != 0xF5:
        if data[at] >= 0xF0:
            selected, at = data[at], at + 1
            continue
        for board in (0xF1, 0xF9) if selected == 0xF4 else (selected,):
            if data[at] < 0xB0:
                boards[board][data[at] - 0x80] = data[at + 1]
        at += 2
    for values in boards.values():
        values[0x1E] = 0x7F
    return boards


def test_a_patch_load_is_the_captured_one_byte_for_byte(shared: Path) -> None:
    """Patch A1 of the capture: volume 75h, balance 4Dh, detune 5Fh, portamento time 1 (2.5)."""
    data = (shared / CAPTURE).read_bytes()
    load = data[: data.index(0xF5) + 3]
    values = captured_tones(data)
    patch = Patch.init().with_values(
        {"KEY MODE": "dual", "TOTAL VOLUME": 0x75, "BALANCE": 0x4D, "DUAL DETUNE": 0x5F, "PORTA TIME": 1}
    )
    tones = {0: Tone(bytes(values[0xF9])), 1: Tone(bytes(values[0xF1]))}
    memory = Memory("mks70", Bank("mks70", {0: patch.with_tones(0, 1)}, tones))
    assigner = Assigner("mks70", memory=memory)
    assert assigner.power_up() == b"\xf1" * 8 + b"\xf9" * 8 + load
    assert load.endswith(b"\xf5\xc0\x00")
    recalled = assigner.receive(b"\xc0\x00")
    assert recalled.startswith(load)


def test_a_program_change_announces_patch_and_tones() -> None:
    tones = {3: INIT_TONE.named("THREE")}
    assigner = synth(tones=tones, UPPER_TONE=3, LOWER_TONE=60)
    out = assigner.receive(b"\xc0\x00")
    sent = out[out.index(0xF5) + 3 :].split(b"\xf5", 1)[1]
    messages = [part + b"\xf7" for part in sent.split(b"\xf7") if part]
    assert [message[:7].hex() for message in messages] == [
        "f0413400243001",  # the number of the patch, and the patch
        "f0413500243001",
        "f0413400242001",  # the upper tone's number and content
        "f0413500242001",
        "f0413400242002",  # the lower tone is in ROM: its number only
    ]
    assert messages[2][7:9] == b"\x03\x00"
    assert messages[3][7:17] == b"THREE     "
    assert messages[4][7:9] == b"\x3c\x00"


@pytest.mark.parametrize(("model", "program"), [("mks70", 64), ("jx8p", 32), ("jx8p", 127)])
def test_a_program_outside_the_memory_does_nothing(model: str, program: int) -> None:
    assert synth(model).receive(bytes((0xC0, program))) == b""


def test_a_jx8p_program_is_a_tone() -> None:
    bright = INIT_TONE.with_values({"VCF FREQ": 99})
    assigner = synth("jx8p", tones={5: bright})
    out = assigner.receive(b"\xc0\x05")
    assert b"\x97\x63" in out
    assert 0xF9 not in out  # a JX-8P has no upper board
    assert 0xF4 not in out
    assert out.endswith(b"\xf5\xc0\x05")


@pytest.mark.parametrize(
    ("mode", "boards"),
    [("dual", ("U", "L")), ("split", ("U", "L")), ("whole upper", ("U", "U")), ("whole lower", ("L", "L"))],
)
def test_key_modes_load_the_right_tones(mode: str, boards: tuple[str, str]) -> None:
    cutoff = {"U": 11, "L": 22}
    tones = {k: INIT_TONE.with_values({"VCF FREQ": cutoff[name]}) for k, name in enumerate("UL")}
    assigner = synth(tones=tones, KEY_MODE=mode, UPPER_TONE=0, LOWER_TONE=1)
    found: dict[str, int] = {}
    selected = ""
    for message in decode(assigner.receive(b"\xc0\x00"))[0]:
        if isinstance(message, SelectBoard):
            selected = message.board
        elif isinstance(message, SetParameter) and message.id == 0x97:
            found[selected] = message.value
    assert found == {"upper": cutoff[boards[0]], "lower": cutoff[boards[1]]}


# --- SysEx ---------------------------------------------------------------------------------------


def test_one_parameter_is_two_bytes() -> None:
    """Bus id is 80h + number - 11 (jx_hardware.md 2.3): 34 is 97h."""
    dual = synth(KEY_MODE="dual")
    assert play(dual, "F0 41 36 00 24 20 01 22 10 F7") == "F9 97 10"
    assert play(dual, "F0 41 36 00 24 20 02 22 11 F7") == "F1 97 11"
    assert play(dual, "F0 41 36 00 24 20 02 22 11 F7") == ""  # nothing changes
    assert play(synth("jx8p"), "F0 41 36 00 21 20 01 22 10 23 20 F7") == "F1 97 10 98 20"
    whole = synth(KEY_MODE="whole upper")
    assert play(whole, "F0 41 36 00 24 20 01 22 10 F7") == "F4 97 10"
    assert play(whole, "F0 41 36 00 24 20 02 22 10 F7") == ""  # the lower tone is not playing


def test_patch_parameters() -> None:
    assigner = synth(KEY_MODE="dual")
    assert play(assigner, "F0 41 36 00 24 30 01 16 05 F7") == "F4 B0 05"  # portamento time
    assert play(assigner, "F0 41 36 00 24 30 01 17 60 F7") == "B7 60"  # bend range
    assert play(assigner, "F0 41 36 00 24 30 01 13 5F F7") == "F1 B4 51 BE 51"  # dual detune 31
    assert play(assigner, "F0 41 36 00 24 30 01 23 01 F7") == "F9 B5 7F"  # upper portamento
    assert play(assigner, "F0 41 36 00 24 30 01 00 41 F7") == ""  # a letter of the name
    assert assigner.buffer.patch.name.startswith("A")


def test_a_key_assign_change_ends_the_notes() -> None:
    assigner = synth("jx8p")
    play(assigner, "90 3C 64")
    assert play(assigner, "F0 41 36 00 21 30 01 03 02 F7") == "B6 7F"
    assert play(assigner, "80 3C 00", "90 40 64") == "C0 40 64"


def test_a_whole_tone_goes_to_its_board_and_ends_its_notes() -> None:
    assigner = synth(KEY_MODE="dual")
    play(assigner, "90 3C 64")
    tone = INIT_TONE.with_values({"VCF FREQ": 5})
    out = assigner.receive(bytes.fromhex("F0 41 35 00 24 20 02") + tone.record + b"\xf7")
    assert out.startswith(bytes.fromhex("F1 9E 00 A6 00 A7 00 AB 00 AC 00 80"))
    assert bytes.fromhex("97 05") in out
    assert out.endswith(b"\xb6\x7f")
    assert 0xF9 not in out
    assert play(assigner, "80 3C 00") == "F9 D0 3C 00"  # the upper board still sounds


def test_after_forwarding_a_board_is_selected_again() -> None:
    """Forwarded bytes go on until the next select (2.2)."""
    assigner = synth()
    play(assigner, "90 3C 64")
    assigner.dump()
    assert play(assigner, "80 3C 00") == "F1 D0 3C 00"
    assigner.receive(b"\xc0\x00")
    assert play(assigner, "90 3C 64") == "F1 C0 3C 64"


def test_a_whole_mode_has_no_detune_and_no_balance() -> None:
    tones = {0: INIT_TONE.with_values({"VCA LEVEL": 100})}
    for mode, lower in (("whole upper", ("64", "32")), ("dual", ("00", "46"))):
        assigner = synth(tones=tones, KEY_MODE=mode, BALANCE=127, DUAL_DETUNE=84, TOTAL_VOLUME=127)
        out = assigner.receive(b"\xc0\x00")
        level, tune = (bytes.fromhex(part) for part in lower)
        scaled = bytes((level[0] * 127 // 128,))
        assert b"\xf1\x9e" + scaled + b"\xf9\x9e\x63" in out
        assert b"\xf1\xbd\x00\xb4" + tune + b"\xbe" + tune in out
        assert b"\xf9\xbd\x00\xb4\x32\xbe\x32" in out


def test_a_jx8p_stores_what_is_written() -> None:
    assigner = synth("jx8p")
    tone = INIT_TONE.named("STORED").with_values({"VCF FREQ": 7})
    assigner.receive(bytes.fromhex("F0 41 35 00 21 20 01") + tone.record + b"\xf7")
    assigner.receive(bytes.fromhex("F0 41 34 00 21 20 01 7F 09 00 F7"))  # the manual-mode flag
    assert assigner.memory.tones[9] != tone
    assigner.receive(bytes.fromhex("F0 41 34 00 21 20 01 00 09 02 F7"))
    assert assigner.memory.tones[9] == tone


def test_a_bulk_dump_fills_the_memory_and_comes_out_as_it_went_in(shared: Path) -> None:
    data = (shared / "data/captures/mks70_bulk_bank.syx").read_bytes()
    assigner = synth()
    assert assigner.receive(data) == b""  # the boards learn of it when a program is chosen
    out = assigner.dump()
    assert out[:1] == b"\xf5"
    assert out[1:] == data


def test_sysex_for_another_channel_is_passed_over() -> None:
    assigner = Assigner("mks70", channel=2)
    assigner.power_up()
    assert play(assigner, "F0 41 36 00 24 20 01 22 10 F7") == ""
    assert play(assigner, "F0 41 36 02 24 20 01 22 10 F7") == "F4 97 10"
    sent = assigner.receive(b"\xc2\x00").rpartition(b"\xf5")[2]
    assert {message[3] for message in sent.split(b"\xf7") if message} == {2}
    dumped = [message for message in assigner.dump()[1:].split(b"\xf7") if message]
    assert len(dumped) == 114
    assert {message[:4].hex() for message in dumped} == {"f0413702"}


def test_bulk_messages_for_the_cartridge_and_other_firmware_are_passed_over(shared: Path) -> None:
    assigner = synth()
    before = assigner.memory.bank
    assigner.receive((shared / "data/captures/vecoven_v4_bulk_bank.syx").read_bytes())
    assigner.receive(bytes.fromhex("F0 41 37 00 24 20 02 00 05") + INIT_TONE.named("X").record + b"\xf7")
    assert assigner.memory.bank == before


def test_models_that_do_not_exist() -> None:
    for options in ({"model": "juno"}, {"channel": 16}, {"channel": -1}):
        with pytest.raises(UsageError):
            Assigner(**options)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="does not fit"):
        Memory("jx8p", Bank("mks70"))
    with pytest.raises(UsageError, match="no bulk dump"):
        synth("jx8p").dump()

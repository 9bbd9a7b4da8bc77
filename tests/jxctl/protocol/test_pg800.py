"""PG-800 frames against vectors made by hand from the description of the link (jx_hardware.md 3)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jxctl.errors import UsageError
from jxctl.protocol import bus, pg800
from jxctl.protocol.parameters import parameter
from jxctl.protocol.pg800 import Move, centre, decode, from_levels, move, moves
from jxctl.protocol.tone import Tone

Run = Callable[..., subprocess.CompletedProcess[str]]

# The 44 controls, from the list in 3.2.
CONTROLS = [*range(0x80, 0x8C), *range(0x8F, 0xAE), 0xAF]
A_MOVE = st.builds(Move, st.sampled_from(CONTROLS), st.integers(0, 127))

# Bits by hand, most significant first; on the wire a 1 is low.
VECTORS = [
    (0x80, 0x00, "1000 0000 0000 0000", "L HHHHHHH H HHHHHHH"),
    (0x97, 0x40, "1001 0111 0100 0000", "LHHLHLLL HLHHHHHH"),
    (0xAF, 0x7F, "1010 1111 0111 1111", "LHLHLLLL HLLLLLLL"),
    (0x89, 0x01, "1000 1001 0000 0001", "LHHHLHHL HHHHHHHL"),
]


def test_there_are_44_controls() -> None:
    assert [p.id for p in pg800.CONTROLS] == CONTROLS
    assert len(CONTROLS) == 44
    assert set(CONTROLS) == pg800.IDS


@pytest.mark.parametrize(("id", "value", "bits", "levels"), VECTORS)
def test_frames_made_by_hand(id: int, value: int, bits: str, levels: str) -> None:
    frame = int(bits.replace(" ", ""), 2).to_bytes(2, "big")
    high = tuple(level == "H" for level in levels.replace(" ", ""))
    assert Move(id, value).encoded() == frame
    assert Move(id, value).levels() == high
    assert decode(frame) == from_levels(high) == Move(id, value)


@given(A_MOVE)
def test_every_move_survives_both_ways(moved: Move) -> None:
    assert decode(moved.encoded()) == moved
    assert from_levels(moved.levels()) == moved
    assert moved.levels()[0] is False, "every id has its highest bit set, and a 1 is low"
    assert moved.levels()[8] is True, "no value has it"


@given(st.binary(max_size=4))
def test_arbitrary_bytes_are_a_move_or_refused(frame: bytes) -> None:
    valid = len(frame) == 2 and frame[0] in CONTROLS and frame[1] < 0x80
    if valid:
        assert decode(frame).encoded() == frame
    else:
        with pytest.raises(UsageError):
            decode(frame)


@given(st.lists(st.booleans(), max_size=20))
def test_arbitrary_levels_are_a_move_or_refused(levels: list[bool]) -> None:
    try:
        moved = from_levels(levels)
    except UsageError:
        return
    assert list(moved.levels()) == levels


@pytest.mark.parametrize("id", [0x00, 0x7F, 0x8C, 0x8D, 0x8E, 0xAE, 0xB0, 0xBF, 0xC4, 0xD6, 0x180])
def test_ids_without_a_control_are_refused(id: int) -> None:
    with pytest.raises(UsageError, match="no control") as error:
        Move(id, 0)
    assert "0x8c" in error.value.hint


@pytest.mark.parametrize("value", [-1, 128, 255, True])
def test_values_out_of_range_are_refused(value: int) -> None:
    with pytest.raises(UsageError, match="VCF FREQ"):
        Move(0x97, value)


def test_detents_lie_in_the_middle_of_the_bins() -> None:
    """3.2: what a bridge that works on a JX-8P sends for switches of 4, 3 and 2 positions."""
    for name, values in (
        ("DCO1 RANGE", [16, 48, 80, 112]),
        ("VCF MODE", [16, 48, 80, 112]),
        ("CHORUS", [16, 48, 96]),
        ("LFO WF", [16, 48, 96]),
        ("VCA MODE", [32, 96]),
    ):
        p = parameter(name)
        assert [centre(p, position) for position in range(p.positions)] == values


def test_every_detent_is_read_as_its_own_position() -> None:
    for p in pg800.CONTROLS:
        if p.kind == "switch":
            assert [p.position(centre(p, k)) for k in range(p.positions)] == list(range(p.positions))


def test_a_level_has_no_detents_and_a_switch_no_more_than_its_own() -> None:
    with pytest.raises(UsageError, match="level"):
        centre(parameter("VCF FREQ"), 0)
    with pytest.raises(UsageError, match="0 to 2"):
        centre(parameter("CHORUS"), 3)


def test_what_the_assigner_passes_on() -> None:
    """3.1: the same pair on the bus, 2.3: SysEx number = id - 80 hex + 11."""
    assert bus.encode([bus.SelectBoard("lower"), Move(0x97, 0x55).bus_message()]) == b"\xf1\x97\x55"
    assert Move(0x80, 16).sysex_pair() == (11, 16)
    assert Move(0x97, 0x55).sysex_pair() == (34, 0x55)
    assert Move(0xAF, 96).sysex_pair() == (58, 96)


def test_names_and_labels_make_moves() -> None:
    assert move("dco2_wf", "pulse") == Move(0x86, 80)
    assert move("DCO2 WF", 64) == Move(0x86, 64)
    assert move("VCF FREQ", 127) == Move(0x97, 127)
    for name, value in (
        ("VCF FREQ", "loud"),
        ("VCF FREQ", 128),
        ("WOBBLE", 1),
        ("BENDER", 1),
        ("AFTER VIB", 1),
    ):
        with pytest.raises(UsageError):
            move(name, value)


@given(st.binary(min_size=48, max_size=48).map(lambda raw: bytes(byte & 127 for byte in raw)))
def test_a_tone_is_44_moves_that_give_the_same_tone(values: bytes) -> None:
    tone = Tone(values)
    sent = moves(tone)
    assert [moved.id for moved in sent] == CONTROLS
    for moved in sent:
        p = parameter(moved.id)
        if p.kind == "level":
            assert moved.value == tone.raw(p.id)
        else:
            assert p.position(moved.value) == tone.position(p.id)


def test_the_command_encodes_and_decodes(jx: Run) -> None:
    result = jx("pg800", "encode", "dco1_wf", "square", "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {
        "text": "DCO1 WF = 48 (square)", "frame": "8130", "data_levels": "LHHHHHHLHHLLHHHH",
        "bus": "8130", "sysex": {"parameter": 12, "value": 48},
    }  # fmt: skip
    assert jx("pg800", "encode", "HPF FREQ", "2").stdout.startswith("HPF FREQ = 80 (2)")
    assert jx("pg800", "encode", "HPF FREQ", "65").stdout.startswith("HPF FREQ = 65 (2)")
    assert jx("pg800", "encode", "DCO1 TUNE", "--", "-12").stdout.startswith("DCO1 TUNE = 3 (-12)")
    shown = jx("pg800", "decode", "97 40")
    assert shown.returncode == 0
    assert shown.stdout.splitlines()[0] == "VCF FREQ = 64"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("decode", "97"), "2 bytes, not 1"),
        (("decode", "9780"), "VCF FREQ is 128"),
        (("decode", "B000"), "no control with id 0xb0"),
        (("decode", "hello"), "not hexadecimal"),
        (("encode", "WOBBLE", "1"), "WOBBLE"),
        (("encode", "VCF FREQ", "9" * 5000), "VCF FREQ"),
        (("encode", "AFTER VIB", "1"), "no control"),
    ],
)
def test_mistakes_are_explained(jx: Run, arguments: tuple[str, ...], said: str) -> None:
    result = jx("pg800", *arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    assert said in result.stderr
    assert "Traceback" not in result.stderr

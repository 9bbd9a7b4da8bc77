"""The assigner plays: MIDI in, bus bytes out, against bytes worked out by hand."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synths import play, synth

from jxctl.protocol.bus import SelectBoard, SetParameter, VoiceOff, VoiceOn, decode
from simulator.instrument.assigner import Assigner

# --- playing -------------------------------------------------------------------------------------


def test_notes_of_a_jx8p() -> None:
    assigner = synth("jx8p")
    assert play(assigner, "90 3C 64") == "F1 C0 3C 64"
    assert play(assigner, "91 40 01", "43 7F") == "C1 40 01 C2 43 7F"
    assert play(assigner, "90 3C 00") == "D0 3C 00"
    assert play(assigner, "80 40 33", "80 40 00") == "D1 40 00"


def test_whole_modes_have_twelve_voices() -> None:
    assigner = synth(KEY_MODE="whole upper")
    notes = "".join(f"{40 + k:02X}64" for k in range(12))
    messages = decode(assigner.receive(bytes.fromhex("90" + notes)))[0]
    board, started = "", []
    for message in messages:
        if isinstance(message, SelectBoard):
            board = message.board
        elif isinstance(message, VoiceOn):
            started.append((board, message.voice))
    assert sorted(started) == sorted((board, voice) for board in ("lower", "upper") for voice in range(6))


def test_dual_sounds_on_both_boards() -> None:
    assert (
        play(synth(KEY_MODE="dual"), "90 3C 64", "80 3C 00")
        == "F1 C0 3C 64 F9 C0 3C 64 F1 D0 3C 00 F9 D0 3C 00"
    )


def test_split_points() -> None:
    """27h and 26h are C4 and B3 (jx_hardware.md 4.6): 60 and 59."""
    assigner = synth(KEY_MODE="split", UPPER_SPLIT=0x27, LOWER_SPLIT=0x26)
    assert play(assigner, "90 3B 64") == "F1 C0 3B 64"
    assert play(assigner, "90 3C 64") == "F9 C0 3C 64"
    overlapping = synth(KEY_MODE="split", UPPER_SPLIT=0x20, LOWER_SPLIT=0x30)
    assert play(overlapping, "90 38 64") == "F1 C0 38 64 F9 C0 38 64"
    gap = synth(KEY_MODE="split", UPPER_SPLIT=0x30, LOWER_SPLIT=0x20)
    assert play(gap, "90 38 64", "80 38 00") == ""


@pytest.mark.parametrize(
    ("model", "key", "note"),
    [
        ("jx8p", 0, 24),
        ("jx8p", 20, 32),
        ("jx8p", 21, 21),
        ("jx8p", 127, 103),
        ("mks70", 27, 39),
        ("mks70", 104, 92),
    ],
)
def test_keys_outside_the_range_move_by_octaves(model: str, key: int, note: int) -> None:
    out = synth(model).receive(bytes((0x90, key, 100)))
    assert out == bytes((0xF1, 0xC0, note, 100))


@pytest.mark.parametrize(("raw", "note"), [(0, 60), (0x0C, 72), (0x18, 84), (0x7F, 59), (0x68, 36)])
def test_chromatic_shift(raw: int, note: int) -> None:
    assigner = synth(KEY_MODE="whole upper", UPPER_SHIFT=raw)
    assert assigner.receive(b"\x90\x3c\x64\x80\x3c\x00") == bytes((0xF1, 0xC0, note, 0x64, 0xD0, note, 0))


def test_poly_1_takes_the_voice_that_rested_longest_then_the_oldest() -> None:
    assigner = synth("jx8p", ASSIGN=0)
    assert play(assigner, "90 30 64", "80 30 00", "90 32 64") == "F1 C0 30 64 D0 30 00 C1 32 64"
    for key in (0x34, 0x35, 0x37, 0x39):  # voices 2 to 5
        assigner.receive(bytes((0x90, key, 100)))
    assert play(assigner, "90 3B 64") == "C0 3B 64"  # the one that rests
    assert play(assigner, "90 3C 64") == "C1 3C 64"  # the one struck longest ago, key 32h
    assert play(assigner, "80 32 00") == ""  # whose voice was taken
    assert play(assigner, "80 3C 00") == "D1 3C 00"


def test_poly_2_starts_again_from_the_lowest_free_voice() -> None:
    assigner = synth("jx8p", ASSIGN=4)
    assert play(assigner, "90 30 64", "80 30 00", "90 32 64", "90 34 64") == (
        "F1 C0 30 64 D0 30 00 C0 32 64 C1 34 64"
    )


def test_unison_takes_two_voices_a_key() -> None:
    assert play(synth("jx8p", ASSIGN=1), "90 30 64", "80 30 00") == "F1 C0 30 64 C1 30 64 D0 30 00 D1 30 00"
    assert play(synth("jx8p", ASSIGN=5), "90 30 64", "80 30 00") == "F1 C0 30 64 C1 24 64 D0 30 00 D1 24 00"


def test_mono_returns_to_the_key_that_is_still_down() -> None:
    assigner = synth("jx8p", ASSIGN=2)
    assert play(assigner, "90 30 64", "90 34 50") == "F1 C0 30 64 C0 34 50"
    assert play(assigner, "80 34 00") == "C0 30 64"
    assert play(assigner, "80 30 00") == "D0 30 00"
    play(assigner, "90 30 64", "90 31 64", "90 32 64")
    assert play(assigner, "80 31 00") == ""  # it was not sounding
    assert play(assigner, "90 33 64", "80 33 00") == "C0 33 64 C0 32 64"  # the last of those still down
    everything = play(synth("jx8p", ASSIGN=6), "90 30 64")
    assert everything == "F1 C0 30 64 C1 30 64 C2 30 64 C3 30 64 C4 30 64 C5 30 64"


# --- controllers ---------------------------------------------------------------------------------


def test_bender_says_its_sign_only_when_it_changes() -> None:
    assigner = synth("jx8p")
    assert play(assigner, "E0 7F 7F") == "F1 BF 7F B2 7F"
    assert play(assigner, "E0 00 60") == "B2 40"
    assert play(assigner, "E0 00 40") == "B2 00"
    assert play(assigner, "E0 00 20") == "BF 00 B2 40"
    assert play(assigner, "E0 00 00") == "B2 7F"
    assert play(assigner, "E0 00 40") == "B2 00"
    assert play(assigner, "E0 00 60") == "BF 7F B2 40"


def test_bender_goes_where_its_switch_is_on() -> None:
    off = {"UPPER_BENDER_SW": 0, "LOWER_BENDER_SW": 0}
    assert play(synth(KEY_MODE="dual"), "E0 7F 7F") == "F4 BF 7F B2 7F"
    assert play(synth(KEY_MODE="dual", **{**off, "UPPER_BENDER_SW": 1}), "E0 7F 7F") == "F9 BF 7F B2 7F"
    assert play(synth(KEY_MODE="dual", **off), "E0 7F 7F") == ""


def test_each_board_hears_the_sign_it_missed_and_none_stays_bent() -> None:
    assigner = synth(KEY_MODE="dual")
    lower_bender, centre = "F0 41 36 00 24 30 01 2D {:02X} F7", "E0 00 40"  # patch parameter 45
    assert play(assigner, "E0 7F 7F") == "F4 BF 7F B2 7F"
    play(assigner, lower_bender.format(0))
    # The lower board no longer follows: it goes back, and the upper one alone goes down.
    assert play(assigner, "E0 00 00") == "F1 B2 00 F9 BF 00 B2 7F"
    assert play(assigner, centre) == "B2 00"
    play(assigner, lower_bender.format(1))  # ends all notes, and so leaves both boards selected
    assert play(assigner, "E0 00 00") == "BF 00 B2 7F"


def test_controllers() -> None:
    assigner = synth(KEY_MODE="dual", UPPER_LFO_DEPTH=127, LOWER_LFO_DEPTH=64, UPPER_HOLD=1)
    assert play(assigner, "B0 01 7F") == "F1 BC 40 F9 BC 7F"
    assert play(assigner, "B0 05 33") == "F4 B0 33"
    assert play(assigner, "B0 41 40") == "B5 7F"
    assert play(assigner, "B0 41 3F") == "B5 00"
    assert play(assigner, "B0 07 64") == "B1 64"
    assert play(assigner, "D0 22") == "F1 B3 22 F9 B3 22"
    assert play(assigner, "B0 40 7F") == "BB 7F"  # the upper tone alone is held
    assert play(assigner, "B0 40 00") == "BB 00"
    assert play(assigner, "B0 0B 7F") == ""
    assert play(synth("jx8p", BEND_LFO_DEPTH=127), "B0 01 22") == "F1 BC 22"


def test_the_pedal_leaves_releasing_to_the_board() -> None:
    assigner = synth("jx8p")
    assert (
        play(assigner, "90 3C 64", "B0 40 7F", "80 3C 00", "B0 40 00") == "F1 C0 3C 64 BB 7F D0 3C 00 BB 00"
    )


def test_all_notes_off() -> None:
    assigner = synth(KEY_MODE="dual")
    play(assigner, "90 3C 64")
    assert play(assigner, "B0 7B 00") == "F4 B6 7F"
    assert play(assigner, "80 3C 00") == ""


def test_other_channels_are_not_heard() -> None:
    assigner = Assigner("jx8p", channel=2)
    assigner.power_up()
    assert play(assigner, "90 3C 64", "C0 01", "E3 00 00") == ""
    assert play(assigner, "92 3C 64") == "F1 C0 3C 64"


# --- whatever is played --------------------------------------------------------------------------

SEVEN = st.integers(0, 127)
KEYS = st.integers(40, 60)
ASSIGNS = st.sampled_from([0, 1, 2, 4, 5, 6])
EVENTS = st.one_of(
    st.builds(lambda key, velocity: bytes((0x90, key, velocity)), KEYS, SEVEN),
    st.builds(lambda key: bytes((0x80, key, 0)), KEYS),
    st.builds(
        lambda number, value: bytes((0xB0, number, value)), st.sampled_from([1, 5, 7, 64, 65, 123]), SEVEN
    ),
    st.builds(lambda low, high: bytes((0xE0, low, high)), SEVEN, SEVEN),
    st.builds(lambda number: bytes((0xC0, number)), st.integers(0, 3)),
    # Key mode, assign, shift and split points, in the middle of playing.
    st.builds(
        lambda number, value: bytes((0xF0, 0x41, 0x36, 0, 0x24, 0x30, 1, number, value, 0xF7)),
        st.sampled_from([20, 21, 24, 30, 31, 39, 40]),
        SEVEN,
    ),
)


def check_bus(data: bytes, sounding: set[tuple[str, int]]) -> None:
    """Well-formed bus bytes; ``sounding`` follows which voices are on."""
    messages, dropped = decode(data)
    assert dropped == 0
    boards: tuple[str, ...] = ()
    for message in messages:
        match message:
            case SelectBoard(board):
                boards = ("lower", "upper") if board == "both" else (board,)
            case VoiceOn(voice, note, velocity):
                assert 0 <= note <= 127
                assert 1 <= velocity <= 127
                sounding |= {(board, voice) for board in boards}
            case VoiceOff(voice, _):
                sounding -= {(board, voice) for board in boards}
            case SetParameter(0xB6, 127):
                sounding -= {(board, voice) for board in boards for voice in range(6)}


class Listener:
    """Follows an assigner's bus; the board selected stays in force from one stretch to the next."""

    def __init__(self, assigner: Assigner) -> None:
        self.assigner = assigner
        self.sounding: set[tuple[str, int]] = set()
        self.stream = b""

    def play(self, data: bytes) -> None:
        self.stream += self.assigner.receive(data)

    def check(self) -> None:
        self.sounding.clear()
        check_bus(self.stream, self.sounding)


@settings(max_examples=60)
@given(st.lists(EVENTS, max_size=40), st.sampled_from(["dual", "split", "whole upper"]), ASSIGNS, ASSIGNS)
def test_when_every_key_is_up_every_voice_is(events: list[bytes], mode: str, upper: int, lower: int) -> None:
    listener = Listener(synth(KEY_MODE=mode, UPPER_ASSIGN=upper, LOWER_ASSIGN=lower))
    for event in events:
        listener.play(event)
    for key in range(40, 61):
        listener.play(bytes((0x80, key, 0)))
    listener.play(b"\xb0\x40\x00")
    listener.check()
    assert listener.sounding == set()


@settings(max_examples=60)
@given(st.lists(st.tuples(st.booleans(), KEYS), max_size=40), ASSIGNS)
def test_never_more_voices_than_the_board_has_and_none_wasted(
    keys: list[tuple[bool, int]], assign: int
) -> None:
    listener = Listener(synth("jx8p", ASSIGN=assign))
    down: set[int] = set()
    most = 0
    for press, key in keys:
        listener.play(bytes((0x90 if press else 0x80, key, 100)))
        down = down | {key} if press else down - {key}
        most = max(most, len(down))
    listener.check()
    assert {board for board, _ in listener.sounding} <= {"lower"}
    assert len(listener.sounding) <= 6
    if assign in (2, 6):
        assert len(listener.sounding) == (0 if not down else 6 if assign == 6 else 1)
    elif most * (each := 2 if assign in (1, 5) else 1) <= 6:  # nothing was ever stolen
        assert len(listener.sounding) == len(down) * each


@settings(max_examples=60)
@given(
    st.lists(st.one_of(EVENTS, st.binary(max_size=30)), max_size=20),
    st.sampled_from(["jx8p", "jx10", "mks70"]),
)
def test_garbage_never_stops_it(pieces: list[bytes], model: str) -> None:
    assigner = Assigner(model)  # type: ignore[arg-type]
    stream = assigner.power_up() + b"".join(assigner.receive(piece) for piece in pieces)
    # It cannot be left in a state in which a patch does not load. The first byte ends any SysEx.
    stream += assigner.receive(b"\xf6\xc0\x00")
    check_bus(stream, set())
    assert b"\xf5\xc0\x00" in stream[-2000:]


@settings(max_examples=60)
@given(st.lists(EVENTS, max_size=12), st.lists(st.integers(0, 100), max_size=5))
def test_the_same_bytes_give_the_same_bus_in_any_pieces(events: list[bytes], cuts: list[int]) -> None:
    data = b"".join(events)
    whole, cut = synth(), synth()
    edges = [0, *sorted(at % (len(data) + 1) for at in cuts), len(data)]
    assert whole.receive(data) == b"".join(cut.receive(data[a:b]) for a, b in pairwise(edges))

"""Portamento: every voice glides from the pitch it has to the one it is given."""

from __future__ import annotations

import numpy as np
import pytest
from measure import one

from jxctl.protocol import bus
from jxctl.protocol.parameters import FIRST_ID, parameter
from simulator.instrument.board import Board, Playing
from simulator.synth import load_profile, render
from simulator.synth.control import Voicing

TICK_S = 0.01
TIME = 100
OCTAVE_S = 2 * (TIME / 127) ** 2
"""superjx: what PORTA TIME 100 takes for an octave (assumed)."""


def playing(**registers: int) -> Playing:
    """A board's registers and notes, at 16' where the grid of pitches is fine."""
    board = Playing(load_profile(), 0)
    for column, raw in enumerate(one(DCO1_RANGE="16'")[0]):
        board.set(FIRST_ID + column, int(raw), 0)
    for name, value in registers.items():
        board.set(parameter(name).id, value, 0)
    return board


def pitch(board: Playing, first: int, ticks: int, voice: int = 0) -> np.ndarray:
    """MIDI note, with fractions, of a voice's DCO-1 at the end of each tick, as it sounds at 16'."""
    tones = np.tile(board.registers[:48], (6, 1))
    voicing = Voicing(tones, board.notes, board.profile, board.performance())
    return np.asarray(81 + 12 * np.log2(voicing.frames(first, ticks)[0][0, voice] / 440))


@pytest.mark.parametrize("to", [67, 53, 84])
def test_a_glide_starts_at_the_old_pitch_ends_at_the_new_and_never_turns(to: int) -> None:
    board = playing(PORTA_SW=127, PORTA_TIME=TIME)
    board.strike(0, 60, 100, 0)
    assert np.abs(pitch(board, 0, 50) - 60).max() < 0.01  # a first note has nothing to glide from
    board.strike(0, to, 100, 50)
    takes = round(abs(to - 60) / 12 * OCTAVE_S / TICK_S)
    heard = pitch(board, 50, takes + 50)
    assert abs(heard[0] - 60) < 12 * TICK_S / OCTAVE_S + 0.01
    assert np.all(np.sign(to - 60) * np.diff(heard[: takes - 1]) > 0)
    assert heard[takes // 2 - 1] == pytest.approx((60 + to) / 2, abs=0.2)
    assert abs(heard[takes - 3] - to) > 0.02
    assert np.abs(heard[takes:] - to).max() < 0.01


def test_without_the_switch_or_with_no_time_there_is_no_glide() -> None:
    for registers in ({"PORTA_SW": 0, "PORTA_TIME": TIME}, {"PORTA_SW": 127, "PORTA_TIME": 0}):
        board = playing(**registers)
        board.strike(0, 60, 100, 0)
        board.strike(0, 72, 100, 10)
        assert np.abs(pitch(board, 10, 5) - 72).max() < 0.01


def test_each_voice_glides_from_its_own_last_note() -> None:
    board = playing(PORTA_SW=127, PORTA_TIME=TIME)
    board.strike(0, 48, 100, 0)
    board.strike(1, 72, 100, 0)
    for voice in (0, 1, 2):
        board.strike(voice, 60, 100, 20)
    assert pitch(board, 20, 1, 0)[0] < 49
    assert pitch(board, 20, 1, 1)[0] > 71
    assert pitch(board, 20, 1, 2)[0] == pytest.approx(60, abs=0.01)


def test_a_glide_that_is_cut_short_goes_on_from_where_it_was() -> None:
    board = playing(PORTA_SW=127, PORTA_TIME=TIME)
    board.strike(0, 48, 100, 0)
    board.strike(0, 72, 100, 10)
    there = pitch(board, 10, 40)[-1]
    assert 50 < there < 70
    board.strike(0, 36, 100, 50)
    step = 12 * TICK_S / OCTAVE_S
    assert pitch(board, 50, 1)[0] == pytest.approx(there - step, abs=0.02)


@pytest.mark.parametrize(
    ("register", "value", "speed"), [("PORTA_TIME", 127, OCTAVE_S / 2), ("LFO_RATE", 3, 1)]
)
def test_a_new_time_in_mid_glide_changes_the_speed_and_not_the_pitch(
    register: str, value: int, speed: float
) -> None:
    board = playing(PORTA_SW=127, PORTA_TIME=TIME)
    board.strike(0, 48, 100, 0)
    board.strike(0, 72, 100, 10)
    before = pitch(board, 10, 40)
    board.set(parameter(register).id, value, 50)
    after = pitch(board, 50, 20)
    step = 12 * TICK_S / OCTAVE_S
    assert np.allclose(np.diff(before), step, atol=0.02)
    assert np.allclose(np.diff([before[-1], *after]), step * speed, atol=0.02)


def test_switching_it_off_in_mid_glide_arrives_at_once() -> None:
    board = playing(PORTA_SW=127, PORTA_TIME=TIME)
    board.strike(0, 48, 100, 0)
    board.strike(0, 72, 100, 10)
    board.set(parameter("PORTA SW").id, 0, 30)
    assert np.abs(pitch(board, 30, 5) - 72).max() < 0.01
    board.set(parameter("PORTA SW").id, 127, 40)
    assert np.abs(pitch(board, 40, 5) - 72).max() < 0.01


def test_portamento_is_heard_on_the_bus() -> None:
    """Two octaves down and the glide over, the voice is that of a plain render; before, it is not."""
    tone = one(ENV2_REL=20, ENV2_DECY=0)
    load = [bus.SetParameter(FIRST_ID + k, int(raw)) for k, raw in enumerate(tone[0])]
    switches = [bus.SetParameter(0xB5, 127), bus.SetParameter(0xB0, 30)]
    board = Board()
    board.receive(bus.encode([bus.SelectBoard("both"), *load, *switches, bus.VoiceOn(0, 60, 100)]))
    board.render(441)
    board.receive(bus.encode([bus.VoiceOff(0, 60)]))
    board.render(99 * 441)  # the voice has died away, and begins anew
    board.receive(bus.encode([bus.VoiceOn(0, 36, 100)]))
    heard = board.render(4410)[0]
    plain = render(tone, 36, 100, 10, 0.1)[0]
    assert not np.array_equal(heard, plain)
    assert np.std(heard) == pytest.approx(np.std(plain), rel=0.2)

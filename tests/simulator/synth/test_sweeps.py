"""Each parameter moves the sound the way its name says, heard in the audio; the rows are in `sweeps`."""

from __future__ import annotations

import numpy as np
import pytest
from hearing import RATE
from measure import one
from sweeps import BOARD_SWEEPS, TONE_SWEEPS, Sweep

from jxctl.protocol import bus
from jxctl.protocol.parameters import PARAMETERS, TONE_PARAMETERS, parameter
from simulator.instrument.board import Board
from simulator.synth import render

WITHOUT_KNOWN_MEANING = {"UNKNOWN AE", "CHECK ENV SW"}


def raw(name: str, value: int | str) -> int:
    """A raw value from a raw value or a switch's label."""
    row = parameter(name)
    return row.start(row.labels.index(value)) if isinstance(value, str) else value


def rendered(sweep: Sweep, value: int | str) -> list[np.ndarray]:
    """The sounds of a row with one of its values, from `render`."""
    tone = one(**{**sweep.base, sweep.name.replace(" ", "_"): value})
    tones = np.repeat(tone, len(sweep.plays), axis=0)
    notes, velocities = zip(*sweep.plays, strict=True)
    audio = render(tones, notes, velocities, sweep.gate_s, sweep.seconds, stereo=sweep.stereo)
    return list(audio[0] if sweep.stereo else audio)


def played(sweep: Sweep, value: int | str) -> list[np.ndarray]:
    """The sound of a row with one of its values, from a board: one note."""
    assert sweep.registers is not None
    changes = dict(sweep.base)
    registers = dict(sweep.registers)
    if parameter(sweep.name).is_tone:
        changes[sweep.name.replace(" ", "_")] = value
    else:
        registers[sweep.name] = value
    silence = raw("SILENCE", registers.pop("SILENCE", 0))

    board = Board()
    messages: list[bus.Message] = [bus.SelectBoard("lower")]
    messages += [bus.SetParameter(0x80 + k, int(x)) for k, x in enumerate(one(**changes)[0])]
    messages += [bus.SetParameter(parameter(name).id, raw(name, x)) for name, x in registers.items()]
    board.receive(bus.encode(messages))
    if sweep.from_note is not None:
        board.receive(bus.encode([bus.VoiceOn(0, sweep.from_note, 100)]))
        board.render(RATE // 10)
    ((note, velocity),) = sweep.plays
    board.receive(bus.encode([bus.VoiceOn(0, note, velocity)]))
    parts = [board.render(round(min(sweep.gate_s, 0.3) * RATE))]
    if silence:
        board.receive(bus.encode([bus.SetParameter(parameter("SILENCE").id, silence)]))
    if sweep.gate_s < sweep.seconds:
        board.receive(bus.encode([bus.VoiceOff(0, note)]))
    parts.append(board.render(round(sweep.seconds * RATE) - parts[0].shape[1]))
    return [np.concatenate(parts, axis=1).mean(axis=0)]


@pytest.mark.parametrize("sweep", [*TONE_SWEEPS, *BOARD_SWEEPS], ids=str)
def test_the_sound_moves_the_right_way(sweep: Sweep) -> None:
    play = rendered if sweep.registers is None else played
    heard = [sweep.measure(play(sweep, value)) for value in sweep.values]
    steps = np.diff(heard)
    assert np.all(steps >= sweep.least), f"{sweep.values}: {np.round(heard, 3).tolist()}"


def test_every_parameter_with_a_meaning_has_a_row() -> None:
    rows = {sweep.name for sweep in (*TONE_SWEEPS, *BOARD_SWEEPS)}
    assert rows == {row.name for row in PARAMETERS} - WITHOUT_KNOWN_MEANING


def test_every_position_of_a_switch_is_visited() -> None:
    visited: dict[str, set[int]] = {}
    for sweep in (*TONE_SWEEPS, *BOARD_SWEEPS):
        row = parameter(sweep.name)
        if row.kind == "switch" and row.positions <= 4:
            seen = visited.setdefault(row.name, set())
            seen.update(row.position(raw(row.name, value)) for value in sweep.values)
    missing = {name for name, seen in visited.items() if len(seen) < parameter(name).positions}
    assert missing == set()


def test_what_has_no_known_meaning_does_nothing() -> None:
    assert {row.name for row in TONE_PARAMETERS if not row.law} == {"UNKNOWN AE"}
    assert np.array_equal(render(one(UNKNOWN_AE=0), seconds=0.2), render(one(UNKNOWN_AE=127), seconds=0.2))

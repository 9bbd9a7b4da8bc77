"""How an assigner brings a patch, or a change of one, onto the bus.

The whole load is the one captured on a Super JX, byte for byte, repeats included (jx_hardware.md
2.5). No load of a JX-8P was captured; its own board is sent the same steps without the other one
(assumed).
"""

from __future__ import annotations

from collections.abc import Iterable

from jxctl.protocol.bus import (
    SILENCE_BLOCK,
    BoardName,
    Forward,
    Message,
    SelectBoard,
    SetParameter,
)
from jxctl.protocol.midi import PROGRAM
from jxctl.protocol.parameters import parameter
from simulator.instrument.edit_buffer import LEVEL, PATCH_IDS, TONE_IDS, Board, EditBuffer

SILENCE, HOLD = parameter("SILENCE").id, parameter("HOLD SW").id
ON = 0x7F
_PORTA_TIME, _PORTA_SW = parameter("PORTA TIME").id, parameter("PORTA SW").id
_BEND_RANGE, _CHECK_ENV = parameter("BEND RANGE").id, parameter("CHECK ENV SW").id
_TUNES = (parameter("MASTER TUNE1").id, parameter("MASTER TUNE2").id)
_AFTER_SWITCHES, _AFTER_DEPTHS = (0xB8, 0xB9, 0xBA), (0x8C, 0x8D, 0x8E)
_EARLY = tuple(id for id in TONE_IDS if id not in (*_AFTER_DEPTHS, LEVEL))


def wake(boards: Iterable[Board]) -> list[Message]:
    """Eight selects of each board, after power-up (2.4)."""
    return [SelectBoard(board) for board in boards for _ in range(8)]


def patch_load(buffer: EditBuffer, program: int | None = None, channel: int = 0) -> list[Message]:
    """A whole patch load, steps 1 to 8 of 2.5.

    ``program``: 0-127, forwarded to MIDI OUT as a program change on ``channel`` (0-15) at the end; None
    where no program was chosen: the patch came over MIDI (assumed to be the only difference).
    """
    boards = buffer.boards
    everyone: BoardName = "both" if len(boards) == 2 else "lower"
    common = boards[-1]  # what is the same for both boards
    out: list[Message] = [SelectBoard(everyone), *(SetParameter(id, 0) for id in SILENCE_BLOCK)]
    for board in boards:
        out += _to(buffer, board, *_EARLY)
        out += _to(buffer, board, _PORTA_SW)
    for board in boards:
        out += _to(buffer, board, LEVEL)
    out += [SelectBoard(everyone), SetParameter(_PORTA_TIME, buffer.value(common, _PORTA_TIME))]
    out += [SelectBoard(everyone), SetParameter(_BEND_RANGE, buffer.value(common, _BEND_RANGE))]
    out.append(SelectBoard(everyone))
    last = (*_AFTER_SWITCHES, *_AFTER_DEPTHS, _PORTA_TIME)
    out += [SetParameter(id, buffer.value(common, id)) for id in last]
    for id, value in ((SILENCE, ON), (HOLD, 0)):
        for board in boards:
            out += [SelectBoard(board), SetParameter(id, value)]
    for board in boards:
        out += [SelectBoard(board), SetParameter(_CHECK_ENV, 0), *_to(buffer, board, *_TUNES)[1:]]
    for board in reversed(boards):
        out += _to(buffer, board, *_TUNES)
    for board in reversed(boards):
        out += _to(buffer, board, _PORTA_SW)
    return out if program is None else [*out, Forward(bytes((PROGRAM | channel, program)))]


def tone_load(buffer: EditBuffer, board: Board) -> list[Message]:
    """One board's tone anew: silence, the tone, its level, and the notes ended (assumed: the steps of
    a patch load that are about the tone)."""
    out: list[Message] = [SelectBoard(board), *(SetParameter(id, 0) for id in SILENCE_BLOCK)]
    out += _to(buffer, board, *_EARLY, LEVEL, *_AFTER_DEPTHS)[1:]
    return [*out, SetParameter(SILENCE, ON)]


def changes(before: EditBuffer, after: EditBuffer) -> list[tuple[BoardName, int, int]]:
    """The registers that differ: (board, id, value); ``both`` where both boards get the same."""
    found: list[tuple[BoardName, int, int]] = []
    for id in (*TONE_IDS, *PATCH_IDS):
        new = {
            board: after.value(board, id)
            for board in after.boards
            if after.value(board, id) != before.value(board, id)
        }
        if len(new) == 2 and len(set(new.values())) == 1:
            found.append(("both", id, new["lower"]))
        else:
            found += [(board, id, value) for board, value in new.items()]
    return found


def _to(buffer: EditBuffer, board: Board, *ids: int) -> list[Message]:
    return [SelectBoard(board), *(SetParameter(id, buffer.value(board, id)) for id in ids)]

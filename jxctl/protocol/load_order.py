"""The order in which an assigner loads a tone or a patch into its sound boards.

The steps are those of a patch load captured on a Super JX, byte for byte, repeats included (jx_hardware.md
2.5). No load of a JX-8P was captured; its own board is sent the same steps without the other one (assumed).

==== ====================================================================================
step what it sends
==== ====================================================================================
1    silence: level, both sustains and both releases to zero
2    the tone in ascending order, without level and aftertouch depths; portamento switch
3, 4 the level (the assigner scales it by patch volume and balance)
5    portamento time, bend range, aftertouch switches and depths, portamento time again
6    voices silenced, hold off
7    check-envelope off and master tune, twice; the portamento switch again
==== ====================================================================================

`patch_load` has all of it. `load_sequence` is the same load of one tone with nothing but a tone in it: the
registers that a patch would set are neutral, and what the capture says twice is said once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias, TypeVar

from jxctl.protocol.bus import MASTER_TUNE, BoardName, Message, SelectBoard, SetParameter
from jxctl.protocol.parameters import FIRST_ID, TONE_SIZE, parameter
from jxctl.protocol.tone import Tone

ON = 0x7F
"""What a switch of the performance registers holds when it is on (captured)."""

SILENCE, HOLD = parameter("SILENCE").id, parameter("HOLD SW").id
PORTA_TIME, PORTA_SW = parameter("PORTA TIME").id, parameter("PORTA SW").id
BEND_RANGE, CHECK_ENV = parameter("BEND RANGE").id, parameter("CHECK ENV SW").id
TUNES = (parameter("MASTER TUNE1").id, parameter("MASTER TUNE2").id)
AFTER_SWITCHES = tuple(parameter(name).id for name in ("AFTER VIB SW", "AFTER BRI SW", "AFTER VOL SW"))
AFTER_DEPTHS = (0x8C, 0x8D, 0x8E)
LEVEL = parameter("VCA LEVEL").id
TONE_IDS = tuple(range(FIRST_ID, FIRST_ID + TONE_SIZE))

SILENCE_BLOCK = (LEVEL, 0xA6, 0xA7, 0xAB, 0xAC)
"""Set to zero before a tone is loaded: VCA level, both sustains, both releases (2.5, step 1)."""

NEUTRAL: dict[int, int] = {
    **dict.fromkeys((PORTA_SW, PORTA_TIME, BEND_RANGE, *AFTER_SWITCHES), 0),
    **dict.fromkeys(TUNES, MASTER_TUNE),
}
"""Registers that a patch would set, when there is no patch: no portamento, bend, aftertouch or detune."""

_Board = TypeVar("_Board", bound=BoardName)

Values: TypeAlias = Callable[[_Board, int], int]
"""What register ``id`` of a board is to hold: ``values(board, id)``."""

_EARLY = tuple(id for id in TONE_IDS if id not in (*AFTER_DEPTHS, LEVEL))


def patch_load(boards: Sequence[_Board], values: Values[_Board]) -> list[Message]:
    """A whole patch load, steps 1 to 7, of one board or of ``lower`` and ``upper`` in that order.

    What both boards get alike is addressed to both at once, with the last board's value.
    """
    everyone: BoardName = "both" if len(boards) == 2 else boards[0]
    common = boards[-1]
    out = _silenced(everyone)
    for board in boards:
        out += _written(board, values, *_EARLY)
        out += _written(board, values, PORTA_SW)
    for board in boards:
        out += _written(board, values, LEVEL)
    for ids in ((PORTA_TIME,), (BEND_RANGE,), (*AFTER_SWITCHES, *AFTER_DEPTHS, PORTA_TIME)):
        out += [SelectBoard(everyone), *_set(common, values, *ids)]
    for id, value in ((SILENCE, ON), (HOLD, 0)):
        for board in boards:
            out += [SelectBoard(board), SetParameter(id, value)]
    for board in boards:
        out += [SelectBoard(board), SetParameter(CHECK_ENV, 0), *_set(board, values, *TUNES)]
    for board in reversed(boards):
        out += _written(board, values, *TUNES)
    for board in reversed(boards):
        out += _written(board, values, PORTA_SW)
    return out


def tone_load(board: _Board, values: Values[_Board]) -> list[Message]:
    """One board's tone anew, its patch as it is: silence, the tone, and the notes ended (assumed: the steps
    of a patch load that are about the tone)."""
    tone = _set(board, values, *_EARLY, LEVEL, *AFTER_DEPTHS)
    return [*_silenced(board), *tone, SetParameter(SILENCE, ON)]


def load_sequence(tone: Tone, board: BoardName = "lower") -> list[Message]:
    """The messages that load a tone and nothing else into a board: `patch_load`, each thing said once.

    The level is unscaled, the aftertouch depths are those of the tone (the capture has 00, whatever the
    tone says: its aftertouch is off), and all that a patch would add is `NEUTRAL`. The master tune is
    part of it: a board that was just powered up has none.
    """
    load = patch_load((board,), lambda _, id: tone.raw(id) if id in TONE_IDS else NEUTRAL[id])
    silence = 1 + len(SILENCE_BLOCK)
    return [*load[:silence], *_once(load[silence:])]


def _silenced(board: BoardName) -> list[Message]:
    return [SelectBoard(board), *(SetParameter(id, 0) for id in SILENCE_BLOCK)]


def _written(board: _Board, values: Values[_Board], *ids: int) -> list[Message]:
    return [SelectBoard(board), *_set(board, values, *ids)]


def _set(board: _Board, values: Values[_Board], *ids: int) -> list[Message]:
    return [SetParameter(id, values(board, id)) for id in ids]


def _once(messages: Iterable[Message]) -> list[Message]:
    """Settings of the one board that is selected, without selects and repeats."""
    return list(dict.fromkeys(message for message in messages if isinstance(message, SetParameter)))

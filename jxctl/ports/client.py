"""Synth: what one can do with a bare sound board behind a port.

`load_sequence` is the order in which a Super JX's own assigner loads a patch, captured on an
instrument (jx_hardware.md 2.5), for one board. The capture loads two boards at once and says some
things twice; here each is said once.
"""

from __future__ import annotations

from jxctl.errors import UsageError
from jxctl.ports import Port
from jxctl.protocol.bus import (
    MASTER_TUNE,
    SILENCE_BLOCK,
    BoardName,
    Message,
    SelectBoard,
    SetParameter,
    VoiceOff,
    VoiceOn,
    encode,
)
from jxctl.protocol.parameters import TONE_PARAMETERS, parameter
from jxctl.protocol.tone import Tone

_ON = 0x7F
_AFTER_DEPTHS = (0x8C, 0x8D, 0x8E)
_LEVEL = 0x9E


def load_sequence(tone: Tone, board: BoardName = "lower") -> list[Message]:
    """The messages that load a tone into a board, in the captured order. Steps as in 2.5:

    * 1: silence: level, both sustains and both releases to zero;
    * 2: the tone in ascending order, without level and aftertouch depths; portamento off;
    * 4: the level, unscaled (the assigner scales it by patch volume and balance);
    * 5: portamento time, bend range, aftertouch switches, and the aftertouch depths of the tone
      (the capture has 00, whatever the tone says: its aftertouch is off);
    * 6: voices silenced, hold off;
    * 7: check-envelope off, master tune, without which a board that was just powered up has none.

    Steps 5 to 7 put every performance parameter that the assigner sends at its neutral value:
    what a patch would add (portamento, bend range, detune) is not part of a tone.
    """
    early = [p.id for p in TONE_PARAMETERS if p.id not in (*_AFTER_DEPTHS, _LEVEL)]
    pairs = [
        *((id, 0) for id in SILENCE_BLOCK),
        *((id, tone.raw(id)) for id in early),
        (_id("PORTA SW"), 0),
        (_LEVEL, tone.raw(_LEVEL)),
        (_id("PORTA TIME"), 0),
        (_id("BEND RANGE"), 0),
        (_id("AFTER VIB SW"), 0),
        (_id("AFTER BRI SW"), 0),
        (_id("AFTER VOL SW"), 0),
        *((id, tone.raw(id)) for id in _AFTER_DEPTHS),
        (_id("SILENCE"), _ON),
        (_id("HOLD SW"), 0),
        (_id("CHECK ENV SW"), 0),
        (_id("MASTER TUNE1"), MASTER_TUNE),
        (_id("MASTER TUNE2"), MASTER_TUNE),
    ]
    return [SelectBoard(board), *(SetParameter(id, value) for id, value in pairs)]


class Synth:
    """Verbs over a port with a bare board behind it.

    ``board``: the one that notes go to; the board last loaded, at first ``lower``, the only one of
    a JX-8P. A board select is sent only when the board changes, and at every load.

    Every verb raises `UsageError` for a value out of range, before anything is sent, and
    `DeviceError` when the port is gone.
    """

    def __init__(self, port: Port) -> None:
        self.port = port
        self.board: BoardName = "lower"
        self._selected: BoardName | None = None

    def wake(self) -> None:
        """Eight selects of each board, as programs that replace the assigner send first (2.4).

        For a board that may just have been powered up; does nothing to one that is running.
        """
        lower, upper = SelectBoard("lower"), SelectBoard("upper")
        self._send([*[lower] * 8, *[upper] * 8])

    def load(self, tone: Tone, board: BoardName = "lower") -> None:
        """Load a tone; later notes go to ``board`` (``lower``, ``upper`` or ``both``).

        Voices that sound are cut. Takes 41 ms on a real bus.
        """
        self._send(load_sequence(tone, board))
        self.board = board

    def note_on(self, note: int, velocity: int = 100, voice: int = 0) -> None:
        """Start voice 0-5 with a MIDI note (0-127) and a velocity (1-127)."""
        if velocity == 0:
            raise UsageError(
                "velocity is 0, which on the bus is not known to end a note", "send a note off instead"
            )
        self._send([*self._select(), VoiceOn(voice, note, velocity)])

    def note_off(self, note: int, voice: int = 0) -> None:
        """Release a voice that was started with this note."""
        self._send([*self._select(), VoiceOff(voice, note)])

    def silence(self) -> None:
        """End all notes on both boards ($B6 7F, jx_hardware.md 2.3)."""
        self._send([SelectBoard("both"), SetParameter(_id("SILENCE"), _ON)])

    def _select(self) -> list[SelectBoard]:
        return [] if self._selected == self.board else [SelectBoard(self.board)]

    def _send(self, messages: list[Message]) -> None:
        data = encode(messages)
        before = self._selected
        # Until the write is done nobody knows what arrived; a failed one makes the next verb select.
        self._selected = None
        self.port.write(data)
        self._selected = before
        for message in messages:
            if isinstance(message, SelectBoard):
                self._selected = message.board


def _id(name: str) -> int:
    return parameter(name).id

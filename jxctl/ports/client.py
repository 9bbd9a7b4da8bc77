"""Client of a bare sound board behind a port: wake it, load a tone, start and end notes."""

from __future__ import annotations

from jxctl.errors import UsageError
from jxctl.ports import Port
from jxctl.protocol.bus import (
    BoardName,
    Message,
    SelectBoard,
    SetParameter,
    VoiceOff,
    VoiceOn,
    encode,
)
from jxctl.protocol.load_order import ON, SILENCE, load_sequence
from jxctl.protocol.tone import Tone


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
        self._send([SelectBoard("both"), SetParameter(SILENCE, ON)])

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

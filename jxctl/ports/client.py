"""Clients of what is behind a port: a bare sound board, or the keys of a whole synth; and playing a note."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from jxctl.errors import UsageError
from jxctl.ports import AudiblePort, Port
from jxctl.protocol.bus import (
    BoardName,
    Message,
    SelectBoard,
    SetParameter,
    VoiceOff,
    VoiceOn,
    check_range,
    encode,
)
from jxctl.protocol.load_order import ON, SILENCE, load_sequence
from jxctl.protocol.midi import CONTROL, NOTE_OFF, NOTE_ON
from jxctl.protocol.tone import Tone

if TYPE_CHECKING:
    import numpy as np

RELEASE_VELOCITY = 64
"""Of a note off over MIDI; its middle, as of a keyboard that does not measure it."""

ALL_NOTES_OFF = 123
"""The MIDI controller."""


class Keys(Protocol):
    """Something with keys: `Synth`, `MidiKeys`, and the players of `jxctl.recording.player`."""

    def note_on(self, note: int, velocity: int) -> None:
        """Press a key, 0-127, with a velocity, 1-127."""

    def note_off(self, note: int) -> None:
        """Let it go."""


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


class MidiKeys:
    """The keys of a whole synth behind MIDI, on ``channel`` 0-15; the synth chooses the voices."""

    def __init__(self, port: Port, channel: int = 0) -> None:
        self.port = port
        self._channel = channel

    def note_on(self, note: int, velocity: int) -> None:
        """Press a key. Raises `DeviceError` when the port is gone, as all verbs do."""
        self.port.write(bytes((NOTE_ON | self._channel, note, velocity)))

    def note_off(self, note: int) -> None:
        """Let it go."""
        self.port.write(bytes((NOTE_OFF | self._channel, note, RELEASE_VELOCITY)))

    def silence(self) -> None:
        """All notes off: released tails may go on until the next tone is loaded."""
        self.port.write(bytes((CONTROL | self._channel, ALL_NOTES_OFF, 0)))


def play_note(
    keys: Keys, port: Port, note: int, velocity: int = 100, gate_s: float = 1.0, tail_s: float = 1.0
) -> np.ndarray | None:
    """Hold a note; its key goes up also when this is interrupted.

    Args:
        keys: what is played.
        port: the port behind it.
        note: 0 to 127, 60 is C4.
        velocity: 1 to 127.
        gate_s: seconds for which the key is down.
        tail_s: seconds of sound after the release.

    Returns:
        The sound, mono ``float32[samples]``, where the port can be heard in this process; else None, at the
        release.

    Raises:
        UsageError: the note or the velocity is out of range.
        DeviceError: the port is gone.

    Examples:
        >>> from jxctl.ports import open_port
        >>> with open_port("sim:") as port:
        ...     play_note(Synth(port), port, 60, gate_s=0.1, tail_s=0.1).shape
        (8820,)
    """
    check_note(note, velocity)
    try:
        keys.note_on(note, velocity)
        if not isinstance(port, AudiblePort):
            time.sleep(gate_s)
            return None
        held = port.listen(gate_s)
    finally:
        # Also when interrupted, even while it starts: a real synth would hold the note for ever.
        keys.note_off(note)
    import numpy as np

    return np.concatenate([held, port.listen(tail_s)])


def check_note(note: int, velocity: int) -> None:
    """Raise `UsageError` unless the note is 0 to 127 and the velocity 1 to 127."""
    check_range("the note", note, 127)
    check_range("the velocity", velocity, 127)
    if velocity == 0:
        raise UsageError("the velocity is 0; expected 1 to 127")

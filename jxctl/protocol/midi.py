"""MIDI as a stream of bytes: complete messages out of it, and a line of text for each.

Channel messages and their lengths are those of MIDI 1.0. What a SysEx message of a JX says is
`jxctl.protocol.sysex`'s business; here it is one message from F0 to F7.
"""

from __future__ import annotations

from typing import NamedTuple

LONGEST_SYSEX = 65536
"""A SysEx message that has not ended after this many bytes is dropped (no JX sends over 1 KB)."""

SYSEX, END_OF_SYSEX, FIRST_REALTIME = 0xF0, 0xF7, 0xF8
NOTE_OFF, NOTE_ON, CONTROL, PROGRAM, PRESSURE, BEND = 0x80, 0x90, 0xB0, 0xC0, 0xD0, 0xE0

BYTE_S = 320e-6
"""Seconds that a byte takes on a MIDI cable: ten bits at 31250 baud."""

NO_MESSAGE = "bytes of no message"
"""Why bytes belong to no message that nothing began."""

_CHANNEL_DATA = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}
# Data bytes by channel and system common status.
_DATA_BYTES = {status: _CHANNEL_DATA[status >> 4] for status in range(0x80, SYSEX)}
_DATA_BYTES |= {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0}
_CUT_SHORT = {status: f"cut short by status byte {status:02X}" for status in range(0x80, FIRST_REALTIME)}
_CUT_SHORT[SYSEX] = "cut short by the next message"


class Piece(NamedTuple):
    """A stretch of a stream that belongs together, its first byte at ``offset``.

    ``data``: the bytes as they came, without realtime bytes between them. ``message``: the complete message
    that they are, running status written out; empty where they are none, and ``reason`` says why.
    """

    offset: int
    data: bytes
    message: bytes
    reason: str = ""


class Splitter:
    """A stream in pieces of any size in, complete messages out; the pieces do not change the result.

    Running status is written out. A realtime byte (F8-FF) is a message of its own wherever it comes,
    also inside another message. It never raises: ``dropped`` counts the bytes that belong to no
    message (data nobody expects, messages cut short, undefined statuses).

    ``longest``: bytes after which what has not ended is given up. ``only_sysex``: channel and system common
    messages are no messages here, only bytes that belong to none.
    """

    def __init__(self, longest: int = LONGEST_SYSEX, only_sysex: bool = False) -> None:
        self._longest = longest
        self._only_sysex = only_sysex
        self._given_up = 0
        self._position = 0
        self._start = 0
        self._held = bytearray()
        self._status = 0  # of the message that `_held` begins; 0: bytes of no message
        self._running = 0

    @property
    def dropped(self) -> int:
        """Bytes that belong to no message."""
        return self._given_up + (0 if self._status else len(self._held))

    @property
    def pending(self) -> int:
        """Bytes of a message that is not complete yet."""
        return len(self._held) if self._status else 0

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that ``data`` completes, each from its status byte to its last."""
        return [piece.message for piece in self.pieces(data) if piece.message]

    def pieces(self, data: bytes) -> list[Piece]:
        """As `feed`, with the bytes of no message, which come out when a message follows or at `finish`."""
        found: list[Piece] = []
        for byte in data:
            if byte < 0x80:
                self._take_data(byte, found)
            elif byte < FIRST_REALTIME:
                self._take_status(byte, found)
            else:
                alone = bytes((byte,))
                found.append(Piece(self._position, alone, alone))
            self._position += 1
        return found

    def finish(self) -> list[Piece]:
        """End of the stream: what was held back."""
        found: list[Piece] = []
        self._give_up(found, "cut short by the end")
        return found

    def _take_data(self, byte: int, found: list[Piece]) -> None:
        if self._running and not self._held:
            self._status = self._running
        self._hold(byte)
        if self._status in (0, SYSEX):
            if len(self._held) == self._longest:
                self._give_up(found, f"no end in {self._longest} bytes")
        elif len(self._held) - (self._held[0] >= 0x80) == _DATA_BYTES[self._status]:
            self._complete(found)

    def _take_status(self, byte: int, found: list[Piece]) -> None:
        if byte == END_OF_SYSEX and self._status == SYSEX:
            self._hold(byte)
            self._complete(found)
            return
        begins = byte == SYSEX or (not self._only_sysex and byte in _DATA_BYTES)
        if begins or self._status:
            self._give_up(found, _CUT_SHORT[byte])
        self._running = byte if begins and byte < SYSEX else 0
        self._status = byte if begins else 0
        self._hold(byte)
        if not begins:  # undefined, not wanted, or the end of a SysEx that never began
            if len(self._held) == self._longest:
                self._give_up(found)
        elif _DATA_BYTES.get(byte) == 0:
            self._complete(found)

    def _hold(self, byte: int) -> None:
        if not self._held:
            self._start = self._position
        self._held.append(byte)

    def _complete(self, found: list[Piece]) -> None:
        data = bytes(self._held)
        message = data if data[0] >= 0x80 else bytes((self._status,)) + data
        found.append(Piece(self._start, data, message))
        self._clear()

    def _give_up(self, found: list[Piece], reason: str = "") -> None:
        if self._held:
            found.append(Piece(self._start, bytes(self._held), b"", reason if self._status else NO_MESSAGE))
        self._given_up += len(self._held)
        self._clear()

    def _clear(self) -> None:
        self._held.clear()
        self._status = 0


def split(data: bytes) -> tuple[list[bytes], int]:
    """The messages of a whole stream, and how many bytes belong to none."""
    splitter = Splitter()
    messages = splitter.feed(data)
    return messages, splitter.dropped + splitter.pending


def midi_text(message: bytes) -> str:
    """What one complete message says, in a few words; channels and programs count from 1, as panels do."""
    status = message[0]
    if status >= SYSEX:
        return f"SysEx, {len(message)} bytes" if status == SYSEX else _system_text(status)
    channel = f"channel {(status & 0x0F) + 1}"
    match status & 0xF0, *message[1:]:
        case (0x80, note, _) | (0x90, note, 0):
            return f"{channel} note {note} off"
        case 0x90, note, velocity:
            return f"{channel} note {note} on, velocity {velocity}"
        case 0xA0, note, pressure:
            return f"{channel} note {note} pressure {pressure}"
        case 0xB0, number, value:
            return f"{channel} controller {number} = {value}"
        case 0xC0, number:
            return f"{channel} program {number + 1}"
        case 0xD0, pressure:
            return f"{channel} pressure {pressure}"
        case _, low, high:
            return f"{channel} bend {(high << 7 | low) - 8192:+d}"
    return channel


def _system_text(status: int) -> str:
    names = {0xF8: "clock", 0xFA: "start", 0xFB: "continue", 0xFC: "stop", 0xFE: "active sensing"}
    return names.get(status, "system message")


def data_bytes(status: int) -> int:
    """How many data bytes follow a status byte; 0 for realtime. Raises `ValueError` for SysEx and others."""
    if status >= FIRST_REALTIME:
        return 0
    found = _DATA_BYTES.get(status)
    if found is None:
        raise ValueError(f"status {status:02X} has no fixed number of data bytes")
    return found

"""MIDI as a stream of bytes: complete messages out of it, and a line of text for each.

Channel messages and their lengths are those of MIDI 1.0. What a SysEx message of a JX says is
`jxctl.protocol.sysex`'s business; here it is one message from F0 to F7.
"""

from __future__ import annotations

LONGEST_SYSEX = 65536
"""A SysEx message that has not ended after this many bytes is dropped (no JX sends over 1 KB)."""

SYSEX, END_OF_SYSEX = 0xF0, 0xF7
NOTE_OFF, NOTE_ON, CONTROL, PROGRAM, PRESSURE, BEND = 0x80, 0x90, 0xB0, 0xC0, 0xD0, 0xE0

BYTE_S = 320e-6
"""Seconds that a byte takes on a MIDI cable: ten bits at 31250 baud."""

_FIRST_REALTIME = 0xF8
# Data bytes by the upper half of a channel status, and by system common status.
_CHANNEL_DATA = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}
_COMMON_DATA = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0}


class Splitter:
    """A stream in pieces of any size in, complete messages out; the pieces do not change the result.

    Running status is written out. A realtime byte (F8-FF) is a message of its own wherever it comes,
    also inside another message. It never raises: ``dropped`` counts the bytes that belong to no
    message (data nobody expects, messages cut short, undefined statuses).
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._partial = bytearray()
        self._running = 0

    @property
    def pending(self) -> int:
        """Bytes of a message that is not complete yet."""
        return len(self._partial)

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that ``data`` completes, each from its status byte to its last."""
        messages: list[bytes] = []
        for byte in data:
            if byte >= _FIRST_REALTIME:
                messages.append(bytes((byte,)))
            elif (message := self._take(byte)) is not None:
                messages.append(message)
        return messages

    def _take(self, byte: int) -> bytes | None:
        """One byte of anything but realtime; the message it completes."""
        if byte == END_OF_SYSEX and self._partial[:1] == b"\xf0":
            self._partial.append(byte)
            return self._complete()
        if byte >= 0x80:
            return self._start(byte)
        if not self._partial and self._running:
            self._partial.append(self._running)
        if not self._partial:
            self.dropped += 1
            return None
        self._partial.append(byte)
        if self._partial[0] == SYSEX:
            if len(self._partial) >= LONGEST_SYSEX:
                self._drop()
            return None
        return self._complete() if len(self._partial) > data_bytes(self._partial[0]) else None

    def _start(self, status: int) -> bytes | None:
        self._drop()
        self._running = status if status < SYSEX else 0
        if status >= SYSEX and status != SYSEX and status not in _COMMON_DATA:
            self.dropped += 1  # undefined, or the end of a SysEx that never began
            return None
        self._partial.append(status)
        return self._complete() if status != SYSEX and not data_bytes(status) else None

    def _complete(self) -> bytes:
        message = bytes(self._partial)
        self._partial.clear()
        return message

    def _drop(self) -> None:
        self.dropped += len(self._partial)
        self._partial.clear()


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
    if status >= _FIRST_REALTIME:
        return 0
    found = _CHANNEL_DATA.get(status >> 4) if status < SYSEX else _COMMON_DATA.get(status)
    if found is None:
        raise ValueError(f"status {status:02X} has no fixed number of data bytes")
    return found

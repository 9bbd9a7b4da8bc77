"""Bytes to System Exclusive messages and back to bytes: what every family shares.

A message is ``F0 41 op channel format ... F7`` with 7-bit data (jx_hardware.md 4.2). MIDI lets
realtime bytes (F8-FF) stand anywhere, also inside a message.
"""

from __future__ import annotations

from dataclasses import dataclass, field

ROLAND = 0x41
JX8P_FORMAT, SUPERJX_FORMAT = 0x21, 0x24
LONGEST = 1024
"""No message of this family is longer; the cartridge blocks have 263 bytes (4.8)."""

START, END, FIRST_REALTIME = 0xF0, 0xF7, 0xF8
_OTHERS = {0x20: "MKS-80", 0x22: "DDR-30", 0x23: "Alpha Juno or MKS-50"}
_PREFIX = 5


@dataclass(frozen=True, slots=True)
class Unused:
    """Bytes that hold no message this library knows, where they are, and why they were not used.

    ``harmless``: realtime bytes, which belong between and inside messages.
    """

    offset: int
    data: bytes
    reason: str
    harmless: bool = False

    def __str__(self) -> str:
        shown = self.data[:8].hex(" ").upper() + (" ..." if len(self.data) > 8 else "")
        return f"{self.offset:5}  {shown}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of the family: operation, channel 0-15, format, and what follows up to ``F7``.

    ``body`` of operations 34-3D starts with level and group. ``offset``: place of its ``F0`` in the
    stream, not part of equality.
    """

    op: int
    channel: int
    format: int
    body: bytes
    offset: int = field(default=0, compare=False)

    def encoded(self) -> bytes:
        """The bytes of the message."""
        return bytes((START, ROLAND, self.op, self.channel, self.format)) + self.body + bytes((END,))


class Splitter:
    """Bytes in, frames and unused bytes out, in pieces of any size; the pieces do not change the result.

    It never raises and never keeps more than `LONGEST` bytes. Every byte fed is in a frame, in an
    `Unused`, or, until `finish`, held back.
    """

    def __init__(self) -> None:
        self._position = 0
        self._start = 0
        self._held = bytearray()
        self._inside = False

    def feed(self, data: bytes) -> list[Frame | Unused]:
        """What ``data`` completes. Junk is reported when a message follows or at `finish`."""
        found: list[Frame | Unused] = []
        for byte in data:
            if byte >= FIRST_REALTIME:
                found.append(Unused(self._position, bytes((byte,)), "realtime byte", harmless=True))
            elif byte == START:
                self._give_up(found, "cut short by the next message")
                self._inside = True
                self._hold(byte)
            elif self._inside and byte == END:
                self._hold(byte)
                found.append(read_frame(bytes(self._held), self._start))
                self._clear()
            else:
                if self._inside and byte > 0x7F:
                    self._give_up(found, f"cut short by status byte {byte:02X}")
                self._hold(byte)
                if len(self._held) == LONGEST:
                    self._give_up(found, f"no end in {LONGEST} bytes")
            self._position += 1
        return found

    def finish(self) -> list[Unused]:
        """End of the stream: what was held back."""
        found: list[Frame | Unused] = []
        self._give_up(found, "cut short by the end")
        return [item for item in found if isinstance(item, Unused)]

    def _hold(self, byte: int) -> None:
        if not self._held:
            self._start = self._position
        self._held.append(byte)

    def _clear(self) -> None:
        self._held.clear()
        self._inside = False

    def _give_up(self, found: list[Frame | Unused], reason: str) -> None:
        if self._held:
            outside = "not a System Exclusive message"
            found.append(Unused(self._start, bytes(self._held), reason if self._inside else outside))
        self._clear()


def read_frame(data: bytes, offset: int = 0) -> Frame | Unused:
    """The frame in one whole message ``F0 ... F7``, or why it is none of this family."""
    if len(data) < 3 or data[1] != ROLAND:
        return Unused(offset, data, "not a Roland message")
    if len(data) <= _PREFIX:
        return Unused(offset, data, "too short for a message of this family")
    op, channel, form = data[2], data[3], data[4]
    if form not in (JX8P_FORMAT, SUPERJX_FORMAT):
        other = _OTHERS.get(form, "unknown")
        return Unused(offset, data, f"for another instrument ({other}, format {form:02X})")
    if channel > 15:
        return Unused(offset, data, f"channel byte {channel:02X}; expected 00 to 0F")
    return Frame(op, channel, form, data[_PREFIX:-1], offset)


def from_nibbles(data: bytes, *, high_first: bool = True) -> bytes | None:
    """Bytes from pairs of 4-bit data bytes; None when one is no nibble or lacks its partner."""
    if len(data) % 2 or any(byte > 15 for byte in data):
        return None
    first, second = data[::2], data[1::2]
    if not high_first:
        first, second = second, first
    return bytes(high << 4 | low for high, low in zip(first, second, strict=True))


def to_nibbles(data: bytes, *, high_first: bool = True) -> bytes:
    """Each byte as two 4-bit data bytes."""
    pairs = [(byte >> 4, byte & 15) if high_first else (byte & 15, byte >> 4) for byte in data]
    return bytes(nibble for pair in pairs for nibble in pair)

"""Bytes to System Exclusive messages and back to bytes: what every family shares.

A message is ``F0 41 op channel format ... F7`` with 7-bit data (jx_hardware.md 4.2). MIDI lets
realtime bytes (F8-FF) stand anywhere, also inside a message.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from jxctl.protocol.midi import END_OF_SYSEX, FIRST_REALTIME, NO_MESSAGE, SYSEX, Piece, Splitter

ROLAND = 0x41
JX8P_FORMAT, SUPERJX_FORMAT = 0x21, 0x24
LONGEST = 1024
"""No message of this family is longer; the cartridge blocks have 263 bytes (4.8)."""

_OTHERS = {0x20: "MKS-80", 0x22: "DDR-30", 0x23: "Alpha Juno or MKS-50"}
_PREFIX = 5


@dataclass(frozen=True, slots=True)
class Unused:
    """Bytes that hold no message this library knows, where they are, and why they were not used.

    ``harmless``: realtime bytes, which belong between and inside messages. ``foreign``: whole messages of
    other instruments and other kinds, which are no damage.
    """

    offset: int
    data: bytes
    reason: str
    harmless: bool = False
    foreign: bool = False

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
        return bytes((SYSEX, ROLAND, self.op, self.channel, self.format)) + self.body + bytes((END_OF_SYSEX,))


class Frames:
    """Bytes in, frames and unused bytes out, in pieces of any size; the pieces do not change the result.

    It never raises and never keeps more than `LONGEST` bytes. Every byte fed is in a frame, in an
    `Unused`, or, until `finish`, held back.
    """

    def __init__(self) -> None:
        self._splitter = Splitter(LONGEST, only_sysex=True)

    def feed(self, data: bytes) -> list[Frame | Unused]:
        """What ``data`` completes. Junk is reported when a message follows or at `finish`."""
        return [_read(piece) for piece in self._splitter.pieces(data)]

    def finish(self) -> list[Unused]:
        """End of the stream: what was held back."""
        return [_unused(piece) for piece in self._splitter.finish()]


def _read(piece: Piece) -> Frame | Unused:
    if piece.data[0] >= FIRST_REALTIME:
        return Unused(piece.offset, piece.data, "realtime byte", harmless=True)
    return read_frame(piece.message, piece.offset) if piece.message else _unused(piece)


def _unused(piece: Piece) -> Unused:
    reason = "not a System Exclusive message" if piece.reason == NO_MESSAGE else piece.reason
    return Unused(piece.offset, piece.data, reason)


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

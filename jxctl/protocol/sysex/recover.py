"""Files are not wires: a second, length-driven pass over what the stream decoder must reject.

On a cable a status byte ends a message. In a file the bytes are all there, so that a message whose length is
exactly what its head announces can be read although its data has bit 7 set, or its ``F7`` is gone or
damaged. Nothing else is guessed: a message with a byte too few or too many is named and left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from jxctl.protocol.midi import END_OF_SYSEX, FIRST_REALTIME, SYSEX, split
from jxctl.protocol.sysex.decode import FAMILIES, AnyMessage, Decoder, read_message
from jxctl.protocol.sysex.family import LEVELS, PGR
from jxctl.protocol.sysex.frame import ROLAND, SUPERJX_FORMAT, Frame, Unused, read_frame
from jxctl.protocol.sysex.jx8p import JX8P
from jxctl.protocol.sysex.transfer import NIBBLES, OPS

_AROUND = 8
"""``F0 41 op ch ff lv gg`` and ``F7``."""
_HEAD = bytes((SYSEX, ROLAND))
_TICKING = frozenset((0xF8, 0xFE))
"""Clock and active sensing: the realtime bytes that a recorder writes between and into messages."""
_MASK = 0x7F


@dataclass(frozen=True, slots=True)
class Repair:
    """A message that was read although it did not stand so: ``what`` was done, at which ``offset``."""

    offset: int
    message: AnyMessage
    what: str

    def __str__(self) -> str:
        return f"{self.message} at byte {self.offset}: {self.what}"


@dataclass
class FileDecoded:
    """Messages and unused bytes in the order in which they stand, and which messages are ``repaired``."""

    items: list[AnyMessage | Unused] = field(default_factory=list)
    repaired: list[Repair] = field(default_factory=list)


def decode_file(data: bytes) -> FileDecoded:
    """Everything in a file of System Exclusive messages, by status bytes first, then by lengths.

    Every message that the stream decoder reads is there unchanged. Never raises.

    Args:
        data: the bytes of a ``.syx`` file, or of one with something around its messages.

    Returns:
        Items in the order in which they stand. Whole messages of others, and other MIDI, are ``foreign``.
    """
    decoder = Decoder()
    items = [*decoder.feed(data), *decoder.finish()]
    items.sort(key=lambda item: item.offset or 0)
    result = FileDecoded()
    stretch: list[Unused] = []
    for item in items:
        if isinstance(item, Unused):
            if stretch or not item.harmless:
                stretch.append(item)
            else:
                result.items.append(item)
            continue
        _read_stretch(data, stretch, item.offset or 0, result)
        stretch = []
        result.items.append(item)
    _read_stretch(data, stretch, len(data), result)
    return result


def _read_stretch(data: bytes, stretch: list[Unused], end: int, result: FileDecoded) -> None:
    """Read bytes between two good messages again, by lengths."""
    if not stretch:
        return
    start = stretch[0].offset
    found = list(_by_length(data, start, end))
    at = 0
    for repair, size in found:
        while at < len(stretch) and stretch[at].offset < repair.offset:
            result.items.append(_clipped(stretch[at], repair.offset))
            at += 1
        result.items.append(repair.message)
        result.repaired.append(repair)
        past = repair.offset + size
        while at < len(stretch) and stretch[at].offset < past:
            item = stretch[at]
            following = stretch[at + 1].offset if at + 1 < len(stretch) else end
            if following > past:
                stretch[at] = replace(item, offset=past, data=data[past:following])
                break
            at += 1
    result.items += [_marked(item) for item in stretch[at:]]


def _clipped(item: Unused, end: int) -> Unused:
    """The part of unused bytes before ``end``."""
    return _marked(replace(item, data=item.data[: end - item.offset]))


def _marked(item: Unused) -> Unused:
    return replace(item, foreign=True) if not item.harmless and _is_foreign(item.data) else item


def _is_foreign(data: bytes) -> bool:
    """Whether bytes are whole messages, none of which could be a damaged one of the family.

    A head with one wrong bit looks foreign; its length gives it away.
    """
    messages, dropped = split(data)
    if dropped or not messages:
        return False
    return all(
        message[0] != SYSEX or (len(message) not in _ALL_LENGTHS and not _head_lengths(message, 0))
        for message in messages
    )


def _by_length(data: bytes, start: int, end: int) -> Iterator[tuple[Repair, int]]:
    """Messages that are whole by their length, each with the number of bytes it takes."""
    at = data.find(_HEAD, start, end)
    while at >= 0:
        read = _whole(data, at, end)
        if read is not None:
            yield read
        at = data.find(_HEAD, at + read[1] if read is not None else at + 1, end)


def _whole(data: bytes, at: int, end: int) -> tuple[Repair, int] | None:
    for length in _head_lengths(data, at):
        last = at + length - 1  # of the F7
        inner = data[at + 5 : last]
        if last > end or len(inner) < length - 6 or _HEAD in inner:
            continue
        reasons = []
        size = length
        if last == end or data[last] == SYSEX:
            reasons.append("its F7 is missing")
            size -= 1
        elif data[last] != END_OF_SYSEX:
            # One wrong bit; and then another message has to follow, or nothing.
            if (data[last] ^ END_OF_SYSEX).bit_count() != 1 or not _at_end(data, last + 1, end):
                continue
            reasons.append(f"it ends with {data[last]:02X} in place of F7")
        elif not _at_end(data, last + 1, end):
            continue
        if reasons and END_OF_SYSEX in inner:
            continue
        high = [byte for byte in inner if byte > _MASK]
        # A tick inside a message that lost a byte gives the same length.
        if high and _TICKING.issuperset(high):
            continue
        if high:
            reasons.append(f"bit 7 of {len(high)} byte{'s' * (len(high) != 1)} is masked")
        body = bytes(byte & _MASK for byte in inner)
        frame = read_frame(data[at : at + 5] + body + bytes((END_OF_SYSEX,)), at)
        message = read_message(frame) if isinstance(frame, Frame) else frame
        if reasons and not isinstance(message, Unused):
            return Repair(at, message, ", ".join(reasons)), size
    return None


def _at_end(data: bytes, at: int, end: int) -> bool:
    """Whether a message may end before ``at``: another or nothing follows."""
    return at >= end or data[at] == SYSEX or data[at] >= FIRST_REALTIME


def _head_lengths(data: bytes, at: int) -> tuple[int, ...]:
    """Lengths, F0 and F7 included, of the message whose head stands at ``at``; none for another head."""
    head = data[at : at + 7]
    if len(head) < 6 or head[0] != SYSEX or head[1] != ROLAND or head[3] > 15:
        return ()
    return _LENGTHS.get((head[4], head[2], head[5]), _LENGTHS.get((head[4], head[2], -1), ()))


def _lengths() -> dict[tuple[int, int, int], tuple[int, ...]]:
    """Lengths by format, operation and level (-1: none)."""
    found: dict[tuple[int, int, int], tuple[int, ...]] = {}
    for wire in FAMILIES.values():
        found[(wire.format, wire.apr, LEVELS["tone"])] = (_AROUND + wire.tone_size,)
        found[(wire.format, wire.apr, LEVELS["patch"])] = tuple(_AROUND + size for size in wire.patch_sizes)
        for level in LEVELS.values():
            if wire is not JX8P or level == LEVELS["tone"]:
                found.setdefault((wire.format, PGR, level), tuple(_AROUND + size for size in wire.pgr_sizes))
        if wire.bulk is not None:
            extra = _AROUND + 2 + (wire.bulk.checksum is not None)
            found[(wire.format, wire.bulk.op, LEVELS["tone"])] = (extra + wire.bulk.tone_size,)
            found[(wire.format, wire.bulk.op, LEVELS["patch"])] = (extra + wire.bulk.patch_size,)
    found[(SUPERJX_FORMAT, OPS["DAT"], -1)] = (6 + NIBBLES + 1,)
    return found


_LENGTHS = _lengths()
_ALL_LENGTHS = frozenset(length for lengths in _LENGTHS.values() for length in lengths)

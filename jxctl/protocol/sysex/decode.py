"""Bytes to messages: a whole stream at once, or piece by piece as it arrives."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from jxctl.errors import UsageError
from jxctl.protocol.patch import Patch
from jxctl.protocol.sysex.family import LEVELS, PGR, Family, Level
from jxctl.protocol.sysex.frame import JX8P_FORMAT, Frame, Frames, Unused
from jxctl.protocol.sysex.jx8p import JX8P
from jxctl.protocol.sysex.messages import (
    EDIT_BUFFER_REQUEST,
    BulkPatch,
    BulkTone,
    Changes,
    EditBufferRequest,
    MemoryMessage,
    PatchData,
    Program,
    ToneData,
)  # fmt: skip
from jxctl.protocol.sysex.mks70 import MKS70
from jxctl.protocol.sysex.transfer import Transfer, read_transfer
from jxctl.protocol.sysex.vecoven4 import REQUEST, VECOVEN4

AnyMessage: TypeAlias = MemoryMessage | Transfer

FAMILIES: dict[str, Family] = {family.name: family for family in (JX8P, MKS70, VECOVEN4)}
"""Wire forms by family name. A JX-10 with Fraser's SE takes IPR tones of ``mks70``, group 1."""

_LEVEL_OF: dict[int, Level] = {number: level for level, number in LEVELS.items()}


@dataclass
class Decoded:
    """What a stream holds: ``messages`` in order, and every byte that belongs to none."""

    messages: list[AnyMessage] = field(default_factory=list)
    unused: list[Unused] = field(default_factory=list)


class Decoder:
    """Bytes in, messages out, in pieces of any size; the pieces do not change the result.

    It never raises. Every byte fed is in a message, in an `Unused` with its offset and a reason,
    or, until `finish`, held back.
    """

    def __init__(self) -> None:
        self._frames = Frames()

    def feed(self, data: bytes) -> list[AnyMessage | Unused]:
        """What ``data`` completes."""
        return [read_message(x) if isinstance(x, Frame) else x for x in self._frames.feed(data)]

    def finish(self) -> list[Unused]:
        """End of the stream: what was held back."""
        return self._frames.finish()


def decode(data: bytes) -> Decoded:
    """Everything in a whole stream or file. Never raises."""
    decoder, result = Decoder(), Decoded()
    for item in [*decoder.feed(data), *decoder.finish()]:
        if isinstance(item, Unused):
            result.unused.append(item)
        else:
            result.messages.append(item)
    return result


def encode(messages: Iterable[AnyMessage]) -> bytes:
    """The bytes of messages, in order."""
    return b"".join(message.encoded() for message in messages)


def read_message(frame: Frame) -> AnyMessage | Unused:
    """The message in a frame, or why it is none."""
    try:
        found = _read(frame)
    except UsageError as error:
        found = error.message
    return Unused(frame.offset, frame.encoded(), found) if isinstance(found, str) else found


def _read(frame: Frame) -> AnyMessage | str:
    if frame.format != JX8P_FORMAT and 0x40 <= frame.op <= 0x4F:
        return read_transfer(frame)
    if frame.format != JX8P_FORMAT and frame.op == EDIT_BUFFER_REQUEST:
        if frame.body != REQUEST:
            return "an edit-buffer request of another form"
        return EditBufferRequest(wire=VECOVEN4, channel=frame.channel, offset=frame.offset)
    wire = _family(frame)
    if wire is None:
        return f"operation {frame.op:02X} is none of format {frame.format:02X}"
    if len(frame.body) < 2:
        return "no level and group"
    level = _LEVEL_OF.get(frame.body[0])
    if level is None:
        return f"level {frame.body[0]:02X}; expected 20 (tone) or 30 (patch)"
    if frame.body[1] not in _groups(frame, wire, level):
        return f"group {frame.body[1]:02X} has no known meaning"
    if frame.op == PGR:
        return _program(frame, wire, level)
    if frame.op == wire.ipr:
        return _changes(frame, wire, level)
    return _whole(frame, wire, level) if frame.op == wire.apr else _stored(frame, wire, level)


def _family(frame: Frame) -> Family | None:
    if frame.format == JX8P_FORMAT:
        return JX8P if frame.op in (PGR, JX8P.apr, JX8P.ipr) else None
    for wire in (MKS70, VECOVEN4):
        assert wire.bulk is not None
        if frame.op in (wire.apr, wire.ipr, wire.bulk.op):
            return wire
    # PGR is the same in both; what follows tells them apart.
    return MKS70 if frame.op == PGR else None


def _groups(frame: Frame, wire: Family, level: Level) -> Container[int]:
    """Groups a message may have: any for a bulk dump (which memory) and a JX-8P patch (unknown)."""
    if wire is JX8P:
        return (1,) if level == "tone" else range(128)
    return range(128) if wire.bulk is not None and frame.op == wire.bulk.op else (1, 2)


def _size(data: bytes, *expected: int) -> str:
    wanted = " or ".join(map(str, expected))
    return "" if len(data) in expected else f"{len(data)} data bytes; expected {wanted}"


def _whole(frame: Frame, wire: Family, level: Level) -> MemoryMessage | str:
    data, group = frame.body[2:], frame.body[1]
    if level == "tone":
        return _size(data, wire.tone_size) or ToneData(
            wire=wire, channel=frame.channel, group=group, tone=wire.read_tone(data), offset=frame.offset
        )
    if reason := _size(data, *wire.patch_sizes):
        return reason
    patch = Patch(data.ljust(wire.patch_sizes[0], b"\0"))
    size = 0 if len(data) == wire.patch_sizes[0] else len(data)
    return PatchData(
        wire=wire, channel=frame.channel, group=group, patch=patch, size=size, offset=frame.offset
    )


def _changes(frame: Frame, wire: Family, level: Level) -> MemoryMessage | str:
    data = frame.body[2:]
    if len(data) % 2:
        return "a parameter number without a value"
    pairs = tuple(zip(data[::2], data[1::2], strict=True))
    return Changes(
        wire=wire, channel=frame.channel, group=frame.body[1], level=level, pairs=pairs, offset=frame.offset
    )


def _program(frame: Frame, wire: Family, level: Level) -> MemoryMessage | str:
    data = frame.body[2:]
    if reason := _size(data, *wire.pgr_sizes):
        return reason
    if wire is JX8P and level == "patch":
        return "a JX-8P has no PGR for patches"
    number, flags = data[-2], data[:-2] + data[-1:]
    return Program(
        wire=wire, channel=frame.channel, group=frame.body[1], level=level, number=number, flags=flags,
        offset=frame.offset,
    )  # fmt: skip


def _stored(frame: Frame, wire: Family, level: Level) -> MemoryMessage | str:
    bulk = wire.bulk
    assert bulk is not None
    group, data = frame.body[1], frame.body[2:]
    size = bulk.tone_size if level == "tone" else bulk.patch_size
    if reason := _size(data, 2 + size + (bulk.checksum is not None)):
        return reason
    if data[0]:
        return f"bulk data with {data[0]:02X} before the slot; expected 00"
    slot, record = data[1], data[2 : 2 + size]
    off = data[-1] ^ bulk.checksum(record) if bulk.checksum is not None else 0
    if level == "tone":
        return BulkTone(
            wire=wire, channel=frame.channel, group=group, slot=slot, checksum_off=off,
            tone=bulk.read_tone(record), offset=frame.offset,
        )  # fmt: skip
    return BulkPatch(
        wire=wire, channel=frame.channel, group=group, slot=slot, checksum_off=off,
        patch=bulk.read_patch(record), offset=frame.offset,
    )  # fmt: skip

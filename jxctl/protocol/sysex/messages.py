"""The messages of every family, as nouns. `jxctl.protocol.sysex.decode` makes them, ``encoded`` gives the
bytes.

Channels, slots and program numbers count from 0; as text, slots and programs count from 1, as on a
panel. ``offset`` is a message's place in the stream it came from; it is not part of equality.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from jxctl.errors import ToneError, UsageError
from jxctl.protocol.bank import AnyTone, FamilyName
from jxctl.protocol.parameters import TONE_PARAMETERS, TONE_SIZE
from jxctl.protocol.patch import Patch
from jxctl.protocol.rows import Row
from jxctl.protocol.sysex.family import LEVELS, PGR, Bulk, Family, Level
from jxctl.protocol.sysex.frame import Frame
from jxctl.protocol.sysex.jx8p import JX8P, WRITE
from jxctl.protocol.tone import RECORD_SIZE, Tone
from jxctl.protocol.vecoven_tone import BY_IPR, ToneV4

EDIT_BUFFER_REQUEST = 0x3D
_FIRST_VALUE = RECORD_SIZE - TONE_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What all messages have: the family's wire form, channel 0-15, group 0-127. Raises `UsageError`."""

    wire: Family
    channel: int = 0
    group: int = 1
    offset: int | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        for what, value, last in (("channel", self.channel, 15), ("group", self.group, 127)):
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= last:
                raise UsageError(f"{what} is {value!r}; expected 0 to {last}")

    @property
    def family(self) -> FamilyName:
        """Name of the family."""
        return self.wire.name

    def _frame(self, op: int, level: Level, data: bytes) -> bytes:
        body = bytes((LEVELS[level], self.group)) + data
        return Frame(op, self.channel, self.wire.format, body).encoded()

    def _check_tone(self, tone: AnyTone) -> None:
        if not isinstance(tone, self.wire.tone_type):
            raise ToneError(
                f"tone {tone.name} is no tone of family {self.family}",
                "jxctl.protocol.vecoven_tone turns stock tones into V4 tones and back",
            )

    def _check_patch(self, patch: Patch) -> None:
        if patch.family != self.wire.patch_family:
            raise ToneError(f"a {patch.table.what} is no patch of family {self.family}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneData(Message):
    """A whole tone for, or from, the edit buffer (APR). Group 1: upper (or only), 2: lower tone."""

    tone: AnyTone

    def __post_init__(self) -> None:
        Message.__post_init__(self)
        self._check_tone(self.tone)

    def encoded(self) -> bytes:
        """The bytes of the message."""
        return self._frame(self.wire.apr, "tone", self.wire.write_tone(self.tone))

    def __str__(self) -> str:
        return f"APR tone {self.group}: {self.tone.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchData(Message):
    """A whole patch for, or from, the edit buffer (APR).

    ``size``: how many values are sent; the MKS-70 text says 51, instruments send 53. A patch read
    from 51 has zeros in the last two.
    """

    patch: Patch
    size: int = 0

    def __post_init__(self) -> None:
        Message.__post_init__(self)
        self._check_patch(self.patch)
        if self.size and self.size not in self.wire.patch_sizes:
            raise UsageError(f"a patch message of {self.family} holds no {self.size} values")

    def encoded(self) -> bytes:
        """The bytes of the message."""
        size = self.size or self.wire.patch_sizes[0]
        return self._frame(self.wire.apr, "patch", self.patch.values[:size])

    def __str__(self) -> str:
        return f"APR patch: {self.patch.name}".rstrip(" :")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes(Message):
    """Individual parameters (IPR): pairs of number and raw value, one pair except on a JX-8P.

    Raises `UsageError` for no pair, a number the family does not have, or a value above 127.
    """

    level: Level
    pairs: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        Message.__post_init__(self)
        numbers = self.wire.tone_numbers if self.level == "tone" else self.wire.patch_numbers
        if not self.pairs:
            raise UsageError("no parameter given")
        if len(self.pairs) > 1 and self.family != "jx8p":
            raise UsageError(f"{len(self.pairs)} parameters in one message", "only a JX-8P takes several")
        for number, value in self.pairs:
            if number not in numbers:
                raise UsageError(f"a {self.level} of {self.family} has no parameter {number}")
            if not 0 <= value <= 127:
                raise UsageError(f"parameter {number} is {value}; expected 0 to 127")

    def encoded(self) -> bytes:
        """The bytes of the message."""
        return self._frame(self.wire.ipr, self.level, bytes(byte for pair in self.pairs for byte in pair))

    def changed_tone(self, tone: AnyTone) -> AnyTone:
        """``tone`` as these changes leave it. Raises `ToneError` for patch changes or another family."""
        self._check_tone(tone)
        if self.level != "tone":
            raise ToneError("these are changes to a patch, not to a tone")
        data = bytearray(tone.record if isinstance(tone, Tone) else tone.values)
        for number, value in self.pairs:
            data[number if isinstance(tone, Tone) else BY_IPR[number].number] = value
        return Tone.from_record(bytes(data)) if isinstance(tone, Tone) else ToneV4(bytes(data), tone.rest)

    def changed_patch(self, patch: Patch) -> Patch:
        """``patch`` as these changes leave it. Raises `ToneError` for tone changes or another family."""
        self._check_patch(patch)
        if self.level != "patch":
            raise ToneError("these are changes to a tone, not to a patch")
        data = bytearray(patch.values)
        for number, value in self.pairs:
            data[number] = value
        return Patch(bytes(data), patch.rest)

    def __str__(self) -> str:
        return f"IPR {self.level} {self.group}: " + ", ".join(map(self._said, self.pairs))

    def _said(self, pair: tuple[int, int]) -> str:
        number, raw = pair
        row: Row | None = None
        if self.level == "patch":
            row = (
                Patch.init_jx8p().table.rows[number]
                if self.family == "jx8p"
                else Patch.init().table.rows[number]
            )
        elif self.family == "vecoven4":
            row = BY_IPR[number]
        elif number >= _FIRST_VALUE:
            p = TONE_PARAMETERS[number - _FIRST_VALUE]
            return f"{p.name} = {raw}" + (f" ({p.label(raw)})" if p.kind == "switch" else "")
        name = row.name if row is not None else f"NAME {number + 1}"
        label = row.label(raw) if row is not None else str(raw)
        return f"{name} = {raw}" + (f" ({label})" if label != str(raw) else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program(Message):
    """Program number (PGR): which patch or tone what follows belongs to, 0-127.

    On a JX-8P it is received only. ``flags``: the first and last data byte there, ``jx8p.WRITE`` to
    store the edit buffer in the slot. One zero byte on a Super JX; two in a transcript of Roland's
    text, which is read but not sent.
    """

    level: Level
    number: int
    flags: bytes = b"\x00"

    def __post_init__(self) -> None:
        Message.__post_init__(self)
        if not 0 <= self.number <= 127:
            raise UsageError(f"program number is {self.number}; expected 0 to 127")
        sizes = [size - 1 for size in self.wire.pgr_sizes]
        if len(self.flags) not in sizes or max(self.flags) > 127:
            raise UsageError(f"a PGR of {self.family} has {sizes[0]} bytes beside its number")

    @property
    def writes(self) -> bool:
        """Whether it stores the edit buffer in its slot (JX-8P)."""
        return self.wire is JX8P and self.flags == WRITE

    def encoded(self) -> bytes:
        """The bytes of the message."""
        before, after = self.flags[:-1], self.flags[-1:]
        return self._frame(PGR, self.level, before + bytes((self.number,)) + after)

    def __str__(self) -> str:
        return f"PGR {self.level} {self.group}: {'write to ' if self.writes else ''}{self.number + 1}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _BulkMessage(Message):
    """``checksum_off``: the checksum that was read, XOR the right one; 0 where it was right or is none."""

    slot: int
    checksum_off: int = 0

    def _bulk_frame(self, level: Level, data: bytes) -> bytes:
        if self._bulk.checksum is not None:
            data += bytes((self._bulk.checksum(data) ^ self.checksum_off,))
        return self._frame(self._bulk.op, level, bytes((0, self.slot)) + data)

    @property
    def _bulk(self) -> Bulk:
        assert self.wire.bulk is not None
        return self.wire.bulk

    def _check_bulk(self) -> None:
        Message.__post_init__(self)
        if self.wire.bulk is None:
            raise UsageError(f"family {self.family} has no bulk dump")
        if not 0 <= self.slot <= 127:
            raise UsageError(f"slot is {self.slot}; expected 0 to 127")


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkTone(_BulkMessage):
    """A stored tone in a bulk dump (BLD). Group 1: internal memory, 2: cartridge."""

    tone: AnyTone

    def __post_init__(self) -> None:
        self._check_bulk()
        self._check_tone(self.tone)

    def encoded(self) -> bytes:
        """The bytes of the message."""
        return self._bulk_frame("tone", self._bulk.write_tone(self.tone))

    def __str__(self) -> str:
        return f"BLD tone {self.slot + 1}: {self.tone.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkPatch(_BulkMessage):
    """A stored patch in a bulk dump (BLD). Group 1: internal memory, 2: cartridge."""

    patch: Patch

    def __post_init__(self) -> None:
        self._check_bulk()
        self._check_patch(self.patch)

    def encoded(self) -> bytes:
        """The bytes of the message."""
        return self._bulk_frame("patch", self._bulk.write_patch(self.patch))

    def __str__(self) -> str:
        return f"BLD patch {self.slot + 1}: {self.patch.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EditBufferRequest(Message):
    """Ask a Vecoven V4.19 or later for its edit buffer."""

    def encoded(self) -> bytes:
        """The bytes of the message."""
        from jxctl.protocol.sysex.vecoven4 import REQUEST

        return Frame(EDIT_BUFFER_REQUEST, self.channel, self.wire.format, REQUEST).encoded()

    def __str__(self) -> str:
        return "edit-buffer request"


MemoryMessage: TypeAlias = ToneData | PatchData | Changes | Program | BulkTone | BulkPatch | EditBufferRequest

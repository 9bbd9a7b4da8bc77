"""Which bits of a packed record hold which bits of which value: tables, and the code that reads them.

A record is read as ``values`` and ``rest``: what is left of it when the values are packed again and
compared bit by bit. Packing values and rest gives the record back whatever it holds, so bytes that
nobody understands survive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Evidence = Literal["captured", "documented", "inferred"]
VALUE_BITS = 7


@dataclass(frozen=True, slots=True)
class Slice:
    """``width`` bits of value number ``value``, from ``value_bit`` up, lie in ``byte`` from ``bit`` up.

    ``copy``: written, never read, because another slice holds the same bit (a sign extension).
    ``evidence``: ``captured`` when every bit of it was seen set and clear in paired captures of one
    bank, and agreed; ``documented`` when sources name it; ``inferred`` from the regular layout alone.
    """

    value: int
    byte: int
    bit: int = 0
    width: int = VALUE_BITS
    value_bit: int = 0
    evidence: Evidence = "documented"
    copy: bool = False

    @property
    def mask(self) -> int:
        """The bits of the byte."""
        return ((1 << self.width) - 1) << self.bit

    @property
    def value_mask(self) -> int:
        """The bits of the value."""
        return ((1 << self.width) - 1) << self.value_bit


class BitMap:
    """The layout of a record of ``size`` bytes that holds ``count`` values.

    Raises `AssertionError` when built with slices that leave their byte or their value, or two
    that claim one bit of the record or of a value.
    """

    def __init__(self, size: int, count: int, slices: tuple[Slice, ...]) -> None:
        self.size, self.count, self.slices = size, count, slices
        self.claimed = bytearray(size)
        self.held = bytearray(count)
        for s in slices:
            if s.width < 1 or s.mask > 0xFF or s.value_mask >= 1 << VALUE_BITS:
                raise AssertionError(f"{s} leaves its byte or its value")
            if self.claimed[s.byte] & s.mask:
                raise AssertionError(f"{s} claims a bit of the record twice")
            if not s.copy and self.held[s.value] & s.value_mask:
                raise AssertionError(f"{s} claims a bit of the value twice")
            self.claimed[s.byte] |= s.mask
            self.held[s.value] |= s.value_mask

    def pack(self, values: bytes, rest: bytes = b"") -> bytes:
        """The record of ``values``, with the bits of ``rest`` (empty: none) flipped in.

        Bits of a value for which the record has no room are dropped; `dropped` names them.
        """
        record = bytearray(rest or bytes(self.size))
        for s in self.slices:
            record[s.byte] ^= (values[s.value] & s.value_mask) >> s.value_bit << s.bit
        return bytes(record)

    def unpack(self, record: bytes) -> tuple[bytes, bytes]:
        """Values (``count`` bytes) and rest (``size`` bytes) of a record of ``size`` bytes."""
        values = bytearray(self.count)
        for s in self.slices:
            if not s.copy:
                values[s.value] |= (record[s.byte] & s.mask) >> s.bit << s.value_bit
        packed = self.pack(bytes(values))
        return bytes(values), bytes(a ^ b for a, b in zip(record, packed, strict=True))

    def dropped(self, values: bytes) -> list[int]:
        """Numbers of the values that `pack` cannot hold whole."""
        pairs = enumerate(zip(values, self.held, strict=True))
        return [number for number, (value, held) in pairs if value & ~held]

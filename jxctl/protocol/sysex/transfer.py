"""The messages of the JX-10's cartridge transfer, operations 40-4F (jx_hardware.md 4.8).

=========  ====================================================  ==============================
message    bytes                                                 evidence
=========  ====================================================  ==============================
WSF, RQF   ``F0 41 40/41 ch 24`` file name, checksum ``F7``      documented; the name is not
DAT        ``F0 41 42 ch 24`` 256 nibbles, checksum ``F7``       documented; the nibble order is not
ACK, EOF   ``F0 41 43/45 ch 24 F7``                              documented
ERR, RJC   ``F0 41 4E/4F ch 24 F7``                              documented; another source has 46, 47
=========  ====================================================  ==============================

The checksum makes the bytes after the format sum to 0 modulo 128: Roland's usual rule (one source).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from jxctl.errors import UsageError
from jxctl.protocol.sysex.frame import SUPERJX_FORMAT, Frame

TransferKind = Literal["WSF", "RQF", "DAT", "ACK", "EOF", "ERR", "RJC"]
OPS: dict[TransferKind, int] = {
    "WSF": 0x40, "RQF": 0x41, "DAT": 0x42, "ACK": 0x43, "EOF": 0x45, "ERR": 0x4E, "RJC": 0x4F,
}  # fmt: skip
KINDS = {op: kind for kind, op in OPS.items()}
BLOCK_SIZE = 128
NIBBLES = 2 * BLOCK_SIZE
LONGEST_NAME = 64
"""Longest file name that is taken (assumed; no source gives a length)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One message of the transfer. ``data``: a file name (WSF, RQF) or 256 nibbles (DAT), else empty.

    Raises `UsageError` for data of another size or above 7 bits (nibbles: above 4).
    """

    kind: TransferKind
    data: bytes = b""
    channel: int = 0
    offset: int | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if reason := _wrong(self.kind, self.data):
            raise UsageError(f"{self.kind}: {reason}")
        if not 0 <= self.channel <= 15:
            raise UsageError(f"channel is {self.channel}; expected 0 to 15")

    def encoded(self) -> bytes:
        """The bytes of the message."""
        sum_byte = bytes((checksum(self.data),)) if self.kind in ("WSF", "RQF", "DAT") else b""
        return Frame(OPS[self.kind], self.channel, SUPERJX_FORMAT, self.data + sum_byte).encoded()

    def __str__(self) -> str:
        shown = f" {self.data.decode('ascii', 'replace')!r}" if self.kind in ("WSF", "RQF") else ""
        return f"cartridge transfer {self.kind}{shown}"


def checksum(data: bytes) -> int:
    """What brings the sum of ``data`` to 0 modulo 128."""
    return -sum(data) & 0x7F


def read_transfer(frame: Frame) -> Transfer | str:
    """The message in a frame of operation 40-4F, or why there is none."""
    kind = KINDS.get(frame.op)
    if kind is None:
        return f"operation {frame.op:02X} of the cartridge transfer has no known meaning"
    data = frame.body
    if kind in ("WSF", "RQF", "DAT"):
        if not data:
            return f"{kind} without a checksum"
        data, given = data[:-1], data[-1]
        if reason := _wrong(kind, data):
            return f"{kind}: {reason}"
        if given != checksum(data):
            return f"{kind}: checksum {given:02X}; the bytes give {checksum(data):02X}"
    elif data:
        return f"{kind} with {len(data)} bytes of data; expected none"
    return Transfer(kind=kind, data=data, channel=frame.channel, offset=frame.offset)


def _wrong(kind: TransferKind, data: bytes) -> str:
    if kind == "DAT":
        if len(data) != NIBBLES:
            return f"{len(data)} data bytes; expected {NIBBLES}"
        return "a data byte above 0F among the nibbles" if max(data) > 15 else ""
    if kind in ("WSF", "RQF"):
        if len(data) > LONGEST_NAME:
            return f"a file name of {len(data)} bytes; at most {LONGEST_NAME} are taken"
        return "a file name of more than 7 bits" if data and max(data) > 127 else ""
    return "it has no data" if data else ""

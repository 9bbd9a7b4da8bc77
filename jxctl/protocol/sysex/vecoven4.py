"""Vecoven V4, format 24 (jx_hardware.md 4.10), its bit map worked out from paired captures.

=========  =======================================================  ===========================
message    bytes                                                    evidence
=========  =======================================================  ===========================
APR tone   ``F0 41 38 ch 24 20 gg`` 101 values ``F7``               captured
APR patch  ``F0 41 38 ch 24 30 01`` 53 values ``F7``                captured
IPR        ``F0 41 39 ch 24 lv gg`` number value ``F7``             documented
PGR        ``F0 41 34 ch 24 lv gg nn 00 F7``                        captured
BLD tone   ``F0 41 3A ch 24 20 gg 00 tt`` 78 bytes ``F7``           captured
BLD patch  ``F0 41 3A ch 24 30 gg 00 pp`` 56 bytes ``F7``           captured
request    ``F0 41 3D ch 24 02 01 07 F7``                           documented, firmware 4.19 on
=========  =======================================================  ===========================

A bulk record is 8-bit memory sent as 7-bit data: after each seven bytes comes one with their top
bits, the first byte's in bit 6. A patch is the 48 bytes of every Super JX. A tone is 64 bytes sent
as they are, then eleven bytes of switches. The last byte is a checksum: the sum, modulo 128, of the
bytes before it except each eighth one and the last top bits. It fits all 114 messages of the
capture; no source names it.
"""

from __future__ import annotations

from jxctl.errors import ToneError
from jxctl.protocol.bank import AnyTone
from jxctl.protocol.patch import BULK_SIZE, SUPERJX, Patch
from jxctl.protocol.sysex.bits import BitMap, Evidence, Slice
from jxctl.protocol.sysex.family import Bulk, Family
from jxctl.protocol.sysex.frame import SUPERJX_FORMAT
from jxctl.protocol.sysex.mks70 import read_patch_record, write_patch_record
from jxctl.protocol.vecoven_tone import BY_IPR, RECORD_SIZE, TONE_V4, ToneV4

REQUEST = bytes((0x02, 0x01, 0x07))
"""Body of the edit-buffer request, operation 3D."""

TONE_SIZE, PATCH_SIZE = RECORD_SIZE, 55
_PLAIN = 64

# Eleven bytes of switches follow the plain ones: eight-bit bytes, lowest bits first, each value's
# high bits. Bytes 71 and 76 hold the top bits of 64-70 and 72-75.
_SWITCHES: dict[int, tuple[tuple[str, int], ...]] = {
    64: (("DCO1 RANGE", 2), ("DCO1 WF", 2), ("DCO2 RANGE", 2), ("DCO2 WF", 2)),
    65: (("DCO XMOD", 2), ("DCO1 DYNA", 2), ("DCO2 DYNA", 2), ("MIX DYNA", 2)),
    66: (("DCO1 LFO SOURCE", 2), ("DCO2 LFO SOURCE", 2), ("PWM1 LFO SOURCE", 2), ("PWM2 LFO SOURCE", 2)),
    67: (("PWM1 DYNA", 2), ("PWM2 DYNA", 2), ("LFO1 SYNC", 2), ("LFO2 SYNC", 2)),
    68: (("ENV1 KEY", 3), ("ENV2 KEY", 3), ("HPF FREQ", 2)),
    69: (("DCO1 SOURCE", 3), ("DCO2 SOURCE", 3), ("VCA DYNA", 2)),
    70: (("MIX SOURCE", 3), ("VCF SOURCE", 3), ("VCF DYNA", 2)),
    72: (("VCA SOURCE", 3), ("LFO1 WF", 3), ("CHORUS", 2)),
    73: (("LFO2 WF", 3), ("ENV3 KEY", 3), ("UNKNOWN 94", 2)),
    74: (("PWM1 SOURCE", 3), ("PWM2 SOURCE", 3), ("UNKNOWN 97", 2)),
    75: (("ENV4 KEY", 3), ("UNKNOWN 99", 3), ("UNKNOWN 100", 2)),
}
_TOP_BITS = {71: range(64, 71), 76: range(72, 76)}

# Bits, as masks by value, that no pair of the captures settles: they never change in the 42 tones
# that stand in both, or not by themselves. Their place follows from the order of all the others.
_UNVERIFIED: dict[str, int] = {
    "LFO2 DELAY": 0x7F,
    "ENV1 T1": 0x7F,
    "ENV2 T1": 0x7F,
    "ENV2 L1": 0x7F,
    "ENV2 T2": 0x7F,
    "ENV2 L2": 0x7F,
    "ENV2 T3": 0x7F,
    "ENV2 L3": 0x7F,
    "UNKNOWN 62": 0x7F,
    "UNKNOWN 63": 0x7F,
    "DCO1 DYNA": 0x20,
    "DCO2 DYNA": 0x20,
    "DCO1 LFO SOURCE": 0x60,
    "DCO2 LFO SOURCE": 0x60,
    "PWM1 LFO SOURCE": 0x60,
    "PWM2 LFO SOURCE": 0x60,
    "PWM1 DYNA": 0x60,
    "PWM2 DYNA": 0x60,
    "LFO1 SYNC": 0x60,
    "LFO2 SYNC": 0x60,
    "ENV1 KEY": 0x70,
    "ENV2 KEY": 0x70,
    "DCO1 SOURCE": 0x70,
    "DCO2 SOURCE": 0x70,
    "MIX SOURCE": 0x40,
    "VCF SOURCE": 0x40,
    "VCA SOURCE": 0x70,
    "LFO1 WF": 0x30,
    "LFO2 WF": 0x70,
    "ENV3 KEY": 0x40,
    "UNKNOWN 94": 0x60,
    "PWM1 SOURCE": 0x70,
    "PWM2 SOURCE": 0x70,
    "UNKNOWN 97": 0x60,
    "ENV4 KEY": 0x40,
    "UNKNOWN 99": 0x70,
    "UNKNOWN 100": 0x60,
}


def _switch_slices() -> list[Slice]:
    found = []
    for byte, held in _SWITCHES.items():
        bit = 0
        for name, width in held:
            for n in range(width):
                value_bit = 7 - width + n
                evidence: Evidence = "inferred" if _UNVERIFIED.get(name, 0) >> value_bit & 1 else "captured"
                place = (byte, bit) if bit < 7 else _top_bit(byte)
                found.append(Slice(TONE_V4.row(name).number, *place, 1, value_bit, evidence))
                bit += 1
    return found


def _top_bit(byte: int) -> tuple[int, int]:
    """Where the eighth bit of a byte is sent: the byte of top bits, and its bit."""
    holder, group = next((holder, group) for holder, group in _TOP_BITS.items() if byte in group)
    return holder, group[-1] - byte


def _plain_slices() -> list[Slice]:
    return [
        Slice(n, n, evidence="inferred" if TONE_V4.rows[n].name in _UNVERIFIED else "captured")
        for n in range(_PLAIN)
    ]


TONE_BITS = BitMap(RECORD_SIZE, len(TONE_V4), (*_plain_slices(), *_switch_slices()))
"""The bulk record of a tone, as sent, without its checksum."""


def checksum(data: bytes) -> int:
    """The last byte of a bulk record, from the bytes before it."""
    return sum(byte for n, byte in enumerate(data[:-1]) if n % 8 != 7) & 0x7F


def _read_tone(values: bytes) -> ToneV4:
    return ToneV4(values)


def _write_tone(tone: AnyTone) -> bytes:
    assert isinstance(tone, ToneV4)
    return tone.values


def _read_bulk_tone(data: bytes) -> ToneV4:
    values, rest = TONE_BITS.unpack(data)
    return ToneV4(values, rest if any(rest) else b"")


def _write_bulk_tone(tone: AnyTone) -> bytes:
    assert isinstance(tone, ToneV4)
    return TONE_BITS.pack(tone.values, tone.rest)


def unpack_top_bits(data: bytes) -> bytes:
    """8-bit bytes from groups of up to seven and the byte that holds their top bits."""
    record = bytearray()
    for start in range(0, len(data), 8):
        *group, tops = data[start : start + 8]
        record += bytes(byte | (tops >> (len(group) - 1 - n) & 1) << 7 for n, byte in enumerate(group))
    return bytes(record)


def pack_top_bits(record: bytes) -> bytes:
    """The reverse of `unpack_top_bits`."""
    data = bytearray()
    for start in range(0, len(record), 7):
        group = record[start : start + 7]
        data += bytes(byte & 0x7F for byte in group)
        data.append(sum((byte >> 7) << (len(group) - 1 - n) for n, byte in enumerate(group)))
    return bytes(data)


def _read_bulk_patch(data: bytes) -> Patch:
    record = unpack_top_bits(data)
    if pack_top_bits(record) != data:
        raise ToneError("a top bit is set for a byte that is not there")
    assert len(record) == BULK_SIZE
    return read_patch_record(record)


def _write_bulk_patch(patch: Patch) -> bytes:
    return pack_top_bits(write_patch_record(patch))


VECOVEN4 = Family(
    name="vecoven4",
    format=SUPERJX_FORMAT,
    apr=0x38,
    ipr=0x39,
    tone_type=ToneV4,
    tone_size=len(TONE_V4),
    read_tone=_read_tone,
    write_tone=_write_tone,
    patch_family="superjx",
    patch_sizes=(53,),
    tone_numbers=frozenset(BY_IPR),
    patch_numbers=frozenset(range(len(SUPERJX))),
    pgr_sizes=(2,),
    bulk=Bulk(
        op=0x3A,
        tone_size=TONE_SIZE,
        patch_size=PATCH_SIZE,
        read_tone=_read_bulk_tone,
        write_tone=_write_bulk_tone,
        read_patch=_read_bulk_patch,
        write_patch=_write_bulk_patch,
        checksum=checksum,
    ),
)

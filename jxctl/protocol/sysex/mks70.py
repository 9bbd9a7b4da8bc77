"""MKS-70 and Vecoven V3, format 24 (jx_hardware.md 4.2, 4.5-4.7).

=========  =========================================================  =====================
message    bytes                                                      evidence
=========  =========================================================  =====================
APR tone   ``F0 41 35 ch 24 20 gg`` 59 values ``F7``                  documented
APR patch  ``F0 41 35 ch 24 30 01`` 51 or 53 values ``F7``            documented (51), captured (53)
IPR        ``F0 41 36 ch 24 lv gg`` number value ``F7``               documented
PGR        ``F0 41 34 ch 24 lv gg nn 00 F7``                          captured
BLD patch  ``F0 41 37 ch 24 30 gg 00 pp`` 96 nibbles ``F7``           captured
BLD tone   ``F0 41 37 ch 24 20 gg 00 tt`` 59 values ``F7``            captured
=========  =========================================================  =====================

``gg`` of a tone is 01 upper (A), 02 lower (B); of a bulk dump 01 internal, 02 cartridge. Nibbles
go high first. A MKS-70 cannot be asked for a dump; it is started on the panel.
"""

from __future__ import annotations

from jxctl.errors import ToneError
from jxctl.protocol.patch import BULK_SIZE, SUPERJX, Patch
from jxctl.protocol.sysex.bits import BitMap, Slice
from jxctl.protocol.sysex.family import Bulk, Family
from jxctl.protocol.sysex.frame import SUPERJX_FORMAT, from_nibbles, to_nibbles
from jxctl.protocol.sysex.jx8p import write_tone
from jxctl.protocol.tone import RECORD_SIZE, Tone

PATCH_SLOTS, TONE_SLOTS = 64, 50
"""Patches and tones in the internal memory, and in a bulk dump of it."""

# name of the value, byte, lowest bit, width, lowest bit of the value; bytes count from the name
_BITS: tuple[tuple[str, int, int, int, int], ...] = (
    *((f"NAME {n + 1}", n, 0, 7, 0) for n in range(18)),
    ("BALANCE", 18, 0, 7, 0), ("BEND RANGE", 18, 7, 1, 5),
    ("DUAL DETUNE", 19, 0, 7, 0),
    ("UPPER SPLIT", 20, 0, 7, 0), ("KEY MODE", 20, 7, 1, 1),
    ("LOWER SPLIT", 21, 0, 7, 0), ("KEY MODE", 21, 7, 1, 0),
    ("PORTA TIME", 22, 0, 7, 0),
    ("TOTAL VOLUME", 23, 0, 7, 0),
    ("AFTER VIB", 24, 0, 7, 0), ("KEY MODE HIGH", 24, 7, 1, 1),
    ("AFTER BRI", 25, 0, 7, 0), ("KEY MODE HIGH", 25, 7, 1, 0),
    ("AFTER VOL", 26, 0, 7, 0), ("BEND RANGE", 26, 7, 1, 6),
    ("UPPER TONE", 27, 0, 7, 0), ("UPPER HOLD", 27, 7, 1, 0),
    ("UPPER SHIFT", 28, 0, 7, 0),
    ("UPPER UNISON DETUNE", 29, 0, 7, 0),
    ("UPPER LFO DEPTH", 30, 0, 7, 0), ("UPPER PORTA SW", 30, 7, 1, 0),
    ("UPPER BENDER SW", 31, 0, 1, 0),
    ("LOWER TONE", 32, 0, 7, 0), ("LOWER HOLD", 32, 7, 1, 0),
    ("LOWER SHIFT", 33, 0, 7, 0),
    ("LOWER UNISON DETUNE", 34, 0, 7, 0),
    ("LOWER LFO DEPTH", 35, 0, 7, 0), ("LOWER PORTA SW", 35, 7, 1, 0),
    ("LOWER BENDER SW", 36, 0, 1, 0),
    ("CHASE LEVEL", 37, 0, 7, 0), ("CHASE MODE", 37, 7, 1, 1),
    ("CHASE TIME", 38, 0, 7, 0), ("CHASE MODE", 38, 7, 1, 0),
    ("UPPER ASSIGN", 39, 5, 3, 0),
    ("LOWER ASSIGN", 40, 5, 3, 0),
    ("CHASE", 45, 7, 1, 0),
    ("BEND RANGE HIGH", 47, 0, 1, 0),
)  # fmt: skip


def _slices() -> tuple[Slice, ...]:
    found = [
        Slice(SUPERJX.row(name).number, byte, bit, width, value_bit)
        for name, byte, bit, width, value_bit in _BITS
    ]
    # A shift is an 8-bit signed number here and a 7-bit one in other messages.
    for name, byte in (("UPPER SHIFT", 28), ("LOWER SHIFT", 33)):
        found.append(Slice(SUPERJX.row(name).number, byte, 7, 1, 6, copy=True))
    return tuple(found)


PATCH_BITS = BitMap(BULK_SIZE, len(SUPERJX), _slices())
"""The 48-byte patch record of every Super JX, V4 too: 64 of 64 paired V4 patches agree with it."""

# Bits no value claims, as every patch of the MKS-70 capture has them or most do: 41-46 are filler,
# bit 4 of both key assigns is always set.
FILLER = bytes(39) + bytes((0x10, 0x10, 0x80, 0x80, 0x7F, 0x7F, 0x27, 0x04, 0x00))


def read_patch_record(record: bytes) -> Patch:
    """A patch from the 48 bytes; the bits no value claims go to its ``rest``."""
    values, rest = PATCH_BITS.unpack(record)
    return Patch(values, rest)


def write_patch_record(patch: Patch) -> bytes:
    """The 48 bytes of a Super JX patch, with `FILLER` where its rest is empty."""
    return PATCH_BITS.pack(patch.values, patch.rest or FILLER)


def _read_bulk_patch(data: bytes) -> Patch:
    record = from_nibbles(data)
    if record is None:
        raise ToneError("a data byte above 0F among the nibbles")
    return read_patch_record(record)


def _write_bulk_patch(patch: Patch) -> bytes:
    return to_nibbles(write_patch_record(patch))


MKS70 = Family(
    name="mks70",
    format=SUPERJX_FORMAT,
    apr=0x35,
    ipr=0x36,
    tone_type=Tone,
    tone_size=RECORD_SIZE,
    read_tone=Tone.from_record,
    write_tone=write_tone,
    patch_family="superjx",
    patch_sizes=(53, 51),
    tone_numbers=frozenset(range(RECORD_SIZE)),
    patch_numbers=frozenset(range(len(SUPERJX))),
    pgr_sizes=(2, 3),
    bulk=Bulk(0x37, RECORD_SIZE, 96, Tone.from_record, write_tone, _read_bulk_patch, _write_bulk_patch),
)

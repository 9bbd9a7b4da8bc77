"""JX-8P, format 21: Roland's owner's manual, MIDI implementation (jx_hardware.md 4.4).

=========  ===================================================================  ==========
message    bytes                                                                evidence
=========  ===================================================================  ==========
APR tone   ``F0 41 35 ch 21 20 01`` 59 values ``F7``                            documented
IPR tone   ``F0 41 36 ch 21 20 01`` (number 00-3A, value), one or more ``F7``   documented
APR patch  ``F0 41 35 ch 21 30 gg`` 9 values ``F7``                             documented
IPR patch  ``F0 41 36 ch 21 30 01`` (number 00-08, value), one or more ``F7``   documented
PGR        ``F0 41 34 ch 21 20 01 xx pp ff F7``; 00 pp 02 writes to slot pp     documented
=========  ===================================================================  ==========

The instrument answers nothing and cannot be asked for anything.
"""

from __future__ import annotations

from jxctl.protocol.bank import AnyTone
from jxctl.protocol.sysex.family import Family
from jxctl.protocol.sysex.frame import JX8P_FORMAT
from jxctl.protocol.tone import RECORD_SIZE, Tone

SLOTS = 32
"""Tones in the internal memory and on a cartridge."""

WRITE, MANUAL = b"\x00\x02", b"\x7f\x00"
"""First and last data byte of a PGR: store the edit buffer in the slot between; manual-mode flag."""


def write_tone(tone: AnyTone) -> bytes:
    """The 59 bytes of a stock tone."""
    assert isinstance(tone, Tone)
    return tone.record


JX8P = Family(
    name="jx8p",
    format=JX8P_FORMAT,
    apr=0x35,
    ipr=0x36,
    tone_type=Tone,
    tone_size=RECORD_SIZE,
    read_tone=Tone.from_record,
    write_tone=write_tone,
    patch_family="jx8p",
    patch_sizes=(9,),
    tone_numbers=frozenset(range(RECORD_SIZE)),
    patch_numbers=frozenset(range(9)),
    pgr_sizes=(3,),
)

"""What makes two tones the same sound: the values that matter, without name and slot.

A switch's raw value says only in which position it stands, so that raw 0 and raw 31 of DCO1 RANGE are one
value. The name, byte 10 and the slot are no part of a sound. A tone of Vecoven's V4 firmware that a
stock tone can say without loss is that stock tone.
"""

from __future__ import annotations

from bisect import bisect_right

from jxctl.protocol.bank import AnyTone
from jxctl.protocol.parameters import TONE_PARAMETERS
from jxctl.protocol.rows import Row
from jxctl.protocol.tone import NAME_SIZE, Tone
from jxctl.protocol.vecoven_tone import TONE_V4, ToneV4, to_stock

_STOCK, _V4 = b"S", b"V"
_CLASSES = tuple(p.classes for p in TONE_PARAMETERS)


def sound_key(tone: AnyTone) -> bytes:
    """Bytes that are equal for tones that sound the same: positions of switches, raw values of levels.

    Args:
        tone: of either family.

    Returns:
        One letter for the kind, and a byte a parameter: 49 bytes for a stock tone, 91 for one of V4 that
        no stock tone equals.

    Examples:
        >>> from jxctl.protocol.tone import INIT_TONE
        >>> sound_key(INIT_TONE.with_values({"DCO1 RANGE": 33})) == sound_key(INIT_TONE.named("OTHER"))
        True
    """
    if isinstance(tone, Tone):
        return _STOCK + bytes(classes[raw] for classes, raw in zip(_CLASSES, tone.values, strict=True))
    stock, lost = to_stock(tone)
    if not lost:
        return sound_key(stock)
    rows = TONE_V4.rows[NAME_SIZE + 1 :]
    return _V4 + bytes(_position(row, tone.values[row.number]) for row in rows)


def _position(row: Row, raw: int) -> int:
    """The position of a switch; the raw value of a level."""
    return bisect_right(row.starts, raw) - 1 if row.kind == "bins" else raw


def stock_of(tone: AnyTone) -> Tone:
    """The tone as a stock board plays it: of a V4 tone the nearest stock tone."""
    return tone if isinstance(tone, Tone) else to_stock(tone)[0]


def record_of(tone: AnyTone) -> bytes:
    """Every byte of a tone, name and meaningless bits included: 59 of a stock tone, 101 or 178 of V4."""
    return tone.record if isinstance(tone, Tone) else tone.values + tone.rest


def from_record(record: bytes) -> AnyTone:
    """A tone from the bytes of `record_of`. Raises `ToneError` for another number of bytes."""
    size = len(TONE_V4.rows)
    return ToneV4(record[:size], record[size:]) if len(record) >= size else Tone.from_record(record)

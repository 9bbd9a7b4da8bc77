"""Between two tones."""

from __future__ import annotations

import math

from jxctl.errors import UsageError
from jxctl.protocol.parameters import TONE_PARAMETERS
from jxctl.protocol.tone import Tone

_UNKNOWN = "UNKNOWN"


def morph(a: Tone, b: Tone, amount: float) -> Tone:
    """The tone ``amount`` of the way (0 to 1) from ``a`` to ``b``.

    Levels move in a straight line, rounded to the nearest raw value. Switches cannot stand between
    their positions: they flip at one half, and so do the name and what nobody understands. 0 gives
    ``a`` and 1 gives ``b``, exactly. Raises `UsageError` for another amount.
    """
    if not 0 <= amount <= 1:
        raise UsageError(f"the amount is {amount:g}; expected 0 to 1")
    nearer = b if amount >= 0.5 else a
    values = bytearray(nearer.values)
    for p in TONE_PARAMETERS:
        if p.kind == "level" and p.group != _UNKNOWN:
            start, end = a.values[p.column], b.values[p.column]
            values[p.column] = math.floor(start + (end - start) * amount + 0.5)
    return Tone(bytes(values), nearer.name_bytes, nearer.byte_10)

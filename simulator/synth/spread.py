"""Component spread: six voices are six slightly different synths. Off unless a profile says otherwise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.synth.profile import Profile
from simulator.synth.seeds import IntArray, signed

_FIRST = 301
_KINDS = ("cutoff", "resonance", "envelope", "gain", "pulse_width", "hpf")


def deviation(profile: Profile, kind: str, seeds: IntArray) -> NDArray[np.float64]:
    """How far each voice is off: float64[N], within plus and minus the law ``spread_KIND``.

    ``seeds``: int64[N], one a voice (or, for a part common to them, of its board).
    """
    amount = profile.constant(f"spread_{kind}")
    if amount == 0:
        return np.zeros(len(seeds))
    return amount * signed(seeds, _FIRST + _KINDS.index(kind))

"""Whether what was heard is a sound that is known to the sample, only later.

For virtual boards behind real ports: nothing on a one-way bus tells that a byte was damaged on its way,
but the simulator knows what the tone of the label sounds like.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jxctl.audio.capture import Audio

ALIKE_DB = -60.0
"""A difference this far below the sound is none. One step of a level changes a sound by -42 dB."""
ABOVE_NOISE_DB = 6.0
"""Nor is one that is this near the noise floor."""

_SEARCH_S = 0.25
_SHORTEST_S = 0.01


def difference_db(
    heard: Audio, renders: NDArray[np.float32], sample_rate: int, onset_s: float
) -> float | None:
    """How far what was heard is from the nearest render, in dB below it; None when it cannot be told.

    ``heard``: float32[samples]. ``renders``: float32[K, samples], from the key on; all begin alike and may
    end differently. ``onset_s``: when the sound begins in ``heard``.
    """
    x, y = np.asarray(heard, np.float64), np.asarray(renders, np.float64)
    if min(x.size, y.shape[1]) < _SHORTEST_S * sample_rate or not y.any():
        return None
    begins, most = round(onset_s * sample_rate), round(_SEARCH_S * sample_rate)
    return min(_difference_db(x, each, begins, most) for each in y)


def limit_db(peak_dbfs: float, floor_dbfs: float) -> float:
    """From where on a difference counts: `ALIKE_DB`, or the noise under a sound of that peak."""
    return max(ALIKE_DB, floor_dbfs + ABOVE_NOISE_DB - (peak_dbfs - _CREST_DB))


_CREST_DB = 15.0
"""A sound's RMS may be so far below its peak (assumed: a decaying note)."""


def _difference_db(x: NDArray[np.float64], y: NDArray[np.float64], begins: int, most: int) -> float:
    """What a render leaves of a recording where it fits best, around where each begins."""
    # Each render by itself: with the lag of a shorter one, a longer sound would be found later than it is.
    lag = _lag(x, y, begins, most)
    # Before the render begins there is silence, and anything that was heard there is a difference.
    before = x[: max(0, lag)]
    x = np.concatenate([np.zeros(max(0, -lag)), x[max(0, lag) :]])
    count = min(x.size, y.size)
    power = float(np.sum(np.square(y[:count])))
    left = float(np.sum(np.square(x[:count] - y[:count])) + np.sum(np.square(before)))
    return 10 * float(np.log10((left + 1e-16) / (power + 1e-16)))


def _lag(x: NDArray[np.float64], y: NDArray[np.float64], begins: int, most: int) -> int:
    """By how many samples ``x`` is later than ``y``; at most ``most`` from where each begins."""
    size = 1 << int(np.ceil(np.log2(x.size + y.size)))
    alike = np.fft.irfft(np.fft.rfft(x, size) * np.conj(np.fft.rfft(y, size)), size)
    own = int(np.argmax(np.abs(y) > 1e-3 * np.abs(y).max()))
    # A later lag is negative at the end of a circle.
    lags = np.arange(begins - own - most, begins - own + most + 1)
    lags = lags[(lags > -y.size) & (lags < x.size)]
    return int(lags[np.argmax(alike[lags % size])]) if lags.size else 0

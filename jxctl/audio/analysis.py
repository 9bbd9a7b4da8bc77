"""The pitch of a steady sound: enough to tell whether the note that was asked for was played.

McLeod and Wyvill's normalised square difference ("A smarter way to find pitch", 2005): how well a
sound agrees with itself, one period later. Where it hardly agrees there is no clear pitch.
"""

from __future__ import annotations

from typing import overload

import numpy as np
from numpy.typing import NDArray

LOWEST_HZ = 20.0
HIGHEST_HZ = 5000.0
CLEAR = 0.9
"""Agreement, -1 to 1, from which a pitch is believed (assumed)."""

_WINDOW_S = 0.2
# The first period that agrees nearly as well as the best one: later ones are its multiples.
_NEARLY = 0.93


def pitch_hz(audio: NDArray[np.float32], sample_rate: int) -> float | None:
    """The pitch of the loudest 0.2 s of ``audio``, float32[samples], in Hz; None when it has no clear one.

    Pitches are looked for from `LOWEST_HZ` to `HIGHEST_HZ`, and only where a window holds two periods.
    """
    x = _loudest(np.asarray(audio, np.float64), round(_WINDOW_S * sample_rate))
    x = x - x.mean() if x.size else x
    shortest = max(2, int(sample_rate / HIGHEST_HZ))
    longest = min(int(sample_rate / LOWEST_HZ), x.size // 2)
    energy = float(x @ x)
    if longest <= shortest + 2 or energy == 0:
        return None
    agreement = _agreement(x, longest + 1)
    # Peaks are looked for after the first descent below zero, so that lag zero is none.
    below = np.flatnonzero(agreement < 0)
    start = max(shortest, int(below[0])) if below.size else longest
    inner = agreement[start : longest + 1]
    if inner.size < 3:
        return None
    peaks = 1 + np.flatnonzero((inner[1:-1] >= inner[:-2]) & (inner[1:-1] > inner[2:]))
    if not peaks.size or inner[peaks].max() < CLEAR:
        return None
    lag = start + int(peaks[inner[peaks] >= _NEARLY * inner[peaks].max()][0])
    return float(sample_rate / (lag + _summit(agreement[lag - 1 : lag + 2])))


@overload
def hz_to_mel(hz: float) -> float: ...
@overload
def hz_to_mel(hz: NDArray[np.float64]) -> NDArray[np.float64]: ...
def hz_to_mel(hz: float | NDArray[np.float64]) -> float | NDArray[np.float64]:
    """Convert frequencies to the mel scale by O'Shaughnessy's formula, as HTK does.

    Args:
        hz: frequencies in Hz, float or float64[...], from 0.

    Returns:
        ``2595 log10(1 + hz / 700)`` in mel, of the same shape.

    Examples:
        >>> round(hz_to_mel(1000.0), 2)
        999.99
    """
    mel = 2595 * np.log10(1 + np.asarray(hz) / 700)
    return float(mel) if mel.ndim == 0 else np.asarray(mel)


@overload
def mel_to_hz(mel: float) -> float: ...
@overload
def mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]: ...
def mel_to_hz(mel: float | NDArray[np.float64]) -> float | NDArray[np.float64]:
    """Convert from the mel scale to frequencies: the inverse of `hz_to_mel`.

    Args:
        mel: places on the mel scale, float or float64[...], from 0.

    Returns:
        ``700 (10 ** (mel / 2595) - 1)`` in Hz, of the same shape.

    Examples:
        >>> round(mel_to_hz(hz_to_mel(440.0)), 6)
        440.0
    """
    hz = 700 * (10 ** (np.asarray(mel) / 2595) - 1)
    return float(hz) if hz.ndim == 0 else np.asarray(hz)


def cents(heard_hz: float, asked_hz: float) -> float:
    """How far ``heard_hz`` is above ``asked_hz``, octaves left out: -600 to 600 cents."""
    return float((1200 * np.log2(heard_hz / asked_hz) + 600) % 1200 - 600)


def _loudest(x: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """The stretch of ``size`` samples with the most energy, on a grid of quarters of it."""
    if x.size <= size:
        return x
    energy = np.concatenate([[0.0], np.cumsum(np.square(x))])
    starts = np.arange(0, x.size - size + 1, max(1, size // 4))
    best = int(starts[np.argmax(energy[starts + size] - energy[starts])])
    return x[best : best + size]


def _agreement(x: NDArray[np.float64], lags: int) -> NDArray[np.float64]:
    """2 sum x[i] x[i+lag] / sum (x[i]^2 + x[i+lag]^2), for lags from 0: float64[lags]."""
    padded = 1 << int(np.ceil(np.log2(x.size + lags)))
    spectrum = np.fft.rfft(x, padded)
    product = np.fft.irfft(np.square(np.abs(spectrum)), padded)[:lags]
    energy = np.concatenate([[0.0], np.cumsum(np.square(x))])
    lag = np.arange(lags)
    power = energy[x.size - lag] + energy[x.size] - energy[lag]
    return np.asarray(2 * product / np.maximum(power, 1e-30))


def _summit(three: NDArray[np.float64]) -> float:
    """Where a parabola through three values has its top, from the middle one: -0.5 to 0.5."""
    left, middle, right = (float(value) for value in three)
    bend = left - 2 * middle + right
    return 0.0 if bend == 0 else float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5))

"""What an ear would say of a sound, as numbers: plain NumPy, nothing of the simulator.

Every function takes one sound, float[samples] at `RATE`, and returns one number, or a track over time.
"""

from __future__ import annotations

import numpy as np

RATE = 44100
_FRAME = 441


def loudness(audio: np.ndarray) -> float:
    """RMS in dB of full scale."""
    return float(20 * np.log10(np.sqrt(np.mean(np.asarray(audio, float) ** 2)) + 1e-9))


def part(audio: np.ndarray, start_s: float, end_s: float) -> np.ndarray:
    """A stretch of a sound."""
    return audio[round(start_s * RATE) : round(end_s * RATE)]


def levels(audio: np.ndarray) -> np.ndarray:
    """RMS of each hundredth of a second."""
    frames = audio[: len(audio) // _FRAME * _FRAME].reshape(-1, _FRAME).astype(float)
    return np.sqrt(np.mean(frames**2, axis=1))


def cents(audio: np.ndarray, times: np.ndarray | None = None) -> np.ndarray:
    """Pitch at each hundredth of a second (or at ``times``) in cents above 1 Hz.

    From one rising zero crossing to the next, so the sound has to be nearly a sine.
    """
    audio = np.asarray(audio, float)
    at = np.flatnonzero((audio[:-1] < 0) & (audio[1:] >= 0))
    crossings = (at + audio[at] / (audio[at] - audio[at + 1])) / RATE
    hz = 1 / np.diff(crossings)
    if times is None:
        times = np.arange(0.02, len(audio) / RATE - 0.02, 0.01)
    return np.interp(times, (crossings[1:] + crossings[:-1]) / 2, 1200 * np.log2(hz))


def pitch(audio: np.ndarray) -> float:
    """Pitch in semitones above 1 Hz: the median of `cents`."""
    return float(np.median(cents(audio)) / 100)


def vibrato_cents(audio: np.ndarray) -> float:
    """How far the pitch swings to either side."""
    low, high = np.percentile(cents(audio), [2, 98])
    return float(high - low) / 2


def turns(track: np.ndarray) -> float:
    """How often a track passes its middle upwards, a second."""
    middle = (np.min(track) + np.max(track)) / 2
    return float(np.sum((track[:-1] < middle) & (track[1:] >= middle)) / (0.01 * len(track)))


def squareness(track: np.ndarray) -> float:
    """RMS over peak of a swing: 0.58 for a triangle, 0.71 for a sine, 1 for a square."""
    swing = track - np.median([track.min(), track.max()])
    return float(np.sqrt(np.mean(swing**2)) / np.abs(swing).max())


def regularity(track: np.ndarray, period_s: float) -> float:
    """Correlation of a track with itself a period later."""
    lag = round(period_s / 0.01)
    return float(np.corrcoef(track[:-lag], track[lag:])[0, 1])


def seconds_until(track: np.ndarray, share: float) -> float:
    """When a track has come a ``share`` of the way from its first value to the one farthest from it."""
    way = np.abs(track - track[0])
    return float(0.01 * np.argmax(way >= share * way.max()))


def seconds_at_half(track: np.ndarray) -> float:
    """For how long a track is above the middle between its smallest and its largest value."""
    return float(0.01 * np.sum(track > (track.min() + track.max()) / 2))


def brightness(audio: np.ndarray) -> float:
    """Centre of the power spectrum in octaves above 1 Hz."""
    power = np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) ** 2
    hz = np.fft.rfftfreq(len(audio), 1 / RATE)
    inside = hz > 20
    return float(np.log2(np.sum(power[inside] * hz[inside]) / (np.sum(power[inside]) + 1e-30)))


def brightnesses(audio: np.ndarray, every_s: float = 0.05) -> np.ndarray:
    """`brightness` of each twentieth of a second."""
    size = round(every_s * RATE)
    return np.array([brightness(audio[k : k + size]) for k in range(0, len(audio) - size + 1, size)])


def partial_db(audio: np.ndarray, hz: float, number: int, against: int = 1) -> float:
    """Level of a partial against another one's, in dB; ``hz`` is the first one's frequency."""
    time = np.arange(len(audio)) / RATE
    window = np.blackman(len(audio))
    first, other = (
        abs(np.sum(audio * window * np.exp(-2j * np.pi * hz * k * time))) for k in (against, number)
    )
    return float(20 * np.log10((other + 1e-9) / (first + 1e-9)))


def off_grid_db(audio: np.ndarray, hz: float) -> float:
    """Power that lies on no multiple of ``hz``, against all power, in dB."""
    power = np.abs(np.fft.rfft(audio * np.blackman(len(audio)))) ** 2
    place = np.fft.rfftfreq(len(audio), 1 / RATE)
    off = np.abs(place - np.rint(place / hz) * hz) > 12
    inside = (place > 20) & (place < 8000)
    return float(10 * np.log10(np.sum(power[off & inside]) / np.sum(power[inside]) + 1e-12))


def flatness(audio: np.ndarray) -> float:
    """Geometric over arithmetic mean of the power from 100 Hz to 5 kHz: 0.56 for noise, less for tones."""
    power = np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) ** 2
    hz = np.fft.rfftfreq(len(audio), 1 / RATE)
    power = power[(hz > 100) & (hz < 5000)] + 1e-20
    return float(np.exp(np.mean(np.log(power))) / np.mean(power))


def width(left: np.ndarray, right: np.ndarray) -> float:
    """0 for the same sound on both sides, 1 for two that have nothing in common."""
    if np.array_equal(left, right):
        return 0.0
    return float(1 - np.corrcoef(left, right)[0, 1])

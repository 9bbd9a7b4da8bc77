"""Measurements on audio, shared by the physics tests: plain NumPy, nothing of the simulator."""

from __future__ import annotations

import numpy as np

from jxctl.protocol.tone import Tone


def amplitude(audio: np.ndarray, hz: float, sample_rate: float) -> float:
    """Amplitude of the component at ``hz``, through a Blackman-Harris window."""
    t = np.arange(len(audio))
    window = blackman_harris(len(audio))
    turn = np.exp(-2j * np.pi * hz / sample_rate * t)
    return float(2 * abs(np.sum(audio * window * turn)) / window.sum())


def spectrum_db(audio: np.ndarray, sample_rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies (Hz) and level (dB, a full-scale sine is 0) of a stretch of audio."""
    window = blackman_harris(len(audio))
    level = 2 * np.abs(np.fft.rfft(audio * window)) / window.sum()
    return np.fft.rfftfreq(len(audio), 1 / sample_rate), 20 * np.log10(level + 1e-12)


def blackman_harris(n: int) -> np.ndarray:
    """Side lobes under -92 dB."""
    x = 2 * np.pi * np.arange(n) / n
    return 0.35875 - 0.48829 * np.cos(x) + 0.14128 * np.cos(2 * x) - 0.01168 * np.cos(3 * x)


def db(ratio: np.ndarray | float) -> np.ndarray | float:
    """Amplitude ratio in dB."""
    return 20 * np.log10(ratio)


def bilinear_lowpass(hz: np.ndarray, cutoff_hz: float, damping: float, sample_rate: float) -> np.ndarray:
    """|H| of thesis eq. 4.9 after the bilinear transform prewarped at the cutoff."""
    warped = np.tan(np.pi * np.asarray(hz) / sample_rate) / np.tan(np.pi * cutoff_hz / sample_rate)
    return np.abs(1 / (1 - warped**2 + 2j * damping * warped))


def analogue_lowpass(hz: np.ndarray, cutoff_hz: float, damping: float) -> np.ndarray:
    """|H| of thesis eq. 4.9."""
    ratio = np.asarray(hz) / cutoff_hz
    return np.abs(1 / (1 - ratio**2 + 2j * damping * ratio))


def one(**changes: int | str) -> np.ndarray:
    """A batch of one: the plain sawtooth tone with changes (``DCO1_WF="square"``)."""
    tone = Tone.init().with_values({name.replace("_", " "): value for name, value in changes.items()})
    return np.frombuffer(tone.values, np.uint8)[None]

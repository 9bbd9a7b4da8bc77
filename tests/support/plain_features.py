"""Log-mel spectrograms written plainly, in float64: window after window, filter after filter."""

from __future__ import annotations

import numpy as np

from simulator.features import SAMPLE_RATE, MelSettings


def edges_hz(settings: MelSettings) -> np.ndarray:
    """Where the triangular filters begin, peak and end: float64[bands + 2]."""
    ends = (settings.low_hz, settings.high_hz)
    mel = np.linspace(*(2595 * np.log10(1 + hz / 700) for hz in ends), settings.bands + 2)
    return np.asarray(700 * (10 ** (mel / 2595) - 1))


def log_mel(audio: np.ndarray, settings: MelSettings) -> np.ndarray:
    """dB under each sound's loudest cell, cut at -80: float64[N, bands, frames]."""
    size = settings.window
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    frames = -(-audio.shape[1] // settings.hop)
    padded = np.pad(audio.astype(np.float64), ((0, 0), (size // 2, size + settings.hop)))
    cut = [padded[:, k * settings.hop : k * settings.hop + size] * window for k in range(frames)]
    power = np.abs(np.fft.rfft(np.stack(cut, axis=2), axis=1)) ** 2
    corners = edges_hz(settings)
    hz = np.arange(size // 2 + 1) * SAMPLE_RATE / size
    bands = []
    for low, middle, high in zip(corners, corners[1:], corners[2:], strict=False):
        below, above = max(middle - low, SAMPLE_RATE / size), max(high - middle, SAMPLE_RATE / size)
        weight = np.clip(np.minimum((hz - middle + below) / below, (middle + above - hz) / above), 0, None)
        bands.append(np.einsum("nbf,b->nf", power, weight))
    levels = np.stack(bands, axis=1)
    return np.asarray(np.maximum(10 * np.log10(levels / levels.max(axis=(1, 2), keepdims=True)), -80))


def sine(hz: float, seconds: float = 1.0, level: float = 0.5) -> np.ndarray:
    """A sine, float32[samples]."""
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (level * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def dying_noise() -> np.ndarray:
    """Two sounds whose cells reach from the loudest down past the floor: float32[2, 30001]."""
    rng = np.random.default_rng(5)
    decay = np.geomspace(1, 1e-4, 30001)
    return (rng.standard_normal((2, 30001)) * decay + np.sin(np.arange(30001) * 0.05)).astype(np.float32)

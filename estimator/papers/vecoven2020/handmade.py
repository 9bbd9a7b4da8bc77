"""Features made by hand, in the manner of Itoyama and Okuno (2014), for InverSynth's baselines HC and HC3.

InverSynth describes them in a paragraph: 32 numbers a frame, seven with their derivatives, 57 statistics over
25 stretches of time, 319,200 numbers, then PCA to 1,000. Here the 32 a frame are kept; of derivatives the
first one, of statistics 14, over five stretches (the whole sound and its quarters): 4,480 numbers, then PCA
to 1,000 (`estimator.papers.vecoven2020.reduced`). The paper's full set would be 1.3 MB a sound.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from jxctl.audio.analysis import hz_to_mel, mel_to_hz

PER_FRAME = 32
STATISTICS = 14
STRETCHES = (slice(0, 256), slice(0, 64), slice(64, 128), slice(128, 192), slice(192, 256))
SIZE = 2 * PER_FRAME * STATISTICS * len(STRETCHES)

_TINY = 1e-6
_HZ_A_BIN = 32.0


def features(slow: NDArray[np.float32], power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Float32[N, 4480] of sounds at 16,384 Hz, float32[N, 65536], and their spectra, power[N, 256, 257]."""
    frames = per_frame(slow, power)
    moved = np.concatenate((frames, np.gradient(frames, axis=1)), axis=2)
    return np.concatenate([statistics(moved[:, part]) for part in STRETCHES], axis=1).astype(np.float32)


def per_frame(slow: NDArray[np.float32], power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Float32[N, 256, 32]: log energy of eight bands; zero crossings; centroid, width, rolloff (85 %) and
    flux of the spectrum; its loudest and quietest tenth and their contrast, in decades; 12 MFCC; the first
    four harmonics of 440 Hz.
    """
    logs = np.log10(power + _TINY)
    bands = np.stack([part.mean(axis=2) for part in np.array_split(logs, 8, axis=2)], axis=2)
    signs = np.signbit(slow)
    crossings = np.diff(signs, axis=1, append=signs[:, -1:]).reshape(len(slow), 256, 256).mean(axis=2)
    total = power.sum(axis=2) + _TINY
    bins = np.arange(power.shape[2], dtype=np.float32) / power.shape[2]
    centroid = power @ bins / total
    width = np.sqrt(np.maximum(power @ np.square(bins) / total - np.square(centroid), 0))
    rolloff = (np.cumsum(power, axis=2) < 0.85 * total[:, :, None]).mean(axis=2)
    flux = np.abs(np.diff(logs, axis=1, prepend=logs[:, :1])).mean(axis=2)
    tenth = power.shape[2] // 10
    ordered = np.partition(logs, (tenth, -tenth), axis=2)
    quiet, loud = ordered[:, :, :tenth].mean(axis=2), ordered[:, :, -tenth:].mean(axis=2)
    single = np.stack((crossings, centroid, width, rolloff, flux, loud, quiet, loud - quiet), axis=2)
    filters, cosines = _mel()
    mfcc = np.log10(power @ filters + _TINY) @ cosines
    places = [round(440 * k / _HZ_A_BIN) for k in (1, 2, 3, 4)]
    harmonics = np.log10(np.stack([power[:, :, p - 1 : p + 2].sum(axis=2) for p in places], axis=2) + _TINY)
    return np.concatenate((bands, single, mfcc, harmonics), axis=2).astype(np.float32)


def statistics(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Float32[N, 14 * F] of frames, float32[N, T, F]: mean, deviation, skewness, least and greatest with
    their places (0 to 1), median, tenth and ninetieth percentile, and the first four cosines over time.
    """
    length = frames.shape[1]
    mean, deviation = frames.mean(axis=1), frames.std(axis=1)
    away = (frames - mean[:, None]) / (deviation[:, None] + _TINY)
    ordered = np.sort(frames, axis=1)
    low, middle, high = (ordered[:, round(q * (length - 1))] for q in (0.1, 0.5, 0.9))
    turns = np.cos(np.pi * np.outer(np.arange(1, 5), np.arange(length) + 0.5) / length) / length
    cosines = np.einsum("kt,ntf->nkf", turns.astype(np.float32), frames)
    parts = (
        mean, deviation, (away**3).mean(axis=1), ordered[:, 0], ordered[:, -1],
        frames.argmin(axis=1) / length, frames.argmax(axis=1) / length, middle, low, high,
        *np.moveaxis(cosines, 1, 0),
    )  # fmt: skip
    return np.concatenate(parts, axis=1).astype(np.float32)


@functools.cache
def _mel() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """24 triangular mel filters over 257 bins, float32[257, 24], and 12 cosines over them, float32[24,
    12]."""
    hz = np.arange(257) * _HZ_A_BIN
    edges = mel_to_hz(np.linspace(0, hz_to_mel(8192), 26))
    rising = (hz[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - hz[:, None]) / np.diff(edges)[1:]
    filters = np.clip(np.minimum(rising, falling), 0, None)
    cosines = np.cos(np.pi * np.outer(np.arange(24) + 0.5, np.arange(12)) / 24) / 24
    return filters.astype(np.float32), cosines.astype(np.float32)

"""How far two sounds are apart, in four measures that the leaderboards use.

All take sounds of one length at 44.1 kHz and give one number a sound, float64[N], smaller is nearer, 0 for
equal sounds. Levels are matched first, by RMS, in every measure: the level of a recording says nothing of
the tone. The log-mel L1 that candidates are ranked by is `features.log_mel_distance`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import fft

from estimator.network.inputs import mel_power, relative_db
from jxctl.audio.analysis import rms_frames
from simulator.features import MelSettings, log_mel_distance

SCALES = (
    MelSettings(window=441, hop=220, bands=32),
    MelSettings(window=1102, hop=551, bands=64),
    MelSettings(window=4410, hop=2205, bands=128),
)
"""Windows of 10, 25 and 100 ms, half overlapping, with 32, 64 and 128 mel bands from 30 Hz to 16 kHz."""

CEPSTRA = MelSettings(window=2048, hop=1024, bands=128)
COEFFICIENTS = 20
ENVELOPE_WINDOW, ENVELOPE_HOP = 882, 441
"""20 ms every 10 ms."""


@dataclass(frozen=True)
class Distances:
    """The measures of N sounds from a target, float64[N] each, in order: dB, dB, MFCC units, share."""

    log_mel: NDArray[np.float64]
    multi_scale: NDArray[np.float64]
    warped_mfcc: NDArray[np.float64]
    envelope: NDArray[np.float64]


def distances(audio: np.ndarray, target: np.ndarray) -> Distances:
    """All four, of ``audio``, float32[N, samples], from ``target``, float32[samples]."""
    return Distances(
        log_mel_distance(audio, target),
        multi_scale(audio, target),
        warped_mfcc(audio, target),
        envelope(audio, target),
    )


def multi_scale(audio: np.ndarray, target: np.ndarray) -> NDArray[np.float64]:
    """Multi-scale spectral distance: the mean over `SCALES` of the mean absolute difference of log-mel
    spectrograms, dB, all cells counting, each spectrogram relative to the target's loudest cell of that scale
    and cut 80 dB below it (windows and bands as in Hayes et al. 2025; levels matched by RMS)."""
    levels = _matched(audio, target)
    total = np.zeros(len(levels))
    for settings in SCALES:
        goal = mel_power(torch.as_tensor(np.asarray(target, np.float32)[None]), settings)
        loudest = goal.max().clamp_min(1e-12)
        for k, sound in enumerate(levels):
            own = mel_power(torch.as_tensor(sound[None]), settings)
            total[k] += float((_decibels(own, loudest) - _decibels(goal, loudest)).abs().mean())
    return total / len(SCALES)


def warped_mfcc(audio: np.ndarray, target: np.ndarray) -> NDArray[np.float64]:
    """wMFCC: the least mean cost of a path that warps one sound's cepstra onto the other's.

    Cepstra: coefficients 0 to 19 of the orthonormal DCT-II over 128 log-mel bands (dB relative to each
    sound's loudest cell, cut 80 dB below), windows of 2048 samples every 1024. The cost of a pair of frames
    is the mean absolute difference of its 20 coefficients. Dynamic time warping takes steps (1,0), (0,1),
    (1,1), of weight one, from first to last frames; the path's cost is divided by its number of pairs.
    """
    goal = _cepstra(np.asarray(target, np.float32)[None])[0]
    return np.array([_warped(_cepstra(sound[None])[0], goal) for sound in np.asarray(audio, np.float32)])


def envelope(audio: np.ndarray, target: np.ndarray) -> NDArray[np.float64]:
    """RMS-envelope distance: the mean absolute difference of RMS in windows of 20 ms every 10 ms, levels
    matched, divided by the mean of the target's envelope; 0.1 means off by a tenth of it on average."""
    goal = rms_frames(np.asarray(target, np.float32), ENVELOPE_WINDOW, ENVELOPE_HOP)
    own = rms_frames(_matched(audio, target), ENVELOPE_WINDOW, ENVELOPE_HOP)
    return np.asarray(np.abs(own - goal).mean(axis=1) / max(float(goal.mean()), 1e-9))


def _matched(audio: np.ndarray, target: np.ndarray) -> NDArray[np.float32]:
    """Sounds with the RMS of the target; silence stays."""
    audio = np.asarray(audio, np.float32)
    rms = np.sqrt(np.mean(np.square(audio, dtype=np.float64), axis=1))
    goal = np.sqrt(np.mean(np.square(target, dtype=np.float64)))
    gain = np.where(rms > 1e-9, goal / np.maximum(rms, 1e-9), 0)
    return np.asarray(audio * gain[:, None], np.float32)


def _decibels(power: torch.Tensor, loudest: torch.Tensor) -> torch.Tensor:
    return 10 * torch.log10((power / loudest).clamp_min(1e-8))


def _cepstra(audio: NDArray[np.float32]) -> NDArray[np.float64]:
    """MFCCs, float64[N, frames, 20]."""
    levels = relative_db(mel_power(torch.as_tensor(audio), CEPSTRA)).numpy().astype(np.float64)
    return np.asarray(fft.dct(levels, axis=1, norm="ortho")[:, :COEFFICIENTS].transpose(0, 2, 1))


def _warped(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Cost per pair of the cheapest path, row by row: sums and lengths of the best paths that end there."""
    cost = np.abs(one[:, None] - other[None]).mean(axis=2)
    rows, columns = cost.shape
    total, length = np.cumsum(cost[0]), np.arange(1.0, columns + 1)
    for i in range(1, rows):
        new, steps = np.empty(columns), np.empty(columns)
        new[0], steps[0] = total[0] + cost[i, 0], length[0] + 1
        for j in range(1, columns):
            best, steps_of = total[j - 1], length[j - 1]
            if total[j] < best:
                best, steps_of = total[j], length[j]
            if new[j - 1] < best:
                best, steps_of = new[j - 1], steps[j - 1]
            new[j], steps[j] = best + cost[i, j], steps_of + 1
        total, length = new, steps
    return float(total[-1] / length[-1])

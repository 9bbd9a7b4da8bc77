"""How answers are measured.

The thesis' measures are the mean squared and mean absolute error of targets between 0 and 1. InverSynth's
(section VI of Barkan et al. 2019), here over 16 evenly spaced values a parameter:

* **MPR**, mean percentile rank: 100 (1 - mean(r / 15)), where r is the number of values that score higher
  than the true one (half of those that score the same). 100 is perfect, 50 chance.
* **top-k**: the share of parameters whose true value is among the k highest scores.
* **MAE** in classes: how many values lie between the highest score and the truth.
* **PCC** and **Frobenius**: the answer is rendered. S is log10(magnitude + 0.001), 256 windows of 512 samples
  at 16,384 Hz by 257 bins; the paper does not say what its logarithm adds. PCC is Pearson's correlation of
  the cells of both S (``pcc_stft``), or of the magnitudes of one Fourier transform of the whole sound
  (``pcc_ft``); Frobenius is the root of the summed squared difference of both S.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from estimator.papers.vecoven2020 import task
from estimator.papers.vecoven2020.networks.inversynth import CLASSES
from estimator.papers.vecoven2020.views import resampled, short_spectra

TOP = (1, 2, 3, 4, 5)
"""The k of top-k, as in the paper."""
_RENDERED_AT_ONCE = 64
"""Answers; chosen."""


def errors(answers: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """``mse`` and ``mae`` of answers, float[N, 26], clipped to 0 to 1; ``mse_interval``: half the width of
    the 95 % interval of ``mse`` over tones (normal approximation).
    """
    away = np.clip(answers, 0, 1).astype(np.float64) - targets
    by_tone = np.square(away).mean(axis=1)
    return {
        "mse": float(by_tone.mean()),
        "mse_interval": interval(by_tone),
        "mae": float(np.abs(away).mean()),
    }


def interval(values: np.ndarray) -> float:
    """Half the width of the 95 % interval of the mean of independent values."""
    return float(1.96 * np.std(values, ddof=1) / np.sqrt(len(values)))


def ranks(scores: np.ndarray, classes: np.ndarray) -> NDArray[np.float64]:
    """How many values score higher than the true one, float64[N, P], equal ones counted half; ``scores``
    float[N, P, 16], ``classes`` int[N, P]."""
    own = np.take_along_axis(scores, classes[..., None], axis=2)
    higher = (scores > own).sum(axis=2)
    equal = (scores == own).sum(axis=2) - 1
    return np.asarray(higher + 0.5 * equal, np.float64)


def rank_measures(scores: np.ndarray, classes: np.ndarray) -> dict[str, float]:
    """``mpr``, ``top1`` to ``top5`` and ``mae_classes``; arguments as `ranks`."""
    rank = ranks(scores, classes)
    return {
        "mpr": float(100 * (1 - (rank / (CLASSES - 1)).mean())),
        **{f"top{k}": float((rank < k).mean()) for k in TOP},
        "mae_classes": float(np.abs(scores.argmax(axis=2) - classes).mean()),
    }


def reconstruction(answers: np.ndarray, tones: np.ndarray) -> dict[str, float]:
    """``pcc_stft``, ``pcc_ft`` (both times 100) and ``frobenius``, means and medians over tones, of answers,
    float[N, 26], rendered beside the true tones, uint8[N, 48]. A silent sound against a sounding one has a
    correlation of 0.
    """
    rows = []
    for first in range(0, len(tones), _RENDERED_AT_ONCE):
        part = slice(first, first + _RENDERED_AT_ONCE)
        true = task.play(tones[part])
        guess = task.play(task.tones_of(answers[part]))
        logs = [
            np.log10(np.sqrt(short_spectra(np.stack([resampled(s) for s in a]))) + 1e-3)
            for a in (true, guess)
        ]
        whole = [np.abs(np.fft.rfft(a)) for a in (true, guess)]
        for k in range(len(true)):
            gap = np.sqrt(np.square(logs[0][k] - logs[1][k], dtype=np.float64).sum())
            rows.append((correlation(logs[0][k], logs[1][k]), correlation(whole[0][k], whole[1][k]), gap))
    columns = np.array(rows).T
    out = {}
    for name, values, scale in zip(("pcc_stft", "pcc_ft", "frobenius"), columns, (100, 100, 1), strict=True):
        out[f"{name}_mean"] = float(values.mean() * scale)
        out[f"{name}_median"] = float(np.median(values) * scale)
    return out


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation of two arrays of one shape; 0 where one of them does not vary, 1 where neither
    does."""
    x, y = (np.asarray(v, np.float64).ravel() - np.mean(v, dtype=np.float64) for v in (a, b))
    size = np.sqrt((x @ x) * (y @ y))
    if size < 1e-12:
        return float(x @ x < 1e-12 and y @ y < 1e-12)
    return float(x @ y / size)

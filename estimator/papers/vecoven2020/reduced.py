"""Inputs of 1,000 numbers for InverSynth's fully connected baselines, learnt from the training tones.

``bag``: a bag of words of spectra (paper section V.A). PCA of the log spectrogram along frequency to 64,
k-means with 1,000 centres over frames, and for each sound the shares of its frames by nearest centre.
``handmade``: PCA of handmade features, each first scaled to mean zero and deviation one. Both are fitted to
at most `FITTED` training tones and then applied to all; the results are standardised by the same tones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from estimator.papers.vecoven2020.networks.inversynth import VECTOR

FITTED = 4096
"""Training tones that are fitted to, at most; chosen."""
_ROUNDS = 10
"""Of Lloyd's algorithm; chosen."""
_PCA = 64
"""Directions along frequency, of 257; chosen."""
_FRAMES_FITTED = 40_000
"""Frames whose centres are looked for, at most; chosen."""
_AT_ONCE = 256
"""Sounds that are reduced at a time; chosen."""


@dataclass(frozen=True)
class Bag:
    """``mean`` [257] and ``axes`` [257, 64] of the PCA; ``centres`` [1000, 64]."""

    mean: torch.Tensor
    axes: torch.Tensor
    centres: torch.Tensor

    @classmethod
    def fit(cls, images: np.ndarray, seed: int = 0, words: int = VECTOR) -> Bag:
        """From log spectrograms, float[N, 64, 257]: Lloyd's algorithm from randomly drawn frames.

        A centre that loses all its frames stays where it is.
        """
        rng = np.random.default_rng(seed)
        frames = torch.from_numpy(np.asarray(images[:FITTED], np.float32)).flatten(0, 1)
        keep = rng.permutation(len(frames))[:_FRAMES_FITTED]
        frames = frames[torch.from_numpy(np.sort(keep))]
        mean = frames.mean(dim=0)
        _, axes = torch.linalg.eigh((frames - mean).T @ (frames - mean))
        axes = axes[:, -_PCA:]
        points = (frames - mean) @ axes
        centres = points[torch.from_numpy(rng.permutation(len(points))[:words])].clone()
        for _ in range(_ROUNDS):
            near = nearest(points, centres)
            counts = torch.bincount(near, minlength=words)
            sums = torch.zeros_like(centres).index_add_(0, near, points)
            centres = torch.where(counts[:, None] > 0, sums / counts.clamp_min(1)[:, None], centres)
        return cls(mean, axes, centres)

    def __call__(self, images: np.ndarray) -> NDArray[np.float32]:
        """Shares of each centre, float32[N, 1000], times 1,000 so that they are about one."""
        words = len(self.centres)
        out = np.empty((len(images), words), np.float32)
        for first in range(0, len(images), _AT_ONCE):
            part = torch.from_numpy(np.asarray(images[first : first + _AT_ONCE], np.float32))
            near = nearest((part.flatten(0, 1) - self.mean) @ self.axes, self.centres).view(len(part), -1)
            for k, row in enumerate(near):
                out[first + k] = torch.bincount(row, minlength=words).numpy() / len(row) * words
        return out


@dataclass(frozen=True)
class Pca:
    """``mean`` and ``deviation`` [F] of the features, ``axes`` [F, size], ``scale`` [size]."""

    mean: torch.Tensor
    deviation: torch.Tensor
    axes: torch.Tensor
    scale: torch.Tensor

    @classmethod
    def fit(cls, features: np.ndarray, size: int = VECTOR) -> Pca:
        """The ``size`` directions in which features, float[N, F], vary most; fewer rows than that leave
        zeros."""
        rows = torch.from_numpy(np.asarray(features[:FITTED], np.float32))
        mean, deviation = rows.mean(dim=0), rows.std(dim=0).clamp_min(1e-6)
        scaled = (rows - mean) / deviation
        # Of the smaller of the two square matrices; both have the same eigenvalues.
        values, vectors = torch.linalg.eigh(scaled @ scaled.T)
        values, vectors = values[-size:].clamp_min(1e-3), vectors[:, -size:]
        axes = scaled.T @ vectors / values.sqrt()
        axes = torch.nn.functional.pad(axes, (0, size - axes.shape[1]))
        scale = torch.nn.functional.pad((values / len(rows)).sqrt(), (0, size - len(values)), value=1.0)
        return cls(mean, deviation, axes, scale.clamp_min(1e-3))

    def __call__(self, features: np.ndarray) -> NDArray[np.float32]:
        """Float32[N, size], each column with deviation one over the fitted tones."""
        parts = []
        for first in range(0, len(features), _AT_ONCE):
            rows = torch.from_numpy(np.asarray(features[first : first + _AT_ONCE], np.float32))
            parts.append(((rows - self.mean) / self.deviation) @ self.axes / self.scale)
        return np.asarray(torch.cat(parts).numpy())


def nearest(points: torch.Tensor, centres: torch.Tensor) -> torch.Tensor:
    """The index of the nearest of the centres, [K, D], for points, [N, D]: int64[N]."""
    half = centres.square().sum(dim=1) / 2
    return torch.cat([(half - part @ centres.T).argmin(dim=1) for part in points.split(8192)])

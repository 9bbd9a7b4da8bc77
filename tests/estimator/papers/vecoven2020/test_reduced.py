"""Bags of words and PCA, against what they are by definition."""

from __future__ import annotations

import numpy as np
import torch

from estimator.papers.vecoven2020.handmade import SIZE, features, statistics
from estimator.papers.vecoven2020.reduced import Bag, Pca, nearest
from estimator.papers.vecoven2020.views import short_spectra


def test_a_bag_counts_the_nearest_of_clusters_that_are_plain_to_see() -> None:
    rng = np.random.default_rng(0)
    kinds = rng.standard_normal((3, 257)) * 5
    which = rng.integers(0, 3, (20, 64))
    images = kinds[which] + rng.standard_normal((20, 64, 257)) * 0.01
    bag = Bag.fit(images, words=30)
    shares = bag(images) / 30
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    # Frames of one kind go to centres that frames of other kinds never go to.
    points = (torch.from_numpy(images.reshape(-1, 257)).float() - bag.mean) @ bag.axes
    words = nearest(points, bag.centres).numpy()
    used = [set(words[which.ravel() == kind]) for kind in range(3)]
    assert not used[0] & used[1]
    assert not used[0] & used[2]
    assert not used[1] & used[2]


def test_pca_gives_the_directions_of_greatest_variance_standardised() -> None:
    rng = np.random.default_rng(1)
    hidden = rng.standard_normal((300, 2)) * (3, 1)
    rows = hidden @ rng.standard_normal((2, 7))
    found = Pca.fit(rows, size=4)(rows)
    assert found.shape == (300, 4)
    np.testing.assert_allclose(found[:, 2:].std(axis=0), 1, atol=0.05)
    scaled = (rows - rows.mean(axis=0)) / rows.std(axis=0, ddof=1)
    _, _, axes = np.linalg.svd(scaled, full_matrices=False)
    assert abs(np.corrcoef(found[:, 3], scaled @ axes[0])[0, 1]) > 0.999
    assert Pca.fit(rows[:3], size=10)(rows).shape == (300, 10)


def test_statistics_of_a_ramp() -> None:
    frames = np.linspace(0, 1, 101, dtype=np.float32).reshape(1, 101, 1)
    mean, deviation, skewness, least, most, first, last, middle, low, high = statistics(frames)[0, :10]
    np.testing.assert_allclose((mean, middle, low, high), (0.5, 0.5, 0.1, 0.9), atol=1e-5)
    assert abs(deviation - np.std(np.linspace(0, 1, 101))) < 1e-5
    assert abs(skewness) < 1e-4
    assert (least, most, first) == (0, 1, 0)
    assert last > 0.98


def test_handmade_features_have_their_size_and_are_finite_for_silence() -> None:
    sounds = np.zeros((2, 65536), np.float32)
    sounds[1] = np.sin(2 * np.pi * 440 * np.arange(65536) / 16384)
    found = features(sounds, short_spectra(sounds))
    assert found.shape == (2, SIZE)
    assert np.isfinite(found).all()
    assert np.abs(found[1] - found[0]).max() > 1

"""Bags of words and PCA, against what they are by definition."""

from __future__ import annotations

import numpy as np
import torch

from estimator.papers.vecoven2020.reduced import Bag, Pca, nearest


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

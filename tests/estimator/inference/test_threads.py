"""Threads of libraries are put away for a while, and come back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from estimator.inference.estimator import Estimator, Played, Recording, torch_on_one_thread
from estimator.inference.search import one_thread


def blas_threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_linear_algebra_has_one_thread_and_then_as_many_as_before() -> None:
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        with one_thread():
            assert blas_threads() == {1}
        assert blas_threads() == before
        with pytest.raises(RuntimeError, match="on the way"), one_thread():
            raise RuntimeError("on the way")
        assert blas_threads() == before


def test_torch_has_one_thread_and_then_as_many_as_before() -> None:
    kept = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with torch_on_one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(kept)


def test_what_is_drawn_does_not_depend_on_threads() -> None:
    audio = np.sin(np.arange(22050) * 0.05).astype(np.float32)
    recordings = [Recording(audio, Played(60, 100, 0.4))]
    estimator = Estimator()
    one, two, other = (
        estimator.propose(recordings, 70, np.random.default_rng(seed), threads=threads)
        for seed, threads in ((4, 1), (4, 2), (5, 2))
    )
    assert one.draws.shape == (70, 44)
    assert np.array_equal(one.draws, two.draws)
    assert all(np.array_equal(a, b) for a, b in zip(one.marginals, two.marginals, strict=True))
    assert not np.array_equal(one.draws, other.draws)
    assert len(np.unique(one.draws, axis=0)) > 35, "both halves say the same"

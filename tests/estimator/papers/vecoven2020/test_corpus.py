"""Corpora: what they hold, that a stopped build goes on, and that another corpus is not overwritten."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from estimator.papers.vecoven2020 import corpus, task
from estimator.papers.vecoven2020.views import SHAPES
from jxctl.errors import UsageError


def test_a_corpus_holds_the_tasks_tones_and_every_view(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus, "PIECE", 4)
    made = corpus.build(tmp_path / "c", 6, 3)
    tones, targets = task.sample(6, np.random.default_rng(3))
    np.testing.assert_array_equal(made.tones, tones)
    np.testing.assert_array_equal(made.targets, targets)
    assert {name: view.shape[1:] for name, view in made.views.items()} == {
        n: s for n, (s, _) in SHAPES.items()
    }
    # The first piece sounds as the task plays it.
    wanted = task.spectrogram(task.play(tones[:4], seed=3 * 1_000_003 % 2**31))
    np.testing.assert_allclose(made.views["spectrogram"][:4], wanted, rtol=2e-3, atol=1e-4)


def test_a_stopped_build_goes_on_and_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "PIECE", 2)
    views = ("spectrogram", "wave")
    whole = corpus.build(tmp_path / "whole", 5, 1, views=views)

    def stop(done: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        corpus.build(tmp_path / "parts", 5, 1, views=views, report=stop)
    seen: list[int] = []
    parts = corpus.build(tmp_path / "parts", 5, 1, views=views, report=seen.append)
    assert seen == [5]
    for name in views:
        np.testing.assert_array_equal(parts.views[name], whole.views[name])


def test_another_corpus_is_refused_and_left_alone(tmp_path: Path) -> None:
    corpus.build(tmp_path, 1, 0, views=("wave",))
    before = sorted((p.name, p.read_bytes()) for p in tmp_path.iterdir())
    with pytest.raises(UsageError, match="another corpus") as caught:
        corpus.build(tmp_path, 2, 0, views=("wave",))
    assert "give another one" in str(caught.value.hint)
    assert sorted((p.name, p.read_bytes()) for p in tmp_path.iterdir()) == before


def test_processes_build_the_same_corpus(tmp_path: Path) -> None:
    views = ("mel", "fine")
    alone = corpus.build(tmp_path / "a", 5, 1, views=views)
    shared = corpus.build(tmp_path / "b", 5, 1, views=views, threads=2)
    for name in views:
        assert np.array_equal(alone.views[name], shared.views[name])

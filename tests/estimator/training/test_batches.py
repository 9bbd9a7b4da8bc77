"""The order in which a run hears its batches: fresh ones in turn, old ones again, anywhere to begin."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estimator.training.synthetic import LAG, Batch, batches, number_heard
from estimator.training.train import TrainSettings, train


def numbered(number: int) -> Batch:
    """A batch that is its number."""
    return cast(Batch, number)


def heard(first: int, steps: int, hearings: int, workers: int = 0) -> list[Any]:
    return list(batches(numbered, first, steps, hearings, workers))


@given(st.integers(1, 4), st.integers(1, 400))
def test_a_run_hears_what_its_steps_say(hearings: int, steps: int) -> None:
    assert heard(0, steps, hearings) == [number_heard(step, hearings) for step in range(steps)]


@given(st.integers(1, 4), st.integers(1, 300), st.data())
def test_it_goes_on_anywhere(hearings: int, steps: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, steps))
    assert heard(first, steps, hearings) == heard(0, steps, hearings)[first:]


@given(st.integers(1, 4), st.integers(0, 5000))
def test_nothing_is_heard_before_it_is_made_or_long_after(hearings: int, step: int) -> None:
    number = number_heard(step, hearings)
    assert 0 <= number <= step // hearings
    assert step // hearings - number <= (hearings - 1) * LAG


def test_each_is_heard_so_often() -> None:
    """But for those at both ends of a run."""
    counts = Counter(heard(0, 3 * 500, 3))
    assert {counts[number] for number in range(2 * LAG * 3, 500 - 2 * LAG)} == {3}


def test_processes_make_the_same_in_the_same_order() -> None:
    assert heard(5, 40, 2, workers=2) == heard(5, 40, 2)


def test_a_run_ends_by_the_clock_with_its_learning_rate_down(tmp_path: Path) -> None:
    settings = TrainSettings(tones=8 * 100_000, batch=8, width=16, validation=64, every=50_000, warm_up=1,
                             minutes=0.05)  # fmt: skip
    history = train(tmp_path, settings)
    assert 0 < history["step"] < 10_000
    assert history["seconds"] >= 3
    assert (tmp_path / "model.safetensors").exists()
    assert train(tmp_path, settings) == history  # it is over


def test_a_run_with_workers_gives_the_same_weights(tmp_path: Path) -> None:
    settings = TrainSettings(tones=24, batch=8, width=16, validation=64, every=3, warm_up=1, hearings=2)
    alone, shared = train(tmp_path / "a", settings), train(tmp_path / "b", settings, workers=2)
    assert alone["loss"] == pytest.approx(shared["loss"], abs=1e-4)

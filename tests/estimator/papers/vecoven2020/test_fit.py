"""Training: a stopped run ends as an uninterrupted one, it learns, and it keeps to its folder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from estimator.papers.vecoven2020.entries import (
    BINARY,
    BY_NAME,
    ENTRIES,
    SQUARED,
    Entry,
    adam,
    classes_of,
    muon,
)
from estimator.papers.vecoven2020.fit import Data, FitSettings, fit
from jxctl._files import FolderLock
from jxctl.errors import JxError, UsageError


class Small(nn.Sequential):
    """A network with dropout over ten numbers."""

    def __init__(self, outputs: int) -> None:
        first, last = nn.Linear(10, 32), nn.Linear(32, outputs)
        super().__init__(first, nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 32), nn.ReLU(), last)

    def hidden_layers(self) -> list[nn.Module]:
        return [self[3]]


def small(kind=SQUARED, outputs: int = 26, optimisers=adam) -> Entry:
    return Entry("small", "test", ("numbers",), lambda: Small(outputs), kind, optimisers=optimisers)


def data(count: int, seed: int) -> Data:
    """Targets that follow from the first of ten numbers."""
    numbers = np.random.default_rng(seed).random((count, 10)).astype(np.float32)
    return Data({"numbers": numbers}, np.repeat(numbers[:, :1], 26, axis=1))


SETTINGS = FitSettings(samples=480, batch=16, learning_rate=1e-2, warm_up=3, points=4)


@pytest.mark.parametrize("optimisers", [adam, muon])
def test_a_stopped_run_ends_as_an_uninterrupted_one(tmp_path: Path, optimisers) -> None:
    training, validation = data(96, 0), data(40, 1)
    entry = small(optimisers=optimisers)
    whole = fit(tmp_path / "whole", entry, SETTINGS, training, validation)
    for points in (1, 3):
        fit(tmp_path / "parts", entry, SETTINGS, training, validation, pause_after=points)
        assert not (tmp_path / "parts" / "result.json").exists()
    torch.manual_seed(99)
    parts = fit(tmp_path / "parts", entry, SETTINGS, training, validation)
    assert parts["curve"] == whole["curve"]
    said = [np.load(tmp_path / run / "answers.npz")["answers"] for run in ("whole", "parts")]
    np.testing.assert_array_equal(*said)
    assert len(whole["curve"]) == 4
    assert whole["curve"][-1]["samples"] == 480


@pytest.mark.parametrize("optimisers", [adam, muon])
def test_it_learns_and_the_last_point_is_the_answers_error(tmp_path: Path, optimisers) -> None:
    training, validation = data(400, 0), data(100, 1)
    entry = small(optimisers=optimisers)
    result = fit(tmp_path, entry, replace(SETTINGS, samples=4800), training, validation)
    answers = np.load(tmp_path / "answers.npz")["answers"]
    error = np.square(answers - validation.targets).mean()
    assert result["curve"][-1]["validation_mse"] == pytest.approx(float(error))
    assert error < 0.3 * validation.targets.var()
    assert fit(tmp_path, entry, replace(SETTINGS, samples=4800), training, validation) == result


def test_muon_moves_the_hidden_matrices_and_adam_the_rest() -> None:
    model = BY_NAME["pitched band, Muon"].make()
    rest, matrices = (
        {id(weight) for group in one.param_groups for weight in group["params"]} for one in muon(model, 1e-3)
    )
    assert not rest & matrices
    assert rest | matrices == {id(weight) for weight in model.parameters()}
    named = {name for name, weight in model.named_parameters() if id(weight) in matrices}
    assert {"moving.squeeze.0.weight", "moving.lstm.weight_hh_l1", "overview.1.weight"} <= named
    assert not named & {"moving.queries", "weight", "moving.steady.layers.3.weight", "overview.3.weight"}
    with pytest.raises(TypeError, match="Linear"):
        muon(nn.Linear(2, 2), 1e-3)


def test_every_tone_is_seen_once_before_any_comes_again(tmp_path: Path) -> None:
    from estimator.papers.vecoven2020.fit import _orders

    rows = np.concatenate(list(_orders(FitSettings(samples=96, batch=16), 48, 0)))
    assert np.bincount(rows[:48], minlength=48).tolist() == [1] * 48
    assert np.bincount(rows, minlength=48).tolist() == [2] * 48
    assert rows[:48].tolist() != rows[48:].tolist()


def test_another_run_is_refused_and_left_alone(tmp_path: Path) -> None:
    training, validation = data(32, 0), data(8, 1)
    fit(tmp_path, small(), replace(SETTINGS, samples=32), training, validation)
    before = json.loads((tmp_path / "settings.json").read_text())
    with pytest.raises(UsageError, match=r"a run with another samples$") as caught:
        fit(tmp_path, small(), replace(SETTINGS, samples=64), training, validation)
    assert "give another directory" in str(caught.value.hint)
    assert json.loads((tmp_path / "settings.json").read_text()) == before


def test_a_second_process_is_kept_out_of_a_run(tmp_path: Path) -> None:
    """Two would write each other's checkpoints over, as `estimator.training.train` says too."""
    lock = FolderLock(tmp_path)
    with pytest.raises(JxError, match="another process is training in"):
        fit(tmp_path, small(), SETTINGS, data(32, 0), data(8, 1))
    lock.release()
    fit(tmp_path, small(), replace(SETTINGS, samples=32), data(32, 0), data(8, 1))


def test_a_damaged_checkpoint_says_what_to_do(tmp_path: Path) -> None:
    training, validation = data(96, 0), data(40, 1)
    fit(tmp_path, small(), SETTINGS, training, validation, pause_after=1)
    (tmp_path / "latest.pt").write_bytes(b"no checkpoint")
    with pytest.raises(UsageError, match="damaged") as caught:
        fit(tmp_path, small(), SETTINGS, training, validation)
    assert "remove it" in str(caught.value.hint)


def test_inversynths_loss_and_answer() -> None:
    """Of 16 outputs a parameter one should be on; the answer is the mean of the values under the sigmoids."""
    targets = torch.tensor([[0.0, 1.0, 0.52] + [0.0] * 23])
    assert classes_of(targets)[0, :3].tolist() == [0, 15, 8]
    logits = torch.full((1, 26, 16), -20.0)
    logits[0, torch.arange(26), classes_of(targets)[0]] = 20.0
    assert float(BINARY.loss(logits.flatten(1), targets)) == pytest.approx(0, abs=1e-6)
    even = torch.zeros(1, 416)
    assert float(BINARY.loss(even, targets)) == pytest.approx(np.log(2))
    assert BINARY.answer(even)[0].tolist() == pytest.approx([0.5] * 26)
    assert BINARY.answer(logits.flatten(1))[0, :3].tolist() == pytest.approx([0, 1, 8 / 15], abs=1e-4)


def test_the_papers_entries_take_part() -> None:
    names = [entry.name for entry in ENTRIES]
    assert len(set(names)) == len(names) == len({entry.slug for entry in ENTRIES})
    thesis = {"cnn1", "cnn2", "cnn3", "lstm1", "lstm2", "lstm3", "lcnn1", "lcnn2"}
    inversynth = {f"Conv{k}" for k in range(1, 7)} | {
        "Conv6XL", "ConvE2E", "FC Linear", "FC1", "FC2", "FC3", "HC", "HC3",
    }  # fmt: skip
    assert thesis | inversynth <= set(BY_NAME)
    assert all(BY_NAME[name].views == ("spectrogram",) for name in thesis)

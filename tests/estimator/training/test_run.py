"""A run's folder: settings that differ are named, and checkpoints of older forms continue a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from estimator.training.run import claimed, restore, save
from jxctl.errors import UsageError

CPU = torch.device("cpu")


def trained() -> tuple[nn.Linear, torch.optim.Optimizer]:
    """A network one step behind its beginning, and the optimiser that made it."""
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.1)
    model(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    return model, optimiser


def fresh(rate: float = 0.1) -> tuple[nn.Linear, torch.optim.Optimizer]:
    model = nn.Linear(3, 2)
    return model, torch.optim.Adam(model.parameters(), lr=rate)


def test_a_checkpoint_brings_back_weights_and_optimiser_but_not_the_rate_of_its_step(tmp_path: Path) -> None:
    model, optimiser = trained()
    optimiser.param_groups[0]["lr"] = 0.07
    save(tmp_path, model, [optimiser], 5, {"loss": 1.5})
    other, its = fresh()
    assert restore(tmp_path, other, [its], CPU) == (5, {"loss": 1.5})
    assert torch.equal(other.weight, model.weight)
    assert torch.equal(its.state[other.weight]["exp_avg"], optimiser.state[model.weight]["exp_avg"])
    assert its.param_groups[0]["lr"] == 0.1


@pytest.mark.parametrize(
    ("history", "wanted"),
    [
        ({"history": {"step": 7, "seconds": 3.0}}, {"step": 7, "seconds": 3.0}),
        ({"seconds": 2.0, "curve": [{"samples": 16}]}, {"seconds": 2.0, "curve": [{"samples": 16}]}),
    ],
)
def test_checkpoints_of_older_forms_continue_a_run(
    tmp_path: Path, history: dict[str, Any], wanted: dict[str, Any]
) -> None:
    """Before there was one loop: one ``optimiser`` with a rate named ``most``, or a curve beside a list."""
    model, optimiser = trained()
    optimiser.param_groups[0]["most"] = 0.1
    state = optimiser.state_dict()
    old = {"model": model.state_dict(), "step": 7, **history}
    old |= {"optimisers": [state]} if "curve" in history else {"optimiser": state}
    torch.save(old, tmp_path / "latest.pt")
    other, its = fresh()
    assert restore(tmp_path, other, [its], CPU) == (7, wanted)
    assert torch.equal(other.weight, model.weight)


def test_a_folder_without_a_checkpoint_has_nothing_to_go_on_from(tmp_path: Path) -> None:
    model, optimiser = fresh()
    assert restore(tmp_path, model, [optimiser], CPU) is None


def test_all_settings_that_differ_are_named(tmp_path: Path) -> None:
    with claimed(tmp_path, {"a": 1, "b": 2, "c": 3}):
        pass
    wanted = {"a": 2, "b": 2, "c": 4}
    with pytest.raises(UsageError, match=r"a run with another a, c$"), claimed(tmp_path, wanted):
        pass


def test_a_setting_that_a_folder_is_older_than_has_its_default(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(json.dumps({"a": 1}))
    with claimed(tmp_path, {"a": 1, "new": 0}, {"new": 0}):
        pass
    with pytest.raises(UsageError, match="another new"), claimed(tmp_path, {"a": 1, "new": 1}, {"new": 0}):
        pass

"""Fixtures of the tests of `jxctl`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from jxctl.dataset_writer import Writer
from jxctl.rig import Rig, Take
from jxctl.synth import Synth


@pytest.fixture(scope="session")
def fakes() -> ModuleType:
    """The module ``fake_rig.py``: a board that can be heard, whose every sample is known."""
    if "fake_rig" not in sys.modules:
        spec = importlib.util.spec_from_file_location("fake_rig", Path(__file__).with_name("fake_rig.py"))
        assert spec is not None
        assert spec.loader is not None
        sys.modules["fake_rig"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["fake_rig"])
    return sys.modules["fake_rig"]


@pytest.fixture
def take(fakes: ModuleType) -> Take:
    """A short take of the fake board."""
    port = fakes.FakePort()
    return Rig(Synth(port), port).take(fakes.numbered_tone(5), 69, 100, gate_s=0.05, max_seconds=0.1)


@pytest.fixture
def three(take: Take, tmp_path: Path) -> Path:
    """A data set of three takes."""
    with Writer(tmp_path / "set") as data_set:
        for index in range(3):
            data_set.append(index, take, seed=4)
    return tmp_path / "set"

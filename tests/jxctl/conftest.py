"""Fixtures of the tests of `jxctl`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import fake_rig
import odd_rigs
import pytest

from jxctl.dataset.take import Take
from jxctl.dataset.writer import Writer
from jxctl.ports.client import Synth
from jxctl.recording.rig import Rig

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def fakes() -> ModuleType:
    """The module `fake_rig`: a board that can be heard, whose every sample is known."""
    return fake_rig


@pytest.fixture
def odd(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run ``jx ARGUMENTS`` in ``tmp_path`` as a program that has the ports ``odd:KIND`` (`odd_rigs`)."""
    surroundings = os.environ | {"PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(tmp_path)}
    surroundings["NO_COLOR"] = "1"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, odd_rigs.__file__, *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=False, timeout=300
        )

    return run


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

"""Fixtures of the tests of `jxctl`."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType

import fake_rig
import odd_rigs
import pytest

from jxctl.dataset.take import Take
from jxctl.dataset.writer import Writer
from jxctl.ports.client import Synth
from jxctl.recording.rig import Rig

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def fakes() -> ModuleType:
    """The module `fake_rig`: a board that can be heard, whose every sample is known."""
    return fake_rig


@pytest.fixture
def odd(program: Run) -> Run:
    """Run ``jx ARGUMENTS`` in ``tmp_path`` as a program that has the ports ``odd:KIND`` (`odd_rigs`)."""
    return partial(program, odd_rigs.__file__)


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

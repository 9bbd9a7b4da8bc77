"""Fixtures of the tests of `jxctl`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


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

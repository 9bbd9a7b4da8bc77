"""Profiles and tones for measuring one block at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jxctl.tone import Tone
from simulator import load_profile

OPEN = """
name = "open"
base = "superjx"
[laws.cv_slew]
form = "constant"
value = 0
unit = "s"
evidence = "assumed"
source = "test: control voltages step"
[laws.voice_gain]
form = "constant"
value = 1
unit = "gain"
evidence = "assumed"
source = "test: full scale"
"""


@pytest.fixture
def open_profile(tmp_path: Path):
    """superjx without slew and at unity gain."""
    path = tmp_path / "open.toml"
    path.write_text(OPEN)
    return load_profile(path)


def one(**changes: int | str) -> np.ndarray:
    """A batch of one: the plain sawtooth tone with changes (``DCO1_WF="square"``)."""
    tone = Tone.init().with_values({name.replace("_", " "): value for name, value in changes.items()})
    return np.frombuffer(tone.values, np.uint8)[None]

"""A profile for measuring one block at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.synth import Profile, load_profile

OPEN = """
name = "open"
base = "{base}"
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
def open_profile(tmp_path: Path) -> Profile:
    """superjx without slew and at unity gain."""
    return _open(tmp_path, "superjx")


@pytest.fixture
def open_thesis(tmp_path: Path) -> Profile:
    """thesis without slew and at unity gain."""
    return _open(tmp_path, "thesis")


def _open(folder: Path, base: str) -> Profile:
    path = folder / f"open_{base}.toml"
    path.write_text(OPEN.format(base=base))
    return load_profile(path)

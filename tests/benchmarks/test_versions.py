"""Checkouts side by side: each renders with its own code, and other samples are noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import versions

TONES = "def tones_of(variant, batch):\n    return None, None\n"
SIMULATOR = "SAMPLE_RATE = 100\nfrom .render import empty, render\n"
RENDER = """
import numpy as np

def empty(shape):
    return np.empty(shape, np.float32)

def render(tones, notes, velocity, gate, seconds, *, threads, stereo, out):
    assert threads == 1 and out.shape[1:] == ((2, 400) if stereo else (400,))
    out[:] = {level}
"""


def checkout(folder: Path, level: float) -> Path:
    """A folder whose simulator holds one level."""
    files = {"benchmarks/peers/run_jx.py": TONES, "simulator/__init__.py": SIMULATOR}
    # Without them the benchmarks of an installed checkout would be found.
    files |= {"benchmarks/__init__.py": "", "benchmarks/peers/__init__.py": ""}
    for name, text in (files | {"simulator/render.py": RENDER.format(level=level)}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_equal_samples_and_others(tmp_path: Path) -> None:
    before, after, other = (checkout(tmp_path / str(n), level) for n, level in enumerate((0.5, 0.5, 0.25)))
    alike = versions.measure([before, after], [2], 1)
    assert len(alike) == len(versions.VARIANTS) + 1  # the chorus in mono and in stereo
    assert all(found["same"] and found["best"] == found["median"] for found in alike.values())
    assert not any(found["same"] for found in versions.measure([before, other], [2], 1).values())


def test_a_checkout_that_cannot_render_is_named(tmp_path: Path) -> None:
    broken = checkout(tmp_path / "broken", 0.5)
    (broken / "simulator" / "render.py").write_text("raise SystemExit(3)\n")
    with pytest.raises(RuntimeError, match=r"broken stopped"):
        versions.measure([broken], [2], 1)
    with pytest.raises(SystemExit, match=r"elsewhere holds no simulator"):
        versions.Checkout(tmp_path / "elsewhere")

"""Every group of parameters has a figure, and the page shows it."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from jxctl.protocol.parameters import PARAMETERS
from tools.docs.figures.groups import FIGURES, drawn, path_of

ROOT = Path(__file__).resolve().parents[1]
PNG = b"\x89PNG\r\n\x1a\n"


def test_every_group_with_a_known_meaning_has_a_figure() -> None:
    assert set(FIGURES) == {row.group for row in PARAMETERS} - {"UNKNOWN"}


@pytest.mark.parametrize("group", FIGURES)
def test_a_figure_is_small_and_on_the_page(group: str) -> None:
    content = path_of(group).read_bytes()
    assert content.startswith(PNG)
    width, height = struct.unpack(">II", content[16:24])
    assert (400 <= width <= 1200, 250 <= height <= 500) == (True, True)
    assert len(content) < 60_000
    page = (ROOT / "docs/figures.md").read_text("utf-8")
    assert re.search(rf"^## {group}$", page, re.MULTILINE)
    assert f"](figures/{group.lower()}.png)" in page


def test_no_figure_is_left_over() -> None:
    assert set((ROOT / "docs/figures").iterdir()) == {path_of(group) for group in FIGURES}


def test_a_figure_can_be_drawn() -> None:
    assert drawn("HPF").startswith(PNG)


def test_an_unknown_group_is_named() -> None:
    command = [sys.executable, "-m", "tools.docs.figures", "WOBBLE"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "no figure is called WOBBLE" in result.stderr
    assert "DCO-1" in result.stderr

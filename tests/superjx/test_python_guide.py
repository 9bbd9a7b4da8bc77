"""docs/python.md: its code blocks run, one after the other, and print what stands below them."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest

import superjx

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/python.md").read_text("utf-8")
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
BLOCKS = BLOCK.findall(PAGE)


def test_every_block_is_seen() -> None:
    assert len(BLOCKS) == PAGE.count("```python\n") > 10
    assert sum(bool(text) for _, text in BLOCKS) == PAGE.count("```text\n") == len(BLOCKS)


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    names: dict[str, Any] = {"__name__": "guide"}
    for code, expected in BLOCKS:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "docs/python.md", "exec"), names)
        assert printed.getvalue() == expected, code


def test_every_name_of_the_front_door_is_on_the_page() -> None:
    listed = set(re.findall(r"`(\w+)`", PAGE[PAGE.index("## All names") :]))
    assert set(superjx.__all__) - {"__version__"} <= listed

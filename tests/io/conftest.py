"""A running ``jx board``, and the JACK server to reach it through."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jack_server import jack

__all__ = ["jack"]

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CONNECT = "connect to "


class Board:
    """A running ``jx board``: ``url`` to open, `type` a line to it, `end` for what it holds."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.dump = folder / "held.json"
        command = [sys.executable, "-m", "jxctl", "board", *options, "--dump", str(self.dump)]
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        assert line.startswith(CONNECT), line + self.process.stderr.read()
        self.url = line.removeprefix(CONNECT).partition(" (")[0]

    def type(self, line: str) -> None:
        """Type a line, as a player on the panel."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self) -> dict[str, Any]:
        """Press Ctrl-C; what it held."""
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, err
        assert "Traceback" not in err
        assert "received" in out
        held: dict[str, Any] = json.loads(self.dump.read_text())
        assert [path.name for path in self.dump.parent.glob("held*")] == ["held.json"]
        return held


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what happens in real time between programs, which is all here that runs any."""
    for item in items:
        if item.path.parent == HERE and item.path.name != "test_fault_proxy.py":
            item.add_marker("slow")


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Callable[..., Board]]:
    """Start ``jx board OPTIONS``; whatever happens, it ends with the test."""
    running: list[Board] = []

    def start(*options: str) -> Board:
        running.append(Board(tmp_path, *options))
        return running[-1]

    yield start
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()

"""The way of a tone through a render and of a recording through a guess: few files, never up the layers."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import flow
import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
ROOT = flow.ROOT
RECORDING = ROOT / "examples" / "soundfont_brass_D4.flac"

# A render went through 27 files before they were merged and a guess from a file through 41, counted as here.
MOST_FILES = {"render": 13, "guess": 27}  # of these one compiles ahead, which did not exist before
MOST_KERNELS = {"render": 6, "guess": 6}
"""Files of compiled functions on the way, which call each other unseen."""


@pytest.mark.parametrize("way", ["render", "guess"])
def test_the_way_is_short_and_never_goes_up(program: Run, way: str) -> None:
    done = program(flow.__file__, way, *([RECORDING] if way == "guess" else []))
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert "simulator/synth/render.py" in seen["files"]
    assert len(seen["files"]) <= MOST_FILES[way], "\n".join(seen["files"])
    assert "simulator/synth/_kernel.py" in seen["compiled"]
    assert len(seen["compiled"]) <= MOST_KERNELS[way], "\n".join(seen["compiled"])
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    (layers,) = [contract["layers"] for contract in linter["contracts"] if contract["id"] == "layers"]
    assert len(seen["calls"]) > 10
    assert flow.upward(map(tuple, seen["calls"]), layers) == []


# -- that this test can fail --------------------------------------------------------------------------

TREE = {
    "above/top.py": """
from under.base import twice
def start():
    return twice(late)
def late():
    pass
""",
    "above/beside.py": "def unused(): pass",
    "under/base.py": """
def twice(call):
    call()
    call()
""",
    "under/threads.py": """
import threading
from under.base import twice
def start():
    thread = threading.Thread(target=twice, args=(int,))
    thread.start()
    thread.join()
""",
}


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Callable[[], object]]:
    """The function ``start`` of a module of a small project."""
    import importlib

    for name, text in TREE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("above", "under", *(name.removesuffix(".py").replace("/", ".") for name in TREE)):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return lambda module: importlib.import_module(module).start  # type: ignore[no-any-return]


def test_a_call_that_goes_up_is_found(start: Callable[[str], Callable[[], object]], tmp_path: Path) -> None:
    found = flow.Flow(tmp_path, ["above", "under"])
    found.record(start("above.top"))
    assert found.files == ["above/top.py", "under/base.py"]
    assert found.calls == {("above/top.py", "under/base.py"), ("under/base.py", "above/top.py")}
    assert flow.upward(found.calls, ["above", "under"]) == [("under/base.py", "above/top.py")]
    assert flow.upward(found.calls, ["under", "above"]) == [("above/top.py", "under/base.py")]
    assert flow.upward(found.calls, ["above | under"]) == []


def test_calls_in_threads_are_seen(start: Callable[[str], Callable[[], object]], tmp_path: Path) -> None:
    found = flow.Flow(tmp_path, ["under"])
    found.record(start("under.threads"))
    assert found.files == ["under/threads.py", "under/base.py"]
    assert found.calls == set(), "who started a thread did not call what runs in it"

"""Which files of a project a call enters, and which of its calls go from file to file.

Python tells of every call of a Python function (`sys.setprofile`); compiled functions call each other unseen.
Run as a program, ``python flow.py render`` and ``python flow.py guess FILE`` print as JSON what one render
and one guess enter: ``files`` in the order of their first call, ``calls`` between them, and ``compiled``, the
files of the compiled kernels, by what the entered files import.
"""

from __future__ import annotations

import ast
import json
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("jxctl", "simulator", "estimator")
GUESS_RENDERS = 300
BOARD = """
base = "superjx"
[laws.noise_floor]
form = "constant"
value = -60
unit = "dB"
evidence = "assumed"
source = "test: what the default leaves out"
[laws.spread_cutoff]
form = "constant"
value = 0.1
unit = "oct"
evidence = "assumed"
source = "test: what the default leaves out"
"""

Call = tuple[str, str]


class Flow:
    """Records calls of functions in some packages. ``files``: in order; ``calls``: from file to file."""

    def __init__(self, root: Path, packages: Sequence[str]) -> None:
        self._starts = tuple(f"{root}/{package}/" for package in packages)
        self._skip = len(str(root)) + 1
        self.files: list[str] = []
        self.calls: set[Call] = set()

    def record(self, function: Callable[[], object]) -> None:
        """Call a function and record, in this thread and those that it starts."""
        threading.setprofile(self._event)
        sys.setprofile(self._event)
        try:
            function()
        finally:
            sys.setprofile(None)
            threading.setprofile(None)  # type: ignore[arg-type]

    def _file(self, frame: FrameType) -> str | None:
        name = frame.f_code.co_filename
        return name[self._skip :] if name.startswith(self._starts) else None

    def _event(self, frame: FrameType, event: str, _: object) -> None:
        if event != "call" or frame.f_code.co_name == "<module>":
            return
        here = self._file(frame)
        if here is None:
            return
        if here not in self.files:
            self.files.append(here)
        caller = frame.f_back
        while caller is not None and (self._file(caller) is None or caller.f_code.co_name == "<module>"):
            caller = caller.f_back
        if caller is not None and (there := self._file(caller)) != here:
            assert there is not None
            self.calls.add((there, here))


def upward(calls: Iterable[Call], layers: Sequence[str]) -> list[Call]:
    """The calls from a file to one of a higher layer; ``layers``: lines of the contract, from the top."""
    height = {name.strip(): -line for line, names in enumerate(layers) for name in names.split("|")}

    def layer(file: str) -> int | None:
        parts = file.removesuffix(".py").split("/")
        return next(
            (h for n in range(len(parts), 0, -1) if (h := height.get(".".join(parts[:n]))) is not None), None
        )

    pairs = [(call, layer(call[0]), layer(call[1])) for call in calls]
    return sorted(call for call, low, high in pairs if low is not None and high is not None and low < high)


def compiled(files: Sequence[str], root: Path = ROOT) -> list[str]:
    """Private modules of the simulator that some files import, themselves or through others: the kernels."""
    found: list[str] = []
    waiting = list(files)
    while waiting:
        tree = ast.parse((root / waiting.pop()).read_text("utf-8"))
        for node in ast.walk(tree):
            if not isinstance(node, ast.ImportFrom) or node.module is None:
                continue
            for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names)):
                path = name.replace(".", "/") + ".py"
                private = path.startswith("simulator/") and "/_" in path and (root / path).is_file()
                if private and path not in found:
                    found.append(path)
                    waiting.append(path)
    return sorted(found)


def _render() -> Callable[[], object]:
    """A render of one tone with everything that the default profile leaves out."""
    import numpy as np

    from jxctl.protocol.tone import INIT_TONE
    from simulator.synth import render

    tone = np.frombuffer(INIT_TONE.with_values({"CHORUS": "2"}).values, np.uint8)
    boards = Path(tempfile.mkdtemp())
    for name in ("first", "second"):
        (boards / f"{name}.toml").write_text(BOARD)

    def run(name: str) -> object:
        return render(tone, seconds=0.1, profile=str(boards / f"{name}.toml"))

    run("first")  # compiles; the second profile is read anew
    return lambda: run("second")


def _guess(recording: str) -> Callable[[], object]:
    """A guess from a file with one note."""
    from estimator.inference.estimator import Estimator
    from estimator.inference.note_detection import load_recording

    def run(renders: int) -> object:
        return Estimator().guess([load_recording(Path(recording)).recording], renders=renders)

    run(100)  # compiles
    return lambda: run(GUESS_RENDERS)


if __name__ == "__main__":
    sys.path[0] = str(ROOT)
    flow = Flow(ROOT, PACKAGES)
    flow.record(_render() if sys.argv[1] == "render" else _guess(sys.argv[2]))
    seen: dict[str, Any] = {
        "files": flow.files,
        "calls": sorted(flow.calls),
        "compiled": compiled(flow.files),
    }
    json.dump(seen, sys.stdout)

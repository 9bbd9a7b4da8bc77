"""How the benchmark talks to a synth that runs as a program of its own: a JSON object a line.

Requests and their answers::

    {"do": "describe"}                                    {"versions": {...}, "variants": {name: text}}
    {"do": "prepare", "variant": "...", "batch": 16, "seconds": 4.0}
                                                          {"first_s": 1.2, "samples": 176400}
    {"do": "run", "variant": "..."}                       {"s": 0.031, "peak_bytes": 123456789}
    {"do": "release"}                                     {}

``prepare`` sets parameters, compiles, and renders once; a variant stays prepared beside others until it is
prepared anew or all are released. ``run`` renders it again and answers when every sample is in memory. An
answer ``{"error": "..."}`` ends nothing: the next request may do. Only the standard library is used, since
each synth lives in an environment of its own.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
Render = Callable[[], Any]
"""Renders a batch anew and returns it, every sample computed."""

Prepare = Callable[[str, int, float], Render]
"""Makes a `Render` of (variant, batch, seconds)."""


def serve(versions: Mapping[str, str], variants: Mapping[str, str], prepare: Prepare) -> None:
    """Answer requests on standard input until it ends. Called by the peers' programs."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    ready: dict[str, Render] = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "describe":
                answer: dict[str, Any] = {"versions": dict(versions), "variants": dict(variants)}
            elif request["do"] == "prepare":
                ready.pop(request["variant"], None)
                gc.collect()
                began = time.perf_counter()
                render = prepare(request["variant"], request["batch"], request["seconds"])
                shape = render().shape
                ready[request["variant"]] = render
                answer = {"first_s": time.perf_counter() - began, "samples": int(shape[-1])}
            elif request["do"] == "run":
                render = ready[request["variant"]]
                _forget_peak()
                began = time.perf_counter()
                render()
                answer = {"s": time.perf_counter() - began, "peak_bytes": _peak_bytes()}
            else:
                ready.clear()
                gc.collect()
                answer = {}
        except (Exception, MemoryError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        answers.write(json.dumps(answer) + "\n")


class Worker:
    """A synth's program, started with ``python`` as ``-m module``; ``name`` is what a table calls it.

    Requests raise `RuntimeError` with the synth's own message, or with the end of its log when it died.
    """

    def __init__(self, name: str, python: str | Path, module: str, log: Path) -> None:
        self.name = name
        self._log = log
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                [str(python), "-W", "ignore", "-m", module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
            )

    def ask(self, do: str, **details: Any) -> dict[str, Any]:
        """One request and its answer."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # then there is no answer either
            process.stdin.write(json.dumps({"do": do, **details}) + "\n")
            process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            process.wait()
            last = self._log.read_text(errors="replace").strip().splitlines()[-1:]
            said = last[0] if last else f"exit status {process.returncode}"
            raise RuntimeError(f"{self.name} stopped: {said}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def close(self) -> None:
        """End the program."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _forget_peak() -> None:
    """Start the count of the largest memory in use anew (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak_bytes() -> int | None:
    """The largest resident memory since `_forget_peak`; None where the system does not say."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), None)

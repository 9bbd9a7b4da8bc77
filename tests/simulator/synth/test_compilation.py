"""Compiling ahead: workers fill the cache, nothing is compiled twice, a worker that fails costs nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulator.synth import compilation, load_profile, voices
from simulator.synth._compiling import loops
from simulator.synth.render import loops as render_loops

ROOT = Path(__file__).resolve().parents[3]

LOOP = """
import numba, os
from numba import types
from simulator.synth._compiling import Cached

@numba.njit
def _run(out):
    out[0] = {value}

run = Cached(_run, (types.float64[::1],), 1)
"""
CALL = """
import json, logging, sys
import numpy as np
logging.basicConfig(level=logging.INFO, format="%(message)s")
sys.path[:0] = json.loads(sys.argv[1])
import one, two
from simulator.synth import compilation
compilation._cores = lambda: 2
work = compilation.Compilation([one.run, two.run], background=True)
total = work.total
work.wait()
out = [np.zeros(1), np.zeros(1)]
one.run(out[0]), two.run(out[1])
stats = [module.run.ready.stats for module in (one, two)]
counted = [[sum(each.cache_hits.values()), sum(each.cache_misses.values())] for each in stats]
print(json.dumps([out[0][0], out[1][0], total, counted]))
"""


def call(folder: Path) -> tuple[object, list[str]]:
    """What `CALL` prints and logs in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", CALL, json.dumps([str(folder)])], capture_output=True, text=True,
        check=True, env=os.environ | {"PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(folder / "cache")},
    )  # fmt: skip
    return json.loads(done.stdout), done.stderr.splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "one.py").write_text(LOOP.replace("{value}", "1"))
    (tmp_path / "two.py").write_text(LOOP.replace("{value}", "2"))
    return tmp_path


def test_workers_compile_and_this_process_loads(folder: Path) -> None:
    result, said = call(folder)
    assert result == [1, 2, 2, [[1, 0], [1, 0]]]
    assert len(said) == 2
    assert said[0].startswith("compiling for this processor, once: about ")
    assert said[1].startswith("compiled in ")
    result, said = call(folder)
    assert result == [1, 2, 0, [[1, 0], [1, 0]]]
    assert said == []


def test_where_workers_fail_this_process_compiles(folder: Path) -> None:
    # A worker that imports this module ends without an answer.
    module = folder / "two.py"
    module.write_text(
        "import sys\nif sys.argv[0] == '-c' and len(sys.argv) == 1:\n    sys.exit()\n" + module.read_text()
    )
    result, _ = call(folder)
    assert result == [1, 2, 2, [[1, 0], [0, 1]]]


def test_a_render_needs_only_the_kinds_of_its_tones() -> None:
    profile = load_profile("superjx")
    names = [loop.name for loop in voices.loops(profile, profile.laws["dco_xmod"].values[:1])]
    assert names == ["_fill", "plain"]
    assert [loop.name for loop in render_loops(profile)] == ["_fill", "plain", "bent", "synced", "chorus"]


def test_time_left_is_none_when_all_is_compiled() -> None:
    done = compilation.Compilation([])
    done.wait()
    assert (done.total, done.compiled, done.left_s) == (0, 0, 0.0)
    assert {"plain", "chorus", "_fill"} <= {name for _, name in loops}

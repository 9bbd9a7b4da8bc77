"""The cache of compiled functions: what its key covers, what a second process does, and what is logged."""

from __future__ import annotations

import importlib
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numba
import pytest
from numba.core import event

from simulator.features import distance, mel
from simulator.synth import _kernel, chorus, control_rate, random
from simulator.synth._compiling import _Announcer, compiled_in, digest

ROOT = Path(__file__).resolve().parents[3]
COMPILING = "compiling for this processor: once, about "

ENTRIES = {
    **{
        loop.name: (loop.ready, {"_filters", "_kernel", "_lanes", "_oscillators"})
        for loop in _kernel.compiled.values()
    },
    "chorus": (chorus._run, {"_lanes", "chorus"}),
    "control": (control_rate._fill, {"control_rate", "random"}),
    "noise": (random._add, {"random"}),
    "mel": (mel.spectra_of, {"_fft", "mel"}),
    "distance": (distance._compare, {"_fft", "distance", "mel"}),
}

# A package like the simulator's: a loop, a function in another file, one behind it, and constants.
PACKAGE = {
    "__init__": "",
    "loop": """
import numba
from simulator.synth._compiling import Cached
from {name} import table
from {name}.constants import SCALE
from {name}.step import step

@numba.njit
def _run(out):
    out[0] = step(out[0]) * SCALE + table.OFFSET

run = Cached(_run)
""",
    "step": "import numba\nfrom {name}.deeper import deeper\nstep = numba.njit(lambda x: deeper(x) + 1)\n",
    "deeper": "import numba\n\n@numba.njit\ndef deeper(x):\n    return 2 * x\n",
    "table": "OFFSET = 0.5\n",
    "constants": "SCALE = 10\n",
}
CALL = """
import json, logging, sys
import numpy as np
logging.basicConfig(level=logging.INFO)
from {name} import loop
out = np.ones(1)
loop.run(out)
stats = loop.run.ready.stats
print(json.dumps([out[0], sum(stats.cache_hits.values()), sum(stats.cache_misses.values())]))
"""

# Every loop of the simulator, and how it was had.
LOOPS = """
import json
import numpy as np
from jxctl.protocol.tone import INIT_TONE
from jxctl.protocol.parameters import parameter
from simulator.features import distance, log_mel, mel
from simulator.synth import _kernel, chorus, control_rate, random, render

tones = np.tile(np.frombuffer(INIT_TONE.values, np.uint8), (4, 1))
tones[:, parameter("CHORUS").column] = 127
tones[:, parameter("DCO XMOD").column] = [0, 32, 64, 96]
audio = np.concatenate([render(tone, seconds=0.1) for tone in tones])
_kernel.compiled[3].prepare()  # no profile that comes with jx needs it
log_mel(audio)
distance.compare(audio, distance.Goal.of(audio[0]))
random.compiled(np.zeros((1, 1, 10), np.float32), np.zeros((1, 2), np.int64), 0, 0.1)
every = (chorus, control_rate, random, mel, distance)
counted = [loop.ready.stats for loop in (*_kernel.compiled.values(), *(module.compiled for module in every))]
print(json.dumps([[sum(s.cache_hits.values()), sum(s.cache_misses.values())] for s in counted]))
"""


def run(script: str, cache: Path | None, *paths: Path) -> tuple[list[Any], str]:
    """What a script prints in a process of its own, as JSON, and what it logs."""
    surroundings = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, *paths)))}
    if cache is not None:
        surroundings["NUMBA_CACHE_DIR"] = str(cache)
    done = subprocess.run(
        [sys.executable, "-c", script], env=surroundings, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout), done.stderr


def package(folder: Path, name: str) -> Path:
    """Write `PACKAGE`."""
    (folder / name).mkdir()
    for module, text in PACKAGE.items():
        (folder / name / f"{module}.py").write_text(text.replace("{name}", name))
    return folder / name


def test_a_second_process_loads_and_an_edit_compiles_anew(tmp_path: Path) -> None:
    files = package(tmp_path, "looping")
    script, cache = CALL.replace("{name}", "looping"), tmp_path / "cache"
    result, said = run(script, cache, tmp_path)
    assert result == [30.5, 0, 1]
    assert said.count(COMPILING) == 1
    result, said = run(script, cache, tmp_path)
    assert result == [30.5, 1, 0]
    assert COMPILING not in said
    (files / "deeper.py").write_text((files / "deeper.py").read_text().replace("2 * x", "3 * x"))
    result, said = run(script, cache, tmp_path)
    assert result == [40.5, 0, 1]
    assert said.count(COMPILING) == 1


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    folder = tmp_path_factory.mktemp("package")
    package(folder, "keyed")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        return importlib.import_module("keyed.loop")


@pytest.mark.parametrize("module", ["loop", "step", "deeper", "table"])
def test_the_key_covers_every_file_compiled_in(loop: ModuleType, module: str) -> None:
    file = Path(str(loop.__file__)).with_name(f"{module}.py")
    before = digest(loop._run)
    file.write_text(file.read_text() + "# edited\n")
    assert digest(loop._run) != before


def test_the_key_covers_constants_from_files_that_are_not_compiled_in(
    loop: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, constants = compiled_in(loop._run)
    assert "constants.py" not in {path.name for path in files}
    assert {"SCALE=10", "OFFSET=0.5"} <= constants
    before = digest(loop._run)
    monkeypatch.setattr(loop, "SCALE", 11)
    assert digest(loop._run) != before


@pytest.mark.parametrize("name", ENTRIES)
def test_the_simulators_loops_are_keyed_by_their_files(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function, expected = ENTRIES[name]
    files, _ = compiled_in(function)
    assert {path.stem for path in files} == expected | {"_compiling"}
    before, read = digest(function), Path.read_bytes
    for edited in files:

        def reading(path: Path, edited: Path = edited) -> bytes:
            return read(path) + (b"# edited\n" if path == edited else b"")

        monkeypatch.setattr(Path, "read_bytes", reading)
        assert digest(function) != before, edited


def test_a_second_process_loads_every_loop_of_the_simulator() -> None:
    run(LOOPS, None)
    assert run(LOOPS, None)[0] == [[1, 0]] * len(ENTRIES)


def test_compiling_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    first = numba.njit(lambda x: x + 1)
    second = numba.njit(lambda x: x + 2)
    with caplog.at_level(logging.INFO, "simulator"), event.install_listener("numba:compile", _Announcer(3)):
        assert (first(1), first(1), second(1)) == (2, 2, 3)
    assert [record.message for record in caplog.records] == [f"{COMPILING}3 s"]


def test_what_is_compiled_already_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    ready = numba.njit(lambda x: x + 3)
    ready(1)
    with caplog.at_level(logging.INFO, "simulator"), event.install_listener("numba:compile", _Announcer(3)):
        ready(1)
    assert not caplog.records


def test_importing_the_simulator_listens_to_nobody(tmp_path: Path) -> None:
    script = (
        "import logging, numba, simulator; logging.basicConfig(level=logging.INFO); "
        "print(numba.njit(lambda x: x + 1)(1))"
    )
    assert run(script, tmp_path) == (2, "")

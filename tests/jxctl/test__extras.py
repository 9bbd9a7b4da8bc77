"""Extras: the table is that of pyproject.toml; a library that is missing is an error with what to type."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from jxctl import _extras
from jxctl.errors import JxError

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
DISTRIBUTIONS = {"python-rtmidi": "rtmidi", "numba-cuda": "numba_cuda", "import-linter": "importlinter",
                 "pytest-xdist": "xdist"}  # fmt: skip
Jx = Callable[..., subprocess.CompletedProcess[str]]


def test_the_table_is_that_of_pyproject() -> None:
    for extra, modules in _extras.EXTRAS.items():
        names = [re.match(r"[\w-]+", line)[0] for line in PROJECT["optional-dependencies"][extra]]  # type: ignore[index]
        brought = {DISTRIBUTIONS.get(name, name) for name in names} - {_extras.DISTRIBUTION}
        assert brought == set(modules), extra
    assert PROJECT["name"] == _extras.DISTRIBUTION


def test_all_is_everything_a_user_may_want() -> None:
    (line,) = PROJECT["optional-dependencies"]["all"]
    assert {"midi", "audio", "guess", "plot", "papers"} == set(re.findall(r"\w+", line)) - {"superjx"}


@pytest.mark.parametrize(("name", "line"), [("posix", "pip install 'superjx[guess]'"),
                                            ("nt", 'pip install "superjx[guess]"')])  # fmt: skip
def test_what_to_type(monkeypatch: pytest.MonkeyPatch, name: str, line: str) -> None:
    monkeypatch.setattr(_extras, "os", SimpleNamespace(name=name))
    assert _extras.install_line("guess") == line


@pytest.mark.parametrize(("module", "extra"), [("torch.nn", "guess"), ("rtmidi2", "midi"), ("numpy", None),
                                               ("torchaudio", None), ("", None)])  # fmt: skip
def test_which_extra_brings_a_module(module: str, extra: str | None) -> None:
    assert _extras.extra_of(module) == extra


def test_a_missing_library_is_an_error_only_of_an_extra() -> None:
    found = _extras.missing(ModuleNotFoundError(name="torch"), "jx guess")
    assert found is not None
    assert found.message == "jx guess needs torch, which is not installed"
    assert shlex.split(found.hint)[-1] == "superjx[guess]" or os.name == "nt"
    assert _extras.missing(ModuleNotFoundError(name="numpy")) is None
    assert _extras.missing(ImportError("broken", name="torch")) is None


def test_what_is_required_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"rtmidi2", "torch", "safetensors", "scipy"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if name in there else None)
    _extras.require("midi", "midi: ports")  # one of two is enough
    with pytest.raises(JxError, match="jx guess needs threadpoolctl"):
        _extras.require("guess", "jx guess")
    there.clear()
    with pytest.raises(JxError, match="needs rtmidi"):
        _extras.require("midi", "midi: ports")


@pytest.mark.parametrize("command", [["guess", "note.wav"], ["train", "runs/mine"]])
def test_a_command_without_its_extra(jx: Jx, tmp_path: Path, command: list[str]) -> None:
    """torch is hidden from the program as if it had never been installed."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(
        "import sys\n"
        "class Hidden:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'torch':\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
    )
    paths = os.pathsep.join([str(hidden), str(ROOT)])
    # errors=: a keyword that the fork server, which has torch loaded, does not know.
    done = jx(*command, env=os.environ | {"PYTHONPATH": paths, "NO_COLOR": "1"}, errors="strict")
    assert done.returncode == 1
    assert "needs torch, which is not installed" in done.stderr
    assert "superjx[guess]" in done.stderr
    assert "Traceback" not in done.stderr

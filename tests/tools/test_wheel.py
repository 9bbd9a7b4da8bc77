"""What is published: its metadata agree with each other, and the links that the index shows are whole."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tools import wheel

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT = PYPROJECT["project"]


def test_the_oldest_dependencies_are_those_that_are_allowed() -> None:
    lines = (ROOT / "constraints-oldest.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))
    allowed = dict(
        line.split(">=") for line in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["guess"]
    )
    del allowed["torch"]
    assert pinned.keys() == allowed.keys()
    for name, lowest in allowed.items():
        assert (pinned[name] + ".0").startswith(lowest + "."), name


def test_classifiers_of_python_are_tried() -> None:
    named = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)]
    assert set(named) <= set(wheel.SUPPORTED)
    assert PROJECT["requires-python"] == f">={min(named, key=lambda name: int(name.split('.')[1]))}"


def test_links_of_the_readme_are_whole_on_the_index() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    relative = set(re.findall(r"\]\((?!https?:|#)([^)]+)\)", text))
    assert "docs/guess.png" in relative
    assert all((ROOT / link.partition("#")[0]).exists() for link in relative)
    for step in PYPROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]:
        text = re.sub(step["pattern"], step["replacement"], text)
    repository = PROJECT["urls"]["Repository"]
    raw = repository.replace("github.com", "raw.githubusercontent.com")
    assert not re.findall(r"\]\((?!https?:|#)([^)]+)\)", text)
    assert f"({raw}/main/docs/guess.png)" in text
    assert f"({repository}/blob/main/CONTRIBUTING.md)" in text
    assert "```\npip install 'superjx[all]'" in text


def test_workflows_are_yaml_and_try_every_python() -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML comes with datasets")
    (file,) = (ROOT / ".github" / "workflows").glob("*.yml")
    jobs: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))["jobs"]
    assert jobs["core"]["strategy"]["matrix"]["python"] == list(wheel.SUPPORTED)
    assert len(jobs["core"]["strategy"]["matrix"]["os"]) == 3
    for job in jobs.values():
        assert job["timeout-minutes"]
        assert all(("run" in step) != ("uses" in step) for step in job["steps"])


def test_pythons_are_found_by_path_and_missed_by_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wheel.find_python(sys.executable) == sys.executable
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    there = tmp_path / "versions" / "9.9.1" / "bin" / "python"
    there.parent.mkdir(parents=True)
    there.touch()
    assert wheel.find_python("9.9") == str(there)
    with pytest.raises(wheel.FailedError, match=r"no Python 9\.8"):
        wheel.find_python("9.8")


def test_pip_is_not_counted(tmp_path: Path) -> None:
    for name, size in {
        "lib/numpy/a.so": 3 << 20,
        "lib/pip/b.py": 5 << 20,
        "lib/pip-24.2.dist-info/c": 1 << 20,
    }.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(size))
    assert wheel.installed_mib(tmp_path) == pytest.approx(3)


def test_silence_is_refused(tmp_path: Path) -> None:
    import numpy as np
    import soundfile

    for name, level in {"loud.wav": 0.1, "silent.wav": 0.0}.items():
        soundfile.write(tmp_path / name, np.full(100, level), 44100)
    wheel._audible(tmp_path / "loud.wav")
    with pytest.raises(wheel.FailedError, match=r"silent\.wav is silent"):
        wheel._audible(tmp_path / "silent.wav")


def test_a_wheel_that_is_not_there() -> None:
    with pytest.raises(wheel.FailedError, match="holds no wheel"):
        wheel._newest(ROOT / "tests")

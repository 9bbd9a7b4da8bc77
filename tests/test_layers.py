"""Layers: imports point downwards, the list of layers is complete, torch and numba stay where they belong."""

from __future__ import annotations

import ast
import pkgutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "numba")


def settings(folder: Path) -> dict[str, Any]:
    """What a folder's pyproject.toml says of import-linter."""
    text = (folder / "pyproject.toml").read_text("utf-8")
    linter: dict[str, Any] = tomllib.loads(text)["tool"]["importlinter"]
    return linter


def contract(linter: dict[str, Any], name: str) -> dict[str, Any]:
    """The contract with an id."""
    (found,) = [each for each in linter["contracts"] if each["id"] == name]
    return dict(found)


def unlisted(folder: Path, packages: Sequence[str], layers: Iterable[str]) -> tuple[set[str], set[str]]:
    """What of the packages has no line in the list of layers, and what is listed and is not there."""
    listed = [name.strip(" ()") for line in layers for name in line.replace(":", "|").split("|")]
    assert len(listed) == len(set(listed)), "something is listed twice"
    there: set[str] = set()
    for package in packages:
        modules = [module.name for module in pkgutil.iter_modules([str(folder / package)])]
        # A package of one file is a layer itself.
        there |= {f"{package}.{name}" for name in modules} or {package}
    return there - set(listed), set(listed) - there


def layers_of(folder: Path) -> list[str]:
    """The lines of the contract "layers"."""
    layers: list[str] = contract(settings(folder), "layers")["layers"]
    return layers


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the packages of a folder, with its pyproject.toml."""
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", code, "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def importers(folder: Path, packages: Sequence[str], names: Sequence[str]) -> dict[str, set[str]]:
    """Which modules of the packages import some others, anywhere in them: {other: modules}."""
    found: dict[str, set[str]] = {name: set() for name in names}
    for path in (path for package in packages for path in (folder / package).rglob("*.py")):
        module = ".".join(path.relative_to(folder).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            taken = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                taken = [node.module]
            for root in {name.partition(".")[0] for name in taken} & set(names):
                found[root].add(module)
    return found


def misplaced(taken: dict[str, set[str]]) -> list[str]:
    """Of what `importers` found: torch outside the estimator; numba outside the simulator and the modules
    ``_kernel`` of the estimator's papers."""
    wrong = [f"torch in {module}" for module in taken["torch"] if not module.startswith("estimator.")]
    for module in taken["numba"]:
        kernel = module.startswith("estimator.papers.") and module.endswith("._kernel")
        if not (module.startswith("simulator.") or kernel):
            wrong.append(f"numba in {module}")
    return sorted(wrong)


# -- the packages -------------------------------------------------------------------------------------


def test_every_subpackage_has_its_layer() -> None:
    linter = settings(ROOT)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert linter["root_packages"] == project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    missing, gone = unlisted(ROOT, linter["root_packages"], layers_of(ROOT))
    assert not missing, f"no layer is given to {sorted(missing)}: add them to the contract in pyproject.toml"
    assert not gone, f"layers are given to {sorted(gone)}, which are not there"


def test_every_folder_of_code_is_a_package() -> None:
    folders = {
        path.parent for package in settings(ROOT)["root_packages"] for path in ROOT.glob(f"{package}/**/*.py")
    }
    assert len(folders) > 10
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_imports_point_downwards() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    for each in settings(ROOT)["contracts"]:
        assert f"{each['name']} KEPT" in " ".join(done.stdout.split())


def test_no_import_is_excused() -> None:
    linter = settings(ROOT)
    excuses = ("ignore_imports", "unmatched_ignore_imports_alerting")
    assert [key for table in (linter, *linter["contracts"]) for key in excuses if key in table] == []
    assert contract(linter, "layers")["type"] == "layers"


def test_torch_and_numba_stay_where_they_belong() -> None:
    taken = importers(ROOT, settings(ROOT)["root_packages"], HEAVY)
    assert len(taken["torch"]) > 10
    assert len(taken["numba"]) > 5
    assert misplaced(taken) == []


@pytest.mark.parametrize("arguments", [("--help",), ("ports",), ("ports", "--json")])
def test_help_and_ports_load_neither_torch_nor_numba(arguments: tuple[str, ...]) -> None:
    code = f"""
import sys
sys.argv = ["jx", *{arguments!r}]
from jxctl.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print("LOADED", *[name for name in {HEAVY!r} if name in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "LOADED"


# -- that these tests can fail ------------------------------------------------------------------------

LINTER = """
[tool.importlinter]
root_packages = ["over", "under"]
include_external_packages = true
[[tool.importlinter.contracts]]
id = "layers"
name = "imports point downwards"
type = "layers"
layers = ["over.top", "over.middle | over.beside", "under.base"]
"""
TREE = {
    "over/top.py": "import over.middle\nimport over.beside\n",
    "over/middle/__init__.py": "",
    "over/middle/inner.py": "from under.base import ONE\n",
    "over/beside.py": "def late():\n    from under import base\n    return base\n",
    "under/base.py": "ONE = 1\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small project that keeps its layers."""
    for name, text in {"over/__init__.py": "", "under/__init__.py": "", **TREE}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "pyproject.toml").write_text(LINTER)
    return tmp_path


def test_a_tree_that_keeps_its_layers_passes(tree: Path) -> None:
    assert unlisted(tree, ["over", "under"], layers_of(tree)) == (set(), set())
    done = lint(tree)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "imports point downwards KEPT" in " ".join(done.stdout.split())


@pytest.mark.parametrize("name", ["over/new.py", "over/new/__init__.py"])
def test_a_module_or_package_without_a_layer_is_found(tree: Path, name: str) -> None:
    (tree / name).parent.mkdir(exist_ok=True)
    (tree / name).write_text("")
    assert unlisted(tree, ["over", "under"], layers_of(tree)) == (
        {"over.new"},
        set(),
    )


def test_a_layer_that_is_not_there_is_found(tree: Path) -> None:
    (tree / "over/beside.py").unlink()
    assert unlisted(tree, ["over", "under"], layers_of(tree)) == (
        set(),
        {"over.beside"},
    )


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("under/base.py", "import over.top"),
        ("under/base.py", "def late():\n    from over.middle.inner import ONE"),
        ("over/middle/inner.py", "from over import top"),
        ("over/middle/inner.py", "import over.beside"),
    ],
)
def test_an_import_that_points_up_or_aside_is_found(tree: Path, name: str, line: str) -> None:
    (tree / name).write_text(line + "\n")
    done = lint(tree)
    assert done.returncode == 1
    assert "imports point downwards BROKEN" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("name", "line", "wrong"),
    [
        ("jxctl/ports/midi.py", "import torch.nn", ["torch in jxctl.ports.midi"]),
        ("simulator/prior.py", "def late():\n    from torch import nn", ["torch in simulator.prior"]),
        ("estimator/network/inputs.py", "from numba import njit", ["numba in estimator.network.inputs"]),
        ("estimator/papers/some/fit.py", "import numba", ["numba in estimator.papers.some.fit"]),
        ("estimator/papers/some/_kernel.py", "import numba", []),
        ("estimator/network/_kernel.py", "import numba", ["numba in estimator.network._kernel"]),
        ("simulator/synth/render.py", "import numba", []),
        ("estimator/network/network.py", "import torch", []),
    ],
)
def test_torch_and_numba_elsewhere_are_found(tmp_path: Path, name: str, line: str, wrong: list[str]) -> None:
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text(line + "\n")
    assert misplaced(importers(tmp_path, ["jxctl", "simulator", "estimator"], HEAVY)) == wrong

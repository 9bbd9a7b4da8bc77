"""The front door offers what it says, loads nothing early, and types see the same names."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import superjx
from jxctl._lazy import lazy

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("numba", "torch", "sounddevice", "soundfile", "rtmidi", "scipy", "librosa")
LAZY = sorted(
    path
    for root in ("jxctl", "simulator", "estimator", "superjx")
    for path in (ROOT / root).rglob("__init__.py")
    if "lazy(" in path.read_text("utf-8")
)


def run(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def typed(tree: ast.Module) -> set[tuple[str, str, str]]:
    """What is imported under TYPE_CHECKING: module, name there, name here."""
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    return {
        (str(node.module), alias.name, alias.asname or alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def late(tree: ast.Module) -> set[tuple[str, str, str]]:
    """What is imported when it is asked for: the same."""
    (call,) = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "lazy"
    ]
    found = set()
    for module, names in ast.literal_eval(call.args[1]).items():
        for each in names.split(", "):
            own, _, alias = each.partition(" as ")
            found.add((module, own, alias or own))
    return found


def test_there_are_lazy_packages() -> None:
    assert ROOT / "superjx/__init__.py" in LAZY
    assert len(LAZY) > 8


@pytest.mark.parametrize("path", LAZY, ids=lambda path: path.parent.relative_to(ROOT).as_posix())
def test_types_see_what_is_imported(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    assert typed(tree) == late(tree)
    package = importlib.import_module(".".join(path.parent.relative_to(ROOT).parts))
    offered = {name for _, _, name in late(tree)}
    assert offered == set(package.__all__)
    assert offered <= set(dir(package))
    for module, own, name in late(tree):
        assert getattr(package, name) is getattr(importlib.import_module(module), own), name


def test_the_front_door_takes_from_where_things_are_defined() -> None:
    """Not from another package that only passes them on."""
    for name in superjx.__all__:
        thing = getattr(superjx, name)
        if not hasattr(thing, "__module__") or not hasattr(thing, "__qualname__"):
            continue
        (home,) = [m for m, _, n in late(ast.parse((ROOT / "superjx/__init__.py").read_text())) if n == name]
        assert thing.__module__ == home, name


@pytest.mark.parametrize("package", ["superjx", "jxctl", "simulator", "estimator", "estimator.inference"])
def test_importing_loads_no_large_library(package: str) -> None:
    loaded = run(f"import sys, {package}; print(*[n for n in {HEAVY!r} if n in sys.modules])")
    assert loaded == ""


def test_a_name_loads_what_it_needs_and_no_more() -> None:
    code = f"""
import sys, superjx
heavy = {HEAVY!r}
superjx.Tone.init(), superjx.Patch, superjx.Bank, superjx.parameter("VCF FREQ"), superjx.open_port
superjx.read, superjx.Played
print(*[name for name in heavy if name in sys.modules])
superjx.render
print(*[name for name in ("numba", "torch") if name in sys.modules])
superjx.Estimator
print(*[name for name in ("numba", "torch") if name in sys.modules])
"""
    assert run(code) == "numba\nnumba torch"


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'superjx' has no attribute 'rendre'"):
        superjx.rendre  # noqa: B018
    with pytest.raises(ImportError):
        exec("from superjx import rendre")


def test_a_name_is_imported_once() -> None:
    get, names = lazy("superjx", {"collections": "OrderedDict as Ordered"})
    assert "Ordered" in names()
    assert "Ordered" not in vars(superjx)
    try:
        assert get("Ordered") is vars(superjx)["Ordered"]
    finally:
        del superjx.Ordered

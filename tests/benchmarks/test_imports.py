"""Benchmarks measure what users have: neither the command line's inside nor private names."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
PRIVATE_ALLOWED = {
    "limit.py": "counts the machine code of the kernel",
    "gpu.py": "the voices on a GPU have no public way yet",
    "files.py": "writes as the packages write",
}


def imported(path: Path) -> set[str]:
    """Modules and names that a file imports, dotted."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.name)
def test_a_benchmark_imports_public_names_only(path: Path) -> None:
    ours = {name for name in imported(path) if name.split(".")[0] in ("jxctl", "simulator", "estimator")}
    assert not {name for name in ours if name.startswith("jxctl.cli.common")}
    private = {name for name in ours if any(part.startswith("_") for part in name.split("."))}
    assert not private or path.name in PRIVATE_ALLOWED, private

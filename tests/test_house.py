"""Rules of the house that hold for every file: docstrings, names, help, reasons, no paths of one machine."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("jxctl", "simulator", "estimator", "superjx")
CODE = (*PACKAGES, "tests", "benchmarks", "tools")
PROSE = ("docs", "examples", "firmware_notes", ".ci")

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def sources(folders: tuple[str, ...]) -> list[Path]:
    """Python files of some folders."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def public(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, Definition]]:
    """Public functions, classes and methods, with dotted names. What is inside a function is not public."""
    for node in body:
        if not isinstance(node, Definition) or node.name.startswith("_"):
            continue
        decorators = {ast.unparse(d) for d in node.decorator_list}
        if any(d.endswith((".setter", "overload")) for d in decorators):
            continue
        yield prefix + node.name, node
        if isinstance(node, ast.ClassDef):
            yield from public(node.body, f"{prefix}{node.name}.")


def test_the_walk_sees_what_lacks_a_docstring() -> None:
    code = "class A:\n  def b(self): ...\n  def _c(self): ...\ndef d():\n  '''Said.'''\n  def e(): ...\n"
    found = {name: ast.get_docstring(node) for name, node in public(ast.parse(code).body)}
    assert found == {"A": None, "A.b": None, "d": "Said."}


def test_everything_public_has_a_docstring() -> None:
    missing = []
    for path in sources(PACKAGES):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        where = path.relative_to(ROOT)
        if tree.body and not ast.get_docstring(tree):
            missing.append(f"{where}: the module")
        missing += [f"{where}: {name}" for name, node in public(tree.body) if not ast.get_docstring(node)]
    assert not missing, "\n".join(missing)


def test_every_runtime_dependency_has_its_reason_beside_it() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    block = re.search(r"^dependencies = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    assert block is not None
    lines = block[1].splitlines()
    assert len(lines) > 5
    assert [line for line in lines if not re.fullmatch(r'    "[^"]+",\s+# \S.{5,}', line)] == []


def test_no_path_of_one_machine() -> None:
    # Written in pieces, so that this file does not find itself.
    folders = "|".join(("wo" + "rk", "fa" + "rm", "ho" + "me", "ro" + "ot", "Us" + "ers"))
    local = re.compile(rf"(?<![\w.~-])/(?:{folders})/")
    kinds = {".py", ".md", ".toml", ".txt", ".json", ".yml", ".yaml", ".cff", ""}
    # In a worktree .git is a file, which says where the repository is; it is no part of the tree.
    paths = [p for p in ROOT.iterdir() if p.is_file() and p.suffix in kinds and p.name != ".git"]
    for folder in (*CODE, *PROSE):
        paths += [p for p in (ROOT / folder).rglob("*") if p.is_file() and p.suffix in kinds]
    assert len(paths) > 20
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if local.search(line)
    ]
    assert not found, "\n".join(found)


MOST_OF_A_PREFIX = 2


def crowded(names: list[str]) -> list[str]:
    """Prefixes (the word before the first underscore) that more than two of a folder's files share."""
    prefixes = Counter(name.lstrip("_").partition("_")[0] for name in names)
    return sorted(prefix for prefix, files in prefixes.items() if files > MOST_OF_A_PREFIX)


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["guess", "guess_text", "guess_loop"], ["guess"]),
        (["_chorus_kernel", "chorus", "chorus_law", "voice"], ["chorus"]),
        (["board_ear", "board_play", "__init__", "_lanes"], []),
        (["record", "recorder", "recorded", "records_of"], []),
    ],
)
def test_a_crowd_of_files_with_one_prefix_is_found(names: list[str], found: list[str]) -> None:
    assert crowded(names) == found


def test_no_three_files_of_a_folder_share_a_prefix() -> None:
    folders = {path.parent for path in sources(PACKAGES)}
    assert len(folders) > 10
    found = [
        f"{folder.relative_to(ROOT)}: {prefix}_* should be a folder, or one file"
        for folder in sorted(folders)
        for prefix in crowded([path.stem for path in folder.glob("*.py")])
    ]
    assert not found, "\n".join(found)


def test_folders_of_tests_are_those_of_the_packages() -> None:
    folders = {path.parent.relative_to(ROOT / "tests") for path in sources(("tests",))}
    mirrored = {folder for folder in folders if folder.parts and folder.parts[0] in PACKAGES}
    assert len(mirrored) > 10
    assert [str(folder) for folder in mirrored if not (ROOT / folder).is_dir()] == []
    others = {folder.parts[0] for folder in folders - mirrored if folder.parts}
    assert others <= {"benchmarks", "golden", "io", "support", "tools"}


def test_every_command_has_help_and_json() -> None:
    import typer

    from jxctl.cli import app

    gaps, commands = [], 0
    waiting = [("jx", typer.main.get_command(app))]
    while waiting:
        name, command = waiting.pop()
        if not (command.help or "").strip():
            gaps.append(f"{name}: no help")
        if hasattr(command, "commands"):
            waiting += [(f"{name} {verb}", child) for verb, child in command.commands.items()]
            continue
        commands += 1
        if not any("--json" in parameter.opts for parameter in command.params):
            gaps.append(f"{name}: no --json")
        gaps += [f"{name}: no help for {p.name}" for p in command.params if not getattr(p, "help", None)]
    assert commands > 5
    assert not gaps, "\n".join(gaps)


HEAVY = ("torch", "numba", "librosa", "scipy", "matplotlib", "numpy", "soundfile", "sounddevice", "lightning")


@pytest.mark.parametrize("arguments", [("--help",), ("tone", "--help"), ("guess", "--help")])
def test_help_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
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
    assert "Usage" in run.stdout
    assert run.stdout.splitlines()[-1] == "LOADED"

"""The documents say what the code says."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from jxctl.errors import UsageError
from tools.docs import generate

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "firmware_notes").glob("*.md")]
)


def block(name: str, content: str = "") -> str:
    """A generated block as it stands in a document."""
    return f"before\n\n<!-- generated: {name} -->\n{content}<!-- end -->\n\nafter\n"


@pytest.mark.parametrize("path", generate.documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_generated_tables_are_up_to_date(path: Path) -> None:
    assert generate.stale(path) is None, "run make docs"


def test_there_are_tables_to_check() -> None:
    blocks = [re.findall(r"<!-- generated: (\S+)", path.read_text("utf-8")) for path in generate.documents()]
    assert {"parameters", "bus", "laws", "law-evidence"} <= {name for names in blocks for name in names}


def test_a_changed_table_is_noticed_and_mended() -> None:
    fresh = generate.filled(block("parameters VCF"))
    assert "| VCF | `97` | VCF FREQ | 34 | yes | 0-127 | documented |" in fresh
    assert "DCO1" not in fresh
    assert generate.filled(fresh) == fresh
    assert generate.filled(fresh.replace("34", "35")) == fresh
    assert fresh.startswith("before\n")
    assert fresh.endswith("after\n")


def test_what_the_tables_say() -> None:
    """A few cells, worked out by hand."""
    parameters = generate.filled(block("parameters"))
    assert len(re.findall(r"^\| [A-Z]", parameters, re.MULTILINE)) == 64
    assert "| LFO | `A1` | LFO WF | 44 | yes | 0: random, 32: square, 64: triangle |" in parameters
    assert "0: 61-66, +1: 67-71" in generate.filled(block("tune"))
    laws = generate.filled(block("laws"))
    assert "| `vcf_cutoff` | 20 to 18000, exponential | Hz | assumed |  |  |" in laws
    assert "| 2 (documented: thesis eq. 4.7) |" in laws
    assert "| `dco_clock` | 8000000 | Hz | documented |" in laws
    bus = generate.filled(block("bus"))
    assert "| parameter | `80`-`BF` value | 2 | 0.64 ms | `97 40` | VCF FREQ = 64 |" in bus
    assert "| voice on | `C0`-`C5` note velocity (voice 0-5) | 3 | 0.96 ms | `C0 48 74` |" in bus
    assert "`F1` lower, `F9` upper, `F4` both" in bus


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (block("nonsense"), "nonsense"),
        (block("parameters WOBBLE"), "WOBBLE"),
        (block("laws wobble_"), "wobble_"),
        (block(""), "no block"),
        ("<!-- generated: bus -->\n", "lost"),
        ("<!-- end -->\n", "lost"),
        ("<!-- generated: bus -->\n<!-- generated: tune -->\n<!-- end -->\n", "lost"),
    ],
)
def test_broken_marks_are_named(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        generate.filled(text)


def test_the_command_checks() -> None:
    command = [sys.executable, "-m", "tools.docs.generate", "--check"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_every_law_and_its_evidence_is_in_the_profiles_page() -> None:
    """Counted from the page itself, not by the generator."""
    page = (ROOT / "docs/profiles.md").read_text("utf-8")
    cells = [line.split(" | ") for line in page.splitlines() if line.startswith("| `")]
    counted = {kind: sum(row[3] == kind for row in cells) for kind in ("documented", "inferred", "assumed")}
    for kind, count in counted.items():
        assert f"| {kind} | {count} | " in page
    assert sum(counted.values()) == len(cells) > 35


def test_open_questions_are_numbered_once_and_found_from_the_notes() -> None:
    unknowns = (ROOT / "firmware_notes/unknowns.md").read_text("utf-8")
    rows = re.findall(r"^\| U(\d+) \| (.+?) \| (.+?) \|$", unknowns, re.MULTILINE)
    assert sorted(int(number) for number, _, _ in rows) == list(range(1, len(rows) + 1))
    assert all(len(question) > 5 and len(measurement) > 20 for _, question, measurement in rows)
    for path in (ROOT / "firmware_notes").glob("*.md"):
        for number in re.findall(r"\bU(\d+)\b", path.read_text("utf-8")):
            assert 1 <= int(number) <= len(rows), f"{path.name} names U{number}"


PACKAGES = "jxctl|simulator|estimator|tests|benchmarks|tools"
MODULE_DOCUMENTS = [
    *(path for path in DOCUMENTS if path.name != "CHANGELOG.md"),  # which tells what was
    *sorted((ROOT / "estimator").rglob("*.md")),
    ROOT / "benchmarks/README.md",
]
PLACES = "jxctl|simulator|estimator|tests|benchmarks|tools|docs|examples"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_documents_name_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in target:
            assert (path.parent / target).exists(), target
    for target in re.findall(rf"`((?:{PLACES})/[\w/.-]+)`", text):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("path", MODULE_DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_that_documents_name_exist(path: Path) -> None:
    """By dotted name, alone or with a name in it, and by the bare name of a file."""
    text = path.read_text("utf-8")
    for dotted in re.findall(rf"(?:`|-m )((?:{PACKAGES})\.[\w.]*\w)", text):
        assert dotted.endswith(".py") or is_there(dotted), dotted
    files = {found.name for folder in PACKAGES.split("|") for found in (ROOT / folder).rglob("*.py")}
    for name in re.findall(r"`(?:\w+/)*(\w+\.py)`", text):
        assert name in files or name == "_name.py", name


def named_in(module: Path) -> set[str]:
    """Names that a module defines or imports, methods and fields of its classes among them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def is_there(dotted: str) -> bool:
    """Whether a module has that name, or the module it begins with holds the next part of it."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        place = ROOT.joinpath(*parts[:count])
        module = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if module.exists():
            return not parts[count:] or parts[count] in named_in(module)
    return False


def test_a_module_that_is_not_there_is_found() -> None:
    assert is_there("simulator.synth.render")
    assert is_there("estimator.inference.estimator.Estimator")
    assert not is_there("simulator.board")
    assert not is_there("simulator.instrument.boards.Board")


def test_tests_that_the_notes_name_exist() -> None:
    named = {
        name
        for path in (ROOT / "firmware_notes").glob("*.md")
        for name in re.findall(r"`(?:test_\w+\.py::)?(test_\w+)`", path.read_text("utf-8"))
    }
    written = {
        name
        for path in (ROOT / "tests").rglob("*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
    }
    assert len(named) > 5
    assert named <= written

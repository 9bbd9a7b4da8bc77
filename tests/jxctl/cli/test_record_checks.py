"""``jx record`` as a program: the checks at the start, where tones come from, what is written down."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from jxctl.dataset import rows
from jxctl.protocol.tone import INIT_TONE, write_tone

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = ROOT / "tests" / "support" / "fake_rig.py"
Run = Callable[..., subprocess.CompletedProcess[str]]
QUICK = ["--gate", "0.05", "--max-seconds", "0.3"]
UNCHECKED = [*QUICK, "--skip-checks"]


@pytest.fixture
def record(program: Run) -> Run:
    """Run ``jx record`` on a fake port, into ``set`` in a folder."""

    def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
        return program(PROGRAM, "record", folder / "set", *options, cwd=folder, timeout=120)

    return run


def test_the_checks_are_told_and_kept(record: Run, tmp_path: Path) -> None:
    asked = ["--port", "fake:", "--tones", "2", *QUICK, "--json"]
    shown = record(tmp_path, *asked)
    assert shown.returncode == 0, shown.stderr
    assert "checked: noise floor -200.0 dBFS, loudest peak -6.0 dBFS (+0 dB to -6 dBFS)" in shown.stderr
    told = json.loads(shown.stdout)["checks"]
    assert told["latency_s"] == pytest.approx(0, abs=0.001)
    assert {row["latency_s"] for row in rows(tmp_path / "set")} == {told["latency_s"]}
    assert "written by jx" in (tmp_path / "set" / "README.md").read_text("utf-8"), "there is a data card"
    again = record(tmp_path, *asked)
    assert json.loads(again.stdout)["checks"] is None, "nothing is left to record"
    assert again.stderr == ""


def test_a_file_in_place_of_the_folder_is_told_before_any_sound(record: Run, tmp_path: Path) -> None:
    (tmp_path / "set").write_text("mine")
    shown = record(tmp_path, "--port", "fake:mute", "--tones", "1", *QUICK)
    assert (shown.returncode, "cannot write" in shown.stderr) == (1, True)
    assert (tmp_path / "set").read_text() == "mine"


@pytest.mark.parametrize(("port", "said"), [("fake:mute", "nothing is heard"), ("fake:hot", "clips")])
def test_a_bench_that_is_no_use_is_exit_4_and_writes_nothing(
    record: Run, tmp_path: Path, port: str, said: str
) -> None:
    shown = record(tmp_path, "--port", port, "--tones", "1", *QUICK)
    assert (shown.returncode, shown.stdout) == (4, "")
    assert said in shown.stderr
    assert "--skip-checks" in shown.stderr
    assert "Traceback" not in shown.stderr
    assert list(tmp_path.iterdir()) == []
    anyway = record(tmp_path, "--port", port, "--tones", "1", *UNCHECKED)
    assert anyway.returncode == 0
    assert "none is usable" in anyway.stdout
    (row,) = rows(tmp_path / "set")
    assert (row["attempts"], row["latency_s"]) == (3, None)


def test_tones_come_from_files_and_labels_from_the_bench(record: Run, tmp_path: Path) -> None:
    for k in range(3):
        write_tone(INIT_TONE.with_values({"DCO1 LFO": k}).named(f"T{k}"), tmp_path / f"T{k}.json")
    (tmp_path / "bench.toml").write_text('port = "fake:"\nunit = "A1"\nrom = "1.08"\ngain = "at 3"\n')
    asked = ["--rig", "bench.toml", "--from", "T2.json", "--from", "T0.json", "--reference", "T1.json"]
    asked += ["--every", "1", "--unit", "B2", "--powered-on-minutes", "30", *UNCHECKED]
    shown = record(tmp_path, *asked)
    assert shown.returncode == 0, shown.stderr
    found = list(rows(tmp_path / "set"))
    assert [(row["tone_name"], row["reference"]) for row in found] == [
        ("T1", True),
        ("T2", False),
        ("T1", True),
        ("T0", False),
    ]
    for row in found:
        assert (row["unit"], row["firmware"], row["input_gain"]) == ("B2", "1.08", "at 3")
        assert row["tones_from"] == "T2.json T0.json"
        assert 30 <= float(row["powered_on_min"] or 0) < 32


def test_a_design_is_swept_first(record: Run, tmp_path: Path) -> None:
    shown = record(tmp_path, "--port", "fake:", "--from", "design", "--tones", "5", *UNCHECKED)
    assert shown.returncode == 0, shown.stderr
    names = [row["tone_name"] for row in rows(tmp_path / "set")]
    assert names == ["80=0", "80=32", "80=64", "80=96", "81=0"], "$80 has four positions"


def test_notes_and_velocities_are_lists(record: Run, tmp_path: Path) -> None:
    asked = ["--notes", "48,60", "--velocity", "40", "--velocity", "90", "--notes-per-tone", "3"]
    assert record(tmp_path, "--port", "fake:", "--tones", "4", *asked, *UNCHECKED).returncode == 0
    found = [(row["note"], row["velocity"]) for row in rows(tmp_path / "set")]
    assert len(found) == 12
    assert set(found) == {(48, 40), (48, 90), (60, 40), (60, 90)}

"""The leaderboard of thesis26: the quick one runs every entry, and the report says what the data say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import board26_report, leaderboard, leaderboard26
from estimator.papers.vecoven2020.entries import ENTRIES
from jxctl.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``--quick`` writes."""
    folder = tmp_path_factory.mktemp("board")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.leaderboard26", "--quick", "--cache", folder, "--output", folder],
        cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == (folder / "thesis26.md").read_text() + "\n"
    return folder


def test_every_entry_runs_and_is_measured(quick: Path) -> None:
    report = json.loads((quick / "thesis26.json").read_text())
    assert [entry["entry"] for entry in report["entries"]] == [entry.name for entry in ENTRIES]
    for entry in report["entries"]:
        assert entry["curve"][-1]["samples"] == entry["samples"] == 64
        assert 0 < entry["errors"]["mse"] < 1
        assert entry["errors"]["mse"] == pytest.approx(entry["curve"][-1]["validation_mse"], rel=1e-4)
        assert entry["made"]["commit"]
        assert ("ranks" in entry) == (entry["family"] == "InverSynth")
    text = (quick / "thesis26.md").read_text()
    assert all(f"| {entry.name} |" in text for entry in ENTRIES)


def test_a_second_run_trains_nothing_again(quick: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in quick.rglob("result.json")}
    options = leaderboard26.arguments().parse_args(["--quick", "--cache", str(quick), "--output", str(quick)])
    report = leaderboard26.run(options)
    assert len(report["entries"]) == len(ENTRIES)
    assert {path: path.stat().st_mtime_ns for path in quick.rglob("result.json")} == before


def test_an_unknown_entry_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    options = leaderboard26.arguments().parse_args(["--only", "lstm9", "--cache", str(tmp_path / "c")])
    with pytest.raises(UsageError, match="lstm9") as caught:
        leaderboard26.run(options)
    assert "lstm1" in str(caught.value.hint)
    assert not (tmp_path / "c").exists()


def entry(name: str, family: str, mse: float, samples: int = 100, seed: int = 0) -> dict:
    return {
        "entry": name, "family": family, "seed": seed, "samples": samples, "weights": 1, "seconds": 60.0,
        "curve": [{"samples": samples, "train_mse": mse, "validation_mse": mse}],
        "errors": {"mse": mse, "mse_interval": 0.001, "mae": 0.1},
        "heard": {"audible": mse, "inaudible": mse, "share": 0.5},
        "rendered": {"pcc_stft_mean": 90.0, "pcc_ft_mean": 50.0, "frobenius_mean": 100.0},
    }  # fmt: skip


def test_the_verdict_compares_with_the_best_that_saw_as_much() -> None:
    report = {
        "samples": 100,
        "entries": [entry("cnn1", "thesis", 0.04), entry("lstm1", "thesis", 0.03),
                    entry("full band", "ours", 0.018), entry("lcnn1", "thesis", 0.001, samples=25)],
    }  # fmt: skip
    said = board26_report.verdict(report)
    assert "lstm1" in said
    assert "Full band: 40% lower" in said


def test_what_was_not_trained_is_said() -> None:
    report = {
        "tones": 500,
        "samples": 100,
        "batch": 32,
        "validation": {"tones": 9},
        "missing": ["Conv1", "HC"],
    }
    said = board26_report.introduction(report)
    assert "the same 100 tones" in said
    assert "Not trained at this budget: Conv1, HC." in said
    assert "Not trained" not in board26_report.introduction(report | {"missing": []})


def test_seeds_are_shown_together() -> None:
    report = {
        "samples": 100, "constants": {},
        "entries": [entry("cnn1", "thesis", 0.04), entry("cnn1", "thesis", 0.05, seed=1)],
    }  # fmt: skip
    table = board26_report.errors_table(report)
    assert table.count("| cnn1 ") == 1
    assert "seeds 0.0400, 0.0500" in table


def test_the_board_is_its_sections_and_check_finds_a_difference(tmp_path: Path) -> None:
    (tmp_path / "thesis26.md").write_text("## One\n\ntext\n")
    assert "*No tones.md yet.*" in leaderboard.composed(tmp_path)
    (tmp_path / "tones.md").write_text("## Other\n")
    command = [sys.executable, "-m", "benchmarks.leaderboard", "--folder", tmp_path]

    def run(*more: str) -> int:
        return subprocess.run([*command, *more], cwd=ROOT, capture_output=True, check=False).returncode

    assert run("--check") == 1
    assert run() == 0
    assert run("--check") == 0
    text = (tmp_path / "leaderboard.md").read_text()
    assert text.index("## Other") < text.index("## One")
    (tmp_path / "tones.md").write_text("## Changed\n")
    assert run("--check") == 1

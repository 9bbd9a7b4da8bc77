"""``jx dataset`` as a program: what it prints, its codes, and what it never does."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from takes import a_set, a_take

from jxctl.dataset import check, rows
from jxctl.dataset.writer import Writer

Jx = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def five(tmp_path: Path) -> Path:
    """Takes of three tones, and two of the reference tone."""
    with Writer(tmp_path / "set") as data_set:
        for index in range(3):
            data_set.append(index, a_take(index), seed=4)
        data_set.append(3, a_take(3, reference=True, gain=0.3))
        data_set.append(4, a_take(3, reference=True, gain=0.15))
    return tmp_path / "set"


def test_a_sound_set(five: Path, jx: Jx) -> None:
    done = jx("dataset", "check", five)
    assert (done.returncode, done.stderr) == (0, "")
    assert "5 takes, sound" in done.stdout
    assert (
        "drift of the reference tone, note 60, velocity 100, 2 takes: level -6.02 to +0.00 dB" in done.stdout
    )
    data = json.loads(jx("dataset", "check", five, "--json").stdout)
    assert (data["takes"], data["findings"], data["verdicts"]) == (5, 0, {"ok": 5})
    assert data["drift"][0]["takes"][1]["level_db"] == pytest.approx(-6.02, abs=0.05)


def test_findings_are_said_and_end_with_4(five: Path, jx: Jx) -> None:
    (five / "takes/000/000001.flac").write_text("text in place of sound\n")
    (five / "takes/000/000002.flac").unlink()
    done = jx("dataset", "check", five)
    assert done.returncode == 4
    assert "000001.flac is not the file that was recorded" in done.stderr
    assert "000002.flac is listed but cannot be read" in done.stderr
    assert "5 takes, 2 findings" in done.stdout
    assert "restore the files from a copy" in done.stdout
    done = jx("dataset", "check", five, "--json")
    assert done.returncode == 4
    assert len(json.loads(done.stdout)["found"]) == 2


def test_a_row_with_a_missing_column_is_a_finding_for_check_and_an_error_elsewhere(
    five: Path, jx: Jx
) -> None:
    metadata = five / "metadata.jsonl"
    lines = metadata.read_text("utf-8").splitlines()
    row = json.loads(lines[1])
    del row["tone"]
    metadata.write_text("\n".join([lines[0], json.dumps(row), *lines[2:]]) + "\n", "utf-8")
    done = jx("dataset", "check", five)
    assert done.returncode == 4
    assert "line 2 is not the row of a take: it has no tone" in done.stderr
    for command in (("info",), ("split", "-o", "out"), ("export", "-o", "x.csv")):
        done = jx("dataset", command[0], five, *command[1:])
        assert done.returncode == 4, done.stderr
        assert "line 2 is not the row of a take: it has no tone" in done.stderr
        assert "Traceback" not in done.stderr
    assert sorted(path.name for path in five.parent.iterdir()) == ["set"]


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ("check", "nothing"), ("check", "a folder"), ("check", "a file"), ("info", "a folder"),
        ("split", "a file"), ("merge", "nothing"), ("export", "a folder"),
    ],
)  # fmt: skip
def test_what_is_no_data_set_is_refused(command: str, what: str, jx: Jx, tmp_path: Path) -> None:
    given = tmp_path / "given"
    if what == "a folder":
        (given / "takes").mkdir(parents=True)
    elif what == "a file":
        given.write_bytes(b"fLaC")
    more = {"split": ["-o", "out"], "merge": ["given", "-o", "out"], "export": ["-o", "out.csv"]}
    done = jx("dataset", command, "given", *more.get(command, []))
    assert done.returncode == 2, done.stderr
    assert "given is not a data set" in done.stderr
    assert "jx record" in done.stderr
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out.csv").exists()


def test_info_and_the_card(five: Path, jx: Jx) -> None:
    done = jx("dataset", "info", five)
    assert done.returncode == 0
    assert "5 takes, 5 trusted" in done.stdout
    assert "tones: 4   takes of the reference tone: 2" in done.stdout
    assert "serial:fake" in done.stdout
    assert not (five / "README.md").exists(), "nothing is written that was not asked for"
    data = json.loads(jx("dataset", "info", five, "--json", "--card").stdout)
    assert data["verdict"] == {"ok": 5}
    assert data["coverage"]["DCO1 LFO"] == {"used": 4, "of": 128}
    assert data["card"] == str(five / "README.md")
    (five / "README.md").write_text("mine")
    done = jx("dataset", "info", five, "--card")
    assert done.returncode == 2
    assert "was not written by jx" in done.stderr


def test_split_and_merge(five: Path, jx: Jx, tmp_path: Path) -> None:
    done = jx("dataset", "split", five, "-o", "parts", "--train", "0.5", "--seed", "1", "--json")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert data["train"]["takes"] + data["test"]["takes"] == 5
    assert data["train"]["tones"] + data["test"]["tones"] == 4
    done = jx("dataset", "merge", "parts/train", "parts/test", five, "-o", "again")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "again: 5 takes\n5 left out: they were in already\n"
    assert list(check(tmp_path / "again")) == []
    done = jx("dataset", "split", five, "-o", "parts")
    assert (done.returncode, "parts is there already" in done.stderr) == (2, True)
    done = jx("dataset", "split", five, "-o", "more", "--train", "1.5")
    assert (done.returncode, "between 0 and 1" in done.stderr) == (2, True)


def test_merging_other_rates_is_refused(five: Path, jx: Jx, tmp_path: Path) -> None:
    a_set(tmp_path / "fast", 1, sample_rate=16000)
    done = jx("dataset", "merge", five, "fast", "-o", "out")
    assert done.returncode == 2
    assert "16000 Hz" in done.stderr
    assert not (tmp_path / "out").exists()


def test_export(five: Path, jx: Jx, tmp_path: Path) -> None:
    for name in ("x.npz", "x.csv"):
        done = jx("dataset", "export", five, "-o", name)
        assert done.returncode == 0, done.stderr
        assert f"{name}: 5 takes" in done.stdout
        done = jx("dataset", "export", five, "-o", name)
        assert (done.returncode, "--force" in done.stderr) == (2, True)
        assert jx("dataset", "export", five, "-o", name, "--force").returncode == 0
    assert jx("dataset", "export", five, "-o", "w", "--format", "wav").returncode == 0
    assert len(list((tmp_path / "w").rglob("*.wav"))) == 5
    for more in (["-o", "x.mp3"], ["-o", "y", "--format", "mp3"], ["-o", "w", "--format", "wav"]):
        done = jx("dataset", "export", five, *more)
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
def test_ctrl_c_ends_a_check_with_130(tmp_path: Path) -> None:
    """The first finding says that it is under way; a pipe that nobody empties then holds it there."""
    a_set(tmp_path / "set", 1)
    metadata = tmp_path / "set/metadata.jsonl"
    row = json.loads(metadata.read_text("utf-8"))
    lost = (json.dumps(row | {"index": k, "file_name": f"takes/000/{k:06d}.flac"}) for k in range(1, 3000))
    metadata.write_text("".join(line + "\n" for line in lost), "utf-8")
    root = Path(__file__).resolve().parents[3]
    with subprocess.Popen(
        [sys.executable, "-m", "jxctl", "dataset", "check", str(tmp_path / "set")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=root,
    ) as check_it:  # fmt: skip
        assert check_it.stderr is not None
        assert b"listed but cannot be read" in check_it.stderr.readline()
        check_it.send_signal(signal.SIGINT)
        said = check_it.stderr.read()
        assert check_it.wait(60) == 130
    assert said.endswith(b"jx: interrupted\n")
    assert len(list(rows(tmp_path / "set"))) == 2999


def test_progress_stays_off_stdout(five: Path, jx: Jx) -> None:
    for command in (("check",), ("info",), ("export", "-o", "x.csv")):
        done = jx("dataset", command[0], five, *command[1:], "--json")
        json.loads(done.stdout)

"""``jx record`` as a program: requests, kills, interruptions and full disks."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from jxctl.dataset import check, read, rows
from jxctl.dataset.writer import Writer

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = ROOT / "tests" / "support" / "fake_rig.py"
POSIX = pytest.mark.skipif(os.name == "nt", reason="kills and limits as POSIX has them")


Run = Callable[..., subprocess.CompletedProcess[str]]
QUICK = ["--gate", "0.05", "--max-seconds", "0.3", "--skip-checks"]


def command(folder: Path, *options: str) -> list[str]:
    return [sys.executable, str(PROGRAM), "record", str(folder), "--port", "fake:", *QUICK, *options]


@pytest.fixture
def surroundings() -> dict[str, str]:
    """The environment in which this checkout is used."""
    return os.environ | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


@pytest.fixture
def recorded(tmp_path: Path, program: Run) -> Run:
    """Run ``jx record`` on the fake port."""

    def run(*options: str, folder: str = "set", **more: Any) -> subprocess.CompletedProcess[str]:
        return program(*command(tmp_path / folder, *options)[1:], **({"timeout": 120} | more))

    return run


def test_record_writes_a_data_set_and_says_where(recorded: Run, fakes: ModuleType, tmp_path: Path) -> None:
    shown = recorded("--tones", "3", "--note", "60", "--note", "72", "--velocity", "50", "--seed", "9")
    assert shown.returncode == 0
    assert shown.stderr.splitlines() == ["to record: 6 takes, about 2 s of sound (at most 2 s), 32 kB"]
    assert "6 takes recorded" in shown.stdout
    assert "6 ok, 0 failed" in shown.stdout
    assert "takes per second" in shown.stdout
    assert str(tmp_path / "set" / "metadata.jsonl") in shown.stdout
    assert fakes.intact(tmp_path / "set") == list(range(6))
    assert list(check(tmp_path / "set")) == []
    found = list(rows(tmp_path / "set"))
    assert [(row["note"], row["velocity"], row["seed"]) for row in found] == [(60, 50, 9), (72, 50, 9)] * 3


def test_record_again_adds_only_what_is_new(recorded: Run, fakes: ModuleType, tmp_path: Path) -> None:
    first = recorded("--tones", "2", "--json")
    assert first.returncode == 0, first.stderr
    told = json.loads(first.stdout)
    assert (told["planned"], told["recorded"], told["already_there"], told["ok"]) == (2, 2, 0, 2)
    assert told["takes_per_second"] > 0
    before = (tmp_path / "set" / "metadata.jsonl").read_bytes()
    # More tones than are drawn at once: the first are still the same.
    again = json.loads(recorded("--tones", "300", "--json").stdout)
    assert (again["planned"], again["recorded"], again["already_there"]) == (300, 298, 2)
    assert (tmp_path / "set" / "metadata.jsonl").read_bytes().startswith(before)
    assert fakes.intact(tmp_path / "set") == list(range(300))
    done = recorded("--tones", "300")
    assert "0 takes recorded" in done.stdout
    assert done.stderr == "", "there is nothing to estimate"


@pytest.mark.parametrize("other", [["--seed", "1"], ["--note", "61"], ["--velocity", "1"], ["--every", "1"]])
def test_another_plan_is_exit_2_and_changes_nothing(recorded: Run, tmp_path: Path, other: list[str]) -> None:
    assert recorded("--tones", "1").returncode == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    shown = recorded("--tones", "2", *other)
    assert (shown.returncode, shown.stdout) == (2, "")
    assert "holds the takes of another plan: take 0 differs" in shown.stderr
    assert "Traceback" not in shown.stderr
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_another_profile_is_exit_2_and_changes_nothing(recorded: Run, tmp_path: Path) -> None:
    assert recorded("--tones", "1").returncode == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    shown = recorded("--tones", "2", "--profile", "thesis")
    assert (shown.returncode, shown.stdout) == (2, "")
    assert "was recorded with profile unknown; this would be thesis" in shown.stderr
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("options", "code", "word"),
    [
        (["--tones", "0"], 2, "--tones"),
        (["--tones", "1", "--note", "128"], 2, "the note is 128"),
        (["--tones", "1", "--notes", "60,x"], 2, "--notes: 'x' is no number"),
        (["--tones", "1", "--notes", "60.5"], 2, "--notes: '60.5' is no number"),
        (["--tones", "1", "--notes", "60,60"], 2, "twice"),
        (["--tones", "1", "--velocity", "0"], 2, "the velocity is 0"),
        (["--tones", "1", "--gate", "0"], 2, "gate of 0 s"),
        (["--tones", "1", "--gate", "nan"], 2, "gate of nan s"),
        (["--tones", "1", "--gate", "2", "--max-seconds", "1"], 2, "does not fit"),
        (["--tones", "1", "--notes-per-tone", "9"], 2, "9 notes per tone"),
        (["--tones", "1", "--from", "prior", "--from", "design"], 2, "--from prior goes with no other"),
        (["--from", "no such file"], 2, "no such file"),
        (["--tones", "1", "--reference", "no such file"], 2, "no such file"),
        (["--tones", "1", "--every", "0"], 2, "--every"),
        (["--tones", "1", "--retries", "-1"], 2, "--retries"),
        (["--tones", "1", "--model", "mks70"], 2, "not to a mks70"),
        (["--tones", "1", "--rig", "no such file"], 2, "no such file"),
        (["--tones", "1", "--powered-on-minutes", "-1"], 2, "--powered-on-minutes"),
        (["--tones", "1", "--powered-on-minutes", "inf"], 2, "--powered-on-minutes"),
        (["--tones", "1", "--seed", "-1"], 2, "--seed"),
        (["--tones", "1", "--sample-rate", "96000"], 2, "sounds at 8000 Hz, not at 96000"),
        (["--tones", "1", "--port", "fake:deaf"], 2, "--audio DEVICE"),
        (["--tones", "1", "--port", "none:"], 3, "none:"),
        ([], 2, "--tones"),
    ],
)
def test_bad_requests_write_nothing(
    recorded: Run, tmp_path: Path, options: list[str], code: int, word: str
) -> None:
    shown = recorded(*options)
    assert (shown.returncode, shown.stdout) == (code, "")
    assert word in shown.stderr
    assert shown.stderr.startswith("jx: ")
    assert "Traceback" not in shown.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_audio_input_that_is_not_there_is_exit_3_and_writes_nothing(
    recorded: Run, tmp_path: Path, surroundings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    hidden = tmp_path_factory.mktemp("modules")
    (hidden / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    shown = recorded(
        *("--tones", "1", "--audio", "default"),
        env=surroundings | {"PYTHONPATH": os.pathsep.join([str(hidden), str(ROOT)])},
    )
    assert (shown.returncode, shown.stdout) == (3, "")
    assert "PortAudio" in shown.stderr
    assert list(tmp_path.iterdir()) == []


def test_two_recorders_on_one_folder_are_refused(recorded: Run, tmp_path: Path) -> None:
    with Writer(tmp_path / "set"):
        shown = recorded("--tones", "1")
    assert shown.returncode == 1
    assert "another process is recording into" in shown.stderr
    assert list(rows(tmp_path / "set")) == []


@POSIX
@pytest.mark.parametrize("limit", [1000, 4000])
def test_a_full_disk_is_exit_1_and_lists_only_what_is_whole(
    recorded: Run, fakes: ModuleType, tmp_path: Path, limit: int
) -> None:
    import resource

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    # 1000 bytes are less than a FLAC, 4000 less than the rows of ten takes.
    shown = recorded("--tones", "10", preexec_fn=small_files)
    assert (shown.returncode, shown.stdout) == (1, "")
    assert "cannot write" in shown.stderr
    assert "free space" in shown.stderr
    assert "Traceback" not in shown.stderr
    done = fakes.intact(tmp_path / "set")
    assert done == list(range(len(done)))
    assert (len(done) > 0) is (limit == 4000)
    assert f"{len(done)} of 10 takes are in" in shown.stderr
    assert list(check(tmp_path / "set")) == []
    assert recorded("--tones", "10").returncode == 0
    assert fakes.intact(tmp_path / "set") == list(range(10))


def wait_for_rows(folder: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    metadata = folder / "metadata.jsonl"
    while not metadata.exists() or metadata.read_bytes().count(b"\n") < count:
        assert process.poll() is None, "the recorder ended before it was stopped"
        time.sleep(0.01)


@POSIX
def test_ctrl_c_is_exit_130_and_leaves_a_set_to_continue(
    recorded: Run, fakes: ModuleType, tmp_path: Path, surroundings: dict[str, str]
) -> None:
    with subprocess.Popen(
        command(tmp_path / "set", "--tones", "5000"), stderr=subprocess.PIPE, env=surroundings
    ) as process:
        wait_for_rows(tmp_path / "set", 3, process)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in said
    done = fakes.intact(tmp_path / "set")
    assert len(done) >= 2, "only the third may not have been durable yet"
    assert f"{len(done)} of 5000 takes are in".encode() in said
    more = json.loads(recorded("--tones", str(len(done) + 2), "--json").stdout)
    assert (more["already_there"], more["recorded"]) == (len(done), 2)


@POSIX
def test_kill_9_at_random_moments_then_resume(
    recorded: Run, fakes: ModuleType, tmp_path: Path, surroundings: dict[str, str]
) -> None:
    folder, moments, done = tmp_path / "set", random.Random(3), 0
    for _ in range(5):
        process = subprocess.Popen(command(folder, "--tones", "5000"), env=surroundings)
        wait_for_rows(folder, done + 1, process)
        time.sleep(moments.uniform(0, 0.1))
        process.kill()
        process.wait()
        indices = fakes.intact(folder)
        assert indices == list(range(len(indices)))
        assert len(indices) > done, "what was listed stays listed"
        done = len(indices)
    shown = recorded("--tones", str(done + 3), "--json")
    assert json.loads(shown.stdout)["recorded"] == 3
    assert fakes.intact(folder) == list(range(done + 3))
    assert list(check(folder)) == []


# -- through the virtual board ----------------------------------------------------------------------


def test_a_data_set_comes_out_of_the_virtual_board(jx: Run, tmp_path: Path) -> None:
    asked = ["--port", "sim:", "--gate", "0.2", "--max-seconds", "1", "--note", "48", "--note", "72"]
    assert jx("record", "set", *asked, "--tones", "1").returncode == 0
    shown = jx("record", "set", *asked, "--tones", "3", "--json")
    assert shown.returncode == 0, shown.stderr
    told = json.loads(shown.stdout)
    assert (told["planned"], told["recorded"], told["already_there"]) == (6, 4, 2)
    found = list(read(tmp_path / "set"))
    assert [(row["note"], row["port"], row["sample_rate"]) for row, _ in found] == [
        (48, "sim:", 44100),
        (72, "sim:", 44100),
    ] * 3
    assert len({row["tone"] for row, _ in found}) == 3
    for row, audio in found:
        assert 0.2 * 44100 <= len(audio) <= 44100
        peak = np.max(np.abs(audio))
        assert row["peak_dbfs"] == pytest.approx(20 * np.log10(peak), abs=0.01)
        assert row["verdict"] == ("ok" if peak > 1e-4 else "expected silence")
    assert list(check(tmp_path / "set")) == []


def test_the_same_command_records_the_same_sound(jx: Run, tmp_path: Path) -> None:
    for name in ("a", "b"):
        asked = ["--port", "sim:", "--gate", "0.2", "--max-seconds", "1", "--tones", "2", "--seed", "5"]
        assert jx("record", name, *asked).returncode == 0
    # The rows hold the hash of each file, and differ in the time of day alone.
    a, b = (
        [{name: value for name, value in row.items() if name != "recorded_at"} for row in rows(tmp_path / n)]
        for n in "ab"
    )
    assert a == b


@pytest.mark.parametrize("model", ["mks70", "jx8p"])
def test_a_whole_synth_is_recorded_over_midi(jx: Run, tmp_path: Path, model: str) -> None:
    asked = ["--port", f"sim:?model={model}", "--tones", "2", "--seed", "4", "--gate", "0.2", "--note", "57"]
    shown = jx("record", "set", *asked, "--max-seconds", "1", "--json")
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["recorded"] == 2
    for row in rows(tmp_path / "set"):
        assert (row["model"], row["board"], row["voice"], row["profile"]) == (model, None, None, "superjx")
        # A patch message of Roland's SysEx: F0 41 35 ... F7 (jx_hardware.md 4.2).
        assert str(row["patch"])[:6] == "f04135"
        assert row["verdict"] == "ok"
    assert list(check(tmp_path / "set")) == []


def test_too_many_tones_are_refused_and_nothing_is_written(jx: Run, tmp_path: Path) -> None:
    done = jx("record", "takes", "--port", "sim:", "--tones", "1" + "0" * 15)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []

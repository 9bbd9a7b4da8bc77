"""Plans, resuming, and ``jx record`` under kills, interruptions and full disks."""

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
from jxctl.dataset_writer import Writer
from jxctl.errors import UsageError
from jxctl.recorder import PlannedTake, plan_takes, record, remaining
from jxctl.rig import Rig
from jxctl.synth import Synth
from jxctl.tone import Tone

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).with_name("fake_rig.py")
POSIX = pytest.mark.skipif(os.name == "nt", reason="kills and limits as POSIX has them")


def intact(fakes: ModuleType, folder: Path) -> list[int]:
    """The indices listed, after checking that every take holds the sound that its labels promise."""
    indices = []
    for row, audio in read(folder):
        level = Tone(bytes.fromhex(row["tone"])).raw("VCA LEVEL")
        wanted = fakes.expected(row["note"], row["velocity"], level, row["gate_s"], len(audio))
        assert np.max(np.abs(audio - wanted)) < 1e-6, f"take {row['index']} is not what its row says"
        assert row["verdict"] == "ok"
        indices.append(row["index"])
    assert len(set(indices)) == len(indices), "a take is listed twice"
    return indices


# -- plans ------------------------------------------------------------------------------------------


def test_a_plan_is_every_tone_at_every_note_and_velocity(fakes: ModuleType) -> None:
    a, b = fakes.numbered_tone(0), fakes.numbered_tone(1)
    plan = plan_takes([a, b], [60, 72], [50, 100], 0.5, 2.0)
    assert [take.index for take in plan] == list(range(8))
    assert [(take.tone, take.note, take.velocity) for take in plan] == [
        *((a, 60, 50), (a, 60, 100), (a, 72, 50), (a, 72, 100)),
        *((b, 60, 50), (b, 60, 100), (b, 72, 50), (b, 72, 100)),
    ]
    assert {(take.gate_s, take.max_seconds) for take in plan} == {(0.5, 2.0)}


@pytest.mark.parametrize("wrong", [{"note": 128}, {"velocity": 0}, {"gate_s": 9.0}])
def test_a_plan_holds_only_what_can_be_played(fakes: ModuleType, wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        PlannedTake(
            **(
                {"index": 0, "tone": fakes.numbered_tone(0), "note": 60}
                | {"velocity": 9, "gate_s": 1}
                | wrong
            )
        )


def run_plan(fakes: ModuleType, folder: Path, plan: list[PlannedTake]) -> tuple[int, list[int]]:
    """Record what is left of a plan; how many that was, and what ``on_take`` saw."""
    port = fakes.FakePort()
    seen: list[int] = []
    with Writer(folder) as data_set:
        left = remaining(plan, data_set)
        verdicts = record(left, Rig(Synth(port), port), data_set, 0, lambda row: seen.append(row["index"]))
    assert sum(verdicts.values()) == len(left) == len(seen)
    return len(left), seen


def test_recording_continues_where_it_stopped(fakes: ModuleType, tmp_path: Path) -> None:
    plan = plan_takes([fakes.numbered_tone(k) for k in range(4)], [60], [100], 0.05, 0.3)
    assert run_plan(fakes, tmp_path, plan[:2]) == (2, [0, 1])
    assert run_plan(fakes, tmp_path, plan) == (2, [2, 3])
    assert run_plan(fakes, tmp_path, plan) == (0, [])
    assert run_plan(fakes, tmp_path, plan[:1]) == (0, []), "a shorter plan asks for nothing more"
    assert intact(fakes, tmp_path) == [0, 1, 2, 3]


def test_a_gap_is_filled(fakes: ModuleType, tmp_path: Path) -> None:
    plan = plan_takes([fakes.numbered_tone(k) for k in range(3)], [60], [100], 0.05, 0.3)
    run_plan(fakes, tmp_path, [plan[0], plan[2]])
    assert run_plan(fakes, tmp_path, plan) == (1, [1])


@pytest.mark.parametrize(
    "other", [{"notes": [61]}, {"velocities": [99]}, {"gate_s": 0.06}, {"first": 1}, {"notes": [60, 62]}]
)
def test_another_plan_is_refused(fakes: ModuleType, tmp_path: Path, other: dict[str, Any]) -> None:
    def plan(first: int = 0, **changes: Any) -> list[PlannedTake]:
        same = {"notes": [60], "velocities": [100], "gate_s": 0.05, "max_seconds": 0.3}
        return plan_takes([fakes.numbered_tone(k + first) for k in range(2)], **(same | changes))

    run_plan(fakes, tmp_path, plan())
    before = (tmp_path / "metadata.jsonl").read_bytes()
    with Writer(tmp_path) as data_set, pytest.raises(UsageError, match="another plan") as caught:
        remaining(plan(**other), data_set)
    assert "seed" in caught.value.hint
    assert (tmp_path / "metadata.jsonl").read_bytes() == before


def test_failed_takes_are_kept_with_their_verdict(fakes: ModuleType, tmp_path: Path) -> None:
    port = fakes.FakePort()
    plan = plan_takes([fakes.numbered_tone(0), fakes.numbered_tone(1, level=0)], [60], [100], 0.05, 0.3)
    with Writer(tmp_path) as data_set:
        assert record(plan, Rig(Synth(port), port), data_set) == {"ok": 1, "silent": 1}
    assert [(row["verdict"], row["onset_s"] is None) for row in rows(tmp_path)] == [
        ("ok", False),
        ("silent", True),
    ]
    assert [row["seed"] for row in rows(tmp_path)] == [None, None], "an unknown seed is not made up"


# -- the command ------------------------------------------------------------------------------------

Run = Callable[..., subprocess.CompletedProcess[str]]
QUICK = ["--gate", "0.05", "--max-seconds", "0.3"]


def command(folder: Path, *options: str) -> list[str]:
    return [sys.executable, str(PROGRAM), "record", str(folder), "--port", "fake:", *QUICK, *options]


@pytest.fixture
def surroundings() -> dict[str, str]:
    """The environment in which this checkout is used."""
    return os.environ | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


@pytest.fixture
def recorded(tmp_path: Path, surroundings: dict[str, str]) -> Run:
    """Run ``jx record`` on the fake port."""

    def run(*options: str, folder: str = "set", **more: Any) -> subprocess.CompletedProcess[str]:
        given = {"capture_output": True, "text": True, "timeout": 120, "env": surroundings, "cwd": tmp_path}
        return subprocess.run(command(tmp_path / folder, *options), check=False, **(given | more))

    return run


def test_record_writes_a_data_set_and_says_where(recorded: Run, fakes: ModuleType, tmp_path: Path) -> None:
    shown = recorded("--tones", "3", "--note", "60", "--note", "72", "--velocity", "50", "--seed", "9")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "6 takes recorded" in shown.stdout
    assert "6 ok, 0 failed" in shown.stdout
    assert "takes per second" in shown.stdout
    assert str(tmp_path / "set" / "metadata.jsonl") in shown.stdout
    assert intact(fakes, tmp_path / "set") == list(range(6))
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
    assert intact(fakes, tmp_path / "set") == list(range(300))
    assert "0 takes recorded" in recorded("--tones", "300").stdout


@pytest.mark.parametrize(
    "other", [["--seed", "1"], ["--note", "61"], ["--velocity", "1"], ["--gate", "0.06"]]
)
def test_another_plan_is_exit_2_and_changes_nothing(recorded: Run, tmp_path: Path, other: list[str]) -> None:
    assert recorded("--tones", "1").returncode == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    shown = recorded("--tones", "2", *other)
    assert (shown.returncode, shown.stdout) == (2, "")
    assert "holds the takes of another plan: take 0 differs" in shown.stderr
    assert "Traceback" not in shown.stderr
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("options", "code", "word"),
    [
        (["--tones", "0"], 2, "--tones"),
        (["--tones", "1", "--note", "128"], 2, "--note"),
        (["--tones", "1", "--velocity", "0"], 2, "--velocity"),
        (["--tones", "1", "--gate", "0"], 2, "gate of 0 s"),
        (["--tones", "1", "--gate", "2", "--max-seconds", "1"], 2, "does not fit"),
        (["--tones", "1", "--seed", "-1"], 2, "--seed"),
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
    done = intact(fakes, tmp_path / "set")
    assert done == list(range(len(done)))
    assert (len(done) > 0) is (limit == 4000)
    assert f"{len(done)} of 10 takes are in" in shown.stderr
    assert list(check(tmp_path / "set")) == []
    assert recorded("--tones", "10").returncode == 0
    assert intact(fakes, tmp_path / "set") == list(range(10))


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
    done = intact(fakes, tmp_path / "set")
    assert len(done) >= 3
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
        indices = intact(fakes, folder)
        assert indices == list(range(len(indices)))
        assert len(indices) > done, "what was listed stays listed"
        done = len(indices)
    shown = recorded("--tones", str(done + 3), "--json")
    assert json.loads(shown.stdout)["recorded"] == 3
    assert intact(fakes, folder) == list(range(done + 3))
    assert list(check(folder)) == []


@POSIX
def test_kill_9_before_each_step_towards_the_disk_then_resume(
    fakes: ModuleType, tmp_path: Path, surroundings: dict[str, str]
) -> None:
    steps = 24
    subprocess.run(
        [sys.executable, str(PROGRAM), "crash", str(tmp_path), str(steps)],
        check=True,
        env=surroundings,
        timeout=120,
    )
    plan = fakes.crash_plan()
    listed = []
    for step in range(1, steps + 1):
        folder = tmp_path / str(step)
        before = intact(fakes, folder) if (folder / "metadata.jsonl").exists() else []
        left, _ = run_plan(fakes, folder, plan)
        assert left == len(plan) - len(before)
        assert intact(fakes, folder) == list(range(len(plan)))
        assert list(check(folder)) == [], "no stray file stays behind"
        assert not list(folder.glob("takes/*/.*"))
        listed.append(len(before))
    assert listed == sorted(listed)
    assert listed[0] == 0
    assert listed[-1] >= 4, "the kills reach well into the plan"

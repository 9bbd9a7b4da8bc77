"""Plans, resuming, kills at every step towards the disk, and the virtual board."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from jxctl.dataset import check, rows
from jxctl.dataset_writer import Writer
from jxctl.errors import UsageError
from jxctl.ports import AudiblePort, open_port
from jxctl.recorder import PlannedTake, plan_takes, record, remaining
from jxctl.rig import Rig
from jxctl.synth import Synth
from jxctl.tone import INIT_TONE

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).with_name("fake_rig.py")


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
    assert fakes.intact(tmp_path) == [0, 1, 2, 3]


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


# -- kills -------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="forks and kills as POSIX has them")
def test_kill_9_before_each_step_towards_the_disk_then_resume(fakes: ModuleType, tmp_path: Path) -> None:
    steps = 24
    subprocess.run(
        [sys.executable, str(PROGRAM), "crash", str(tmp_path), str(steps)],
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        timeout=120,
    )
    plan = fakes.crash_plan()
    listed = []
    for step in range(1, steps + 1):
        folder = tmp_path / str(step)
        before = fakes.intact(folder) if (folder / "metadata.jsonl").exists() else []
        left, _ = run_plan(fakes, folder, plan)
        assert left == len(plan) - len(before)
        assert fakes.intact(folder) == list(range(len(plan)))
        assert list(check(folder)) == [], "no stray file stays behind"
        assert not list(folder.glob("takes/*/.*"))
        listed.append(len(before))
    assert listed == sorted(listed)
    assert listed[0] == 0
    assert listed[-1] >= 4, "the kills reach well into the plan"


# -- through the virtual board ----------------------------------------------------------------------


@pytest.fixture
def virtual() -> Iterator[Rig]:
    """A rig with the virtual board."""
    with open_port("sim:") as port:
        assert isinstance(port, AudiblePort)
        yield Rig(Synth(port), port)


@pytest.mark.parametrize(("note", "hz"), [(57, 220.0), (69, 440.0)])
def test_the_virtual_board_plays_the_note_that_is_on_the_label(virtual: Rig, note: int, hz: float) -> None:
    take = virtual.take(INIT_TONE, note, 100, gate_s=1.0, max_seconds=2.0)
    assert (take.verdict, take.tail_cut, take.port) == ("ok", False, "sim:")
    assert take.onset_s is not None
    # The control loop sees the note at its next tick; 60 ms is the slowest that sources allow.
    assert take.onset_s < 0.06
    spectrum = np.abs(np.fft.rfft(take.audio[: take.sample_rate]))
    # The divider of the DCO makes steps of some cents.
    assert np.argmax(spectrum) == pytest.approx(hz, rel=0.005)


def test_a_closed_mixer_is_silent_on_the_virtual_board(virtual: Rig) -> None:
    tone = INIT_TONE.with_values({"MIX DCO1": 0, "MIX DCO2": 0})
    assert virtual.take(tone, 60, 100, 0.2, 1.0).verdict == "silent"
    assert virtual.take(INIT_TONE, 60, 100, 0.2, 1.0).verdict == "ok"

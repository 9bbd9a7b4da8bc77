"""Accidents while recording: noticed, played again or reported, and never a wrong label."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from jxctl.dataset import rows
from jxctl.dataset.take import Take
from jxctl.dataset.writer import Writer
from jxctl.errors import DeviceError
from jxctl.ports.client import Synth
from jxctl.recording.quality import Latency
from jxctl.recording.recorder import Tally, check_same_plan, record, remaining
from jxctl.recording.rig import Rig

VERDICTS = {
    "mute": "silent",
    "clip": "clipped",
    "hum": "too early",
    "late": "too late",
    "wrong note": "out of tune",
    "lost": "dropped audio",
}


def faulty(fakes: ModuleType, faults: dict[int, str]) -> Rig:
    """A rig with accidents, heard in real time by a fake clock."""
    port = fakes.FaultyPort(faults)
    found = Rig(Synth(port), fakes.Card(port, fakes.Clock()), expected=fakes.Known(pitched=True))
    found.latency = Latency(0.0205, 0.001)
    return found


def completed(fakes: ModuleType, folder: Path, plan: Any) -> int:
    """Record the rest of a plan on a sound bench; how many takes that was."""
    port = fakes.FakePort()
    with Writer(folder) as data_set:
        check_same_plan(plan, data_set)
        return record(remaining(plan, data_set), Rig(Synth(port), port), data_set).trusted


@pytest.mark.parametrize(("fault", "verdict"), VERDICTS.items())
def test_an_accident_is_noticed_and_the_take_is_played_again(
    fakes: ModuleType, tmp_path: Path, fault: str, verdict: str
) -> None:
    plan = fakes.short_plan(3, notes=[69], gates_s=[0.3], max_seconds=1.0)
    with Writer(tmp_path / "once") as data_set:
        tally = record(plan, faulty(fakes, {1: fault}), data_set)
    assert (tally.verdicts, tally.retries) == ({"ok": 3}, 1)
    assert [row["attempts"] for row in rows(tmp_path / "once")] == [1, 2, 1]
    assert fakes.intact(tmp_path / "once", live=True) == [0, 1, 2]
    with Writer(tmp_path / "thrice") as data_set:
        tally = record(plan, faulty(fakes, {1: fault, 2: fault, 3: fault}), data_set)
    found = list(rows(tmp_path / "thrice"))
    assert [(row["verdict"], row["attempts"]) for row in found] == [("ok", 1), (verdict, 3), ("ok", 1)]
    assert found[1]["reason"]


def test_a_take_that_is_not_accepted_is_played_again_by_the_next_run(
    fakes: ModuleType, tmp_path: Path
) -> None:
    plan = fakes.short_plan(3, notes=[69], gates_s=[0.3], max_seconds=1.0)
    with Writer(tmp_path) as data_set:
        rig = faulty(fakes, {1: "lost"})
        tally = record(plan, rig, data_set, retries=0, accept=lambda take: take.verdict != "dropped audio")
    assert (tally.verdicts, [row["index"] for row in rows(tmp_path)]) == ({"ok": 2}, [0, 2])
    assert completed(fakes, tmp_path, plan) == 1


def test_what_accepting_raises_ends_the_recording_without_that_take(
    fakes: ModuleType, tmp_path: Path
) -> None:
    def accept(take: Take) -> bool:
        if take.verdict == "silent":
            raise DeviceError("unplugged")
        return True

    plan = fakes.short_plan(4, notes=[69], gates_s=[0.3], max_seconds=1.0)
    with Writer(tmp_path) as data_set, pytest.raises(DeviceError, match="unplugged"):
        record(plan, faulty(fakes, {2: "mute"}), data_set, retries=0, accept=accept)
    assert [row["index"] for row in rows(tmp_path)] == [0, 1]
    assert completed(fakes, tmp_path, plan) == 2


def test_many_accidents_never_make_a_wrong_label(fakes: ModuleType, tmp_path: Path) -> None:
    lots = random.Random(4)
    faults = {k: lots.choice(list(VERDICTS)) for k in range(400) if lots.random() < 0.4}
    plan = fakes.short_plan(30, notes=[57, 69], velocities=[60, 127], gates_s=[0.3], max_seconds=1.0)
    with Writer(tmp_path) as data_set:
        tally = record(plan, faulty(fakes, faults), data_set)
    assert tally.recorded == 120
    found = list(rows(tmp_path))
    assert tally.verdicts["ok"] > 90
    assert tally.failed, "some failed three times"
    for row in found:
        assert (row["verdict"] == "ok") is (row["reason"] is None)
    # How often each was played is how many faults it met, and the trusted ones hold their sound.
    assert sum(int(row["attempts"] or 0) - 1 for row in found) == tally.retries
    assert len(fakes.intact(tmp_path, live=True, failed=True)) == 120


@pytest.mark.parametrize("moment", [0, 2])
def test_an_interface_that_is_unplugged_loses_one_take_and_the_next_run_continues(
    fakes: ModuleType, tmp_path: Path, moment: int
) -> None:
    plan = fakes.short_plan(4)
    with Writer(tmp_path) as data_set, pytest.raises(DeviceError, match="gone"):
        record(plan, faulty(fakes, {moment: "unplugged"}), data_set, tally=(tally := Tally()))
    assert tally.recorded == moment
    assert fakes.intact(tmp_path, live=True) == list(range(moment))
    assert completed(fakes, tmp_path, plan) == 4 - moment


def test_a_cable_that_is_pulled_out_stops_the_recording(fakes: ModuleType, tmp_path: Path) -> None:
    plan = fakes.short_plan(100)
    with Writer(tmp_path) as data_set, pytest.raises(DeviceError, match="last 20 takes all failed") as caught:
        record(plan, faulty(fakes, dict.fromkeys(range(6, 999), "mute")), data_set, retries=1)
    assert "cabling" in caught.value.hint
    assert [row["verdict"] for row in rows(tmp_path)] == ["ok"] * 6 + ["silent"] * 20


class StoppedError(Exception):
    """Instead of Ctrl-C."""


def test_a_take_that_is_being_written_when_something_happens_is_kept(
    fakes: ModuleType, tmp_path: Path
) -> None:
    rig = faulty(fakes, {})
    plan = fakes.short_plan(5)
    real, count = rig.take, 0

    def take(*asked: Any) -> Take:
        nonlocal count
        count += 1
        if count == 3:
            raise StoppedError
        return real(*asked)

    rig.take = take  # type: ignore[method-assign,assignment]
    with Writer(tmp_path) as data_set, pytest.raises(StoppedError):
        record(plan, rig, data_set, tally=(tally := Tally()))
    assert tally.recorded == 2
    assert fakes.intact(tmp_path, live=True) == [0, 1]


def test_no_note_is_played_before_the_last_take_is_durable(fakes: ModuleType, tmp_path: Path) -> None:
    port = fakes.FakePort()
    durable: list[int] = []
    real = port.write

    def write(data: bytes) -> None:
        if data[-3:-2] == b"\xc0":
            durable.append(len(list(rows(tmp_path))))
        real(data)

    port.write = write
    with Writer(tmp_path) as data_set:
        record(fakes.short_plan(4), Rig(Synth(port), fakes.Card(port, fakes.Clock())), data_set)
    assert durable == [0, 1, 2, 3]


def test_a_clock_that_is_set_back_loses_nothing(fakes: ModuleType, tmp_path: Path) -> None:
    port = fakes.FakePort()
    times = iter(datetime(2026, 5, 1, hour, tzinfo=UTC) for hour in (12, 13, 3, 4))
    with Writer(tmp_path) as data_set:
        record(fakes.short_plan(4), Rig(Synth(port), port, now=lambda: next(times)), data_set)
    assert fakes.intact(tmp_path) == [0, 1, 2, 3]
    hours = [str(row["recorded_at"])[11:13] for row in rows(tmp_path)]
    assert hours == ["12", "13", "03", "04"], "the order is that of the rows"
    assert completed(fakes, tmp_path, fakes.short_plan(5)) == 1

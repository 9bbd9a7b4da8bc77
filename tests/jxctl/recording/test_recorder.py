"""Plans, resuming, kills at every step towards the disk, and the virtual board."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pytest

from jxctl.dataset import check, rows
from jxctl.dataset.take import Take
from jxctl.dataset.writer import Writer
from jxctl.errors import UsageError
from jxctl.ports import AudiblePort, open_port
from jxctl.ports.client import Synth
from jxctl.protocol.tone import INIT_TONE
from jxctl.recording.plan import DrawnTones, Plan
from jxctl.recording.quality import Latency
from jxctl.recording.recorder import (
    check_same_plan,
    check_same_rig,
    count_remaining,
    open_session,
    record,
    remaining,
)
from jxctl.recording.rig import Bench, Rig

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = ROOT / "tests" / "support" / "fake_rig.py"


# -- continuing ---------------------------------------------------------------------------------------


def test_another_sample_rate_or_profile_is_refused(fakes: ModuleType, tmp_path: Path) -> None:
    port = fakes.FakePort()
    with Writer(tmp_path) as data_set:
        check_same_rig(Rig(Synth(port), port), data_set)
        record(fakes.short_plan(1), Rig(Synth(port), port), data_set)
        check_same_rig(Rig(Synth(port), port), data_set)
        with pytest.raises(UsageError, match="profile unknown; this would be thesis"):
            check_same_rig(Rig(Synth(port), port, Bench(profile="thesis")), data_set)
        port.sample_rate = 96000
        with pytest.raises(UsageError, match="sample_rate 8000; this would be 96000"):
            check_same_rig(Rig(Synth(port), port), data_set)


def run_plan(fakes: ModuleType, folder: Path, plan: Plan) -> tuple[int, list[int]]:
    """Record what is left of a plan; how many that was, and what ``on_take`` saw."""
    port = fakes.FakePort()
    seen: list[int] = []
    with Writer(folder) as data_set:
        check_same_plan(plan, data_set)
        left = count_remaining(plan, data_set)
        takes = remaining(plan, data_set)
        tally = record(takes, Rig(Synth(port), port), data_set, 0, lambda row: seen.append(row["index"]))
    assert tally.recorded == tally.trusted == left == len(seen)
    return left, seen


def test_a_rig_is_checked_once_and_before_a_new_folder_is_made(fakes: ModuleType, tmp_path: Path) -> None:
    port = fakes.FakePort()
    rig, plan, folder = Rig(Synth(port), port), fakes.short_plan(3), tmp_path / "set"
    there: list[bool] = []

    def check() -> None:
        there.append((folder / "metadata.jsonl").exists())

    with open_session(plan, rig, folder, wanted=[0, 2], check=check) as session:
        assert (session.left, there) == (2, [False])
        tally = session.record(seed=3, tones_from="here")
    assert (tally, tally.recorded) == (session.tally, 2)
    assert [(row["index"], row["seed"], row["tones_from"]) for row in rows(folder)] == [
        (0, 3, "here"), (2, 3, "here"),
    ]  # fmt: skip
    with open_session(plan, rig, folder, check=check) as session:
        assert (session.left, there) == (1, [False, True]), "continued: after it is known to be this plan"
        session.record()
    with open_session(plan, rig, folder, check=check) as session:
        assert (session.left, len(there)) == (0, 2), "nothing is left to check for"
    with (
        pytest.raises(UsageError, match="another plan"),
        open_session(fakes.short_plan(3, first=5), rig, folder, check=check),
    ):
        pass
    assert len(there) == 2, "nothing is played for the wrong folder"


def test_a_failed_check_leaves_an_empty_folder_as_it_was(fakes: ModuleType, tmp_path: Path) -> None:
    port = fakes.FakePort()

    def check() -> None:
        raise UsageError("of no use")

    with (
        pytest.raises(UsageError, match="of no use"),
        open_session(fakes.short_plan(1), Rig(Synth(port), port), tmp_path, check=check),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_session_says_what_it_repaired(fakes: ModuleType, three: Path) -> None:
    port = fakes.FakePort()
    with (three / "metadata.jsonl").open("ab") as file:
        file.write(b"{")
    said: list[str] = []
    plan = Plan([INIT_TONE], [1], [1])
    with pytest.raises(UsageError), open_session(plan, Rig(Synth(port), port), three, said=said.append):
        pass
    assert [text.split(";")[0] for text in said] == ["cut a torn last row (1 bytes) off metadata.jsonl"]


def test_recording_continues_where_it_stopped(fakes: ModuleType, tmp_path: Path) -> None:
    plan = fakes.short_plan(4)
    assert run_plan(fakes, tmp_path, fakes.short_plan(2)) == (2, [0, 1])
    assert run_plan(fakes, tmp_path, plan) == (2, [2, 3])
    assert run_plan(fakes, tmp_path, plan) == (0, [])
    assert run_plan(fakes, tmp_path, fakes.short_plan(1)) == (0, []), "a shorter plan asks for nothing more"
    assert fakes.intact(tmp_path) == [0, 1, 2, 3]


def test_a_gap_is_filled(fakes: ModuleType, tmp_path: Path) -> None:
    plan = fakes.short_plan(3)
    port = fakes.FakePort()
    with Writer(tmp_path) as data_set:
        record([plan[0], plan[2]], Rig(Synth(port), port), data_set)
    assert run_plan(fakes, tmp_path, plan) == (1, [1])


@pytest.mark.parametrize(
    "other",
    [
        {"notes": [61]},
        {"velocities": [99]},
        {"gates_s": [0.06]},
        {"first": 1},
        {"notes": [60, 62]},
        {"reference": INIT_TONE},
    ],
)
def test_another_plan_is_refused(fakes: ModuleType, tmp_path: Path, other: dict[str, Any]) -> None:
    run_plan(fakes, tmp_path, fakes.short_plan(2))
    before = (tmp_path / "metadata.jsonl").read_bytes()
    with Writer(tmp_path) as data_set, pytest.raises(UsageError, match="another plan") as caught:
        check_same_plan(fakes.short_plan(2, **other), data_set)
    assert "seed" in caught.value.hint
    assert (tmp_path / "metadata.jsonl").read_bytes() == before


# -- what is kept --------------------------------------------------------------------------------------


def test_failed_takes_are_kept_with_their_verdict(fakes: ModuleType, tmp_path: Path) -> None:
    port = fakes.FakePort()
    plan = Plan([fakes.numbered_tone(0), fakes.numbered_tone(1, level=0)], [60], [100], [0.05], 0.3)
    with Writer(tmp_path) as data_set:
        tally = record(plan, Rig(Synth(port), port), data_set)
    assert (tally.verdicts, tally.failed, tally.trusted) == ({"ok": 1, "silent": 1}, {"silent": 1}, 1)
    found = list(rows(tmp_path))
    assert [(row["verdict"], row["attempts"], row["onset_s"] is None) for row in found] == [
        ("ok", 1, False),
        ("silent", 3, True),
    ]
    assert [row["seed"] for row in found] == [None, None], "an unknown seed is not made up"
    assert found[0]["reason"] is None
    assert "not known" in str(found[1]["reason"])


def test_a_row_says_what_is_known_and_null_for_the_rest(fakes: ModuleType, tmp_path: Path) -> None:
    port = fakes.FakePort()
    noon = datetime(2026, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC)
    bench = Bench(unit="A1", rom="1.08", audio_device="Card", gain="at 3", minutes_on=lambda: 31.5)
    full = Rig(Synth(port), port, bench, fakes.Known(pitched=True), now=lambda: noon)
    full.latency = Latency(0.001, 0.0005)
    plan = fakes.short_plan(1, reference=INIT_TONE, every=1)
    with Writer(tmp_path / "full") as data_set:
        record(plan, full, data_set, 7, tones_from="prior")
    with Writer(tmp_path / "bare") as data_set:
        record(plan, Rig(Synth(port), port, now=lambda: noon), data_set)
    known: dict[str, Any] = {
        "seed": 7, "tones_from": "prior", "model": "board", "board": "lower", "voice": 0, "unit": "A1",
        "firmware": "1.08", "profile": None, "audio_device": "Card", "input_gain": "at 3",
        "latency_s": 0.001, "latency_spread_s": 0.0005, "powered_on_min": 31.5, "attempts": 1,
        "recorded_at": "2026-05-01T12:00:00.250Z", "reason": None, "verdict": "ok",
    }  # fmt: skip
    assert [row["reference"] for row in rows(tmp_path / "full")] == [True, False]
    for row in rows(tmp_path / "full"):
        assert {name: row.get(name) for name in known} == known
        assert abs(float(row["pitch_cents"] or 99)) < 5
        # Portamento, bend range, aftertouch and hold off, silence, check, tune (jx_hardware.md 2.5).
        assert row["patch"] == "b500b000b700b800b900ba00b67fbb00bd00b432be32"
    unknown = {"seed", "tones_from", "unit", "firmware", "profile", "audio_device", "input_gain"}
    unknown |= {"latency_s", "latency_spread_s", "powered_on_min", "pitch_cents", "reason"}
    for row in rows(tmp_path / "bare"):
        assert {name for name in known if row.get(name) is None} | {"pitch_cents"} == unknown


# -- time and memory -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("notes", "gate_s"), [([60], 1.9), ([48, 60, 72, 84], 1.9), ([60], 2.9)])
def test_nearly_all_the_time_is_sound_being_recorded(
    fakes: ModuleType, tmp_path: Path, notes: list[int], gate_s: float
) -> None:
    port, clock = fakes.FakePort(latency=160), fakes.Clock()
    rig = Rig(Synth(port), fakes.Card(port, clock))
    rig.latency = Latency(0.02, 0.005)
    plan = fakes.short_plan(8, notes=notes, gates_s=[gate_s], max_seconds=4.0)
    with Writer(tmp_path) as data_set:
        tally = record(plan, rig, data_set)
    assert tally.recorded == 8 * len(notes)
    assert tally.seconds / clock.now >= 0.95


def test_a_long_recording_keeps_memory_flat(fakes: ModuleType, tmp_path: Path) -> None:
    class Tiny:
        """Appends nothing, so that only what the recorder itself keeps is counted."""

        folder = tmp_path
        indices: ClassVar[set[int]] = set()

        def append(self, index: int, take: Take, seed: int | None) -> dict[str, object]:
            return {"index": index, "verdict": take.verdict}

    port = fakes.FakePort()
    tones = DrawnTones(3000, lambda block: [fakes.numbered_tone(block)] * 256, 256)
    plan = Plan(tones, [60], [100], [0.01], 0.01)
    used: list[int] = []

    def on_take(row: Any) -> None:
        if row["index"] in (1000, 2990):
            used.append(tracemalloc.get_traced_memory()[0])

    tracemalloc.start()
    record(remaining(plan, Tiny()), Rig(Synth(port), port), Tiny(), None, on_take)  # type: ignore[arg-type]
    tracemalloc.stop()
    sent = 2000 * 190  # the fake port keeps what it was sent
    assert used[1] - used[0] - sent < 200_000


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

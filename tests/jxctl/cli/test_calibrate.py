"""``jx calibrate`` as a program: what it refuses, and that it goes on where it was stopped."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.virtual_boards import board_entries
from estimator.calibration.experiments import EXPERIMENTS, CalibrationPlan
from estimator.calibration.recording import RotatingPlayer
from estimator.calibration.report import profile_toml
from estimator.calibration.samples import from_data_set
from jxctl.dataset import rows
from jxctl.dataset.writer import Writer
from jxctl.errors import UsageError
from jxctl.ports.client import Synth
from jxctl.ports.virtual import SimPort
from jxctl.protocol.tone import INIT_TONE
from jxctl.recording.plan import PlannedTake
from jxctl.recording.recorder import check_same_plan, count_remaining, record, remaining
from jxctl.recording.rig import Rig
from simulator.instrument.board import Board
from simulator.synth.profile import load_profile

PLAN = CalibrationPlan(tuple(e for e in EXPERIMENTS if e.name in ("ranges", "settling")))


def _rig() -> Rig:
    port = SimPort("sim:", Board(), 44100)
    return Rig(RotatingPlayer(Synth(port)), port)


def test_it_needs_a_port_or_data(jx, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    done = jx("calibrate", "-o", "board.toml")
    assert done.returncode == 2
    assert "port" in done.stderr
    assert not list(tmp_path.iterdir())


def test_data_and_port_exclude_each_other(jx, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    done = jx("calibrate", "--data", "set", "--port", "sim:", "-o", "board.toml", "--json")
    assert done.returncode == 2
    assert json.loads(done.stderr)["error"] == "--data is instead of recording"
    assert not list(tmp_path.iterdir())


def test_a_folder_without_takes_is_no_data_set(jx, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "empty").mkdir()
    done = jx("calibrate", "--data", "empty", "-o", "board.toml")
    assert done.returncode == 2
    assert "not a data set" in done.stderr
    assert not (tmp_path / "board.toml").exists()


def test_an_existing_profile_is_not_replaced(jx, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "board.toml").write_text("mine")
    done = jx("calibrate", "--port", "sim:", "-o", "board.toml")
    assert done.returncode == 2
    assert "--force" in done.stderr
    assert (tmp_path / "board.toml").read_text() == "mine"


def test_a_stopped_measurement_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "takes"

    def stop(row: object) -> None:
        raise KeyboardInterrupt

    with Writer(folder) as data_set, pytest.raises(KeyboardInterrupt):
        record(remaining(PLAN, data_set), _rig(), data_set, on_take=stop)
    with Writer(folder) as data_set:
        check_same_plan(PLAN, data_set)
        left = count_remaining(PLAN, data_set)
        assert 0 < left < len(PLAN)
        assert record(remaining(PLAN, data_set), _rig(), data_set).recorded == left
    samples = list(from_data_set(folder, PLAN))
    assert sorted(sample.index for sample in samples) == list(range(len(PLAN)))


def planned(*names: str) -> list[PlannedTake]:
    """The plan's takes of some experiments."""
    plan = CalibrationPlan()
    return [plan[n] for n in range(len(plan)) if plan.experiment(n).name in names]


SOME = ("ranges", "settling", "mixer levels")
ONLY = tuple(word for name in SOME for word in ("--only", name))


@pytest.mark.parametrize(
    ("broken", "said"), [("loose", "the adapter is gone"), ("unplugged", "the board is not heard any more")]
)
def test_a_lost_connection_goes_on_with_the_same_command_to_the_same_profile(
    odd: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, broken: str, said: str
) -> None:
    """The board has voices that differ, so that another order of voices would be another profile."""
    (tmp_path / "truth.toml").write_text(profile_toml("truth", "", board_entries(4)))

    def measured(kind: str) -> subprocess.CompletedProcess[str]:
        port = f"odd:{kind}?profile=truth.toml"
        return odd("calibrate", "--port", port, "-o", f"{kind}.toml", *ONLY)

    count = len(planned(*SOME))
    whole, lost = measured("plain"), measured(broken)
    assert whole.returncode == 0, whole.stderr
    assert lost.returncode == 3
    assert f"of {count} takes are in {broken}-takes; the same command continues" in lost.stderr
    assert said in lost.stderr
    assert not (tmp_path / f"{broken}.toml").exists()
    kept = list(rows(tmp_path / f"{broken}-takes"))
    held = len(kept)
    assert 0 < held < count
    assert {row["verdict"] for row in kept} == {"ok"}
    again = measured(broken)
    assert again.returncode == 0, again.stderr
    assert f"to record: {count - held} of {count} takes" in again.stderr
    indices = {row["index"]: row["voice"] for row in rows(tmp_path / f"{broken}-takes")}
    assert indices == {row["index"]: row["voice"] for row in rows(tmp_path / "plain-takes")}
    assert set(indices.values()) == set(range(6))
    one, other = (load_profile(tmp_path / f"{kind}.toml") for kind in ("plain", broken))
    for law in ("dco_range", "cv_slew", "mix_level", "voice_gain", "noise_floor"):
        assert one.laws[law].evidence == "captured"
        assert other.laws[law].values == pytest.approx(one.laws[law].values, rel=1e-3, abs=1e-4), law


def test_some_experiments_first_and_others_later(jx, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    first = jx("calibrate", "--port", "sim:", "-o", "a.toml", "--only", "ranges", "--json")
    assert first.returncode == 0, first.stderr
    told = json.loads(first.stdout)
    ranges, settling = len(planned("ranges")), len(planned("settling"))
    assert told["takes"] == ranges
    assert {law for law, one in told["laws"].items() if one["identified"]} == {"dco_range"}
    more = jx(
        "calibrate", "--port", "sim:", "-o", "a.toml", "--force", "--only", "ranges", "--only", "settling"
    )
    assert more.returncode == 0, more.stderr
    assert f"to record: {settling} of {ranges + settling} takes" in more.stderr
    assert len(list(rows(tmp_path / "a-takes"))) == ranges + settling


def test_a_wrong_name_lists_the_experiments(jx, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    done = jx("calibrate", "--port", "sim:", "-o", "a.toml", "--only", "filters")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no experiment 'filters'" in done.stderr
    assert "filter, high-pass" in done.stderr
    assert list(tmp_path.iterdir()) == []


def _set(folder: Path, takes: list[PlannedTake]) -> None:
    port = SimPort("sim:", Board(), 44100)
    with Writer(folder) as data_set:
        record(takes, Rig(Synth(port), port), data_set)


def test_a_data_set_of_other_tones_is_refused_with_what_is_missing(jx, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    tone = INIT_TONE.with_values({"VCF FREQ": 61})
    _set(tmp_path / "other", [PlannedTake(k, tone, 60 + k, 100, 0.2, 0.4) for k in range(3)])
    done = jx("calibrate", "--data", "other", "-o", "board.toml")
    assert (done.returncode, done.stdout) == (2, "")
    assert "none of the 3 takes of other is of the tones that laws are read off" in done.stderr
    assert "--only EXPERIMENT" in done.stderr
    assert not (tmp_path / "board.toml").exists()


def test_a_data_set_with_some_of_the_tones_gives_their_laws(jx, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Three quarters of the ranges, under other indices and among other takes, and two of nine levels: the
    plain 8' is the loudest of these as well."""
    ranges = planned("ranges")
    ranges = ranges[: len(ranges) * 3 // 4]
    level = planned("mixer levels")[0]
    other = PlannedTake(0, INIT_TONE.with_values({"VCF FREQ": 61}), 60, 100, 0.2, 0.4)
    _set(tmp_path / "mixed", [replace(t, index=k) for k, t in enumerate([other, *ranges, level])])
    done = jx("calibrate", "--data", "mixed", "-o", "board.toml", "--json")
    assert done.returncode == 0, done.stderr
    laws = json.loads(done.stdout)["laws"]
    assert {law for law, one in laws.items() if one["identified"]} == {"dco_range"}
    assert "mixer levels (2 of at least 5)" in done.stderr
    few = jx("calibrate", "--data", "mixed", "-o", "few.toml", "--only", "mixer levels")
    assert few.returncode == 2
    assert f"only 2 of the {len(ranges) + 2} takes of mixed are the calibration's" in few.stderr
    assert "mixer levels (2 of at least 5)" in few.stderr


def test_takes_of_another_plan_are_refused(tmp_path: Path) -> None:
    other = CalibrationPlan(tuple(e for e in EXPERIMENTS if e.name == "pulse"))
    with Writer(tmp_path / "takes") as data_set:
        record(remaining(other, data_set), _rig(), data_set)
        with pytest.raises(UsageError, match="another plan"):
            check_same_plan(PLAN, data_set)

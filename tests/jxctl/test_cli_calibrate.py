"""``jx calibrate`` as a program: what it refuses, and that it goes on where it was stopped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jxctl.dataset_writer import Writer
from jxctl.errors import UsageError
from jxctl.plan import PlannedTake
from jxctl.recorder import check_same_plan, count_remaining, record, remaining
from jxctl.rig import Rig
from jxctl.synth import Synth
from jxctl.tone import INIT_TONE
from simulator.board import Board
from simulator.calibrate.experiments import EXPERIMENTS, CalibrationPlan
from simulator.calibrate.recording import RotatingPlayer
from simulator.calibrate.takes import from_data_set
from simulator.port import SimPort

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


ONLY = ("--only", "ranges", "--only", "settling", "--only", "mixer levels")


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


def test_takes_of_another_plan_are_refused(tmp_path: Path) -> None:
    other = CalibrationPlan(tuple(e for e in EXPERIMENTS if e.name == "pulse"))
    with Writer(tmp_path / "takes") as data_set:
        record(remaining(other, data_set), _rig(), data_set)
        with pytest.raises(UsageError, match="another plan"):
            check_same_plan(PLAN, data_set)

"""``jx calibrate`` as a program: what it refuses, and that it goes on where it was stopped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jxctl.dataset_writer import Writer
from jxctl.errors import UsageError
from jxctl.recorder import check_same_plan, count_remaining, record, remaining
from jxctl.rig import Rig
from jxctl.synth import Synth
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


def test_takes_of_another_plan_are_refused(tmp_path: Path) -> None:
    other = CalibrationPlan(tuple(e for e in EXPERIMENTS if e.name == "pulse"))
    with Writer(tmp_path / "takes") as data_set:
        record(remaining(other, data_set), _rig(), data_set)
        with pytest.raises(UsageError, match="another plan"):
            check_same_plan(PLAN, data_set)

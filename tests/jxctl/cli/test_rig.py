"""``jx rig`` as a program."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from jxctl.cli import rig
from jxctl.recording import preflight
from jxctl.recording.config import KEYS, load_rig
from jxctl.recording.preflight import Preflight

ROOT = Path(__file__).resolve().parents[3]
Run = Callable[..., subprocess.CompletedProcess[str]]


def surroundings(**variables: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"} | variables


def test_init_writes_what_is_given_and_lists_what_is_there(jx: Run, tmp_path: Path) -> None:
    given = ["--port", "sim:", "--gain-db", "6", "--audio-channel", "2", "--unit", "no. 12"]
    done = jx("rig", "init", "bench.toml", *given, "--json", env=surroundings(JX_PORT="spy:sim:"))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["file"], told["rig"]["port"], told["rig"]["model"]) == ("bench.toml", "sim:", None)
    assert "sim:" in told["found"]["ports"]
    written = load_rig(tmp_path / "bench.toml")
    assert (written.port, written.gain_db, written.audio_channel, written.unit) == ("sim:", 6.0, 2, "no. 12")
    assert written.to_json() == told["rig"]
    assert list(tmp_path.iterdir()) == [tmp_path / "bench.toml"]


def test_init_says_what_is_still_open(jx: Run) -> None:
    done = jx("rig", "init", "bench.toml", "--powered-on", "now")
    assert done.returncode == 0
    assert "still open: port, model, channel, audio" in done.stdout
    assert "powered_on" not in done.stdout
    assert "jx rig check bench.toml" in done.stdout


def test_init_replaces_nothing_unless_told_to(jx: Run, tmp_path: Path) -> None:
    (tmp_path / "bench.toml").write_text("rom = '1.08'\n")
    done = jx("rig", "init", "bench.toml")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--force" in done.stderr
    assert load_rig(tmp_path / "bench.toml").rom == "1.08"
    assert jx("rig", "init", "bench.toml", "--force").returncode == 0
    assert load_rig(tmp_path / "bench.toml").rom is None


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--channel", "17"], "--channel: channel is 17"),
        (["--model", "mks80"], "--model: there is no model"),
        (["--port", "COM3"], "--port: 'COM3' is no port"),
        (["--powered-on", "noon"], "--powered-on: powered_on is 'noon'"),
        (["--unit", ""], "--unit: unit is ''"),
    ],
)
def test_init_refuses_wrong_values_and_writes_nothing(
    jx: Run, tmp_path: Path, options: list[str], word: str
) -> None:
    done = jx("rig", "init", "bench.toml", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert word in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_show_tells_what_holds(jx: Run, tmp_path: Path) -> None:
    (tmp_path / "bench.toml").write_text("rom = '1.08'\nport = 'sim:'\npowered_on = 2026-01-01T00:00:00Z\n")
    told = json.loads(jx("rig", "show", "bench.toml", "--json", env=surroundings(JX_CHANNEL="4")).stdout)
    assert set(told) == {*KEYS, "minutes_on"}
    assert (told["rom"], told["channel"], told["unit"]) == ("1.08", 4, None)
    assert told["minutes_on"] > 1000
    shown = jx("rig", "show", env=surroundings(JX_RIG="bench.toml", JX_CHANNEL="4")).stdout
    assert "unknown" in shown
    assert "4  (JX_CHANNEL)" in shown


def test_show_without_a_file(jx: Run, tmp_path: Path) -> None:
    done = jx("rig", "show")
    assert (done.returncode, done.stdout) == (2, "")
    assert "jx rig init" in done.stderr
    (tmp_path / "bench.toml").write_text("rom = 1.08\n")
    done = jx("rig", "show", "bench.toml")
    assert done.returncode == 2
    assert "bench.toml line 1: rom is 1.08" in done.stderr


def test_check_listens_and_plays(jx: Run, tmp_path: Path) -> None:
    (tmp_path / "bench.toml").write_text("port = 'sim:'\npowered_on = 2026-01-01T00:00:00Z\n")
    done = jx("rig", "check", "bench.toml", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["problems"] == []
    assert -60 < told["peak_dbfs"] < 0
    assert 0 <= told["latency_s"] < 0.1
    assert told["rig"]["port"] == "sim:"
    said = jx("rig", "check", "bench.toml").stdout
    assert "latency" in said
    assert "is that still so?" in said
    assert "ready to record" in said


@pytest.mark.parametrize(
    ("text", "code", "word"),
    [
        ("rom = '1.08'", 2, "names no port"),
        ("port = 'serial:/dev/null/none'", 3, "/dev/null/none"),
        ("port = 'sim:'\naudio = 'no such input'", 3, "no such input"),
        ("port = 'sim:'\nmodel = 'mks70'", 2, "bare board"),
    ],
)
def test_check_says_what_is_not_there(jx: Run, tmp_path: Path, text: str, code: int, word: str) -> None:
    (tmp_path / "bench.toml").write_text(text)
    done = jx("rig", "check", "bench.toml")
    assert (done.returncode, done.stdout) == (code, "")
    assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_check_of_a_synth_that_is_not_heard_is_exit_4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bench.toml").write_text("port = 'sim:'\n")
    monkeypatch.delenv("JX_PORT", raising=False)
    silence = Preflight(-80.0, -79.0, "JX LEVEL", False, 0, None, None)
    monkeypatch.setattr(preflight, "measure", lambda rig, tones: silence)
    shown = rig.check(tmp_path / "bench.toml")
    assert shown.exit_code == 4
    assert "nothing is heard" in shown.data["problems"][0]["problem"]
    assert "problem: nothing is heard" in shown.text
    assert "ready to record" not in shown.text

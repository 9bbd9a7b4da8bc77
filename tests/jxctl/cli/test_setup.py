"""Commands that measure an instrument refuse a bench that is set up wrong, before anything is measured."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from jxctl.audio.files import write_wav
from jxctl.protocol.tone import INIT_TONE, to_batch, write_tone
from simulator.synth import render

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize(
    ("kind", "said", "next_step"),
    [
        ("other synth", "another synth is heard", "SysEx"),
        ("music", "something else is heard", "jx audio"),
        ("silent", "nothing is heard", "cable"),
        ("clipped", "the input clips", "turn the input down"),
        ("other channel", "on channel 2", "--audio-channel 2"),
    ],
)
def test_calibrate_refuses_and_writes_nothing(
    odd: Run, tmp_path: Path, kind: str, said: str, next_step: str
) -> None:
    done = odd("calibrate", "--port", f"odd:{kind}", "-o", "board.toml")
    assert (done.returncode, done.stdout) == (4, "")
    assert said in done.stderr
    assert next_step in done.stderr
    assert "--skip-checks records all the same" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_check_refuses(odd: Run, tmp_path: Path) -> None:
    write_tone(INIT_TONE, tmp_path / "tone.json")
    done = odd("check", "tone.json", "--port", "odd:chorus", "--json")
    assert (done.returncode, done.stdout) == (4, "")
    told = json.loads(done.stderr.splitlines()[-1])
    assert "moves although CHORUS is off" in told["error"]
    assert "--skip-checks" not in told["hint"], "there is no such option here"


def test_the_loop_refuses_before_it_guesses(odd: Run, tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", render(to_batch([INIT_TONE]), 60, 100, 0.5, 1.0)[0], 44100)
    done = odd("guess", "a.wav", "--loop", "--port", "odd:semitone", "--note", "60", "-o", "tone.json")
    assert (done.returncode, done.stdout) == (4, "")
    assert "out of tune by +100 cents" in done.stderr
    assert "Listening" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_rig_check_shows_every_number_up_to_the_one_that_is_wrong(odd: Run, tmp_path: Path) -> None:
    (tmp_path / "bench.toml").write_text("port = 'odd:reverb'\n")
    done = odd("rig", "check", "bench.toml", "--json")
    assert done.returncode == 4, done.stderr
    told = json.loads(done.stdout)
    assert [row["check"] for row in told["setup"]] == ["sound", "channel", "clipping", "ending"]
    assert told["setup"][-1]["value"] > told["setup"][-1]["most"]
    assert "go on after the key" in told["problems"][0]["problem"]

"""``jx render`` and ``jx train``: what they write, and what they refuse without writing anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from jxctl.protocol.tone import Tone, write_tone

Run = Callable[..., Any]


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    path = tmp_path / "tone.json"
    write_tone(Tone.init("PLAIN"), path)
    return path


def test_render_writes_what_was_asked_for(jx: Run, tone: Path, tmp_path: Path) -> None:
    done = jx(
        "render",
        tone,
        "-o",
        "out.wav",
        "--note",
        69,
        "--gate",
        0.3,
        "--seconds",
        0.8,
        "--rate",
        48000,
        "--json",
    )
    assert done.returncode == 0, done.stderr
    audio, rate = soundfile.read(tmp_path / "out.wav")
    assert (rate, len(audio)) == (48000, 38400)
    assert json.loads(done.stdout)["peak"] == pytest.approx(np.abs(audio).max(), abs=1e-5)
    # A sawtooth at 440 Hz while the key is down, silence long after.
    power = np.abs(np.fft.rfft(audio[4800:14400])) ** 2
    assert np.fft.rfftfreq(9600, 1 / 48000)[power.argmax()] == pytest.approx(440, abs=5)
    assert np.abs(audio[-9600:]).max() == 0


def test_render_writes_both_outputs_where_asked(jx: Run, tmp_path: Path) -> None:
    write_tone(Tone.init().with_values({"CHORUS": "2"}), tmp_path / "tone.json")
    for options in ((), ("--stereo",)):
        done = jx("render", "tone.json", "-o", f"out{len(options)}.wav", "--seconds", 0.5, "--json", *options)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["samples"] == 22050
    mono, stereo = (soundfile.read(tmp_path / f"out{k}.wav")[0] for k in range(2))
    assert mono.shape == (22050,)
    assert stereo.shape == (22050, 2)
    assert np.abs(stereo[:, 0] - stereo[:, 1]).max() > 0.05
    np.testing.assert_allclose(stereo.mean(axis=1), mono, atol=1e-6)


def test_render_says_when_a_tone_is_silent(jx: Run, tmp_path: Path) -> None:
    write_tone(Tone.init().with_values({"VCA LEVEL": 0}), tmp_path / "tone.json")
    done = jx("render", "tone.json", "-o", "out.wav")
    assert done.returncode == 0
    assert "silent" in done.stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 99}, "version 99"),
        ({"format": "other"}, "not a jx tone"),
        ({"parameters": {"VCF FREQ": 200}}, "VCF FREQ is 200"),
        ({"parameters": {"VCF SPEED": 3}}, "VCF SPEED"),
    ],
)
def test_a_wrong_tone_file_is_refused(
    jx: Run, tone: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    data = json.loads(tone.read_text())
    if "parameters" in change:
        change = {"parameters": data["parameters"] | change["parameters"]}
    tone.write_text(json.dumps(data | change))
    done = jx("render", tone, "-o", "out.wav")
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["tone.json"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--note", "128"], 2, "note"),
        (["--velocity", "-1"], 2, "velocity"),
        (["--gate", "nan"], 2, "gate"),
        (["--seconds", "0"], 2, "render"),
        (["--rate", "7"], 2, "render"),
        (["--profile", "nobody"], 2, "no profile is called nobody"),
        (["--seconds", "3600", "--rate", "768000"], 2, "at most"),
        (["-o", "nowhere/out.wav"], 2, "nowhere"),
        (["-o", "x/" * 3000 + "out.wav"], 2, "there is no folder"),
        (["-o", "out.mp3"], 2, "out.wav"),
    ],
)
def test_wrong_requests_are_refused(
    jx: Run, tone: Path, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    output = [] if "-o" in arguments else ["-o", "out.wav"]
    done = jx("render", tone, *output, *arguments)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["tone.json"]


def test_train_refuses_nonsense_and_notes_its_settings(jx: Run, tmp_path: Path) -> None:
    assert jx("train", "run", "--tones", 0).returncode == 2
    assert not (tmp_path / "run").exists()
    options = ("--tones", 16, "--batch", 8, "--width", 8, "--every", 1)
    done = jx("train", "run", *options, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["step"] == 2
    assert {".jx.lock", "settings.json", "latest.pt", "log.jsonl", "model.json", "model.safetensors"} == {
        path.name for path in (tmp_path / "run").iterdir()
    }
    other = jx("train", "run", *options, "--seed", 3)
    assert other.returncode == 2
    assert "another seed" in other.stderr


def test_a_tone_is_shown_in_the_units_of_a_profile(jx: Run, tone: Path) -> None:
    done = jx("tone", "show", tone, "--profile", "superjx", "--json")
    assert done.returncode == 0, done.stderr
    physical = json.loads(done.stdout)["physical"]
    assert physical["VCF FREQ"] == {"value": pytest.approx(18000), "unit": "Hz"}
    assert "18000" in jx("tone", "show", tone, "--profile", "superjx").stdout.replace("1.8e+04", "18000")
    assert jx("tone", "show", tone, "--profile", "nobody").returncode == 2

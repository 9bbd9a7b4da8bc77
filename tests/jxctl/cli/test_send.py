"""``jx send``, run as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from jxctl.protocol.tone import INIT_TONE, write_tone

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def tone(tmp_path: Path) -> str:
    path = tmp_path / "tone.json"
    write_tone(INIT_TONE, path)
    return str(path)


def check_refused(result: subprocess.CompletedProcess[str], code: int, said: str, folder: Path) -> None:
    assert result.returncode == code, result.stderr
    assert result.stdout == ""
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert [path.name for path in folder.iterdir()] == ["tone.json"]


@pytest.mark.parametrize(
    ("port", "said"),
    [
        ("serial:/dev/no-such-device", "no serial port"),
        ("/dev/ttyUSB0", '"serial:/dev/ttyUSB0"'),
        ("midi:nothing is called this", "no MIDI"),
    ],
)
def test_a_port_that_does_not_exist(jx: Run, tone: str, tmp_path: Path, port: str, said: str) -> None:
    audio = str(tmp_path / "heard.wav")
    check_refused(jx("send", tone, "--port", port, "--play", "60", "--audio", audio), 3, said, tmp_path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--play", "128"], "note is 128"),
        (["--play", "60", "--velocity", "0"], "velocity is 0"),
        (["--play", "60", "--velocity", "128"], "velocity is 128"),
        (["--play", "60", "--gate", "-1"], "--gate is -1"),
        (["--play", "60", "--gate", "nan"], "--gate is nan"),
        (["--play", "60", "--tail", "1e9"], "--tail"),
        (["--play", "C4"], "--play"),
        (["--board", "left"], "lower, upper, both"),
        (["--audio", "heard.wav"], "--play"),
        (["--play", "60", "--audio", "no/such/folder/heard.wav"], "no folder"),
    ],
)
def test_wrong_options_send_nothing(
    jx: Run, tone: str, tmp_path: Path, options: list[str], said: str
) -> None:
    result = jx("send", tone, "--port", "spy:serial:loop://", *options)
    check_refused(result, 2, said, tmp_path)
    assert "select" not in result.stderr  # what the spy would have printed


def test_a_port_that_cannot_be_heard_gets_nothing(jx: Run, tone: str, tmp_path: Path) -> None:
    audio = str(tmp_path / "heard.wav")
    result = jx("send", tone, "--port", "spy:serial:loop://", "--play", "60", "--audio", audio)
    check_refused(result, 2, "cannot hear", tmp_path)
    assert "select" not in result.stderr


def test_a_bad_tone(jx: Run, tone: str, tmp_path: Path) -> None:
    Path(tone).write_text('{"format": "jx.tone", "version": 99}')
    check_refused(jx("send", tone, "--port", "spy:serial:loop://"), 2, "version 99", tmp_path)
    result = jx("send", str(tmp_path / "missing.json"), "--port", "serial:loop://")
    check_refused(result, 2, "no such file", tmp_path)


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo-terminals")
def test_what_a_serial_board_receives(jx: Run, tone: str) -> None:
    import tty

    controller, device = os.openpty()
    tty.setraw(device)
    received = bytearray()

    def collect() -> None:
        while not received.endswith(b"\xd0\x3c\x00"):
            received.extend(os.read(controller, 1000))

    reader = threading.Thread(target=collect, daemon=True)
    reader.start()
    result = jx(
        "send", tone, "--port", f"serial:{os.ttyname(device)}", "--play", "60", "--gate", "0.05", "--json"
    )
    reader.join(timeout=10)
    os.close(controller)
    os.close(device)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["note"] == 60
    # Wake (eight selects of each board), the silence block, the tone, and at last the note.
    assert received.startswith(
        b"\xf1" * 8 + b"\xf9" * 8 + bytes.fromhex("F1 9E 00 A6 00 A7 00 AB 00 AC 00 80")
    )
    assert received.endswith(bytes.fromhex("BE 32 C0 3C 64 D0 3C 00"))


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo-terminals")
def test_an_interrupt_releases_the_note(tone: str) -> None:
    import tty

    controller, device = os.openpty()
    tty.setraw(device)
    command = ["send", tone, "--port", f"serial:{os.ttyname(device)}", "--play", "60", "--gate", "60"]
    surroundings = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    program = subprocess.Popen([sys.executable, "-m", "jxctl", *command], env=surroundings)
    received = bytearray()
    while not received.endswith(b"\xc0\x3c\x64"):
        received.extend(os.read(controller, 1000))
    program.send_signal(signal.SIGINT)
    assert program.wait(timeout=60) == 130
    assert os.read(controller, 1000).endswith(b"\xd0\x3c\x00")
    os.close(controller)
    os.close(device)


def test_the_virtual_board_is_heard(jx: Run, tone: str, tmp_path: Path) -> None:
    import numpy as np
    import soundfile

    audio = tmp_path / "heard.wav"
    result = jx(
        "send", tone, "--port", "sim:?seed=1", "--play", "57", "--gate", "0.5", "--tail", "0.25",
        "--audio", str(audio), "--json",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    sound, rate = soundfile.read(audio)
    assert (rate, len(sound)) == (44100, round(0.75 * 44100))
    assert json.loads(result.stdout)["peak"] == pytest.approx(abs(sound).max(), rel=1e-3)
    # The initial tone is one 8' sawtooth, its envelope open while the note is held: note 57 is 220 Hz.
    held = sound[8820:22050]
    strongest = np.abs(np.fft.rfft(held * np.hanning(len(held)))).argmax() * rate / len(held)
    assert strongest == pytest.approx(220, abs=4)
    assert np.abs(held).max() > 0.01


def test_silence_is_remarked_on(jx: Run, tone: str) -> None:
    options = ["--port", "sim:", "--board", "upper", "--play", "60", "--gate", "0.1", "--tail", "0", "--json"]
    result = jx("send", tone, *options)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["peak"] == 0
    assert "board=upper" in result.stderr

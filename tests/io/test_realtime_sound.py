"""``jx board`` and ``jx play`` sounding through real PortAudio and JACK, recorded by real PortAudio.

What is recorded has to be the offline render of the same events, sample for sample. How many blocks came too
late is not asked here: the server of the tests waits for everyone, and how busy a machine is that runs tests
is nobody's fault. ``benchmarks/realtime.py`` counts.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jack_server import running_jack
from scipy.signal import correlate

import simulator
from jxctl.library.song import read_song
from jxctl.ports import open_port
from jxctl.ports.client import Synth
from jxctl.protocol.bank import Bank
from jxctl.protocol.parameters import parameter
from jxctl.protocol.patch import Patch
from jxctl.protocol.sysex import encode, messages_of
from jxctl.protocol.tone import INIT_TONE, to_batch
from simulator.instrument.instrument import Instrument, play_song
from simulator.instrument.memory import Memory

ROOT = Path(__file__).resolve().parents[2]
RATE = 44100
MATCH_DB = -100.0
CHORUS = INIT_TONE.with_values({"CHORUS": parameter("CHORUS").labels[1], "VCF FREQ": 90, "ENV2 REL": 40})
BANK = Bank("mks70", {0: Patch.init().with_tones(0, 0)}, {0: CHORUS})
# As a program of its own: PortAudio lists only the JACK clients that were there when it started.
RECORDER = """
import sys, time
import numpy as np, sounddevice
blocks = []
def arrived(block, frames, when, status):
    blocks.append(block.copy())
with sounddevice.InputStream(device="jx", channels=2, samplerate=44100, dtype="float32", callback=arrived):
    print("recording", flush=True)
    sys.stdin.readline()
np.save(sys.argv[1], np.concatenate(blocks).T)
"""

Start = Callable[..., Any]
pytestmark = pytest.mark.usefixtures("jack")


@contextmanager
def recorded(path: Path) -> Iterator[None]:
    """Record both outputs of the client ``jx`` while the context lasts: float32[2, samples] in ``path``."""
    recorder = subprocess.Popen(
        [sys.executable, "-c", RECORDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert recorder.stdout is not None
        assert recorder.stdout.readline() == "recording\n", recorder.communicate()[1]
        yield
        _, err = recorder.communicate("\n", timeout=60)
        assert recorder.returncode == 0, err
    finally:
        if recorder.poll() is None:
            recorder.kill()
            recorder.communicate()


def residual_db(heard: np.ndarray, rendered: np.ndarray) -> float:
    """Level of what is left of ``heard`` after taking away ``rendered`` where it fits best, dB against it.

    Both are float32[samples]; ``rendered`` may begin or end before or after ``heard``, silent outside.
    """
    first = heard.astype(np.float64)
    second = np.pad(rendered.astype(np.float64), len(heard))
    # The power of the difference at every place; a sound repeats itself, so the best product will not do.
    power = np.concatenate([[0.0], np.cumsum(second**2)])
    product = correlate(second, first, "valid")
    place = int(np.argmin(power[len(first) :] - power[: -len(first)] - 2 * product))
    there = second[place : place + len(first)]
    assert np.any(there)
    return float(10 * np.log10(max(np.mean((first - there) ** 2), 1e-30) / np.mean(there**2)))


def test_twelve_voices_with_chorus_are_the_offline_render(board: Start, tmp_path: Path) -> None:
    (tmp_path / "bank.syx").write_bytes(encode(messages_of(BANK)))
    running = board(
        "--midi", "jx sounds", "--api", "jack", "--memory", "bank.syx", "--audio", "system",
        "--save", "take.mid",
    )  # fmt: skip
    with recorded(tmp_path / "heard.npy"), open_port(f"{running.url}?api=jack") as port:
        for chord in range(3):
            for voice in range(12):
                port.write(bytes((0x90, 40 + 3 * voice + chord, 60 + 5 * voice)))
            time.sleep(0.8)
            port.write(b"\xb0\x01" + bytes((40 * chord,)))
            for voice in range(12):
                port.write(bytes((0x80, 40 + 3 * voice + chord, 64)))
            time.sleep(0.2)
    held = running.end()
    assert held["audio"]["blocks"] * 256 == held["audio"]["samples"] > 2 * RATE
    assert (held["audio"]["device"], held["audio"]["block"]) == ("system", 256)
    assert 256 / RATE <= held["audio"]["latency_s"] < 0.1
    assert held["audio"]["peak"] > 0.5
    song = read_song((tmp_path / "take.mid").read_bytes())
    assert sum(message[0] == 0x90 for _, message in song.messages) == 36
    offline = np.concatenate(list(play_song(song, Instrument(memory=Memory("mks70", BANK)))), axis=1)
    heard = np.load(tmp_path / "heard.npy")
    assert heard.shape[1] > 2 * RATE
    assert not np.array_equal(offline[0], offline[1]), "the chorus is stereo"
    for channel in range(2):
        assert residual_db(heard[channel], offline[channel]) < MATCH_DB


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo-terminals")
def test_a_note_over_serial_is_the_render_of_that_note(board: Start, tmp_path: Path) -> None:
    tone = INIT_TONE.with_values({"VCF FREQ": 80, "VCF ENV": 60, "ENV1 DECY": 60})
    running = board("--pty", "--audio", "system")
    with recorded(tmp_path / "heard.npy"), open_port(running.url) as port:
        synth = Synth(port)
        synth.wake()
        synth.load(tone)
        time.sleep(0.3)
        synth.note_on(57, 100)
        time.sleep(1.0)
    assert running.end()["dropped"] == 0
    heard = np.load(tmp_path / "heard.npy")[0]
    sounding = np.flatnonzero(heard)[0]
    # The key stays down, and the board runs on: compare what both have.
    note = heard[sounding : sounding + RATE // 2]
    rendered = simulator.render(to_batch([tone]), 57, 100, 2.0, 1.0, sample_rate=RATE)[0]
    assert residual_db(note, rendered) < MATCH_DB


def listening(folder: Path, *options: str) -> subprocess.Popen[str]:
    """Start ``jx play`` and wait until it plays."""
    process = subprocess.Popen(
        [sys.executable, "-m", "jxctl", "play", *options],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = ""
    while not said.startswith("sounds on"):
        said = process.stderr.readline()
        assert said, process.communicate()
    assert "latency" in said
    return process


def test_jx_play_is_heard_and_saved(tmp_path: Path, jx: Callable[..., Any]) -> None:
    """What it saves, ``jx render --midi`` renders to what was heard."""
    with open_port("midi:jx keyboard?virtual=1&api=jack") as keyboard:
        options = ("--midi", "jx keyboard", "--api", "jack", "--audio", "system", "--gain", "0")
        playing = listening(tmp_path, *options, "--save", "take.mid", "--json")
        try:
            with recorded(tmp_path / "heard.npy"):
                keyboard.write(b"\x90\x45\x64")
                time.sleep(0.5)
                keyboard.write(b"\x80\x45\x40")
                time.sleep(0.3)
            playing.send_signal(signal.SIGINT)
            out, err = playing.communicate(timeout=60)
        finally:
            playing.kill()
    assert playing.returncode == 0, err
    assert json.loads(out)["samples"] > RATE // 2
    done = jx("render", "--midi", "take.mid", "-o", "take.wav")
    assert done.returncode == 0, done.stderr
    import soundfile

    rendered, _ = soundfile.read(tmp_path / "take.wav", dtype="float32")
    heard = np.load(tmp_path / "heard.npy")
    assert np.abs(heard).max() > 0.05
    assert residual_db(heard[0], rendered[:, 0]) < MATCH_DB


def test_a_keyboard_that_goes_away_ends_jx_play(tmp_path: Path) -> None:
    with open_port("midi:jx loose?virtual=1&api=jack"):
        playing = listening(tmp_path, "--midi", "jx loose", "--api", "jack", "--audio", "system")
    _, err = playing.communicate(timeout=60)
    assert playing.returncode == 3
    assert "jx loose" in err
    assert "went away" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--audio", "no such device"], 3, "audio outputs: 0: system"),
        (["--audio", "system", "--rate", "48000"], 3, "its own rate is 44100 Hz"),
        (["--audio", "system", "--rate", "3"], 2, "--rate is 3 Hz"),
        (["--audio", "system", "--gain", "200"], 2, "--gain"),
        (["--audio", "system", "--profile", "nowhere.toml"], 2, "nowhere"),
        (["--audio", "system", "--save", "take.wav"], 2, "MIDI file"),
        (["--save", "take.mid"], 2, "--audio"),
    ],
)
def test_where_it_cannot_sound(
    jx: Callable[..., Any], tmp_path: Path, options: list[str], code: int, said: str
) -> None:
    done = jx("board", "--midi", "x", "--api", "jack", *options)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--midi", "no such keyboard"], 3, "no MIDI input has 'no such keyboard' in its name"),
        (["--midi", "x", "--tone", "a.json", "--bank", "b.syx"], 2, "a tone and a bank"),
        (["--midi", "x", "--model", "juno"], 2, "juno"),
        (["--midi", "x", "--save", "no/folder/take.mid"], 2, "no folder"),
    ],
)
def test_what_cannot_be_played(
    jx: Callable[..., Any], tmp_path: Path, options: list[str], code: int, said: str
) -> None:
    done = jx("play", *options, "--api", "jack")
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_outputs_and_inputs_are_listed(jx: Callable[..., Any]) -> None:
    done = jx("audio", "--json")
    assert done.returncode == 0, done.stderr
    (output,) = json.loads(done.stdout)["outputs"]
    assert (output["name"], output["sample_rate"], output["channels"]) == ("system", RATE, 2)
    assert "JACK" in output["system"]


def test_a_sound_system_that_dies_ends_the_board(board: Start) -> None:
    with running_jack() as (_, server):
        running = board("--pty", "--audio", "system")
        # Not killed: JACK counts a server that was killed among its eight until the machine starts anew.
        server.terminate()
        _, err = running.process.communicate(timeout=60)
    assert running.process.returncode == 3, err
    assert "the audio output 'system' went away" in err
    assert "Traceback" not in err

"""``jx render --midi``: what it writes, and what it refuses without writing anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from jxctl.library.song import write_song
from jxctl.protocol.bank import Bank
from jxctl.protocol.patch import Patch
from jxctl.protocol.sysex import encode, messages_of
from jxctl.protocol.tone import INIT_TONE, Tone, write_tone

Run = Callable[..., Any]
RATE = 44100
A4 = ((0, b"\x90\x45\x64"), (RATE // 2, b"\x80\x45\x40"))


@pytest.fixture
def song(tmp_path: Path) -> str:
    (tmp_path / "song.mid").write_bytes(write_song(A4, RATE, RATE))
    return "song.mid"


def pitch_hz(audio: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(audio * np.hanning(len(audio)))) ** 2
    return float(np.fft.rfftfreq(len(audio), 1 / RATE)[power.argmax()])


def test_a_song_needs_no_tone(jx: Run, song: str, tmp_path: Path) -> None:
    done = jx("render", "--midi", song, "-o", "out.wav", "--json")
    assert done.returncode == 0, done.stderr
    audio, rate = soundfile.read(tmp_path / "out.wav")
    data = json.loads(done.stdout)
    assert rate == RATE
    assert audio.shape == (data["samples"], 2)
    assert RATE < len(audio) <= 11 * RATE
    assert data["peak"] == pytest.approx(np.abs(audio).max(), abs=1e-5)
    assert pitch_hz(audio[4410:17640, 0]) == pytest.approx(440, abs=7)
    assert np.abs(audio[-4410:]).max() < 1e-4


def test_a_tone_is_what_it_plays(jx: Run, song: str, tmp_path: Path) -> None:
    two_octaves = {"DCO1 RANGE": "2'", "DCO2 RANGE": "2'", "MIX DCO2": 0}
    write_tone(INIT_TONE.with_values(two_octaves), tmp_path / "high.json")
    for model in ("mks70", "jx8p"):
        done = jx("render", "high.json", "--midi", song, "-o", f"{model}.wav", "--model", model, "--tail", 0)
        assert done.returncode == 0, done.stderr
        audio, _ = soundfile.read(tmp_path / f"{model}.wav")
        assert len(audio) == RATE
        assert pitch_hz(audio[4410:17640, 1]) == pytest.approx(1760, abs=10)


def test_program_changes_choose_from_a_bank(jx: Run, tmp_path: Path) -> None:
    patches = {slot: Patch.init().with_tones(slot, slot) for slot in range(2)}
    tones = {0: Tone.init("PLAIN"), 1: Tone.init("MUTE").with_values({"VCA LEVEL": 0})}
    (tmp_path / "bank.syx").write_bytes(encode(messages_of(Bank("mks70", patches, tones))))
    (tmp_path / "song.mid").write_bytes(write_song([(0, b"\xc0\x01"), *A4], RATE, RATE))
    said = jx("render", "--midi", "song.mid", "--bank", "bank.syx", "-o", "out.wav")
    assert said.returncode == 0, said.stderr
    assert "silent" in said.stdout
    (tmp_path / "song.mid").write_bytes(write_song([(0, b"\xc0\x00"), *A4], RATE, RATE))
    heard = jx("render", "--midi", "song.mid", "--bank", "bank.syx", "-o", "out.wav")
    assert heard.returncode == 0, heard.stderr
    assert "silent" not in heard.stdout


def test_the_same_song_gives_the_same_bytes(jx: Run, song: str, tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        assert jx("render", "--midi", song, "-o", name, "--tail", 0.1).returncode == 0
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("cut.mid", write_song(A4, RATE, RATE)[:-5], "cut short"),
        ("words.mid", b"la la la\n", "MThd"),
        ("two.mid", b"MThd\0\0\0\x06\0\x02\0\0\0\x60", "separate songs"),
        ("odd.mid", b"MThd\0\0\0\x06\0\x01\0\0\xf0\x04", "frames"),
        ("none.mid", None, "no such file"),
    ],
)
def test_what_is_no_song(jx: Run, tmp_path: Path, name: str, data: bytes | None, said: str) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    done = jx("render", "--midi", name, "-o", "out.wav")
    assert done.returncode == 2
    assert name in done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.wav").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--midi", "song.mid", "--note", 50], "one note"),
        (["--midi", "song.mid", "--model", "juno"], "juno"),
        (["--midi", "song.mid", "--tail", "nan"], "--tail"),
        (["--midi", "song.mid", "--tail", -1], "--tail"),
        (["--midi", "song.mid", "--rate", 1], "--rate"),
        (["--midi", "song.mid", "--seed", -1], "--seed"),
        (["--midi", "song.mid", "--seed", 2**70], "--seed"),
        (["tone.json", "--tail", 3], "are for --midi"),
        (["tone.json", "--model", "jx8p"], "are for --midi"),
        (["tone.json", "--midi", "song.mid", "--bank", "bank.syx"], "a tone and a bank"),
        (["tone.json", "--bank", "bank.syx"], "for --midi"),
        ([], "something to render"),
    ],
)
def test_what_cannot_be_asked(jx: Run, song: str, tmp_path: Path, options: list[object], said: str) -> None:
    write_tone(INIT_TONE, tmp_path / "tone.json")
    before = sorted(tmp_path.iterdir())
    done = jx("render", *options, "-o", "out.wav")
    assert done.returncode == 2
    assert said in done.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_a_song_longer_than_a_wav_is_refused_at_once(jx: Run, tmp_path: Path) -> None:
    (tmp_path / "long.mid").write_bytes(write_song(A4, 5 * 3600 * RATE, RATE))
    done = jx("render", "--midi", "long.mid", "-o", "out.wav")
    assert done.returncode == 2
    assert "longer than a WAV can be" in done.stderr
    assert not (tmp_path / "out.wav").exists()


def test_the_song_is_never_written_over(jx: Run, song: str, tmp_path: Path) -> None:
    (tmp_path / "song.wav").write_bytes((tmp_path / song).read_bytes())
    done = jx("render", "--midi", "song.wav", "-o", "song.wav")
    assert done.returncode == 2
    assert "is the file that is read" in done.stderr

"""A WAV written piece by piece, against soundfile and against the WAV that is written at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from jxctl.audio.files import WavStream
from jxctl.errors import AudioError, JxError


def noise(samples: int, peak: float = 0.5) -> np.ndarray:
    audio = np.random.default_rng(3).uniform(-1, 1, (2, samples)).astype(np.float32)
    audio[0, 0] = 1
    return np.float32(peak) * audio


def written(path: Path, audio: np.ndarray, *cuts: int) -> tuple[str, ...]:
    with WavStream(path, 2, 48000) as stream:
        for part in np.split(audio, cuts, axis=1):
            stream.write(part)
        return stream.finish()


def test_it_holds_both_channels_to_24_bits(tmp_path: Path) -> None:
    audio = noise(1000)
    assert written(tmp_path / "a.wav", audio, 1, 1, 700) == ()
    info = soundfile.info(tmp_path / "a.wav")
    assert (info.format, info.subtype, info.samplerate, info.channels) == ("WAV", "PCM_24", 48000, 2)
    read, _ = soundfile.read(tmp_path / "a.wav")
    assert np.abs(read.T - audio).max() < 2**-23
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_its_bytes_do_not_depend_on_the_pieces(tmp_path: Path) -> None:
    written(tmp_path / "a.wav", noise(600_000))
    written(tmp_path / "b.wav", noise(600_000), 7, 262_144, 262_145, 599_999)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    assert soundfile.info(tmp_path / "a.wav").frames == 600_000


def test_what_would_clip_is_scaled_down_as_a_whole(tmp_path: Path) -> None:
    audio = noise(1000, peak=4.0)
    audio[:, :500] /= 100
    (warning,) = written(tmp_path / "a.wav", audio, 500)
    assert "12.0 dB" in warning
    read, _ = soundfile.read(tmp_path / "a.wav")
    assert np.abs(read.T - audio / np.abs(audio).max()).max() < 2**-22


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(tmp_path: Path, bad: float) -> None:
    (tmp_path / "a.wav").write_bytes(b"before")
    audio = noise(10)
    audio[1, 9] = bad
    with pytest.raises(AudioError, match="not numbers"):
        written(tmp_path / "a.wav", audio)
    assert (tmp_path / "a.wav").read_bytes() == b"before"
    assert len(list(tmp_path.iterdir())) == 1


def test_what_is_not_finished_leaves_nothing(tmp_path: Path) -> None:
    with WavStream(tmp_path / "a.wav", 2, 44100) as stream:
        stream.write(noise(100))
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_no_wav(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no audio"):
        written(tmp_path / "a.wav", noise(10)[:, :0])
    assert list(tmp_path.iterdir()) == []


def test_a_wav_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jxctl.audio.files.MOST_BYTES", 6 * 999)
    written(tmp_path / "a.wav", noise(999))
    with pytest.raises(AudioError, match="longer than a WAV can be"):
        written(tmp_path / "b.wav", noise(1000))


@pytest.mark.parametrize(("name", "error"), [("a.mp3", AudioError), ("no/folder/a.wav", JxError)])
def test_where_it_cannot_be_written(tmp_path: Path, name: str, error: type[JxError]) -> None:
    with pytest.raises(error):
        written(tmp_path / name, noise(10))
    assert list(tmp_path.iterdir()) == []


def test_a_device_is_written_to_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.wav").symlink_to("/dev/null")
    written(tmp_path / "a.wav", noise(10))
    assert (tmp_path / "a.wav").is_char_device()


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk; what waits in memory cannot be written either."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(JxError, match="cannot write"):
            written(tmp_path / "a.wav", noise(20_000))
        with pytest.raises(JxError, match="cannot write"):
            written(tmp_path / "a.wav", noise(2600), *range(1, 2600))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []

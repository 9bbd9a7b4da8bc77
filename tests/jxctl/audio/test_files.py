"""Recordings: what is read, what is refused and how, what is written."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from jxctl.audio.files import MAX_SECONDS, read_audio, write_wav
from jxctl.errors import AudioError, JxError


def sine(hz: float = 220.0, rate: int = 44100, seconds: float = 1.0, level: float = 0.5) -> np.ndarray:
    return level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


def save(path: Path, audio: np.ndarray, rate: int = 44100, subtype: str | None = None) -> Path:
    soundfile.write(path, audio, rate, subtype=subtype)
    return path


def strongest_hz(audio: np.ndarray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio))))
    return float(np.argmax(spectrum) * rate / len(audio))


def refusal(path: Path) -> AudioError:
    with pytest.raises(AudioError) as caught:
        read_audio(path)
    assert str(path) in caught.value.message, "the message names the file"
    assert caught.value.hint, "the error says what to do next"
    assert caught.value.exit_code == 2
    return caught.value


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.aiff", "a.ogg", "a.mp3"])
def test_formats(tmp_path: Path, name: str) -> None:
    recording = read_audio(save(tmp_path / name, sine()))
    assert recording.audio.dtype == np.float32
    assert recording.audio.ndim == 1
    assert recording.sample_rate == recording.original_rate == 44100
    assert recording.channels == 1
    assert recording.seconds == pytest.approx(1, abs=0.1)
    assert recording.peak == pytest.approx(0.5, abs=0.03)
    assert strongest_hz(recording.audio, 44100) == pytest.approx(220, abs=2)
    assert recording.warnings == ()


def test_samples_are_exact_when_nothing_has_to_be_done(tmp_path: Path) -> None:
    audio = sine(seconds=1.0)
    audio[-1] = 0.25 - audio[:-1].sum()
    audio = np.round((audio - audio.mean()) * 2**15) / 2**15
    path = save(tmp_path / "a.wav", audio, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(path).audio, audio - audio.mean(), atol=1e-7)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 48000, 96000, 192000])
def test_other_rates_keep_pitch_level_and_length(tmp_path: Path, rate: int) -> None:
    recording = read_audio(save(tmp_path / "a.wav", sine(440, rate), rate))
    assert recording.original_rate == rate
    assert recording.sample_rate == 44100
    assert len(recording.audio) == pytest.approx(44100, abs=2)
    middle = recording.audio[8820:-8820]
    assert strongest_hz(middle, 44100) == pytest.approx(440, abs=2)
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.005)


def test_8_khz_mono_warns_of_what_is_missing(tmp_path: Path) -> None:
    recording = read_audio(save(tmp_path / "a.wav", sine(440, 8000), 8000))
    assert any("4000 Hz" in warning for warning in recording.warnings)


def test_192_khz_stereo(tmp_path: Path) -> None:
    stereo = np.stack([sine(440, 192000, level=0.6), sine(440, 192000, level=0.2)], axis=1)
    recording = read_audio(save(tmp_path / "a.wav", stereo, 192000, "PCM_24"))
    assert (recording.channels, recording.original_rate, recording.sample_rate) == (2, 192000, 44100)
    assert np.abs(recording.audio[8820:-8820]).max() == pytest.approx(0.4, rel=0.01)
    assert recording.warnings == ()


def test_other_target_rate(tmp_path: Path) -> None:
    recording = read_audio(save(tmp_path / "a.wav", sine()), sample_rate=22050)
    assert recording.sample_rate == 22050
    assert len(recording.audio) == pytest.approx(22050, abs=2)


def test_channels_that_cancel_use_the_louder_one_and_say_so(tmp_path: Path) -> None:
    stereo = np.stack([sine(level=0.4), -sine(level=0.5)], axis=1)
    recording = read_audio(save(tmp_path / "a.wav", stereo))
    assert recording.peak == pytest.approx(0.5, rel=0.01)
    assert any("channel 2" in warning for warning in recording.warnings)


def test_one_silent_channel_does_not_count_as_cancelling(tmp_path: Path) -> None:
    stereo = np.stack([sine(level=0.4), 0 * sine()], axis=1)
    recording = read_audio(save(tmp_path / "a.wav", stereo))
    assert recording.peak == pytest.approx(0.2, rel=0.01)
    assert recording.warnings == ()


def test_dc_is_removed(tmp_path: Path) -> None:
    recording = read_audio(save(tmp_path / "a.wav", 0.3 + sine(level=0.2)))
    assert abs(float(recording.audio.mean())) < 1e-4
    assert recording.peak == pytest.approx(0.2, rel=0.01)


def test_silence_is_silent_behind_a_waveform_that_is_uneven_about_zero(tmp_path: Path) -> None:
    """Half a second of narrow pulses, whose mean is no offset, then half a second of a small constant."""
    pulses = np.where(np.arange(22050) % 100 < 10, 0.8, 0.0)
    recording = read_audio(save(tmp_path / "a.wav", np.concatenate([pulses, np.zeros(22050)]) + 0.05))
    assert np.abs(recording.audio[-20000:]).max() < 1e-3
    assert recording.peak == pytest.approx(0.8, rel=0.01)


def test_float_file_above_full_scale_keeps_its_level(tmp_path: Path) -> None:
    recording = read_audio(save(tmp_path / "a.wav", sine(level=3.0), subtype="FLOAT"))
    assert recording.peak == pytest.approx(3.0, rel=0.01)


def test_one_hour_is_read_at_its_beginning_only(tmp_path: Path) -> None:
    path = tmp_path / "hour.wav"
    minute = sine(100, 8000, 60).astype(np.float32)
    with soundfile.SoundFile(path, "w", 8000, 1, "PCM_U8") as file:
        for _ in range(60):
            file.write(minute)
    recording = read_audio(path, sample_rate=8000)
    assert recording.seconds == MAX_SECONDS
    assert any("first 30 s" in warning for warning in recording.warnings)


def test_not_an_audio_file(tmp_path: Path) -> None:
    path = tmp_path / "notes.wav"
    path.write_text("These are notes about a sound, not the sound.\n" * 20)
    assert "not an audio file" in refusal(path).message


@pytest.mark.parametrize("name", ["a.raw", "a.mp3", "a.txt"])
def test_bytes_of_no_meaning_under_any_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(bytes(range(1, 200)) * 50)
    assert "not an audio file" in refusal(path).message


def test_only_the_header_of_an_audio_file(tmp_path: Path) -> None:
    path = save(tmp_path / "a.flac", sine())
    path.write_bytes(path.read_bytes()[:20])
    assert "not an audio file" in refusal(path).message


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.touch()
    assert "empty" in refusal(path).message


def test_no_samples(tmp_path: Path) -> None:
    assert "without any samples" in refusal(save(tmp_path / "a.wav", np.zeros(0))).message


@pytest.mark.parametrize("level", [0.0, 0.3])
def test_silence_and_a_constant(tmp_path: Path, level: float) -> None:
    assert "silent" in refusal(save(tmp_path / "a.wav", np.full(44100, level))).message


def test_dither_is_silence_and_a_quiet_note_is_not(tmp_path: Path) -> None:
    dither = np.random.default_rng(0).integers(-1, 2, 44100) / 2**15
    refusal(save(tmp_path / "dither.wav", dither))
    assert read_audio(save(tmp_path / "quiet.wav", sine(level=0.001))).peak == pytest.approx(0.001, rel=0.1)


def test_50_ms(tmp_path: Path) -> None:
    error = refusal(save(tmp_path / "a.wav", sine(seconds=0.05)))
    assert "50 ms" in error.message
    assert "100 ms" in error.message


def test_shortest_length_that_is_read(tmp_path: Path) -> None:
    assert read_audio(save(tmp_path / "a.wav", sine(seconds=0.1))).seconds == pytest.approx(0.1)


@pytest.mark.parametrize("sample", [np.nan, np.inf, -np.inf, 1e30])
def test_samples_that_are_not_numbers(tmp_path: Path, sample: float) -> None:
    audio = sine()
    audio[1234] = sample
    assert "not numbers" in refusal(save(tmp_path / "a.wav", audio, subtype="FLOAT")).message


def test_rate_that_no_recording_has(tmp_path: Path) -> None:
    assert "sample rate" in refusal(save(tmp_path / "a.wav", sine(), rate=1)).message


def test_more_channels_than_make_sense(tmp_path: Path) -> None:
    assert "32 channels" in refusal(save(tmp_path / "a.wav", np.tile(sine()[:, None], (1, 32)))).message


def test_missing_file(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "none.wav").message


def test_folder(tmp_path: Path) -> None:
    assert "folder" in refusal(tmp_path).message


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    assert "not a regular file" in refusal(tmp_path / "pipe.wav").message


def test_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.wav", sine())

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)  # root may read everything, so a chmod would not do
    assert "cannot be read (Permission denied)" in refusal(path).message


def test_write_then_read_is_the_same_to_24_bits(tmp_path: Path) -> None:
    audio = np.random.default_rng(1).uniform(-0.9, 0.9, 44100)
    audio -= audio.mean()
    assert write_wav(tmp_path / "a.wav", audio.astype(np.float32), 44100) == ()
    info = soundfile.info(tmp_path / "a.wav")
    assert (info.format, info.subtype, info.samplerate, info.channels) == ("WAV", "PCM_24", 44100, 1)
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav").audio, audio, atol=2**-22)


def test_stereo_is_written_left_first_and_scaled_together(tmp_path: Path) -> None:
    left, right = sine(level=0.5), sine(level=2.0)
    (warning,) = write_wav(tmp_path / "a.wav", np.stack([left, right]), 44100)
    assert "6.0 dB" in warning
    stored = soundfile.read(tmp_path / "a.wav")[0]
    assert stored.shape == (len(left), 2)
    np.testing.assert_allclose(stored[:, 0], left / np.abs(right).max(), atol=1e-6)
    np.testing.assert_allclose(stored[:, 1], right / np.abs(right).max(), atol=1e-6)


def test_full_scale_is_written_without_wrapping(tmp_path: Path) -> None:
    audio = np.tile([1.0, -1.0], 5000)
    assert write_wav(tmp_path / "a.wav", audio, 44100) == ()
    stored = soundfile.read(tmp_path / "a.wav")[0]
    np.testing.assert_allclose(stored, audio, atol=1e-6)


def test_too_loud_is_scaled_and_said(tmp_path: Path) -> None:
    audio = sine(level=2.0)
    (warning,) = write_wav(tmp_path / "a.wav", audio, 44100)
    assert "6.0 dB" in warning
    np.testing.assert_allclose(soundfile.read(tmp_path / "a.wav")[0], audio / np.abs(audio).max(), atol=1e-6)


@pytest.mark.parametrize(
    "audio",
    [
        np.zeros(0),
        np.zeros((2, 0)),
        np.zeros((100, 2)),
        np.zeros((1, 2, 9)),
        np.float32(1),
        np.array([0.1, np.nan]),
        np.array([np.inf, 0.0]),
    ],
)
def test_what_cannot_be_written_leaves_nothing(tmp_path: Path, audio: np.ndarray) -> None:
    with pytest.raises(AudioError):
        write_wav(tmp_path / "a.wav", audio, 44100)
    assert list(tmp_path.iterdir()) == []


def test_name_that_promises_another_format(tmp_path: Path) -> None:
    with pytest.raises(AudioError) as caught:
        write_wav(tmp_path / "a.flac", sine(), 44100)
    assert "a.wav" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(JxError, match="cannot write"):
        write_wav(tmp_path / "none" / "a.wav", sine(), 44100)

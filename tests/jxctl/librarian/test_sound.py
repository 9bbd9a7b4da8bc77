"""Search by sound: the true tone comes first, whatever phases, noise, level, key and gate."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from jxctl.errors import AudioError, UsageError
from jxctl.librarian import fingerprint, sound
from jxctl.librarian.importing import import_paths
from jxctl.librarian.index import Library
from jxctl.protocol.tone import INIT_TONE, Tone, write_tone
from simulator.prior import read_table
from simulator.synth import render

Run = Callable[..., subprocess.CompletedProcess[str]]
RATE = 44100
COUNT = 24


def recorded(tone: Tone, note: int, gate_s: float, seed: int, noise_dbfs: float = -66.0) -> np.ndarray:
    """A note on a board that runs free, through an interface at a third of the level."""
    laws = fingerprint.free_profile()
    audio = render(
        np.frombuffer(tone.values, np.uint8), note, 100, gate_s, gate_s + 1, profile=laws, seed=seed
    )[0]
    noise = np.random.default_rng(seed).standard_normal(len(audio)) * 10 ** (noise_dbfs / 20)
    return np.asarray((audio + noise) / 3, np.float32)


@pytest.fixture(scope="module")
def library(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of a few real tones and one that never sounds."""
    folder = tmp_path_factory.mktemp("sounds")
    values, names, _ = read_table(shared / "data" / "tones_dev.csv")
    tones = [Tone(bytes(row)).named(name) for row, name in zip(values[:COUNT], names, strict=False)]
    for number, tone in enumerate([*tones, INIT_TONE.with_values({"VCA LEVEL": 0}).named("SILENT")]):
        write_tone(tone, folder / f"{number:02}.json")
    path = folder / "l.sqlite"
    with Library(path, create=True) as opened:
        import_paths(opened, [folder])
        assert sound.missing(opened) == COUNT + 1
        seen: list[tuple[int, int]] = []
        assert sound.update(opened, report=lambda done, of: seen.append((done, of))) == COUNT + 1
        assert seen[-1] == (COUNT + 1, COUNT + 1)
        assert (sound.missing(opened), sound.update(opened)) == (0, 0)
    return path


def test_a_recording_finds_its_tone_at_another_key_gate_level_and_phase(library: Path) -> None:
    rng = np.random.default_rng(5)
    with Library(library) as opened:
        index = sound.SoundIndex(opened)
        firsts = tried = 0
        for stored in index.tones:
            note, gate_s = int(rng.choice([44, 51, 58, 63, 70])), float(rng.uniform(0.5, 1.5))
            assert note not in fingerprint.NOTES
            audio = recorded(stored.tone, note, gate_s, seed=900 + stored.id)  # type: ignore[arg-type]
            if np.sqrt(np.mean(audio**2)) < 10 ** (-46 / 20) / 3:
                continue
            tried += 1
            firsts += index.find(audio, note, gate_s)[0].tone.id == stored.id
    assert tried > 15
    # Each is one of two dozen: by chance it would be one in all.
    assert firsts >= 0.9 * tried


def test_the_key_follows_from_the_pitch_and_the_tuning(library: Path) -> None:
    with Library(library) as opened:
        index = sound.SoundIndex(opened)
        stored = next(each for each in index.tones if each.name == "SMALLSTNGS")
        assert isinstance(stored.tone, Tone)
        assert [stored.tone.label(name) for name in ("DCO1 RANGE", "DCO1 TUNE")] == ["4'", "-1"]
        audio = recorded(stored.tone, 57, 1.0, seed=3)
        # An octave up, a semitone down.
        for pitch in (57 + 12 - 1, 57 + 12 - 1 + 12):
            found = index.find(audio, pitch + 0.2, 1.0, key_is_given=False)[0]
            assert (found.tone.name, found.note) == ("SMALLSTNGS", 57)
        assert index.find(audio, 69, 1.0)[0].note == 69


def test_the_distance_is_that_of_the_simulator(library: Path) -> None:
    with Library(library) as opened:
        index = sound.SoundIndex(opened)
        stored = index.tones[0]
        batch = np.frombuffer(stored.tone.values, np.uint8)
        audio = render(batch, 60, 100, 1.0, 2.0, profile=fingerprint.free_profile(), seed=1)[0]
        (best, *_) = index.find(audio, 60, 1.0)
        # One of the start phases is the very one that was recorded.
        assert (best.tone.id, best.distance_db) == (stored.id, pytest.approx(0, abs=1e-3))
        assert [round(match.distance_db, 6) for match in index.find(audio / 50, 60, 1.0)] == pytest.approx(
            [round(match.distance_db, 6) for match in index.find(audio, 60, 1.0)], abs=0.01
        )


def test_silence_and_what_is_no_number_is_refused(library: Path) -> None:
    with Library(library) as opened:
        index = sound.SoundIndex(opened)
        for audio in (np.zeros(RATE), np.zeros(0), np.full(RATE, np.nan)):
            with pytest.raises(AudioError, match="silent, or holds"):
                index.find(audio.astype(np.float32), 60, 1.0)
        every = index.find(recorded(INIT_TONE, 60, 1.0, 1), 60, 1.0, count=100)
        assert "SILENT" not in [match.tone.name for match in every]
    with (
        Library(library.parent / "empty.sqlite", create=True) as empty,
        pytest.raises(UsageError, match="no tone that can be searched"),
    ):
        sound.SoundIndex(empty)


def test_the_floor_lies_above_the_noise() -> None:
    mel = np.full((128, 100), -80.0, np.float32)
    mel[40, :50] = 0
    assert sound.depth_above_noise_db(mel) == 80
    assert sound.depth_above_noise_db(np.maximum(mel, -60)) == pytest.approx(57)
    assert sound.depth_above_noise_db(np.zeros((128, 100), np.float32)) == 40


def test_stretches_are_means_of_what_lies_in_them() -> None:
    # Frames of 10 ms; a gate of 0.5 s ends four of the seven stretches before their end or beginning.
    weights, there = fingerprint.stretches(200, 0.5)
    assert there.tolist() == [True] * 5 + [False, False] + [True] * 4
    assert np.flatnonzero(weights[:, 1]).tolist() == [3, 4, 5, 6, 7]
    assert np.flatnonzero(weights[:, 4]).tolist() == list(range(30, 50))
    assert np.flatnonzero(weights[:, 7]).tolist() == list(range(50, 58))
    assert weights.sum(axis=0)[there] == pytest.approx(1)


def test_bands_go_along_with_the_key() -> None:
    # A sine of the key's third harmonic: 19 semitones up, between the bands at 18 and 21.
    for note in (48, 60, 72):
        hz = 3 * 440 * 2 ** ((note - 69) / 12)
        audio = np.sin(2 * np.pi * hz * np.arange(2 * RATE) / RATE).astype(np.float32)
        from simulator.features import log_mel

        power, _ = fingerprint.averaged(log_mel(audio[None]), note, 1.0)
        band = int(power[0, :, 4].argmax())
        assert fingerprint.LOWEST_BAND + band * fingerprint.BAND_SEMITONES == 18


def test_the_commands(jx: Run, library: Path, tmp_path: Path) -> None:
    with Library(library) as opened:
        stored = next(each for each in opened.tones() if each.name == "METALPAD")
    quiet = np.random.default_rng(1).standard_normal(RATE // 4) * 1e-4
    audio = np.concatenate([quiet, recorded(stored.tone, 57, 1.0, seed=8)])  # type: ignore[arg-type]
    soundfile.write(tmp_path / "note.wav", audio, RATE)
    done = jx("library", "find", "note.wav", "--library", library, "--note", 57, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["format"], said["note"], said["note_given"]) == ("jx.library-matches", 57, True)
    assert said["matches"][0]["name"] == "METALPAD"
    assert said["matches"][0]["distance_db"] < said["matches"][1]["distance_db"]
    missing = jx("library", "find", "none.wav", "--library", library)
    assert (missing.returncode, "no such file" in missing.stderr) == (2, True)
    named = json.loads(jx("library", "find", "metal", "--library", library, "--json").stdout)
    assert [tone["name"] for tone in named["tones"]] == ["METALPAD"]


def test_a_guess_shows_the_tone_of_ones_own(jx: Run, library: Path, tmp_path: Path) -> None:
    with Library(library) as opened:
        stored = next(each for each in opened.tones() if each.name == "METALPAD")
    soundfile.write(tmp_path / "note.wav", recorded(stored.tone, 57, 1.0, seed=8), RATE)  # type: ignore[arg-type]
    given = ("guess", "note.wav", "--note", 57, "--renders", 20, "--json", "--like-own")
    missing = jx(*given)
    assert (missing.returncode, "there is no library" in missing.stderr) == (2, True)
    twice = jx(*given, "--like", library.parent / "00.json", "--library", library)
    assert (twice.returncode, "at once" in twice.stderr) == (2, True)
    beside = jx(*given, "--library", library)
    assert beside.returncode == 0, beside.stderr
    assert json.loads(beside.stdout)["library"]["name"] == "METALPAD"

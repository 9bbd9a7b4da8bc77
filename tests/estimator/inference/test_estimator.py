"""``jx guess``: what it finds, what it refuses, and that a refusal writes nothing.

Threads of libraries are put away for a while, and come back.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from estimator.inference.estimator import Estimator, Played, Recording, torch_on_one_thread
from estimator.inference.search import one_thread
from jxctl.protocol.tone import read_tone
from simulator.prior import Prior
from simulator.synth import render

RATE = 44100
Run = Callable[..., object]


@pytest.fixture(scope="module")
def estimator() -> Estimator:
    return Estimator()


def note_of_a_synth(rate: int, seconds: float, hz: float = 220.0) -> np.ndarray:
    """A plain decaying sawtooth-like sound, not made by jx."""
    t = np.arange(round(rate * seconds)) / rate
    harmonics = [np.sin(2 * np.pi * hz * k * t) / k for k in range(1, int(min(3500, rate / 2.2) / hz))]
    return 0.4 * np.sum(harmonics, axis=0) * np.exp(-2 * t)


def test_a_guess_is_repeatable_ranked_and_sounds_nearer_than_a_random_tone(estimator: Estimator) -> None:
    tones = Prior.load().sample(6, np.random.default_rng(11))
    others = render(Prior.load().sample(64, np.random.default_rng(12)), 57, 100, 0.7, 1.5)
    from simulator.features import log_mel_distance

    better = []
    for audio in render(tones, 57, 100, 0.7, 1.5):
        if np.abs(audio).max() < 1e-3:
            continue
        played = Played(57, 100, 0.7)
        guess = estimator.guess(audio, played, renders=24, seed=1)
        again = estimator.guess(audio, played, renders=24, seed=1)
        assert [c.tone for c in guess.candidates] == [c.tone for c in again.candidates]
        distances = [c.distance_db for c in guess.candidates]
        assert distances == sorted(distances)
        better.append(distances[0] < np.median(log_mel_distance(others, audio)))
    assert len(better) >= 4
    assert all(better)


def test_the_audio_of_a_candidate_is_its_tone_rendered(estimator: Estimator) -> None:
    audio = note_of_a_synth(RATE, 1.0).astype(np.float32)
    guess = estimator.guess(audio, Played(57, 100, 0.8), renders=40)
    values = np.frombuffer(guess.candidates[0].tone.values, np.uint8)
    assert np.array_equal(guess.audio, render(values, 57, 100, 0.8, 1.0)[0])
    assert len(guess.candidates) == 40


def test_everything_in_one_go(jx: Run, tmp_path: Path) -> None:
    """Tone, audio, plot and the virtual board, which plays what the candidate sounded like."""
    soundfile.write(tmp_path / "in.wav", note_of_a_synth(RATE, 1.2), RATE)
    done = jx(
        "guess", "in.wav", "-o", "tone.json", "--audio", "out.wav", "--plot", "out.png",
        "--send", "sim:", "--renders", 16, "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert data["found"]["note"] == 57
    assert read_tone(tmp_path / "tone.json").to_json() == data["tone"]
    assert soundfile.info(tmp_path / "out.wav").samplerate == RATE
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    assert data["board"]["distance_db"] == pytest.approx(data["distance_db"], abs=0.5)
    assert len(data["candidates"]) == 5
    assert 0 <= min(data["confidence"].values()) <= max(data["confidence"].values()) <= 1.001


def test_a_board_at_another_rate_is_compared_at_the_recordings(jx: Run, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", note_of_a_synth(RATE, 1.0), RATE)
    done = jx("guess", "in.wav", "--send", "sim:?sample_rate=48000", "--renders", 16, "--json")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert data["board"]["distance_db"] == pytest.approx(data["distance_db"], abs=2.0)


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (192_000, 2), (22_050, 1)])
def test_other_rates_and_channels_work(jx: Run, tmp_path: Path, rate: int, channels: int) -> None:
    audio = np.repeat(note_of_a_synth(rate, 1.0)[:, None], channels, axis=1)
    soundfile.write(tmp_path / "in.wav", audio, rate)
    done = jx("guess", "in.wav", "--renders", 8, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["found"]["note"] == 57


def make_bad(path: Path, kind: str) -> None:
    rng = np.random.default_rng(0)
    sounds = {
        "silence": np.zeros(RATE),
        "50 ms": note_of_a_synth(RATE, 0.05),
        "empty": np.zeros(0),
        "nan": np.where(np.arange(RATE) == 500, np.nan, 0.1),
        "noise": 0.3 * rng.standard_normal(RATE),
    }
    if kind == "text":
        path.write_text("this is not audio\n" * 50)
    elif kind == "zero bytes":
        path.write_bytes(b"")
    elif kind != "missing":
        soundfile.write(path, sounds[kind], RATE, subtype="FLOAT")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("text", "in.wav"),
        ("zero bytes", "empty"),
        ("empty", "in.wav"),
        ("silence", "silent"),
        ("50 ms", "50 ms long"),
        ("nan", "not numbers"),
        ("noise", "no pitch"),
        ("missing", "no such file"),
    ],
)
def test_bad_recordings_are_refused_and_nothing_is_written(
    jx: Run, tmp_path: Path, kind: str, message: str
) -> None:
    make_bad(tmp_path / "in.wav", kind)
    before = sorted(tmp_path.iterdir())
    done = jx("guess", "in.wav", "-o", "tone.json", "--audio", "out.wav", "--plot", "out.png")
    assert done.returncode == 2
    assert message in done.stderr.lower()
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert sorted(tmp_path.iterdir()) == before


def test_pitchless_noise_is_guessed_when_the_note_is_given(jx: Run, tmp_path: Path) -> None:
    make_bad(tmp_path / "in.wav", "noise")
    done = jx("guess", "in.wav", "--note", 60, "--renders", 8, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["found"]["note_given"] is True


def test_an_hour_is_not_read_whole(jx: Run, tmp_path: Path) -> None:
    """The first seconds are used, and the user is told."""
    hour = tmp_path / "hour.wav"
    with soundfile.SoundFile(hour, "w", 8000, 1, "PCM_U8") as file:
        file.write(note_of_a_synth(8000, 2.0))
        for _ in range(60):
            file.write(np.zeros(8000 * 60))
    done = jx("guess", "hour.wav", "--renders", 8, "--json")
    assert done.returncode == 0, done.stderr
    assert "first" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--note", "128"], 2, "note 128"),
        (["--velocity", "0"], 2, "velocity 0"),
        (["--gate", "0"], 2, "gate"),
        (["--renders", "-1"], 2, "renders"),
        (["--note", "60", "--note", "62"], 2, "2 times for 1 recording"),
        (["--lock", "VCF FREQ"], 2, "--like"),
        (["--lock", "VCF FRQ=3"], 2, "VCF FRQ"),
        (["--lock", "VCF FREQ=128"], 2, "VCF FREQ is 128"),
        (["--lock", "DCO1 WF=sine"], 2, "noise, square, pulse, sawtooth"),
        (["--lock", "VCF FREQ=1", "--lock", "VCF FREQ=2"], 2, "locked twice"),
        (["--like", "nothing.json"], 2, "nothing.json"),
        (["--each"], 2, "--each needs -o"),
        (["-o", "nowhere/tone.json"], 2, "no folder"),
        (["-o", "tone.json", "--audio", "guess.mp3"], 2, "guess.wav"),
        (["-o", "tone.json", "--plot", "guess.jpg"], 2, "guess.png"),
        (["-o", "tone.json", "--plot", "."], 2, "is a folder"),
        (["-o", "one.wav", "--audio", "one.wav"], 2, "written already"),
        (["--audio", "in.wav"], 2, "the file that is read"),
        (["-o", "x/" * 3000 + "tone.json"], 2, "no folder"),
        (["--send", "sim:?model=mks70"], 2, "jx send"),
        (["--send", "nothing:"], 3, "nothing"),
        (["--send", "serial:/dev/jx-is-not-here"], 3, "jx-is-not-here"),
        (["--profile", "nobody"], 2, "no profile is called nobody"),
        (["--checkpoint", "nowhere"], 2, "no checkpoint"),
    ],
)
def test_wrong_requests_are_refused(
    jx: Run, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    soundfile.write(tmp_path / "in.wav", note_of_a_synth(RATE, 0.5), RATE)
    done = jx("guess", "in.wav", *arguments)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]
    assert soundfile.info(tmp_path / "in.wav").frames == RATE // 2


def test_more_than_one_note_and_an_uncertain_pitch_are_told(jx: Run, tmp_path: Path) -> None:
    note = note_of_a_synth(RATE, 0.6) * np.exp(-6 * np.arange(round(0.6 * RATE)) / RATE)
    soundfile.write(tmp_path / "日本.wav", np.concatenate([note, np.zeros(RATE), note]), RATE)
    done = jx("guess", "日本.wav", "--renders", 8, "--json")
    assert done.returncode == 0, done.stderr
    assert "only the first note is used" in done.stderr
    assert json.loads(done.stdout)["tone"]["name"] == "GUESS"
    t = np.arange(RATE) / RATE
    kick = np.sin(2 * np.pi * (50 * t + 80 * (1 - np.exp(-t * 30)) / 30)) * np.exp(-t * 8)
    soundfile.write(tmp_path / "kick.wav", 0.8 * kick, RATE)
    done = jx("guess", "kick.wav", "--renders", 8)
    assert "the pitch is uncertain" in done.stderr
    assert "the pitch is uncertain" not in jx("guess", "kick.wav", "--renders", 8, "--note", 36).stderr


def test_an_interrupted_guess_is_the_best_so_far(estimator: Estimator) -> None:
    audio = note_of_a_synth(RATE, 0.5).astype(np.float32)
    heard = []

    def stop(more: int) -> None:
        heard.append(more)
        if sum(heard) >= 60:
            raise KeyboardInterrupt

    guess = estimator.guess(audio, Played(57, 100, 0.4), renders=5000, report=stop)
    assert guess.interrupted
    assert 60 <= len(guess.candidates) == sum(heard) < 5000
    assert np.isfinite(guess.candidates[0].distance_db)


def test_two_recordings_of_one_tone_locks_and_alternatives(jx: Run, tmp_path: Path) -> None:
    """Two notes of one tone; a locked level and switch stay; others are written and differ."""
    from jxctl.protocol.tone import INIT_TONE

    values = np.frombuffer(INIT_TONE.with_values({"VCF FREQ": 70, "VCF KEY": 127}).values, np.uint8)
    for note in (48, 72):
        soundfile.write(tmp_path / f"{note}.wav", 0.5 * render(values, note, 100, 0.5, 0.9)[0], RATE)
    done = jx(
        "guess", "48.wav", "72.wav", "--note", 48, "--note", 72, "--lock", "VCF RES=0", "--lock",
        "DCO1 WF=sawtooth", "--renders", 120, "--top", 3, "-o", "t.json", "--each", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert [r["note"] for r in data["recordings"]] == [48, 72]
    assert data["locked"] == ["VCF RES", "DCO1 WF"]
    assert len(data["candidates"]) == 3
    for k, path in enumerate(["t.json", "t-2.json", "t-3.json"]):
        tone = read_tone(tmp_path / path)
        assert tone.values.hex() == data["candidates"][k]["raw"]
        assert tone.raw("VCF RES") == 0
        assert tone.label("DCO1 WF") == "sawtooth"
    assert set(data["cannot_be_heard"]).isdisjoint(data["confidence"])
    assert "VCA LEVEL" in data["cannot_be_heard"]


def test_it_starts_from_a_tone_and_needs_no_search(jx: Run, tmp_path: Path) -> None:
    """From the very tone that is heard, nothing is nearer; without a search, the network answers alone."""
    from jxctl.protocol.tone import INIT_TONE, write_tone

    tone = INIT_TONE.with_values({"VCF FREQ": 90, "ENV2 REL": 40, "AFTER VIB": 17, "DCO1 WF": 100})
    write_tone(tone, tmp_path / "near.json")
    values = np.frombuffer(tone.values, np.uint8)
    soundfile.write(tmp_path / "in.wav", 0.5 * render(values, 57, 100, 0.5, 0.9)[0], RATE, "FLOAT")
    given = ("guess", "in.wav", "--note", 57, "--gate", 0.5, "--json")
    done = jx(*given, "--like", "near.json", "--lock", "DCO1 WF", "--renders", 40)
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert data["distance_db"] < 0.5
    assert not data["low_confidence"]
    assert data["tone"]["parameters"]["AFTER VIB"] == 17
    assert data["tone"]["parameters"]["DCO1 WF"] == 100  # to the byte
    done = jx(*given, "--renders", 0)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["renders"] == 1
    done = jx(*given[:-1], "--renders", 0)
    assert "the network's own answer" in done.stdout
    assert "cannot be heard here: " in done.stdout


def blas_threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_linear_algebra_has_one_thread_and_then_as_many_as_before() -> None:
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        with one_thread():
            assert blas_threads() == {1}
        assert blas_threads() == before
        with pytest.raises(RuntimeError, match="on the way"), one_thread():
            raise RuntimeError("on the way")
        assert blas_threads() == before


def test_torch_has_one_thread_and_then_as_many_as_before() -> None:
    kept = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with torch_on_one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(kept)


def test_what_is_drawn_does_not_depend_on_threads() -> None:
    audio = np.sin(np.arange(22050) * 0.05).astype(np.float32)
    recordings = [Recording(audio, Played(60, 100, 0.4))]
    estimator = Estimator()
    one, two, other = (
        estimator.propose(recordings, 70, np.random.default_rng(seed), threads=threads)
        for seed, threads in ((4, 1), (4, 2), (5, 2))
    )
    assert one.draws.shape == (70, 44)
    assert np.array_equal(one.draws, two.draws)
    assert all(np.array_equal(a, b) for a, b in zip(one.marginals, two.marginals, strict=True))
    assert not np.array_equal(one.draws, other.draws)
    assert len(np.unique(one.draws, axis=0)) > 35, "both halves say the same"

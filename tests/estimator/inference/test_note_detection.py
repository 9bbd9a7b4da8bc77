"""Listening to sounds whose note, onset and release are known.

The note of a sound: over the whole range, out of tune, wavering, layered, under noise.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import RATE, WAVES, coloured_noise, harmonics, hz_of, random_tones, tone

from estimator.inference.note_detection import Heard, Played, listen, load_recording
from jxctl.audio.files import read_audio
from jxctl.errors import AudioError


@pytest.fixture(scope="module")
def heard() -> list[tuple[Heard, int, float, float]]:
    return [(listen(audio, RATE), *truth) for audio, *truth in random_tones(100, seed=7)]


def test_notes_of_random_tones(heard: list[tuple[Heard, int, float, float]]) -> None:
    right = [h.note == note for h, note, _, _ in heard]
    assert np.mean(right) >= 0.97
    assert np.mean([h.pitch_confidence > 0.5 for h, *_ in heard]) >= 0.9


def test_gates_of_random_tones(heard: list[tuple[Heard, int, float, float]]) -> None:
    near = [abs(h.gate_s - gate) < max(0.05, 0.1 * gate) for h, _, _, gate in heard]
    assert np.mean(near) >= 0.85


def test_onsets_of_random_tones(heard: list[tuple[Heard, int, float, float]]) -> None:
    late = np.array([h.onset_s - onset for h, _, onset, _ in heard])
    assert np.median(np.abs(late)) < 0.005
    assert np.quantile(np.abs(late), 0.95) < 0.05  # slow attacks under much noise


def test_level_does_not_matter() -> None:
    audio = tone(62)
    loud, quiet = listen(audio, RATE), listen(1e-3 * audio, RATE)
    assert (loud.note, loud.release_heard) == (quiet.note, quiet.release_heard)
    assert loud.gate_s == pytest.approx(quiet.gate_s)
    assert listen(audio.astype(np.float32), RATE).note == 62


@pytest.mark.parametrize("rate", [8000, 22050, 96000])
def test_recordings_at_other_rates(tmp_path: Path, rate: int) -> None:
    import soxr

    soundfile.write(tmp_path / "a.wav", soxr.resample(tone(57), RATE, rate), rate)
    recording = read_audio(tmp_path / "a.wav")
    heard = listen(recording.audio, recording.sample_rate)
    assert heard.note == 57
    assert heard.onset_s == pytest.approx(0.3, abs=0.01)
    assert heard.gate_s == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize(
    ("name", "note", "gate_s"),
    [
        ("soundfont_strings_A3", 57, 1.6),
        ("soundfont_brass_D4", 62, 1.0),
        ("soundfont_epiano_C4", 60, 1.5),
    ],
)
def test_sampled_instruments(name: str, note: int, gate_s: float) -> None:
    recording = read_audio(Path(__file__).parents[3] / "examples" / f"{name}.flac")
    heard = listen(recording.audio, recording.sample_rate)
    assert heard.note == note
    assert abs(heard.cents) < 15
    assert heard.onset_s == pytest.approx(0.1, abs=0.015)
    assert heard.release_heard
    assert heard.gate_s == pytest.approx(gate_s, abs=0.1)


@pytest.mark.parametrize("kind", ["white", "pink", "dull", "band"])
@pytest.mark.parametrize("seed", range(3))
def test_noise_has_no_note(kind: str, seed: int) -> None:
    heard = listen(coloured_noise(kind, seed), RATE)
    assert heard.note is None
    assert not heard.pitched
    assert heard.cents == 0
    assert heard.pitch_confidence < 0.2
    assert heard.onset_s < 0.02
    # A narrow band of noise is itself loud and quiet by turns.
    assert heard.gate_s == pytest.approx(1.0, abs=0.15 if kind == "band" else 0.03)


def test_snare_has_no_note_and_no_release() -> None:
    t = np.arange(RATE) / RATE
    burst = np.concatenate([np.zeros(RATE // 2), coloured_noise("white", 1) * np.exp(-t / 0.08)])
    heard = listen(burst, RATE)
    assert heard.note is None
    assert not heard.release_heard
    assert heard.onset_s == pytest.approx(0.5, abs=0.005)
    assert heard.gate_s == pytest.approx(heard.end_s - heard.onset_s)
    # -50 dB is reached after 5.8 time constants.
    assert heard.gate_s == pytest.approx(0.46, abs=0.06)


@pytest.mark.parametrize("note", [30, 60, 90])
@pytest.mark.parametrize("lead_s", [0.05, 0.3, 1.0])
def test_onset_of_clean_sounds(note: int, lead_s: float) -> None:
    assert listen(tone(note, lead_s=lead_s), RATE).onset_s == pytest.approx(lead_s, abs=0.005)


def test_onset_of_a_slow_attack_is_its_beginning() -> None:
    assert listen(tone(60, 1.5, attack_s=1.0), RATE).onset_s == pytest.approx(0.3, abs=0.015)


def test_onset_above_a_noise_floor() -> None:
    heard = listen(tone(60, noise_db=-35), RATE)
    assert heard.onset_s == pytest.approx(0.3, abs=0.005)


def test_recording_that_begins_with_the_sound() -> None:
    heard = listen(tone(60)[round(0.3 * RATE) :], RATE)
    assert heard.onset_s == pytest.approx(0, abs=0.005)
    assert heard.gate_s == pytest.approx(0.8, abs=0.03)


def test_recording_of_nothing_but_sustain() -> None:
    audio = tone(60, 2.0)[round(0.5 * RATE) : round(2.0 * RATE)]
    heard = listen(audio, RATE)
    assert (heard.note, heard.onset_s, heard.release_heard) == (60, 0.0, False)
    assert heard.gate_s == pytest.approx(1.5, abs=0.01)


def test_click_before_the_note_is_left_out() -> None:
    audio = tone(60, lead_s=1.0)
    audio[4410:4450] = 0.5
    assert listen(audio, RATE).onset_s == pytest.approx(1.0, abs=0.005)


def test_first_of_two_notes_counts() -> None:
    heard = listen(np.concatenate([tone(60, 0.5), tone(72, 0.5)]), RATE)
    assert heard.note == 60
    assert heard.gate_s == pytest.approx(0.5, abs=0.03)
    assert heard.end_s < 1.1


@pytest.mark.parametrize("release", ["exponential", "linear", "cubic", "cut"])
@pytest.mark.parametrize(("release_s", "sustain"), [(0.05, 1.0), (0.4, 1.0), (0.2, 0.3), (1.0, 0.7)])
def test_gate(release: str, release_s: float, sustain: float) -> None:
    heard = listen(tone(57, 0.9, release=release, release_s=release_s, sustain=sustain), RATE)
    assert heard.release_heard
    assert heard.gate_s == pytest.approx(0.9, abs=0.06)
    assert heard.end_s >= heard.onset_s + heard.gate_s


def test_gate_of_a_decaying_note_that_is_damped() -> None:
    t = np.arange(round(1.5 * RATE)) / RATE
    piano = harmonics(2 * np.pi * hz_of(52) * t, hz_of(52)) * np.exp(-t / 0.8)
    piano[t > 0.7] *= np.exp(-(t[t > 0.7] - 0.7) / 0.04)
    heard = listen(piano, RATE)
    assert heard.release_heard
    assert heard.gate_s == pytest.approx(0.7, abs=0.03)


@pytest.mark.parametrize("fall", ["exponential", "linear", "cubic"])
def test_pluck_shows_no_release(fall: str) -> None:
    t = np.arange(round(1.5 * RATE)) / RATE
    shape = {
        "exponential": np.exp(-t / 0.2),
        "linear": np.clip(1 - t / 1.2, 0, 1),
        "cubic": np.clip(1 - t / 1.2, 0, 1) ** 3,
    }
    heard = listen(harmonics(2 * np.pi * hz_of(55) * t, hz_of(55)) * shape[fall], RATE)
    assert heard.note == 55
    assert not heard.release_heard
    assert heard.gate_s == pytest.approx(heard.end_s - heard.onset_s)


def test_tremolo_is_no_release() -> None:
    audio = tone(60, 1.5)
    t = np.arange(len(audio)) / RATE
    heard = listen(audio * (0.65 + 0.35 * np.sin(2 * np.pi * 5 * t)), RATE)
    assert heard.onset_s == pytest.approx(0.3, abs=0.005)
    # The release may fall into a valley of the tremolo: half a turn of doubt.
    assert heard.gate_s == pytest.approx(1.5, abs=0.1)


@pytest.mark.parametrize(
    "audio", [np.zeros(1000), np.zeros(0), np.ones((100, 2)), np.array([0.0, np.nan, 1.0])]
)
def test_what_cannot_be_listened_to(audio: np.ndarray) -> None:
    with pytest.raises(AudioError) as caught:
        listen(audio, RATE)
    assert caught.value.hint


@settings(max_examples=40)
@given(st.lists(st.floats(-2, 2, width=32), min_size=1, max_size=300), st.integers(1, 60), st.booleans())
def test_anything_gives_an_answer_that_makes_sense(samples: list[float], stretch: int, quiet: bool) -> None:
    audio = np.repeat(np.array(samples, dtype=np.float32), stretch)
    if quiet:
        audio = np.concatenate([np.zeros(5000, np.float32), audio, np.zeros(5000, np.float32)])
    if not audio.any():
        return
    heard = listen(audio, RATE)
    seconds = len(audio) / RATE
    assert 0 <= heard.onset_s < heard.end_s <= seconds
    assert 0 < heard.gate_s <= heard.end_s - heard.onset_s + 1e-9
    assert 0 <= heard.pitch_confidence <= 1
    assert -50 <= heard.cents <= 50
    assert heard.note is None or 23 <= heard.note <= 109


def test_a_loaded_recording_runs_from_its_onset_to_a_little_after_its_end(tmp_path: Path) -> None:
    one = tone(57)
    soundfile.write(tmp_path / "a.wav", np.concatenate([one, 0.8 * one]), RATE, subtype="FLOAT")
    loaded = load_recording(tmp_path / "a.wav")
    assert loaded.more
    assert not loaded.unsure
    played, audio = loaded.recording.played, loaded.recording.audio
    assert (played.note, played.velocity) == (57, 100)
    assert played.gate_s == pytest.approx(0.8, abs=0.05)
    first = round(0.3 * RATE)
    assert len(audio) == pytest.approx((loaded.found.end_s - loaded.found.onset_s + 0.25) * RATE, abs=2)
    assert abs(round(loaded.found.onset_s * RATE) - first) < 0.01 * RATE


def test_what_is_given_of_a_note_is_taken(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", coloured_noise("white", 0), RATE)
    with pytest.raises(AudioError, match="no pitch could be found") as error:
        load_recording(tmp_path / "a.wav")
    assert "--note 60" in (error.value.hint or "")
    loaded = load_recording(tmp_path / "a.wav", 40, 90, 0.5)
    assert loaded.recording.played == Played(40, 90, 0.5)


def test_importing_it_loads_nothing_heavy() -> None:
    heavy = "{'librosa', 'numba', 'scipy', 'soxr', 'numpy'}"
    imports = "import sys, estimator.inference.note_detection, jxctl.audio.files"
    code = f"{imports}; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("wave", WAVES)
@pytest.mark.parametrize("note", [24, 36, 60, 84, 96, 108])
def test_whole_range(note: int, wave: str) -> None:
    heard = listen(tone(note, wave=wave), RATE)
    assert heard.note == note
    assert heard.pitched
    assert abs(heard.cents) < 5
    assert heard.pitch_confidence > 0.55


@pytest.mark.parametrize("cents", [-40, -20, 25, 45])
def test_cents(cents: int) -> None:
    heard = listen(tone(57 + cents / 100), RATE)
    assert heard.note == 57
    assert heard.cents == pytest.approx(cents, abs=2)


@pytest.mark.parametrize("note", [40, 60, 88])
def test_vibrato(note: int) -> None:
    heard = listen(tone(note, 1.2, vibrato_cents=40), RATE)
    assert heard.note == note
    assert abs(heard.cents) < 20


@pytest.mark.parametrize("note", [33, 57, 81])
def test_detuned_pair(note: int) -> None:
    assert listen(tone(note, detune_cents=12), RATE).note == note


def test_sine() -> None:
    for note in (40, 69, 100):
        assert listen(tone(note, cutoff_hz=hz_of(note) / 4), RATE).note == note


def test_missing_fundamental() -> None:
    t = np.arange(RATE) / RATE
    audio = sum(np.sin(2 * np.pi * k * hz_of(48) * t + k) for k in range(3, 9))
    assert listen(np.asarray(audio), RATE).note == 48


def test_octave_layer_is_heard_as_its_lower_note() -> None:
    assert listen(tone(48) + tone(60), RATE).note == 48


def test_fifth_layer_is_heard_as_its_lower_note() -> None:
    # The common period of both is an octave below either: no key was there.
    assert listen(tone(60) + tone(67), RATE).note == 60


def test_note_under_noise() -> None:
    for seed in range(5):
        assert listen(tone(64, noise_db=-6, seed=seed), RATE).note == 64

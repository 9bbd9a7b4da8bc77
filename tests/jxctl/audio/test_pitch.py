"""pYIN against plain sums, the definition of its hidden Markov model, and librosa's where it is installed."""

from __future__ import annotations

import numpy as np
import pytest
from sounds import RATE, coloured_noise, hz_of, random_tones, tone

from jxctl.audio import pitch
from jxctl.audio.pitch import track_pitch
from jxctl.errors import UsageError

LOWEST_HZ, HIGHEST_HZ = 50.0, 4000.0


@pytest.mark.parametrize("hz", [55.0, 123.4, 440.0, 997.0, 3520.0])
@pytest.mark.parametrize("level", [1.0, 1e-4])
def test_waves_of_one_pitch(hz: float, level: float) -> None:
    t = np.arange(RATE // 2) / RATE
    wave = level * sum(np.sin(2 * np.pi * k * hz * t + k) / k for k in range(1, 6))
    track = track_pitch(wave, RATE, LOWEST_HZ, HIGHEST_HZ)
    assert len(track.hz) == len(track.probability) == len(track.power) == 1 + len(wave) // 512
    inner = slice(3, -3)
    assert np.abs(1200 * np.log2(track.hz[inner] / hz)).max() < 15  # half a bin, and what sharpening leaves
    assert track.probability[inner].min() > 0.9
    expected = level**2 * sum(0.5 / k**2 for k in range(1, 6))
    assert track.power[inner].mean() == pytest.approx(expected, rel=0.03)


def test_a_glide_is_followed() -> None:
    t = np.arange(RATE) / RATE
    hz = 200 * 2 ** (1.5 * t)
    track = track_pitch(np.sin(2 * np.pi * np.cumsum(hz) / RATE), RATE, LOWEST_HZ, HIGHEST_HZ)
    centre = np.minimum(np.arange(len(track.hz)) * 512, RATE - 1)
    # The difference is taken over the first part of a frame: it tells of a little before the centre.
    away = 1200 * np.log2(track.hz / hz[centre])[3:-3]
    assert np.abs(away).max() < 60


@pytest.mark.parametrize("kind", ["white", "pink", "dull"])
def test_noise_is_unvoiced_and_a_note_is_voiced(kind: str) -> None:
    noise = track_pitch(coloured_noise(kind, 0), RATE, LOWEST_HZ, HIGHEST_HZ)
    note = track_pitch(tone(60, lead_s=0.0), RATE, LOWEST_HZ, HIGHEST_HZ)
    assert np.median(noise.probability) < 0.1
    assert np.median(note.probability) > 0.9


def test_silence_has_no_pitch() -> None:
    track = track_pitch(np.zeros(8000), RATE, LOWEST_HZ, HIGHEST_HZ)
    assert not track.probability.any()
    assert np.isfinite(track.hz).all()


def test_normalised_difference_is_that_of_its_definition() -> None:
    rng = np.random.default_rng(0)
    frames = rng.standard_normal((2, 64))
    lags, window = 24, 64 - 24 + 1
    expected = np.ones((2, lags))
    for row in range(2):
        d = [sum((frames[row, j] - frames[row, j + lag]) ** 2 for j in range(window)) for lag in range(lags)]
        for lag in range(1, lags):
            expected[row, lag] = d[lag] * lag / sum(d[1 : lag + 1])
    assert pitch._normalised_difference(frames, lags) == pytest.approx(expected, rel=1e-9)


def test_the_distribution_of_thresholds_is_the_integral_of_the_beta_density() -> None:
    x = np.linspace(0, 1, 200_001)
    density = x * (1 - x) ** 17 * 18 * 19  # gamma(20) / gamma(2) / gamma(18)
    integral = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(x))])
    assert pitch._beta_cdf(x) == pytest.approx(integral, abs=1e-8)


def test_the_likeliest_path_is_the_best_of_all_paths() -> None:
    rng = np.random.default_rng(3)
    bins, frames, reach = 60, 12, pitch.REACH_SEMITONES * pitch.BINS_PER_SEMITONE
    observed = rng.uniform(size=(frames, bins)) ** 40
    observed *= rng.uniform(0.05, 0.95, (frames, 1)) / observed.sum(axis=1, keepdims=True)
    voiced = np.clip(observed.sum(axis=1), 0, 1)
    apart = np.abs(np.arange(bins)[:, None] - np.arange(bins)[None])
    local = np.maximum(reach + 1 - apart, 0.0)
    local /= local.sum(axis=1, keepdims=True)
    p = pitch.SWITCH_PROBABILITY
    step = np.kron(np.array([[1 - p, p], [p, 1 - p]]), local)
    with np.errstate(divide="ignore"):
        step = np.log(step)
    likelihood = np.log(
        np.concatenate([np.maximum(observed, 1e-300), np.tile(((1 - voiced) / bins)[:, None], bins)], axis=1)
    )
    score, back = likelihood[0], []
    for k in range(1, frames):
        moves = score[:, None] + step
        back.append(moves.argmax(axis=0))
        score = moves.max(axis=0) + likelihood[k]
    states = [int(score.argmax())]
    for source in reversed(back):
        states.append(int(source[states[-1]]))
    assert pitch._most_likely_path(observed, voiced).tolist() == [state % bins for state in reversed(states)]


@pytest.mark.parametrize(
    ("lowest", "highest"), [(10.0, 1000.0), (50.0, 12000.0), (500.0, 400.0), (0.0, 400.0), (50.0, 0.0)]
)
def test_pitches_that_such_frames_cannot_tell(lowest: float, highest: float) -> None:
    with pytest.raises(UsageError, match="cannot be told") as caught:
        track_pitch(np.ones(4000), RATE, lowest, highest)
    assert caught.value.hint


@pytest.mark.parametrize("audio", [np.zeros(0), np.zeros((10, 2))])
def test_audio_of_no_channel(audio: np.ndarray) -> None:
    with pytest.raises(UsageError, match="shape"):
        track_pitch(audio, RATE, LOWEST_HZ, HIGHEST_HZ)


def test_as_right_as_librosa() -> None:
    """A few of the 400 recordings of ``python -m benchmarks.pitch``."""
    librosa = pytest.importorskip("librosa", reason="only the comparison needs librosa")
    right, theirs = 0, 0
    for audio, note, lead, hold in random_tones(8, seed=5):
        held = audio[round((lead + 0.05) * RATE) : round((lead + hold) * RATE)]
        track = track_pitch(held, RATE, LOWEST_HZ, HIGHEST_HZ)
        other, _, _ = librosa.pyin(
            held, fmin=LOWEST_HZ, fmax=HIGHEST_HZ, sr=RATE, resolution=0.2, fill_na=None
        )
        right += abs(12 * np.log2(np.median(track.hz) / hz_of(note))) < 0.5
        theirs += abs(12 * np.log2(np.median(other) / hz_of(note))) < 0.5
    assert right >= max(theirs, 6)

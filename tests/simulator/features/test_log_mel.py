"""Log-mel spectrograms against plain sums, and the distance against what it should say."""

from __future__ import annotations

import numpy as np
import plain_features
import pytest
from plain_features import dying_noise, sine

from simulator.features import FLOOR_DB, RANKING, SAMPLE_RATE, MelSettings, log_mel, log_mel_distance
from simulator.features.mel import mel_octaves

RATE = SAMPLE_RATE
COARSE = MelSettings(window=2048, hop=882, bands=96)


@pytest.mark.parametrize("settings", [COARSE, RANKING])
def test_log_mel_is_the_plain_spectrogram_in_decibels(settings: MelSettings) -> None:
    """Within 0.002 dB down to the floor, where float32 has three digits left of the loudest cell."""
    expected = plain_features.log_mel(dying_noise(), settings)
    got = log_mel(dying_noise(), settings)
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() < 2e-3
    assert np.abs(got - expected)[expected > -70].max() < 1e-3


def test_other_windows_are_refused() -> None:
    with pytest.raises(ValueError, match="windows of 1024 samples"):
        log_mel(sine(440)[None], MelSettings(window=1024, hop=300, bands=40))


def test_octaves_of_bands_count_from_20_hz() -> None:
    assert 20 * 2 ** mel_octaves(RANKING) == pytest.approx(plain_features.edges_hz(RANKING)[1:-1])


@pytest.mark.parametrize("settings", [COARSE, RANKING])
def test_every_band_hears_its_own_frequency_best(settings: MelSettings) -> None:
    centres = plain_features.edges_hz(settings)[1:-1]
    for band in range(20, settings.bands, 17):
        level = log_mel(sine(centres[band])[None], settings)[0]
        assert abs(int(level[:, 20].argmax()) - band) <= 1


def test_the_level_of_a_recording_does_not_matter() -> None:
    audio = sine(440)[None]
    assert np.allclose(log_mel(audio), log_mel(audio * 0.01), atol=1e-3)
    assert log_mel_distance(audio * 0.05, audio[0])[0] < 0.01


def test_distance_orders_as_ears_would() -> None:
    target = sine(440, 1.0) * np.linspace(1, 0, RATE, dtype=np.float32)
    same = target.copy()
    brighter = target + 0.02 * sine(880) * np.linspace(1, 0, RATE, dtype=np.float32)
    other = sine(740, 1.0)
    silent = np.zeros_like(target)
    distances = log_mel_distance(np.stack([same, brighter, other, silent]), target)
    assert distances[0] < 1e-3
    assert distances[0] < distances[1] < distances[2]
    assert distances[3] > 20
    assert np.isfinite(distances).all()


def test_what_is_not_a_number_counts_as_silence_and_is_no_target() -> None:
    rng = np.random.default_rng(5)
    sounds = rng.standard_normal((2, 44100)).astype(np.float32)
    clean = log_mel(sounds)
    sounds[0, 22050] = np.nan
    levels = log_mel(sounds)
    # Windows are centred on sample 441 k and 2048 long.
    touched = np.abs(np.arange(100) * 441 - 22050) < 1024
    assert (levels[0][:, touched] == -FLOOR_DB).all()
    assert (levels[0][:, ~touched] > -FLOOR_DB).all()
    assert np.array_equal(levels[1], clean[1])
    assert np.isfinite(log_mel_distance(sounds, sounds[1])).all()
    with pytest.raises(ValueError, match="not numbers"):
        log_mel_distance(sounds, sounds[0])


def test_silence_as_a_target() -> None:
    sounds = np.random.default_rng(5).standard_normal((2, 5000)).astype(np.float32)
    assert list(log_mel_distance(sounds, np.zeros(5000, np.float32))) == [0.0, 0.0]


def test_distance_does_not_depend_on_the_batch() -> None:
    rng = np.random.default_rng(1)
    sounds = rng.standard_normal((70, RATE // 2)).astype(np.float32)
    together = log_mel_distance(sounds, sounds[3])
    assert log_mel_distance(sounds[40:41], sounds[3])[0] == pytest.approx(together[40], rel=1e-5)

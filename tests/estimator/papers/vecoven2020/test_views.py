"""What the entries hear: against what each view is by definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from estimator.papers.vecoven2020.views import (
    FULL_SCALE,
    HANDMADE,
    fine_power,
    handmade,
    resampled,
    short_spectra,
    statistics,
    views_of,
)


def test_the_slow_wave_keeps_a_sines_height_and_pitch() -> None:
    seconds = np.arange(176400) / 44100
    slow = resampled(np.sin(2 * np.pi * 440 * seconds).astype(np.float32))
    assert slow.shape == (65536,)
    assert np.abs(slow[1000:-1000]).max() == pytest.approx(1, abs=0.01)
    spectrum = np.abs(np.fft.rfft(slow))
    assert spectrum.argmax() == 440 * 4
    assert np.abs(np.rint(slow * FULL_SCALE)).max() < 32767


def test_fine_bands_find_a_detuning_of_twelve_cents() -> None:

    seconds = np.arange(176400) / 44100
    places = [
        fine_power(torch.from_numpy(np.sin(2 * np.pi * hz * seconds).astype(np.float32))[None])[0].argmax(-1)
        for hz in (1760.0, 1760 * 2 ** (1 / 96))
    ]
    assert (places[0] == 4 * 96).all()  # four octaves above 110 Hz
    assert (places[1] - places[0] == 1).all()


def test_the_image_averages_four_windows() -> None:
    rng = np.random.default_rng(0)
    sound = rng.standard_normal((1, 176400)).astype(np.float32) * 0.1
    slow = resampled(sound[0]).astype(np.float64)
    padded = np.append(slow, np.zeros(256))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512)
    frames = [np.abs(np.fft.rfft(padded[256 * k : 256 * k + 512] * window)) ** 2 for k in range(8, 12)]
    wanted = np.log10(np.mean(frames, axis=0) + 1e-6)
    np.testing.assert_allclose(views_of(sound)["image"][0, 2], wanted, atol=1e-3)


def test_statistics_of_a_ramp() -> None:
    frames = np.linspace(0, 1, 101, dtype=np.float32).reshape(1, 101, 1)
    mean, deviation, skewness, least, most, first, last, middle, low, high = statistics(frames)[0, :10]
    np.testing.assert_allclose((mean, middle, low, high), (0.5, 0.5, 0.1, 0.9), atol=1e-5)
    assert abs(deviation - np.std(np.linspace(0, 1, 101))) < 1e-5
    assert abs(skewness) < 1e-4
    assert (least, most, first) == (0, 1, 0)
    assert last > 0.98


def test_handmade_features_have_their_size_and_are_finite_for_silence() -> None:
    sounds = np.zeros((2, 65536), np.float32)
    sounds[1] = np.sin(2 * np.pi * 440 * np.arange(65536) / 16384)
    found = handmade(sounds, short_spectra(sounds))
    assert found.shape == (2, HANDMADE)
    assert np.isfinite(found).all()
    assert np.abs(found[1] - found[0]).max() > 1

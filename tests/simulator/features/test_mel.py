"""Mel spectra against a transform written out in float64."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.features._fft import BINS, WINDOW
from simulator.features.mel import Bands, band_decibels, band_power

EVERY_BIN = Bands.of(np.eye(BINS, dtype=np.float32))
SOME = np.zeros((BINS, 5), np.float32)
for _band in range(5):
    SOME[3 + 100 * _band : 9 + 130 * _band, _band] = np.linspace(0.1, 1, 6 + 30 * _band)


def plain(audio: np.ndarray, hop: int) -> np.ndarray:
    """Power of every bin, float64[N, bins, frames], window after window."""
    frames = max(1, -(-audio.shape[1] // hop))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    padded = np.zeros((len(audio), frames * hop + 2 * WINDOW))
    padded[:, WINDOW // 2 : WINDOW // 2 + audio.shape[1]] = audio
    cut = [padded[:, k * hop : k * hop + WINDOW] * window for k in range(frames)]
    return np.abs(np.fft.rfft(np.stack(cut, axis=2), axis=1)) ** 2


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape).standard_normal(shape).astype(np.float32)


@given(
    samples=st.sampled_from([1, 440, 441, 442, 2047, 2048, 7056, 7057, 30000]),
    hop=st.sampled_from([100, 441, 882, 2048, 5000]),
    count=st.integers(1, 3),
)
@settings(max_examples=25)
def test_every_bin_is_the_plain_transform(samples: int, hop: int, count: int) -> None:
    audio = noise(count, samples)
    got, expected = band_power(audio, hop, EVERY_BIN), plain(audio, hop)
    assert got.shape == expected.shape
    assert got.dtype == np.float32
    # To a part in a million of the loudest bin, in amplitude.
    assert np.abs(np.sqrt(got) - np.sqrt(expected)).max() <= 1e-6 * np.sqrt(expected.max())


@pytest.mark.parametrize("sounding", [0, 1, 440, 5000, 11025, 29000])
def test_what_follows_the_last_sample_that_is_not_zero_is_silent(sounding: int) -> None:
    audio = noise(2, 30000)
    audio[0, sounding:] = 0
    got, expected = band_power(audio, 441, EVERY_BIN), plain(audio, 441)
    assert np.abs(np.sqrt(got) - np.sqrt(expected)).max() <= 1e-6 * np.sqrt(expected.max())
    assert np.array_equal(got[0].any(axis=0), expected[0].max(axis=0) > 0)
    scale = np.ones(2, np.float32)
    levels = band_decibels(audio, 441, EVERY_BIN, 60.0, scale)
    assert np.all(levels[0][:, ~expected[0].any(axis=0)] == -60)
    assert np.array_equal(levels[1], band_decibels(audio[1:], 441, EVERY_BIN, 60.0, scale[1:])[0])


def test_a_sine_is_where_it_belongs_and_nowhere_else() -> None:
    """Its bin holds the square of a quarter of the window's length, each neighbour a quarter of that."""
    audio = np.sin(2 * np.pi * 100 / WINDOW * np.arange(10000)).astype(np.float32)[None]
    power = band_power(audio, 441, EVERY_BIN)[0, :, 10].astype(np.float64)
    assert power[100] == pytest.approx((WINDOW / 4) ** 2, rel=1e-4)
    assert power[[99, 101]] == pytest.approx([(WINDOW / 8) ** 2] * 2, rel=1e-4)
    assert np.delete(power, [99, 100, 101]).max() < power[100] * 1e-11


def test_bands_are_weighted_sums_of_bins() -> None:
    audio = noise(2, 20000)
    expected = np.einsum("nbf,bk->nkf", plain(audio, 441), SOME)
    np.testing.assert_allclose(band_power(audio, 441, Bands.of(SOME)), expected, rtol=2e-5)


def test_decibels_are_the_logarithm_under_the_loudest_cell() -> None:
    audio = noise(3, 20000) * np.geomspace(1, 1e-6, 20000, dtype=np.float32)
    power = np.einsum("nbf,bk->nkf", plain(audio, 441), SOME)
    expected = np.maximum(10 * np.log10(power / power.max(axis=(1, 2), keepdims=True)), -80)
    got = band_decibels(audio, 441, Bands.of(SOME), 80)
    assert np.abs(got - expected).max() < 1e-3
    assert got.min() == pytest.approx(-80, abs=1e-4)
    assert got.max() == pytest.approx(0, abs=1e-5)


def test_decibels_of_a_given_scale() -> None:
    audio = noise(3, 9000)
    scale = np.array([1e-3, 0, 2], np.float32)
    power = np.einsum("nbf,bk->nkf", plain(audio, 441), SOME) * scale[:, None, None]
    expected = np.maximum(10 * np.log10(np.maximum(power, 1e-30)), -60)
    assert np.abs(band_decibels(audio, 441, Bands.of(SOME), 60, scale) - expected).max() < 1e-3


def test_silence_is_at_the_floor() -> None:
    got = band_decibels(np.zeros((2, 5000), np.float32), 441, Bands.of(SOME), 80)
    np.testing.assert_allclose(got, -80, atol=1e-4)


def test_a_sound_does_not_depend_on_its_company() -> None:
    audio = noise(21, 9000)
    together = band_power(audio, 441, Bands.of(SOME), threads=2)
    for row in (0, 7, 8, 20):
        np.testing.assert_array_equal(band_power(audio[row : row + 1], 441, Bands.of(SOME))[0], together[row])
    backwards = band_power(audio[::-1], 441, Bands.of(SOME), threads=1)
    np.testing.assert_array_equal(backwards[::-1], together)


def test_no_sound_gives_none() -> None:
    assert band_power(np.empty((0, 100), np.float32), 10, EVERY_BIN).shape == (0, BINS, 10)


def test_audio_may_be_of_any_kind_of_array() -> None:
    audio = noise(4, 3000)
    expected = band_power(audio, 441, EVERY_BIN)
    fixed = audio.copy()
    fixed.flags.writeable = False
    for same in (
        fixed,
        audio.astype(np.float64),
        np.asfortranarray(audio),
        np.repeat(audio, 2, axis=1)[:, ::2],
    ):
        np.testing.assert_array_equal(band_power(same, 441, EVERY_BIN), expected)

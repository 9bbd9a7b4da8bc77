"""Features against plain sums, and the distance against what it should say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from estimator.network.inputs import (
    FLOOR_DB,
    INPUT,
    PARTIAL_BANDS_PER_OCTAVE,
    RANKING,
    MelSettings,
    log_mel,
    log_mel_distance,
    mel_power,
    partials_power,
)  # fmt: skip

RATE = 44100


def sine(hz: float, seconds: float = 1.0, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def test_mel_power_is_the_plain_sum() -> None:
    """One frame, one band, by a DFT written out in float64."""
    audio = np.random.default_rng(0).standard_normal(RATE // 2).astype(np.float32)
    got = mel_power(torch.from_numpy(audio[None]), RANKING)[0]
    frame, band = 12, 60
    centre = frame * RANKING.hop
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048)
    piece = audio[centre - 1024 : centre + 1024].astype(np.float64) * window
    power = np.abs(np.fft.rfft(piece)) ** 2
    mel = np.linspace(*(2595 * np.log10(1 + hz / 700) for hz in (30, 16000)), RANKING.bands + 2)
    low, middle, high = (700 * (10 ** (mel[band + k] / 2595) - 1) for k in range(3))
    hz = np.arange(1025) * RATE / 2048
    weight = np.clip(np.minimum((hz - low) / (middle - low), (high - hz) / (high - middle)), 0, None)
    assert got[band, frame] == pytest.approx(float(power @ weight), rel=1e-4)


@pytest.mark.parametrize("settings", [INPUT, RANKING, MelSettings(window=1024, hop=300, bands=40)])
def test_log_mel_is_the_plain_spectrogram_in_decibels(settings: MelSettings) -> None:
    """Within 0.002 dB down to the floor, where float32 has three digits left of the loudest cell."""
    rng = np.random.default_rng(5)
    decay = np.geomspace(1, 1e-4, 30001)
    audio = (rng.standard_normal((2, 30001)) * decay + np.sin(np.arange(30001) * 0.05)).astype(np.float32)
    size = settings.window
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    frames = -(-audio.shape[1] // settings.hop)
    padded = np.pad(audio.astype(np.float64), ((0, 0), (size // 2, size + settings.hop)))
    cut = [padded[:, k * settings.hop : k * settings.hop + size] * window for k in range(frames)]
    power = np.abs(np.fft.rfft(np.stack(cut, axis=2), axis=1)) ** 2
    mel = np.linspace(*(2595 * np.log10(1 + hz / 700) for hz in (30, 16000)), settings.bands + 2)
    corners = 700 * (10 ** (mel / 2595) - 1)
    hz = np.arange(size // 2 + 1) * RATE / size
    bands = []
    for low, middle, high in zip(corners, corners[1:], corners[2:], strict=False):
        below, above = max(middle - low, RATE / size), max(high - middle, RATE / size)
        weight = np.clip(np.minimum((hz - middle + below) / below, (middle + above - hz) / above), 0, None)
        bands.append(np.einsum("nbf,b->nf", power, weight))
    levels = np.stack(bands, axis=1)
    expected = np.maximum(10 * np.log10(levels / levels.max(axis=(1, 2), keepdims=True)), -80)
    got = log_mel(audio, settings).numpy()
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() < 2e-3
    assert np.abs(got - expected)[expected > -70].max() < 1e-3


@pytest.mark.parametrize("settings", [INPUT, RANKING])
def test_every_band_hears_its_own_frequency_best(settings) -> None:
    mel = np.linspace(*(2595 * np.log10(1 + hz / 700) for hz in (30, 16000)), settings.bands + 2)
    centres = 700 * (10 ** (mel[1:-1] / 2595) - 1)
    for band in range(20, settings.bands, 17):
        level = log_mel(sine(centres[band])[None], settings)[0]
        assert abs(int(level[:, 20].argmax()) - band) <= 1


def test_the_level_of_a_recording_does_not_matter() -> None:
    audio = sine(440)[None]
    assert torch.allclose(log_mel(audio), log_mel(audio * 0.01), atol=1e-3)
    assert log_mel_distance(audio * 0.05, audio[0])[0] < 0.01


@pytest.mark.parametrize("note", [36, 60, 84])
def test_partials_lie_at_the_same_place_for_every_note(note: int) -> None:
    """The played pitch is two octaves above the lowest band; its fifth harmonic is where it must be."""
    hz = 440 * 2 ** ((note - 69) / 12)
    audio = sine(hz, 4.0) + sine(5 * hz, 4.0)
    power = partials_power(torch.from_numpy(audio[None]), torch.tensor([float(note)]))[0, :, 2]
    bands = [
        2 * PARTIAL_BANDS_PER_OCTAVE,
        2 * PARTIAL_BANDS_PER_OCTAVE + round(np.log2(5) * PARTIAL_BANDS_PER_OCTAVE),
    ]
    loudest = sorted(int(band) for band in power.topk(2).indices)
    if note == 36:  # at 65 Hz a window of 0.19 s cannot tell quarter tones
        assert all(abs(a - b) <= 1 for a, b in zip(loudest[-1:], bands[-1:], strict=True))
    else:
        assert loudest == bands


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
    assert torch.equal(levels[1], clean[1])
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

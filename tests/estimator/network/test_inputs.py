"""What the network is given, against plain sums."""

from __future__ import annotations

import numpy as np
import plain_features
import pytest
import torch
from plain_features import dying_noise, sine

from estimator.network.inputs import (
    INPUT,
    PARTIAL_BANDS_PER_OCTAVE,
    mel_power,
    partials_power,
    relative_db,
)
from simulator.features import RANKING, MelSettings

RATE = 44100


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
def test_mel_power_is_the_plain_spectrogram_for_any_window(settings: MelSettings) -> None:
    """Within 0.002 dB down to the floor, where float32 has three digits left of the loudest cell."""
    audio = dying_noise()
    expected = plain_features.log_mel(audio, settings)
    got = relative_db(mel_power(torch.from_numpy(audio), settings)).numpy()
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() < 2e-3
    assert np.abs(got - expected)[expected > -70].max() < 1e-3


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

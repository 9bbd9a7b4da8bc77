"""Each measure against a plain implementation of its definition, and what every measure must do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import fft

from estimator.inference import metrics
from simulator.prior import Prior
from simulator.synth import render

RATE = 44100


@pytest.fixture(scope="module")
def sounds() -> np.ndarray:
    """Four short sounds of random tones; all of them sound."""
    audio = render(Prior.load().sample(12, np.random.default_rng(5)), 57, 100, 0.3, 0.5)
    loud = audio[np.abs(audio).max(axis=1) > 1e-2]
    assert len(loud) >= 4
    return loud[:4]


def plain_mel(sound: np.ndarray, window: int, hop: int, bands: int) -> np.ndarray:
    """Mel power, [bands, frames]: Hann windows centred on multiples of the hop, HTK triangles whose flanks
    are never narrower than a bin."""
    top = [2595 * np.log10(1 + f / 700) for f in (30.0, 16000.0)]
    edges = 700 * (10 ** (np.linspace(*top, bands + 2) / 2595) - 1)
    hz = np.arange(window // 2 + 1) * RATE / window
    wide = RATE / window
    weights = np.array(
        [
            np.clip(
                np.minimum(
                    1 - (middle - hz) / max(middle - low, wide), 1 - (hz - middle) / max(high - middle, wide)
                ),
                0,
                None,
            )
            for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False)
        ]
    )
    padded = np.concatenate([np.zeros(window // 2), sound.astype(float), np.zeros(window)])
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    frames = [np.abs(np.fft.rfft(padded[k : k + window] * hann)) ** 2 for k in range(0, len(sound), hop)]
    return weights @ np.array(frames).T


def matched(sound: np.ndarray, target: np.ndarray) -> np.ndarray:
    return sound * np.sqrt(np.mean(target.astype(float) ** 2) / np.mean(sound.astype(float) ** 2))


def test_multi_scale_is_what_it_says(sounds: np.ndarray) -> None:
    target, others = sounds[0], sounds[1:]
    expected = []
    for sound in others:
        each = []
        for window, hop, bands in ((441, 220, 32), (1102, 551, 64), (4410, 2205, 128)):
            goal = plain_mel(target, window, hop, bands)
            own = plain_mel(matched(sound, target), window, hop, bands)
            peak = goal.max()
            each.append(
                np.abs(
                    10 * np.log10(np.maximum(own / peak, 1e-8)) - 10 * np.log10(np.maximum(goal / peak, 1e-8))
                ).mean()
            )
        expected.append(np.mean(each))
    assert metrics.multi_scale(others, target) == pytest.approx(expected, rel=0.01)


def test_warped_mfcc_is_what_it_says(sounds: np.ndarray) -> None:
    target, others = sounds[0], sounds[1:]

    def cepstra(sound: np.ndarray) -> np.ndarray:
        power = plain_mel(sound, 2048, 1024, 128)
        return fft.dct(10 * np.log10(np.maximum(power / power.max(), 1e-8)), axis=0, norm="ortho")[:20].T

    expected = []
    for sound in others:
        a, b = cepstra(sound), cepstra(target)
        cost = np.array([[np.abs(x - y).mean() for y in b] for x in a])
        best = {(0, 0): (cost[0, 0], 1)}
        for i in range(len(a)):
            for j in range(len(b)):
                before = [best[p] for p in ((i - 1, j - 1), (i - 1, j), (i, j - 1)) if p in best]
                if before:
                    total, length = min(before, key=lambda pair: pair[0])
                    best[i, j] = (total + cost[i, j], length + 1)
        total, length = best[len(a) - 1, len(b) - 1]
        expected.append(total / length)
    assert metrics.warped_mfcc(others, target) == pytest.approx(expected, rel=0.01)


def test_envelope_is_what_it_says(sounds: np.ndarray) -> None:
    target, others = sounds[0], sounds[1:]

    def curve(sound: np.ndarray) -> np.ndarray:
        starts = range(0, len(sound) - 882 + 1, 441)
        return np.array([np.sqrt(np.mean(sound[k : k + 882].astype(float) ** 2)) for k in starts])

    goal = curve(target)
    expected = [np.abs(curve(matched(sound, target)) - goal).mean() / goal.mean() for sound in others]
    assert metrics.envelope(others, target) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("measure", [metrics.multi_scale, metrics.warped_mfcc, metrics.envelope])
def test_equal_is_zero_whatever_the_level_and_other_is_not(measure, sounds: np.ndarray) -> None:
    given = np.stack([sounds[0], 0.25 * sounds[0], sounds[1], np.zeros_like(sounds[0])])
    same, quieter, other, silence = measure(given, sounds[0])
    assert same == pytest.approx(0, abs=1e-4)
    assert quieter == pytest.approx(0, abs=1e-2)
    assert min(other, silence) > 20 * max(quieter, 1e-3)
    assert np.isfinite([other, silence]).all()


def test_a_stretched_sound_is_nearer_by_warping_than_frame_by_frame() -> None:
    """A glide that is held up for a tenth of a second: the path waits, and little is left."""
    t = np.arange(round(0.6 * RATE)) / RATE
    late = np.maximum(t - 0.1, 0)

    def glide(at: np.ndarray) -> np.ndarray:
        return np.sin(2 * np.pi * (200 * at + 800 * at**2)).astype(np.float32)

    cepstra = [metrics._cepstra(glide(at)[None])[0] for at in (t, late)]
    stiff = np.abs(cepstra[0] - cepstra[1]).mean()
    assert metrics.warped_mfcc(glide(late)[None], glide(t))[0] < 0.6 * stiff

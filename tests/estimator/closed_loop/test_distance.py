"""What is heard over a board's noise."""

from __future__ import annotations

import numpy as np
import pytest

from estimator.closed_loop.distance import Ear, most_noise_db, noise_of
from estimator.inference.note_detection import Played, Recording
from simulator.features import log_mel_distance

RATE = 44100
PLAYED = Played(57, 100, 0.5)
LEVEL = 2e-4


def tone(hz: float = 220.0, partials: int = 12) -> np.ndarray:
    t = np.arange(round(0.8 * RATE)) / RATE
    waves = [np.sin(2 * np.pi * hz * k * t) / k for k in range(1, partials + 1)]
    return (0.02 * np.sum(waves, axis=0) * np.exp(-4 * t)).astype(np.float32)


def noise(seed: int, level: float = LEVEL, seconds: float = 0.8) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal(round(seconds * RATE))).astype(np.float32)


def test_without_noise_it_is_the_log_mel_distance() -> None:
    ear = Ear(Recording(tone(), PLAYED))
    others = np.stack([tone(225), tone(partials=4), noise(1)])
    distances, residuals = ear.compare(others, True, 1)
    assert distances == pytest.approx(log_mel_distance(others, tone()), abs=1e-4)
    assert residuals.shape[0] == 3
    assert len(residuals[0]) % 128 == 0


def test_other_noise_is_no_difference_over_the_noise() -> None:
    heard = noise_of(noise(1, seconds=1.0))
    ear = Ear(Recording(tone() + noise(2), PLAYED), heard)
    again = ear.levels((tone() + noise(3))[None], 1)
    other = ear.levels((tone(partials=3) + noise(3))[None], 1)
    assert ear.apart_over(again)[0] < 0.4 * ear.apart_in_all(again)[0]  # hiss is never the same twice
    assert ear.apart_over(other)[0] > 5 * ear.apart_over(again)[0]


def test_a_tone_that_drowns_is_not_near() -> None:
    """Brought to the level of a loud recording, a quiet take is hiss: that it lies over the floor counts."""
    heard = noise_of(noise(1, seconds=1.0))
    ear = Ear(Recording(tone() + noise(2), PLAYED), heard)
    drowned = tone() * np.float32(0.02) + noise(3)
    near, far = ear.compare(np.stack([tone() + noise(3), drowned]), False, 1)[0]
    assert far > 3 * near


def test_how_loud_noise_is_in_a_recording() -> None:
    heard = noise_of(noise(1, seconds=1.0))
    assert heard.dbfs == pytest.approx(20 * np.log10(LEVEL), abs=0.2)
    for louder in (-20.0, 0.0, 6.0):
        own = noise(5, LEVEL * 10 ** (louder / 20))
        assert most_noise_db(Recording(tone() + own, PLAYED), heard) == pytest.approx(louder, abs=3)

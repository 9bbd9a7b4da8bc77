"""Pitch of sounds whose pitch is known."""

from __future__ import annotations

import numpy as np
import pytest

from jxctl.audio.analysis import cents, pitch_hz

RATE = 44100


def tone(hz: float, partials: list[float], seconds: float = 0.6, rate: int = RATE) -> np.ndarray:
    """Sines at multiples of ``hz`` with these amplitudes."""
    t = np.arange(round(seconds * rate)) / rate
    sound = sum(a * np.sin(2 * np.pi * k * hz * t + k) for k, a in enumerate(partials, 1))
    return (0.3 * sound).astype(np.float32)


@pytest.mark.parametrize("note", [28, 40, 52, 64, 76, 88, 100])
@pytest.mark.parametrize(
    "partials",
    [[1.0], [1 / k for k in range(1, 13)], [1, 0, 1 / 3, 0, 1 / 5, 0, 1 / 7], [0.0, 0.5, 0.7, 0.3, 0.2]],
    ids=["sine", "sawtooth", "square", "no fundamental"],
)
def test_the_pitch_of_a_steady_sound_is_found_within_a_few_cents(note: int, partials: list[float]) -> None:
    hz = 440 * 2 ** ((note - 69) / 12)
    found = pitch_hz(tone(hz, [a for k, a in enumerate(partials, 1) if k * hz < RATE / 2]), RATE)
    assert found is not None
    assert 1200 * np.log2(found / hz) == pytest.approx(0, abs=6)


def test_a_note_that_decays_before_and_after_silence_is_found() -> None:
    sound = np.zeros(RATE, np.float32)
    sound[9000:30000] = tone(220, [1, 0.5])[:21000] * np.exp(-np.arange(21000) / 6000)
    found = pitch_hz(sound + 1e-4, RATE)
    assert found is not None
    assert found == pytest.approx(220, rel=0.004)


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(RATE),
        np.zeros(0),
        np.ones(RATE),
        np.ones(50),
        np.random.default_rng(0).standard_normal(RATE),
        np.eye(1, RATE, 5000)[0],
    ],
    ids=["silence", "nothing", "an offset", "too short", "noise", "a click"],
)
def test_what_has_no_pitch_has_none(sound: np.ndarray) -> None:
    assert pitch_hz(sound.astype(np.float32), RATE) is None


@pytest.mark.parametrize(
    ("heard", "asked", "off"),
    [(440, 440, 0), (880, 440, 0), (110, 440, 0), (466.16, 440, 100), (415.3, 880, -100), (660, 440, -498)],
)
def test_cents_leave_octaves_out(heard: float, asked: float, off: float) -> None:
    # A fifth up, 702 cents, is a fourth down.
    assert cents(heard, asked) == pytest.approx(off, abs=0.1)

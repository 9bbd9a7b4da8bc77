"""The note of a sound: over the whole range, out of tune, wavering, layered, under noise."""

from __future__ import annotations

import numpy as np
import pytest
from sounds import RATE, WAVES, hz_of, tone

from estimator.inference.note_detection import listen


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

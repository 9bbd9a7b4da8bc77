"""The same sound later, with a longer key, in noise; and another sound."""

from __future__ import annotations

import numpy as np
import pytest

from jxctl.recording.quality import difference_db, limit_db

RATE = 44100
GATE_S = 0.5


def note(
    hz: float = 220.0, gate_s: float = GATE_S, attack_s: float = 0.01, release_s: float = 0.1
) -> np.ndarray:
    """A second of a bright tone that decays towards half while held, from the key on."""
    t = np.arange(RATE) / RATE
    wave = sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 20))
    level = np.minimum(t / attack_s, 1) * (0.5 + 0.5 * np.exp(-t / 0.2))
    level *= np.exp(-np.maximum(t - gate_s, 0) / release_s)
    return (0.3 * wave * level).astype(np.float32)


def compared(heard: np.ndarray, late: int = 1000, gates_s: tuple[float, ...] = (GATE_S,)) -> float:
    """`difference_db` for a recording that begins ``late`` samples after the key."""
    recording = np.concatenate([np.zeros(late), heard]).astype(np.float32)
    renders = np.stack([note(gate_s=gate_s) for gate_s in gates_s])
    found = difference_db(recording, renders, RATE, late / RATE)
    assert found is not None
    return found


@pytest.mark.parametrize("late", [0, 1, 37, 1000, 20_000])
def test_the_same_sound_later_does_not_differ(late: int) -> None:
    assert compared(note(), late) < -100


def test_the_nearest_gate_counts() -> None:
    later = note(gate_s=GATE_S + 0.01)
    assert compared(later) > -40
    assert compared(later, gates_s=(GATE_S - 0.01, GATE_S, GATE_S + 0.01)) < -100


def test_a_crackle_before_the_note_is_a_difference() -> None:
    recording = np.concatenate([np.zeros(1000), note()]).astype(np.float32)
    recording[:287] = np.random.default_rng(2).uniform(-0.3, 0.3, 287)
    found = difference_db(recording, note()[None], RATE, 0.0)
    assert found is not None
    assert -40 < found < -15


def test_noise_is_measured() -> None:
    noise = 1e-3 * np.random.default_rng(0).standard_normal(RATE)
    wanted = 20 * np.log10(1e-3 / np.sqrt(np.mean(np.square(note()))))
    assert compared(note() + noise) == pytest.approx(wanted, abs=0.5)


def test_one_percent_of_level_is_forty_decibels() -> None:
    assert compared(1.01 * note()) == pytest.approx(-40, abs=0.1)


@pytest.mark.parametrize(
    "other",
    [
        note(hz=221.0),
        note(hz=440.0),
        note(attack_s=0.05),
        note(release_s=0.12),
        np.random.default_rng(1).standard_normal(RATE) * 0.1,
        note() * (np.arange(RATE) < 0.55 * RATE),
    ],
    ids=["pitch", "octave", "attack", "release", "noise", "cut"],
)
def test_another_sound_differs(other: np.ndarray) -> None:
    assert compared(other) > -45


@pytest.mark.parametrize(
    ("heard", "renders"),
    [
        (note(), np.zeros((1, RATE), np.float32)),
        (note(), np.zeros((1, 1), np.float32)),
        (note()[:2], note()[None]),
    ],
    ids=["silence", "nothing", "too short"],
)
def test_where_nothing_can_be_told_nothing_is(heard: np.ndarray, renders: np.ndarray) -> None:
    assert difference_db(heard, renders, RATE, 0.0) is None


def test_noise_under_a_sound_is_allowed_for() -> None:
    assert limit_db(-6.0, -200.0) == -60.0
    # A floor of -60 dBFS and a peak of -6: the noise is 39 dB under an RMS of -21, and 6 dB are allowed.
    assert limit_db(-6.0, -60.0) == -33.0

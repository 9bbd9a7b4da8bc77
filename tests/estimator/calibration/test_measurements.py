"""Measurements of calibration against signals whose answer is known by construction."""

from __future__ import annotations

import numpy as np
import pytest

from estimator.calibration.chorus import Swept, fit_chorus
from estimator.calibration.measurements import (
    Heard,
    bend,
    chorus_motion,
    fading,
    growth,
    slew,
    swing,
    swing_rate,
)

RATE = 44100


def _square(hz: np.ndarray | float, seconds: float) -> np.ndarray:
    phase = np.cumsum(np.broadcast_to(hz, round(seconds * RATE))) / RATE
    return np.where(phase % 1 < 0.5, 1.0, -1.0)


def _sine(hz: np.ndarray, seconds: float) -> np.ndarray:
    return np.sin(2 * np.pi * np.cumsum(np.broadcast_to(hz, round(seconds * RATE))) / RATE)


def test_rate_and_depth_of_a_square_lfo() -> None:
    seconds, rate_hz, cents = 3.0, 2.7, 130.0
    lfo = np.where((np.arange(round(seconds * RATE)) / RATE * rate_hz) % 1 < 0.5, 1, -1)
    hz = 440 * 2 ** (3 / 12) * np.exp2(lfo * cents / 1200)
    heard = Heard(_sine(hz, seconds), RATE, 72, seconds)
    assert np.exp(swing_rate(heard)[0]) == pytest.approx(rate_hz, rel=3e-3)
    assert np.exp(swing(heard)[0]) == pytest.approx(cents, rel=0.02)


def test_a_bent_pitch_is_told_apart_on_either_side_of_its_key() -> None:
    # A board that is 55 cents flat plays under its keys until an envelope bends it up by as much.
    shifts = np.array([-55.0, -50.0, -10.0, -1.0, 0.0, 1.0, 10.0, 50.0, 55.0, 1200.0])
    hz = 261.6256 * np.exp2(shifts / 1200)
    read = np.array([bend(Heard(_sine(np.array(each), 0.5), RATE, 60, 0.45))[0] for each in hz])
    assert np.all(np.diff(read) > 0)
    assert 5 * np.sinh(read) == pytest.approx(shifts, abs=0.02, rel=1e-3)
    # Far from the key a difference is a share, as of a logarithm.
    assert read[-1] - read[-2] == pytest.approx(np.log(1200 / 55), rel=2e-3)


def test_an_lfo_slower_than_the_take_is_not_read() -> None:
    heard = Heard(_sine(np.array(523.25), 1.0), RATE, 72, 1.0)
    assert np.isnan(swing_rate(heard)[0])


def test_an_envelope_is_read_from_the_onset_on_whenever_that_is() -> None:
    seconds, decay_s = 1.0, 0.6
    shape = np.maximum(1 - np.arange(round(seconds * RATE)) / RATE / decay_s, 0) ** 3
    sound = 0.25 * shape * _square(1046.502, seconds)
    late = np.concatenate([np.zeros(777), sound])
    first, second = (growth(Heard(audio, RATE, 84, 0.9)) for audio in (sound, late))
    assert np.max(np.abs(first - second)) < 0.01
    times = np.geomspace(0.006, 0.87, 32)
    assert first == pytest.approx(np.maximum(1 - times / decay_s, 0) ** 3, abs=0.02)


def test_how_fast_a_gate_opens_is_read_without_steps() -> None:
    # Rise times that differ by a hundredth, through ten periods of the wave: none is taken for another.
    times_s = 0.002 * 1.01 ** np.arange(40)
    t = np.arange(round(0.4 * RATE)) / RATE
    read = [
        slew(Heard(0.2 * (1 - np.exp(-t / each)) * _square(4434.9, 0.4), RATE, 85, 0.38))[0]
        for each in times_s
    ]
    # From a tenth to nine tenths an exponential takes log(9) of its time constant.
    assert np.exp(read) == pytest.approx(np.log(9) * times_s, rel=0.03)
    assert np.diff(read) == pytest.approx(np.log(1.01), abs=0.01)


def test_a_release_is_read_from_where_it_begins() -> None:
    gate_s, release_s = 0.3, 0.5
    t = np.arange(round(0.9 * RATE)) / RATE
    for late_s in (0.0, 0.008):
        shape = np.clip(1 - (t - gate_s - late_s) / release_s, 0, 1) ** 3
        curve = fading(Heard(0.25 * shape * _square(1046.502, 0.9), RATE, 84, gate_s))
        times = np.geomspace(0.006, 0.57, 32)
        assert curve == pytest.approx(np.maximum(1 - times / release_s, 0) ** 3, abs=0.04)


def _chorused(
    note: int, seconds: float, rate_hz: float, shortest: float, longest: float, wet: float
) -> Heard:
    """A sawtooth's first harmonics through two copies swept against each other, as their mean."""
    t = np.arange(round(seconds * RATE)) / RATE
    triangle = 2 * np.abs(2 * ((t * rate_hz + 0.13) % 1) - 1) - 1
    middle, swing_s = (longest + shortest) / 2, (longest - shortest) / 2
    hz = 440 * 2 ** ((note - 69) / 12)
    sound = np.zeros(t.size)
    for k in range(1, 22):
        omega, size = 2 * np.pi * hz * k, 2 / np.pi / k
        sound += size * np.sin(omega * t)
        for sign in (-1, 1):
            sound += wet / 2 * size * np.sin(omega * (t - middle - sign * swing_s * triangle))
    return Heard(0.25 * sound, RATE, note, seconds - 0.1)


def test_the_chorus_is_found_whatever_its_phase() -> None:
    takes = []
    for note in (48, 42):
        heard = _chorused(note, 8.0, 0.62, 0.0012, 0.0059, 0.8)
        dry = _chorused(note, 8.0, 0.62, 0.0012, 0.0059, 0.0)
        takes.append(Swept("1", heard, dry))
    fit = fit_chorus(takes, 1e6, 0.7071)
    assert fit is not None
    assert not fit.one_side
    assert fit.values["chorus_rate", "1"] == pytest.approx(0.62, rel=0.01)
    # Near enough to begin with: renders go on from there (test_calibrate_chorus.py).
    assert fit.values["chorus_shortest", "1"] == pytest.approx(0.0012, rel=0.08)
    assert fit.values["chorus_longest", "1"] == pytest.approx(0.0059, rel=0.03)
    assert fit.values["chorus_wet", "1"] == pytest.approx(0.8, rel=0.03)


def test_a_steady_note_has_no_chorus() -> None:
    heard = _chorused(48, 4.0, 0.6, 0.001, 0.005, 0.0)
    assert np.isnan(chorus_motion(heard)[0])
    assert fit_chorus([Swept("1", heard, heard)], 1e4, 0.7) is None

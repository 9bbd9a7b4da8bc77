"""Sync where it must change nothing: a reset to where the phase already is."""

from __future__ import annotations

import numpy as np
import pytest
from measure import one
from scipy.signal import lfilter

from simulator.synth import Profile, render

RATE = 44100
DROOP = 0.2225


def difference_db(**tone: int | str) -> float:
    """What sync 1 changes in the sound of DCO-2, against the sound without it."""
    alone = {"MIX_DCO1": 0, "MIX_DCO2": 127, **tone}
    free, synced = (render(one(**alone, DCO_XMOD=mode), 57, 100, 1.0, 0.5)[0] for mode in ("off", "sync 1"))
    change = synced.astype(np.float64) - free
    return float(10 * np.log10(np.mean(change**2) / np.mean(free.astype(np.float64) ** 2) + 1e-20))


@pytest.mark.parametrize("wave", ["sawtooth", "square", "pulse"])
@pytest.mark.parametrize("octave", ["16'", "8'", "4'", "2'"])
def test_oscillators_in_unison_are_in_step_anyway(wave: str, octave: str) -> None:
    assert difference_db(DCO1_RANGE=octave, DCO2_RANGE=octave, DCO2_WF=wave) < -100


@pytest.mark.parametrize("wave", ["sawtooth", "square", "pulse"])
@pytest.mark.parametrize(("leader", "follower"), [("16'", "8'"), ("8'", "4'"), ("8'", "2'"), ("16'", "2'")])
def test_octaves_above_it_meet_the_reset_at_a_step_of_their_own(
    wave: str, leader: str, follower: str
) -> None:
    """But for the dividers, which are whole and so not quite an octave apart: under 0.01 cent here."""
    assert difference_db(DCO1_RANGE=leader, DCO2_RANGE=follower, DCO2_WF=wave) < -75


@pytest.mark.parametrize("wave", ["sawtooth", "square", "pulse"])
def test_the_sound_does_not_jump_where_the_order_of_two_steps_changes(wave: str) -> None:
    """Around unison a step of DCO-2's own comes just before or just after the reset: much the same sound.

    A step that is forgotten in one of the two orders would be a difference of -25 dB.
    """
    tones = np.concatenate(
        [
            one(DCO_XMOD="sync 1", MIX_DCO1=0, MIX_DCO2=127, DCO2_WF=wave, DCO2_FTUNE=raw)
            for raw in (63, 64, 65)
        ]
    )
    flat, unison, sharp = render(tones, 57, 100, 1.0, 0.5).astype(np.float64)
    for other in (flat, sharp):
        assert 10 * np.log10(np.mean((other - unison) ** 2) / np.mean(unison**2)) < -33


def steps_of(wave: str, follower: float, until: float) -> list[tuple[float, float]]:
    """Times and heights of a wave's steps after phase zero, as far as the phase ``until`` (in cycles)."""
    width = {"sawtooth": 0.0, "square": 0.5, "pulse": 0.25}[wave]
    cycles = range(int(until) + 2)
    if wave == "sawtooth":
        every = [(float(k), -2.0) for k in cycles[1:]]
    else:
        every = [(float(k), 2.0) for k in cycles[1:]] + [(k + width, -2.0) for k in cycles]
    return [(phase / follower, height) for phase, height in every if phase < until]


def value_at(wave: str, phase: np.ndarray | float) -> np.ndarray:
    """The wave without smoothing: a sawtooth, or the difference of two."""

    def ramp(x: np.ndarray | float) -> np.ndarray:
        return np.asarray(2 * (x - np.floor(x)) - 1)

    width = {"sawtooth": 0.0, "square": 0.5, "pulse": 0.25}[wave]
    return ramp(phase) if wave == "sawtooth" else ramp(np.asarray(phase) - width) - ramp(phase)


def ideal(wave: str, leader: float, follower: float, samples: int) -> np.ndarray:
    """A synced wave as the sum of its plain form and the smoothing of every one of its steps.

    ``leader`` and ``follower``: cycles a sample. Each cycle of the leader begins one of the follower.
    """
    time = np.arange(1, samples + 1)
    since = time - np.floor(time * leader) / leader
    out = value_at(wave, since * follower)
    start, ratio = float(value_at(wave, 0.0)), follower / leader
    reset = start - float(value_at(wave, ratio - 1e-12))
    within = steps_of(wave, follower, ratio)
    for cycle in range(int(samples * leader) + 2):
        begin = cycle / leader
        first = reset if cycle else (-2.0 if wave == "sawtooth" else 2.0)
        for when, height in [(begin, first), *((begin + offset, height) for offset, height in within)]:
            near = slice(max(int(np.ceil(when - 2)) - 1, 0), max(int(np.floor(when + 2)), 0))
            away = time[near] - when
            left = (np.maximum(2 - np.abs(away), 0) ** 4 - 4 * np.maximum(1 - np.abs(away), 0) ** 4) / 24
            out[near] += height * np.where(away >= 0, -left, left)
    return out


@pytest.mark.parametrize("wave", ["sawtooth", "square", "pulse"])
@pytest.mark.parametrize(
    ("note", "tune", "fine"), [(57, "+7", 64), (57, "-5", 20), (45, "+12", 70), (81, "+3", 100)]
)
def test_steady_sync_is_the_sum_of_its_smoothed_steps(
    wave: str, note: int, tune: str, fine: int, open_profile: Profile
) -> None:
    """In closed form: every step of a steady tone is known beforehand, so none can be missed or moved."""
    tone = one(DCO_XMOD="sync 1", MIX_DCO1=0, MIX_DCO2=127, DCO2_WF=wave, DCO2_TUNE=tune, DCO2_FTUNE=fine)
    heard = render(tone, note, 127, 9.0, 0.4, profile=open_profile)[0].astype(np.float64)
    hz = [8e6 / (4 * round(8e6 / (4 * 440 * 2 ** ((note + shift - 69) / 12)))) for shift in (0, int(tune))]
    hz[1] *= 2 ** (float(np.interp(fine, [0, 64, 127], [-50, 0, 50])) / 1200)
    steps = [round(x / RATE * 2**32) / 2**32 for x in hz]
    signal = lfilter([-DROOP, 1 + 2 * DROOP, -DROOP], [1], ideal(wave, *steps, len(heard)))
    g = np.tan(np.pi * 18000 / RATE)
    numerator = g**2 / (1 + g) ** 2 * np.array([1, 2, 1])
    for _ in range(2):
        signal = lfilter(numerator, [1, 2 * (g - 1) / (1 + g), ((1 - g) / (1 + g)) ** 2], signal)
    change = np.mean((heard - signal) ** 2) / np.mean(signal**2)
    assert 10 * np.log10(change) < -80

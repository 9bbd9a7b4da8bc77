"""Every corner of the parameter space: numbers stay numbers, levels stay under what the laws allow.

The loudest a voice can be is two oscillators in phase whose square waves resonance adds up to. A section of
damping d, fed with plus and minus x in its own rhythm, swings up to x coth(pi d / (2 sqrt(1 - d^2))): 12.7 x
at the least damping, 0.05. Two full oscillators at a voice gain of 0.25 make that 6.4, which ``thesis``
reaches; the critically damped section of ``superjx`` halves it. Chorus adds a copy, which may double it.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from measure import one

from jxctl.protocol.parameters import TONE_PARAMETERS, parameter
from simulator.synth import render

DAMPING, VOICE_GAIN = 0.05, 0.25
RESONANCE = 1 / math.tanh(math.pi * DAMPING / 2 / math.sqrt(1 - DAMPING**2))
LOUDEST = 1.1 * 2 * VOICE_GAIN * RESONANCE
"""With a tenth for what the corners of band-limited waves and the high-pass add."""
SMALLEST_NORMAL = float(np.finfo(np.float32).tiny)
BUSY = {"MIX_DCO2": 127, "VCF_FREQ": 70, "VCF_ENV": 60, "LFO_RATE": 90, "DCO1_LFO": 30, "ENV1_SUS": 40}
DYING: dict[str, int | str] = {
    **{"MIX_DCO1": 0, "MIX_DCO2": 127, "MIX_ENV": 127, "MIX_MODE": "ENV-1"},
    **{"ENV1_ATT": 0, "ENV1_DECY": 30, "ENV1_SUS": 0},
}
"""The mixer closes while the VCA stays open, so the filters ring out."""


def check(tones: np.ndarray, seconds: float = 0.1, **playing: Any) -> np.ndarray:
    """Render, at most a thousand tones at a time; the peak of each."""
    peaks = []
    for start in range(0, len(tones), 1000):
        rows = slice(start, start + 1000)
        chosen = {name: x[rows] if isinstance(x, np.ndarray) else x for name, x in playing.items()}
        audio = render(tones[rows], seconds=seconds, **chosen)
        assert np.isfinite(audio).all()
        peaks.append(np.abs(audio).max(axis=1))
    levels = np.concatenate(peaks)
    chorus = np.array(parameter("CHORUS").classes)[tones[:, parameter("CHORUS").column]] > 0
    assert np.all(levels < LOUDEST * np.where(chorus, 2, 1))
    return levels


def random_play(rng: np.random.Generator, count: int, seconds: float) -> dict[str, np.ndarray]:
    """Any note, any velocity, keys that go up at once, on the way or never."""
    return {
        "notes": rng.integers(0, 128, count),
        "velocities": rng.integers(0, 128, count),
        "gates_s": rng.uniform(0, 1.5 * seconds, count),
        "seed": rng.integers(0, 2**31, count),
    }


def test_all_zero_all_127_and_each_parameter_alone_at_its_ends() -> None:
    rng = np.random.default_rng(0)
    bases = [
        one()[0],
        one(**BUSY)[0],
        np.full(48, 64, np.uint8),
        np.zeros(48, np.uint8),
        np.full(48, 127, np.uint8),
    ]
    bases += list(rng.integers(0, 128, (3, 48), dtype=np.uint8))
    tones = []
    for base, column, value in itertools.product(bases, range(48), (0, 127)):
        tone = base.copy()
        tone[column] = value
        tones.append(tone)
    check(np.array([*bases, *tones]), 0.2, gates_s=0.1, velocities=127)


def test_every_pair_of_positions_of_every_two_switches() -> None:
    """Of TUNE's 25 positions the two ends and the middle."""
    switches = [row for row in TONE_PARAMETERS if row.kind == "switch"]
    positions = {row.id: (0, 61, 127) if row.positions > 4 else row.starts for row in switches}
    base = one(**BUSY)[0]
    tones = []
    for first, second in itertools.combinations(switches, 2):
        for a, b in itertools.product(positions[first.id], positions[second.id]):
            tone = base.copy()
            tone[[first.column, second.column]] = a, b
            tones.append(tone)
    assert len(tones) > 1500
    levels = check(np.array(tones), 0.08)
    assert np.mean(levels > 1e-3) > 0.9  # the base sounds, whatever is switched


@pytest.mark.parametrize(
    ("profile", "count", "seconds"),
    [("superjx", 10_000, 0.12), ("superjx", 300, 4.0), ("thesis", 2_000, 0.12)],
)
def test_random_tones_of_any_note_velocity_and_gate(profile: str, count: int, seconds: float) -> None:
    rng = np.random.default_rng(4)
    tones = rng.integers(0, 128, (count, 48), dtype=np.uint8)
    check(tones, seconds, profile=profile, **random_play(rng, count, seconds))


def test_every_note_and_every_velocity() -> None:
    tone = np.repeat(one(**BUSY), 128, axis=0)
    assert np.all(check(tone, 0.2, notes=np.arange(128))[12:100] > 1e-3)
    assert np.all(np.diff(check(np.repeat(one(VCA_DYNA="2"), 128, axis=0), velocities=np.arange(128))) > 0)


@pytest.mark.parametrize(("profile", "share"), [("superjx", 0.5), ("thesis", 1.0)])
def test_the_loudest_tone_comes_near_the_limit(profile: str, share: float) -> None:
    """Two square waves at resonance, over many cutoffs: so the limit is not idle, nor passed."""
    loud: dict[str, int | str] = {"VCF_RES": 127, "MIX_DCO2": 127, "VCA_MODE": "gate"}
    waves: dict[str, int | str] = {"DCO1_WF": "square", "DCO2_WF": "square"}
    tones = np.concatenate([one(**loud, **waves, VCF_FREQ=raw) for raw in range(60, 112)])
    notes = np.repeat([60, 72, 84, 99], len(tones))
    levels = check(np.tile(tones, (4, 1)), 0.8, notes=notes, velocities=127, profile=profile)
    assert levels.max() > 0.85 * share * LOUDEST


@pytest.mark.parametrize("sample_rate", [4000, 22050, 192000])
def test_other_sample_rates(sample_rate: int) -> None:
    rng = np.random.default_rng(sample_rate)
    tones = rng.integers(0, 128, (96, 48), dtype=np.uint8)
    check(tones, 0.1, sample_rate=sample_rate, **random_play(rng, 96, 0.1))


def test_the_shortest_and_a_long_render() -> None:
    assert render(one(), seconds=1 / 44100).shape == (1, 1)
    long = render(one(**BUSY, ENV2_REL=127), gates_s=20.0, seconds=30.0)
    assert np.isfinite(long).all()
    assert np.abs(long[0, -44100:]).max() > 1e-4


@pytest.mark.parametrize("chorus", ["off", "1"])
def test_what_rings_out_ends_in_exact_silence_and_not_in_denormals(chorus: str) -> None:
    """Denormal numbers are slow, and rounding keeps a filter among them for ever: a tick may see some."""
    shapes: list[dict[str, int | str]] = [
        {"VCF_FREQ": freq, "VCF_RES": res, "HPF_FREQ": hpf}
        for freq, res, hpf in itertools.product((30, 60, 90, 127), (0, 127), ("0", "1", "3"))
    ]
    tones = np.concatenate([one(**DYING, **shape, CHORUS=chorus) for shape in shapes])
    audio = render(tones, gates_s=100, seconds=5.0)
    assert np.all(np.abs(audio).max(axis=1) > 1e-4)
    assert not audio[:, -4410:].any()
    denormal = (audio != 0) & (np.abs(audio) < SMALLEST_NORMAL)
    assert denormal.sum(axis=1).max() <= 441

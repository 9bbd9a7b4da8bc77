"""The kernel against the plain voice in float64: only the rounding of single precision is between them.

Left out, because no two implementations could agree on them: noise and the random LFO (chance), and tones
whose oscillators drive each other into chaos. Those are found by the plain voice itself: it renders them
twice, the second time with what the DCOs give each other rounded to single precision. Mutual modulation
feeds a rounding error back, so agreement also wears off with time: of 120 random tones with x-mod, 75 stay
under -80 dB for two seconds, and their median goes from -109 dB in the first tenth to -88 dB in the last.
"""

from __future__ import annotations

import numpy as np
import pytest
from measure import one
from plain_control import Laws
from plain_voice import render_plainly

from jxctl.protocol.parameters import parameter
from simulator.synth import render

SECONDS = 0.25
AGREE_DB = -80.0
CALM_DB = -90.0
"""A tone that single precision between its DCOs moves by more than this is chaotic."""
QUIET = 10 ** (-50 / 20)
"""Tones under -50 dB of full scale are compared with that: -80 dB of it is below 20 bits."""


def random_tones(seed: int, count: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Uniform in every raw value, but for noise, the random LFO and the chorus; and what plays them."""
    rng = np.random.default_rng(seed)
    tones = rng.integers(0, 128, (count, 48), dtype=np.uint8)
    for name in ("DCO1 WF", "DCO2 WF", "LFO WF"):
        tones[:, parameter(name).column] = rng.integers(32, 128, count)
    tones[:, parameter("CHORUS").column] = 0
    playing = {
        "notes": rng.integers(21, 109, count),
        "velocities": rng.integers(1, 128, count),
        "gates_s": rng.uniform(0.02, SECONDS, count),
    }
    return tones, playing


def residual_db(heard: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Power of the difference against the power of the tone, for each of them."""
    difference = np.mean((heard - expected) ** 2, axis=1)
    return np.asarray(10 * np.log10(difference / np.maximum(np.mean(expected**2, axis=1), QUIET**2) + 1e-30))


def compare(profile: str, seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Residuals in dB, and which tones are chaotic."""
    tones, playing = random_tones(seed, count)
    laws = Laws(profile)
    couplings = np.array([laws.of(tone, "DCO XMOD") for tone in tones])
    mutual = np.flatnonzero(couplings[:, 2:].any(axis=1) | couplings[:, :2].all(axis=1))
    rows = np.concatenate([np.arange(count), mutual])
    both = render_plainly(
        tones[rows], **{name: values[rows] for name, values in playing.items()}, seconds=SECONDS,
        profile=profile, single=np.arange(len(rows)) >= count,
    )  # fmt: skip
    expected, again = both[:count], both[count:]
    chaotic = np.zeros(count, bool)
    chaotic[mutual] = residual_db(again, expected[mutual]) > CALM_DB
    heard = render(tones, **playing, seconds=SECONDS, profile=profile).astype(np.float64)
    return residual_db(heard, expected), chaotic


@pytest.mark.parametrize(("profile", "count", "most_chaotic"), [("superjx", 200, 12), ("thesis", 60, 3)])
def test_random_tones_agree_with_the_plain_voice(profile: str, count: int, most_chaotic: int) -> None:
    residual, chaotic = compare(profile, 1, count)
    worst = residual[~chaotic].max()
    print(f"{profile}: {chaotic.sum()} of {count} chaotic, worst of the others {worst:.1f} dB")
    assert worst < AGREE_DB
    assert np.median(residual) < AGREE_DB - 20
    assert chaotic.sum() <= most_chaotic


def test_the_smallest_step_of_a_parameter_is_far_above_the_limit() -> None:
    """So the comparison would notice a law that is off by one raw value."""
    tone = one(VCF_FREQ=70, DCO1_ENV=20, ENV2_ATT=60)
    plain = {"notes": np.array([45]), "velocities": np.array([99]), "gates_s": np.array([0.05])}
    expected = render_plainly(tone, **plain, seconds=0.1)
    for change in ("VCF FREQ", "VCF RES", "DCO1 ENV", "ENV2 ATT", "MIX DCO1"):
        other = tone.copy()
        other[0, parameter(change).column] ^= 1
        heard = render(other, **plain, seconds=0.1).astype(np.float64)
        assert residual_db(heard, expected)[0] > AGREE_DB + 20, change

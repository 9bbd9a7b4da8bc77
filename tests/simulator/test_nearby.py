"""Tones near a tone: the step leaves the prior as it is, and its size is what was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from jxctl.errors import UsageError
from jxctl.protocol.parameters import parameter
from jxctl.protocol.tone import INIT_TONE, Tone, from_batch, to_batch
from simulator.prior import Prior, nearby

COUNT = 1500


@pytest.fixture(scope="module")
def drawn() -> list[Tone]:
    """Tones of the prior."""
    return from_batch(Prior.load().sample(COUNT, np.random.default_rng(0)), "DRAWN")


@pytest.fixture(scope="module")
def stepped(drawn: list[Tone]) -> np.ndarray:
    """Each of them, one step on."""
    rng = np.random.default_rng(1)
    return to_batch(nearby(tone, 0.5, rng) for tone in drawn)


def test_a_step_leaves_the_prior_unchanged(drawn: list[Tone], stepped: np.ndarray) -> None:
    before, after = to_batch(drawn).astype(int), stepped.astype(int)
    grid = np.arange(128)[:, None]
    for column in range(48):
        a = (before[:, column] <= grid).mean(axis=1)
        b = (after[:, column] <= grid).mean(axis=1)
        # Two samples of one law differ by more than this with a chance of about 1e-5 (Kolmogorov-Smirnov).
        assert np.abs(a - b).max() < 2.5 * np.sqrt(2 / COUNT)


def test_what_goes_together_still_does(drawn: list[Tone], stepped: np.ndarray) -> None:
    # A closed filter goes with much envelope, in the prior and after the step.
    columns = [parameter(name).column for name in ("VCF FREQ", "VCF ENV")]
    before = np.corrcoef(to_batch(drawn)[:, columns].astype(float), rowvar=False)[0, 1]
    after = np.corrcoef(stepped[:, columns].astype(float), rowvar=False)[0, 1]
    assert before < -0.2
    assert after == pytest.approx(before, abs=0.1)


def test_the_amount_is_how_far() -> None:
    start = from_batch(Prior.load().sample(1, np.random.default_rng(5)), "START")[0]
    assert nearby(start, 0, np.random.default_rng(0)) == start
    before = to_batch([start]).astype(int)
    far = []
    for amount in (0.05, 0.2, 0.5, 1.0):
        rng = np.random.default_rng(2)
        made = to_batch(nearby(start, amount, rng) for _ in range(100)).astype(int)
        far.append(np.abs(made - before).mean())
    assert far == sorted(far)
    assert far[0] < far[-1] / 4


def test_a_switch_that_stays_keeps_its_raw_value() -> None:
    start = INIT_TONE.with_values({"DCO1 RANGE": 0x4C}).named("FACTORY")
    rng = np.random.default_rng(3)
    made = [nearby(start, 0.1, rng) for _ in range(50)]
    starts = parameter("DCO1 RANGE").starts
    assert {tone.raw("DCO1 RANGE") for tone in made} <= {0x4C, *starts} - {0x40}
    assert any(tone.raw("DCO1 RANGE") == 0x4C for tone in made)
    assert {tone.name for tone in made} == {"FACTORY"}


@pytest.mark.parametrize("amount", [-0.01, 1.01, float("nan")])
def test_an_amount_beyond_the_ends_is_refused(amount: float) -> None:
    with pytest.raises(UsageError, match="0 to 1"):
        nearby(INIT_TONE, amount, np.random.default_rng(0))

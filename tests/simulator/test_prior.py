"""The prior has the statistics of the tones it was fitted to, and nothing else of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from jxctl.errors import ToneError
from jxctl.protocol.parameters import TONE_PARAMETERS, parameter
from simulator.prior import Prior, normal_quantile, read_table

HELD_OUT = "MKS-70 GENLIB-A"


def test_draws_have_the_marginals_of_real_tones(shared: Path) -> None:
    """Per parameter, the distribution of draws is near that of the tones fitted to (and only those)."""
    tones, _, origins = read_table(shared / "data" / "tones_dev.csv")
    real = tones[[origin != HELD_OUT for origin in origins]]
    drawn = Prior.load().sample(20_000, np.random.default_rng(1))
    for p in TONE_PARAMETERS:
        if np.ptp(real[:, p.column]) == 0:
            assert np.ptp(drawn[:, p.column]) == 0
            continue
        classes = np.array([p.position(raw) if p.starts else raw for raw in range(128)])
        distance = stats.ks_2samp(classes[real[:, p.column]], classes[drawn[:, p.column]]).statistic
        assert distance < 0.05, p.name
        for end in (0, 127):
            assert (drawn[:, p.column] == end).mean() == pytest.approx(
                (real[:, p.column] == end).mean(), abs=0.05
            ) or p.kind == "switch"


def test_draws_keep_what_goes_together(shared: Path) -> None:
    tones, _, origins = read_table(shared / "data" / "tones_dev.csv")
    real = tones[[origin != HELD_OUT for origin in origins]].astype(float)
    drawn = Prior.load().sample(20_000, np.random.default_rng(2)).astype(float)
    varied = np.flatnonzero(np.ptp(real, axis=0))
    ours = stats.spearmanr(drawn[:, varied]).statistic
    theirs = stats.spearmanr(real[:, varied]).statistic
    upper = np.triu_indices(len(varied), 1)
    strong = np.abs(theirs[upper]) > 0.35
    assert strong.sum() > 10
    assert np.all(np.sign(ours[upper][strong]) == np.sign(theirs[upper][strong]))
    assert np.corrcoef(ours[upper], theirs[upper])[0, 1] > 0.9


def test_draws_are_tones_and_repeat_with_their_seed() -> None:
    prior = Prior.load()
    first, again = (prior.sample(500, np.random.default_rng(3)) for _ in range(2))
    assert first.dtype == np.uint8
    assert first.max() <= 127
    assert np.array_equal(first, again)
    assert not np.array_equal(first, prior.sample(500, np.random.default_rng(4)))
    for p in TONE_PARAMETERS:
        if p.kind == "switch":
            assert set(first[:, p.column].tolist()) <= set(p.starts) | {0}


def test_fit_recovers_a_made_up_population() -> None:
    rng = np.random.default_rng(5)
    tones = Prior.load().sample(4000, rng)
    cutoff, resonance = parameter("VCF FREQ").column, parameter("VCF RES").column
    tones[:, cutoff] = rng.integers(0, 128, 4000)
    tones[:, resonance] = 127 - tones[:, cutoff]
    fitted = Prior.fit(tones).sample(4000, np.random.default_rng(6)).astype(float)
    assert np.corrcoef(fitted[:, cutoff], fitted[:, resonance])[0, 1] < -0.95


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name,origin\nA,B\n", "no column is named after a parameter"),
        ("", "no column is named after a parameter"),
        ("name,VCF FREQ\nA,1\nB,200\n", "line 3: VCF FREQ is 200"),
        ("name,VCF FREQ\nA,high\n", "line 2: VCF FREQ is 'high'"),
        ('name,VCF FREQ\n"A\nB",1\nC\n', "line 4: VCF FREQ is missing"),
        ("name,VCF FREQ\nA,1\n\x00", "not a table of tones|line 3"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(content)
    with pytest.raises(ToneError, match=message):
        read_table(path)


def test_a_table_as_spreadsheets_save_it_is_read(tmp_path: Path) -> None:
    """With a byte-order mark, whose three bytes would otherwise be part of the first column's name."""
    path = tmp_path / "table.csv"
    path.write_bytes(b"\xef\xbb\xbfVCF FREQ,name\r\n7,A\r\n")
    tones, names, _ = read_table(path)
    assert tones[0, parameter("VCF FREQ").column] == 7
    assert names == ["A"]


def test_the_normal_quantile_inverts_the_integral_of_its_density() -> None:
    share = np.concatenate([10.0 ** np.arange(-15.0, -1.0), np.linspace(0.01, 0.99, 99), [1 - 1e-9]])
    assert normal_quantile(share) == pytest.approx(stats.norm.ppf(share), rel=1e-12, abs=1e-15)
    assert normal_quantile(np.array([[0.0, 0.5, 1.0]])).tolist() == [[-np.inf, 0.0, np.inf]]
    # Not by scipy: the trapezoidal rule from 8 standard deviations below.
    x = np.linspace(-8, 2, 400_001)
    density = np.exp(-0.5 * x**2) / np.sqrt(2 * np.pi)
    cumulated = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]) * np.diff(x))])
    at = np.searchsorted(x, [-3.0, -1.0, 0.5, 2.0])
    assert normal_quantile(cumulated[at]) == pytest.approx(x[at], abs=1e-7)

"""Proposals: draws that follow them, values that are held."""

from __future__ import annotations

import numpy as np
import pytest

from estimator.inference.confidence import APART, different, differing
from estimator.inference.posterior import from_marginals, from_prior
from estimator.inference.search import HEAD, LAST, Found, Moves
from estimator.network import parameters
from estimator.network.parameters import IS_LEVEL
from jxctl.protocol.tone import INIT_TONE

INIT = parameters.classes(np.frombuffer(INIT_TONE.values, np.uint8)[None])[0]


def test_draws_follow_the_distributions_and_what_is_fixed_is() -> None:
    marginals = [np.full(head.classes, 1 / head.classes) for head in parameters.HEADS]
    marginals[0] = np.array([0.1, 0.9, 0.0, 0.0])
    proposal = from_marginals(marginals, 600, np.random.default_rng(0), {5: 2})
    assert proposal.draws.shape == (600, len(parameters.HEADS))
    assert set(proposal.draws[:, 0]) == {0, 1}
    # Half the draws are sharpened, odds raised to 1 / 0.6.
    sharp = 1 / (1 + 9 ** (1 / 0.6))
    assert (proposal.draws[:, 0] == 0).mean() == pytest.approx((0.1 + sharp) / 2, abs=0.03)
    assert proposal.best[0] == 1
    assert np.all(proposal.draws[:, 5] == 2)
    assert proposal.best[5] == 2


def test_the_prior_proposes_tones_of_its_own() -> None:
    proposal = from_prior(50, np.random.default_rng(1), {7: 3})
    assert np.all((proposal.draws >= 0) & (proposal.draws <= LAST))
    assert np.all(proposal.draws[:, 7] == 3)
    assert len(proposal.marginals) == len(parameters.HEADS)
    for head, p in zip(parameters.HEADS, proposal.marginals, strict=True):
        assert len(p) == head.classes
        assert p.sum() == pytest.approx(1)


def test_moves_stay_in_range_keep_what_is_fixed_and_change_something() -> None:
    fixed = {HEAD["DCO1 RANGE"]: 1, HEAD["VCF FREQ"]: 30}
    moves = Moves(from_prior(4, np.random.default_rng(2)), fixed, np.random.default_rng(3))
    start = from_prior(1, np.random.default_rng(4), fixed).draws[0]
    others = [moves.trial(start) for _ in range(300)] + [moves.child(start, 10) for _ in range(300)]
    others += [moves.crossed(start, from_prior(1, np.random.default_rng(5)).draws[0]) for _ in range(20)]
    assert np.all((np.array(others) >= 0) & (np.array(others) <= LAST))
    for k, value in fixed.items():
        assert np.all(np.array(others)[:, k] == value)
    changed = np.any(np.array(others) != start, axis=0)
    assert changed[~IS_LEVEL].sum() > 10
    assert np.mean([np.any(other != start) for other in others]) > 0.8


def test_alternatives_differ_where_it_can_be_heard() -> None:
    near = INIT.copy()
    near[HEAD["VCF FREQ"]] -= 5
    deaf = INIT.copy()
    deaf[[HEAD["LFO RATE"], HEAD["LFO WF"], HEAD["LFO DELAY"], HEAD["VCA LEVEL"]]] = (90, 0, 77, 3)
    far = INIT.copy()
    far[[HEAD["VCF FREQ"], HEAD["DCO1 WF"], HEAD["DCO1 RANGE"]]] = (40, 1, 0)
    assert differing(near[None], INIT).tolist() == [0]
    assert differing(deaf[None], INIT).tolist() == [0]
    assert differing(far[None], INIT).tolist() == [3] == [APART]
    found = Found(np.array([INIT, near, deaf, far, near]), np.arange(5.0))
    assert different(found, 3) == [0, 3]
    assert different(found, 1) == [0]

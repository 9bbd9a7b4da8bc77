"""What the rules call inaudible changes no sample; one-at-a-time variants differ in one value each."""

from __future__ import annotations

import numpy as np

from estimator.network import parameters
from estimator.network.audibility import audible, one_at_a_time
from simulator.prior import Prior
from simulator.synth import render

# What changes with these is the level alone, which a recording does not tell.
LEVEL_ONLY = ("VCA LEVEL", "VCA DYNA")


def test_what_is_called_inaudible_cannot_be_heard() -> None:
    """Changing such a parameter leaves every sample as it was (but for the overall level)."""
    tones = Prior.load().sample(48, np.random.default_rng(3))
    heard = audible(tones)
    rng = np.random.default_rng(4)
    settings = {"notes": 60, "velocities": 90, "gates_s": 0.4, "seconds": 0.8}
    before = render(tones, **settings)
    peak = np.abs(before).max(axis=1, keepdims=True)
    sounding = peak[:, 0] > 1e-4
    tested = 0
    for k, head in enumerate(parameters.HEADS):
        rows = np.flatnonzero(~heard[:, k] & sounding)
        if not len(rows):
            continue
        changed = tones[rows].copy()
        others = np.array(head.parameter.starts or range(1, 128))
        changed[:, head.parameter.column] = rng.choice(others, len(rows))
        after = render(changed, **settings)
        if head.parameter.name in LEVEL_ONLY:
            loudest = np.abs(after).max(axis=1, keepdims=True)
            assert np.allclose(after / loudest, before[rows] / peak[rows], atol=1e-4), head.parameter.name
        else:
            assert np.array_equal(after, before[rows]), head.parameter.name
        tested += len(rows)
    assert tested > 300


def test_variants_differ_in_one_value_that_is_another() -> None:
    which, variants = one_at_a_time(np.array([3, 5, 7]), [(0, 3, 9), (), (7, 8)])
    assert which.tolist() == [0, 0, 2]
    assert variants.tolist() == [[0, 5, 7], [9, 5, 7], [3, 5, 8]]
    which, variants = one_at_a_time(np.array([0.5]), [(0.5 + 1e-7,)])
    assert (len(which), variants.shape) == (0, (0, 1))

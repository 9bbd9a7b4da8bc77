"""The design covers every parameter, and what it sweeps is heard."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from jxctl.protocol.parameters import TONE_PARAMETERS, Parameter
from jxctl.protocol.tone import to_batch
from jxctl.recording.plan import CUBE, base_tone, design, sweeps
from simulator.synth import render

# No key of a take presses harder, and $AE is not understood.
_NOT_HEARD = {"AFTER VIB", "AFTER BRI", "AFTER VOL", "UNKNOWN AE"}


def swept(parameter: Parameter) -> np.ndarray:
    """The tones that sweep a parameter: uint8[N, 48]."""
    at = 0
    for p in TONE_PARAMETERS:
        size = len(p.starts) if p.kind == "switch" else 9
        if p is parameter:
            return to_batch(sweeps()[at : at + size])
        at += size
    raise AssertionError


def test_a_sweep_changes_one_parameter_over_all_it_can_be() -> None:
    assert sum(len(p.starts) if p.kind == "switch" else 9 for p in TONE_PARAMETERS) == len(sweeps())
    for p in TONE_PARAMETERS:
        tones = swept(p)
        others = np.delete(tones, p.column, axis=1)
        assert (others == others[0]).all(), p.name
        values = tones[:, p.column].tolist()
        if p.kind == "switch":
            assert [p.position(raw) for raw in values] == list(range(p.positions)), p.name
        else:
            assert (values[0], values[-1]) == (0, 127), p.name
            assert max(b - a for a, b in pairwise(values)) <= 16, p.name


@pytest.mark.parametrize(
    "parameter", [p for p in TONE_PARAMETERS if p.name not in _NOT_HEARD], ids=lambda p: p.name
)
def test_what_is_swept_is_heard(parameter: Parameter) -> None:
    audio = render(swept(parameter), 64, 90, 0.6, 1.0)
    # Between its two ends; neighbours may be alike (a delay longer than the note).
    assert np.sqrt(np.mean(np.square(audio[0] - audio[-1]))) > 1e-3
    assert np.abs(audio).max(axis=1).max() > 0.01


def test_every_cube_holds_every_value_of_every_parameter() -> None:
    tones = design(400 + 3 * CUBE, seed=1)
    first = -(-len(sweeps()) // CUBE)
    for block in (first, first + 1):
        cube = to_batch([tones[block * CUBE + row] for row in range(CUBE)])
        for p in TONE_PARAMETERS:
            column = cube[:, p.column].tolist()
            if p.kind == "level":
                assert sorted(column) == list(range(128)), p.name
            else:
                assert set(column) == set(p.starts), p.name
                counts = [column.count(start) for start in p.starts]
                assert max(counts) - min(counts) <= 1, p.name


def test_parameters_of_a_cube_go_their_own_ways() -> None:
    tones = design(2000, seed=3)
    levels = [p.column for p in TONE_PARAMETERS if p.kind == "level"]
    batch = to_batch([tones[k] for k in range(512, 512 + 8 * CUBE)])[:, levels].astype(float)
    correlation = np.corrcoef(batch.T) - np.eye(len(levels))
    assert np.abs(correlation).max() < 0.15  # 1024 tones: five standard errors


def test_a_longer_design_begins_the_same_and_another_seed_differs() -> None:
    short, long = design(600, seed=2), design(900, seed=2)
    assert [short[k] for k in range(0, 600, 7)] == [long[k] for k in range(0, 600, 7)]
    assert [short[k] for k in range(len(sweeps()))] == sweeps(), "the sweeps come first"
    other = design(600, seed=4)
    assert short[len(sweeps())] != other[len(sweeps())]


def test_a_base_tone_is_audible() -> None:
    bases = to_batch([base_tone(p) for p in TONE_PARAMETERS])
    assert np.abs(render(bases, 60, 100, 0.5, 0.5)).max(axis=1).min() > 0.01

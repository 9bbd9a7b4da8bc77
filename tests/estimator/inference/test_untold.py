"""What one note cannot tell is not called known."""

from __future__ import annotations

import numpy as np
import pytest

from estimator.inference.confidence import OF_KEYS, OF_VELOCITIES, confidence, unprejudiced, untold
from estimator.inference.note_detection import Played, Recording
from estimator.inference.objective import Listener
from estimator.inference.posterior import from_prior
from estimator.network import parameters
from simulator.prior import Prior
from simulator.synth import load_profile, render

NAMES = [head.parameter.name for head in parameters.HEADS]


@pytest.mark.parametrize(
    ("notes", "velocities", "expected"),
    [
        ([60], [100], OF_KEYS + OF_VELOCITIES),
        ([60, 60], [100, 100], OF_KEYS + OF_VELOCITIES),
        ([60, 60], [60, 100], OF_KEYS),
        ([48, 60], [100, 100], OF_VELOCITIES),
        ([48, 60], [60, 100], ()),
    ],
)
def test_it_follows_from_what_was_played(
    notes: list[int], velocities: list[int], expected: tuple[str, ...]
) -> None:
    played = [Played(note, velocity, 1.0) for note, velocity in zip(notes, velocities, strict=True)]
    assert untold(played) == expected


def test_who_has_not_listened_is_as_sure_of_every_position() -> None:
    """The prior itself, without prejudice, is no answer at all; with more notes nothing is taken away."""
    proposal = from_prior(0, np.random.default_rng(0))
    one = [Played(60, 100, 1.0)]
    fair = unprejudiced(proposal.marginals, one)
    sure = confidence(proposal.marginals, proposal.best, one)
    for k, name in enumerate(NAMES):
        if name in OF_KEYS + OF_VELOCITIES and parameters.HEADS[k].parameter.kind == "switch":
            assert fair[k] == pytest.approx(1 / parameters.HEADS[k].classes, abs=1e-6)
            assert sure[k] == pytest.approx(1 / parameters.HEADS[k].classes, abs=1e-6)
        elif name not in OF_KEYS:
            assert np.array_equal(fair[k], proposal.marginals[k])
    six = [Played(note, velocity, 1.0) for note in (48, 60) for velocity in (60, 110)]
    for kept, given in zip(unprejudiced(proposal.marginals, six), proposal.marginals, strict=True):
        assert np.array_equal(kept, given)


def test_what_was_heard_all_the_same_counts() -> None:
    """A network that contradicts the prior stays sure: only what the prior gave is taken away."""
    proposal = from_prior(0, np.random.default_rng(0))
    k = NAMES.index("VCF DYNA")
    heard = list(proposal.marginals)
    heard[k] = np.array([0.01, 0.01, 0.97, 0.01])
    answer = proposal.best.copy()
    answer[k] = 2
    assert confidence(heard, answer, [Played(60, 100, 1.0)])[k] > 0.95


def test_the_synth_itself_cannot_tell_them_apart() -> None:
    """Physics: at one note and velocity a tone with key follow has a twin without, at another note not."""
    profile = load_profile("superjx")
    at, there = Played(60, 100, 0.5), Played(84, 100, 0.5)
    rng = np.random.default_rng(3)
    tone = Prior.load().sample(1, rng)
    choice = parameters.classes(tone)
    places = {name: NAMES.index(name) for name in ("VCF FREQ", "VCF KEY", "VCF ENV", "VCF LFO", "HPF FREQ")}
    for name, value in {"VCF FREQ": 50, "VCF KEY": 127, "VCF ENV": 0, "VCF LFO": 0, "HPF FREQ": 0}.items():
        choice[:, places[name]] = value
    for name, value in {"DCO1 WF": 1, "MIX DCO1": 127, "MIX DCO2": 0, "VCA MODE": 0, "CHORUS": 0}.items():
        choice[:, NAMES.index(name)] = value
    own = parameters.tones_from(choice, bytes(48))
    twins = np.repeat(choice, 128, axis=0)
    twins[:, places["VCF KEY"]] = 0
    twins[:, places["VCF FREQ"]] = np.arange(128)

    def least(played: Played) -> tuple[float, int]:
        audio = render(own, played.note, played.velocity, played.gate_s, 1.0, profile=profile)[0]
        away = Listener([Recording(audio, played)], profile)(twins)
        return float(away.min()), int(away.argmin())

    here, there_ = least(at), least(there)
    assert here[0] < 0.3
    both = [
        Recording(render(own, p.note, p.velocity, p.gate_s, 1.0, profile=profile)[0], p) for p in (at, there)
    ]
    assert here[1] != there_[1]
    assert Listener(both, profile)(twins).min() > 4 * here[0]

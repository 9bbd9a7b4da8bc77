"""What one note cannot tell is not called known.

Whether a sound can be this synth's is decided where a recording is loud.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from estimator.inference.confidence import (
    FAR_DB,
    OF_KEYS,
    OF_VELOCITIES,
    confidence,
    far_db,
    loud_distance,
    unprejudiced,
    untold,
)
from estimator.inference.estimator import Estimator
from estimator.inference.note_detection import Played, Recording
from estimator.inference.objective import Listener
from estimator.inference.posterior import from_prior
from estimator.network import parameters
from jxctl.protocol.tone import INIT_TONE, to_batch
from simulator.features import log_mel_distance
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


PLAYED = Played(57, 100, 0.8)


def note(**values: int) -> np.ndarray:
    tone = INIT_TONE.with_values({name.replace("_", " "): value for name, value in values.items()})
    return np.asarray(render(to_batch([tone]), PLAYED.note, PLAYED.velocity, PLAYED.gate_s, 1.0)[0])


def test_hiss_moves_a_sound_away_but_not_where_it_is_loud() -> None:
    sound = note(VCF_FREQ=70)
    hiss = np.random.default_rng(0).standard_normal(len(sound)) * np.abs(sound).max() * 10 ** (-65 / 20)
    recorded = (sound + hiss).astype(np.float32)
    ranked = log_mel_distance(sound[None], recorded)[0]
    assert ranked > 1.5
    assert loud_distance([sound], [Recording(recorded, PLAYED)]) < ranked / 5


def test_another_sound_is_away_there_too() -> None:
    recorded = note(VCF_FREQ=70)
    other = note(VCF_FREQ=40)
    assert loud_distance([other], [Recording(recorded, PLAYED)]) > 2
    assert loud_distance([recorded], [Recording(recorded, PLAYED)]) < 1e-5


def test_of_several_recordings_it_is_the_mean() -> None:
    dull, bright = note(VCF_FREQ=50), note(VCF_FREQ=80)
    one, two = (loud_distance([dull], [Recording(other, PLAYED)]) for other in (dull, bright))
    both = loud_distance([dull, dull], [Recording(dull, PLAYED), Recording(bright, PLAYED)])
    assert both == pytest.approx((one + two) / 2)


def test_the_more_was_heard_the_nearer_it_must_be() -> None:
    limits = [far_db(renders) for renders in (0, 1, 16, 256, 700, 2000, 10**5)]
    assert limits == sorted(limits, reverse=True)
    assert (limits[0], limits[-1]) == (FAR_DB[1], FAR_DB[2000])


SECONDS = np.arange(round(1.2 * 44100)) / 44100


def gong() -> np.ndarray:
    """Partials that belong to no pitch."""
    ratios = np.array([1, 1.41, 1.93, 2.57, 3.21, 4.07, 4.83, 5.61, 6.9])
    return np.sum(
        [np.exp(-SECONDS * (1 + k)) * np.sin(2 * np.pi * 220 * r * SECONDS) for k, r in enumerate(ratios)], 0
    )


def voice() -> np.ndarray:
    """Two formants that glide against each other over a sung A."""
    first, second = 300 + 500 * SECONDS, 2200 - 1000 * SECONDS
    out = np.zeros(len(SECONDS))
    for k in range(1, 40):
        hz = 220 * k
        level = 1 / (1 + ((hz - first) / 80) ** 2) + 0.5 / (1 + ((hz - second) / 120) ** 2)
        out += level * np.sin(2 * np.pi * hz * SECONDS)
    return out * np.minimum(1, SECONDS / 0.05)


@pytest.mark.parametrize("sound", [gong, voice])
def test_what_no_tone_of_this_synth_is_gets_an_answer_and_low_confidence(
    sound: Callable[[], np.ndarray], estimator: Estimator
) -> None:
    audio = sound()
    guess = estimator.guess(
        (0.5 * audio / np.abs(audio).max()).astype(np.float32), Played(57, 100, 1.0), renders=64
    )
    assert guess.far
    assert np.isfinite(guess.candidates[0].distance_db)
    assert np.abs(guess.audio).max() > 1e-3


def test_a_tone_of_this_synth_that_hisses_is_not_called_that(estimator: Estimator) -> None:
    tone = INIT_TONE.with_values({"VCF FREQ": 70})
    sound = note(VCF_FREQ=70)
    hiss = np.random.default_rng(0).standard_normal(len(sound)) * np.abs(sound).max() * 10 ** (-60 / 20)
    guess = estimator.guess((sound + hiss).astype(np.float32), PLAYED, renders=64, like=tone)
    assert guess.candidates[0].distance_db > 3 * guess.loud_db
    assert not guess.far


@pytest.fixture(scope="module")
def estimator() -> Estimator:
    return Estimator()

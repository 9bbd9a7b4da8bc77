"""Whether a sound can be this synth's is decided where a recording is loud."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from estimator.inference.confidence import FAR_DB, far_db, loud_distance
from estimator.inference.estimator import Estimator
from estimator.inference.note_detection import Played, Recording
from jxctl.protocol.tone import INIT_TONE, to_batch
from simulator.features import log_mel_distance
from simulator.synth import render

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

"""A take's moment is found, and comparisons no longer depend on it."""

from __future__ import annotations

import numpy as np
import pytest

from estimator.closed_loop.alignment import PLACES, SEEDS, Moment, free, shifted
from estimator.closed_loop.surrogate import BoardModel, BoardTake
from estimator.inference.note_detection import Played, Recording
from estimator.network import parameters
from jxctl.protocol.tone import INIT_TONE, Tone
from simulator.synth import Profile, load_profile, render
from simulator.synth.chorus import phase_seeds

RATE, SECONDS = 44100, 0.8
PLAYED = Played(52, 100, 0.5)
STRINGS = INIT_TONE.with_values(
    {"MIX DCO1": 110, "MIX DCO2": 90, "DCO2 FTUNE": 70, "VCF FREQ": 85, "VCF KEY": 90, "VCF ENV": 30,
     "ENV1 DECY": 70, "ENV2 ATT": 15, "ENV2 SUS": 110, "ENV2 REL": 40, "CHORUS": 64}
)  # fmt: skip


def choice(tone: Tone) -> np.ndarray:
    return parameters.classes(np.frombuffer(tone.values, np.uint8)[None])[0]


def played(tone: Tone, moment: Moment, profile: Profile | None = None) -> Recording:
    raw = np.frombuffer(tone.values, np.uint8)[None]
    profile = free(profile or load_profile())
    audio = render(
        raw, PLAYED.note, PLAYED.velocity, PLAYED.gate_s, SECONDS, profile=profile, seed=moment.seed
    )
    return Recording(shifted(audio[0], moment.late), PLAYED)


def model(profile: Profile | None = None) -> BoardModel:
    return BoardModel(profile or load_profile(), INIT_TONE.values, 1)


def test_seeds_stand_where_they_say() -> None:
    turns = phase_seeds(np.array(SEEDS)) / 2.0**32
    off = (turns - np.arange(PLACES) / PLACES + 0.5) % 1 - 0.5
    assert np.abs(off).max() < 0.005


def test_shifting_there_and_back_loses_only_the_ends() -> None:
    sound = np.arange(1, 11, dtype=np.float32)
    assert shifted(sound, 3).tolist() == [0, 0, 0, 1, 2, 3, 4, 5, 6, 7]
    assert shifted(sound, -3).tolist() == [4, 5, 6, 7, 8, 9, 10, 0, 0, 0]
    assert np.array_equal(shifted(sound, 0), sound)


@pytest.mark.parametrize("moment", [Moment(0, 0), Moment(353, 5), Moment(-88, 12)])
def test_the_moment_of_a_take_is_found(moment: Moment) -> None:
    take = BoardTake(choice(STRINGS), [played(STRINGS, moment)])
    model().settle([take])
    [found] = take.moments
    assert abs(found.late - moment.late) <= 45  # one step
    # Both sides are swept in opposite directions, so that their mean repeats after half a turn.
    assert (found.place - moment.place) % (PLACES // 2) == 0


def test_a_tone_without_chorus_has_no_place() -> None:
    dry = STRINGS.with_values({"CHORUS": 0})
    take = BoardTake(choice(dry), [played(dry, Moment(220, 0))])
    model().settle([take])
    assert take.moments[0].place == 0
    assert abs(take.moments[0].late - 220) <= 45


def test_the_true_tone_is_near_whenever_it_was_played() -> None:
    """Two takes of one tone at other moments are dBs apart; what is expected at the target's is not."""
    board = model()
    target = BoardTake(choice(STRINGS), [played(STRINGS, Moment(88, 2))])
    board.settle([target])
    take = BoardTake(choice(STRINGS), [played(STRINGS, Moment(309, 10))])
    raw = float(target.targets[0].compare(take.raw[0].audio[None], False, 1)[0][0])
    board.settle([take])
    [expected] = board.expected([take], target.targets, target.moments)
    assert raw > 1.0
    assert expected < 0.3 * raw


def test_another_filter_order_and_key_centre_are_found() -> None:
    dry = STRINGS.with_values({"CHORUS": 0})
    base = load_profile()
    board = base.replace(vcf_poles=2, vcf_key_centre=base.constant("vcf_key_centre") + 9)
    tones = [dry, dry.with_values({"VCF FREQ": 60}), dry.with_values({"VCF RES": 50})]
    takes = [BoardTake(choice(tone), [played(tone, Moment(), board)]) for tone in tones]
    fitted = model()
    before = fitted.fit(takes, 0)
    fitted.choose(takes, 4)
    after = fitted.fit(takes, 2)
    assert float(fitted.profile.constant("vcf_poles")) == 2
    assert after < 0.25 * before

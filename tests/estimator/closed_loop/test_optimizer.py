"""The closed loop comes nearer on a board that is not the simulator, loses nothing, and goes on after a
kill."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.virtual_boards import board_profile
from estimator.closed_loop.comparison import check_board
from estimator.closed_loop.optimizer import Closed, closed_loop, heard_on_board
from estimator.closed_loop.player import BoardPlay
from estimator.closed_loop.surrogate import Trials
from estimator.inference.confidence import untold
from estimator.inference.estimator import Candidate, Guess
from estimator.inference.note_detection import Played, Recording
from estimator.inference.objective import Listener
from estimator.inference.posterior import from_prior
from estimator.network import parameters
from jxctl.dataset.writer import Writer
from jxctl.errors import UsageError
from jxctl.ports.client import Synth
from jxctl.ports.virtual import SimPort
from jxctl.protocol.tone import INIT_TONE, Tone
from jxctl.recording.rig import Rig
from simulator.instrument.board import Board
from simulator.synth import Profile, load_profile, render
from simulator.synth.variants import render_variants

RATE = 44100
BRASS = INIT_TONE.with_values(
    {"MIX DCO1": 100, "MIX DCO2": 90, "DCO2 TUNE": "+7", "VCF FREQ": 70, "VCF RES": 30, "VCF ENV": 40,
    "ENV1 ATT": 20,
     "ENV1 DECY": 60, "ENV1 SUS": 60, "ENV2 ATT": 20, "ENV2 SUS": 127, "ENV2 REL": 50}
)  # fmt: skip


def rig(profile: Profile | None = None) -> Rig:
    port = SimPort("sim:", Board(profile or load_profile(), RATE), RATE)
    return Rig(Synth(port), port)


def target_on(board: Rig) -> Recording:
    blank = Recording(np.zeros(round(1.0 * RATE), np.float32), Played(57, 100, 0.5))
    [(_, heard)] = BoardPlay(board, [blank], BRASS.values).takes_of(BRASS)
    return heard


def looped(board: Rig, target: Recording, takes: int, folder: Path | None = None) -> Closed:
    """From a start that is wrong in the filter and the envelope."""
    start = BRASS.with_values({"VCF FREQ": 58, "ENV2 REL": 62, "VCF RES": 15})
    starts = parameters.classes(np.frombuffer(start.values, np.uint8)[None])
    rng = np.random.default_rng(3)
    base = INIT_TONE.values

    def run(data_set: Writer | None) -> Closed:
        play = BoardPlay(board, [target], base, data_set)
        before = play.resume(Listener([target], load_profile(), base=base))
        return closed_loop(
            play, [target], starts, from_prior(64, rng), load_profile(), base, takes, rng,
            renders=64, threads=1, before=before,
        )  # fmt: skip

    if folder is None:
        return run(None)
    with Writer(folder) as data_set:
        return run(data_set)


def test_the_loop_comes_nearer_and_is_never_worse_than_what_it_heard() -> None:
    board = rig(board_profile(5))
    closed = looped(board, target_on(board), 12)
    assert len(closed.trials.takes) <= 12
    assert closed.distance_db < 0.8 * closed.first_db
    assert closed.distance_db == pytest.approx(closed.trials.ranked()[0][0])


def test_a_kill_costs_nothing_that_was_heard(tmp_path: Path) -> None:
    board = rig(board_profile(5))
    target = target_on(board)
    first = looped(board, target, 5, tmp_path / "takes")
    more = looped(board, target, 8, tmp_path / "takes")
    for kept, heard in zip(more.trials.takes, first.trials.takes, strict=False):
        assert np.array_equal(kept.choice, heard.choice)
        assert kept.raw[0].audio == pytest.approx(heard.raw[0].audio, abs=1e-4)
    assert len(more.trials.takes) == 8
    # Distances are judged anew as the model of the board becomes better.
    assert more.distance_db <= first.distance_db + 0.1
    other = Recording(target.audio * np.float32(0.5), target.played)
    with pytest.raises(UsageError, match="another recording"):
        looped(board, other, 8, tmp_path / "takes")


def test_repeats_are_averaged_and_tell_the_noise() -> None:
    trials, one = Trials(), parameters.classes(np.frombuffer(INIT_TONE.values, np.uint8)[None])[0]
    from estimator.closed_loop.surrogate import BoardTake

    for distance in (1.0, 3.0):
        trials.add(BoardTake(one, []), distance)
    assert trials.ranked()[0][0] == 2.0
    assert trials.noise_db == pytest.approx(np.sqrt(2))


def test_variants_are_what_render_gives() -> None:
    tones = np.stack([np.frombuffer(t.values, np.uint8) for t in (BRASS, BRASS.with_values({"CHORUS": 2}))])
    profiles = [load_profile(), board_profile(1), board_profile(2)]
    for profile, audio in zip(profiles, render_variants(tones, profiles, 60, 100, 0.2, 0.4), strict=True):
        assert np.array_equal(audio, render(tones, 60, 100, 0.2, 0.4, profile=profile))


def changed(law: str, factor: float) -> Profile:
    base = load_profile()
    return base.replace("changed", **{law: base.laws[law].values * factor})


@pytest.mark.parametrize(
    ("law", "factor", "block"),
    [("vcf_cutoff", 0.6, "VCF"), ("env_release", 2.5, "VCA envelope"), ("dco_tune", 1.02, "DCO-2")],
)
def test_the_block_that_differs_is_named(law: str, factor: float, block: str) -> None:
    tone: Tone = BRASS.with_values({"VCF ENV": 0, "VCF FREQ": 90, "ENV2 REL": 64})
    found = check_board(rig(changed(law, factor)), tone, load_profile(), [60], [100], 0.8)
    assert found.blocks[0] == block, found.differing


def test_the_default_board_is_well() -> None:
    found = check_board(rig(), BRASS, load_profile(), [60], [50, 100], 0.8)
    assert found.blocks == []
    assert found.distance_db < 0.1


def test_what_is_told_after_the_loop_is_of_the_board() -> None:
    board = rig(board_profile(5))
    target = target_on(board)
    closed = looped(board, target, 12)
    proposal = from_prior(64, np.random.default_rng(3))
    simulated = Candidate(INIT_TONE, 0.5)
    guess = Guess(
        [simulated], [simulated], np.zeros(10, np.float32), confidence={}, audible={}, untold=(), loud_db=99,
        played=target.played, proposal=proposal,
    )  # fmt: skip
    told = heard_on_board(guess, closed, [target], INIT_TONE.values, ["VCF FREQ"], 3)
    assert told.candidates[0].distance_db == closed.distance_db
    assert len(told.candidates) == len(closed.trials.ranked())
    assert INIT_TONE not in [candidate.tone for candidate in told.alternatives]
    assert len(told.audio) == len(target.audio)
    assert np.abs(told.audio).max() > 0.01
    assert set(told.confidence) == {name for name, heard in told.audible.items() if heard}
    assert told.audible["MIX DCO1"]
    assert told.untold == tuple(name for name in untold([target.played]) if told.audible[name])
    assert told.loud_db < 10
    best = told.candidates[0].tone.values
    column = next(h.parameter.column for h in parameters.HEADS if h.parameter.name == "VCF FREQ")
    assert best[column] == INIT_TONE.values[column]

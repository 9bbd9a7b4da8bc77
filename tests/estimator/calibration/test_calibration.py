"""Calibration of boards that differ from the default profile: what is recovered, and what is left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from estimator.calibration.calibration import Calibration, Found, _found, calibrate
from estimator.calibration.choices import Chosen
from estimator.calibration.experiments import EXPERIMENTS, CalibrationPlan
from estimator.calibration.forward_model import Model
from estimator.calibration.parametrization import forms
from estimator.calibration.recording import RotatingPlayer
from estimator.calibration.report import calibrated_toml
from estimator.calibration.samples import from_takes
from jxctl.dataset.take import Take
from jxctl.errors import UsageError
from jxctl.ports.client import Synth
from jxctl.ports.virtual import SimPort
from jxctl.recording.rig import Rig
from simulator.instrument.board import Board
from simulator.synth import load_profile
from simulator.synth.profile import Profile, law_values

TRUTH = {
    "tick": 0.0082,
    "voice_gain": 0.21,
    "vcf_fixed_damping": 0.85,
    "noise_floor": -85.0,
    "spread_cutoff": 0.01,
}
NAMES = ("control loop", "mixer levels", "ranges", "filter")
PLAN = CalibrationPlan(tuple(e for e in EXPERIMENTS if e.name in NAMES))


def _board() -> Profile:
    base = load_profile("superjx")
    return base.replace(
        "truth",
        **TRUTH,
        vcf_cutoff=np.geomspace(26, 14000, 128),
        vcf_damping=np.geomspace(0.9, 0.06, 128),
        dco_range=[-12.1, 0.05, 11.97, 24.0],
    )


def _recorded(profile: Profile, plan: CalibrationPlan = PLAN) -> list[tuple[int, Take]]:
    port = SimPort("sim:", Board(profile, 44100, 3), 44100)
    synth = Synth(port)
    synth.wake()
    rig = Rig(RotatingPlayer(synth), port)
    asked = [plan[index] for index in range(len(plan))]
    return [(a.index, rig.take(a.tone, a.note, a.velocity, a.gate_s, a.max_seconds)) for a in asked]


@pytest.fixture(scope="module")
def takes() -> list[tuple[int, Take]]:
    return _recorded(_board())


@pytest.fixture(scope="module")
def done(takes: list[tuple[int, Take]]) -> Calibration:
    return calibrate(from_takes(takes, PLAN))


def test_a_perturbed_board_is_recovered(done: Calibration) -> None:
    truth = _board()
    for law in ("tick", "vcf_fixed_damping", "vcf_cutoff", "vcf_damping"):
        assert done.profile.laws[law].values == pytest.approx(truth.laws[law].values, rel=0.03), law
    assert done.profile.constant("voice_gain") == pytest.approx(0.21, rel=0.03)
    assert done.profile.laws["dco_range"].values == pytest.approx([-12.1, 0.05, 11.97, 24.0], abs=0.01)
    assert done.profile.constant("noise_floor") == pytest.approx(-85, abs=0.5)


def test_uncertainties_are_neither_nothing_nor_everything(done: Calibration) -> None:
    sigma = done.found["vcf_cutoff"].sigma
    assert all(1e-5 < sigma[end] < 0.03 for end in ("low", "high"))


def test_voices_play_in_turn(takes: list[tuple[int, Take]]) -> None:
    assert {take.voice for _, take in takes} == set(range(6))


def test_laws_without_takes_are_named_and_stay(done: Calibration) -> None:
    assert done.found["env_attack"].entry is None
    assert "too few" in done.found["env_attack"].why
    default = load_profile("superjx").laws["env_attack"].values
    assert np.array_equal(done.profile.laws["env_attack"].values, default)


def test_what_two_poles_do_not_have_is_not_identified() -> None:
    base = load_profile("superjx")
    board = base.replace(vcf_poles=2)
    plan = CalibrationPlan(tuple(e for e in EXPERIMENTS if e.name == "filter"))
    done = calibrate(from_takes(_recorded(board, plan), plan))
    assert done.chosen["vcf_poles"].reading == 2
    lost = done.found["vcf_fixed_damping"]
    assert lost.entry is None
    assert "nothing that was recorded depends on it" in lost.why
    assert done.found["vcf_damping"].entry is not None


def test_a_board_that_plays_flat_has_its_bends_read_right() -> None:
    base = load_profile("superjx")
    bent = base.laws["dco_env"].values * 0.93
    board = base.replace(dco_range=base.laws["dco_range"].values - 0.55, dco_env=bent)
    plan = CalibrationPlan(tuple(e for e in EXPERIMENTS if e.name in ("ranges", "envelope into pitch")))
    done = calibrate(from_takes(_recorded(board, plan), plan))
    assert done.found["dco_env"].entry is not None
    assert done.profile.laws["dco_env"].values[16:] == pytest.approx(bent[16:], rel=0.01)


def test_positions_that_are_lost_leave_the_others(done: Calibration) -> None:
    solution = replace(done.solution, covariance=done.solution.covariance.copy())
    place = next(n for n, part in enumerate(solution.parts) if (part.law, part.name) == ("dco_range", "2"))
    solution.covariance[place, place] = 25.0  # of five semitones, where 2.4 at most are asked for
    found = _found("dco_range", done.model, solution, ["0"])
    assert found.lost == ("2", "0")
    assert set(found.values) == {"1", "3"} == set(found.sigma)
    assert found.entry is not None
    kept = done.solution.values["dco_range", "1"], done.solution.values["dco_range", "3"]
    assert found.entry["values"] == pytest.approx([-12, kept[0], 12, kept[1]])


def test_the_file_is_a_profile_with_its_evidence(done: Calibration, tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "board.toml"
    path.write_text(calibrated_toml(done, "board", "data set bench, 36 takes"))
    read = load_profile(path)
    assert read.laws["vcf_cutoff"].evidence == "captured"
    assert "data set bench" in read.laws["vcf_cutoff"].source
    assert read.laws["env_attack"].evidence == "assumed"
    assert read.laws["vcf_cutoff"].values == pytest.approx(done.profile.laws["vcf_cutoff"].values, rel=1e-4)
    assert "# env_attack: too few" in path.read_text()


READINGS = {
    "vcf_poles": 2,
    "mixer": "crossfade",
    "lfo_wave3": "sine",
    "dco_xmod": "sync 2 is the reverse sync",
}


@pytest.mark.parametrize("law", READINGS)
@pytest.mark.parametrize("fitted", [True, False])
def test_a_reading_that_is_decided_is_in_the_file(
    done: Calibration, tmp_path: Path, law: str, fitted: bool
) -> None:
    """Some readings are a word or a number, that of the couplings is the name of a table."""
    table = np.array([[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0.3, 0.2]])
    profile = done.profile.replace(dco_xmod=table) if law == "dco_xmod" else done.profile
    found = dict(done.found)
    if law == "dco_xmod" and fitted:
        entry = {"form": "positions", "values": table.tolist()}
        found[law] = Found(law, entry, {"3,2": 0.3}, {"3,2": 0.01}, {"3,2": False}, np.array([[1e-4]]), 0.1)
    chosen = {law: Chosen(law, READINGS[law], {"this": 0.1, "that": 0.9}, clear=True)}
    path = tmp_path / "board.toml"
    path.write_text(
        calibrated_toml(replace(done, profile=profile, found=found, chosen=chosen), "board", "set")
    )
    read = load_profile(path).laws[law]
    assert "this leaves 0.10, that leaves 0.90" in read.source
    assert read.evidence == "captured"
    if law == "dco_xmod":
        assert read.values == pytest.approx(table)
        assert ("experiment: couplings" in read.source) == fitted
    else:
        assert READINGS[law] in (read.choice, float(read.values))


def test_no_takes_of_the_plan_are_an_error() -> None:
    with pytest.raises(UsageError, match="too few for any law"):
        calibrate([])


def test_the_chorus_may_be_measured_alone() -> None:
    """Its takes are not among those that the other laws are fitted to: none may be left for these."""
    base = load_profile("superjx")
    model = Model([], base, forms(base))
    assert model.start()["chorus_rate", "1"] == pytest.approx(base.laws["chorus_rate"].values[1])
    laws = ("chorus_rate", "chorus_wet")
    for law in laws:
        assert model.profile(model.start(), laws).laws[law].values == pytest.approx(base.laws[law].values)


def test_forms_give_back_the_profile_they_start_from() -> None:
    base = load_profile("superjx")
    for law, form in forms(base).items():
        values = law_values(form.entry({part.name: part.start for part in form.parts}, base))
        assert values == pytest.approx(base.laws[law].values, rel=1e-9, abs=1e-9), law

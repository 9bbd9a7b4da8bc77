"""What calibration says of its own certainty: against plain statistics, and against what cannot be known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from estimator.calibration import chorus_refinement, control_loop, initialization, uncertainty
from estimator.calibration.experiments import EXPERIMENTS, CalibrationPlan
from estimator.calibration.forward_model import Model
from estimator.calibration.measurements import Heard
from estimator.calibration.parametrization import forms
from estimator.calibration.samples import Sample
from simulator.synth import load_profile, render
from simulator.synth.profile import Profile


def _samples(profile: Profile, *names: str) -> list[Sample]:
    """Takes of some experiments, as renders of a profile."""
    plan = CalibrationPlan(tuple(e for e in EXPERIMENTS if e.name in names))
    found = []
    for index in range(len(plan)):
        take = plan[index]
        tone = np.frombuffer(take.tone.values, np.uint8)
        sound = render(tone, take.note, take.velocity, take.gate_s, take.max_seconds, profile=profile)[0]
        heard = Heard(sound, 44100, take.note, take.gate_s)
        found.append(Sample(index, plan.experiment(index), tone, take.velocity, -1, heard))
    return found


def _with(**laws: object) -> Profile:
    base = load_profile("superjx")
    return base.replace("truth", **laws)


def test_few_is_students_quantile_over_the_normal_one() -> None:
    # Tables of Student's t, 95 %: 6.314, 2.920 and 1.697 for 1, 2 and 30 degrees of freedom.
    assert [uncertainty.few(free) * 1.6449 for free in (1, 2, 30)] == pytest.approx(
        [6.314, 2.920, 1.697], abs=1e-3
    )


def test_scatter_is_what_known_noise_leaves_unexplained() -> None:
    rng = np.random.default_rng(1)
    known = np.where(np.arange(20000) % 2, 0.5, 0.1)
    left = rng.normal(0, np.hypot(0.3, known))
    assert uncertainty.scatter(left, known, len(left), 1e-6) == pytest.approx(0.3, rel=0.03)
    assert uncertainty.scatter(0.5 * left * known / np.hypot(0.3, known), known, len(left), 1e-6) < 1e-4


def test_a_part_without_influence_is_unknown_and_leaves_the_others_alone() -> None:
    rng = np.random.default_rng(2)
    matrix = rng.normal(size=(50, 3))
    alone = uncertainty.inverse(matrix, np.zeros(3))
    wider = uncertainty.inverse(np.insert(matrix, 1, 0.0, axis=1), np.zeros(4))
    assert wider[1, 1] == uncertainty.UNKNOWN**2
    assert np.delete(np.delete(wider, 1, 0), 1, 1) == pytest.approx(alone)
    assert alone == pytest.approx(np.linalg.inv(matrix.T @ matrix))


def test_takes_that_are_off_as_a_whole_widen_the_interval() -> None:
    rng = np.random.default_rng(3)
    takes, each = 30, 20
    matrix = np.ones((takes * each, 1))
    ends = np.arange(0, takes * each + 1, each)
    means = []
    for _ in range(200):
        left = np.repeat(rng.normal(size=takes), each)
        means.append(left.mean())
    left = left - left.mean()
    stated = float(np.sqrt(uncertainty.covariance(matrix, left, np.zeros(1), ends)[0, 0]))
    assert stated == pytest.approx(float(np.std(means)), rel=0.4)
    assert stated > 3 / np.sqrt(takes * each)


def test_a_pitch_is_known_to_within_a_step_of_the_counter() -> None:
    samples = _samples(load_profile("superjx"), "ranges")
    model = Model(samples, load_profile("superjx"), forms(load_profile("superjx")))
    for n, sample in enumerate(samples):
        divider = 8e6 / 4 / (440 * 2 ** ((sample.heard.note - 69) / 12))
        # RANGE moves clock and pitch alike, so that a key's divider is the same in every range.
        step = 12 * np.log2((divider + 0.5) / (divider - 0.5))
        assert model.coarse[n] == pytest.approx(step / np.sqrt(12), rel=2e-3)
    off = np.abs([float(model.data[n][0]) - want for n, want in enumerate(np.repeat([-12, 0, 12, 24], 3))])
    assert np.all(off < np.sqrt(12) / 2 * model.coarse + 2e-5)
    assert off.max() > 0.2 * model.coarse.max()


def test_noise_scatters_what_is_quiet() -> None:
    samples = [
        replace(sample, heard=replace(sample.heard, noise_rms=1e-4))
        for sample in _samples(load_profile("superjx"), "mixer levels")
    ]
    base = load_profile("superjx")
    model = Model(samples, base, forms(base))
    everything = range(len(samples))
    noise = model.noise(model.rendered(base, everything)).measured
    assert noise[0][0] > 3 * noise[len(samples) - 1][0] > 0


def test_the_width_of_a_pulse_is_searched_beyond_its_valley() -> None:
    samples = _samples(_with(dco_pulse_width=0.17), "pulse")[:2]
    base = load_profile("superjx")
    model = Model(samples, base, forms(base))
    key = ("dco_pulse_width", "value")
    assert initialization.nearest(model, model.start(), (0, 1), key) == pytest.approx(0.17, abs=0.011)


def test_depths_of_cross_modulation_are_found_from_afar() -> None:
    base = load_profile("superjx")
    table = np.array(base.laws["dco_xmod"].values)
    table[3, 2:] = 0.19, 0.31
    samples = _samples(_with(dco_xmod=table), "couplings")
    model = Model(samples, base, forms(base))
    found = initialization.depths(model, model.start(), range(len(samples)), 3, True)
    assert found.pair == pytest.approx((0.19, 0.31), rel=0.01)
    assert not found.rivals
    assert found.cost < 0.1


def test_draws_have_the_covariance_that_is_asked_for() -> None:
    root = np.array([[0.3, 0.0, 0.0], [0.1, 0.02, 0.0], [0.0, 0.0, uncertainty.UNKNOWN]])
    drawn = uncertainty.draws(root @ root.T, 20000)
    assert np.cov(drawn[:, :2].T) == pytest.approx((root @ root.T)[:2, :2], rel=0.05)
    assert not drawn[:, 2].any()


def test_a_misreading_does_not_count_as_scatter() -> None:
    rows = np.random.default_rng(6).normal(size=(9, 4000))
    plain = uncertainty.scattered(rows)
    assert np.sqrt(np.mean(np.square(plain))) == pytest.approx(1, rel=0.03)
    rows[3] += 1000
    assert np.sqrt(np.mean(np.square(uncertainty.scattered(rows)))) < 2


@pytest.mark.parametrize("noise_rms", [0.0, 4e-4])
def test_the_period_of_the_control_loop_is_read_directly(noise_rms: float) -> None:
    rng = np.random.default_rng(4)
    base, noisy = load_profile("superjx"), []
    for sample in _samples(_with(tick=0.0078, cv_slew=0.002), "control loop"):
        hiss = noise_rms * rng.standard_normal(len(sample.heard.audio))
        noisy.append(
            replace(sample, heard=replace(sample.heard, audio=sample.heard.audio + hiss, noise_rms=noise_rms))
        )
    model = Model(noisy, base, forms(base))
    found = control_loop.period(model, model.start(), range(len(noisy)))
    assert found is not None
    assert found.seconds == pytest.approx(0.0078, rel=5e-4)
    assert abs(np.log(found.seconds / 0.0078)) < 4 * found.sigma
    assert found.sigma < 2e-3


def test_a_period_on_which_takes_disagree_is_uncertain() -> None:
    base = load_profile("superjx")
    one, _ = _samples(_with(tick=0.0078), "control loop")
    _, other = _samples(_with(tick=0.0121), "control loop")
    model = Model([one, other], base, forms(base))
    found = control_loop.period(model, model.start(), (0, 1))
    assert found is not None
    assert found.sigma > 0.2


def test_the_rate_of_an_lfo_is_known_to_within_turns_of_the_control_loop() -> None:
    # The slower the LFO, the fewer of its changes are heard, each up to a turn late.
    base = load_profile("superjx")
    samples = _samples(base, "LFO rate")
    model = Model(samples, base, forms(base))
    rates = np.exp([float(model.data[n][0]) for n in range(len(samples))])
    asked = [0.1 * 200 ** (raw / 127) for raw in (0, 20, 40, 60, 80, 100, 114, 127)]
    off = np.log(rates / asked)
    assert np.all(np.abs(off) < 3 * model.coarse)
    assert np.sqrt(np.mean(np.square(off / model.coarse))) > 0.2
    assert model.coarse[0] == pytest.approx(0.01 / 5 * np.sqrt(2 / 24), rel=0.05)  # three changes


def test_places_are_compared_after_the_laws_have_moved() -> None:
    rng = np.random.default_rng(5)
    takes, size = 2, 40
    law, by_place = rng.normal(size=takes * size), rng.normal(size=(chorus_refinement.PLACES, takes * size))
    # The recording stood at places 2 and 5, and its law lies 3 away: much further off than any place is.
    truth = np.concatenate([by_place[2, :size], by_place[5, size:]]) + 3 * law
    left = [np.split(truth - each, takes) for each in by_place]
    best = chorus_refinement.placed(left, law[:, None], np.ones(takes * size), np.zeros(1), [[0, 1]])
    assert best == [2, 5]


def test_places_of_the_lfo_lie_evenly() -> None:
    from simulator.synth.chorus import phase_seeds

    for one_side, span in ((True, 1.0), (False, 0.5)):
        turns = phase_seeds(np.array(chorus_refinement.seeds(one_side))) / 2.0**32
        assert np.diff(turns) == pytest.approx(span / chorus_refinement.PLACES, abs=0.02)

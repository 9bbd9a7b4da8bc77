"""The chorus of a board, found by renders from where the closed form ends."""

from __future__ import annotations

import numpy as np
import pytest

from estimator.calibration.calibration import calibrate
from estimator.calibration.experiments import EXPERIMENTS, CalibrationPlan
from estimator.calibration.measurements import Heard
from estimator.calibration.samples import Sample
from simulator.synth import load_profile, render

TRUTH = {
    "chorus_shortest": [0.0015, 0.0018333, 0.0013],
    "chorus_longest": [0.005, 0.0058438, 0.0041],
    "chorus_rate": [0.0, 0.885, 0.52],
    "chorus_wet": [0.0, 1.24, 0.8],
    "chorus_low_pass_in": 8800.0,
    "chorus_low_pass_out": 10100.0,
}


@pytest.fixture(scope="module")
def found():  # type: ignore[no-untyped-def]
    base = load_profile("superjx")
    # The board's LFO stands anywhere when a key goes down.
    board = base.replace("truth", chorus_phase="free", **TRUTH)
    plan = CalibrationPlan(tuple(e for e in EXPERIMENTS if e.name in ("chorus", "ranges")))
    samples = []
    for index in range(len(plan)):
        take = plan[index]
        tone = np.frombuffer(take.tone.values, np.uint8)
        sound = render(
            tone, take.note, take.velocity, take.gate_s, take.max_seconds, profile=board, seed=5 + index
        )[0]
        heard = Heard(sound, 44100, take.note, take.gate_s)
        samples.append(Sample(index, plan.experiment(index), tone, take.velocity, -1, heard))
    return calibrate(samples).found


@pytest.mark.parametrize("law", ["chorus_shortest", "chorus_longest", "chorus_rate", "chorus_wet"])
def test_delays_rates_and_levels_are_found(found, law: str) -> None:  # type: ignore[no-untyped-def]
    # The closed form alone is 5 per cent off at position 1, whose copy is louder than the dry sound.
    assert [found[law].values[n] for n in "12"] == pytest.approx(TRUTH[law][1:], rel=0.005)


def test_both_low_passes_get_the_corner_between_them(found) -> None:  # type: ignore[no-untyped-def]
    for law in ("chorus_low_pass_in", "chorus_low_pass_out"):
        assert found[law].values["value"] == pytest.approx(np.sqrt(8800 * 10100), rel=0.02)


def test_its_uncertainty_is_of_the_size_of_its_errors(found) -> None:  # type: ignore[no-untyped-def]
    errors = [
        abs(np.log(found[law].values[n] / TRUTH[law][int(n)])) / found[law].sigma[n]
        for law in ("chorus_shortest", "chorus_longest")
        for n in "12"
    ]
    assert max(errors) < 4
    assert all(1e-5 < found["chorus_shortest"].sigma[n] < 0.01 for n in "12")

"""The whole way from samples to a profile: choices, one experiment after the other, then all together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jxctl.errors import UsageError
from jxctl.params import parameter
from simulator.calibrate.choices import CHOICES, Chosen, choose, choose_couplings
from simulator.calibrate.chorus import Swept, as_positions, fit_chorus
from simulator.calibrate.experiments import EXPERIMENTS
from simulator.calibrate.fit import solve
from simulator.calibrate.measures import Heard
from simulator.calibrate.model import Model
from simulator.calibrate.signals import Floats
from simulator.calibrate.solution import Solution
from simulator.calibrate.takes import Sample
from simulator.calibrate.unknowns import Form, forms, law_values, with_values
from simulator.profile import Profile, load_profile
from simulator.render import render

JOINT_STEPS = 2
CHORUS = "chorus"
"""The experiment that is fitted by itself, in closed form."""
FEWEST = 0.5
"""Share of an experiment's takes that must be there for its laws to be fitted."""


@dataclass(frozen=True)
class Found:
    """What calibration says of a law. ``entry``: form and numbers, as a profile's file has them, None for one
    that could not be identified, with ``why``. ``sigma``: standard deviation of each part, on its axis (of
    its logarithm, where ``log``). ``residual``: RMS of what its experiment leaves, in units of its
    measurement. ``takes``: indices in the plan."""

    law: str
    entry: dict[str, Any] | None
    values: dict[str, float] = field(default_factory=dict)
    sigma: dict[str, float] = field(default_factory=dict)
    log: dict[str, bool] = field(default_factory=dict)
    covariance: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    residual: float = float("nan")
    takes: tuple[int, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class Calibration:
    """``profile``: fitted. ``found``: every law, by name. ``chosen``: laws that are words, and why.
    ``model``, ``solution``: behind it."""

    profile: Profile
    found: dict[str, Found]
    chosen: dict[str, Chosen]
    model: Model
    solution: Solution


def calibrate(
    samples: Sequence[Sample],
    base: str | Profile = "superjx",
    said: Callable[[str], None] = lambda text: None,
    joint_steps: int = JOINT_STEPS,
) -> Calibration:
    """Fit a profile to samples. ``said``: is told what is being done.

    Raises `UsageError` where no experiment has enough takes.
    """
    profile = _with_noise(load_profile(base), samples)
    samples, missing = _enough(samples)
    swept = [sample for sample in samples if sample.experiment.name == CHORUS]
    samples = [sample for sample in samples if sample.experiment.name != CHORUS]
    model = Model(samples, profile, forms(profile))
    values = model.start()
    chosen: dict[str, Chosen] = {}
    for experiment in EXPERIMENTS:
        places = [n for n, sample in enumerate(model.samples) if sample.experiment.name == experiment.name]
        if not places:
            continue
        said(experiment.name)
        for choice in (each for each in CHOICES if each.experiment == experiment.name):
            model, one = choose(model, choice, values, said)
            if one is not None:
                chosen[choice.law] = one
        if experiment.name == "couplings":
            model, values, one = choose_couplings(model, values, said)
            if one is not None:
                chosen["dco_xmod"] = one
        if experiment.laws:
            values = solve(model, experiment.laws, values, places, 6, uncertain=False).values
    laws = [law for e in EXPERIMENTS if e.name not in {*missing, CHORUS} for law in e.laws]
    said("all laws together")
    solution = solve(model, laws, values, range(len(model.samples)), joint_steps, by_voice=True, said=said)
    found = {law: _found(law, model, solution) for law in laws}
    if swept:
        said(CHORUS)
        found.update(_chorus(swept, model, solution))
    for experiment in EXPERIMENTS:
        for law in experiment.laws if experiment.name in missing else ():
            found[law] = Found(law, None, why=f"too few of the takes of its experiment ({experiment.name})")
    return Calibration(_finished(model, found), found, chosen, model, solution)


def _with_noise(base: Profile, samples: Sequence[Sample]) -> Profile:
    """With the noise floor that the takes have: each output's, where the mean of two was heard."""
    levels = [20 * np.log10(max(sample.heard.noise_rms, 1e-10)) for sample in samples]
    level = float(np.median(levels)) + 10 * np.log10(2) if levels else -200.0
    return with_values(base, {"noise_floor": np.array(np.clip(level, -200, 0))})


def _enough(samples: Sequence[Sample]) -> tuple[list[Sample], set[str]]:
    """The samples of experiments with enough takes, and the names of the other experiments."""
    count = {experiment.name: 0 for experiment in EXPERIMENTS}
    for sample in samples:
        count[sample.experiment.name] += 1
    missing = {e.name for e in EXPERIMENTS if count[e.name] < max(1, FEWEST * len(e.notes))}
    kept = [sample for sample in samples if sample.experiment.name not in missing]
    if not kept:
        raise UsageError(
            f"{len(samples)} takes belong to the calibration, too few for any law",
            "jx calibrate --port PORT --audio DEVICE records them",
        )
    return kept, missing


def _found(law: str, model: Model, solution: Solution) -> Found:
    form = model.forms[law]
    places = [n for n, part in enumerate(solution.parts) if part.law == law]
    covariance = solution.covariance[np.ix_(places, places)]
    sigma = {part.name: float(np.sqrt(max(covariance[n, n], 0))) for n, part in enumerate(form.parts)}
    experiment = next(e for e in EXPERIMENTS if law in e.laws)
    takes = tuple(s.index for s in model.samples if s.experiment.name == experiment.name)
    values = {part.name: solution.values[law, part.name] for part in form.parts}
    dead = [part.name for part in form.parts if not 0 < sigma[part.name] < _hopeless(part.log, part.start)]
    if len(dead) == len(form.parts):
        return Found(law, None, takes=takes, why="nothing that was recorded depends on it enough")
    return Found(
        law, form.entry(values, model.base), values, sigma, {part.name: part.log for part in form.parts},
        covariance, solution.residual[experiment.name], takes,
    )  # fmt: skip


def _chorus(swept: Sequence[Sample], model: Model, solution: Solution) -> dict[str, Found]:
    """The laws of the chorus; the same notes without it come from renders of what has been found so far."""
    base, switch = model.profile(solution.values), parameter("CHORUS")
    takes = []
    for sample in swept:
        dry = sample.tone.copy()
        dry[switch.column] = 0
        heard = sample.heard
        sound = render(
            dry, heard.note, sample.velocity, heard.gate_s, sample.seconds,
            profile=with_values(base, {"noise_floor": np.array(-200.0)}), sample_rate=heard.rate, threads=1,
        )[0]  # fmt: skip
        position = str(switch.position(int(sample.tone[switch.column])))
        takes.append(Swept(position, heard, Heard(sound, heard.rate, heard.note, heard.gate_s)))
    fit = fit_chorus(takes, base.constant("chorus_low_pass_in"), base.constant("chorus_damping"))
    laws = next(e.laws for e in EXPERIMENTS if e.name == CHORUS)
    indices = tuple(sample.index for sample in swept)
    if fit is None:
        return {
            law: Found(law, None, takes=indices, why="nothing moves when the chorus is on") for law in laws
        }
    found = {}
    for law in laws:
        own = {name: value for (each, name), value in fit.values.items() if each == law}
        sigma = {name: fit.sigma[law, name] for name in own}
        log = {part.name: part.log for part in model.forms[law].parts}
        if max(sigma.values()) > _UNKNOWN:
            found[law] = Found(law, None, takes=indices, why="nothing that was recorded depends on it enough")
            continue
        if law == "chorus_low_pass_out":
            entry: dict[str, Any] = {"form": "constant", "value": own["value"]}
        else:
            entry = {"form": "positions", "values": as_positions(law, base.laws[law].values, fit.values)}
        order = [part.name for part in model.forms[law].parts if part.name in own]
        covariance = np.diag([sigma[name] ** 2 for name in order])
        found[law] = Found(law, entry, own, sigma, log, covariance, fit.left, indices)
    return found


_UNKNOWN = 0.7
"""A standard deviation (of a logarithm) from which on a number is not known at all."""


def _hopeless(log: bool, start: float) -> float:
    """A standard deviation from which on a part is not known at all."""
    return _UNKNOWN if log else max(_UNKNOWN * abs(start), 1.0)


def _finished(model: Model, found: Mapping[str, Found]) -> Profile:
    changed = {law: law_values(one.entry) for law, one in found.items() if one.entry is not None}
    if "tick" in changed and "cv_slew" in changed:
        changed["cv_slew"] = np.minimum(changed["cv_slew"], changed["tick"])
    return with_values(model.base, changed)


def deviations(found: Found, form: Form, base: Profile) -> Floats:
    """Standard deviation of a law's numbers, in the shape of the law: from its parts, to first order."""
    assert found.entry is not None
    here = law_values(found.entry)
    slopes = []
    for part in (part for part in form.parts if part.name in found.values):
        step = 1e-4 if part.log else 1e-4 * max(1.0, abs(part.start))
        moved = {
            **found.values,
            part.name: found.values[part.name] * np.exp(step) if part.log else found.values[part.name] + step,
        }
        slopes.append((law_values(form.entry(moved, base)) - here) / step)
    stacked = np.stack(slopes, axis=-1)
    return np.sqrt(np.maximum(np.einsum("...i,ij,...j->...", stacked, found.covariance, stacked), 0))

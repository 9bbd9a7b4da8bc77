"""The whole way from samples to a profile: choices, one experiment after the other, then all together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from estimator.calibration import control_loop, initialization, uncertainty
from estimator.calibration.choices import CHOICES, Chosen, choose, choose_couplings
from estimator.calibration.chorus import Swept, fit_chorus
from estimator.calibration.chorus_refinement import entries, played, refine
from estimator.calibration.experiments import EXPERIMENTS
from estimator.calibration.forward_model import Key, Model
from estimator.calibration.least_squares import Solution, solve
from estimator.calibration.measurements import LOW_PASSES
from estimator.calibration.parametrization import Form, Part, forms
from estimator.calibration.samples import Sample
from estimator.calibration.voice_variation import STARTS
from jxctl.errors import UsageError
from jxctl.protocol.parameters import parameter
from simulator.synth.profile import FloatArray as Floats
from simulator.synth.profile import Profile, law_values, load_profile
from simulator.synth.voices import HIGHEST_STEP

JOINT_STEPS = 6
"""Of the fit of all laws together, at most (chosen)."""
LOOP = "control loop"
"""The experiment that is read by itself before all others."""
CHORUS = "chorus"
"""The experiment that is fitted by itself after all others."""
_NEARLY = 0.97
"""Of the highest cutoff that a render can place: from there on a limit is not told from none."""
_WIDEST = 0.1 / uncertainty.NINETY
"""A standard deviation, as a share, from which on a number does not count as measured."""


@dataclass(frozen=True)
class Found:
    """What calibration says of a law. ``entry``: form and numbers, as a profile's file has them, None for one
    that could not be identified, with ``why``. ``sigma``: standard deviation of each part, on its axis (of
    its logarithm, where ``log``). ``residual``: RMS of what its experiment leaves, in units of its
    measurement. ``takes``: indices in the plan. ``lost``: parts (positions) that could not be identified and
    are as they were; the others are in ``values``."""

    law: str
    entry: dict[str, Any] | None
    values: dict[str, float] = field(default_factory=dict)
    sigma: dict[str, float] = field(default_factory=dict)
    log: dict[str, bool] = field(default_factory=dict)
    covariance: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    residual: float = float("nan")
    takes: tuple[int, ...] = ()
    why: str = ""
    lost: tuple[str, ...] = ()


@dataclass(frozen=True)
class Calibration:
    """A fitted board.

    Args:
        profile: fitted.
        found: every law, by name.
        chosen: laws that are words, and why.
        model: behind it.
        solution: likewise.

    Examples:
        >>> "profile" in Calibration.__dataclass_fields__
        True
    """

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
    """Fit the laws of a board to takes of it, by nonlinear least squares over renders.

    Args:
        samples: takes of the experiments (`estimator.calibration.samples.from_data_set`).
        base: the profile that the new one builds on.
        said: is called with what is being done, in words.
        joint_steps: of the fit of all laws together, at most.

    Returns:
        The fitted profile, and what was found of each law.

    Raises:
        UsageError: no experiment has enough takes.

    Examples:
        >>> calibrate([])
        Traceback (most recent call last):
        ...
        jxctl.errors.UsageError: 0 takes belong to the calibration, too few for any law
    """
    profile = _with_noise(load_profile(base), samples)
    samples, missing = _enough(samples)
    swept = [sample for sample in samples if sample.experiment.name == CHORUS]
    samples = [sample for sample in samples if sample.experiment.name != CHORUS]
    model = Model(samples, profile, forms(profile))
    values = model.start()
    tick = _tick(model, values)
    if tick is not None and tick.entry is not None:
        values[control_loop.KEY] = tick.entry["value"]
        model = Model(samples, profile.replace(tick=tick.entry["value"]), model.forms)
    chosen: dict[str, Chosen] = {}
    doubtful: tuple[int, ...] = ()
    for experiment in EXPERIMENTS:
        places = [n for n, sample in enumerate(model.samples) if sample.experiment.name == experiment.name]
        if not places or experiment.name == LOOP:
            continue
        said(experiment.name)
        for choice in (each for each in CHOICES if each.experiment == experiment.name):
            model, one = choose(model, choice, values, said)
            if one is not None:
                chosen[choice.law] = one
        if experiment.name == "couplings":
            model, values, one = choose_couplings(model, values, said)
            if one is not None:
                chosen["dco_xmod"], doubtful = one, one.doubtful
        for key in ((law, "value") for law in experiment.laws if law in initialization.SEARCHED):
            values[key] = initialization.nearest(model, values, places[:2], key)
        if experiment.laws:
            values = solve(model, experiment.laws, values, places, uncertain=False).values
    laws = [law for e in EXPERIMENTS if e.name not in {*missing, LOOP, CHORUS} for law in e.laws]
    places = [n for n, sample in enumerate(model.samples) if sample.experiment.name != LOOP]
    if places:
        said("all laws together")
        solution = solve(model, laws, values, places, joint_steps, by_voice=True, said=said)
    else:
        solution = Solution(values, [], np.zeros((0, 0)), {}, 0.0)
    unsure = [f"{row},{column}" for row in doubtful for column in (2, 3)]
    found = {law: _found(law, model, solution, unsure if law == "dco_xmod" else ()) for law in laws}
    if tick is not None:
        found = {"tick": tick, **found}
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
    return base.replace(noise_floor=np.clip(level, -200, 0))


def _enough(samples: Sequence[Sample]) -> tuple[list[Sample], set[str]]:
    """The samples of experiments with enough takes, and the names of the other experiments."""
    count = {experiment.name: 0 for experiment in EXPERIMENTS}
    for sample in samples:
        count[sample.experiment.name] += 1
    missing = {e.name for e in EXPERIMENTS if count[e.name] < e.fewest}
    kept = [sample for sample in samples if sample.experiment.name not in missing]
    if not kept:
        raise UsageError(
            f"{len(samples)} takes belong to the calibration, too few for any law",
            "jx calibrate --port PORT --audio DEVICE records them",
        )
    return kept, missing


def _tick(model: Model, values: Mapping[Key, float]) -> Found | None:
    """The law ``tick``; None where its experiment was not played."""
    places = [n for n, sample in enumerate(model.samples) if sample.experiment.name == LOOP]
    if not places:
        return None
    takes = tuple(model.samples[place].index for place in places)
    law, name = control_loop.KEY
    one = control_loop.period(model, values, places)
    if one is None or one.sigma >= _WIDEST:
        return Found(
            law, None, takes=takes, why="no steps of the pitch" if one is None else _why([one.sigma])
        )
    here, sigma = {name: one.seconds}, {name: one.sigma}
    entry = model.forms[law].entry(here, model.base)
    return Found(law, entry, here, sigma, {name: True}, np.array([[one.sigma**2]]), one.left, takes)


def _found(law: str, model: Model, solution: Solution, doubtful: Sequence[str]) -> Found:
    form = model.forms[law]
    places = [n for n, part in enumerate(solution.parts) if part.law == law]
    covariance = solution.covariance[np.ix_(places, places)]
    sigma = {part.name: float(np.sqrt(max(covariance[n, n], 0))) for n, part in enumerate(form.parts)}
    experiment = next(e for e in EXPERIMENTS if law in e.laws)
    takes = tuple(s.index for s in model.samples if s.experiment.name == experiment.name)
    lost = [part.name for part in form.parts if not 0 < sigma[part.name] < _loose(form, part)]
    if lost and (form.kind != "positions" or len(lost) == len(form.parts)):
        return Found(law, None, takes=takes, why=_why([sigma[name] for name in lost]))
    if law == "vcf_highest" and solution.values[law, "value"] > _NEARLY * HIGHEST_STEP * _rate(model):
        return Found(law, None, takes=takes, why="it is above what this sample rate can show")
    lost += [name for name in doubtful if name not in lost]
    why = f"{', '.join(lost)}: not known well, or other values fit as well" if lost else ""
    if len(lost) == len(form.parts):
        return Found(law, None, takes=takes, why="other values fit as well")
    kept = [n for n, part in enumerate(form.parts) if part.name not in lost]
    parts = [form.parts[n] for n in kept]
    values = {part.name: solution.values[law, part.name] for part in parts}
    return Found(
        law, form.entry(values, model.base), values, {part.name: sigma[part.name] for part in parts},
        {part.name: part.log for part in parts}, covariance[np.ix_(kept, kept)],
        solution.residual[experiment.name], takes, why, tuple(lost),
    )  # fmt: skip


def _rate(model: Model) -> int:
    return max(sample.heard.rate for sample in model.samples)


def _why(sigmas: Sequence[float]) -> str:
    if max(sigmas) >= uncertainty.UNKNOWN:
        return "nothing that was recorded depends on it"
    return "what was recorded leaves its 90 % interval wider than a tenth to either side"


def _chorus(swept: Sequence[Sample], model: Model, solution: Solution) -> dict[str, Found]:
    """The laws of the chorus; the same notes without it come from renders of what has been found so far."""
    base, switch = model.profile(solution.values), parameter("CHORUS")
    quiet = base.replace(noise_floor=-200.0)
    positions = [str(switch.position(int(sample.tone[switch.column]))) for sample in swept]
    takes = []
    for sample, position in zip(swept, positions, strict=True):
        dry = sample.tone.copy()
        dry[switch.column] = 0
        takes.append(Swept(position, sample.heard, played(sample, dry, quiet)))
    corner = float(np.sqrt(np.prod([base.constant(law) for law in LOW_PASSES])))
    fit = fit_chorus(takes, corner, base.constant("chorus_damping"))
    if fit is not None:
        fit = refine(swept, positions, base, fit, {**STARTS, **solution.spread})
    laws = next(e.laws for e in EXPERIMENTS if e.name == CHORUS)
    indices = tuple(sample.index for sample in swept)
    if fit is None:
        return {
            law: Found(law, None, takes=indices, why="nothing moves when the chorus is on") for law in laws
        }
    found: dict[str, Found] = {}
    chorus_entries = entries(base, fit)
    for law in laws:
        own = {name: value for (each, name), value in fit.values.items() if each == law}
        sigma = {name: fit.sigma[law, name] for name in own}
        log = {part.name: part.log for part in model.forms[law].parts}
        if max(sigma.values()) > _WIDEST:
            found[law] = Found(law, None, takes=indices, why=_why(list(sigma.values())))
            continue
        order = [part.name for part in model.forms[law].parts if part.name in own]
        covariance = np.diag([sigma[name] ** 2 for name in order])
        found[law] = Found(law, chorus_entries[law], own, sigma, log, covariance, fit.left, indices)
    return found


def _loose(form: Form, part: Part) -> float:
    """A standard deviation from which on a part does not count as measured. Parts that may be zero are judged
    by the largest of their law."""
    if part.log:
        return _WIDEST
    return _WIDEST * max(abs(each.start) for each in form.parts)


def _finished(model: Model, found: Mapping[str, Found]) -> Profile:
    changed = {law: law_values(one.entry) for law, one in found.items() if one.entry is not None}
    if "tick" in changed and "cv_slew" in changed:
        changed["cv_slew"] = np.minimum(changed["cv_slew"], changed["tick"])
    return model.base.replace(**changed)


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

"""Laws that are words or whole numbers: each reading is fitted, and the one that leaves least is taken.

A choice is decided by one experiment, and only where the best reading leaves clearly less than the second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from estimator.calibration import initialization
from estimator.calibration.forward_model import Key, Model
from estimator.calibration.least_squares import solve
from simulator.synth.profile import Profile

_FITTED = 6
"""Steps of a fit before readings are compared."""
CLEAR = 1.15
"""By what factor the second best reading has to leave more (RMS), for the best to be taken."""


@dataclass(frozen=True)
class Choice:
    """``law``: what is chosen; ``readings``: its candidates; ``experiment``: that decides; ``laws``: fitted
    along for each reading."""

    law: str
    readings: tuple[Any, ...]
    experiment: str
    laws: tuple[str, ...]


CHOICES = (
    Choice("vcf_poles", (4, 2), "filter", ("vcf_cutoff", "vcf_damping", "vcf_fixed_damping")),
    Choice("mixer", ("dco2", "crossfade"), "mixer envelope", ("mix_env",)),
    Choice("lfo_wave3", ("triangle", "sine"), "LFO wave", ()),
)


@dataclass(frozen=True)
class Chosen:
    """``reading``: what is taken; ``left``: RMS that each reading leaves, in the experiment's own scatter;
    ``clear``: whether the recordings decide it. ``doubtful``: positions of DCO XMOD at which other depths fit
    as well."""

    law: str
    reading: Any
    left: dict[str, float]
    clear: bool
    doubtful: tuple[int, ...] = ()


@dataclass(frozen=True)
class Coupling:
    """``sync2``, ``xmod``: whether DCO-1 resets DCO-2 there, and back; ``modulates``: whether each
    modulates."""

    sync2: tuple[int, int]
    xmod: tuple[int, int]
    modulates: tuple[bool, bool]


COUPLINGS = {
    "sync 2 and x-mod modulate": Coupling((1, 0), (0, 0), (True, True)),
    "sync 2 is the reverse sync": Coupling((0, 1), (0, 0), (False, True)),
    "x-mod is sync both ways": Coupling((1, 0), (1, 1), (True, False)),
    "both as the thesis says": Coupling((0, 1), (1, 1), (False, False)),
}
"""Readings of SYNC 2 and X-MOD: what resets what at each, and whether each modulates (jx_hardware.md 10)."""


def choose_couplings(
    model: Model, values: Mapping[Key, float], said: Callable[[str], None]
) -> tuple[Model, dict[Key, float], Chosen | None]:
    """Which reading of SYNC 2 and X-MOD is right, and the depths of modulation where there is any."""
    places = [n for n, sample in enumerate(model.samples) if sample.experiment.name == "couplings"]
    if not places:
        return model, dict(values), None
    found = dict(values)
    left: dict[str, float] = {}
    costs: dict[tuple[int, bool], float] = {}
    rivals: dict[int, tuple[tuple[float, float], ...]] = {}
    for row in (2, 3):
        keys = [("dco_xmod", f"{row},2"), ("dco_xmod", f"{row},3")]
        for modulates in (True, False):
            resets = (reading.sync2 if row == 2 else reading.xmod for reading in COUPLINGS.values()
                      if reading.modulates[row - 2] is modulates)  # fmt: skip
            reset = next(resets)
            other = model.on(_coupled(model.base, row, reset))
            deep = initialization.depths(
                other, {**values, **dict.fromkeys(keys, 0.0)}, places, row, modulates
            )
            costs[row, modulates] = deep.cost
            if modulates:
                found.update(zip(keys, deep.pair, strict=True))
                rivals[row] = deep.rivals
    for name, reading in COUPLINGS.items():
        left[name] = sum(costs[row, each] for row, each in zip((2, 3), reading.modulates, strict=True)) / 2
    best, second = sorted(left, key=left.__getitem__)[:2]
    clear = left[second] > CLEAR * left[best]
    taken = COUPLINGS[best]
    doubtful = [row for row, each in zip((2, 3), taken.modulates, strict=True) if each and rivals[row]]
    base = _coupled(_coupled(model.base, 2, taken.sync2), 3, taken.xmod)
    for row, each in zip((2, 3), taken.modulates, strict=True):
        if not each:
            found["dco_xmod", f"{row},2"] = found["dco_xmod", f"{row},3"] = 0.0
    said(f"couplings: {best}" + ("" if clear else " (not decided)"))
    return model.on(base), found, Chosen("dco_xmod", best, left, clear, tuple(doubtful))


def _coupled(base: Profile, row: int, reset: tuple[int, int]) -> Profile:
    """A profile in which a position of DCO XMOD resets as given."""
    table = np.array(base.laws["dco_xmod"].values)
    table[row, :2] = reset
    return base.replace(dco_xmod=table)


def choose(
    model: Model, choice: Choice, values: Mapping[Key, float], said: Callable[[str], None]
) -> tuple[Model, Chosen | None]:
    """The model with the best reading of a choice; None where its experiment was not played."""
    places = [n for n, sample in enumerate(model.samples) if sample.experiment.name == choice.experiment]
    if not places:
        return model, None
    left: dict[str, float] = {}
    models: dict[str, Model] = {}
    for reading in choice.readings:
        other = model.on(model.base.replace(**{choice.law: reading}))
        solved = solve(other, choice.laws, values, places, _FITTED, uncertain=False)
        profile = other.profile(solved.values)
        rendered = other.rendered(profile, places)
        squares = [np.square(other.data[n] - rendered.measured[n]) for n in places]
        left[str(reading)] = (
            float(np.sqrt(np.nanmean(np.concatenate(squares)))) / other.samples[places[0]].experiment.scatter
        )
        models[str(reading)] = other
    ranked = sorted(left, key=left.__getitem__)
    best = ranked[0]
    clear = left[ranked[1]] > CLEAR * left[best]
    if not clear:
        best = str(choice.readings[0])
    said(f"{choice.law}: {best}" + ("" if clear else " (not decided)"))
    reading = next(one for one in choice.readings if str(one) == best)
    return models[best], Chosen(choice.law, reading, left, clear)

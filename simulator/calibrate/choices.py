"""Laws that are words or whole numbers: each reading is fitted, and the one that leaves least is taken.

A choice is decided by one experiment, and only where the best reading leaves clearly less than the second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from simulator.calibrate.fit import solve
from simulator.calibrate.model import Key, Model
from simulator.profile import Profile

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
    ``clear``: whether the recordings decide it."""

    law: str
    reading: Any
    left: dict[str, float]
    clear: bool


def with_choice(profile: Profile, law: str, reading: Any) -> Profile:
    """A profile with one reading of a law."""
    laws = dict(profile.laws)
    if isinstance(reading, str):
        laws[law] = replace(laws[law], choice=reading)
    else:
        laws[law] = replace(laws[law], values=np.array(float(reading)))
    return Profile(profile.name, profile.about, laws)


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
        other = model.on(with_choice(model.base, choice.law, reading))
        solved = solve(other, choice.laws, values, places, 4, uncertain=False)
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

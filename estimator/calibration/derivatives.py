"""Derivatives of all measurements: by the parts of laws, and by what voices and takes have for themselves.

A column is a part moved a little, rendered and measured again, for the samples that it concerns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from estimator.calibration.forward_model import Key, Model, Rendered
from estimator.calibration.parametrization import Part
from estimator.calibration.signals import Floats
from estimator.calibration.voice_variation import DRIFT, KINDS, MOVES, SWELL, shifted
from simulator.synth.profile import Profile

_Records = tuple[NDArray[np.void], NDArray[np.float32]]


@dataclass(frozen=True)
class Apart:
    """What belongs to no law. ``masks``: of each known voice, which numbers it played. ``drifting``,
    ``swelling``: numbers of the takes whose cutoff and level may be off by themselves. ``groups``: kinds in
    the order of their columns, with how many each has."""

    masks: list[NDArray[np.bool_]]
    drifting: list[int]
    swelling: list[int]
    groups: list[tuple[str, int]]


@dataclass(frozen=True)
class Derivatives:
    """Of the samples at ``places``, whose numbers end at ``ends``, by ``parts``, near ``values``, where
    ``rendered`` is what ``profile`` sounds like."""

    model: Model
    parts: Sequence[Part]
    places: Sequence[int]
    ends: NDArray[np.int64]
    values: Mapping[Key, float]
    profile: Profile
    rendered: Rendered

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return int(self.ends[-1])

    def both(self, apart: Apart) -> tuple[Floats, Floats]:
        """By all parts, [numbers, parts], and by what is ``apart``, [numbers, of all groups]."""
        before = self.model.records(self.profile)
        columns = [self._column(part, before) for part in self.parts]
        jacobian = np.stack(columns, axis=1) if columns else np.zeros((self.size, 0))
        place = {(part.law, part.name): n for n, part in enumerate(self.parts)}
        sways = []
        slopes: dict[str, Floats] = {}
        for kind, _ in apart.groups:
            if kind in (DRIFT, SWELL):
                of, takes = ("cutoff", apart.drifting) if kind == DRIFT else ("gain", apart.swelling)
                for number in takes:
                    alone = np.zeros(self.size)
                    own = slice(self.ends[number], self.ends[number + 1])
                    alone[own] = slopes[of][own]
                    sways.append(alone)
                continue
            feel = [n for n in self.places if kind in self.model.samples[n].experiment.feels]
            if all(key in place for key in MOVES[kind]):
                # The very columns of the law: were they measured apart, with other steps, a voice would seem
                # to differ in shape from the law, and both to be known.
                slope = np.sum([by * columns[place[key]] for key, by in MOVES[kind].items()], axis=0)
                slope = np.where(self._at(feel), slope, 0)
            else:
                step = KINDS[kind][1]
                slope = self._change(shifted(self.profile, kind, step), feel) / step
            sways += [np.where(mask, slope, 0) for mask in apart.masks]
            slopes[kind] = slope
        return jacobian, np.stack(sways, axis=1) if sways else np.zeros((self.size, 0))

    def _at(self, places: Sequence[int]) -> NDArray[np.bool_]:
        """Which numbers belong to some samples."""
        mask = np.zeros(self.size, bool)
        for number, place in enumerate(self.places):
            mask[self.ends[number] : self.ends[number + 1]] = place in places
        return mask

    def _column(self, part: Part, before: _Records) -> Floats:
        key = (part.law, part.name)
        here = part.on_axis(self.values[key])
        moved = part.value(here + part.width)
        if abs(part.on_axis(moved) - here) < part.width / 2:
            moved = part.value(here - part.width)
        width = part.on_axis(moved) - here
        if abs(width) < 1e-9:
            return np.zeros(self.size)
        sides = [moved, part.value(2 * here - part.on_axis(moved))]
        changes, widths = [], []
        for value in sides:
            profile = self.model.profile({**self.values, key: value})
            which = self._which(part.law, before, profile)
            if part.law == "voice_gain":
                change = self._difference(self.model.louder(which, self.rendered, value / self.values[key]))
            else:
                change = self._change(profile, which)
            if change.any():
                changes.append(change)
                widths.append(part.on_axis(value) - here)
            # Where nothing changes, the part may be at the end of where it acts: try the other side.
            if changes and not part.both:
                break
        if len(changes) == 2:
            return (changes[0] - changes[1]) / (widths[0] - widths[1])
        return changes[0] / widths[0] if changes else np.zeros(self.size)

    def _which(self, law: str, before: _Records, profile: Profile) -> list[int]:
        concerned = self.model.concerned(law, before, profile)
        return [place for place in self.places if concerned[place]]

    def _change(self, profile: Profile, which: list[int]) -> Floats:
        """How measurements change with another profile; 0 where nothing does or nothing can be measured."""
        return self._difference(self.model.rendered(profile, which, self.rendered))

    def _difference(self, other: Rendered) -> Floats:
        change = np.zeros(self.size)
        for number, place in enumerate(self.places):
            if place in other.measured:
                own = slice(self.ends[number], self.ends[number + 1])
                change[own] = np.nan_to_num(other.measured[place] - self.rendered.measured[place])
        return change

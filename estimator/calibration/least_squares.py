"""Nonlinear least squares: the values of a profile's parts that make renders measure what recordings do.

Gauss-Newton with Levenberg's damping and Huber's weights. Derivatives are differences: a column is a part
moved a little, rendered and measured again, for the samples that it concerns. Beside the parts stand the six
voices: each may lie a little off in cutoff, resonance, level, width of the pulse and envelope times, with a
spread that is estimated along (its prior's width), so that what one voice has for itself is not taken for the
law. How sure the result is, is said by `estimator.calibration.uncertainty`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from estimator.calibration import uncertainty
from estimator.calibration.forward_model import Key, Model, Rendered
from estimator.calibration.parametrization import Part
from estimator.calibration.uncertainty import OUTLIER
from estimator.calibration.voice_variation import DRIFT, KINDS, MOVES, STARTS, SWELL, shifted
from simulator.synth.profile import FloatArray as Floats
from simulator.synth.profile import Profile

_LEAST_SCATTER = 0.01
"""Of an experiment's first guess: no bench is better."""
ENOUGH = 0.01
"""A step that takes less than this share of the cost away is the last."""
_WORTH = 0.4
"""After a step that takes at least this share away, the next one uses the same derivatives."""
MOST_STEPS = 24
"""Of one experiment: the valley of delay and fade is narrow and bent, and takes a dozen."""
_LONGEST_STEP = 0.5
"""A step moves no part by more, on a logarithmic axis, or else in shares of its start (chosen)."""
_DAMPINGS = (0.0, 0.03, 0.3, 3.0, 30.0)
"""That a step tries, one after the other, in shares of the curvature, until the cost falls (chosen)."""
_DRAWS = 4
"""Boards within the interval, that are rendered to see how straight measurements are there."""

_Records = tuple[NDArray[np.void], NDArray[np.float32]]


@dataclass
class Solution:
    """A fit. ``values``: of all parts. ``covariance``: of ``parts`` on their axes. ``scatter``: standard
    deviation of residuals by measurement. ``residual``: RMS of residuals over the first guess, by experiment.
    ``spread``: standard deviation of voices, by kind. ``cost``: half the weighted sum of squares."""

    values: dict[Key, float]
    parts: list[Part]
    covariance: Floats
    scatter: dict[str, float]
    cost: float
    spread: dict[str, float] = field(default_factory=dict)
    residual: dict[str, float] = field(default_factory=dict)

    def sigma(self, law: str, name: str) -> float:
        """Standard deviation of a part on its axis; nan for one that was not fitted."""
        for place, part in enumerate(self.parts):
            if (part.law, part.name) == (law, name):
                return float(np.sqrt(max(self.covariance[place, place], 0)))
        return float("nan")


def solve(
    model: Model,
    laws: Sequence[str],
    values: Mapping[Key, float],
    places: Sequence[int],
    iterations: int = MOST_STEPS,
    by_voice: bool = False,
    scatter: Mapping[str, float] | None = None,
    uncertain: bool = True,
    said: Callable[[str], None] = lambda text: None,
) -> Solution:
    """Fit the parts of ``laws`` to the samples at ``places``, starting from ``values``.

    ``by_voice``: with what each voice has for itself, where it is known which one played. ``scatter``: of
    experiments, where it is known better than they say. ``uncertain``: False leaves out the covariance.
    """
    task = _Task(model, laws, dict(values), list(places), by_voice, dict(scatter or {}))
    fresh = True
    for number in range(iterations):
        gained = task.step(fresh)
        said(f"{', '.join(laws)}: step {number + 1}, cost {task.cost:.1f}")
        if gained < ENOUGH and fresh:
            break
        fresh = gained < _WORTH
    return task.solution(uncertain)


class _Task:
    def __init__(
        self, model: Model, laws: Sequence[str], values: dict[Key, float], places: list[int], by_voice: bool,
        scatter: dict[str, float],
    ) -> None:  # fmt: skip
        self.model, self.laws, self.values, self.places = model, laws, values, places
        self.parts = model.parts(laws)
        # Experiments that measure in the same way share their scatter.
        self.names = [model.samples[place].experiment.measure.__name__ for place in places]
        self.scatter = {
            model.samples[place].experiment.measure.__name__: model.samples[place].experiment.scatter
            for place in places
        }
        self.guess = dict(self.scatter)
        self.scatter.update({name: value for name, value in scatter.items() if name in self.scatter})
        sizes = [model.data[place].size for place in places]
        self.ends = np.concatenate([[0], np.cumsum(sizes)])
        self.data = np.concatenate([model.data[place] for place in places])
        # How far off a reading is by itself, however good the model: by what counters round, and by noise.
        self.coarse = np.concatenate(
            [np.full(model.data[place].size, model.coarse[place]) for place in places]
        )
        self.of_measure = {
            name: np.concatenate(
                [np.full(size, own == name) for own, size in zip(self.names, sizes, strict=True)]
            )
            for name in self.scatter
        }
        known = sorted({int(model.voices[place]) for place in places} - {-1})
        self.known = known if by_voice and len(known) > 1 else []
        voice = np.concatenate(
            [np.full(size, model.voices[place]) for place, size in zip(places, sizes, strict=True)]
        )
        masks = [voice == one for one in self.known]
        self.spread = {kind: start for kind, (start, _) in KINDS.items()} if self.known else {}
        groups = [(kind, len(self.known)) for kind in self.spread]
        # The cutoff of one voice drifts as well, so that each take may be off by itself; so may its level, of
        # which most readings are many at a time.
        feels = [model.samples[place].experiment.feels if self.known else frozenset() for place in places]
        drifting = [number for number, own in enumerate(feels) if "cutoff" in own]
        swelling = [n for n, own in enumerate(feels) if "gain" in own and model.data[places[n]].size > 1]
        for kind, takes in ((DRIFT, drifting), (SWELL, swelling)):
            if takes:
                self.spread[kind] = STARTS[kind]
                groups.append((kind, len(takes)))
        self.apart = Apart(masks, drifting, swelling, groups)
        self.offsets = np.zeros(sum(count for _, count in self.apart.groups))
        self.profile = model.profile(values)
        self.rendered = model.rendered(self.profile, places)
        self.flat = self._flat(self.rendered)
        if by_voice:
            self.coarse = np.hypot(self.coarse, self._flat(model.noise(self.rendered)))
        self.jacobian: Floats = np.zeros((0, 0))
        self.sway: Floats = np.zeros((0, 0))
        self.cost = self._cost(self.flat, self.offsets, None)

    def step(self, fresh: bool = True) -> float:
        """One step of Gauss-Newton; how much of the cost it took away. ``fresh``: with derivatives as they
        are here; False: with the last ones."""
        if fresh or not self.jacobian.size:
            self.jacobian, self.sway = self._jacobian()
        self._rescale()
        self.cost = before = self._cost(self.flat, self.offsets, self.sway)
        matrix, left = self._weighted()
        prior = self._prior()
        normal = matrix.T @ matrix + np.diag(prior)
        slope = matrix.T @ left - prior * self._padded()
        scale = np.diag(normal).copy()
        held = scale < 1e-6
        scale[held] = 1.0
        for damping in _DAMPINGS:
            move = np.linalg.lstsq(normal + np.diag(damping * scale + held), slope, rcond=1e-12)[0]
            way = move[: len(self.parts)]
            widest = np.max(np.abs(way) / [_longest(part) for part in self.parts], initial=0.0)
            move = move / max(1.0, float(widest))
            values = dict(self.values)
            for part, change in zip(self.parts, move, strict=False):
                key = (part.law, part.name)
                values[key] = part.value(part.on_axis(values[key]) + float(change))
            profile = self.model.profile(values)
            rendered = self.model.rendered(profile, self.places)
            flat = self._flat(rendered)
            offsets = self.offsets + move[len(self.parts) :]
            cost = self._cost(flat, offsets, self.sway)
            if cost < before:
                self.values, self.profile, self.rendered, self.flat = values, profile, rendered, flat
                self.offsets, self.cost = offsets, cost
                return (before - cost) / max(before, 1e-12)
        return 0.0

    def solution(self, uncertain: bool) -> Solution:
        """Where it stands."""
        if not uncertain:
            return Solution(
                self.values,
                self.parts,
                np.full((len(self.parts),) * 2, np.nan),
                dict(self.scatter),
                self.cost,
            )
        if not self.jacobian.size:
            self.jacobian, self.sway = self._jacobian()
        self._rescale()
        count = len(self.parts)
        residual = self._residual(self.flat, self.offsets, self.sway)
        matrix, left = self._weighted()
        prior = self._prior(few=True)
        covariance = uncertainty.covariance(matrix, left, prior, self.ends)
        inverse = uncertainty.inverse(matrix, prior)
        # How far another step would go is not known any better.
        covariance += np.diag(np.square(inverse @ (matrix.T @ left - prior * self._padded())))
        covariance[:count, :count] += self._bent(covariance[:count, :count], inverse[:count] @ matrix.T)
        experiments = [self.model.samples[place].experiment.name for place in self.places]
        by_experiment = {}
        for name in dict.fromkeys(experiments):
            parts = [
                residual[begin:end]
                for own, begin, end in zip(experiments, self.ends[:-1], self.ends[1:], strict=True)
                if own == name
            ]
            by_experiment[name] = float(np.sqrt(np.nanmean(np.square(np.concatenate(parts)))))
        return Solution(
            self.values, self.parts, covariance[:count, :count], dict(self.scatter), self.cost,
            dict(self.spread), by_experiment,
        )  # fmt: skip

    def _padded(self) -> Floats:
        """Offsets, with zeros for the parts before them."""
        return np.concatenate([np.zeros(len(self.parts)), self.offsets])

    def _bent(self, covariance: Floats, back: Floats) -> Floats:
        """Covariance from measurements that are no straight lines within the interval (they have steps where
        the control loop does): how far off the laws of boards that lie there would be found, from here and
        with these derivatives. ``covariance``: of the parts; ``back``: from what is left to parts."""
        weight = self._weight()
        errors = []
        for move in uncertainty.draws(covariance, _DRAWS):
            values, moved = dict(self.values), np.zeros(len(self.parts))
            for n, (part, change) in enumerate(zip(self.parts, move, strict=True)):
                key = (part.law, part.name)
                here = part.on_axis(values[key])
                values[key] = part.value(here + float(change))
                moved[n] = part.on_axis(values[key]) - here
            there = self.model.rendered(self.model.profile(values), self.places, self.rendered).measured
            flat = np.concatenate([there.get(place, self.rendered.measured[place]) for place in self.places])
            off = np.nan_to_num(flat - self.flat - self.jacobian @ moved) * weight
            errors.append(back @ np.clip(off, -OUTLIER, OUTLIER))
        drawn = np.stack(errors)
        return np.asarray(uncertainty.few(_DRAWS) ** 2 * drawn.T @ drawn / _DRAWS)

    def _weighted(self) -> tuple[Floats, Floats]:
        """Derivatives, and what is left, in standard deviations."""
        weight = self._weight()
        left = np.nan_to_num(self._residual(self.flat, self.offsets, self.sway))
        return np.hstack([self.jacobian, self.sway]) * weight[:, None], left * weight

    def _prior(self, few: bool = False) -> Floats:
        """How surely all that is open is known beforehand. ``few``: spreads widened, since they are estimated
        from as few as six voices."""
        wider = {kind: uncertainty.few(count - 1) if few else 1.0 for kind, count in self.apart.groups}
        voices = [
            1 / (wider[kind] * self.spread[kind]) ** 2
            for kind, count in self.apart.groups
            for _ in range(count)
        ]
        return np.concatenate([np.zeros(len(self.parts)), voices])

    def _weight(self) -> Floats:
        weight = np.zeros(self.data.size)
        for name, mask in self.of_measure.items():
            weight[mask] = 1 / np.hypot(self.scatter[name], self.coarse[mask])
        residual = self._residual(self.flat, self.offsets, self.sway)
        size = np.abs(residual) * weight
        weight[~np.isfinite(residual)] = 0
        return np.asarray(weight * np.sqrt(np.minimum(1, OUTLIER / np.maximum(np.nan_to_num(size), 1e-9))))

    def _residual(self, flat: Floats, offsets: Floats, sway: Floats | None) -> Floats:
        left = self.data - flat
        return left if sway is None or not sway.size else left - sway @ offsets

    def _cost(self, flat: Floats, offsets: Floats, sway: Floats | None) -> float:
        residual = self._residual(flat, offsets, sway)
        scaled = np.zeros(residual.size)
        for name, mask in self.of_measure.items():
            scaled[mask] = residual[mask] / np.hypot(self.scatter[name], self.coarse[mask])
        size = np.abs(np.where(np.isfinite(scaled), scaled, 0))
        huber = np.where(size < OUTLIER, 0.5 * size**2, OUTLIER * (size - 0.5 * OUTLIER))
        # What a render lacks that the recording has counts as an outlier, so that no step wins by losing it.
        huber[np.isfinite(self.data) & ~np.isfinite(flat)] = OUTLIER**2
        prior = self._prior()[len(self.parts) :] if self.known else np.zeros(0)
        return float(huber.sum() + 0.5 * np.sum(prior * np.square(offsets)))

    def _rescale(self) -> None:
        """Scatter of each experiment, and spread of the voices, from what is left."""
        residual = self._residual(self.flat, self.offsets, self.sway)
        weight = self._weight()
        matrix, _ = self._weighted()
        inverse = uncertainty.inverse(matrix, self._prior())
        leverage = np.einsum("ij,jk,ik->i", matrix, inverse, matrix)
        for name, mask in self.of_measure.items():
            used = mask & (weight > 0)
            free = float(used.sum() - leverage[used].sum())
            if free < 0.5:
                continue
            least = _LEAST_SCATTER * self.guess[name]
            self.scatter[name] = uncertainty.scatter(residual[used], self.coarse[used], free, least)
        begin = 0
        for kind, count in self.apart.groups:
            own = slice(begin, begin + count)
            begin += count
            at = slice(len(self.parts) + own.start, len(self.parts) + own.stop)
            power = float(np.mean(np.square(self.offsets[own]) + np.diag(inverse)[at]))
            start = STARTS[kind]
            self.spread[kind] = float(np.clip(np.sqrt(power), 0.01 * start, 20 * start))

    def _jacobian(self) -> tuple[Floats, Floats]:
        return Derivatives(
            self.model, self.parts, self.places, self.ends, self.values, self.profile, self.rendered
        ).both(self.apart)

    def _flat(self, rendered: Rendered) -> Floats:
        return np.concatenate([rendered.measured[place] for place in self.places])


def _longest(part: Part) -> float:
    return _LONGEST_STEP if part.log else max(_LONGEST_STEP * abs(part.start), 20 * part.width)


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

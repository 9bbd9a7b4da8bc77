"""The chorus, fitted by renders from where the closed form ends.

The closed form takes a delay as standing still within a window, which it does not; so it begins, and renders
finish: what they measure is compared with the recordings, at first for the lowest harmonics only (the
higher ones turn too often to be followed from afar), then for all.

The phase of the LFO when a key went down is open as well, for each take, and found along with the laws: at
the turning point, where renders would begin by themselves, harmonics pass least like they do from anywhere
else. What harmonics pass depends a little on it, and on the depth of the modulation alike; so phases are
compared by what they leave once the laws have moved along (variable projection), not by what they leave at
first. Between phases, measurements are taken to go in straight lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from estimator.calibration import chorus, measurements, uncertainty
from estimator.calibration.chorus import POSITIONS, ChorusFit, as_positions
from estimator.calibration.measurements import LOW_PASSES, PASSED, Heard
from estimator.calibration.samples import Sample
from estimator.calibration.voice_variation import shifted
from simulator.synth.chorus import seeds_at
from simulator.synth.profile import FloatArray as Floats
from simulator.synth.profile import Profile, law_values
from simulator.synth.render import render

PLACES = 8
"""Phases of the LFO that are tried for a take."""
BETWEEN = 1 / np.sqrt(12)
"""Standard deviation of where an LFO stood beside the nearest place, in distances of places: anywhere."""
_SEEDS = 256
"""Of which those are taken that stand nearest to a phase."""
_ALL = measurements.CHORUS_HARMONICS
_STAGES = ((4, 3), (10, 3), *((_ALL, 3),) * 3)
"""Harmonics that are compared, and how often the laws are moved with one set of derivatives. The last stage
is repeated until the LFO stays where it is, three times at most."""
_STEP = 0.001
"""Of an open number, for a derivative (chosen)."""
_LEAST = 1e-5
"""Scatter that is not believed to be smaller."""
_EACH = 4
"""Open numbers of a position: logarithms of middle and half width of the delay, level, logarithm of the
rate."""
_RATE = 3
"""Which of them is the rate."""
_OCTAVES = 0.02
"""Of a take's cutoff, for a derivative (chosen)."""
_OWN = 3
"""What each take has for itself: level, cutoff, and how far its LFO stood from the place that was tried."""
_LONGEST = 0.1
"""No open number moves by more in one step (chosen)."""
_APART = 0.25
"""Standard deviation beforehand of the square of how far the low-passes lie apart: two corners half an octave
from each other (assumed)."""
_APART_STEP = 0.04
"""Of that square, for a derivative (chosen)."""
_DB = 2 / np.log(10)
"""Of the upper bands' measure, dB / 10, for each natural logarithm of a gain."""


def entries(base: Profile, fit: ChorusFit) -> dict[str, dict[str, Any]]:
    """What a profile's file says of the chorus."""
    found: dict[str, dict[str, Any]] = {}
    for law in sorted({law for law, _ in fit.values}):
        if law in LOW_PASSES:
            found[law] = {"form": "constant", "value": fit.values[law, "value"]}
        else:
            row = as_positions(law, base.laws[law].values, fit.values)
            found[law] = {"form": "positions", "values": row}
    return found


def refine(
    samples: Sequence[Sample], positions: Sequence[str], base: Profile, fit: ChorusFit,
    spread: Mapping[str, float],
) -> ChorusFit:  # fmt: skip
    """The fit, finished by renders. ``positions``: of CHORUS in each take. ``base``: every other law.
    ``spread``: how far ``gain`` and ``cutoff`` of voices lie apart: each take was played by one of them."""
    return _Renders(samples, positions, base, fit, spread).fitted()


class _Renders:
    def __init__(
        self, samples: Sequence[Sample], positions: Sequence[str], base: Profile, fit: ChorusFit,
        spread: Mapping[str, float],
    ) -> None:  # fmt: skip
        self.samples, self.positions, self.start = list(samples), list(positions), fit
        self.base = base.replace(chorus_phase="free")
        self.data = [measurements.chorus_motion(sample.heard) for sample in samples]
        self.seeds = seeds(fit.one_side)[:1] * len(self.samples)
        self.slopes: list[Floats] = [np.zeros(own.size) for own in self.data]
        self.bends = list(self.slopes)
        self.known = [each for each in POSITIONS if ("chorus_wet", each) in fit.values]
        # The corner between the low-passes, and the square of how far (logarithm) they lie apart, which says
        # nothing of which is which, but is part of all delays and of what the upper bands lose.
        self.count = _EACH * len(self.known) + 2
        # Level and cutoff of each take are open, too: numbers behind those of the laws. The upper bands would
        # otherwise take a voice's cutoff for that of the low-passes, whose delay is part of all delays.
        # So is where the LFO stood, beside the place that it is rendered from.
        widths = (spread["gain"], spread["cutoff"], BETWEEN)
        own = [np.full(len(self.samples), width**-2) for width in widths]
        self.prior = np.concatenate([np.zeros(self.count - 1), [_APART**-2], *own])

    def fitted(self) -> ChorusFit:
        x = np.concatenate([self._begin(), np.zeros(_OWN * len(self.samples))])
        data = np.concatenate(self.data)
        here = self._measured(x)
        matrix: Floats = np.zeros((0, 0))
        weight: Floats = np.zeros(0)
        last, chosen_before = 0, [0]
        for harmonics, moves in _STAGES:
            used = np.concatenate([chorus.used(own, harmonics) for own in self.data])
            if last:  # at first levels are not known, which would be taken for places
                tried, chosen = self._tried(x, used, matrix, weight)
                if last == harmonics and chosen == chosen_before:
                    break
                here, chosen_before = self._placed(tried, chosen), chosen
                x[-len(self.samples) :] = 0.0
            matrix, last = self._derivatives(x, here), harmonics
            for _ in range(moves):
                left = np.nan_to_num(data - np.concatenate(here)) * used
                weight = used / self._scatter(left, used)
                some = matrix * weight[:, None]
                normal = some.T @ some + np.diag(self.prior)
                move = np.linalg.lstsq(normal, some.T @ (left * weight) - self.prior * x, rcond=1e-10)[0]
                x = x + move * min(1.0, _LONGEST / float(np.max(np.abs(move))))
                x[self.count - 1] = max(x[self.count - 1], 0.0)
                here = self._measured(x)
                if float(np.max(np.abs(move))) < _STEP / 10:
                    break
        return self._result(x, matrix, np.nan_to_num(data - np.concatenate(here)))

    def _scatter(self, left: Floats, used: Floats) -> Floats:
        """Standard deviation of each number, from what is left: of rates, of harmonics, and of upper bands,
        which do not depend on the place of the LFO and so may be far surer."""
        kind = np.concatenate([chorus.kinds(own.size) for own in self.data])
        takes, laws = len(self.samples), len(self.known)
        found = np.zeros(left.size)
        for number, open_numbers in enumerate((laws, (_EACH - 1) * laws + 2 * takes, 2 + takes)):
            mask = kind == number
            free = max(float(np.sum(used[mask])) - open_numbers, 1.0)
            size = float(np.sqrt(np.sum(np.square(left[mask])) / free))
            found[mask] = max(size * uncertainty.few(free), _LEAST)
        return found

    def _result(self, x: Floats, matrix: Floats, left: Floats) -> ChorusFit:
        scatter = self._scatter(left, np.ones(left.size))
        # Percentiles of one harmonic hang together, and neighbouring harmonics do.
        order, ends = chorus.by_harmonic(self.data)
        some, rest = matrix / scatter[:, None], left / scatter
        covariance = uncertainty.covariance(some[order], rest[order], self.prior, ends)
        covariance = covariance * self._together(rest)
        inverse = uncertainty.inverse(some, self.prior)
        # Nor do measurements go in straight lines between places of the LFO.
        for take, begin in enumerate(np.cumsum([0, *(own.size for own in self.data)])[:-1]):
            rows = slice(begin, begin + self.bends[take].size)
            move = inverse @ (some[rows].T @ (self.bends[take] / scatter[rows]))
            covariance += np.outer(move, move)
        # How far another step would go is not known any better.
        covariance += np.diag(np.square(inverse @ (some.T @ rest - self.prior * x)))
        values, sigma = self._values(x), {}
        for number, position in enumerate(self.known):
            place = _EACH * number
            middle, swing = np.exp(x[place : place + 2])
            own = covariance[place : place + 2, place : place + 2]
            for law, sign in (("chorus_shortest", -1), ("chorus_longest", 1)):
                slope = np.array([middle, sign * swing]) / max(middle + sign * swing, 1e-5)
                sigma[law, position] = float(np.sqrt(max(slope @ own @ slope, 0)))
            for law, at in (("chorus_wet", 2), ("chorus_rate", 3)):
                sigma[law, position] = float(np.sqrt(covariance[place + at, place + at]))
        for law in LOW_PASSES:
            sigma[law, "value"] = float(np.sqrt(covariance[self.count - 2, self.count - 2]))
        return ChorusFit(values, sigma, float(np.sqrt(np.mean(np.square(left)))), self.start.one_side)

    def _tried(
        self, x: Floats, used: Floats, matrix: Floats, weight: Floats
    ) -> tuple[list[list[Floats]], list[int]]:
        """What is measured with all LFOs at each place, and which place fits each take best."""
        tried = [self._measured(x, seeds=[seed] * len(self.samples)) for seed in seeds(self.start.one_side)]
        left = [[np.nan_to_num(a - b) for a, b in zip(self.data, each, strict=True)] for each in tried]
        own = [[n for n, each in enumerate(self.positions) if each == position] for position in self.known]
        together = [takes[at : at + 2] for takes in own for at in range(0, len(takes), 2)]
        return tried, placed(left, matrix, used * weight, self.prior, together)

    def _placed(self, tried: list[list[Floats]], chosen: list[int]) -> list[Floats]:
        """From now on the LFO of each take stands at the place ``chosen``; what is measured there."""
        possible = seeds(self.start.one_side)
        self.seeds = [possible[n] for n in chosen]
        for take, n in enumerate(chosen):
            self.slopes[take], self.bends[take] = around([each[take] for each in tried], n)
        return [tried[n][take] for take, n in enumerate(chosen)]

    def _together(self, rest: Floats) -> float:
        """By how much variances grow because what is left of a harmonic is like what is left of the next."""
        begins = np.cumsum([0, *(own.size for own in self.data)])[:-1]
        shares = np.stack([rest[at + 1 : at + 1 + chorus.SHARES].reshape(len(PASSED), -1) for at in begins])
        power = float(np.mean(np.square(shares)))
        alike = float(np.mean(shares[..., 1:] * shares[..., :-1])) / max(power, 1e-12)
        return max(1.0, (1 + alike) / (1 - min(alike, 0.95)))

    def _begin(self) -> Floats:
        found: list[float] = []
        values = self.start.values
        for position in self.known:
            ends = [values[law, position] for law in ("chorus_shortest", "chorus_longest")]
            middle, swing = sum(ends) / 2, max(ends[1] - ends[0], 1e-5) / 2
            found += [np.log(middle), np.log(swing), values["chorus_wet", position],
                      np.log(values["chorus_rate", position])]  # fmt: skip
        return np.array([*found, np.log(values[LOW_PASSES[0], "value"]), 0.0])

    def _values(self, x: Floats) -> dict[tuple[str, str], float]:
        values: dict[tuple[str, str], float] = {}
        for number, position in enumerate(self.known):
            place = _EACH * number
            middle, swing = np.exp(x[place : place + 2])
            values["chorus_shortest", position] = float(max(middle - swing, 1e-5))
            values["chorus_longest", position] = float(middle + swing)
            values["chorus_wet", position] = float(x[place + 2])
            values["chorus_rate", position] = float(np.exp(x[place + 3]))
        for law in LOW_PASSES:
            values[law, "value"] = float(np.exp(x[self.count - 2]))
        return values

    def _measured(self, x: Floats, only: str = "", seeds: Sequence[int] | None = None) -> list[Floats]:
        """What renders measure, take by take; nothing for those at another position than ``only``.
        ``seeds``: of renders, which place the LFO, if other than those kept."""
        fit = ChorusFit(self._values(x), {}, 0.0, self.start.one_side)
        changed = {law: law_values(entry) for law, entry in entries(self.base, fit).items()}
        profile = self.base.replace(**changed)
        half = np.exp(0.5 * np.sqrt(max(float(x[self.count - 1]), 0.0)))
        corners = {
            law: profile.laws[law].values * by for law, by in zip(LOW_PASSES, (1 / half, half), strict=True)
        }
        profile = profile.replace(**corners)
        found: list[Floats] = []
        for number, (sample, position) in enumerate(zip(self.samples, self.positions, strict=True)):
            if only and position != only:
                found.append(np.zeros(self.data[number].size))
                continue
            level, octaves = (float(x[self.count + number + n]) for n in (0, len(self.samples)))
            own = shifted(profile, "cutoff", octaves)
            seed = (seeds or self.seeds)[number]
            heard = measurements.chorus_motion(played(sample, sample.tone, own, self.start.one_side, seed))
            shares, high = (
                heard[1 : 1 + chorus.SHARES] * np.exp(level),
                heard[1 + chorus.SHARES :] + level * _DB,
            )
            beside = 0.0 if seeds else float(x[number - len(self.samples)])
            found.append(np.concatenate([heard[:1], shares, high]) + beside * self.slopes[number])
        return found

    def _derivatives(self, x: Floats, here: Sequence[Floats]) -> Floats:
        columns = []
        for place in range(self.count):
            if place < self.count - 2 and place % _EACH == _RATE:
                # Only how often harmonics come back tells the rate; where turns begin and end says nothing.
                with_it = [position == self.known[place // _EACH] for position in self.positions]
                columns.append(
                    np.concatenate(
                        [chorus.at_rate(each.size, 4.0 * by) for each, by in zip(here, with_it, strict=True)]
                    )
                )
                continue
            moved, step = x.copy(), _APART_STEP if place == self.count - 1 else _STEP
            moved[place] += step
            only = self.known[place // _EACH] if place < self.count - 2 else ""
            there = self._measured(moved, only)
            columns.append(
                np.concatenate(
                    [
                        (b - a) / step if not only or position == only else np.zeros(a.size)
                        for a, b, position in zip(here, there, self.positions, strict=True)
                    ]
                )
            )
        for number, own in enumerate(here):
            level = np.concatenate(
                [[0.0], own[1 : 1 + chorus.SHARES], np.full(own.size - 1 - chorus.SHARES, _DB)]
            )
            parts = [level if n == number else np.zeros(each.size) for n, each in enumerate(here)]
            columns.append(np.concatenate(parts))
        moved = x.copy()
        moved[self.count + len(here) : self.count + 2 * len(here)] += _OCTAVES
        changes = [(b - a) / _OCTAVES for a, b in zip(here, self._measured(moved), strict=True)]
        for own_changes in (changes, self.slopes):
            for number in range(len(here)):
                parts = [each if n == number else np.zeros(each.size) for n, each in enumerate(own_changes)]
                columns.append(np.concatenate(parts))
        return np.nan_to_num(np.stack(columns, axis=1))


# The phase of the LFO in each take.


def seeds(one_side: bool) -> list[int]:
    """Seeds of renders that place the LFO evenly: over a turn, or over half of it, after which the mean of
    both sides is alike."""
    return seeds_at((np.arange(PLACES) + 0.5) / PLACES * (1.0 if one_side else 0.5), _SEEDS)


def placed(
    left: Sequence[Sequence[Floats]],
    matrix: Floats,
    weight: Floats,
    prior: Floats,
    together: Sequence[Sequence[int]],
) -> list[int]:
    """The best place of each take. ``left``: by place and take, what the recording has beyond the render.
    ``matrix``: derivatives of all numbers by all that is open, ``prior``: how surely each is known
    beforehand, ``weight``: of each number. ``together``: takes that share laws, few at a time."""
    ends = np.cumsum([0, *(own.size for own in left[0])])
    chosen = [0] * len(left[0])
    for takes in together:
        rows = np.concatenate([np.arange(ends[take], ends[take + 1]) for take in takes])
        some = matrix[rows] * weight[rows, None]
        inverse = np.linalg.pinv(some.T @ some + np.diag(prior + 1e-9), hermitian=True)
        choices = list(product(range(len(left)), repeat=len(takes)))
        all_left = np.stack(
            [
                np.concatenate([left[n][take] for n, take in zip(choice, takes, strict=True)])
                for choice in choices
            ]
        )
        scaled = all_left * weight[rows]
        slopes = scaled @ some
        cost = np.sum(np.square(scaled), axis=1) - np.sum(slopes @ inverse * slopes, axis=1)
        for n, take in zip(choices[int(np.argmin(cost))], takes, strict=True):
            chosen[take] = n
    return chosen


def around(tried: Sequence[Floats], place: int) -> tuple[Floats, Floats]:
    """How measurements change from a place to the next in a straight line, and how far they lie from it."""
    before, after = tried[place - 1], tried[(place + 1) % len(tried)]
    return np.nan_to_num(after - before) / 2, np.nan_to_num((after + before) / 2 - tried[place])


def played(sample: Sample, tone: Any, profile: Profile, one_side: bool = False, seed: int = 0) -> Heard:
    """A take's note with another tone or profile, as one output or the mean of both."""
    heard = sample.heard
    both = render(
        tone, heard.note, sample.velocity, heard.gate_s, sample.seconds,
        profile=profile, sample_rate=heard.rate, threads=1, stereo=True, seed=seed,
    )[0]  # fmt: skip
    audio = both[0] if one_side else both.mean(axis=0)
    return Heard(audio, heard.rate, heard.note, heard.gate_s, heard.noise_rms)

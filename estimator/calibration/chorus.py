"""The chorus, fitted in closed form: where the fit by renders (`estimator.calibration.chorus_refinement`)
begins.

A held note's harmonics pass through ``1 + wet G(f) M(f)``: ``G`` is what the low-passes leave, and ``M`` the
delays: ``exp(-i w middle) cos(w swing x)`` for the mean of two sides swept in opposite directions,
``exp(-i w (middle + swing x))`` for one side alone, with x evenly spread over -1 to 1 along the triangle.
Where the LFO stood when the key went down is not known; so what is compared is how much of the time each
harmonic is above which amplitude, over whole turns of the LFO, and the rate is read off by itself.

The numbers of `measurements.chorus_motion` are a rate, amplitudes that harmonics pass and levels of upper
bands; where each lies among them is said at the end of this file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from estimator.calibration import measurements
from estimator.calibration.measurements import LOW_PASSES, PASSED, Heard
from simulator.synth.profile import FloatArray as Floats

HARMONICS = measurements.CHORUS_HARMONICS
"""Whose amplitudes are compared."""
POSITIONS = ("1", "2")
"""Of the switch CHORUS, at which it is on."""
SHARES = len(PASSED) * HARMONICS
"""How many amplitudes of a `chorus_motion` there are."""
_X = np.linspace(-1, 1, 96)
"""Values of the LFO, a triangle, in equal times (so many: chosen)."""
_DB = 0.1
"""What a decibel of the upper bands counts against a share of 1 of a harmonic's amplitude."""
_RATE_SIGMA = 0.002
"""Of the logarithm of a rate, from one take of several turns (assumed: a tenth of a frame in a turn)."""


@dataclass(frozen=True)
class Swept:
    """A take with the chorus on. ``position``: 1 or 2. ``heard``: it; ``dry``: the same note without
    chorus."""

    position: str
    heard: Heard
    dry: Heard


@dataclass(frozen=True)
class ChorusFit:
    """``values`` and ``sigma``, by law and part; sigma of the logarithm, but of ``chorus_wet`` itself.
    ``left``: RMS of what is left, in shares of the dry amplitude. ``one_side``: only one output was heard."""

    values: dict[tuple[str, str], float]
    sigma: dict[tuple[str, str], float]
    left: float
    one_side: bool


def fit_chorus(takes: Sequence[Swept], corner_hz: float, damping: float) -> ChorusFit | None:
    """Rates, delays, levels and the corner of the low-passes; None where nothing moves.

    The two low-passes are in a row and cannot be told apart: they get one corner, which begins at
    ``corner_hz``. ``damping``: of both, as assumed.
    """
    takes = [take for take in takes if np.isfinite(measurements.chorus_motion(take.heard)[0])]
    if not takes:
        return None
    fits = [_fitted(takes, corner_hz, damping, one_side) for one_side in (False, True)]
    best = min(fits, key=lambda one: one.left)
    values, sigma = dict(best.values), dict(best.sigma)
    for position in {take.position for take in takes}:
        often = [measurements.chorus_motion(take.heard)[0] / 4 for take in takes if take.position == position]
        # Sides that move in opposite directions look alike after half a turn.
        values["chorus_rate", position] = float(np.exp(np.median(often))) * (1.0 if best.one_side else 0.5)
        spread = float(np.std(often)) if len(often) > 1 else 0.0
        sigma["chorus_rate", position] = max(_RATE_SIGMA, spread) / np.sqrt(len(often))
    return ChorusFit(values, sigma, best.left, best.one_side)


def _fitted(takes: Sequence[Swept], corner_hz: float, damping: float, one_side: bool) -> ChorusFit:
    positions = sorted({take.position for take in takes})
    data = []
    for take in takes:
        shares, high = _split(measurements.chorus_motion(take.heard))
        dry, dry_high = _split(measurements.chorus_motion(take.dry))
        data.append((shares / dry[2], (high - dry_high)))
    begin: list[float] = []
    for position in positions:
        own = [n for n, take in enumerate(takes) if take.position == position]
        begin += _searched([data[n][0] for n in own], [takes[n].heard.note for n in own], one_side)
    begin.append(np.log(corner_hz))

    def left(x: Floats) -> Floats:
        parts = []
        for take, (shares, high) in zip(takes, data, strict=True):
            place = 3 * positions.index(take.position)
            middle, swing, wet = np.exp(x[place]), np.exp(x[place + 1]), x[place + 2]
            corner = float(np.exp(x[-1]))
            hz = 440 * 2 ** ((take.heard.note - 69) / 12) * np.arange(1, HARMONICS + 1)
            size = _through(hz, middle, swing, wet, corner, damping, one_side)
            parts.append((np.percentile(size, PASSED, axis=-1) - shares).ravel())
            upper = np.sqrt(measurements.CHORUS_HIGH[:-1] * measurements.CHORUS_HIGH[1:])
            copy = np.square(wet * np.abs(_low_passes(upper, corner, damping)))
            parts.append(_DB * (10 * np.log10(1 + copy * (1.0 if one_side else 0.5)) - high))
        return np.concatenate(parts)

    solved = least_squares(left, begin, loss="soft_l1", f_scale=0.05, x_scale=0.05)
    residual = left(solved.x)
    power = float(np.sum(np.square(residual))) / max(residual.size - solved.x.size, 1)
    # Percentiles of one harmonic hang together: they count as one, not as five.
    covariance = np.linalg.pinv(solved.jac.T @ solved.jac) * power * len(PASSED)
    values: dict[tuple[str, str], float] = {}
    sigma: dict[tuple[str, str], float] = {}
    for number, position in enumerate(positions):
        place = 3 * number
        middle, swing = float(np.exp(solved.x[place])), float(np.exp(solved.x[place + 1]))
        own = covariance[place : place + 2, place : place + 2]
        for law, sign in (("chorus_shortest", -1), ("chorus_longest", 1)):
            end = max(middle + sign * swing, 1e-5)
            slope = np.array([middle / end, sign * swing / end])
            values[law, position] = end
            sigma[law, position] = float(np.sqrt(slope @ own @ slope))
        values["chorus_wet", position] = float(solved.x[place + 2])
        sigma["chorus_wet", position] = float(np.sqrt(covariance[place + 2, place + 2]))
    for law in LOW_PASSES:
        values[law, "value"] = float(np.exp(solved.x[-1]))
        sigma[law, "value"] = float(np.sqrt(covariance[-1, -1]))
    return ChorusFit(values, sigma, float(np.sqrt(np.mean(np.square(residual)))), one_side)


def _split(motion: Floats) -> tuple[Floats, Floats]:
    """Amplitudes, [5, harmonics], and levels of the upper bands in dB, of a `chorus_motion`."""
    return motion[1 : 1 + SHARES].reshape(len(PASSED), -1), motion[1 + SHARES :] * 10


def _searched(shares: Sequence[Floats], notes: Sequence[int], one_side: bool) -> list[float]:
    """Logarithms of middle and swing, and the copy's level: the best of a grid, by the lowest harmonics,
    which tell the delay without ambiguity."""
    best, found = np.inf, [0.0, 0.0, 1.0]
    middles = np.geomspace(0.0004, 0.02, 90)
    for share in np.linspace(0.04, 0.96, 24):
        for wet in (0.5, 0.8, 1.1):
            cost = np.zeros(middles.size)
            for own, note in zip(shares, notes, strict=True):
                hz = 440 * 2 ** ((note - 69) / 12) * np.arange(1, 11)
                omega = 2 * np.pi * hz[:, None, None]
                delay = middles[:, None] * share * _X[::4]
                if one_side:
                    moved = np.exp(-1j * omega * (middles[:, None] + delay))
                else:
                    moved = np.exp(-1j * omega * middles[:, None]) * np.cos(omega * delay)
                passed = np.percentile(np.abs(1 + wet * moved), PASSED, axis=-1)
                cost += np.abs(passed - own[:, :10, None]).mean(axis=(0, 1))
            place = int(np.argmin(cost))
            if cost[place] < best:
                best = float(cost[place])
                found = [float(np.log(middles[place])), float(np.log(middles[place] * share)), wet]
    return found


def _through(
    hz: Floats, middle: float, swing: float, wet: float, corner: float, damping: float, one_side: bool
) -> Floats:  # fmt: skip
    """Amplitude of each frequency behind the chorus while the delay moves, [frequencies, x]."""
    omega = 2 * np.pi * hz[:, None]
    if one_side:
        moved = np.exp(-1j * omega * (middle + swing * _X))
    else:
        moved = np.exp(-1j * omega * middle) * np.cos(omega * swing * _X)
    return np.asarray(np.abs(1 + wet * _low_passes(hz, corner, damping)[:, None] * moved))


def _low_passes(hz: Floats, corner: float, damping: float) -> NDArray[np.complex128]:
    """Response of both two-pole low-passes."""
    s = 1j * hz / corner
    return np.asarray((1 + 2 * damping * s + s * s) ** -2)


def as_positions(law: str, base: Floats, values: Mapping[tuple[str, str], float]) -> list[float]:
    """A law's row with what was found put in."""
    row = np.array(base, np.float64)
    for position in POSITIONS:
        if (law, position) in values:
            row[int(position)] = values[law, position]
    return [float(value) for value in row]


def at_rate(size: int, value: float) -> Floats:
    """Numbers of a take, of which only that of the rate is not 0."""
    return np.concatenate([[value], np.zeros(size - 1)])


def kinds(size: int) -> Floats:
    """Of the numbers of a take: 0 its rate, 1 harmonics, 2 upper bands."""
    return np.concatenate([[0], np.ones(SHARES), np.full(size - 1 - SHARES, 2)])


def used(data: Floats, harmonics: int) -> Floats:
    """Which numbers of a take are compared while only the lowest harmonics are."""
    shares = np.zeros((len(PASSED), HARMONICS), bool)
    shares[:, :harmonics] = True
    return np.concatenate([[True], shares.ravel(), np.ones(data.size - 1 - SHARES, bool)])


def by_harmonic(data: Sequence[Floats]) -> tuple[Any, Any]:
    """An order of all numbers in which those of a harmonic follow each other, and where each begins."""
    order, sizes = [], [0]
    begin = 0
    for own in data:
        shares = begin + 1 + np.arange(SHARES).reshape(len(PASSED), -1).T
        order += [begin, *shares.ravel(), *range(begin + 1 + SHARES, begin + own.size)]
        sizes += [1, *[len(PASSED)] * HARMONICS, *[1] * (own.size - 1 - SHARES)]
        begin += own.size
    return np.array(order), np.cumsum(sizes)

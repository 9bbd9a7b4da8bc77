"""The surrogate of a board: the simulator with its laws moved until renders sound like the board's takes.

The simulator's laws are assumptions; a board's own lie some tens of per cent beside them. A few takes of one
tone say a good deal about the laws which that tone uses, so every law is given one or two *knobs* (`Knob`: a
factor, a tilt over raw values, an offset in semitones; at 0 it leaves its law as it is), and those that are
heard are fitted to the takes: least absolute residuals, by one or a few Gauss-Newton steps over slopes that
are measured with a render each. A knob that the takes say little of stays where it was, near 0, held by how
far boards are expected to lie apart. Few knobs a law, because a handful of takes cannot tell more. What
matters most where it was measured (one law put back to its default on three boards): the key from which the
cutoff follows the keys, the curves of dynamics, the depth of the filter's envelope, the filter's order.

This is no calibration (nothing is isolated, and knobs stand in for one another); it is a better surrogate
around the tone that is searched for. What it leaves over is a field of decibels (`BoardModel.difference`).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from estimator.closed_loop.alignment import PLACES, SEEDS, Moment, free, has_chorus, nearest, shifted
from estimator.closed_loop.distance import Ear, Levels, Noise
from estimator.inference.note_detection import Recording
from estimator.inference.objective import Listener, Target
from estimator.inference.search import least_absolute
from estimator.network import parameters
from simulator.features import FLOOR_DB, SAMPLE_RATE
from simulator.synth import Profile, render
from simulator.synth.profile import LIMITS, FloatArray
from simulator.synth.variants import render_variants

CELLS_A_FACT = 60
"""So many cells of a residual count as one independent observation: neighbours say the same (assumed)."""
UNHEARD_DB = 0.02
"""A knob that moves the mean cell by less over its spread is left alone."""
CLEARLY = 0.9
"""Another reading is believed when its fit is as much nearer."""
SHORTER = (1.0, 0.5, 0.2)
"""Shares of a step that are tried; the best is taken."""
SPREAD = 0.17
"""How far the logarithm of a law is expected to lie off: evenly spread up to 30 %, as a standard
deviation."""
PITCH_SPREAD = 0.06
"""The same in semitones."""
CENTRE_SPREAD = 10.0
"""The same of the key from which the cutoff follows the keys, in keys."""
READINGS: dict[str, tuple[float | str, ...]] = {"vcf_poles": (4.0, 2.0), "lfo_wave3": ("triangle", "sine")}
"""Laws that are one of a few, by their readings."""

_BOTH = (
    "vcf_cutoff", "vcf_damping", "env_attack", "env_decay", "env_release", "env_sustain", "lfo_rate",
    "lfo_delay",
    "mix_level", "mix_env", "vcf_env", "vcf_lfo", "dco_lfo", "dco_env",
)  # fmt: skip
_WHOLE = (
    "vcf_key", "dco_ftune", "dco_pulse_width", "vcf_fixed_damping", "tick", "lfo_fade", "chorus_low_pass_in",
    "chorus_low_pass_out", "vcf_highest",
)  # fmt: skip
_BY_POSITION = {
    "hpf_corner": (1, 2, 3), "chorus_rate": (1, 2), "chorus_shortest": (1, 2), "chorus_longest": (1, 2),
    "chorus_wet": (1, 2), "env_key": (1, 2, 3),
}  # fmt: skip


@dataclass(frozen=True)
class Knob:
    """One number by which ``law`` may differ. ``kind``: ``scale`` (exp of it, of the whole or of one
    ``place``), ``tilt`` (exp of it times -1 to 1 over raw values), ``offset`` (added, at ``place`` or to a
    constant), ``depth`` (scale of x-mod's two depths), ``bend`` (dynamics: an exponent), ``row`` (dynamics:
    scale of a curve). ``spread``: its expected size."""

    law: str
    kind: str
    place: int = -1
    spread: float = SPREAD


def _knobs() -> tuple[Knob, ...]:
    knobs = [Knob(law, kind) for law in _BOTH for kind in ("scale", "tilt")]
    knobs += [Knob(law, "scale") for law in _WHOLE]
    knobs += [Knob(law, "scale", place) for law, places in _BY_POSITION.items() for place in places]
    knobs += [Knob("dco_range", "offset", place, PITCH_SPREAD) for place in range(4)]
    knobs += [Knob("dco_tune", "offset", place, PITCH_SPREAD) for place in range(25)]
    knobs += [Knob("dynamics", "row", place) for place in range(1, 4)]
    return (
        *knobs,
        Knob("vcf_key_centre", "offset", spread=CENTRE_SPREAD),
        Knob("dco_xmod", "depth"),
        Knob("dynamics", "bend"),
    )


KNOBS = _knobs()


def moved(base: Profile, knobs: Sequence[Knob], values: NDArray[np.float64]) -> Profile:
    """The profile with its laws moved by ``values``, float64[knobs]; kept within what a law may be."""
    laws = {name: law.values for name, law in base.laws.items() if not law.choice}
    for knob, value in zip(knobs, values, strict=True):
        if value:
            laws[knob.law] = np.clip(_turned(laws[knob.law], knob, float(value)), *LIMITS[knob.law])
    laws["chorus_shortest"] = np.minimum(laws["chorus_shortest"], laws["chorus_longest"])
    laws["cv_slew"] = np.minimum(laws["cv_slew"], laws["tick"])
    return base.replace(f"{base.name}, fitted", **laws)


def _turned(values: FloatArray, knob: Knob, value: float) -> FloatArray:
    values = np.array(values, np.float64)
    if knob.kind == "tilt":
        return values * np.exp(value * np.linspace(-1, 1, len(values)))
    if knob.kind == "offset":
        values[knob.place if values.ndim else ...] += value
    elif knob.kind == "row":
        values[knob.place] *= np.exp(value)
    elif knob.kind == "depth":
        values[:, 2:] *= np.exp(value)
    elif knob.kind == "bend":
        values[1:] **= np.exp(value)
    elif knob.place >= 0:
        values[knob.place] *= np.exp(value)
    else:
        values *= np.exp(value)
    return values


class BoardTake:
    """One tone as the board played it: ``choice`` int64[heads], and what was heard at the note of each of the
    recordings. ``moments``: when each began (`estimator.closed_loop.alignment`), as far as it is known;
    ``targets``: the sounds put back to where a render begins."""

    def __init__(self, choice: NDArray[np.int64], recordings: Sequence[Recording]) -> None:
        self.choice = choice
        self.raw = list(recordings)
        self.moments = [Moment() for _ in self.raw]
        self.noise: Noise | None = None
        self.targets = [Ear(recording) for recording in self.raw]

    def over(self, noise: Noise | None) -> None:
        """Compare over the board's noise (`estimator.closed_loop.distance.noise_of`) from now on."""
        self.noise = noise
        self.targets = [Ear(target.recording, noise) for target in self.targets]

    @property
    def sounds(self) -> list[NDArray[np.float32]]:
        """What was heard, one sound for each recording, from where a render would begin."""
        return [target.recording.audio for target in self.targets]

    def settle(self, j: int, moment: Moment) -> None:
        """The take of recording ``j`` began at this moment."""
        if moment.late != self.moments[j].late:
            self.targets[j] = Ear(at_once(self.raw[j], moment), self.noise)
        self.moments[j] = moment


def at_once(recording: Recording, moment: Moment) -> Recording:
    """A recording from where a render would begin."""
    return Recording(shifted(recording.audio, -moment.late), recording.played)


@dataclass
class Trials:
    """What was heard of the board so far: ``takes`` with their ``distances``, dB, in the order of playing."""

    takes: list[BoardTake] = field(default_factory=list)
    distances: list[float] = field(default_factory=list)

    def add(self, take: BoardTake, distance: float) -> None:
        """One more."""
        self.takes.append(take)
        self.distances.append(distance)

    def of(self, choice: NDArray[np.int64]) -> list[int]:
        """Which takes are of a candidate."""
        return [k for k, take in enumerate(self.takes) if np.array_equal(take.choice, choice)]

    def ranked(self) -> list[tuple[float, NDArray[np.int64]]]:
        """Every candidate with its distance, the mean of its takes; the nearest first."""
        means: dict[bytes, list[float]] = {}
        for take, distance in zip(self.takes, self.distances, strict=True):
            means.setdefault(take.choice.tobytes(), []).append(distance)
        order = sorted(means, key=lambda key: float(np.mean(means[key])))
        return [(float(np.mean(means[key])), np.frombuffer(key, np.int64).copy()) for key in order]

    @property
    def noise_db(self) -> float:
        """How far takes of one candidate lie apart, a standard deviation; 0 where nothing was repeated."""
        apart = []
        for _, choice in self.ranked():
            own = [self.distances[k] for k in self.of(choice)]
            if len(own) > 1:
                apart.append((float(np.var(own, ddof=1)), len(own) - 1))
        freedom = sum(n for _, n in apart)
        return float(np.sqrt(sum(v * n for v, n in apart) / freedom)) if freedom else 0.0


class BoardModel:
    """The simulator with knobs. ``profile``: as fitted so far; ``base``: raw values of what no head has."""

    def __init__(self, start: Profile, base: bytes, threads: int | None = None) -> None:
        self.start, self.base, self.threads = free(start), base, threads
        self.profile = self.start
        self.values = np.zeros(len(KNOBS))
        self._heard: NDArray[np.int64] = np.zeros(0, np.int64)
        self._screened = b""

    def hiss(self, take: BoardTake, floor_dbfs: float) -> None:
        """Give the model the board's noise, which was measured before its takes: ``floor_dbfs``, RMS. What
        counts is how far it lies below the sound, so a take and its render say what a dBFS is."""
        heard = float(np.mean([target.goal.rms for target in take.targets]))
        own = [self._places(take.choice, target, (0,))[0] for target in take.targets]
        rendered = float(np.mean([np.sqrt(np.mean(np.square(audio, dtype=np.float64))) for audio in own]))
        if min(heard, rendered) <= 0:
            return
        # The mean of two outputs has half the power of their noise.
        level = floor_dbfs + 10 * np.log10(2) - 20 * np.log10(heard / rendered)
        self.start = self.start.replace(noise_floor=np.clip(level, -150, -20))
        self.profile = self._at(self.values)

    def choose(self, takes: Sequence[BoardTake], steps: int = 2) -> None:
        """Try the other readings of what a board may be built like (`READINGS`), each fitted for ``steps``,
        and keep the one that comes nearest by `CLEARLY`."""
        for law, readings in READINGS.items():
            now = self._reading(law)
            kept = (
                self._cost(self._residuals([self.profile], takes)[0], self.values),
                self.start,
                self.values,
            )
            for reading in readings:
                if reading == now:
                    continue
                self._read(law, reading)
                self.fit(takes, steps)
                cost = self._cost(self._residuals([self.profile], takes)[0], self.values)
                if cost < CLEARLY * kept[0]:
                    kept = (cost, self.start, self.values)
                self.start, self.values = kept[1], kept[2]
                self.profile = self._at(self.values)

    def _reading(self, law: str) -> float | str:
        return self.start.laws[law].choice or float(self.start.laws[law].values)

    def _read(self, law: str, reading: float | str) -> None:
        self.start = self.start.replace(**{law: reading})
        self.profile = self._at(self.values)

    def fit(self, takes: Sequence[BoardTake], steps: int = 1) -> float:
        """Move the knobs towards the takes, the first of which is the one that matters most; the mean
        absolute residual that is left, dB."""
        self._screen(takes[0])
        spreads = np.array([knob.spread for knob in KNOBS])[self._heard]
        now = self._residuals([self.profile], takes)[0]
        cost = self._cost(now, self.values)
        for _ in range(steps):
            by = np.where(self.values[self._heard] <= 0, 0.3, -0.3) * spreads
            slopes = (self._residuals(self._beside(self._heard, by), takes) - now) / by[:, None].astype(
                np.float32
            )
            step_by = _least(slopes, now, self.values[self._heard], spreads)
            before = cost
            shorter = []
            for share in SHORTER:
                values = self.values.copy()
                moved_by = values[self._heard] + share * step_by
                values[self._heard] = np.clip(moved_by, -3 * spreads, 3 * spreads)
                shorter.append(values)
            profiles = [self._at(values) for values in shorter]
            left = self._residuals(profiles, takes)
            costs = [self._cost(r, v) for r, v in zip(left, shorter, strict=True)]
            k = int(np.argmin(costs))
            if costs[k] < cost:
                cost, self.profile, self.values, now = costs[k], profiles[k], shorter[k], left[k]
            if cost > 0.98 * before:
                break
        return float(np.abs(now).mean())

    def settle(self, takes: Sequence[BoardTake]) -> None:
        """Find the moment of each take: where the model comes nearest to it."""
        for take in takes:
            for j, raw in enumerate(take.raw):
                take.settle(j, self.moment(take.choice, Ear(raw, take.noise)))

    def moment(self, choice: NDArray[np.int64], target: Ear, field: Levels | None = None) -> Moment:
        """When a sound began, if it is of this candidate. ``field`` (`difference`) is added to renders."""
        renders = self._places(choice, target)
        if field is None:

            def distance(sounds: NDArray[np.float32]) -> NDArray[np.float64]:
                return target.compare(sounds, False, self.threads)[0]
        else:

            def distance(sounds: NDArray[np.float32]) -> NDArray[np.float64]:
                own = target.levels(sounds, self.threads) + field
                return target.apart(np.maximum(own, -FLOOR_DB))

        return nearest(renders, distance)[0]

    def difference(self, takes: Sequence[BoardTake], targets: Sequence[Ear]) -> list[Levels]:
        """What the board has more than the model, takes of one tone averaged: for each recording decibels,
        float32[bands, frames], at its level and over its floor (``targets``: of the recordings)."""
        fields = []
        for j, target in enumerate(targets):
            places = sorted({take.moments[j].place for take in takes})
            own = dict(zip(places, self._levels(takes[0].choice, target, places), strict=True))
            heard = target.levels(np.stack([take.sounds[j] for take in takes]), self.threads)
            model = np.stack([own[take.moments[j].place] for take in takes])
            fields.append(np.asarray((heard - model).mean(axis=0), np.float32))
        return fields

    def expected(
        self, takes: Sequence[BoardTake], targets: Sequence[Ear], moments: Sequence[Moment]
    ) -> NDArray[np.float64]:
        """How far each of some takes of one tone would be from the recordings had it begun at their
        ``moments``, dB, float64[takes]: what the model says of the one moment and the other is added."""
        total = np.zeros(len(takes))
        for j, (target, moment) in enumerate(zip(targets, moments, strict=True)):
            places = sorted({take.moments[j].place for take in takes} | {moment.place})
            heard = target.levels(np.stack([take.sounds[j] for take in takes]), self.threads)
            if len(places) > 1 and self._sways(takes[0].choice):
                own = dict(zip(places, self._levels(takes[0].choice, target, places), strict=True))
                heard += np.stack([own[moment.place] - own[take.moments[j].place] for take in takes])
                np.maximum(heard, -FLOOR_DB, out=heard)
            total += target.apart(heard)
        return total / len(targets)

    def _sways(self, choice: NDArray[np.int64]) -> bool:
        return bool(has_chorus(parameters.tones_from(choice[None], self.base), self.profile)[0])

    def _places(
        self, choice: NDArray[np.int64], target: Ear, places: Sequence[int] | None = None
    ) -> NDArray[np.float32]:
        """A candidate at places of the chorus' LFO (default: all that differ), float32[places, samples]."""
        if places is None:
            places = range(PLACES) if self._sways(choice) else (0,)
        tones = parameters.tones_from(np.tile(choice, (len(places), 1)), self.base)
        return _rendered(tones, target, self.profile, self.threads, [SEEDS[place] for place in places])

    def _levels(self, choice: NDArray[np.int64], target: Ear, places: Sequence[int]) -> Levels:
        if not self._sways(choice):
            return np.repeat(target.levels(self._places(choice, target), self.threads), len(places), axis=0)
        return target.levels(self._places(choice, target, places), self.threads)

    def _at(self, values: NDArray[np.float64]) -> Profile:
        return moved(self.start, KNOBS, values)

    def _cost(self, residuals: NDArray[np.float32], values: NDArray[np.float64]) -> float:
        spreads = np.array([knob.spread for knob in KNOBS])
        held = np.square(values / spreads).sum() * CELLS_A_FACT / residuals.size
        return float(np.abs(residuals).mean() + held)

    def _screen(self, take: BoardTake) -> None:
        """Which knobs this tone lets hear; asked again only when the tone is another."""
        key = take.choice.tobytes()
        if key == self._screened:
            return
        self._screened = key
        now = self._residuals([self.profile], [take])[0]
        spreads = np.array([knob.spread for knob in KNOBS])
        apart = self._residuals(self._beside(np.arange(len(KNOBS)), spreads), [take]) - now
        self._heard = np.flatnonzero(np.abs(apart).mean(axis=1) > UNHEARD_DB)

    def _beside(self, which: NDArray[np.int64], by: NDArray[np.float64]) -> list[Profile]:
        """A profile for each of some knobs, with that one moved."""
        out = []
        for k, step in zip(which, by, strict=True):
            values = self.values.copy()
            values[k] += step
            out.append(self._at(values))
        return out

    def _residuals(self, profiles: Sequence[Profile], takes: Sequence[BoardTake]) -> NDArray[np.float32]:
        """How much more the simulator has than the board, float32[profiles, cells of all takes]."""
        tones = parameters.tones_from(np.array([take.choice for take in takes]), self.base)
        parts = []
        for j, target in enumerate(takes[0].targets):
            played, samples = target.recording.played, len(target.recording.audio)
            seeds = [take.moments[j].seed for take in takes]
            audio = render_variants(
                tones,
                profiles,
                played.note,
                played.velocity,
                played.gate_s,
                samples / SAMPLE_RATE,
                seed=seeds,
            )
            for k, take in enumerate(takes):
                own = np.ascontiguousarray(audio[:, k])
                parts.append(take.targets[j].compare(own, True, self.threads)[1])
        return np.concatenate(parts, axis=1)


class Corrected(Listener):
    """A listener to a model of the board: with ``fields`` (`BoardModel.difference`) added to every render,
    which is the same as taking them from the ``targets``, and every render at their ``moments``."""

    def __init__(
        self,
        targets: Sequence[Ear],
        moments: Sequence[Moment],
        profile: Profile,
        base: bytes,
        threads: int | None,
        fields: Sequence[Levels] = (),
    ) -> None:
        super().__init__([target.recording for target in targets], profile, base=base, threads=threads)
        own = [copy.copy(target) for target in targets]
        for target, missing in zip(own, fields, strict=False):
            target.field = missing
        self.targets = list(own)
        self.seeds = {id(target): moment.seed for target, moment in zip(own, moments, strict=True)}

    def _render(
        self, tones: NDArray[np.uint8], target: Target, out: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        assert isinstance(self.profile, Profile)
        seeds = [self.seeds[id(target)]] * len(tones)
        return _rendered(tones, target, self.profile, self.threads, seeds, out)


def _rendered(
    tones: NDArray[np.uint8], target: Target, profile: Profile, threads: int | None, seeds: Sequence[int],
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:  # fmt: skip
    played, samples = target.recording.played, len(target.recording.audio)
    return render(
        tones, played.note, played.velocity, played.gate_s, samples / SAMPLE_RATE,
        profile=profile, threads=threads, seed=seeds, out=out,
    )  # fmt: skip


def _least(
    slopes: NDArray[np.float32],
    residual: NDArray[np.float32],
    values: NDArray[np.float64],
    spreads: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The step of each knob that makes absolute residuals small while knobs stay near 0."""
    if not len(values):
        return np.zeros(0)

    def equations(weight: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        weighted = slopes * (weight / CELLS_A_FACT)
        curvature = (weighted @ slopes.T).astype(np.float64) + np.diag(1 / spreads**2)
        return curvature, (weighted @ residual).astype(np.float64) + values / spreads**2

    return least_absolute(slopes, residual, equations)

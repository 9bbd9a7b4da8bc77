"""A board as it is heard to differ from the simulator: laws moved until renders sound like its takes.

The simulator's laws are assumptions; a board's own lie some tens of per cent beside them. A few takes of one
tone say a good deal about the laws which that tone uses, so every law is given one or two *knobs* (a factor,
a tilt over raw values, an offset in semitones), and those that are heard are fitted to the takes: least
absolute residuals, by one or a few Gauss-Newton steps over slopes that are measured with a render each. A
knob that the takes say little of stays where it was, near 0, held by how far boards are expected to lie
apart.

This is no calibration (nothing is isolated, and knobs stand in for one another); it is a better surrogate
around the tone that is searched for. What it leaves over is a field of decibels (`difference`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from estimator import heads
from estimator.descent import SMALLEST_DB
from estimator.features import FLOOR_DB, RANKING, SAMPLE_RATE, ranking_bands
from estimator.listening import Listener, Target
from estimator.proposal import Recording
from simulator import Profile, render, spectra
from simulator.laws import FloatArray
from simulator.profile import LIMITS
from simulator.variants import render_variants

SPREAD = 0.17
"""How far the logarithm of a law is expected to lie off: evenly spread up to 30 %, as a standard
deviation."""
PITCH_SPREAD = 0.06
"""The same in semitones."""
CELLS_A_FACT = 60
"""So many cells of a residual count as one independent observation: neighbours say the same (assumed)."""
UNHEARD_DB = 0.02
"""A knob that moves the mean cell by less over its spread is left alone."""
SHORTER = (1.0, 0.5, 0.2)
"""Shares of a step that are tried; the best is taken."""

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
    ``place``), ``tilt`` (exp of it times -1 to 1 over raw values), ``offset`` (added at ``place``), ``depth``
    (scale of x-mod's two depths), ``bend`` (dynamics: an exponent). ``spread``: its expected size."""

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
    return (*knobs, Knob("dco_xmod", "depth"), Knob("dynamics", "bend"))


KNOBS = _knobs()


def moved(base: Profile, knobs: Sequence[Knob], values: NDArray[np.float64]) -> Profile:
    """The profile with its laws moved by ``values``, float64[knobs]; kept within what a law may be."""
    laws = dict(base.laws)
    for knob, value in zip(knobs, values, strict=True):
        if value:
            law = laws[knob.law]
            low, high = LIMITS[knob.law]
            laws[knob.law] = replace(law, values=np.clip(_turned(law.values, knob, float(value)), low, high))
    longest = laws["chorus_longest"].values
    shortest = np.minimum(laws["chorus_shortest"].values, longest)
    laws["chorus_shortest"] = replace(laws["chorus_shortest"], values=shortest)
    slew = min(float(laws["cv_slew"]), float(laws["tick"]))
    laws["cv_slew"] = replace(laws["cv_slew"], values=np.asarray(slew))
    return Profile(f"{base.name}, fitted", base.about, laws)


def _turned(values: FloatArray, knob: Knob, value: float) -> FloatArray:
    values = np.array(values, np.float64)
    if knob.kind == "tilt":
        return values * np.exp(value * np.linspace(-1, 1, len(values)))
    if knob.kind == "offset":
        values[knob.place] += value
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
    """One tone as the board played it: ``choice`` int64[heads], ``sounds`` float32[samples] for each of the
    recordings, at its note."""

    def __init__(self, choice: NDArray[np.int64], recordings: Sequence[Recording]) -> None:
        self.choice = choice
        self.targets = [Target(recording) for recording in recordings]

    @property
    def sounds(self) -> list[NDArray[np.float32]]:
        """What was heard, one sound for each recording."""
        return [target.recording.audio for target in self.targets]


class BoardModel:
    """The simulator with knobs. ``profile``: as fitted so far; ``base``: raw values of what no head has."""

    def __init__(self, start: Profile, base: bytes, threads: int | None = None) -> None:
        self.start, self.base, self.threads = start, base, threads
        self.profile = start
        self.values = np.zeros(len(KNOBS))
        self._heard: NDArray[np.int64] = np.zeros(0, np.int64)
        self._screened = b""

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

    def difference(self, takes: Sequence[BoardTake], targets: Sequence[Target]) -> list[NDArray[np.float32]]:
        """What the board has more than the model, takes of one tone averaged: for each recording decibels,
        float32[bands, frames], at its level and over its floor (``targets``: of the recordings)."""
        fields = []
        tones = heads.tones_from(takes[0].choice[None], self.base)
        for j, target in enumerate(targets):
            own = levels(target, _rendered(tones, target, self.profile, self.threads), self.threads)[0]
            heard = levels(target, np.stack([take.sounds[j] for take in takes]), self.threads)
            fields.append(np.asarray(heard.mean(axis=0) - own, np.float32))
        return fields

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
        tones = heads.tones_from(np.array([take.choice for take in takes]), self.base)
        parts = []
        for j, target in enumerate(takes[0].targets):
            played, samples = target.recording.played, len(target.recording.audio)
            audio = render_variants(
                tones, profiles, played.note, played.velocity, played.gate_s, samples / SAMPLE_RATE
            )
            for k, take in enumerate(takes):
                own = np.ascontiguousarray(audio[:, k])
                parts.append(take.targets[j].compare(own, True, self.threads)[1])
        return np.concatenate(parts, axis=1)


class Corrected(Listener):
    """A listener to a model of the board: with ``fields`` (`BoardModel.difference`) added to every render,
    which is the same as taking them from the targets."""

    def __init__(
        self,
        recordings: Sequence[Recording],
        profile: Profile,
        base: bytes,
        threads: int | None,
        fields: Sequence[NDArray[np.float32]] = (),
    ) -> None:
        super().__init__(recordings, profile, base=base, threads=threads)
        for target, field in zip(self.targets, fields, strict=False):
            target.goal = target.goal - field


def levels(target: Target, audio: NDArray[np.float32], threads: int | None) -> NDArray[np.float32]:
    """Decibels, float32[N, bands, frames], of sounds float32[N, samples], at the RMS of a target and under
    its loudest cell: what `Listener` compares."""
    rms = np.sqrt(np.mean(np.square(audio), axis=1)).astype(np.float64)
    gain = np.where(rms > 1e-9, target.rms / np.maximum(rms, 1e-9), 0)
    scale = (np.square(gain) / target.loudest).astype(np.float32)
    return spectra.band_decibels(audio, RANKING.hop, ranking_bands(), FLOOR_DB, scale, threads=threads or 1)


def _rendered(
    tones: NDArray[np.uint8], target: Target, profile: Profile, threads: int | None
) -> NDArray[np.float32]:
    played, samples = target.recording.played, len(target.recording.audio)
    return render(
        tones, played.note, played.velocity, played.gate_s, samples / SAMPLE_RATE,
        profile=profile, threads=threads,
    )  # fmt: skip


def _least(
    slopes: NDArray[np.float32],
    residual: NDArray[np.float32],
    values: NDArray[np.float64],
    spreads: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The step of each knob that makes absolute residuals small while knobs stay near 0."""
    step: NDArray[np.float64] = np.zeros(len(values))
    if not len(values):
        return step
    left = residual
    for _ in range(3):
        weight = 1 / np.maximum(np.abs(left), SMALLEST_DB) / CELLS_A_FACT
        weighted = slopes * weight
        curvature = (weighted @ slopes.T).astype(np.float64) + np.diag(1 / spreads**2)
        pull = (weighted @ residual).astype(np.float64) + values / spreads**2
        step = np.asarray(-np.linalg.solve(curvature, pull))
        left = residual + step.astype(np.float32) @ slopes
    return step

"""Whether a bench is set up as its user thinks: what is played is what is heard, and nothing lies between.

Some ten seconds of plain notes. `CHECKS` is the table: each row plays notes (`jxctl.recording.bench_ear`),
reads one number off them and has limits, the reason for these, and what to say when the number lies outside.
Rows are gone through in order; the first that fails ends it, because those below rest on it.

The limits are far from what boards do: perturbed by 30 % in every law, tuned 15 cents off, on a noise floor
of 50 dB, they pass all (`tests/jxctl/recording/test_setup_check.py`). Nothing is rendered, so no profile is
needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from jxctl.errors import VerificationError
from jxctl.recording import bench_told
from jxctl.recording.bench_ear import LOUD, SOFT, Ear
from jxctl.recording.bench_told import FOLLOWED, RISE_DB, Told, channel, steady
from jxctl.recording.rig import Rig


@dataclass(frozen=True)
class Check:
    """A row. ``least``, ``most``: of what is right; ``because``: why there. ``wrong``: the words."""

    name: str
    measured: str
    unit: str
    least: float
    most: float
    because: str
    measure: Callable[[Ear], float]
    wrong: Callable[[Ear, float], Told]

    def right(self, value: float) -> bool:
        """Whether a measured value is. What could not be read is not."""
        return self.least <= value <= self.most


@dataclass(frozen=True)
class SetUp:
    """``values``: of the rows that were gone through, in order; the last is the one that failed, if
    ``problem`` is not None."""

    values: dict[str, float]
    problem: Told | None

    def check(self, way_round: str = "") -> None:
        """Raise `VerificationError` where something is wrong. ``way_round``: said in the hint."""
        if self.problem is not None:
            what, hint = self.problem
            raise VerificationError(what, f"{hint}; {way_round}" if way_round else hint)

    def to_json(self) -> list[dict[str, Any]]:
        """Plain data, an object for each row; a number that could not be read, or no limit, is null."""
        rows = {check.name: check for check in CHECKS}
        return [
            {
                "check": name, "measured": rows[name].measured, "value": _finite(value),
                "unit": rows[name].unit, "least": _finite(rows[name].least), "most": _finite(rows[name].most),
                "right": rows[name].right(value),
            }
            for name, value in self.values.items()
        ]  # fmt: skip


def check_setup(rig: Rig) -> SetUp:
    """Play and listen; the rig is left silent. Raises `DeviceError` when port or input fail."""
    ear, values = Ear(rig), {}
    for check in CHECKS:
        value = values[check.name] = float(check.measure(ear))
        if not check.right(value):
            return SetUp(values, check.wrong(ear, value))
    return SetUp(values, None)


def _finite(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None


# What is measured.


def _rise(ear: Ear) -> float:
    return min(sound.level_db for sound in ear.keyed) - ear.quiet_db


def _beside(ear: Ear) -> float:
    assert ear.keyed
    at = channel(ear)
    others = [peak for k, (rise, peak) in enumerate(ear.channels) if k != at and rise > RISE_DB]
    return max(others) - ear.channels[at][1] if others else -np.inf


def _flat(ear: Ear) -> float:
    return 100 * (ear.sound(LOUD).at_top - ear.sound(SOFT).at_top)


def _astray(ear: Ear) -> float:
    off = np.array([sound.off_cents for sound in ear.keyed])
    return float(np.max(np.abs(off - np.median(off)))) if np.isfinite(off).all() else float("nan")


def _tuning(ear: Ear) -> float:
    return float(np.median([sound.off_cents for sound in ear.keyed]))


_FOLLOWING = {
    "DCO1 RANGE": ("8' above 16'", "cents", "an octave, by its name"),
    "DCO1 WF": (
        "second harmonic of sawtooth above that of square", "dB",
        "a square has none, a sawtooth half the first; one that is 45 % wide has 10 dB less",
    ),
    "VCF FREQ": ("highs at 127 above those at 48", "dB", "30 and more on perturbed boards"),
    "VCA LEVEL": (
        "level at 127 above that at 32", "dB", "12 in a straight line, more on any curve that begins slowly"
    ),
}  # fmt: skip


def _followed() -> list[Check]:
    """A row for each parameter that the sound has to follow."""
    return [
        Check(name, measured, unit, *FOLLOWED[name][1:], because, FOLLOWED[name][0], bench_told.follows)
        for name, (measured, unit, because) in _FOLLOWING.items()
    ]


CHECKS: tuple[Check, ...] = (
    Check(
        "sound", "three notes above what is heard while no key is down", "dB", RISE_DB, np.inf,
        "a noise floor 50 dB under a loud note leaves 38 of a plain one; music or hum leaves less",
        _rise, bench_told.nothing,
    ),
    Check(
        "channel", "the loudest other channel that sounds with the notes, above this one", "dB",
        -np.inf, 20.0,
        "crosstalk of cables and converters is weaker; the two jacks of a synth differ by less",
        _beside, bench_told.wrong_channel,
    ),
    Check(
        "clipping", "more of a loud note than of a soft one lies at its top", "%", -np.inf, 3.0,
        "both have one shape, so that only a limit makes them differ; cut by 2 dB it is 5 % and more",
        _flat, bench_told.clips,
    ),
    Check(
        "ending", "what is left after the key, above the note", "dB", -np.inf, -20.0,
        "the gate of a VCA closes within a control loop; a room has about -10 dB left",
        lambda ear: ear.sound().ending_db, bench_told.rings,
    ),
    Check(
        "keys", "three notes, each against its key, from their median", "cents", -np.inf, 20.0,
        "pitch is divided from a clock: dividers are off by under 1 cent there (firmware_notes/dco.md)",
        _astray, bench_told.keys,
    ),
    Check(
        "tuning", "above standard pitch", "cents", -45.0, 45.0,
        "calibration measures it along: right up to 40, while at 55 one depth of the pitch was wrong",
        _tuning, bench_told.tuned,
    ),
    *_followed(),
    Check(
        "steadiness", "swing of the harmonics of a held note", "dB", -np.inf, 0.25,
        "digital control holds them; a noise floor of 40 dB moves them by 0.03, a chorus at a fifth by 1",
        lambda ear: steady(ear).moving_db, bench_told.moves,
    ),
    Check(
        "steady pitch", "swing of the pitch of a held note", "cents", -np.inf, 1.5,
        "a clock does not move; a vibrato that can be heard is 5 and more",
        lambda ear: steady(ear).wandering_cents, bench_told.moves,
    ),
)  # fmt: skip

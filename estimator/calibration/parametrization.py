"""What can be fitted of a profile: for each law its form, and the numbers (parts) that the form leaves open.

A part moves on an axis on which a step means about the same everywhere: the logarithm for times and
frequencies, the number itself where zero is possible. What cannot be told apart is held: one oscillator's
level is the product of mixer, VCA and voice, so the first two are 1 at full, and `voice_gain` holds the
level, with the gain of the recording in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulator.synth.profile import Profile


@dataclass(frozen=True)
class Part:
    """One open number of a law: ``law`` and ``name`` within its form; ``start``: of the profile that is
    built upon. ``log``: it moves on a logarithmic axis. ``low``, ``high``: how far it may go. ``width``:
    how far a step for a derivative goes on its axis; ``both``: to both sides, where the control loop makes
    measurements jagged."""

    law: str
    name: str
    start: float
    log: bool
    low: float
    high: float
    width: float = 0.01
    both: bool = False

    def on_axis(self, value: float) -> float:
        """A value on the part's axis."""
        return float(np.log(value)) if self.log else value

    def value(self, place: float) -> float:
        """Back from the axis, within bounds."""
        return float(np.clip(np.exp(np.clip(place, -50, 50)) if self.log else place, self.low, self.high))


@dataclass(frozen=True)
class Form:
    """A law with open numbers. ``kind``: as in `simulator.synth.profile.make_law`. ``knots``: raw values of a
    table."""

    law: str
    kind: str
    parts: tuple[Part, ...]
    knots: tuple[int, ...] = ()

    def entry(self, values: Mapping[str, float], base: Profile) -> dict[str, Any]:
        """What a profile's file says for these values of the parts, by name; see `make_law`."""
        law = base.laws[self.law]
        if self.kind == "constant":
            return {"form": "constant", "value": values["value"]}
        if self.kind == "exponential":
            return {"form": "exponential", "low": values["low"], "high": values["high"]}
        if self.kind == "power":
            high = values.get("high", float(law.values[-1]))
            return {"form": "power", "low": 0.0, "high": high, "exponent": values["exponent"]}
        if self.kind == "table":
            return {
                "form": "table",
                "raw": list(self.knots),
                "value": [values[str(raw)] for raw in self.knots],
            }
        held = np.array(law.values, np.float64)
        for name, value in values.items():
            held[tuple(int(index) for index in name.split(","))] = value
        return {"form": "positions", "values": held.tolist()}


def forms(base: Profile) -> dict[str, Form]:
    """Every law that calibration can fit, in the form that ``base`` suggests, by name."""
    found = [
        *(_constant(base, law, *bounds) for law, bounds in _CONSTANTS.items()),
        *(_exponential(base, law, *bounds) for law, bounds in _EXPONENTIALS.items()),
        *(_power(base, law, *bounds) for law, bounds in _POWERS.items()),
        *(_table(base, law, *knots) for law, knots in _TABLES.items()),
        *(_positions(base, law, *which) for law, which in _POSITIONS.items()),
    ]
    return {form.law: form for form in found}


_CONSTANTS: dict[str, tuple[bool, float, float]] = {
    "tick": (True, 0.001, 0.2), "cv_slew": (True, 1e-4, 0.05), "dco_pulse_width": (False, 0.02, 0.5),
    "voice_gain": (True, 1e-4, 16), "vcf_fixed_damping": (True, 0.05, 20), "vcf_lowest": (True, 0.5, 500),
    "vcf_highest": (True, 2000, 40000), "vcf_key_centre": (False, 0, 127), "lfo_fade": (True, 0.01, 20),
    "env_key_lowest": (False, 0, 127), "chorus_low_pass_in": (True, 200, 60000),
    "chorus_low_pass_out": (True, 200, 60000),
}  # fmt: skip
_EXPONENTIALS = {
    "vcf_cutoff": (0.5, 60000), "vcf_damping": (0.002, 50), "lfo_rate": (0.001, 500),
    "env_attack": (1e-5, 1e3), "env_decay": (1e-5, 1e3), "env_release": (1e-5, 1e3),
}  # fmt: skip
# Highest value (or None where it is held at that of the base) and its bounds.
_POWERS: dict[str, tuple[bool, float]] = {
    "dco_lfo": (True, 12000), "dco_env": (True, 12000), "mix_level": (False, 1), "vca_level": (False, 1),
    "mix_env": (True, 1), "env_sustain": (True, 1), "vcf_lfo": (True, 20), "vcf_env": (True, 20),
    "lfo_delay": (True, 100),
}  # fmt: skip
_TABLES = {
    "dco_ftune": ((0, 64, 127), -600, 600, 0.5),
    "vcf_key": ((0, 106, 127), -4, 4, 0.01),
}  # fmt: skip
# Positions that are fitted (None: all), and bounds, logarithmic axis, width.
_POSITIONS: dict[str, tuple[list[str] | None, float, float, bool, float]] = {
    "dco_range": (None, -60, 60, False, 0.01),
    # Its middle is 0: how far all pitches are off is said by the ranges.
    "dco_tune": ([str(place) for place in range(25) if place != 12], -60, 60, False, 0.01),
    "hpf_corner": (["1", "2", "3"], 1, 20000, True, 0.01),
    "env_key": (["1", "2", "3"], -16, 16, False, 0.02),
    "dco_xmod": (["2,2", "2,3", "3,2", "3,3"], -8, 8, False, 0.001),
    "chorus_rate": (["1", "2"], 0.01, 50, True, 0.01),
    "chorus_shortest": (["1", "2"], 1e-5, 0.1, True, 0.01),
    "chorus_longest": (["1", "2"], 1e-5, 0.1, True, 0.01),
    "chorus_wet": (["1", "2"], -4, 4, False, 0.01),
    "dynamics": ([f"{row},{column}" for row in (1, 2, 3) for column in range(5)], 0, 4, False, 0.01),
}


def _constant(base: Profile, law: str, log: bool, low: float, high: float) -> Form:
    return Form(law, "constant", (Part(law, "value", base.constant(law), log, low, high, *_jagged(law)),))


def _jagged(law: str) -> tuple[float, bool]:
    """Width of a step for a derivative, and whether it goes to both sides: wide for times, which act by
    whole ticks, or are read off a rise that has the ripple of its wave on it."""
    return (0.04, True) if law.startswith(("env_", "lfo_", "cv_")) and law != "env_sustain" else (0.01, False)


def _exponential(base: Profile, law: str, low: float, high: float) -> Form:
    ends = base.laws[law].values[0], base.laws[law].values[-1]
    return Form(
        law,
        "exponential",
        tuple(
            Part(law, name, float(end), True, low, high, *_jagged(law))
            for name, end in zip(("low", "high"), ends, strict=True)
        ),
    )


def _power(base: Profile, law: str, free: bool, most: float) -> Form:
    values = base.laws[law].values
    exponent = float(np.log(values[64] / values[-1]) / np.log(64 / 127))
    parts = [Part(law, "exponent", exponent, True, 0.05, 20, *_jagged(law))]
    if free:
        parts.insert(0, Part(law, "high", float(values[-1]), True, 1e-6, most, *_jagged(law)))
    return Form(law, "power", tuple(parts))


def _table(base: Profile, law: str, knots: tuple[int, ...], low: float, high: float, width: float) -> Form:
    values = base.laws[law].values
    parts = tuple(Part(law, str(raw), float(values[raw]), False, low, high, width) for raw in knots)
    return Form(law, "table", parts, knots)


def _positions(
    base: Profile, law: str, which: list[str] | None, low: float, high: float, log: bool, width: float
) -> Form:
    values = base.laws[law].values
    names = which or [str(place) for place in range(len(values))]
    parts = []
    for name in names:
        start = float(values[tuple(int(index) for index in name.split(","))])
        parts.append(Part(law, name, start, log, low, high, width))
    return Form(law, "positions", tuple(parts))

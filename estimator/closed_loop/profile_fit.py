"""What of a board may differ from the simulator, as numbers: knobs that turn the laws of a profile.

A knob at 0 leaves its law as it is. Few knobs a law, because a handful of takes cannot tell more: a whole law
is scaled or tilted, a pitch is moved. What matters most where it was measured (one law put back to its
default on three boards): the key from which the cutoff follows the keys, the curves of dynamics, the depth of
the filter's envelope, the filter's order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simulator.synth import Profile
from simulator.synth.laws import FloatArray
from simulator.synth.profile import LIMITS

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

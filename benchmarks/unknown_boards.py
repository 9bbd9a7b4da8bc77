"""Unknown hardware: virtual boards whose laws are those of ``superjx``, moved at random.

Every number of a law is multiplied by a factor of its own, evenly spread up to ``most`` to either side;
tunings move by up to 10 cents; voices differ, the cutoff drifts, and there is a noise floor. A board follows
from its seed.
"""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any

import numpy as np

from simulator.laws import make_law
from simulator.profile import LIMITS, Profile, load_profile

MOVED = (
    "dco_ftune", "dco_lfo", "dco_env", "dco_pulse_width", "mix_level", "mix_env", "hpf_corner", "vcf_cutoff",
    "vcf_damping", "vcf_fixed_damping", "vcf_lowest", "vcf_highest", "vcf_lfo", "vcf_env", "vcf_key",
    "vca_level",
    "voice_gain", "chorus_rate", "chorus_shortest", "chorus_longest", "chorus_low_pass_in",
    "chorus_low_pass_out",
    "lfo_rate", "lfo_delay", "lfo_fade", "env_attack", "env_decay", "env_sustain", "env_release", "env_key",
    "cv_slew", "tick",
)  # fmt: skip
TUNED = ("dco_range", "dco_tune")
TUNED_BY = 0.1
SPREADS = {
    "spread_cutoff": 0.03, "spread_resonance": 0.03, "spread_gain": 0.03, "spread_pulse_width": 0.004,
    "drift_cutoff": 0.01,
}  # fmt: skip
FLOOR_DBFS = (-95.0, -85.0)
_NUMBERS = ("low", "high", "exponent", "value", "values")


def unknown_board(seed: int, most: float = 0.3) -> Profile:
    """The profile of board ``seed``."""
    rng = np.random.default_rng([seed, 41])
    text = (resources.files("simulator") / "profiles" / "superjx.toml").read_text()
    entries = tomllib.loads(text)["laws"]
    base = load_profile("superjx")
    changed: dict[str, dict[str, Any]] = {}
    for name in MOVED:
        low, high = LIMITS[name]
        entry = dict(entries[name])
        for key in _NUMBERS:
            if key in entry:
                numbers = np.asarray(entry[key], np.float64)
                factors = rng.uniform(1 - most, 1 + most, numbers.shape)
                limits = (0.1, 10.0) if key == "exponent" else (low, high)
                entry[key] = np.clip(numbers * factors, *limits).tolist()
        changed[name] = entry
    for name in TUNED:
        values = np.asarray(entries[name]["values"], np.float64)
        changed[name] = entries[name] | {"values": values + rng.uniform(-TUNED_BY, TUNED_BY, values.shape)}
    for name, largest in SPREADS.items():
        changed[name] = entries[name] | {"value": float(rng.uniform(0, largest))}
    changed["noise_floor"] = entries["noise_floor"] | {"value": float(rng.uniform(*FLOOR_DBFS))}
    shortest = np.minimum(changed["chorus_shortest"]["values"], changed["chorus_longest"]["values"])
    changed["chorus_shortest"] = changed["chorus_shortest"] | {"values": shortest}
    changed["cv_slew"] = changed["cv_slew"] | {
        "value": min(changed["cv_slew"]["value"], changed["tick"]["value"])
    }
    laws = dict(base.laws) | {name: make_law(name, entry) for name, entry in changed.items()}
    return Profile(f"unknown board {seed}", "", laws)

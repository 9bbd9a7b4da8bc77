"""Unknown hardware: boards whose laws are those of ``superjx``, each number moved at random.

The only such boards: calibration (`benchmarks.calibrate`), the closed loop (`benchmarks.loop`) and tests use
them. What a board is follows from its seed alone.

* Every number of a law is multiplied by its own factor, evenly spread up to ``most`` (30 %) to either side;
  tunings move by up to 10 cents (one crystal makes all pitches, what is left are dividers and rounding).
* The six voices differ: up to 3 % of an octave in cutoff, 3 % in resonance and gain, 0.4 % of a cycle in
  pulse width, about what trimmed 1 % parts leave; the cutoff drifts by up to 1 % of an octave. Assumed: no
  source says how far six voices of a JX lie apart.
* A noise floor of -95 to -75 dBFS (RMS at each output), where a full chord peaks near 0: from a quiet
  interface to a noisy chorus. Assumed.
* One in four has a filter of two poles, one in four a sine for the LFO's triangle.

What differs most between two takes of one tone is none of these: the control loop notices a key at its next
turn, and the chorus' LFO runs on (see `estimator.closed_loop.alignment`).
"""

from __future__ import annotations

import copy
import tomllib
from importlib import resources
from typing import Any

import numpy as np

from simulator.synth.profile import LIMITS, Profile, load_profile

PERTURBED = (
    "cv_slew",
    "dco_ftune",
    "dco_lfo",
    "dco_env",
    "dco_pulse_width",
    "dco_xmod",
    "mix_level",
    "mix_env",
    "voice_gain",
    "hpf_corner",
    "vcf_cutoff",
    "vcf_damping",
    "vcf_fixed_damping",
    "vcf_lowest",
    "vcf_highest",
    "vcf_lfo",
    "vcf_env",
    "vcf_key",
    "vcf_key_centre",
    "vca_level",
    "dynamics",
    "chorus_rate",
    "chorus_shortest",
    "chorus_longest",
    "chorus_wet",
    "chorus_low_pass_in",
    "chorus_low_pass_out",
    "lfo_rate",
    "lfo_delay",
    "lfo_fade",
    "env_attack",
    "env_decay",
    "env_sustain",
    "env_release",
    "env_key",
    "tick",
)
_IN_CENTS = ("dco_range", "dco_tune")
_HELD_ROWS = {"dynamics": 1}
"""First rows that stay: without dynamics nothing depends on velocity."""


def board_entries(seed: int, most: float = 0.3) -> dict[str, dict[str, Any]]:
    """The laws of board ``seed`` that differ from ``superjx``, as a profile's file has them."""
    rng = np.random.default_rng([seed, 7])
    text = (resources.files("simulator") / "profiles" / "superjx.toml").read_text()
    laws = tomllib.loads(text)["laws"]
    changed = {}
    for name in PERTURBED:
        entry = copy.deepcopy(laws[name])
        for field in ("low", "high", "exponent", "value", "values"):
            if field in entry and not isinstance(entry[field], str):
                entry[field] = _moved(entry[field], rng, most, name)
        changed[name] = entry
    for name in _IN_CENTS:
        entry = copy.deepcopy(laws[name])
        entry["values"] = [value + rng.uniform(-0.1, 0.1) for value in entry["values"]]
        changed[name] = entry
    changed["chorus_shortest"]["values"] = np.minimum(
        changed["chorus_shortest"]["values"], changed["chorus_longest"]["values"]
    ).tolist()
    changed["chorus_wet"]["values"][0] = 0
    for name, largest in (
        ("spread_cutoff", 0.03),
        ("spread_resonance", 0.03),
        ("spread_gain", 0.03),
        ("spread_pulse_width", 0.004),
        ("drift_cutoff", 0.01),
    ):
        changed[name] = {**laws[name], "value": float(rng.uniform(0, largest))}
    changed["noise_floor"] = {**laws["noise_floor"], "value": float(rng.uniform(-95, -75))}
    if rng.random() < 0.25:
        changed["vcf_poles"] = {**laws["vcf_poles"], "value": 2}
    if rng.random() < 0.25:
        changed["lfo_wave3"] = {**laws["lfo_wave3"], "value": "sine"}
    return changed


def _moved(value: Any, rng: np.random.Generator, most: float, name: str) -> Any:
    low, high = LIMITS[name]
    array = np.asarray(value, np.float64)
    moved = np.clip(array * rng.uniform(1 - most, 1 + most, array.shape), low, high)
    held = _HELD_ROWS.get(name, 0)
    if held:
        moved[:held] = array[:held]
    if name == "dco_xmod":
        moved[:, :2] = array[:, :2]
    return moved.tolist()


def board_profile(seed: int, most: float = 0.3) -> Profile:
    """The profile of board ``seed``."""
    from simulator.synth.profile import make_law

    laws = {name: make_law(name, entry) for name, entry in board_entries(seed, most).items()}
    return load_profile("superjx").replace(f"board {seed}", **laws)

"""Profiles as files: TOML with every law's numbers, what they are known from, and how well."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from estimator.calibration.calibration import Calibration, Found
from estimator.calibration.choices import Chosen
from estimator.calibration.experiments import EXPERIMENTS
from estimator.calibration.measurements import UNITS

_DIGITS = 6


def profile_toml(
    name: str, about: str, entries: Mapping[str, Mapping[str, Any]], base: str = "superjx"
) -> str:
    """A profile's file that builds on ``base``: ``entries``, the laws that differ, as `make_law` takes
    them."""
    lines = [f"name = {json.dumps(name)}", f"about = {json.dumps(about)}", f"base = {json.dumps(base)}"]
    for law, entry in entries.items():
        lines += ["", f"[laws.{law}]"]
        lines += [f"{key} = {_text(value)}" for key, value in entry.items()]
    return "\n".join(lines) + "\n"


def calibrated_toml(calibration: Calibration, name: str, source: str, base: str = "superjx") -> str:
    """The profile that a calibration found. ``source``: the data set behind it, in words.

    Laws that were not identified are named at the end, and stay as ``base`` has them. ``uncertainty``: one
    standard deviation of each number, in its own unit. ``residual``: RMS of what the experiment leaves, in
    ``residual_unit``. ``takes``: indices in the data set. `simulator.synth.profile` reads past these.
    """
    entries: dict[str, dict[str, Any]] = {}
    for law, one in calibration.found.items():
        if one.entry is not None:
            entries[law] = _entry(one, calibration, source)
    for law, chosen in calibration.chosen.items():
        if chosen.clear:
            left = ", ".join(f"{reading} leaves {value:.2f}" for reading, value in chosen.left.items())
            compared = f"readings compared: {left} (of the scatter expected)"
            entries[law] = _read(law, chosen, calibration, entries.get(law), source, compared)
    noise = calibration.profile.laws["noise_floor"]
    entries["noise_floor"] = {
        "form": "constant", "value": float(noise), "unit": noise.unit, "evidence": "captured",
        "source": f"{source}; median before the notes, as of each of two outputs whose mean was heard",
    }  # fmt: skip
    text = profile_toml(name, f"calibrated: {source}", entries, base)
    lost = [f"# {law}: {one.why}" for law, one in calibration.found.items() if one.why]
    lost += [
        f"# {law}: no reading leaves clearly less" for law, c in calibration.chosen.items() if not c.clear
    ]
    if lost:
        text += (
            "\n# Not identified, and as in the profile that this one builds on:\n" + "\n".join(lost) + "\n"
        )
    return text


def uncertainty(one: Found) -> dict[str, float]:
    """One standard deviation of each part of a law, in its own unit."""
    return {
        name: sigma * one.values[name] if one.log[name] else sigma
        for name, sigma in one.sigma.items()
        if np.isfinite(sigma)
    }


def _entry(one: Found, calibration: Calibration, source: str) -> dict[str, Any]:
    experiment = next(e for e in EXPERIMENTS if one.law in e.laws)
    assert one.entry is not None
    return {
        **one.entry,
        "unit": calibration.profile.laws[one.law].unit,
        "evidence": "captured",
        "source": f"{source}; experiment: {experiment.name}",
        "uncertainty": uncertainty(one),
        "residual": one.residual,
        "residual_unit": UNITS[experiment.measure.__name__],
        "takes": list(one.takes),
    }


def _read(
    law: str,
    chosen: Chosen,
    calibration: Calibration,
    fitted: Mapping[str, Any] | None,
    source: str,
    compared: str,
) -> dict[str, Any]:
    """The entry of a law whose reading is decided. Where that is the name of a whole table (the couplings),
    its numbers are those that were ``fitted`` along, or, where none were identified, as the profile has them.
    """
    old = calibration.profile.laws[law]
    if fitted is not None:
        return {**fitted, "source": f"{fitted['source']}; {compared}"}
    if old.choice or not old.values.shape:
        value: dict[str, Any] = {"form": "choice" if old.choice else "constant", "value": chosen.reading}
    else:
        value = {"form": "positions", "values": old.values.tolist()}
    return {**value, "unit": old.unit, "evidence": "captured", "source": f"{source}; {compared}"}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)} = {_text(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_text(each) for each in value) + "]"
    if isinstance(value, float | np.floating):
        return repr(float(f"{float(value):.{_DIGITS}g}"))
    return str(value)

"""What a calibration found, to be kept: a profile's file and a picture.

The file is TOML with every law's numbers, what they are known from, and how well. The picture has a curve for
every law, what was assumed beside what was measured.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from estimator.calibration.calibration import Calibration, Found, deviations
from estimator.calibration.choices import Chosen
from estimator.calibration.experiments import EXPERIMENTS
from estimator.calibration.measurements import UNITS
from simulator.synth.profile import RAW, law_values, load_profile

_DIGITS = 6
"""Significant digits of a number in a profile's file (chosen)."""
_COLUMNS = 5
"""Panels side by side in the picture (chosen)."""
_LOGARITHMIC = 20.0
"""Laws that span more than this factor get a logarithmic axis."""


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


def draw(calibration: Calibration, title: str, base: str = "superjx") -> bytes:
    """PNG bytes: a panel for each law, with two standard deviations, and the base profile's law in grey."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    laws = list(calibration.found.values())
    rows = math.ceil(len(laws) / _COLUMNS)
    figure, axes = plt.subplots(rows, _COLUMNS, figsize=(3.2 * _COLUMNS, 2.3 * rows), layout="constrained")
    before = load_profile(base)
    for axis, one in zip(axes.flat, laws, strict=False):
        _panel(axis, one, calibration, np.asarray(before.laws[one.law].values), before.laws[one.law].unit)
    for axis in list(axes.flat)[len(laws) :]:
        axis.axis("off")
    chosen = "; ".join(
        f"{law}: {one.reading}{'' if one.clear else ' (not decided)'}"
        for law, one in calibration.chosen.items()
    )
    figure.suptitle(f"{title}: {len(calibration.model.samples)} takes. Grey: assumed before. {chosen}")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90)
    plt.close(figure)
    return buffer.getvalue()


def _panel(axis: Any, one: Found, calibration: Calibration, before: Any, unit: str) -> None:
    axis.set_title(f"{one.law} ({unit})", fontsize=8)
    axis.tick_params(labelsize=7)
    axis.grid(alpha=0.3)
    if one.entry is None:
        axis.text(0.5, 0.5, f"not identified:\n{one.why}", ha="center", va="center", fontsize=7, wrap=True,
                  transform=axis.transAxes)  # fmt: skip
        return
    after = np.atleast_1d(law_values(one.entry))
    sigma = np.atleast_1d(deviations(one, calibration.model.forms[one.law], calibration.model.base))
    before = np.atleast_1d(before)
    if after.shape == RAW.shape:
        axis.plot(RAW, before, color="0.6", linestyle="--", linewidth=1)
        axis.plot(RAW, after, color="tab:blue", linewidth=1.2)
        axis.fill_between(RAW, after - 2 * sigma, after + 2 * sigma, color="tab:blue", alpha=0.3)
        if after.min() > 0 and after.max() > _LOGARITHMIC * after.min():
            axis.set_yscale("log")
        axis.set_xlabel("raw", fontsize=7)
    elif after.ndim == 2:
        for old, new, error in zip(before, after, sigma, strict=True):
            axis.plot(np.arange(len(new)), old, color="0.7", linestyle="--", linewidth=1)
            axis.errorbar(np.arange(len(new)), new, 2 * error, linewidth=1, markersize=3, marker="o")
    else:
        places = np.arange(len(after))
        shift = before if one.law == "dco_tune" else np.zeros_like(after)
        if one.law == "dco_tune":
            axis.set_title(f"{one.law} less whole semitones ({unit})", fontsize=8)
        axis.plot(places, before - shift, color="0.6", marker="x", linestyle="none")
        axis.errorbar(
            places, after - shift, 2 * sigma, color="tab:blue", marker="o", markersize=3, linestyle="none"
        )
        if len(after) == 1:
            axis.set_xticks([])
            axis.text(0.05, 0.9, f"{after[0]:.4g} +- {sigma[0]:.2g}", transform=axis.transAxes, fontsize=7)

"""The picture of a calibration: a curve for every law, what was assumed beside what was measured."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np

from estimator.calibration.calibration import Calibration, Found, deviations
from estimator.calibration.parametrization import law_values
from simulator.synth.laws import RAW
from simulator.synth.profile import load_profile

_COLUMNS = 5
_LOGARITHMIC = 20.0
"""Laws that span more than this factor get a logarithmic axis."""


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

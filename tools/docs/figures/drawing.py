"""What the figures have in common: colours, labels, and curves with a legend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.axis import Axis

from simulator.synth import SAMPLE_RATE

A3 = 57
LOOK: dict[Any, Any] = {
    "font.size": 8.5, "axes.titlesize": 9.5, "axes.grid": True, "grid.alpha": 0.3, "lines.linewidth": 1.3,
    "axes.spines.top": False, "axes.spines.right": False, "legend.fontsize": 8, "legend.frameon": True,
    "legend.edgecolor": "white", "legend.framealpha": 0.85,
}  # fmt: skip


def shades(count: int) -> np.ndarray:
    """Colours of a rising value, dark to light."""
    return np.asarray(plt.get_cmap("viridis")(np.linspace(0, 0.85, count)))


def lines(
    axis: Axes, curves: Sequence[tuple[np.ndarray, np.ndarray]], labels: Sequence[object], legend: str = "",
    **style: Any,
) -> None:  # fmt: skip
    """Curves of a rising value with their legend."""
    for (x, y), label, colour in zip(curves, labels, shades(len(labels)), strict=True):
        axis.plot(x, y, color=colour, label=str(label), **style)
    axis.legend(title=legend or None)


def named(axis: Axes, title: str, x: str, y: str) -> None:
    """Title and axes with their units."""
    axis.set(title=title, xlabel=x, ylabel=y)


def in_hertz(axis: Axis) -> None:
    """A logarithmic axis of frequency with plain labels."""
    places = (50, 100, 200, 500, 1000, 2000, 5000, 10000)
    low, high = axis.get_view_interval()
    shown = [hz for hz in places if low <= hz <= high]
    axis.set_ticks(shown, [f"{hz // 1000}k" if hz >= 1000 else str(hz) for hz in shown])
    axis.set_ticks([], minor=True)


def stacked(axis: Axes, sounds: np.ndarray, labels: Sequence[str], from_s: float, ms: float) -> None:
    """Short stretches of sounds above one another."""
    start, count = round(from_s * SAMPLE_RATE), round(ms / 1000 * SAMPLE_RATE)
    for k, (sound, colour) in enumerate(zip(sounds, shades(len(labels)), strict=True)):
        wave = sound[start : start + count]
        axis.plot(np.arange(count) / SAMPLE_RATE * 1000, wave / np.abs(wave).max() - 2.5 * k, color=colour)
    axis.set_yticks([-2.5 * k for k in range(len(labels))], labels)
    axis.set_xlim(0, ms)


def apart(axis: Axes, tracks: Sequence[tuple[np.ndarray, np.ndarray]], labels: Sequence[object]) -> None:
    """Swings of pitch above one another, 300 cents apart."""
    for k, ((x, y), colour) in enumerate(zip(tracks, shades(len(tracks)), strict=True)):
        axis.plot(x, 100 * y - 300 * k, color=colour)
    axis.set_yticks([-300 * k for k in range(len(tracks))], [str(label) for label in labels])


def over_note(track: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """A track of pitch as semitones from A3."""
    return track[0], track[1] - A3

"""Derivatives by renders: how a tone's levels move whatever is measured on its sound.

All tones that lie a step beside the given one are rendered in a single batch, so that a Jacobian costs
little more than one full batch of the kernel; no part of the simulator has to be differentiable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jxctl.errors import UsageError
from jxctl.protocol.parameters import TONE_PARAMETERS, parameter
from jxctl.protocol.tone import Tone
from simulator.synth.profile import Profile
from simulator.synth.render import SAMPLE_RATE, render

JACOBIAN_LEVELS: tuple[str, ...] = tuple(
    row.name for row in TONE_PARAMETERS if row.kind == "level" and row.group not in ("AFTERTOUCH", "UNKNOWN")
)
"""The rows of a Jacobian: every level that one note alone can make heard, in order of ids. The depths of
aftertouch need pressure, which `render` has not; switches have no derivative: try their positions."""


def jacobian(
    tone: Tone | ArrayLike,
    features: Callable[[NDArray[np.float32]], NDArray[Any]],
    note: int = 60,
    velocity: int = 100,
    gate_s: float = 1.0,
    seconds: float = 2.0,
    *,
    step: int = 1,
    levels: Sequence[str] = JACOBIAN_LEVELS,
    profile: str | Path | Profile = "superjx",
    sample_rate: int = SAMPLE_RATE,
    seed: int = 0,
    threads: int | None = None,
) -> NDArray[np.float64]:
    """Finite differences of ``features`` over the levels of a tone: how much one raw step changes each.

    A difference spans ``step`` raw values to both sides, so that it follows each parameter's own law; it is
    one-sided where the range of 0 to 127 ends. All renders share note, velocity, gate and ``seed``, so noise
    cancels where it is not itself changed.

    Args:
        tone: a `Tone` or its 48 raw values.
        features: of sounds, float32[N, samples] to float[N, ...], one row a sound.
        note: MIDI note, 0 to 127.
        velocity: 0 to 127.
        gate_s: seconds for which the key is down.
        seconds: length of the sound.
        step: 1 to 63 raw values; greater ones smooth what is jagged.
        levels: names of the levels.
        profile: name, file, or `Profile` of the board.
        sample_rate: Hz.
        seed: of noise and all else that is random.
        threads: that render; None for all cores.

    Returns:
        float64[levels, ...], the change per raw step, in the order of ``levels``. To have it per hertz or
        second, divide by the slope of the parameter's law at this raw value.

    Raises:
        UsageError: a step or a parameter that makes no sense, ``features`` does not return a row for each
            sound, or what `render` raises.

    Examples:
        >>> peak = lambda audio: np.abs(audio).max(axis=1)
        >>> jacobian(Tone.init(), peak, seconds=0.1, levels=["VCA LEVEL", "LFO DELAY"]).shape
        (2,)
    """
    values = np.frombuffer(tone.values, np.uint8) if isinstance(tone, Tone) else np.asarray(tone)
    if values.shape != (len(TONE_PARAMETERS),) or not np.all((values >= 0) & (values <= 127)):
        raise UsageError(f"a tone has {len(TONE_PARAMETERS)} raw values of 0 to 127")
    if not 1 <= step <= 63:
        raise UsageError(f"the step is {step}; expected 1 to 63 raw values")
    columns = _columns(levels)

    places = values.astype(np.int64)[columns]
    low, high = np.maximum(places - step, 0), np.minimum(places + step, 127)
    tones = np.tile(values.astype(np.uint8), (2 * len(columns), 1))
    rows = np.arange(len(columns))
    tones[rows, columns], tones[len(columns) + rows, columns] = low, high
    audio = render(
        tones, note, velocity, gate_s, seconds,
        profile=profile, sample_rate=sample_rate, seed=seed, threads=threads,
    )  # fmt: skip
    measured = np.asarray(features(audio), np.float64)
    if measured.ndim == 0 or len(measured) != len(tones):
        raise UsageError(
            f"features returned an array of shape {measured.shape} for {len(tones)} sounds",
            "it must return one row for each",
        )
    below, above = measured[: len(columns)], measured[len(columns) :]
    span = (high - low).reshape(-1, *(1,) * (measured.ndim - 1))
    return np.asarray((above - below) / span)


def _columns(levels: Sequence[str]) -> NDArray[np.int64]:
    """Columns of some levels in a batch of tones."""
    columns = []
    for name in levels:
        try:
            row = parameter(name)
        except KeyError:
            raise UsageError(f"no parameter is called {name}", "docs/parameters.md lists them") from None
        if row.kind != "level" or not row.is_tone:
            raise UsageError(f"{row.name} is no level of a tone", "switches have no derivative: try them")
        columns.append(row.column)
    return np.array(columns, np.int64)

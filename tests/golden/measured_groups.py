"""What is measured on sounds: features, distances, what was played, what calibration reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from . import adapter, adapter_estimator
from .audio_groups import real_tones
from .store import Item

RATE = adapter.SAMPLE_RATE
DECIBELS = 80.0
"""Height of a spectrogram: full scale of what is in dB."""
CELLS, HALF_FLOATS = 3e-4, 1e-3
"""Tolerances of cells in dB, of which those far down magnify a rounding, and of what is kept in 16 bits."""


def _sounds(
    shared: Path, count: int, seconds: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows, notes, gates and audio of some real tones."""
    rows, tones = real_tones(shared, count)
    notes = 40 + 7 * (np.arange(count) % 7)
    gates = 0.3 + 0.2 * (np.arange(count) % 4)
    return rows, notes, gates, adapter.render(tones, notes, 90, gates, seconds, seed=rows)


def features(shared: Path) -> Iterator[Item]:
    """What the networks are given, and the cells that candidates are ranked by."""
    rows, notes, gates, audio = _sounds(shared, 40, 4.0)
    given = adapter_estimator.network_features(audio, notes, np.full(len(rows), 90), gates)
    given |= {"ranking": adapter_estimator.ranking_cells(audio)}
    given |= {f"{name} of the 26": view for name, view in adapter_estimator.views26(audio[:12]).items()}
    for name, values in given.items():
        scale = DECIBELS if name in ("mel", "partials", "ranking") else size_of(values)
        tolerance = HALF_FLOATS if values.dtype == np.float16 else CELLS
        reason = "off by up to 0.06 of the largest where AVX2 takes the place of AVX-512" * ("hand" in name)
        for row, value in zip(rows, values, strict=False):
            yield Item(f"row {row}: {name}", value, 128, scale, None if reason else tolerance, reason)
    short = adapter_estimator.network_features(audio[:4, :50000], notes[:4], np.full(4, 64), gates[:4])
    for name, values in short.items():
        yield Item(f"short sounds: {name}", values, samples=128, scale=DECIBELS, tolerance=CELLS)


def size_of(values: np.ndarray) -> float:
    """The largest value: full scale of what has none."""
    return float(np.max(np.abs(values[np.isfinite(values)].astype(np.float64)), initial=1e-9))


def distances(shared: Path) -> Iterator[Item]:
    """How far sounds are apart, in every measure, and in cells."""
    rows, _, _, audio = _sounds(shared, 12, 1.5)
    silent = np.zeros((1, audio.shape[1]), np.float32)
    for row, target in zip(rows[:1], audio[:1], strict=True):
        others = np.concatenate([audio, 0.1 * audio[:2], silent])
        for name, values in adapter_estimator.distances(others, target).items():
            yield Item(f"from row {row}: {name}", values, scale=max(size_of(values), 1.0))
        for name, values in adapter_estimator.compared(others, target).items():
            yield Item(f"beside row {row}: {name}", values, samples=128, scale=DECIBELS)


def listening(shared: Path) -> Iterator[Item]:
    """Which note was played, and what `jx check` measures."""
    rows, tones = real_tones(shared, 12)
    quiet = np.zeros(round(0.2 * RATE), np.float32)
    for row, tone, note in zip(rows, tones, 41 + 5 * np.arange(12), strict=True):
        audio = adapter.render(tone[None], note, 100, 0.6, 1.6, seed=row)[0]
        if np.abs(audio).max() < 1e-3:
            continue
        heard = adapter_estimator.what_was_played(np.concatenate([quiet, audio, quiet]), RATE)
        yield Item(f"row {row}: what was played", heard, scale=128.0, tolerance=1e-4)
        found = adapter_estimator.player_measures(audio, int(note), 100, 0.6, tone.tobytes())
        yield Item(f"row {row}: measures", found, scale=size_of(found), tolerance=1e-4)


def calibration(shared: Path) -> Iterator[Item]:
    """What each experiment of calibration reads off up to four of its takes, rendered."""
    del shared
    for name, tones, notes, velocities, gates, seconds in adapter.experiments():
        for k in range(0, len(tones), max(1, len(tones) // 4)):
            if seconds[k] > 8:
                continue
            audio = adapter.render(tones[k][None], notes[k], velocities[k], gates[k], seconds[k], seed=k)[0]
            read = adapter.measured(name, audio, RATE, notes[k], gates[k])
            yield Item(f"{name}, take {k}", read, samples=64, scale=max(size_of(read), 1.0), tolerance=1e-4)

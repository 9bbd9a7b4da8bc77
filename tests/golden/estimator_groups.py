"""The estimator: what it is trained on, what its networks say, and whole guesses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from . import adapter, adapter_estimator
from .audio_groups import real_tones
from .measured_groups import DECIBELS, size_of
from .store import Item

NETWORK_TOLERANCE = 1e-4
"""Of the largest value a network says: sums of thousands of products in another order."""
DRAWN = "one draw that falls to the other side of a rounding leads to other tones"
RENDERS = (256, 160)
"""More than the search's opening hears, so that it goes on from there."""


def prior(shared: Path) -> Iterator[Item]:
    """Draws by seed, the statistics, and what is proposed without listening."""
    del shared
    for seed in range(4):
        yield Item(f"draws of seed {seed}", adapter_estimator.prior_draws(256, seed), tolerance=0)
    for name, values in adapter_estimator.prior_statistics().items():
        yield Item(name, values, samples=512)
    for name, values in adapter_estimator.prior_proposal(64, 5, {3: 10, 20: 100}).items():
        yield Item(f"proposal: {name}", values, tolerance=1e-6 if name == "marginals" else 0)


def training(shared: Path) -> Iterator[Item]:
    """Batches of training by seed and number, and what the network says of them."""
    del shared
    for index, recordings in ((0, None), (1, 1), (2, 3)):
        batch, content = adapter_estimator.training_batch(7, index, 6, recordings)
        for name, values in content.items():
            exact = name in ("tones", "target", "heard")
            scale = DECIBELS if name in ("mel", "partials") else 1.0
            tolerance = 0 if exact else 1e-4
            yield Item(f"batch {index}: {name}", values, samples=512, scale=scale, tolerance=tolerance)
        for name, values in adapter_estimator.network_says(batch).items():
            yield Item(
                f"batch {index}: {name}", values, 512, size_of(values), 100 * NETWORK_TOLERANCE
            )  # fmt: skip


def networks(shared: Path) -> Iterator[Item]:
    """The networks of the task with 26 parameters, untrained, and the task."""
    del shared
    for name, said in adapter_estimator.networks26(3):
        for what, values in said.items():
            yield Item(f"{name}: {what}", values, 64, size_of(values), NETWORK_TOLERANCE)
    for what, values in adapter_estimator.task26(6, 9).items():
        tolerance = 0 if what == "tones" else 1e-6
        yield Item(f"task: {what}", values, 384, size_of(values), tolerance)


def guesses(shared: Path) -> Iterator[Item]:
    """What the network proposes, and guesses with a fixed seed."""
    _, tones = real_tones(shared)
    for number, (row, notes) in enumerate(((17, (57,)), (101, (45, 69)))):
        tone = np.tile(tones[row], (len(notes), 1))
        audio = adapter.render(tone, notes, 100, 0.8, 2.0, seed=4)
        sounds = [(sound, note, 100, 0.8) for sound, note in zip(audio, notes, strict=True)]
        what = f"{len(notes)} recordings"
        fixed = {0: 1} if number else {}
        for name, values in adapter_estimator.proposed(sounds, 64, number, fixed).items():
            yield _said(f"{what}, proposal: {name}", name, values)
        options = {"like": tones[row + 1].tobytes(), "locked": ["VCF FREQ"]} if number else {}
        for name, values in adapter_estimator.guessed(sounds, RENDERS[number], number, **options).items():
            yield _said(f"{what}, guess: {name}", name, values)
    none = adapter_estimator.guessed([(sounds[0][0], 45, 100, 0.8)], 0, 1, probe=False)
    for name, values in none.items():
        yield _said(f"without a search: {name}", name, values)


def _said(title: str, name: str, values: np.ndarray) -> Item:
    """Proposals, and answers without a search, are compared everywhere. A search decides thousands of times
    by a rounding, each time on what it decided before."""
    if "guess" in title:
        return Item(title, values, scale=size_of(values), tolerance=None, reason=DRAWN)
    if values.dtype.kind in "iub":
        return Item(title, values, tolerance=0)
    return Item(title, values, 512, size_of(values), 1e-3)


def loop(shared: Path) -> Iterator[Item]:
    """The closed loop on a virtual board."""
    _, tones = real_tones(shared)
    values = tones[40].tobytes()
    start = adapter.changed(values, {"VCF FREQ": 50, "ENV2 REL": 60})
    for name, found in adapter_estimator.looped(values, start, 6, 3).items():
        tolerance = 1e-6 if name == "target" else None
        yield Item(name, found, tolerance=tolerance, reason=DRAWN)


def fits(shared: Path) -> Iterator[Item]:
    """A profile fitted to a virtual board that differs."""
    del shared
    names = ("control loop", "mixer levels", "ranges", "high-pass", "tuning")
    moved = {"tick": 0.0082, "voice_gain": 0.21, "noise_floor": -85.0, "spread_cutoff": 0.01}
    content, laws = adapter.calibrated(names, 3, moved)
    yield Item("profile", content, tolerance=None, reason="its numbers are written with many digits")
    for law, values in laws.items():
        yield Item(f"law {law}", values, scale=size_of(values), tolerance=1e-3)

"""Synthetic training data without end: tones from the prior, rendered, augmented, as the network's input.

Batch k of a stream depends on its seed and k alone (`make_batch`), so that a run can stop and go on anywhere,
and validation always hears the same sounds.

A training run takes its batches from `batches`, which makes them ahead, in the background, by their numbers:
in a thread beside the network, or in ``workers``, processes, because a GPU learns faster than one process
renders. ``hearings`` above 1 lets a network hear every batch so often, some `LAG` batches apart, which on a
GPU costs next to nothing and teaches nearly as much as new tones.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from estimator.network.inputs import SECONDS, Views, features
from estimator.network.parameters import audible, classes
from estimator.training.augmentation import another, cut_and_hum, disturbance, disturbed
from simulator.prior import Prior
from simulator.synth import Profile, render

NOTES = (28, 96)
"""MIDI notes of the stream, lowest and highest (chosen)."""
SHORTEST_GATE_S = 0.08
"""Seconds; the shortest key of the stream (chosen)."""
LONGEST_GATE_S = 3.5
"""Seconds; the longest (chosen)."""
SHARES = {1: 0.6, 2: 0.15, 3: 0.1, 6: 0.15}
"""How often a tone is heard in so many recordings (chosen)."""
LAG = 32
"""Batches between two hearings of one (chosen)."""
_AHEAD = 3


@dataclass(frozen=True)
class Batch:
    """``tones`` uint8[N, 48]; ``views`` what the network is given, of N * ``recordings`` sounds, those of a
    tone side by side; ``target`` int64[N, heads]; ``heard`` bool[N, heads], what counts."""

    tones: NDArray[np.uint8]
    views: Views
    target: torch.Tensor
    heard: torch.Tensor
    recordings: int = 1

    def to(self, device: torch.device) -> Batch:
        """The same where a network computes."""
        if device.type == "cpu":
            return self
        views = Views(*(view.to(device) for view in (self.views.mel, self.views.partials, self.views.known)))
        return Batch(self.tones, views, self.target.to(device), self.heard.to(device), self.recordings)


@dataclass(frozen=True)
class Sounds:
    """What is heard: ``tones`` uint8[N, 48]; and N * ``recordings`` sounds, those of a tone side by side:
    ``notes``, ``velocities``, ``gates_s``, and ``audio`` float32[., samples] from the moment each note is
    played; ``lengths_s``: how long each is known (beyond it there are zeros), all of it if None."""

    tones: NDArray[np.uint8]
    notes: NDArray[np.int64]
    velocities: NDArray[np.int64]
    gates_s: NDArray[np.float64]
    audio: NDArray[np.float32]
    recordings: int = 1
    lengths_s: NDArray[np.float64] | None = None

    def followed_by(self, other: Sounds) -> Sounds:
        """These sounds and then those, of tones heard once each."""
        return Sounds(
            np.concatenate((self.tones, other.tones)),
            np.concatenate((self.notes, other.notes)),
            np.concatenate((self.velocities, other.velocities)),
            np.concatenate((self.gates_s, other.gates_s)),
            np.concatenate((self.audio, other.audio)),
        )


def make_batch(
    seed: int,
    index: int,
    size: int,
    profile: str | Profile,
    *,
    threads: int = 1,
    recordings: int | None = None,
) -> Batch:
    """Batch ``index`` of the stream ``seed``: ``size`` sounds of fresh tones at random notes, disturbed as
    recordings are (`estimator.training.augmentation`).

    ``recordings`` of each tone; drawn from `SHARES` unless given. A batch of several has fewer tones.
    """
    rng = np.random.default_rng((seed, index))
    if recordings is None:
        recordings = int(rng.choice(list(SHARES), p=list(SHARES.values())))
    return heard(rendered(rng, max(1, size // recordings), another(profile, rng), threads, recordings), rng)


def rendered(
    rng: np.random.Generator, size: int, profile: str | Profile, threads: int, recordings: int = 1
) -> Sounds:
    """Tones from the prior, rendered.

    Notes are uniform over 28-96, velocities over 20-127, gates log-uniform over 0.08-3.5 s.
    """
    tones = Prior.load().sample(size, rng)
    sounds = size * recordings
    notes = rng.integers(NOTES[0], NOTES[1] + 1, sounds)
    velocities = rng.integers(20, 128, sounds)
    gates = np.exp(rng.uniform(np.log(SHORTEST_GATE_S), np.log(LONGEST_GATE_S), sounds))
    audio = render(
        np.repeat(tones, recordings, axis=0), notes, velocities, gates, SECONDS,
        profile=profile, seed=rng.integers(0, 2**31, sounds), threads=threads,
    )  # fmt: skip
    return Sounds(tones, notes, velocities, gates, audio, recordings)


def heard(sounds: Sounds, rng: np.random.Generator | None) -> Batch:
    """Sounds as the network gets them, and what it should say; ``rng`` disturbs them."""
    sounding = np.maximum(sounds.audio.max(axis=1), -sounds.audio.min(axis=1)) > 1e-5
    sounding = sounding.reshape(len(sounds.tones), sounds.recordings).any(axis=1)
    audio, lengths_s = sounds.audio, sounds.lengths_s
    if rng is not None:
        audio, lengths_s = cut_and_hum(audio, rng)
    disturb = None if rng is None else functools.partial(disturbed, disturbance(rng, len(audio)), rng)
    views = features(audio, sounds.notes, sounds.velocities, sounds.gates_s, lengths_s, disturb)
    counts = audible(sounds.tones) & sounding[:, None]
    return Batch(
        sounds.tones,
        views,
        torch.from_numpy(classes(sounds.tones)),
        torch.from_numpy(counts),
        sounds.recordings,
    )


def number_heard(step: int, hearings: int) -> int:
    """Which batch is heard at a step: a fresh one, or one from up to ``hearings - 1`` times `LAG` before.

    A run's first batches come back sooner, because none are older.
    """
    fresh, hearing = divmod(step, hearings)
    return fresh - min(hearing * LAG, fresh * hearing // hearings)


def batches(
    make: Callable[[int], Batch], first: int, steps: int, hearings: int = 1, workers: int = 0
) -> Iterator[Batch]:
    """What is heard at steps ``first`` to ``steps``. ``make(number)`` makes a batch; with ``workers``,
    processes, it must be picklable."""
    oldest = max(0, first // hearings - (hearings - 1) * LAG)
    last = -(-steps // hearings)
    kept: dict[int, Batch] = {}
    for fresh, batch in enumerate(_fresh(make, range(oldest, last), workers), oldest):
        kept[fresh] = batch
        kept.pop(fresh - (hearings - 1) * LAG - 1, None)
        for step in range(fresh * hearings, min((fresh + 1) * hearings, steps)):
            if step >= first:
                yield kept[number_heard(step, hearings)]


def _fresh(make: Callable[[int], Batch], numbers: range, workers: int) -> Iterator[Batch]:
    if workers:
        yield from DataLoader(
            _Made(make), batch_size=None, sampler=numbers, num_workers=workers, worker_init_fn=_yielding
        )
        return
    with ThreadPoolExecutor(1) as pool:
        pending = []
        for number in numbers:
            pending.append(pool.submit(make, number))
            if len(pending) > _AHEAD:
                yield pending.pop(0).result()
        for future in pending:
            yield future.result()


@dataclass(frozen=True)
class _Made(Dataset[Batch]):
    """Batches by number, for worker processes."""

    make: Callable[[int], Batch]

    def __getitem__(self, number: int) -> Batch:
        return self.make(number)


def _yielding(worker: int) -> None:
    """A worker renders on one core, and lets the network's process go first."""
    torch.set_num_threads(1)
    if hasattr(os, "nice"):
        os.nice(10)

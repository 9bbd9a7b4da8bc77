"""Training examples without end: tones from the prior, played by the simulator, heard as features.

Batch k of a stream depends on its seed and k alone, so that a run can stop and go on anywhere, and
validation always hears the same sounds.

Where the batches of a training run come from: made ahead, in the background, by their numbers.

Without ``workers`` a thread makes them beside the network. With them, processes do: a GPU learns faster than
one process renders. ``hearings`` above 1 lets a network hear every batch so often, some `LAG` batches apart,
which on a GPU costs next to nothing and teaches nearly as much as new tones.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch.utils.data import DataLoader, Dataset

from estimator.network.audibility import audible
from estimator.network.inputs import INPUT, Views, mel_power, partial_octaves, partials_power, relative_db
from estimator.network.parameters import classes
from estimator.training.augmentation import Disturbance, another, cut_and_hum, disturbance
from simulator.features import FLOOR_DB, SAMPLE_RATE
from simulator.features.mel import mel_octaves
from simulator.prior import Prior
from simulator.synth import Profile, render

SECONDS = 4.0
NOTES = (28, 96)
SHORTEST_GATE_S, LONGEST_GATE_S = 0.08, 3.5
SHARES = {1: 0.6, 2: 0.15, 3: 0.1, 6: 0.15}
"""How often a tone is heard in so many recordings."""


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
    views = features(
        audio, sounds.notes, sounds.velocities, sounds.gates_s, lengths_s,
        disturbance(rng, len(audio)) if rng is not None else None, rng,
    )  # fmt: skip
    counts = audible(sounds.tones) & sounding[:, None]
    return Batch(
        sounds.tones,
        views,
        torch.from_numpy(classes(sounds.tones)),
        torch.from_numpy(counts),
        sounds.recordings,
    )


def features(
    audio: np.ndarray,
    notes: ArrayLike,
    velocities: ArrayLike,
    gates_s: ArrayLike,
    lengths_s: ArrayLike | None = None,
    disturbed: Disturbance | None = None,
    rng: np.random.Generator | None = None,
) -> Views:
    """The network's input for sounds, float32[N, samples], that start with the note.

    They are cut or padded to four seconds. ``notes``, ``velocities``, ``gates_s``, ``lengths_s`` (how much of
    each is known; all of it if None): [N]. ``disturbed`` adds noise floors, from ``rng``, and colours.
    """
    samples = round(SECONDS * SAMPLE_RATE)
    whole = torch.as_tensor(np.asarray(audio, np.float32)[:, :samples])
    if lengths_s is None:
        lengths_s = np.full(len(whole), whole.shape[1] / SAMPLE_RATE)
    if whole.shape[1] < samples:
        whole = torch.nn.functional.pad(whole, (0, samples - whole.shape[1]))
    note = torch.as_tensor(np.asarray(notes, np.float32))
    mel, partials = mel_power(whole, INPUT), partials_power(whole, note)
    if disturbed is not None and rng is not None:
        mel = _disturb(mel, disturbed, mel_octaves(INPUT)[None, :], rng)
        partials = _disturb(partials, disturbed, partial_octaves(np.asarray(notes)), rng)
    # After its end a recording is unknown: as dark as silence, and the network is told when that begins.
    mel = relative_db(mel)
    frame_s = torch.arange(mel.shape[2]) * (INPUT.hop / SAMPLE_RATE)
    known_until = torch.as_tensor(np.asarray(lengths_s, np.float32))
    mel = torch.where(frame_s[None, None] <= known_until[:, None, None], mel, -FLOOR_DB)
    known = np.stack(
        (
            np.asarray(notes) / 127, np.asarray(velocities) / 127,
            np.asarray(gates_s) / SECONDS, np.asarray(lengths_s) / SECONDS,
        ),
        axis=1,
    )  # fmt: skip
    return Views(mel, relative_db(partials), torch.as_tensor(known, dtype=torch.float32))


def _disturb(
    power: torch.Tensor, disturbed: Disturbance, octaves: NDArray[np.float64], rng: np.random.Generator
) -> torch.Tensor:
    """Coloured, and on a noise floor: power float32[N, bands, frames], ``octaves`` [N or 1, bands]."""
    if disturbed.colour.any():
        power = power * torch.from_numpy(disturbed.gain(octaves))[:, :, None]
    rows = torch.from_numpy(np.flatnonzero(disturbed.floor))
    if len(rows):
        some = power[rows]
        share = torch.as_tensor(disturbed.floor[rows.numpy()], dtype=torch.float32)[:, None, None]
        hiss = torch.from_numpy(rng.standard_exponential(some.shape, dtype=np.float32))
        power[rows] = some + some.amax((1, 2), keepdim=True) * share * hiss
    return power


LAG = 32
_AHEAD = 3


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

"""Training examples without end: tones from the prior, played by the simulator, heard as features.

Batch k of a stream depends on its seed and k alone, so that a run can stop and go on anywhere, and
validation always hears the same sounds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from estimator.audible import audible
from estimator.features import FLOOR_DB, INPUT, SAMPLE_RATE, mel_power, partials_power, relative_db
from estimator.heads import classes
from estimator.models.views import Views
from estimator.prior import Prior
from simulator import Profile, render

SECONDS = 4.0
NOTES = (28, 96)
SHORTEST_GATE_S, LONGEST_GATE_S = 0.08, 3.5


@dataclass(frozen=True)
class Batch:
    """``tones`` uint8[N, 48]; ``views`` what the network is given; ``target`` int64[N, heads];
    ``heard`` bool[N, heads], what counts."""

    tones: NDArray[np.uint8]
    views: Views
    target: torch.Tensor
    heard: torch.Tensor


@dataclass(frozen=True)
class Sounds:
    """What is heard: ``tones`` uint8[N, 48], ``notes``, ``velocities``, ``gates_s`` [N], and ``audio``
    float32[N, samples] from the moment each note is played."""

    tones: NDArray[np.uint8]
    notes: NDArray[np.int64]
    velocities: NDArray[np.int64]
    gates_s: NDArray[np.float64]
    audio: NDArray[np.float32]

    def followed_by(self, other: Sounds) -> Sounds:
        """These sounds and then those."""
        return Sounds(
            np.concatenate((self.tones, other.tones)),
            np.concatenate((self.notes, other.notes)),
            np.concatenate((self.velocities, other.velocities)),
            np.concatenate((self.gates_s, other.gates_s)),
            np.concatenate((self.audio, other.audio)),
        )


def make_batch(seed: int, index: int, size: int, profile: str | Profile, *, threads: int = 1) -> Batch:
    """Batch ``index`` of the stream ``seed``: ``size`` fresh tones at random notes.

    Half of the sounds lie on a noise floor, 40 to 80 dB down, as recordings do.
    """
    rng = np.random.default_rng((seed, index))
    return heard(rendered(rng, size, profile, threads), rng)


def rendered(rng: np.random.Generator, size: int, profile: str | Profile, threads: int) -> Sounds:
    """Tones from the prior, rendered.

    Notes are uniform over 28-96, velocities over 20-127, gates log-uniform over 0.08-3.5 s.
    """
    tones = Prior.load().sample(size, rng)
    notes = rng.integers(NOTES[0], NOTES[1] + 1, size)
    velocities = rng.integers(20, 128, size)
    gates = np.exp(rng.uniform(np.log(SHORTEST_GATE_S), np.log(LONGEST_GATE_S), size))
    audio = render(
        tones, notes, velocities, gates, SECONDS,
        profile=profile, seed=rng.integers(0, 2**31, size), threads=threads,
    )  # fmt: skip
    return Sounds(tones, notes, velocities, gates, audio)


def heard(sounds: Sounds, rng: np.random.Generator | None) -> Batch:
    """Sounds as the network gets them, and what it should say; ``rng`` adds noise floors."""
    sounding = np.abs(sounds.audio).max(axis=1) > 1e-5
    views = features(sounds.audio, sounds.notes, sounds.velocities, sounds.gates_s, rng)
    counts = audible(sounds.tones) & sounding[:, None]
    return Batch(sounds.tones, views, torch.from_numpy(classes(sounds.tones)), torch.from_numpy(counts))


def features(
    audio: np.ndarray,
    notes: ArrayLike,
    velocities: ArrayLike,
    gates_s: ArrayLike,
    rng: np.random.Generator | None = None,
) -> Views:
    """The network's input for sounds, float32[N, samples], that start with the note.

    They are cut or padded to four seconds. ``notes``, ``velocities``, ``gates_s``: [N]. ``rng`` adds
    the noise floors of training.
    """
    samples = round(SECONDS * SAMPLE_RATE)
    whole = torch.as_tensor(np.asarray(audio, np.float32)[:, :samples])
    whole = torch.nn.functional.pad(whole, (0, samples - whole.shape[1]))
    note = torch.as_tensor(np.asarray(notes, np.float32))
    mel, partials = mel_power(whole, INPUT), partials_power(whole, note)
    if rng is not None:
        floor_db = rng.uniform(40, FLOOR_DB, len(mel)) + 200 * (rng.uniform(size=len(mel)) < 0.5)
        share = torch.as_tensor(10 ** (-floor_db / 10), dtype=torch.float32)[:, None, None]
        mel, partials = (
            power + power.amax((1, 2), keepdim=True) * share * torch.from_numpy(hiss)
            for power, hiss in (
                (p, rng.exponential(size=p.shape).astype(np.float32)) for p in (mel, partials)
            )
        )
    known = np.stack((np.asarray(notes) / 127, np.asarray(velocities) / 127, np.asarray(gates_s) / 4), axis=1)
    return Views(relative_db(mel), relative_db(partials), torch.as_tensor(known, dtype=torch.float32))

"""From a recording of one note to ranked tones.

The network reads the log-mel spectrogram and gives a distribution for each parameter. Its best answer
and draws from the distributions are rendered at the same note, and ranked by how they sound: log-mel
L1 against the recording. What the network is unsure of, the ear decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from estimator import checkpoint, heads
from estimator.audible import audible
from estimator.features import SAMPLE_RATE, log_mel_distance
from estimator.models.lstm import LstmEstimator
from estimator.stream import SECONDS, features
from jxctl.tone import INIT_TONE, Tone, from_batch
from simulator import Profile, load_profile, render

_TEMPERATURES = (0.6, 1.0)
_SILENT = 1e-6


@dataclass(frozen=True)
class Played:
    """The note behind a recording: MIDI ``note``, ``velocity`` (0-127), ``gate_s`` in seconds."""

    note: int
    velocity: int
    gate_s: float


@dataclass(frozen=True)
class Candidate:
    """A tone, what it sounds like (float32[samples]) and its ``distance_db`` from the target."""

    tone: Tone
    audio: NDArray[np.float32]
    distance_db: float


@dataclass(frozen=True)
class Guess:
    """Ranked candidates, the best first, and how sure the network is of each value of the best.

    ``confidence``: per name of a parameter that the best tone lets be heard, the probability that the
    truth is the same position (a switch) or within 6 raw steps (a level).
    """

    candidates: list[Candidate]
    confidence: dict[str, float]
    played: Played


class Estimator:
    """The network with its profile, ready to guess. Raises `UsageError` for an unusable checkpoint."""

    def __init__(self, path: Path | None = None, profile: str | Profile = "") -> None:
        self.model: LstmEstimator
        self.model, self.config = checkpoint.load(path)
        self.profile = load_profile(profile or self.config["training"]["profile"])

    def probabilities(self, audio: np.ndarray, played: list[Played]) -> list[NDArray[np.float64]]:
        """Per head, float64[N, classes], for sounds float32[N, samples] that start with the note."""
        notes, velocities, gates = zip(*((p.note, p.velocity, p.gate_s) for p in played), strict=True)
        with torch.no_grad():
            return heads.probabilities(self.model(features(audio, notes, velocities, gates)))

    def guess(self, audio: np.ndarray, played: Played, *, renders: int = 128, seed: int = 0) -> Guess:
        """Guess the tone behind ``audio`` (float32[samples] at 44.1 kHz, starting with the note).

        ``renders``: how many candidates are heard. The same input and seed give the same guess.
        """
        audio = np.asarray(audio[: round(SECONDS * SAMPLE_RATE)], np.float32)
        probability = self.probabilities(audio[None], [played])
        choices = _choices(probability, renders, np.random.default_rng(seed))
        tones = heads.tones_from(choices, INIT_TONE.values)
        sounds = self._render(tones, played, len(audio))
        distance = log_mel_distance(sounds, audio)
        # A tone that cannot be heard is never an answer, however near silence the target is.
        distance[np.abs(sounds).max(axis=1) < _SILENT] = np.inf
        order = np.argsort(distance, kind="stable")
        candidates = [
            Candidate(from_batch(tones[[k]], "GUESS")[0], sounds[k], float(distance[k])) for k in order
        ]
        sure = heads.confidence(probability, choices[order[:1]])[0]
        heard = audible(tones[order[:1]])[0]
        names = [head.parameter.name for head in heads.HEADS]
        confidence = {name: float(p) for name, p, can in zip(names, sure, heard, strict=True) if can}
        return Guess(candidates, confidence, played)

    def _render(self, tones: np.ndarray, played: Played, samples: int) -> NDArray[np.float32]:
        return render(
            tones, played.note, played.velocity, played.gate_s, samples / SAMPLE_RATE, profile=self.profile
        )


def _choices(
    probability: list[NDArray[np.float64]], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """The best answer and draws around it, int64[count, heads], without repeats of the first."""
    rows = [heads.best(probability)]
    for k in range(count - 1):
        temperature = _TEMPERATURES[k % len(_TEMPERATURES)]
        rows.append(heads.draw([_sharpened(p, temperature) for p in probability], rng))
    return np.concatenate(rows)


def _sharpened(probability: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """The distribution with its odds raised to 1 / temperature."""
    powered = probability ** (1 / temperature)
    return np.asarray(powered / powered.sum(axis=1, keepdims=True))

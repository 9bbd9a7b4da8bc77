"""From a recording of one note to ranked tones.

The network reads the log-mel spectrogram and gives a distribution for each parameter. Its best answer
and draws from the distributions are rendered at the same note, ranked by how they sound (log-mel L1 against
the recording), and bred (`estimator.search`). What the network is unsure of, the ear decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from estimator import checkpoint, heads
from estimator.audible import audible
from estimator.features import SAMPLE_RATE, log_mel_distance
from estimator.models.lstm import LstmEstimator
from estimator.search import search
from estimator.stream import SECONDS, features
from jxctl.tone import INIT_TONE, Tone, from_batch
from simulator import Profile, load_profile, render

RENDERS = 1024
"""How many candidates are heard unless told otherwise: about two seconds on two cores."""
_SILENT = 1e-6


@dataclass(frozen=True)
class Played:
    """The note behind a recording: MIDI ``note``, ``velocity`` (0-127), ``gate_s`` in seconds."""

    note: int
    velocity: int
    gate_s: float


@dataclass(frozen=True)
class Candidate:
    """A tone, and how far it sounds from the target: ``distance_db``, log-mel L1."""

    tone: Tone
    distance_db: float


@dataclass(frozen=True)
class Guess:
    """Ranked candidates, the best first; ``audio``, float32[samples], of the best; and how sure the
    network is of its values.

    ``confidence``: per name of a parameter that the best tone lets be heard, the probability that the
    truth is the same position (a switch) or within 6 raw steps (a level).
    """

    candidates: list[Candidate]
    audio: NDArray[np.float32]
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

    def guess(
        self,
        audio: np.ndarray,
        played: Played,
        *,
        renders: int = RENDERS,
        seed: int = 0,
        report: Callable[[int], None] = lambda tried: None,
    ) -> Guess:
        """Guess the tone behind ``audio`` (float32[samples] at 44.1 kHz, starting with the note).

        ``renders``: how many candidates are heard. The same input and seed give the same guess.
        """
        target = np.asarray(audio[: round(SECONDS * SAMPLE_RATE)], np.float32)

        def score(choices: NDArray[np.int64]) -> NDArray[np.float64]:
            sounds = self._render(heads.tones_from(choices, INIT_TONE.values), played, len(target))
            distances = log_mel_distance(sounds, target)
            # A tone that cannot be heard is never an answer, however near silence the target is.
            distances[np.abs(sounds).max(axis=1) < _SILENT] = np.inf
            return distances

        probability = self.probabilities(target[None], [played])
        found = search(probability, score, renders, np.random.default_rng(seed), report)
        tones = heads.tones_from(found.choices, INIT_TONE.values)
        candidates = [
            Candidate(tone, float(distance))
            for tone, distance in zip(from_batch(tones, "GUESS"), found.distances, strict=True)
        ]
        sure = heads.confidence(probability, found.choices[:1])[0]
        heard = audible(tones[:1])[0]
        names = [head.parameter.name for head in heads.HEADS]
        confidence = {name: float(p) for name, p, can in zip(names, sure, heard, strict=True) if can}
        return Guess(candidates, self._render(tones[:1], played, len(target))[0], confidence, played)

    def _render(self, tones: np.ndarray, played: Played, samples: int) -> NDArray[np.float32]:
        return render(
            tones, played.note, played.velocity, played.gate_s, samples / SAMPLE_RATE, profile=self.profile
        )

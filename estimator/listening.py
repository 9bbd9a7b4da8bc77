"""How far candidates sound from one or several recordings of a tone, and in which cells.

A candidate's distance is the mean over the recordings of the log-mel distance (`features.log_mel_distance`).
One candidate counts as one render however many recordings there are: it is rendered at each one's note.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from estimator import heads
from estimator.features import FLOOR_DB, RANKING, SAMPLE_RATE, mel_power, ranking_bands
from estimator.proposal import Recording
from jxctl.tone import INIT_TONE
from simulator import Profile, render, spectra

SILENT = 1e-6
"""Full scale; a sound that stays below cannot be an answer, however near silence the target is."""
FRAMES_A_CELL = 3
"""Frames of 10 ms that a residual's cells take together."""
_AT_ONCE = 64


@dataclass(frozen=True)
class Heard:
    """``distances``: float64[N], dB, infinite for silence. ``residuals``: float32[N, cells], how many dB
    a candidate is above the target, cells of one mel band and 30 ms, all recordings one after the other."""

    distances: NDArray[np.float64]
    residuals: NDArray[np.float32]


class Listener:
    """Renders candidates beside recordings and compares. ``renders`` counts the candidates heard.

    ``base``: raw values, 48 bytes, of what no head estimates. Raises `ValueError` for no recordings or for
    samples that are not numbers.
    """

    def __init__(
        self,
        recordings: Sequence[Recording],
        profile: str | Profile,
        *,
        base: bytes = INIT_TONE.values,
        threads: int | None = None,
    ) -> None:
        if not recordings:
            raise ValueError("there is nothing to listen to")
        self.profile, self.base, self.threads = profile, base, threads
        self.targets = [_Target(recording) for recording in recordings]
        self.renders = 0

    def __call__(self, choices: NDArray[np.int64]) -> NDArray[np.float64]:
        """Distances in dB, float64[N], of candidates, int64[N, heads]."""
        return self.hear(choices, residuals=False).distances

    def hear(self, choices: NDArray[np.int64], *, residuals: bool = True) -> Heard:
        """Distances and (or an empty array) residuals of candidates, int64[N, heads]."""
        parts = [self._hear(choices[k : k + _AT_ONCE], residuals) for k in range(0, len(choices), _AT_ONCE)]
        self.renders += len(choices)
        if not parts:
            return Heard(np.zeros(0), np.zeros((0, 0), np.float32))
        return Heard(*(np.concatenate(each) for each in zip(*parts, strict=True)))

    def between(self, choice: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.float64]:
        """How far ``others``, int64[N, heads], sound from one candidate, int64[heads]: the largest distance
        over the notes of the recordings, dB, float64[N]. Not counted as renders."""
        farthest = np.zeros(len(others))
        tones = heads.tones_from(np.concatenate([choice[None], others]), self.base)
        for target in self.targets:
            audio = self._render(tones, target)
            itself = _Target(Recording(audio[0], target.recording.played))
            distance, _ = itself.compare(audio[1:], False, self.threads)
            np.maximum(farthest, distance, out=farthest)
        return farthest

    def sounds(self, choices: NDArray[np.int64], which: int = 0) -> NDArray[np.float32]:
        """Audio, float32[N, samples], of candidates at the note of recording ``which``."""
        return self._render(heads.tones_from(choices, self.base), self.targets[which])

    def _hear(
        self, choices: NDArray[np.int64], residuals: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        tones = heads.tones_from(choices, self.base)
        distances, apart = [], []
        audible = np.zeros(len(tones), bool)
        for target in self.targets:
            audio = self._render(tones, target)
            audible |= np.abs(audio).max(axis=1) >= SILENT
            distance, residual = target.compare(audio, residuals, self.threads)
            distances.append(distance)
            apart.append(residual)
        mean = np.mean(distances, axis=0)
        mean[~audible] = np.inf
        return mean, np.concatenate(apart, axis=1)

    def _render(self, tones: NDArray[np.uint8], target: _Target) -> NDArray[np.float32]:
        played, samples = target.recording.played, len(target.recording.audio)
        return render(
            tones, played.note, played.velocity, played.gate_s, samples / SAMPLE_RATE,
            profile=self.profile, threads=self.threads,
        )  # fmt: skip


class _Target:
    """One recording, with what of it each comparison needs again."""

    def __init__(self, recording: Recording) -> None:
        audio = np.asarray(recording.audio, np.float32)
        if not len(audio) or not np.isfinite(audio).all():
            raise ValueError("the target is empty or holds samples that are not numbers")
        self.recording = Recording(audio, recording.played)
        power = mel_power(torch.as_tensor(audio[None]), RANKING)[0].numpy()
        self.loudest = max(float(power.max()), 1e-12)
        self.rms = float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))
        scale = np.array([1 / self.loudest], np.float32)
        self.goal = spectra.band_decibels(audio[None], RANKING.hop, ranking_bands(), FLOOR_DB, scale)[0]

    def compare(
        self, audio: NDArray[np.float32], residuals: bool, threads: int | None
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """As `features.log_mel_distance` defines it, and residuals float32[N, cells]."""
        rms = np.sqrt(np.mean(np.square(audio), axis=1)).astype(np.float64)
        gain = np.where(rms > 1e-9, self.rms / np.maximum(rms, 1e-9), 0)
        scale = (np.square(gain) / self.loudest).astype(np.float32)
        own = spectra.band_decibels(
            audio, RANKING.hop, ranking_bands(), FLOOR_DB, scale, threads=threads or torch.get_num_threads()
        )
        sounding = np.count_nonzero(np.maximum(own, self.goal) > -FLOOR_DB, axis=(1, 2))
        np.subtract(own, self.goal, out=own)
        cells = np.empty((len(audio), 0), np.float32)
        if residuals:
            whole = own.shape[2] // FRAMES_A_CELL * FRAMES_A_CELL
            cells = own[:, :, :whole].reshape(*own.shape[:2], -1, FRAMES_A_CELL).mean(axis=3)
            cells = cells.reshape(len(audio), -1)
        np.abs(own, out=own)
        return own.sum(axis=(1, 2), dtype=np.float64) / np.maximum(sounding, 1), cells

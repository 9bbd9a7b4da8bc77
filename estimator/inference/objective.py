"""The objective: how far candidates sound from recordings of a tone, in which cells, and what can be heard.

A candidate's distance is the mean over the recordings of the log-mel distance (`features.log_mel_distance`).
One candidate counts as one render however many recordings there are: it is rendered at each one's note.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from estimator.inference.note_detection import Recording
from estimator.network import parameters
from estimator.network.parameters import DEAF, one_at_a_time
from jxctl.protocol.tone import INIT_TONE
from simulator.features import SAMPLE_RATE, distance
from simulator.synth import Profile, empty, render

SILENT = 1e-6
"""Full scale; a sound that stays below cannot be an answer, however near silence the target is."""
CELL = (2, 3)
"""Mel bands, and frames of 10 ms, that a residual's cells take together."""
NO_CELLS = (0, 0)
AUDIBLE_DB = 0.1
"""Log-mel distance by which a sound must change, at most, to count as changed (chosen)."""
LEVEL_TRIAL = 24
"""Raw steps to either side at which a level is tried, beside both ends (chosen)."""
SWITCH_TRIALS = 5
"""Positions of a switch that are tried; of the 25 of a TUNE, so many evenly spread (chosen)."""
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
        self.targets = [Target(recording) for recording in recordings]
        self.renders = 0
        self._audio: NDArray[np.float32] | None = None

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
        tones = parameters.tones_from(np.concatenate([choice[None], others]), self.base)
        for target in self.targets:
            audio = self._render(tones, target)
            itself = Target(Recording(audio[0], target.recording.played))
            distances, _ = itself.compare(audio[1:], False, self.threads)
            np.maximum(farthest, distances, out=farthest)
        return farthest

    def sounds(self, choices: NDArray[np.int64], which: int = 0) -> NDArray[np.float32]:
        """Audio, float32[N, samples], of candidates at the note of recording ``which``."""
        return self._render(parameters.tones_from(choices, self.base), self.targets[which])

    def _hear(
        self, choices: NDArray[np.int64], residuals: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        tones = parameters.tones_from(choices, self.base)
        distances, apart = [], []
        audible = np.zeros(len(tones), bool)
        for target in self.targets:
            samples = len(target.recording.audio)
            audio = self._render(tones, target, self._memory(samples)[: len(tones)])
            compared = target.hear(audio, CELL if residuals else NO_CELLS, self.threads)
            audible |= compared.sounding
            distances.append(compared.distances)
            apart.append(compared.cells)
        mean = np.mean(distances, axis=0)
        mean[~audible] = np.inf
        return mean, np.concatenate(apart, axis=1)

    def _memory(self, samples: int) -> NDArray[np.float32]:
        """Where a batch's audio lies until it has been compared; new memory would cost time for each."""
        if self._audio is None or self._audio.shape[1] != samples:
            self._audio = empty((_AT_ONCE, samples))
        return self._audio

    def _render(
        self, tones: NDArray[np.uint8], target: Target, out: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        played, samples = target.recording.played, len(target.recording.audio)
        return render(
            tones, played.note, played.velocity, played.gate_s, samples / SAMPLE_RATE,
            profile=self.profile, threads=self.threads, out=out,
        )  # fmt: skip


class Target:
    """One recording, with what of it each comparison needs again."""

    def __init__(self, recording: Recording) -> None:
        audio = np.asarray(recording.audio, np.float32)
        if not len(audio) or not np.isfinite(audio).all():
            raise ValueError("the target is empty or holds samples that are not numbers")
        self.recording = Recording(audio, recording.played)
        self.goal = distance.Goal.of(audio)

    def compare(
        self, audio: NDArray[np.float32], residuals: bool, threads: int | None
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Distances of sounds, float32[N, samples], as `features.log_mel_distance` defines them, and (or an
        empty array) residuals float32[N, cells]."""
        heard = self.hear(audio, CELL if residuals else NO_CELLS, threads)
        return heard.distances, heard.cells

    def hear(
        self, audio: NDArray[np.float32], cell: tuple[int, int], threads: int | None
    ) -> distance.Compared:
        """The same with cells of so many bands and frames, and whether a sound can be heard at all."""
        return distance.compare(audio, self.goal, audible=SILENT, group=cell, threads=threads or 0)


def heard_in(choice: NDArray[np.int64], listener: Listener) -> NDArray[np.bool_]:
    """Whether each estimated parameter can be heard in a tone at the listener's notes: bool[heads].

    ``choice``: int64[heads], classes. A level is tried at both ends and 24 raw to either side, a switch in
    its other positions; it can be heard if one of these changes the log-mel spectrogram by more than
    `AUDIBLE_DB` against the tone itself, levels matched. Renders about 160 tones, which do not count as
    candidates.
    """
    which, tried = one_at_a_time(choice, [_trials(k, int(choice[k])) for k in range(len(choice))])
    heard = np.zeros(len(choice), bool)
    heard[which[listener.between(choice, tried) > AUDIBLE_DB]] = True
    return heard


def _trials(k: int, here: int) -> list[int]:
    """The classes at which a head is tried."""
    head = parameters.HEADS[k]
    last = head.classes - 1
    if head.parameter.name in DEAF:
        return []
    if head.parameter.kind == "level":
        return sorted({0, last, max(here - LEVEL_TRIAL, 0), min(here + LEVEL_TRIAL, last)})
    return sorted({int(v) for v in np.linspace(0, last, min(SWITCH_TRIALS, last + 1)).round()})

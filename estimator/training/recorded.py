"""Training examples from recorded takes, alone or among rendered ones.

A take is heard as a rendered sound is: from the moment the note was played, at 44.1 kHz, for four
seconds. What comes before, the latency of the rig, is cut off. Batch k depends on the seed, the takes
and k alone, and every take is heard once before any is heard again.
"""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from estimator.network.inputs import SECONDS
from estimator.training.synthetic import Batch, Sounds, heard, rendered
from jxctl.dataset.edit import place
from jxctl.dataset.reader import file_audio, rows
from jxctl.dataset.schema import Row
from jxctl.errors import UsageError
from jxctl.protocol.parameters import TONE_SIZE
from simulator.features import SAMPLE_RATE
from simulator.synth import Profile

HELD_OUT = 0.1
"""Share of the tones that is never learnt but used to judge."""
HELD_OUT_SEED = 1_000_003
SHORTFALL_S = 0.25
"""A take that was cut while it sounded may lack this much at the end; beyond it, silence would be
taught where there was sound."""
_LEARNT_FROM = (
    "sha256", "tone", "note", "velocity", "gate_s",
    "sample_rate", "port", "audio_device", "latency_s", "onset_s",
)  # fmt: skip
"""Columns that decide what the network is given for a take."""


class _Take(NamedTuple):
    """What training asks of a take; ``heard_through``: takes with the same share a latency."""

    folder: Path
    file_name: str
    sample_rate: int
    samples: int | None
    tone: bytes
    note: int
    velocity: int
    gate_s: float
    heard_through: tuple[object, ...]


class Recorded:
    """The takes of data sets that can be learnt from; ``len`` says how many.

    Used are takes with the verdict "ok" that were not cut early. ``left_out``: how many takes were not
    used, by reason. ``digest``: changes when any label, latency or sound does. ``held_out``: takes of tones
    that are kept for judging (a tenth of the tones, to within chance; none of a very small set).

    Raises `UsageError` when nothing is left, and as `jxctl.dataset.rows` does.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.left_out: Counter[str] = Counter()
        self._takes: list[_Take] = []
        self._latency_s: dict[tuple[object, ...], float] = {}
        self.held_out: list[int] = []
        digest = hashlib.sha256()
        for folder in folders:
            for row in rows(folder):
                if reason := _unfit(row):
                    self.left_out[reason] += 1
                    continue
                if place(row["tone"], HELD_OUT_SEED) < HELD_OUT:
                    self.held_out.append(len(self._takes))
                self._add(folder, row)
                known: Mapping[str, object] = row
                digest.update(repr([known[name] for name in _LEARNT_FROM]).encode())
        if not self._takes:
            raise UsageError(
                f"nothing in {', '.join(map(str, folders))} can be learnt from: {self.reasons or 'no takes'}",
                "jx dataset info says what a set holds; takes of at least four seconds are best",
            )
        self.digest = digest.hexdigest()[:16]
        if len(self.held_out) == len(self._takes):
            self.held_out = []
        self._learnt = np.setdiff1d(np.arange(len(self._takes)), self.held_out)

    def __len__(self) -> int:
        return len(self._takes)

    @property
    def reasons(self) -> str:
        """What was left out, in words; empty when nothing was."""
        return ", ".join(f"{count} {reason}" for reason, count in sorted(self.left_out.items()))

    def sounds(self, takes: Sequence[int]) -> Sounds:
        """Some takes, at least one, by number, as sounds that start with the note.

        Raises `VerificationError` for a file that is missing or damaged.
        """
        chosen = [self._takes[k] for k in takes]
        return Sounds(
            np.frombuffer(b"".join(take.tone for take in chosen), np.uint8).reshape(-1, TONE_SIZE),
            np.array([take.note for take in chosen], np.int64),
            np.array([take.velocity for take in chosen], np.int64),
            np.array([take.gate_s for take in chosen], np.float64),
            np.stack([self._audio(take) for take in chosen]),
        )

    def numbers(self, seed: int, first: int, count: int) -> list[int]:
        """Which takes come at places ``first`` to ``first + count`` of the endless stream of a seed."""
        size = len(self._learnt)
        places = range(first, first + count)
        return [int(self._learnt[self._order(seed, at // size)[at % size]]) for at in places]

    @functools.lru_cache(maxsize=4)  # noqa: B019 - lives as long as the run
    def _order(self, seed: int, epoch: int) -> NDArray[np.int64]:
        return np.random.default_rng((seed, epoch, len(self._learnt))).permutation(len(self._learnt))

    def _add(self, folder: Path, row: Row) -> None:
        through = (folder, row["port"], row["audio_device"], row["latency_s"])
        self._takes.append(
            _Take(
                folder, row["file_name"], row["sample_rate"], row["samples"], bytes.fromhex(row["tone"]),
                row["note"], row["velocity"], row["gate_s"], through,
            )
        )  # fmt: skip
        # No sound comes before its note, and some tones start with it.
        found_s = _latency_s(row)
        if found_s is not None:
            earliest_s = self._latency_s.get(through, found_s)
            self._latency_s[through] = max(0.0, min(earliest_s, found_s))

    def _audio(self, take: _Take) -> NDArray[np.float32]:
        audio = file_audio(take.folder, take.file_name, take.sample_rate, take.samples)
        if take.sample_rate != SAMPLE_RATE:
            import soxr

            audio = soxr.resample(audio, take.sample_rate, SAMPLE_RATE, quality="HQ").astype(np.float32)
        samples = round(SECONDS * SAMPLE_RATE)
        audio = audio[round(self._latency_s.get(take.heard_through, 0.0) * SAMPLE_RATE) :]
        return np.pad(audio[:samples], (0, max(0, samples - len(audio))))


def mixed_batch(
    recorded: Recorded,
    mix: float,
    seed: int,
    index: int,
    size: int,
    profile: str | Profile,
    *,
    threads: int = 1,
) -> Batch:
    """Batch ``index`` of the stream ``seed``: a share ``mix`` of recorded takes, the rest rendered."""
    rng = np.random.default_rng((seed, index))
    taken = max(1, round(size * mix))
    sounds = recorded.sounds(recorded.numbers(seed, index * taken, taken))
    if taken < size:
        sounds = sounds.followed_by(rendered(rng, size - taken, profile, threads))
    return heard(sounds, rng)


def judging_batches(recorded: Recorded, size: int, most: int) -> list[Batch]:
    """The first ``most`` takes held out, in batches, as they were recorded: no noise is added."""
    takes = recorded.held_out[:most]
    return [heard(recorded.sounds(takes[at : at + size]), None) for at in range(0, len(takes), size)]


def _unfit(row: Row) -> str:
    """Why a take is not used; empty when it is. Silence, even expected, teaches nothing."""
    if row["verdict"] != "ok":
        return str(row["verdict"] or "not judged")
    length_s = row["max_seconds"] if row["samples"] is None else row["samples"] / row["sample_rate"]
    if row["tail_cut"] and length_s - (row["latency_s"] or 0.0) < SECONDS - SHORTFALL_S:
        return f"cut before {SECONDS:g} s"
    return ""


def _latency_s(row: Row) -> float | None:
    """Seconds from the first sample of a take to its note: 0 where a virtual board is heard at its port,
    measured where it was, else at most the onset, if there is one."""
    if row["port"].startswith("sim:") and row["audio_device"] is None:
        return 0.0
    return row["onset_s"] if row["latency_s"] is None else row["latency_s"]

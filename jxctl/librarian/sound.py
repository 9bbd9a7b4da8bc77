"""Search by sound: which of one's own tones a recorded note is.

Two stages. The fingerprints of all tones (`jxctl.librarian.fingerprint`, made once and kept in the index) are
compared with the recording's, at the recorded key or, where the key was only found from the sound, at the
keys that give such a pitch. The best few are then rendered at that key and gate, each from several start
phases, and ordered by their log-mel distance (`simulator.features.log_mel_distance`) from the recording, over
the cells that rise above its noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jxctl.errors import AudioError, UsageError
from jxctl.librarian import fingerprint
from jxctl.librarian.identity import stock_of
from jxctl.librarian.index import Library, StoredTone
from jxctl.protocol.tone import to_batch
from simulator.features import FLOOR_DB, SAMPLE_RATE, log_mel, log_mel_distance
from simulator.synth import render

AT_A_TIME = 64
"""Sounds whose fingerprints are made and stored together (chosen: a few seconds)."""
RENDERED = 24
"""Tones, each at a key, that are rendered and compared (chosen: of 100 recordings, 99 had the true tone
among the best three of the first stage)."""
START_PHASES = 3
"""Renders of each, from other start phases (chosen)."""
LONGEST_S = 2.5
"""Seconds of a recording that are compared by rendering (chosen)."""
OTHER_KEYS = (-12, 12, -24, 24, -7, 7, -5, 5, -19, 19)
"""Semitones from the pitch that was found to the key: a tone may sound at 16', 4' or 2', or with its DCOs
tuned a fourth or a fifth away."""
OTHER_KEY_DB = 0.5
"""By how much a tone at another key has to be nearer to be preferred in the first stage (chosen)."""
QUIETEST_SHARE = 0.05
"""Of a recording's frames, the quietest, in which its noise is measured (chosen: what has decayed, or what
follows it)."""
LOUDEST_NOISE_BAND = 95
"""Percentile of the mel bands' noise that has to lie below the floor (chosen)."""
NOISE_MARGIN_DB = 3.0
LEAST_DEPTH_DB = 40.0
"""Below the loudest cell, where the floor of the distance lies at least (chosen): a recording that ends while
it sounds has no quiet frame."""
Report = Callable[[int, int], None]
"""Called with how many sounds are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Match:
    """A ``tone`` of the library at MIDI ``note``, ``distance_db`` from the recording."""

    tone: StoredTone
    note: int
    distance_db: float

    def to_json(self) -> dict[str, object]:
        """Plain data for JSON."""
        return self.tone.to_json() | {"note": self.note, "distance_db": round(self.distance_db, 3)}


def missing(library: Library, profile: str = "superjx") -> int:
    """How many sounds have no fingerprint of this version and these laws."""
    return sum(blob is None for _, blob in library.fingerprints(fingerprint.version_of(profile)))


def update(library: Library, profile: str = "superjx", report: Report = lambda *_: None) -> int:
    """Make the fingerprints that are missing, and keep them; what is interrupted goes on the next time.

    Returns:
        How many were made.
    """
    version = fingerprint.version_of(profile)
    tones = {stored.sound: stored.tone for stored in library.tones(former=True)}
    waiting = [sound for sound, blob in library.fingerprints(version) if blob is None]
    for first in range(0, len(waiting), AT_A_TIME):
        part = waiting[first : first + AT_A_TIME]
        made = fingerprint.fingerprints(to_batch([stock_of(tones[sound]) for sound in part]), profile)
        library.keep_fingerprints(
            version, [(sound, row.tobytes()) for sound, row in zip(part, made, strict=True)]
        )
        report(first + len(part), len(waiting))
    return len(waiting)


def depth_above_noise_db(mel_db: NDArray[np.float32]) -> float:
    """How far below a recording's loudest cell its distance is taken, so that its noise is not compared.

    Args:
        mel_db: float32[bands, frames], dB below the loudest cell.

    Returns:
        `LEAST_DEPTH_DB` to `FLOOR_DB`; `FLOOR_DB` where the recording has frames without any noise.
    """
    power = np.power(10, mel_db.astype(np.float64) / 10)
    quietest = np.argsort(power.sum(axis=0))[: max(1, round(QUIETEST_SHARE * power.shape[1]))]
    noise_db = 10 * np.log10(np.percentile(power[:, quietest].mean(axis=1), LOUDEST_NOISE_BAND))
    if noise_db <= -FLOOR_DB + NOISE_MARGIN_DB:
        return FLOOR_DB
    return float(np.clip(-noise_db - NOISE_MARGIN_DB, LEAST_DEPTH_DB, FLOOR_DB))


class SoundIndex:
    """The fingerprints of a library in memory: one row for each sound that a tone has.

    Args:
        library: whose fingerprints are there (`update`); sounds without one are left out.
        profile: the laws of the renders.

    Raises:
        UsageError: there is none.
    """

    def __init__(self, library: Library, profile: str = "superjx") -> None:
        self.profile = profile
        rows = dict(library.fingerprints(fingerprint.version_of(profile)))
        by_sound: dict[int, StoredTone] = {}
        for stored in library.tones():
            if rows.get(stored.sound) is not None:
                by_sound.setdefault(stored.sound, stored)
        self.tones = list(by_sound.values())
        if not self.tones:
            raise UsageError(
                f"{library.path}: no tone that can be searched by sound", "jx library import FOLDER adds some"
            )
        shape = (len(fingerprint.NOTES), fingerprint.BANDS, fingerprint.STRETCHES)
        joined = b"".join(rows[stored.sound] or b"" for stored in self.tones)
        self._stored = np.frombuffer(joined, np.uint8).reshape(len(self.tones), *shape)

    def find(
        self, audio: NDArray[np.float32], note: int, gate_s: float, velocity: int = 100, *,
        key_is_given: bool = True, count: int = 10, threads: int | None = None,
    ) -> list[Match]:  # fmt: skip
        """The tones that sound most like a recording, the nearest first.

        Args:
            audio: float32[samples] at 44.1 kHz that starts with the note.
            note: MIDI note of the key, or of the pitch that was found.
            gate_s: seconds that the key was down.
            velocity: of the key, 0-127, for the renders.
            key_is_given: the key is sure; else other keys that may give the pitch are tried (`OTHER_KEYS`).
            count: how many tones at most; no more than `RENDERED`.
            threads: for rendering; all cores where None.

        Returns:
            Tones with the key and the distance in dB, fewer than ``count`` where fewer sound at that key.

        Raises:
            AudioError: the recording is silent or holds what is no number.
        """
        audio = np.asarray(audio, np.float32)[
            : round((gate_s + fingerprint.RELEASE_EDGES_S[-1]) * SAMPLE_RATE)
        ]
        if not audio.size or not np.isfinite(audio).all() or not np.abs(audio).max() > 0:
            raise AudioError("the recording is silent, or holds what is no number", "record it again")
        mel_db = log_mel(audio[None])
        candidates = self._nearest(mel_db, note, gate_s, key_is_given)
        depth_db = depth_above_noise_db(mel_db[0])
        return self._rendered(audio, candidates, gate_s, velocity, depth_db, count, threads)

    def _nearest(
        self, mel_db: NDArray[np.float32], note: int, gate_s: float, key_is_given: bool
    ) -> list[tuple[int, int]]:
        """Rows and keys that come first by fingerprint, a tone once."""
        keys = [note]
        if not key_is_given:
            keys += [note + interval for interval in OTHER_KEYS if 0 <= note + interval <= 127]
        far = np.full((len(keys), len(self.tones)), np.inf, np.float32)
        for row, key in enumerate(keys):
            power, there = fingerprint.averaged(mel_db, key, gate_s)
            own = fingerprint.decibels(power)[0]
            far[row] = fingerprint.distances(own, there, *fingerprint.at_note(self._stored, key))
            far[row] += OTHER_KEY_DB * (row > 0)
        best = far.argmin(axis=0)
        order = np.argsort(far.min(axis=0), kind="stable")[:RENDERED]
        return [(int(k), keys[best[k]]) for k in order if np.isfinite(far[best[k], k])]

    def _rendered(
        self, audio: NDArray[np.float32], candidates: list[tuple[int, int]], gate_s: float, velocity: int,
        depth_db: float, count: int, threads: int | None,
    ) -> list[Match]:  # fmt: skip
        if not candidates:
            return []
        target = audio[: round(LONGEST_S * SAMPLE_RATE)]
        tones = to_batch([stock_of(self.tones[row].tone) for row, _ in candidates])
        sounds = render(
            np.repeat(tones, START_PHASES, axis=0), np.repeat([key for _, key in candidates], START_PHASES),
            velocity, gate_s, len(target) / SAMPLE_RATE, profile=fingerprint.free_profile(self.profile),
            seed=np.tile(np.arange(START_PHASES), len(candidates)), threads=threads,
        )  # fmt: skip
        every = log_mel_distance(sounds, target, depth_db, threads or 0)
        nearest = every.reshape(len(candidates), START_PHASES).min(axis=1)
        order = np.argsort(nearest, kind="stable")[:count]
        return [Match(self.tones[candidates[k][0]], candidates[k][1], float(nearest[k])) for k in order]

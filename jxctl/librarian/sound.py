"""Search by sound: which of one's own tones a recorded note is.

Two stages. The fingerprints of all tones (`jxctl.librarian.fingerprint`, made once and kept in the index) are
compared with the recording's, at the recorded key or, where only a pitch was found in the sound, at the keys
at which each tone's oscillators have such a pitch. The best few are then rendered at that key and gate, each
from several start phases, and ordered by their log-mel distance (`simulator.features.log_mel_distance`) from
the recording, over the cells that rise above its noise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jxctl.errors import AudioError, UsageError
from jxctl.librarian import fingerprint
from jxctl.librarian.identity import stock_of
from jxctl.librarian.index import Library, StoredTone, default_path
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
OTHER_PITCHES = (-24, -12, 12, 19, 24)
"""Semitones from an oscillator to the pitch that is found where that is not its own (chosen): the period that
two oscillators have in common, or a strong harmonic."""
OTHER_KEY_DB = 0.5
"""By how much a tone has to be nearer to be preferred in the first stage where its pitch is not that of an
oscillator (chosen)."""
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
        self, audio: NDArray[np.float32], note: float, gate_s: float, velocity: int = 100, *,
        key_is_given: bool = True, count: int = 10, threads: int | None = None,
    ) -> list[Match]:  # fmt: skip
        """The tones that sound most like a recording, the nearest first.

        Args:
            audio: float32[samples] at 44.1 kHz that starts with the note.
            note: MIDI note of the key, or the pitch that was found, in semitones.
            gate_s: seconds that the key was down.
            velocity: of the key, 0-127, for the renders.
            key_is_given: the key is sure; else the keys are tried at which a tone has that pitch.
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
        self, mel_db: NDArray[np.float32], note: float, gate_s: float, key_is_given: bool
    ) -> list[tuple[int, int]]:
        """Rows and keys that come first by fingerprint, a tone once."""
        keys, penalties_db = self._keys(note, key_is_given)
        own = np.zeros((128, fingerprint.BANDS, fingerprint.STRETCHES), np.float32)
        there = np.zeros(fingerprint.STRETCHES, np.bool_)
        for key in np.unique(keys[(keys >= 0) & (keys <= 127)]):
            power, there = fingerprint.averaged(mel_db, int(key), gate_s)
            own[key] = fingerprint.decibels(power)[0]
        far = np.empty(keys.shape, np.float32)
        for row, wanted in enumerate(keys):
            valid = np.clip(wanted, 0, 127)
            stored, sounding = fingerprint.at_note(self._stored, valid)
            far[row] = fingerprint.distances(own[valid], there, stored, sounding & (valid == wanted))
        far += penalties_db[:, None]
        best = far.argmin(axis=0)
        order = np.argsort(far.min(axis=0), kind="stable")[:RENDERED]
        return [(int(k), int(keys[best[k], k])) for k in order if np.isfinite(far[best[k], k])]

    def _keys(self, note: float, key_is_given: bool) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Keys that each tone may have been played at, int[any, N], and what each row costs in dB."""
        if key_is_given:
            return np.full((1, len(self.tones)), round(note)), np.zeros(1, np.float32)
        laws = fingerprint.free_profile(self.profile)
        batch = to_batch([stock_of(stored.tone) for stored in self.tones])
        rows, costs = [np.full(len(batch), float(note))], [OTHER_KEY_DB]
        for dco in ("DCO1", "DCO2"):
            above = laws.physical(batch, f"{dco} RANGE", "dco_range") + laws.physical(batch, f"{dco} TUNE")
            if dco == "DCO2":
                above = above + laws.physical(batch, "DCO2 FTUNE") / 100
            rows += [note - above, *(note - above - pitch for pitch in OTHER_PITCHES)]
            costs += [0.0, *(OTHER_KEY_DB for _ in OTHER_PITCHES)]
        return np.rint(np.stack(rows)).astype(np.int64), np.array(costs, np.float32)

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


def own_tone(
    path: str | Path | None, audio: NDArray[np.float32], note: float, gate_s: float, velocity: int = 100,
    key_is_given: bool = True,
) -> Match | None:  # fmt: skip
    """The tone of a player's library that sounds most like a recording, for commands that do without.

    Args:
        path: of the library; the player's own where None.
        audio, note, gate_s, velocity, key_is_given: as for `SoundIndex.find`.

    Returns:
        None where the player has no library, or no tone of it has a fingerprint or sounds at this key.

    Raises:
        UsageError: the library that ``path`` names is not there or is none.
        AudioError: the recording is silent.
    """
    if path is None and not default_path().is_file():
        return None
    with Library(path) as library:
        if missing(library) == library.sounds():
            return None
        found = SoundIndex(library).find(
            audio, note, gate_s, max(velocity, 1), key_is_given=key_is_given, count=1
        )
    return found[0] if found else None

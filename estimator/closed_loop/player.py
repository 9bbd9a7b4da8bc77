"""Candidates on a board: a rig plays them, each take is durable before it is believed.

A take is heard as a recording is: from the key on, at 44.1 kHz, as long as the target. What comes before, the
latency of the rig, is cut off; what follows when the sound has gone is the board's own noise floor.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from estimator.closed_loop.distance import Noise, noise_of
from estimator.closed_loop.surrogate import BoardTake, Trials
from estimator.inference.note_detection import Recording
from estimator.inference.objective import Listener
from estimator.network import parameters
from jxctl.dataset import rows, take_audio
from jxctl.dataset.take import Take
from jxctl.dataset.writer import Writer
from jxctl.errors import UsageError, VerificationError
from jxctl.ports import AudiblePort, Port
from jxctl.ports.client import Synth, play_note
from jxctl.protocol.tone import Tone, from_batch
from jxctl.recording.rig import Rig
from simulator.features import SAMPLE_RATE, log_mel_distance

RETRIES = 2
"""How often a take that lost samples is played again."""
HUSH_S = 1.0


class BoardPlay:
    """`estimator.closed_loop.optimizer.Play` on a rig. ``recordings``: the targets, whose notes are played
    for as long as they last. ``base``: raw values of what no head estimates. ``data_set``: where takes are
    kept (None: nowhere).

    Raises what `Rig.take` raises, `UsageError` where the data set is of another target, and
    `VerificationError` for a first take without a sound.
    """

    def __init__(
        self, rig: Rig, recordings: Sequence[Recording], base: bytes, data_set: Writer | None = None
    ) -> None:
        self.rig, self.recordings, self.base, self.data_set = rig, list(recordings), base, data_set
        self.label = f"jx guess --loop, target {fingerprint(recordings)}"
        self._index = 0

    def noise(self) -> Noise:
        """What the board sounds like while nothing plays (`estimator.closed_loop.distance.noise_of`); takes a
        second."""
        rate, quiet = self.rig.audio.sample_rate, self.rig.hush(HUSH_S)
        if rate != SAMPLE_RATE:
            import soxr

            quiet = soxr.resample(quiet, rate, SAMPLE_RATE, quality="HQ")
        return noise_of(np.asarray(quiet, np.float32))

    def __call__(self, choice: NDArray[np.int64]) -> list[Recording]:
        """Play one candidate at every note."""
        tone = tone_of(choice, self.base)
        takes = [self._take(tone, recording) for recording in self.recordings]
        if not self._index and all(take.verdict == "silent" for take in takes):
            raise VerificationError(
                f"the board is silent: {takes[0].reason}",
                "check its volume, the cable, the audio input (jx audio) and the port (jx ports)",
            )
        for take in takes:
            if self.data_set is not None:
                self.data_set.append(self._index, take)
            self._index += 1
        return [
            self._heard(t.audio, t.sample_rate, t.latency_s, r)
            for t, r in zip(takes, self.recordings, strict=True)
        ]

    def takes_of(self, tone: Tone) -> list[tuple[Take, Recording]]:
        """Any tone at the notes of the recordings: each take, and what is heard in it. Kept nowhere.

        Raises `VerificationError` when none of them makes a sound that should.
        """
        takes = [self._take(tone, recording) for recording in self.recordings]
        if all(take.verdict == "silent" for take in takes):
            raise VerificationError(
                f"the board is silent: {takes[0].reason}",
                "check its volume, the cable, the audio input (jx audio) and the port (jx ports)",
            )
        pairs = zip(takes, self.recordings, strict=True)
        return [(t, self._heard(t.audio, t.sample_rate, t.latency_s, r)) for t, r in pairs]

    def resume(self, listener: Listener) -> Trials:
        """The takes that the data set holds, as trials; a candidate whose last notes are missing is left
        out, and what it has is written no more."""
        trials = Trials()
        if self.data_set is None:
            return trials
        held = list(rows(self.data_set.folder))
        if any(row["tones_from"] != self.label for row in held):
            raise UsageError(
                f"{self.data_set.folder} holds takes for another recording",
                "name another folder with --keep, or the recordings of the first run",
            )
        self._index = max((row["index"] + 1 for row in held), default=0)
        count = len(self.recordings)
        by_index = {row["index"]: row for row in held}
        first = 0
        while first < self._index:
            group = [by_index[k] for k in range(first, first + count) if k in by_index]
            if len(group) < count or len({row["tone"] for row in group}) > 1:
                # A kill between two notes of a candidate: the rest of it was never played.
                first += max(
                    1, len([row for row in group if row["tone"] == group[0]["tone"]]) if group else 1
                )
                continue
            first += count
            sounds = [
                self._heard(
                    take_audio(self.data_set.folder, row), row["sample_rate"], row["latency_s"], recording
                )
                for row, recording in zip(group, self.recordings, strict=True)
            ]
            choice = parameters.classes(np.frombuffer(bytes.fromhex(group[0]["tone"]), np.uint8)[None])[0]
            take = BoardTake(choice, sounds)
            each = [
                t.compare(s[None], False, 1)[0][0] for t, s in zip(listener.targets, take.sounds, strict=True)
            ]
            trials.add(take, float(np.mean(each)))
        return trials

    def _take(self, tone: Tone, recording: Recording) -> Take:
        played = recording.played
        late_s = self.rig.latency.latency_s if self.rig.latency else 0.0
        seconds = len(recording.audio) / SAMPLE_RATE + late_s
        gate_s = min(played.gate_s, seconds)
        for _ in range(1 + RETRIES):
            take = self.rig.take(tone, played.note, max(played.velocity, 1), gate_s, seconds)
            if take.verdict != "dropped audio":
                break
        missing_s = seconds - take.seconds
        audio = take.audio
        if missing_s > 1 / take.sample_rate:
            audio = np.concatenate([audio, self.rig.hush(missing_s)])
        return replace(take, audio=audio, tones_from=self.label)

    def _heard(
        self, audio: NDArray[np.float32], rate: int, latency_s: float | None, recording: Recording
    ) -> Recording:
        """A take as a recording of the target's length."""
        audio = audio[round((latency_s or 0.0) * rate) :]
        if rate != SAMPLE_RATE:
            import soxr

            audio = soxr.resample(audio, rate, SAMPLE_RATE, quality="HQ")
        wanted = len(recording.audio)
        audio = np.asarray(audio[:wanted], np.float32)
        return Recording(np.pad(audio, (0, wanted - len(audio))), recording.played)


def audition(port: Port, tone: Tone, recording: Recording) -> float | None:
    """Load a tone into a bare board and play the note of a recording on it.

    Returns how far the board sounds from the recording, log-mel dB; None, with no note played, where the
    port cannot be heard in this process.
    """
    synth = Synth(port)
    synth.wake()
    synth.load(tone)
    if not isinstance(port, AudiblePort):
        return None
    played, target = recording.played, recording.audio
    seconds = len(target) / SAMPLE_RATE
    held = min(played.gate_s, seconds)
    sound = play_note(synth, port, played.note, played.velocity, held, seconds - held)
    assert sound is not None
    if port.sample_rate != SAMPLE_RATE:
        import soxr

        sound = soxr.resample(sound, port.sample_rate, SAMPLE_RATE)
    sound = np.resize(sound, len(target))  # a sample more or less, by rounding
    return float(log_mel_distance(sound[None], target)[0])


def fingerprint(recordings: Sequence[Recording]) -> str:
    """Twelve hexadecimal digits that tell targets apart: of their samples and notes."""
    digest = hashlib.sha256()
    for recording in recordings:
        digest.update(np.asarray(recording.audio, np.float32).tobytes())
        digest.update(repr(recording.played).encode())
    return digest.hexdigest()[:12]


def tone_of(choice: NDArray[np.int64], base: bytes, name: str = "LOOP") -> Tone:
    """A candidate, int64[heads], as a tone; ``base``: raw values of what no head estimates."""
    return from_batch(parameters.tones_from(choice[None], base), name)[0]

"""A take: one recorded note with its label, its verdict and everything needed to repeat it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jxctl.audio.capture import Audio
from jxctl.protocol.tone import Tone

Verdict = Literal[
    "ok",
    "expected silence",
    "silent",
    "clipped",
    "dropped audio",
    "too early",
    "too late",
    "out of tune",
    "unlike its tone",
]
TRUSTED: tuple[Verdict, ...] = ("ok", "expected silence")
"""Verdicts under which audio and label belong together."""


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """One recorded note and everything needed to repeat it; None is unknown.

    Args:
        audio: ``float32[samples]``, mono, from the moment the note was sent; full scale is 1.0.
        sample_rate: Hz.
        tone: what was loaded.
        note, velocity: MIDI numbers.
        gate_s: seconds from note-on to note-off.
        max_seconds: where the recording would have been cut.
        port: URL of the port played.
        noise_floor_dbfs: RMS before the note.
        peak_dbfs: largest sample.
        onset_s: seconds from sending the note to hearing it, which includes the latency of the rig.
        tail_cut: it was still sounding at the end.
        verdict, reason, pitch_cents, expected: see `jxctl.recording.quality.Judgement`.
        attempts: how often it was played until then.
        model, board, voice, patch: see `jxctl.recording.player.Player`.
        unit, firmware, profile, audio_device, input_gain: see `jxctl.recording.rig.Bench`.
        latency_s, latency_spread_s: of the rig, measured beforehand.
        powered_on_min: minutes since power-on.
        recorded_at: UTC, ISO 8601, by the machine's clock.
        reference: it is the plan's reference tone.
        tones_from: where the tones of the plan come from.

    Examples:
        >>> from jxctl.recording.config import RigFile
        >>> from jxctl.recording.rig import open_rig
        >>> with open_rig(RigFile(port="sim:")) as rig:
        ...     take = rig.take(Tone.init(), 60, gate_s=0.2, max_seconds=0.4)
        >>> take.verdict, take.sample_rate, take.port
        ('ok', 44100, 'sim:')
    """

    audio: Audio
    sample_rate: int
    tone: Tone
    note: int
    velocity: int
    gate_s: float
    max_seconds: float
    port: str
    noise_floor_dbfs: float | None
    peak_dbfs: float | None
    onset_s: float | None
    tail_cut: bool | None
    verdict: Verdict | None
    reason: str | None = None
    attempts: int = 1
    expected: str | None = None
    pitch_cents: float | None = None
    reference: bool = False
    tones_from: str | None = None
    model: str | None = None
    board: str | None = None
    voice: int | None = None
    patch: str | None = None
    unit: str | None = None
    firmware: str | None = None
    profile: str | None = None
    audio_device: str | None = None
    input_gain: str | None = None
    latency_s: float | None = None
    latency_spread_s: float | None = None
    powered_on_min: float | None = None
    recorded_at: str | None = None

    @property
    def trusted(self) -> bool:
        """Whether audio and label belong together."""
        return self.verdict in TRUSTED

    @property
    def seconds(self) -> float:
        """How long the recording is."""
        return self.audio.size / self.sample_rate

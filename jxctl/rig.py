"""A rig: a synth and an ear. It turns a tone and a note into a `Take`.

One take: silence what still sounds, load the tone, measure the noise floor, play the note, record it
and its tail until the sound has gone. The levels and the verdict are measured, never assumed; what
could not be measured is `None`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from jxctl.audio import ONSET_ABOVE_FLOOR_DB, Audio, AudioInput, LiveInput, onset, peak_dbfs, rms_dbfs
from jxctl.errors import DeviceError, UsageError
from jxctl.synth import Synth
from jxctl.tone import Tone

Verdict = Literal["ok", "silent", "clipped", "dropped audio"]

DEFAULT_MAX_SECONDS = 4.0
SHORTEST_GATE_S = 0.001
CLIP_LEVEL = 32767 / 32768
"""A sample this large has met the end of a 16-bit converter, and of any longer one."""
SILENT_DBFS = -80.0
"""A take that never gets louder than this is silent, however quiet the floor (assumed)."""
TAIL_END_ABOVE_FLOOR_DB = 6.0
"""The tail has gone when its level over `_TAIL_STEP_S` is this near the noise floor (assumed)."""
TAIL_END_DBFS = -90.0
"""The tail has gone below this level, however quiet the floor (assumed)."""

# Time for the control loop to notice the silence: its period is 10 or 60 ms, the sources leave it
# open (jx_hardware.md section 1), so two of the longer.
_SETTLE_S = 0.12
_FLOOR_S = 0.1
_TAIL_STEP_S = 0.1
# A sound card delivers late: a note that has not been heard yet may still arrive (assumed).
_LATENCY_S = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """One recorded note and everything needed to repeat it.

    ``audio``: ``float32[samples]``, mono, from the moment the note was sent; full scale is 1.0.
    ``note``, ``velocity``: MIDI numbers. ``gate_s``: seconds from note-on to note-off.
    ``max_seconds``: where the recording would have been cut. ``port``: URL of the port played.
    ``noise_floor_dbfs``: RMS before the note. ``peak_dbfs``: largest sample. ``onset_s``: seconds
    from sending the note to hearing it, which includes the latency of the rig. ``tail_cut``: it was
    still sounding at the end. ``verdict``: whether the audio can be trusted, see `judge`.
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


class Rig:
    """A synth and the audio input that hears it.

    On a bare board a note is played on voice 0: the board itself allocates no voices.
    """

    def __init__(self, synth: Synth, audio: AudioInput) -> None:
        self.synth = synth
        self.audio = audio

    def take(
        self,
        tone: Tone,
        note: int,
        velocity: int = 100,
        gate_s: float = 1.0,
        max_seconds: float = DEFAULT_MAX_SECONDS,
    ) -> Take:
        """Play one note of a tone and record it, with its tail, for at most ``max_seconds``.

        Raises `UsageError` for a note or times out of range, `DeviceError` when the port or the
        audio input fails. The synth is silenced afterwards, whatever happens.
        """
        check_note(note, velocity, gate_s, max_seconds)
        try:
            return self._take(tone, note, velocity, gate_s, max_seconds)
        finally:
            self.synth.silence()

    def _take(self, tone: Tone, note: int, velocity: int, gate_s: float, max_seconds: float) -> Take:
        self.synth.silence()
        self._catch_up()
        self._listen(_SETTLE_S)
        self.synth.load(tone)
        self._catch_up()
        self._listen(_SETTLE_S)
        floor_dbfs = rms_dbfs(self._listen(_FLOOR_S))

        self._catch_up()
        dropouts = self._dropouts()
        self.synth.note_on(note, velocity)
        held = self._listen(gate_s)
        self.synth.note_off(note)
        tail, tail_cut = self._tail(held, floor_dbfs, max_seconds)
        audio = np.concatenate([held, *tail])

        dropped = self._dropouts() > dropouts
        rate = self.audio.sample_rate
        verdict = judge(audio, floor_dbfs, dropped)
        trusted = verdict in ("ok", "clipped")
        return Take(
            audio=audio,
            sample_rate=rate,
            tone=tone,
            note=note,
            velocity=velocity,
            gate_s=gate_s,
            max_seconds=max_seconds,
            port=self.synth.port.url,
            noise_floor_dbfs=floor_dbfs,
            peak_dbfs=peak_dbfs(audio),
            onset_s=onset(audio, rate, floor_dbfs) if trusted else None,
            tail_cut=tail_cut,
            verdict=verdict,
        )

    def _tail(self, held: Audio, floor_dbfs: float, max_seconds: float) -> tuple[list[Audio], bool]:
        """What follows the note-off, and whether it was cut while it still sounded."""
        rate = self.audio.sample_rate
        end = round(max_seconds * rate)
        patience = held.size + round(_LATENCY_S * rate)
        quiet_dbfs = max(floor_dbfs + TAIL_END_ABOVE_FLOOR_DB, TAIL_END_DBFS)
        heard = rms_dbfs(held) >= quiet_dbfs
        tail: list[Audio] = []
        size = held.size
        while size < end:
            step = self._listen(min(_TAIL_STEP_S, (end - size) / rate))
            tail.append(step)
            size += step.size
            quiet = rms_dbfs(step) < quiet_dbfs
            heard = heard or not quiet
            if quiet and (heard or size >= patience):
                return tail, False
        return tail, rms_dbfs((tail or [held])[-1]) >= quiet_dbfs

    def _listen(self, seconds: float) -> Audio:
        audio = self.audio.listen(seconds)
        if not audio.size or not np.isfinite(audio).all():
            raise DeviceError(
                "the audio input delivered no samples, or samples that are not numbers",
                "check the audio device; the same command continues",
            )
        return audio

    def _catch_up(self) -> None:
        if isinstance(self.audio, LiveInput):
            self.audio.catch_up()

    def _dropouts(self) -> int:
        return self.audio.dropouts if isinstance(self.audio, LiveInput) else 0


def judge(audio: Audio, floor_dbfs: float, dropped: bool) -> Verdict:
    """Whether a take can be trusted; the worst finding wins.

    ``dropped audio``: the input lost some of it. ``clipped``: a sample reached `CLIP_LEVEL`.
    ``silent``: it stays under `SILENT_DBFS`, or is not clearly above the noise floor.
    """
    if dropped:
        return "dropped audio"
    if np.max(np.abs(audio), initial=0.0) >= CLIP_LEVEL:
        return "clipped"
    if peak_dbfs(audio) < max(SILENT_DBFS, floor_dbfs + ONSET_ABOVE_FLOOR_DB):
        return "silent"
    return "ok"


def check_note(note: int, velocity: int, gate_s: float, max_seconds: float) -> None:
    """Raise `UsageError` unless a take can be asked for like this."""
    if not 0 <= note <= 127:
        raise UsageError(f"the note is {note}; MIDI notes are 0 to 127", "60 is the middle C")
    if not 1 <= velocity <= 127:
        raise UsageError(f"the velocity is {velocity}; it runs from 1 to 127")
    if not SHORTEST_GATE_S <= gate_s <= max_seconds < math.inf:
        raise UsageError(
            f"a gate of {gate_s:g} s does not fit into a recording of {max_seconds:g} s",
            f"{SHORTEST_GATE_S:g} <= gate <= maximum, both in seconds",
        )

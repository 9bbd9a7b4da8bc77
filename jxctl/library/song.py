"""A song: MIDI messages and when they come, out of a Standard MIDI File or into one.

Times are whole numbers of a unit in which every tick of the file falls on a whole number, so that the
sample at which a message acts is exact however long the song and however often its tempo changes.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jxctl.errors import ToneError, UsageError
from jxctl.library.midifile import META, read_events
from jxctl.protocol.midi import END_OF_SYSEX, SYSEX

LONGEST_S = 6 * 3600
"""A longer song is refused: a damaged file may claim months."""

_MICROSECONDS = 1_000_000
_TEMPO = 500_000
"""Microseconds a beat, of a file that says nothing of tempo."""
_SET_TEMPO, _END_OF_TRACK = 0x51, 0x2F
# Frames a second of SMPTE time, as a fraction: "29" is 29.97 (Standard MIDI Files 1.0).
_SMPTE = {24: (24, 1), 25: (25, 1), 29: (30_000, 1001), 30: (30, 1)}
_MOST_DIVISION = 0x7FFF
_LONGEST_WAIT = 0x0FFFFFFF  # four bytes of seven bits


@dataclass(frozen=True, slots=True)
class Song:
    """``messages``: time and bytes, in order; ``end``: when the last track ends. ``units``: per second."""

    units: int
    messages: Sequence[tuple[int, bytes]]
    end: int

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.end / self.units

    def sample(self, time: int, sample_rate: int) -> int:
        """The sample nearest to a time."""
        return (2 * time * sample_rate + self.units) // (2 * self.units)


def read_song(data: bytes) -> Song:
    """The messages of a MIDI file of type 0 or 1, with its tempo changes or SMPTE time.

    Raises `UsageError` for what is no MIDI file, is cut short or damaged, holds separate songs (type 2), or
    is longer than `LONGEST_S`.
    """
    try:
        header, events = read_events(data)
    except ToneError as error:
        raise UsageError(error.message, "it has to be a Standard MIDI File; export it again") from None
    kind, division = int.from_bytes(header[:2], "big"), int.from_bytes(header[4:6], "big")
    if kind == 2:
        raise UsageError("this MIDI file holds separate songs (type 2)", "export one of them as type 0 or 1")
    if kind > 2:
        raise UsageError(f"this is a MIDI file of type {kind}", "export it as type 0 or 1")
    units, factor = _time_base(division)
    fixed = bool(division & 0x8000)
    messages: list[tuple[int, bytes]] = []
    now = last = 0
    tempo = 1 if fixed else _TEMPO
    for tick, status, content in events:
        now += (tick - last) * tempo * factor
        last = tick
        if now > LONGEST_S * units:
            raise UsageError(
                f"this MIDI file lasts longer than {LONGEST_S // 3600} hours",
                "it may be damaged; export it again",
            )
        if status in (SYSEX, END_OF_SYSEX):
            messages.append((now, content))
        elif status != META:
            messages.append((now, bytes((status,)) + content))
        elif content[0] == _SET_TEMPO and len(content) == 4 and not fixed:
            # A tempo of 0 would make everything after it simultaneous.
            tempo = int.from_bytes(content[1:], "big") or tempo
    return Song(units, messages, now)


def write_song(messages: Iterable[tuple[int, bytes]], end: int, sample_rate: int) -> bytes:
    """A MIDI file whose ticks are samples: messages at ``sample_rate``, and the sample at which it ends.

    `read_song` gives back the same samples. Realtime and system common messages, which a file cannot hold,
    are left out. Raises `UsageError` for a rate that is no whole number of ticks.
    """
    import mido

    beats = next(
        (
            n
            for n in range(1, 65)
            if not sample_rate % n and not _MICROSECONDS % n and sample_rate // n <= _MOST_DIVISION
        ),
        None,
    )
    if beats is None:
        raise UsageError(f"a MIDI file cannot count samples at {sample_rate} Hz", "use 44100 or 48000 Hz")
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=_MICROSECONDS // beats)])
    last = 0

    def wait(sample: int) -> int:
        """Ticks from the last event to ``sample``; a wait too long for one event gets empty ones."""
        nonlocal last
        ticks, last = sample - last, sample
        while ticks > _LONGEST_WAIT:
            track.append(mido.MetaMessage("text", text="", time=_LONGEST_WAIT))
            ticks -= _LONGEST_WAIT
        return ticks

    for sample, message in messages:
        if message[0] <= SYSEX:
            ticks = wait(sample)
            track.append(mido.Message.from_bytes(message, time=ticks))
    ticks = wait(max(end, last))
    track.append(mido.MetaMessage("end_of_track", time=ticks))
    file = mido.MidiFile(type=0, ticks_per_beat=sample_rate // beats, tracks=[track])
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()


def _time_base(division: int) -> tuple[int, int]:
    """Units a second, and units a tick: for each microsecond of a beat, or at all in SMPTE time."""
    if not division & 0x8000:
        if not division:
            raise UsageError("this MIDI file is damaged: it has no ticks in a beat", "export it again")
        return division * _MICROSECONDS, 1
    frames, ticks = 0x100 - (division >> 8), division & 0xFF
    if frames not in _SMPTE or not ticks:
        raise UsageError(
            f"this MIDI file is damaged: it counts {frames} frames a second of {ticks} ticks",
            "24, 25, 29 (for 29.97) or 30 frames are known; export it in beats",
        )
    per_second, factor = _SMPTE[frames]
    return per_second * ticks, factor

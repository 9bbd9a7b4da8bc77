"""SysEx in a Standard MIDI File, read and written with mido."""

from __future__ import annotations

import io
from collections.abc import Iterable

from jxctl.errors import ToneError

MAGIC = b"MThd"
_TICKS_PER_BEAT = 480
_BEAT_S = 0.5
"""Of a file that says nothing of tempo: 120 beats a minute."""
_WIRE_S = 10 / 31250
"""A byte on a MIDI cable (jx_hardware.md 2.1)."""


def read_midi_file(data: bytes) -> bytes:
    """The SysEx messages of all tracks, one after the other in order of time; other events are left out.

    A message that a sequencer has split into several packets is not joined (mido does not tell packets
    from messages): its pieces are then bytes of no known message.

    Raises `ToneError` for what is no MIDI file.
    """
    import mido

    try:
        file = mido.MidiFile(file=io.BytesIO(data))
        found = [bytes(event.bytes()) for event in file.merged_track if event.type == "sysex"]
    except EOFError:
        raise ToneError("this MIDI file is cut short") from None
    except Exception as error:  # mido raises whatever its parser trips over
        raise ToneError(f"this MIDI file cannot be read ({error or type(error).__name__})") from error
    return b"".join(found)


def write_midi_file(messages: Iterable[bytes], gap_s: float) -> bytes:
    """A MIDI file of one track: SysEx messages with ``gap_s`` seconds between an end and the next start."""
    import mido

    track, wait = mido.MidiTrack(), 0
    for message in messages:
        track.append(mido.Message("sysex", data=message[1:-1], time=wait))
        seconds = len(message) * _WIRE_S + gap_s
        # Upwards: a gap may be longer than asked for, not shorter.
        wait = -int(-seconds * _TICKS_PER_BEAT // _BEAT_S)
    file = mido.MidiFile(type=0, ticks_per_beat=_TICKS_PER_BEAT, tracks=[track])
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()

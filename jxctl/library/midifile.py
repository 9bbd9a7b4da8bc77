"""Standard MIDI Files: SysEx in them and out of them, and the events that a song is made of.

Written with mido, read here, for mido takes packets of a SysEx message for messages.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from jxctl.errors import ToneError
from jxctl.protocol.midi import END_OF_SYSEX, SYSEX, data_bytes

MAGIC = b"MThd"
META = 0xFF
"""Status of an event that is no MIDI: tempo, names, the end of a track."""
Event: TypeAlias = tuple[int, int, bytes]
"""The tick at which it stands, its status, and: of SysEx the message F0 to F7, of an escape (F7) the bytes
as they are, of `META` the kind and what follows, of a channel message the data bytes."""
_TICKS_PER_BEAT = 480
_BEAT_S = 0.5
"""Of a file that says nothing of tempo: 120 beats a minute."""
_WIRE_S = 10 / 31250
"""A byte on a MIDI cable (jx_hardware.md 2.1)."""
_CHUNK_HEAD, _HEADER_SIZE = 8, 6
_FIRST_STATUS, _END_OF_TRACK = 0x80, b"\x2f"
_END = bytes((END_OF_SYSEX,))
_ROLAND = b"\x41"
_ROLAND_HEAD = b"\xf0\x41"


def read_midi_file(data: bytes) -> bytes:
    """The SysEx messages of all tracks, one after the other in order of time; other events are left out.

    A message that a sequencer has split into packets (F0, then F7 events) is joined, and stands where its
    first packet does. One whose last packet lacks the F7 gets it: the file says where it ends.

    Raises `ToneError` for what is no MIDI file.
    """
    _, found = read_events(data)
    return b"".join(content for _, status, content in found if status in (SYSEX, END_OF_SYSEX))


def recovered(data: bytes) -> tuple[bytes, str]:
    """As `read_midi_file`, also of a damaged file: the messages whose events are whole, and what was wrong.

    Of a file that is cut short or has a wrong track length, each SysEx event is read by its own length. The
    last of a cut file is there as far as it goes.

    Raises `ToneError` for a file that is damaged and holds no SysEx event.
    """
    scanned = _scanned(data)
    try:
        strict = read_midi_file(data)
    except ToneError as error:
        if not scanned:
            raise
        return scanned, error.message
    if scanned.count(_ROLAND_HEAD) > strict.count(_ROLAND_HEAD):
        return scanned, "a track of this MIDI file is longer than it says"
    return strict, ""


def _scanned(data: bytes) -> bytes:
    """SysEx events wherever they stand: F0, a length, and as many bytes up to F7."""
    found = bytearray()
    at = data.find(SYSEX)
    while at >= 0:
        past = at + 1
        try:
            size, start = _number(data, at + 1)
        except (IndexError, ValueError):
            size, start = 0, 0
        content = data[start : start + size]
        if content[:1] == _ROLAND and (content.endswith(_END) or start + size > len(data)):
            found += bytes((SYSEX,)) + content
            past = start + len(content)
        at = data.find(SYSEX, past)
    return bytes(found)


def read_events(data: bytes) -> tuple[bytes, list[Event]]:
    """The header's content (six bytes or more) and the events of all tracks in order of time.

    Of events at one time, those of the first track come first. Raises `ToneError` for what is no MIDI file.
    """
    if not data.startswith(MAGIC):
        raise ToneError("this MIDI file cannot be read (it does not begin with MThd)")
    try:
        chunks = list(_chunks(data))
        header = chunks[0][1]
        contents = [content for name, content in chunks if name == b"MTrk"]
        if len(header) < _HEADER_SIZE or len(contents) < int.from_bytes(header[2:4], "big"):
            raise EOFError
        found = [event for content in contents for event in _track_events(content)]
    except (EOFError, IndexError):
        raise ToneError("this MIDI file is cut short") from None
    except ValueError as error:
        raise ToneError(f"this MIDI file cannot be read ({error})") from None
    return header, sorted(found, key=lambda event: event[0])


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents; what follows the last whole chunk is passed over. Raises `EOFError`."""
    start = 0
    while len(data) - start >= _CHUNK_HEAD:
        size = int.from_bytes(data[start + 4 : start + _CHUNK_HEAD], "big")
        content = data[start + _CHUNK_HEAD : start + _CHUNK_HEAD + size]
        if len(content) < size:
            raise EOFError
        yield data[start : start + 4], content
        start += _CHUNK_HEAD + size


def _track_events(track: bytes) -> list[Event]:
    """The events of a track, packets of a SysEx message joined.

    Raises `IndexError` for a track that is cut short and `ValueError` for one that is damaged.
    """
    found: list[Event] = []
    tick, begun, packets = 0, 0, b""
    for delta, status, data in _events(track):
        tick += delta
        if status not in (SYSEX, END_OF_SYSEX) or (status == END_OF_SYSEX and not packets):
            found.append((tick, status, data))
            continue
        if status == SYSEX and packets:
            found.append((begun, SYSEX, packets + _END))
            packets = b""
        if not packets:
            begun, packets = tick, bytes((SYSEX,))
        packets += data
        if packets.endswith(_END):
            found.append((begun, SYSEX, packets))
            packets = b""
    return [*found, (begun, SYSEX, packets + _END)] if packets else found


def _events(track: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Delta time, status and data of each event up to the end of the track, which is one too."""
    at, running = 0, 0
    while at < len(track):
        delta, at = _number(track, at)
        status = track[at]
        if status >= _FIRST_STATUS:
            at += 1
        elif running:
            status = running
        else:
            raise ValueError(f"byte {status:02X} at {at} of a track begins no event")
        kind = b""
        if status in (SYSEX, END_OF_SYSEX, META):
            if status == META:
                kind, at = track[at : at + 1], at + 1
                if kind == _END_OF_TRACK:
                    yield delta, status, kind
                    return
            size, at = _number(track, at)
        else:
            running = status if status < SYSEX else running
            size = data_bytes(status)
        if at + size > len(track):
            raise EOFError
        yield delta, status, kind + track[at : at + size]
        at += size


def _number(track: bytes, at: int) -> tuple[int, int]:
    """A number of up to four bytes, seven bits each, and where the next thing begins."""
    value = 0
    for _ in range(4):
        value, at = value << 7 | track[at] & 0x7F, at + 1
        if track[at - 1] < _FIRST_STATUS:
            return value, at
    raise ValueError("a number of more than four bytes")


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

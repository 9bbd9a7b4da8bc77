"""What is played: bus bytes and MIDI files, written by hand."""

from __future__ import annotations

import struct
from collections.abc import Iterable

Script = list[tuple[int, bytes]]
"""Samples to render after bytes were given."""

SELECT = {"lower": b"\xf1", "upper": b"\xf9", "both": b"\xf4"}
PORTA_TIME, BENDER, AFTERTOUCH, TUNE1, PORTA_SW, SILENCE, RANGE = 0xB0, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7
VIB_SW, BRI_SW, VOL_SW, HOLD, WHEEL, TUNE2, POLARITY = 0xB8, 0xB9, 0xBA, 0xBB, 0xBC, 0xBE, 0xBF


def on(voice: int, note: int, velocity: int = 100) -> bytes:
    """Start a voice."""
    return bytes((0xC0 + voice, note, velocity))


def off(voice: int, note: int) -> bytes:
    """Release it."""
    return bytes((0xD0 + voice, note, 0))


def chord(board: str = "lower") -> Script:
    """Six voices, one after the other, and their release."""
    notes = (36, 48, 55, 64, 67, 72)
    struck = [(1201 + 37 * v, SELECT[board] + on(v, note, 60 + 11 * v)) for v, note in enumerate(notes)]
    return [*struck, (9000, b"".join(off(v, n) for v, n in enumerate(notes[::2]))), (8000, off(1, 48))]


def performances(load: bytes) -> dict[str, Script]:
    """Scripts on the lower board, by what they try."""
    bend = [(700, bytes((BENDER, value))) for value in range(0, 128, 16)]
    return {
        "a note": [(0, load), (30000, on(0, 60)), (20000, off(0, 60))],
        "voices": [(333, load), *chord(), (441, on(2, 50)), (5000, on(2, 62)), (5000, off(2, 62))],
        "bender": [
            (0, load), (3000, bytes((RANGE, 0x60)) + on(0, 57)), (100, bytes((POLARITY, 0x7F))), *bend,
            (2000, bytes((POLARITY, 0))), (4000, bytes((BENDER, 0))),
        ],
        "aftertouch": [
            (0, load), (2000, bytes((VIB_SW, 127, BRI_SW, 127, VOL_SW, 127)) + on(1, 64)),
            (0, bytes((0x8C, 90, 0x8D, 100, 0x8E, 70))), (6000, bytes((AFTERTOUCH, 64))),
            (6000, bytes((AFTERTOUCH, 127))), (6000, bytes((WHEEL, 80))), (3000, bytes((AFTERTOUCH, 0))),
        ],
        "portamento": [
            (0, load), (0, bytes((PORTA_SW, 127, PORTA_TIME, 60))), (8000, on(0, 48)), (9000, on(0, 72)),
            (4000, on(0, 60)), (4000, bytes((PORTA_TIME, 10))), (6000, on(0, 36)), (3000, off(0, 36)),
        ],
        "tune and hold": [
            (0, load), (2000, bytes((TUNE1, 0, TUNE2, 127)) + on(3, 69)), (4000, bytes((TUNE1, 127))),
            (4000, bytes((HOLD, 127)) + off(3, 69)), (5000, bytes((HOLD, 0))), (5000, bytes((SILENCE, 127))),
        ],
        "garbage": [
            (0, load[:40]), (0, b"\x55\x12\xff\xe0\x10"), (0, load), (3000, b"\xc0\x3c" + on(0, 60)),
            (3000, b"\x97"), (500, b"\x20"), (500, b"\xc6\x10\x20\xf5\x90\x3c\x64\xf1\x99"), (3000, b"\x30"),
            (4000, SELECT["upper"] + on(1, 72) + SELECT["lower"]), (4000, b"\x10\xd0\x3c\x00"),
        ],
        "edits while sounding": [
            (0, load), (4000, on(0, 52)), (3001, b"\x97\x10"), (3002, b"\x98\x70"), (3003, b"\x9f\x20"),
            (3004, b"\x9f\x60"), (3005, b"\x81\x20\x96\x40"), (3006, load), (3007, on(5, 52)),
        ],
    }  # fmt: skip


def _length(value: int) -> bytes:
    """A number as MIDI files write it."""
    out = [value & 0x7F]
    while value := value >> 7:
        out.insert(0, 0x80 | value & 0x7F)
    return bytes(out)


def midi_file(tracks: Iterable[Iterable[tuple[int, bytes]]], division: int = 96, kind: int = 1) -> bytes:
    """A Standard MIDI File of events and the ticks before each."""
    chunks = []
    for events in tracks:
        body = b"".join(_length(wait) + event for wait, event in [*events, (24, b"\xff\x2f\x00")])
        chunks.append(b"MTrk" + struct.pack(">I", len(body)) + body)
    return b"MThd" + struct.pack(">IHHH", 6, kind, len(chunks), division) + b"".join(chunks)


def songs() -> dict[str, bytes]:
    """MIDI files by what they try."""
    tempo = (0, b"\xff\x51\x03\x07\xa1\x20")
    keys = (40, 47, 52, 56, 59, 64, 68, 71)
    chords = [(6, bytes((0x90, key, 50 + 9 * k))) for k, key in enumerate(keys)]
    chords += [(40, bytes((0xE0, 0, 0x60))), (10, b"\xb0\x01\x50"), (20, b"\xd0\x60"), (9, b"\xe0\x00\x20")]
    chords += [(3, bytes((0x80, key, 64))) for key in keys]
    programs: list[tuple[int, bytes]] = []
    for number in (0, 3, 7, 12, 20, 31):
        programs += [
            (2, bytes((0xC0, number))), (1, b"\x90\x30\x70"), (0, b"\x90\x40\x5a"), (30, b"\x80\x30\x00"),
            (0, b"\x90\x40\x00"),
        ]  # fmt: skip
    pedals = [
        (0, b"\xb0\x40\x7f"), (0, b"\xb0\x41\x7f"), (0, b"\xb0\x05\x30"), (1, b"\x90\x3c\x64"),
        (24, b"\x80\x3c\x00"), (1, b"\x90\x48\x64"), (24, b"\x80\x48\x00"), (12, b"\xb0\x40\x00"),
        (3, b"\xb0\x07\x30"), (3, b"\x90\x24\x7f"), (20, b"\xb0\x7b\x00"), (4, b"\x90\x78\x20"),
        (9, b"\x90\x78\x00"),
    ]  # fmt: skip
    return {
        "chords": midi_file([[tempo, (96, b"\xff\x51\x03\x03\xd0\x90")], chords]),
        "programs": midi_file([programs], division=120, kind=0),
        "pedals": midi_file([pedals], division=0xE728),  # SMPTE: 25 frames of 40 ticks
    }

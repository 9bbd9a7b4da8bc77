"""SysEx out of MIDI files: events written out by hand, after the text of Standard MIDI Files 1.0."""

from __future__ import annotations

import contextlib
import io

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jxctl.errors import ToneError
from jxctl.library.files import load
from jxctl.library.midifile import read_midi_file, write_midi_file

APR = bytes.fromhex("F0 41 35 00 21 20 01") + b"BY HAND   \x20" + bytes(range(48)) + b"\xf7"
END = bytes.fromhex("00 FF 2F 00")


def midi_file(*tracks: bytes) -> bytes:
    header = b"MThd" + bytes.fromhex("00000006 0001") + len(tracks).to_bytes(2, "big") + b"\x00\x60"
    return header + b"".join(b"MTrk" + len(track).to_bytes(4, "big") + track for track in tracks)


def event(status: int, data: bytes, delta: int = 0) -> bytes:
    assert len(data) < 128
    return bytes((delta, status, len(data))) + data


def test_packets_are_one_message() -> None:
    track = event(0xF0, APR[1:20]) + event(0xF7, APR[20:50], 5) + event(0xF7, APR[50:], 5) + END
    assert read_midi_file(midi_file(track)) == APR
    loaded = load(midi_file(track))
    assert loaded.bank.tones[0].name == "BY HAND"
    assert list(loaded.unused) == []


def test_packets_have_other_events_between_them_and_other_tracks_beside_them() -> None:
    """A message stands where it begins, and a track's packets are its own."""
    note = bytes.fromhex("01 90 3C 40 01 3C 00")  # the second by running status
    text = event(0xFF, b"\x04text").replace(b"\x05\x04", b"\x04\x04")
    first = event(0xF0, APR[1:20], 2) + note + event(0xF7, APR[20:], 9) + END
    other = text + event(0xF0, b"\x43\x01\xf7", 1) + event(0xF0, b"\x43\x02\xf7", 3) + END
    assert read_midi_file(midi_file(first, other)) == b"\xf0\x43\x01\xf7" + APR + b"\xf0\x43\x02\xf7"


def test_an_escape_is_bytes_as_they_are() -> None:
    assert read_midi_file(midi_file(event(0xF7, APR) + END)) == APR
    both = event(0xF7, b"\xfa") + event(0xF0, APR[1:]) + END
    assert load(midi_file(both)).bank.tones[0].name == "BY HAND"


def test_a_message_without_its_end_gets_it() -> None:
    lazy = event(0xF0, APR[1:-1]) + event(0xF0, b"\x43\x01", 1) + END
    assert read_midi_file(midi_file(lazy)) == APR + b"\xf0\x43\x01\xf7"


def test_a_message_that_is_really_cut_is_said() -> None:
    with pytest.raises(ToneError, match="19 data bytes; expected 59"):
        load(midi_file(event(0xF0, APR[1:26]) + END))


def test_what_follows_the_last_track_does_not_matter() -> None:
    data = midi_file(event(0xF0, APR[1:]) + END)
    assert read_midi_file(data + b"XFIH\x00\x00\x00\x01?" + b"\0\0") == APR


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"MThd", "cut short"),
        (midi_file(event(0xF0, APR[1:]))[:-1], "cut short"),
        (midi_file(END)[:14], "cut short"),
        (midi_file(b"\x00\xf0\x20\x41"), "cut short"),
        (midi_file(b"\x00\xf0"), "cut short"),
        (midi_file(b"\x00\x40\x40"), "begins no event"),
        (midi_file(b"\x00\xf4\x40"), "F4"),
        (midi_file(b"\xff\xff\xff\xff\x00"), "more than four bytes"),
        (b"MTrk", "does not begin"),
    ],
)
def test_damage_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(ToneError, match=said):
        read_midi_file(data)


SYSEX = st.binary(max_size=300).map(lambda data: b"\xf0" + bytes(byte & 0x7F for byte in data) + b"\xf7")


@given(st.lists(SYSEX, max_size=5), st.floats(0, 1))
def test_what_is_written_is_read_here_and_by_mido(messages: list[bytes], gap_s: float) -> None:
    data = write_midi_file(messages, gap_s)
    assert read_midi_file(data) == b"".join(messages)
    track = mido.MidiFile(file=io.BytesIO(data)).tracks[0]
    assert [bytes(m.bytes()) for m in track if m.type == "sysex"] == messages


@given(st.binary(max_size=60))
def test_noise_is_refused_or_read(data: bytes) -> None:
    for content in (data, midi_file(data), midi_file(data, END)):
        with contextlib.suppress(ToneError):
            read_midi_file(content)

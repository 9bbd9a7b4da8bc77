"""Songs out of MIDI files and into them: times by hand and by mido, and files that are none."""

from __future__ import annotations

import contextlib
import io

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jxctl.errors import UsageError
from jxctl.library.song import Song, read_song, write_song

END = bytes.fromhex("00 FF 2F 00")


def midi_file(*tracks: bytes, kind: int = 1, division: int = 96) -> bytes:
    header = b"MThd" + bytes((0, 0, 0, 6, 0, kind)) + len(tracks).to_bytes(2, "big")
    header += division.to_bytes(2, "big")
    return header + b"".join(b"MTrk" + len(track).to_bytes(4, "big") + track for track in tracks)


def seconds(song: Song) -> list[tuple[float, bytes]]:
    return [(time / song.units, message) for time, message in song.messages]


def test_beats_and_tempo_of_another_track() -> None:
    """A beat of 96 ticks lasts 0.5 s, after two beats 0.25 s: the tempo stands in the first track."""
    tempo = bytes.fromhex("81 40 FF 51 03 03 D0 90") + END  # tick 192: 250,000 us
    notes = bytes.fromhex("00 90 3C 64 60 3C 00 60 C0 05 60 90 3E 40 30 3E 00") + END
    song = read_song(midi_file(tempo, notes))
    assert seconds(song) == [
        (0.0, b"\x90\x3c\x64"),
        (0.5, b"\x90\x3c\x00"),  # running status, written out
        (1.0, b"\xc0\x05"),
        (1.25, b"\x90\x3e\x40"),
        (1.375, b"\x90\x3e\x00"),
    ]
    assert song.seconds == 1.375


def test_it_lasts_until_its_tracks_end() -> None:
    assert read_song(midi_file(bytes.fromhex("00 C0 00 81 40 FF 2F 00"))).seconds == 1.0


def test_sysex_is_joined_and_stands_where_it_begins() -> None:
    track = bytes.fromhex("60 F0 02 43 01 30 90 3C 64 30 F7 02 02 F7") + END
    assert seconds(read_song(midi_file(track))) == [
        (0.5, bytes.fromhex("F0 43 01 02 F7")),
        (0.75, b"\x90\x3c\x64"),
    ]


@pytest.mark.parametrize(("frames", "a_second"), [(24, 24.0), (25, 25.0), (29, 30000 / 1001), (30, 30.0)])
def test_smpte_time_knows_no_tempo(frames: int, a_second: float) -> None:
    tempo = bytes.fromhex("00 FF 51 03 03 D0 90")
    track = tempo + bytes.fromhex("83 60 90 3C 64") + END  # 480 ticks, 40 a frame
    song = read_song(midi_file(track, division=(0x100 - frames) << 8 | 40))
    assert seconds(song) == [(pytest.approx(12 / a_second, abs=1e-12), b"\x90\x3c\x64")]


def test_mido_agrees_about_tempo_changes() -> None:
    """mido adds seconds as floats, so it is only near."""
    tracks = [
        mido.MidiTrack(
            mido.MetaMessage("set_tempo", tempo=t, time=37) for t in range(300_000, 900_000, 12_345)
        ),
        mido.MidiTrack(mido.Message("note_on", note=n, time=13) for n in range(128)),
    ]
    out = io.BytesIO()
    mido.MidiFile(type=1, ticks_per_beat=480, tracks=tracks).save(file=out)
    time, expected = 0.0, []
    for message in mido.MidiFile(file=io.BytesIO(out.getvalue())):
        time += message.time
        if not message.is_meta:
            expected.append((pytest.approx(time, abs=1e-9), bytes(message.bytes())))
    assert len(expected) == 128
    assert seconds(read_song(out.getvalue())) == expected


def test_samples_are_the_nearest_ones() -> None:
    song = Song(units=1000, messages=[], end=0)
    assert [song.sample(time, 44100) for time in (0, 1, 2, 1000, 3_600_000)] == [
        0, 44, 88, 44100, 158_760_000
    ]  # fmt: skip


@settings(max_examples=50)
@given(
    rate=st.sampled_from([8000, 22050, 44100, 48000, 88200, 96000, 192000]),
    gaps=st.lists(st.integers(0, 300_000), max_size=20),
    tail=st.integers(0, 10**6),
)
def test_what_is_written_is_read_at_the_same_samples(rate: int, gaps: list[int], tail: int) -> None:
    at, messages = 0, []
    for number, gap in enumerate(gaps):
        at += gap
        messages.append(
            (at, bytes((0x90, number, 100)) if number % 3 else b"\xf0\x41" + bytes((number, 0xF7)))
        )
    data = write_song([*messages, (at, b"\xf8")], at + tail, rate)
    song = read_song(data)
    assert [(song.sample(time, rate), message) for time, message in song.messages] == messages
    assert song.sample(song.end, rate) == at + tail


def test_a_wait_may_be_longer_than_one_event_can_say() -> None:
    note = (3 * 3600 * 44100, b"\x90\x3c\x64")
    song = read_song(write_song([note], 5 * 3600 * 44100, 44100))
    assert [(song.sample(time, 44100), message) for time, message in song.messages] == [note]
    assert song.seconds == 5 * 3600


def test_a_rate_that_no_file_can_count() -> None:
    with pytest.raises(UsageError, match="44057"):
        write_song([], 0, 44057)


NOTE = bytes.fromhex("00 90 3C 64 60 3C 00") + END


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "MThd"),
        (b"a song of words\n", "MThd"),
        (midi_file(NOTE)[:-3], "cut short"),
        (midi_file(NOTE)[:20], "cut short"),
        (midi_file(NOTE, NOTE, kind=2), "separate songs"),
        (midi_file(NOTE, kind=9), "type 9"),
        (midi_file(NOTE, division=0), "no ticks"),
        (midi_file(NOTE, division=0xE900), "frames"),
        (midi_file(NOTE, division=0x9050), "112 frames"),
        (midi_file(b"\x00\x3c\x64" + END), "3C"),
        (midi_file(b"\xff\xff\xff\x7f\x90\x3c\x64" + END, division=1), "longer than 6 hours"),
    ],
)
def test_what_is_no_song_is_said(data: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said) as error:
        read_song(data)
    assert error.value.hint


@settings(max_examples=200)
@given(st.binary(max_size=60), st.integers(0, 60))
def test_damage_is_an_error_and_nothing_else(noise: bytes, at: int) -> None:
    whole = midi_file(NOTE, bytes.fromhex("00 F0 03 43 01 F7") + END)
    for data in (whole[:at] + noise + whole[at + len(noise) :], b"MThd" + noise):
        with contextlib.suppress(UsageError):
            read_song(data)

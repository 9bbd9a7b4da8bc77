"""A song through the virtual synth: exact samples, any block size, tempo, SysEx, and an end."""

from __future__ import annotations

import numpy as np
import pytest

from jxctl.library.song import Song, read_song, write_song
from jxctl.protocol.bank import Bank
from jxctl.protocol.patch import Patch
from jxctl.protocol.sysex import encode, messages_of
from jxctl.protocol.tone import INIT_TONE
from simulator.instrument.instrument import QUIET, WINDOW_S, Instrument, play_song
from simulator.instrument.memory import Memory

RATE = 44100
SHORT = INIT_TONE.with_values({"ENV2 REL": 10, "ENV2 SUS": 127, "CHORUS": 1})


def synth(seed: int = 0) -> Instrument:
    memory = Memory("mks70", Bank("mks70", {0: Patch.init().with_tones(0, 0)}, {0: SHORT}))
    return Instrument("mks70", seed=seed, memory=memory)


def song(*messages: tuple[int, bytes], end: int = 0) -> Song:
    """Times are samples."""
    return Song(RATE, messages, max([end, *(time for time, _ in messages)]))


CHORD = song(
    *((100 + 7 * key, bytes((0x90, 40 + 3 * key, 90))) for key in range(14)),
    (900, bytes.fromhex("B0 01 40")),
    (5000, bytes.fromhex("E0 00 50")),
    (6003, bytes.fromhex("C0 00")),
    *((6100 + 7 * key, bytes((0x90, 43 + 3 * key, 70))) for key in range(5)),
    (9001, bytes.fromhex("B0 7B 00")),
    end=9500,
)


def test_blocks_of_64_are_the_whole_bit_for_bit() -> None:
    whole = np.concatenate(list(play_song(CHORD, synth())), axis=1)
    pieces = list(play_song(CHORD, synth(), block=64))
    assert max(piece.shape[1] for piece in pieces) == 64
    assert whole.shape[0] == 2
    assert np.abs(whole).max() > 0.01
    assert np.array_equal(np.concatenate(pieces, axis=1), whole)


def test_messages_act_at_their_own_sample() -> None:
    """The same bytes given by hand at the same samples."""
    by_hand = synth()
    parts, now = [], 0
    for sample, message in CHORD.messages:
        parts.append(by_hand.render(sample - now))
        by_hand.receive_midi(message)
        now = sample
    parts.append(by_hand.render(9500 - now))
    played = np.concatenate(list(play_song(CHORD, synth(), tail_s=0)), axis=1)
    assert np.array_equal(played, np.concatenate(parts, axis=1))


def test_a_file_of_samples_plays_the_same() -> None:
    data = write_song(CHORD.messages, CHORD.end, RATE)
    again = np.concatenate(list(play_song(read_song(data), synth())), axis=1)
    assert np.array_equal(again, np.concatenate(list(play_song(CHORD, synth())), axis=1))


def test_the_tail_lasts_until_it_is_quiet() -> None:
    note = song((0, b"\x90\x3c\x64"), (RATE // 2, b"\x80\x3c\x00"))
    audio = np.concatenate(list(play_song(note, synth())), axis=1)
    tail = audio[:, RATE // 2 :]
    window = round(WINDOW_S * RATE)
    assert np.abs(tail[:, -window:]).max() < QUIET
    assert np.abs(tail[:, : -window or None]).max() > QUIET
    assert tail.shape[1] < 5 * RATE


def test_a_key_that_stays_down_ends_with_the_longest_tail() -> None:
    pieces = list(play_song(song((0, b"\x90\x3c\x64")), synth(), tail_s=0.6))
    assert sum(piece.shape[1] for piece in pieces) == round(0.6 * RATE)
    assert np.abs(pieces[-1]).max() > 0.01


def test_sysex_in_a_song_changes_the_sound() -> None:
    """A bulk dump that makes tone 1 loud in a memory where it is silent, then program 1."""
    mute = INIT_TONE.with_values({"VCA LEVEL": 0})
    patches = {0: Patch.init().with_tones(1, 1), 1: Patch.init().with_tones(1, 1)}
    memory = Memory("mks70", Bank("mks70", patches, {1: mute}))
    bank = Bank("mks70", {}, {1: SHORT})
    loads = [(10, message.encoded()) for message in messages_of(bank)]
    notes = [(0, b"\x90\x3c\x64"), *loads, (20_000, b"\xc0\x01"), (20_001, b"\x90\x3c\x64")]
    assert encode(messages_of(bank)) == b"".join(message for _, message in loads)
    audio = np.concatenate(list(play_song(song(*notes), Instrument(memory=memory), tail_s=1)), axis=1)
    assert np.abs(audio[:, :20_000]).max() < QUIET
    assert np.abs(audio[:, 21_000:]).max() > 0.01


@pytest.mark.parametrize("model", ["jx8p", "jx10", "mks70"])
def test_every_model_plays(model: str) -> None:
    instrument = Instrument(model)  # type: ignore[arg-type]
    pieces = play_song(song((0, b"\x90\x3c\x64"), (4000, b"\x80\x3c\x40")), instrument, tail_s=0.1)
    assert max(np.abs(piece).max() for piece in pieces) > 0.01


def test_silence_plays_as_silence() -> None:
    pieces = list(play_song(song(end=1000), synth(), tail_s=1))
    assert sum(piece.shape[1] for piece in pieces) == 1000 + round(WINDOW_S * RATE)
    assert max(np.abs(piece).max() for piece in pieces) == 0

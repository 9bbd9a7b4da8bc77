"""A whole virtual synth, the assigner and its sound boards: MIDI in, MIDI and stereo sound out.

Each arrow of ``MIDI -> assigner -> bus -> boards -> sound`` is a stream of bytes, as in the
instrument: the boards hear what the bus carries and nothing else. `play_song` renders a whole song, piece by
piece.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jxctl.errors import UsageError
from jxctl.library.song import Song
from jxctl.protocol.bus import FORWARD, SELECT
from simulator.instrument.assigner import Assigner
from simulator.instrument.board import boards, together
from simulator.instrument.memory import Memory, Model
from simulator.synth.profile import Profile

QUIET = 1e-4
"""A tail has decayed below this: -80 dB of full scale."""

TAIL_S = 10.0
"""How long a tail may be that does not decay, as of a key that the song never lets go."""

WINDOW_S = 0.25
"""The tail ends with the first stretch of this length that is quiet throughout."""

BLOCK = 1 << 16
"""Samples of a piece (chosen)."""

_ENDS_FORWARD = (*SELECT.values(), FORWARD)


class Instrument:
    """A virtual ``model``, switched on: patch 0 of ``memory`` is loaded.

    Args:
        model: ``jx8p``, ``jx10`` or ``mks70``.
        profile: as of `simulator.instrument.board.Board`, like ``sample_rate`` and ``seed``; the upper board
            has the seed after it.
        sample_rate: Hz.
        seed: of noise and all else that is random.
        channel: MIDI channel 0-15, or None for all.
        memory: patches and tones; None for those of a new instrument.
        tap: is given all bus bytes too.
        silent: without sound boards, for whoever wants only what is on the bus and at MIDI OUT.

    Raises:
        UsageError: another model.
        ProfileError: the profile cannot be used.

    Examples:
        >>> synth = Instrument("mks70")
        >>> synth.receive_midi(bytes((0x90, 60, 100)))
        >>> synth.render(4410).shape
        (2, 4410)
    """

    def __init__(
        self,
        model: Model = "mks70",
        profile: str | Path | Profile = "superjx",
        sample_rate: int = 44100,
        seed: int = 0,
        channel: int | None = None,
        memory: Memory | None = None,
        tap: Callable[[bytes], None] | None = None,
        silent: bool = False,
    ) -> None:
        self.assigner = Assigner(model, channel, memory)
        self.sample_rate = sample_rate
        names = () if silent else self.assigner.buffer.boards
        self.boards = boards(names, profile, sample_rate, seed)
        self._tap = tap
        self._midi_out = bytearray()
        self._forwarding = False
        self._carry(self.assigner.power_up())
        self._midi_out.clear()

    def receive_midi(self, data: bytes) -> None:
        """Take MIDI bytes, split anywhere; they act from the next sample on. Never raises."""
        self._carry(self.assigner.receive(data))

    def panel_dump(self) -> None:
        """Start a bulk dump as from the panel; `send` then has it. Raises `UsageError` where none exists."""
        self._carry(self.assigner.dump())

    def send(self) -> bytes:
        """What came out of the MIDI OUT jack since the last call."""
        sent = bytes(self._midi_out)
        self._midi_out.clear()
        return sent

    def render(self, samples: int) -> NDArray[np.float32]:
        """The next stretch of audio, float32[2, samples], left and right: the sum of the boards.

        Raises `UsageError` for a silent instrument.
        """
        if not self.boards:
            raise UsageError("this virtual synth was made without sound boards")
        return together(self.boards, samples)

    def _carry(self, bus: bytes) -> None:
        """The bus: every board hears all of it, and one of them lets out what is forwarded."""
        for byte in bus:
            if byte in _ENDS_FORWARD:
                self._forwarding = byte == FORWARD
            elif self._forwarding:
                self._midi_out.append(byte)
        for board in self.boards:
            board.receive(bus)
        if self._tap is not None:
            self._tap(bus)


def play_song(
    song: Song, instrument: Instrument, tail_s: float = TAIL_S, block: int = BLOCK
) -> Iterator[NDArray[np.float32]]:
    """The sound of ``song`` on ``instrument`` in pieces, float32[2, n] with n up to ``block``.

    Each message acts from its own sample on, exactly as if it were received there. After the end of the
    song the tail follows: until it is quiet (`QUIET`), for ``tail_s`` seconds at most. Joined together
    the pieces are the same bit for bit whatever ``block``.
    """
    rate = instrument.sample_rate
    now = 0
    for time, message in song.messages:
        sample = song.sample(time, rate)
        yield from _stretch(instrument, sample - now, block)
        instrument.receive_midi(message)
        now = sample
    yield from _stretch(instrument, song.sample(song.end, rate) - now, block)
    left, window = round(tail_s * rate), round(WINDOW_S * rate)
    while left > 0:
        loudest = 0.0
        for piece in _stretch(instrument, min(window, left), block):
            loudest = max(loudest, float(np.abs(piece).max()))
            yield piece
        left -= window
        if loudest < QUIET:
            return


def _stretch(instrument: Instrument, samples: int, block: int) -> Iterator[NDArray[np.float32]]:
    while samples > 0:
        count = min(samples, block)
        yield instrument.render(count)
        samples -= count

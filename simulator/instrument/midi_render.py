"""A song through the whole virtual synth: Standard MIDI File in, stereo sound out, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from jxctl.library.song import Song
from simulator.instrument.instrument import Instrument

QUIET = 1e-4
"""A tail has decayed below this: -80 dB of full scale."""
TAIL_S = 10.0
"""How long a tail may be that does not decay, as of a key that the song never lets go."""
WINDOW_S = 0.25
"""The tail ends with the first stretch of this length that is quiet throughout."""
BLOCK = 1 << 16


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

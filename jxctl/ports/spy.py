"""``spy:URL``: another port, with everything that passes through it printed on stderr.

In front of a board, one line a message: its offset in what was sent, its bytes, its meaning. In front
of a port that speaks MIDI: ``>`` for sent or ``<`` for received, the bytes, and after ``#`` the meaning;
below a first line that says so, ``replay:`` plays such lines back.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from jxctl.errors import DeviceError
from jxctl.ports import AudiblePort, Port, ReceivingPort, open_port
from jxctl.protocol.bus import Decoder, Message, bus_line
from jxctl.protocol.midi import SYSEX, Splitter, midi_text

if TYPE_CHECKING:
    import numpy as np


class SpyPort(Port):
    """``inner``, a port that speaks bus, seen through a window. Closing it closes ``inner``."""

    def __init__(self, url: str, inner: Port) -> None:
        self.url = url
        self.jitter_s = inner.jitter_s
        self._inner = inner
        self._decoder = Decoder()
        self._dropped = 0

    def write(self, data: bytes) -> None:
        """Send bytes through the inner port, then print what they completed."""
        self._inner.write(data)
        self._show(self._decoder.feed(data))

    def close(self) -> None:
        """Print what is left and close the inner port."""
        self._show(self._decoder.finish())
        self._inner.close()

    def _show(self, messages: list[Message]) -> None:
        for message in messages:
            print(bus_line(message), file=sys.stderr)
        self._dropped = _complain(self._decoder.dropped, self._dropped)


class MidiSpyPort(ReceivingPort):
    """``inner``, a port that speaks MIDI both ways, seen through a window."""

    language = "midi"

    def __init__(self, url: str, inner: ReceivingPort) -> None:
        self.url = url
        self.jitter_s = inner.jitter_s
        self._inner = inner
        self._sent, self._received = Splitter(), Splitter()

    def write(self, data: bytes) -> None:
        """Send bytes through the inner port, then print what they completed."""
        self._inner.write(data)
        self._show(">", self._sent, data)

    def receive(self, timeout_s: float) -> bytes:
        """Receive from the inner port, and print it."""
        data = self._inner.receive(timeout_s)
        self._show("<", self._received, data)
        return data

    def close(self) -> None:
        """Close the inner port."""
        self._inner.close()

    def _show(self, direction: str, splitter: Splitter, data: bytes) -> None:
        before = splitter.dropped
        for message in splitter.feed(data):
            print(f"{direction} {message.hex(' ').upper()}  # {_meaning(message)}", file=sys.stderr)
        _complain(splitter.dropped, before)


class AudibleSpyPort(SpyPort, AudiblePort):
    """The same in front of a port that can be heard; the sound passes through."""

    def __init__(self, url: str, inner: AudiblePort) -> None:
        super().__init__(url, inner)
        self._heard = inner
        self.sample_rate = inner.sample_rate

    def listen(self, seconds: float) -> np.ndarray:
        """The next stretch of the inner port's sound."""
        return self._heard.listen(seconds)


class AudibleMidiSpyPort(MidiSpyPort, AudiblePort):
    """A whole synth that can be heard, seen through a window."""

    def __init__(self, url: str, inner: ReceivingPort, heard: AudiblePort) -> None:
        super().__init__(url, inner)
        self._heard = heard
        self.sample_rate = heard.sample_rate

    def listen(self, seconds: float) -> np.ndarray:
        """The next stretch of the inner port's sound."""
        return self._heard.listen(seconds)


def open(url: str) -> Port:
    """Open ``spy:URL``. Raises `DeviceError` when no URL follows or it cannot be opened."""
    target = url.partition(":")[2]
    if not target:
        raise DeviceError("spy: needs a port to look at", "for example spy:sim: or spy:serial:/dev/ttyUSB0")
    inner = open_port(target)
    if inner.language == "midi" and isinstance(inner, ReceivingPort):
        return (
            AudibleMidiSpyPort(url, inner, inner)
            if isinstance(inner, AudiblePort)
            else MidiSpyPort(url, inner)
        )
    return AudibleSpyPort(url, inner) if isinstance(inner, AudiblePort) else SpyPort(url, inner)


def _complain(dropped: int, before: int) -> int:
    """Say how many bytes were dropped since ``before``; the count now."""
    if dropped > before:
        print(f"spy: {dropped - before} bytes belong to no message", file=sys.stderr)
    return dropped


def _meaning(message: bytes) -> str:
    if message[0] != SYSEX:
        return midi_text(message)
    from jxctl.protocol.sysex.decode import decode

    decoded = decode(message)
    return "; ".join([*map(str, decoded.messages), *(unused.reason for unused in decoded.unused)])

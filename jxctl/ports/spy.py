"""``spy:URL``: another port, with everything that is sent through it printed on stderr.

One line a message: its offset in what was sent, its bytes, its meaning.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from jxctl.bus import Decoder, Message, bus_line
from jxctl.errors import DeviceError
from jxctl.ports import AudiblePort, Port, open_port

if TYPE_CHECKING:
    import numpy as np


class SpyPort(Port):
    """``inner`` seen through a window. Closing it closes ``inner``."""

    def __init__(self, url: str, inner: Port) -> None:
        self.url = url
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
        if self._decoder.dropped > self._dropped:
            count = self._decoder.dropped - self._dropped
            print(f"spy: {count} bytes belong to no message", file=sys.stderr)
            self._dropped = self._decoder.dropped


class AudibleSpyPort(SpyPort, AudiblePort):
    """The same in front of a port that can be heard; the sound passes through."""

    def __init__(self, url: str, inner: AudiblePort) -> None:
        super().__init__(url, inner)
        self._heard = inner
        self.sample_rate = inner.sample_rate

    def listen(self, seconds: float) -> np.ndarray:
        """The next stretch of the inner port's sound."""
        return self._heard.listen(seconds)


def open(url: str) -> Port:
    """Open ``spy:URL``. Raises `DeviceError` when no URL follows or it cannot be opened."""
    target = url.partition(":")[2]
    if not target:
        raise DeviceError("spy: needs a port to look at", "for example spy:sim: or spy:serial:/dev/ttyUSB0")
    inner = open_port(target)
    return AudibleSpyPort(url, inner) if isinstance(inner, AudiblePort) else SpyPort(url, inner)

"""Pacing: the pause a synth needs after each message, never shorter than asked.

A JX takes SysEx into a small buffer and works on it at its own pace; what comes faster is lost. How
long each kind of message needs is the model's business, not this module's.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from jxctl.errors import UsageError
from jxctl.ports import Port
from jxctl.protocol.midi import BYTE_S

GAP_S = 0.020
"""The pause when nothing else is said."""


class Pacer:
    """Writes to ``port`` so that messages begin late enough.

    The next message begins no sooner than ``gap_s`` seconds after the one before has left: after its
    write returned, and after its bytes had time on a MIDI cable (an interface takes them at once and
    is busy for 320 us a byte). A port that sends with ``jitter_s`` gets that much more.

    ``clock`` (seconds, never going back) and ``sleep`` can be replaced. Raises `UsageError` for a
    negative or infinite gap.
    """

    def __init__(
        self,
        port: Port,
        gap_s: float = GAP_S,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.port = port
        self.gap_s = _checked(gap_s)
        self._clock = clock
        self._sleep = sleep
        self._due = -math.inf

    def write(self, message: bytes, gap_s: float | None = None) -> None:
        """Wait until ``message`` may begin, and send it; ``gap_s`` is the pause after it.

        Returns when it was handed over, without waiting for the pause. Raises what the port raises.
        """
        gap = self.gap_s if gap_s is None else _checked(gap_s)
        self.wait()
        begun = self._clock()
        # Also when the write fails: part of it may have left.
        try:
            self.port.write(message)
        finally:
            left = max(self._clock(), begun + len(message) * BYTE_S)
            self._due = left + gap + self.port.jitter_s

    def wait(self) -> None:
        """Wait until the pause after the last message is over."""
        # A sleep may end early; the clock decides.
        while (remaining := self._due - self._clock()) > 0:
            self._sleep(remaining)


def _checked(gap_s: float) -> float:
    if not math.isfinite(gap_s) or gap_s < 0:
        raise UsageError(f"the pause between messages is {gap_s:g} s; expected 0 or more")
    return gap_s

"""Says when numba compiles: seconds of silence, on the first call on a machine and never again."""

from __future__ import annotations

import logging
from typing import Any

import numba
from numba.core import event

# No fast mathematics: a control frame has the same bits however the loop around it is compiled.
scalar = numba.njit(forceinline=True, error_model="numpy")
# Neither reordering nor contraction: results must not depend on the surroundings, nor on the processor.
# Where a multiply-add is meant, `simulator.synth._lanes.fma` says so.
FAST = {"nsz"}
inline = numba.njit(forceinline=True, error_model="numpy", fastmath=FAST)

_log = logging.getLogger("simulator")


class _Announcer(event.Listener):  # type: ignore[misc]  # numba has no types
    """Logs once in a process; what is loaded from numba's cache is not compiled and not announced."""

    def __init__(self) -> None:
        self._said = False

    def on_start(self, event: Any) -> None:
        if not self._said:
            self._said = True
            _log.info("compiling the simulator for this processor: once, up to half a minute")

    def on_end(self, event: Any) -> None:
        """Nothing to say: the sound follows."""


def announce() -> None:
    """Log the first compilation of this process as INFO of the logger ``simulator``."""
    event.register("numba:compile", _Announcer())

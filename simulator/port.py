"""``sim:``: the virtual board as a port, in this process, as fast as it renders.

``sim:?profile=thesis&seed=1&sample_rate=48000&board=upper``; what is left out has the defaults of
`simulator.board.Board`. It is one board, ``lower`` if nothing else is said. Time passes only in
``listen``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from jxctl.errors import DeviceError, UsageError
from jxctl.ports import AudiblePort, Port

if TYPE_CHECKING:
    import numpy as np

    from simulator.board import Board

DEFAULT_RATE = 44100
_FORM = "sim:?profile=superjx&seed=0&sample_rate=44100"
_NUMBERS = {"seed": (0, 2**63 - 1), "sample_rate": (8000, 192000)}


class SimPort(AudiblePort):
    """A virtual board. ``listen`` is its clock: nothing sounds, ages or moves between calls."""

    def __init__(self, url: str, board: Board, sample_rate: int) -> None:
        self.url = url
        self.sample_rate = sample_rate
        self._board: Board | None = board

    def write(self, data: bytes) -> None:
        """Give the board bus bytes; they act from the next sample on."""
        self._open_board().receive(data)

    def listen(self, seconds: float) -> np.ndarray:
        """Render the next stretch: ``float32[round(seconds * sample_rate)]``.

        Raises `UsageError` for a negative or infinite time.
        """
        if not math.isfinite(seconds) or seconds < 0:
            raise UsageError(f"cannot listen for {seconds} s")
        return self._open_board().render(round(seconds * self.sample_rate))

    def close(self) -> None:
        """Forget the board."""
        self._board = None

    def _open_board(self) -> Board:
        if self._board is None:
            raise DeviceError(f"{self.url} is closed")
        return self._board


def open(url: str) -> Port:
    """Open ``sim:`` with the options of its query. Raises `UsageError` for an option unknown or wrong."""
    options = _options(url)
    # Here, not at the top: numba takes a second to load.
    from simulator.board import Board

    return SimPort(url, Board(**options), options["sample_rate"])


def _options(url: str) -> dict[str, Any]:
    path, _, query = url.partition(":")[2].partition("?")
    if path:
        raise UsageError(f"sim: has no {path!r}; options follow a question mark", f"as in {_FORM}")
    options: dict[str, Any] = {"sample_rate": DEFAULT_RATE}
    try:
        given = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise UsageError(f"cannot read the options in {url!r}", f"write them as in {_FORM}") from None
    for name, value in given:
        if name == "profile":
            options[name] = value
        elif name == "board" and value in ("lower", "upper"):
            options["name"] = value
        elif name == "board":
            raise UsageError(f"sim: is one board, lower or upper, not {value!r}")
        elif name in _NUMBERS:
            options[name] = _number(name, value)
        else:
            raise UsageError(f"sim: has no option {name!r}", f"write options as in {_FORM}")
    return options


def _number(name: str, value: str) -> int:
    first, last = _NUMBERS[name]
    # The length first: Python refuses to convert thousands of digits.
    digits = len(value) < 20 and value.isascii() and value.isdigit()
    if not digits or not first <= int(value) <= last:
        raise UsageError(f"{name} of sim: is {value!r}; expected {first} to {last}")
    return int(value)

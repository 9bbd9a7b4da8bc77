"""``sim:``: the virtual board or synth as a port, in this process, as fast as it renders.

``sim:?profile=thesis&seed=1&sample_rate=48000&board=upper``; what is left out has the defaults of
`simulator.instrument.board.Board`. It is one board, ``lower`` if nothing else is said, and takes bus bytes.
``sim:?model=mks70`` (``jx8p``, ``jx10``) is a whole synth and takes MIDI; it has the same options but
``board``, and ``channel=1`` to 16 (all, if not said). Either has two jacks: ``output=left`` or ``right``
listens to one of them, ``output=mono`` (if not said) to the mean of both. Time passes only in ``listen``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from jxctl.errors import DeviceError, UsageError
from jxctl.ports import AudiblePort, Port, ReceivingPort
from jxctl.protocol.midi import Splitter, split

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from simulator.instrument.board import Board
    from simulator.instrument.instrument import Instrument

DEFAULT_RATE = 44100
_FORM = "sim:?profile=superjx&seed=0&sample_rate=44100"
_NUMBERS = {"seed": (0, 2**31 - 1), "sample_rate": (8000, 192000), "channel": (1, 16)}
_MODELS = ("jx8p", "jx10", "mks70")
_OUTPUTS = ("left", "right", "mono")


class SimPort(AudiblePort):
    """A virtual board. ``listen`` is its clock: nothing sounds, ages or moves between calls."""

    def __init__(self, url: str, board: Board, sample_rate: int, output: str = "mono") -> None:
        self.url = url
        self.sample_rate = sample_rate
        self._output = output
        self._board: Board | None = board

    def write(self, data: bytes) -> None:
        """Give the board bus bytes; they act from the next sample on."""
        self._open_board().receive(data)

    def listen(self, seconds: float) -> np.ndarray:
        """Render the next stretch: ``float32[round(seconds * sample_rate)]``.

        Raises `UsageError` for a negative or infinite time.
        """
        return _heard(self._open_board().render(_samples(seconds, self.sample_rate)), self._output)

    def close(self) -> None:
        """Forget the board."""
        self._board = None

    def _open_board(self) -> Board:
        if self._board is None:
            raise DeviceError(f"{self.url} is closed")
        return self._board


class SimSynthPort(ReceivingPort, AudiblePort):
    """A virtual synth: MIDI in and out, and sound. ``listen`` is its clock, as of `SimPort`."""

    language = "midi"

    def __init__(self, url: str, instrument: Instrument, output: str = "mono") -> None:
        self.url = url
        self._output = output
        self.sample_rate = instrument.sample_rate
        self._instrument: Instrument | None = instrument
        self._splitter = Splitter()
        self._sent: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Give the synth complete MIDI messages. Raises `UsageError` for anything else, as ``midi:`` does."""
        instrument = self._open_instrument()
        _, dropped = split(data)
        if dropped:
            raise UsageError(
                f"{dropped} of {len(data)} bytes are no complete MIDI message",
                "sim: without a model is a bare board, which takes bus bytes",
            )
        instrument.receive_midi(data)

    def receive(self, timeout_s: float) -> bytes:
        """The next message that it sent; ``b""`` at once when there is none: it answers without delay."""
        self._sent += self._splitter.feed(self._open_instrument().send())
        return self._sent.pop(0) if self._sent else b""

    def listen(self, seconds: float) -> np.ndarray:
        """Render the next stretch: ``float32[round(seconds * sample_rate)]``.

        Raises `UsageError` for a negative or infinite time.
        """
        return _heard(self._open_instrument().render(_samples(seconds, self.sample_rate)), self._output)

    def close(self) -> None:
        """Forget the synth."""
        self._instrument = None

    def _open_instrument(self) -> Instrument:
        if self._instrument is None:
            raise DeviceError(f"{self.url} is closed")
        return self._instrument


def open(url: str) -> Port:
    """Open ``sim:`` with the options of its query. Raises `UsageError` for an option unknown or wrong."""
    options = _options(url)
    output = options.pop("output", "mono")
    if "model" in options:
        from simulator.instrument.instrument import Instrument

        return SimSynthPort(url, Instrument(**options), output)
    # Here, not at the top: numba takes a second to load.
    from simulator.instrument.board import Board

    return SimPort(url, Board(**options), options["sample_rate"], output)


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
        elif (name == "model" and value in _MODELS) or (name == "output" and value in _OUTPUTS):
            options[name] = value
        elif name == "model":
            raise UsageError(f"there is no virtual {value!r}", f"there are {', '.join(_MODELS)}")
        elif name == "board":
            raise UsageError(f"sim: is one board, lower or upper, not {value!r}")
        elif name == "output":
            raise UsageError(f"sim: has no output {value!r}", f"it has {', '.join(_OUTPUTS)}")
        elif name in _NUMBERS:
            options[name] = _number(name, value)
        else:
            raise UsageError(f"sim: has no option {name!r}", f"write options as in {_FORM}")
    if "model" in options and "name" in options:
        raise UsageError("sim: with a model has all its boards", "leave out board or model")
    if "channel" in options:
        if "model" not in options:
            raise UsageError("a bare board has no MIDI channel", "leave out channel, or add model=mks70")
        options["channel"] -= 1
    return options


def _heard(stereo: NDArray[np.float32], output: str) -> NDArray[np.float32]:
    """What an ``output`` hears of float32[2, samples]."""
    heard: NDArray[np.float32] = (
        (stereo[0] + stereo[1]) / 2 if output == "mono" else stereo[_OUTPUTS.index(output)]
    )
    return heard


def _samples(seconds: float, sample_rate: int) -> int:
    if not math.isfinite(seconds) or seconds < 0:
        raise UsageError(f"cannot listen for {seconds} s")
    return round(seconds * sample_rate)


def _number(name: str, value: str) -> int:
    first, last = _NUMBERS[name]
    # The length first: Python refuses to convert thousands of digits.
    digits = len(value) < 20 and value.isascii() and value.isdigit()
    if not digits or not first <= int(value) <= last:
        raise UsageError(f"{name} of sim: is {value!r}; expected {first} to {last}")
    return int(value)

"""The virtual instrument around the engine: bus bytes or MIDI in, audio out."""

from typing import TYPE_CHECKING

from jxctl._lazy import lazy

if TYPE_CHECKING:
    from simulator.instrument.board import Board
    from simulator.instrument.instrument import Instrument
else:
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "simulator.instrument.board": "Board",
            "simulator.instrument.instrument": "Instrument",
        },
    )

__all__ = [
    "Board",
    "Instrument",
]

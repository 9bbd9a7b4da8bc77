"""Sound without the hardware: an exact, fast simulator of the Super-JX sound board."""

from typing import TYPE_CHECKING

from jxctl._lazy import lazy

if TYPE_CHECKING:
    from simulator.features import log_mel, log_mel_distance
    from simulator.instrument.board import Board
    from simulator.instrument.instrument import Instrument
    from simulator.prior import Prior
    from simulator.synth import SAMPLE_RATE, Profile, empty, jacobian, load_profile, render
else:
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "simulator.features": "log_mel, log_mel_distance",
            "simulator.instrument.board": "Board",
            "simulator.instrument.instrument": "Instrument",
            "simulator.prior": "Prior",
            "simulator.synth": "SAMPLE_RATE, Profile, empty, jacobian, load_profile, render",
        },
    )

__all__ = [
    "SAMPLE_RATE",
    "Board",
    "Instrument",
    "Prior",
    "Profile",
    "empty",
    "jacobian",
    "load_profile",
    "log_mel",
    "log_mel_distance",
    "render",
]

"""What is played beside keys: bender, wheel, pressure, tuning, volume, portamento and hold.

A board has these in its registers $B0 to $BF. Which register does what is documented (thesis, Appendix
A; captures); how deep it reaches is assumed, law by law, in the profile.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jxctl.ports.client import MASTER_TUNE
from jxctl.protocol.parameters import FIRST_ID, PARAMETERS
from simulator.synth.profile import Profile
from simulator.synth.seeds import IntArray

POWER_UP = {"MASTER TUNE1": MASTER_TUNE, "MASTER TUNE2": MASTER_TUNE, "MIDI VOL": 127}
"""Registers that are not zero when a board is switched on, so that it sounds in tune before anything is
written to them (assumed: no capture shows what they hold then)."""

_ROWS = {row.name: row for row in PARAMETERS}


@dataclass(frozen=True)
class Performance:
    """What is played beside keys, in physical units. The default changes nothing.

    ``bend`` (semitones) and ``tune`` (cents, of DCO-1 and DCO-2) shift the pitch; ``vibrato`` (cents) is
    LFO that both DCOs get beside the tone's own; ``brightness`` (octaves) shifts the cutoff;
    ``volume`` is a factor on the VCA.

    ``glide_from``: float[N], semitones that each voice was away from its note at tick ``glide_since``
    (int[N]), and ``glide_s`` the seconds an octave takes; None without portamento.
    ``lfo_turns``: turns that an LFO which runs free had made at tick ``lfo_since``.
    """

    bend: float = 0.0
    tune: tuple[float, float] = (0.0, 0.0)
    vibrato: float = 0.0
    brightness: float = 0.0
    volume: float = 1.0
    glide_from: NDArray[np.float64] | None = None
    glide_since: IntArray | None = None
    glide_s: float = 0.0
    lfo_since: int = 0
    lfo_turns: float = 0.0


NEUTRAL = Performance()


def registers_at_power_up() -> NDArray[np.uint8]:
    """What a board's 64 registers hold when it is switched on: zero but for `POWER_UP` (assumed)."""
    registers = np.zeros(64, np.uint8)
    for name, value in POWER_UP.items():
        registers[_ROWS[name].id - FIRST_ID] = value
    return registers


def from_registers(registers: NDArray[np.uint8], profile: Profile) -> Performance:
    """What a board's registers, uint8[64], say; without the glide and the LFO, which take time.

    Pressure acts through the depth of the tone and the switch of the patch. MASTER TUNE1 tunes DCO-1
    and MASTER TUNE2 DCO-2 (assumed; the assigner writes both alike).
    """

    def value(name: str) -> float:
        return float(profile.table(name)[registers[_ROWS[name].id - FIRST_ID]])

    def on(name: str) -> bool:
        return is_on(registers, name)

    pressure = value("AFTERTOUCH")
    up = 1 if on("BENDER POLARITY") else -1
    return Performance(
        bend=up * value("BENDER") * value("BEND RANGE"),
        tune=(value("MASTER TUNE1"), value("MASTER TUNE2")),
        vibrato=value("MODULATION") + (pressure * value("AFTER VIB") if on("AFTER VIB SW") else 0),
        brightness=pressure * value("AFTER BRI") if on("AFTER BRI SW") else 0.0,
        volume=value("MIDI VOL") * (1 + (pressure * value("AFTER VOL") if on("AFTER VOL SW") else 0)),
    )


def is_on(registers: NDArray[np.uint8], name: str) -> bool:
    """Whether a switch with two positions is at the second."""
    row = _ROWS[name]
    return row.position(int(registers[row.id - FIRST_ID])) == 1

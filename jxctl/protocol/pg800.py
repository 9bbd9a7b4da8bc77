"""The PG-800 programmer's link: a control that moved, as a frame of 16 bits.

For a microcontroller that takes the programmer's place (or listens to one): bytes here, wires there.

======  ================================================================================
lines   CLOCK from the synth, READY and DATA from the programmer
frame   the parameter's id ($80 to $AF), then its value (7 bits), both most significant bit first
DATA    inverted: a bit that is 1 is a low level; low as well when idle, after the last bit
start   bit 15 on DATA, then READY high; after each falling CLOCK edge (about 10 us) the next bit
end     READY low, after 16 bits
======  ================================================================================

Documented by working hardware (JMR-800, jx_hardware.md 3.1); the clock's rate is in no source. The
ids are those of the sound-board bus, to which the assigner passes them on: 44 controls, without the
aftertouch depths, $AE and $B0-$BF (3.2). Ids beyond are Vecoven's PWM extension, whose tables
disagree (3.3); they are refused here.

Multi-position controls are detented sliders, so a real PG-800 sends a value from the middle of a
position's bin: 16/48/80/112, 16/48/96 or 32/96 (3.2). For the 25 positions of TUNE the same is assumed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jxctl.errors import UsageError
from jxctl.protocol.bus import SetParameter, check_range
from jxctl.protocol.parameters import PARAMETERS, Parameter, parameter
from jxctl.protocol.tone import Tone

CONTROLS: tuple[Parameter, ...] = tuple(p for p in PARAMETERS if p.pg800)
"""What a PG-800 has a control for: 44 rows of the table."""

IDS: frozenset[int] = frozenset(p.id for p in CONTROLS)

FRAME_SIZE = 2
FRAME_BITS = 16


@dataclass(frozen=True, slots=True)
class Move:
    """A control that moved: ``id`` of the parameter, ``value`` 0-127.

    Raises `UsageError` for a parameter a PG-800 has no control for, or a value out of range.
    """

    id: int
    value: int

    def __post_init__(self) -> None:
        if self.id not in IDS:
            raise UsageError(
                f"a PG-800 has no control with id {self.id:#04x}",
                "it has 0x80 to 0xaf without 0x8c, 0x8d, 0x8e and 0xae",
            )
        check_range(f"the value of {parameter(self.id).name}", self.value, 127)

    def encoded(self) -> bytes:
        """The frame as two bytes, id first. Bit 7 of the first byte goes on the wire first."""
        return bytes((self.id, self.value))

    def levels(self) -> tuple[bool, ...]:
        """The 16 levels of DATA in order, True for high: the bits inverted."""
        word = self.id << 8 | self.value
        return tuple(not word >> bit & 1 for bit in reversed(range(FRAME_BITS)))

    def bus_message(self) -> SetParameter:
        """What the assigner makes of it for a sound board, after a board select."""
        return SetParameter(self.id, self.value)

    def sysex_pair(self) -> tuple[int, int]:
        """Number and value as in an individual-parameter message of JX-8P and MKS-70 (op 36)."""
        number = parameter(self.id).sysex
        assert number is not None  # every control is a tone parameter
        return number, self.value

    def __str__(self) -> str:
        return str(self.bus_message())


def decode(frame: bytes) -> Move:
    """The move in a frame of two bytes.

    Raises `UsageError` for another length, an id that no PG-800 sends, or a value above 127.
    """
    if len(frame) != FRAME_SIZE:
        raise UsageError(f"a PG-800 frame is 2 bytes, not {len(frame)}", "id first, as in 97 40")
    return Move(*frame)


def from_levels(levels: Iterable[bool]) -> Move:
    """The move in 16 levels of DATA, in order, True for high. Raises `UsageError` as `decode` does."""
    bits = [not level for level in levels]
    if len(bits) != FRAME_BITS:
        raise UsageError(f"a PG-800 frame is {FRAME_BITS} bits, not {len(bits)}")
    word = 0
    for bit in bits:
        word = word << 1 | bit
    return decode(word.to_bytes(FRAME_SIZE, "big"))


def centre(control: Parameter, position: int) -> int:
    """The value in the middle of a switch's bin, where the detent of a slider lies.

    Raises `UsageError` for a level, which has no positions, or a position it does not have.
    """
    if control.kind != "switch":
        raise UsageError(f"{control.name} is a level and has no positions")
    check_range(f"the position of {control.name}", position, control.positions - 1)
    ends = (*control.starts[1:], 128)
    return (control.starts[position] + ends[position]) // 2


def move(name: str, value: int | str) -> Move:
    """The move of the control ``name`` to a value (0-127) or to a switch's label.

    A label becomes the middle of its bin, a number is sent as it is. Raises `UsageError`.
    """
    # A tone knows every name and label, and what to say about wrong ones.
    tone = Tone.init().with_values({name: value})
    control = parameter(name)
    if isinstance(value, str):
        return Move(control.id, centre(control, tone.position(control.id)))
    return Move(control.id, value)


def moves(tone: Tone) -> list[Move]:
    """All 44 controls at a tone's values, in order of id; switches in the middle of their bins.

    The aftertouch depths and $AE of the tone stay behind: a PG-800 cannot set them.
    """
    return [
        Move(p.id, centre(p, tone.position(p.id)) if p.kind == "switch" else tone.raw(p.id)) for p in CONTROLS
    ]

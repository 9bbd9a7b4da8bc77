"""What the boards hold after a stretch of bus: registers, and the tones in them."""

from __future__ import annotations

from collections.abc import Iterable

from jxctl.protocol.bus import BoardName, Message, SelectBoard, SetParameter
from jxctl.protocol.load_order import SILENCE_BLOCK
from jxctl.protocol.parameters import FIRST_ID, LAST_ID, TONE_SIZE
from jxctl.protocol.tone import Tone, encode_name


class Registers:
    """What one board holds: ``values``, 64 raw values, $80 first; zero until written (assumed)."""

    def __init__(self) -> None:
        self.values = bytearray(LAST_ID - FIRST_ID + 1)
        self._written: set[int] = set()
        self._before: bytes | None = None
        self._silenced = 0

    def write(self, id: int, value: int) -> None:
        """Set parameter ``id`` ($80-$BF)."""
        self._follow_load(id, value)
        self.values[id - FIRST_ID] = value
        self._written.add(id)

    @property
    def loading(self) -> bool:
        """Whether the silence block that opens a tone load was seen, and no level since."""
        return self._silenced == len(SILENCE_BLOCK)

    def tone_values(self) -> bytes | None:
        """The last complete tone, 48 raw values; None before every tone parameter was written.

        While a load is under way that is the tone before it.
        """
        return self._before if self.loading else self._current()

    def _current(self) -> bytes | None:
        complete = self._written.issuperset(range(FIRST_ID, FIRST_ID + TONE_SIZE))
        return bytes(self.values[:TONE_SIZE]) if complete else None

    def _follow_load(self, id: int, value: int) -> None:
        """Count the silence block off; the level that is written after it ends the load."""
        if self.loading:
            if id == SILENCE_BLOCK[0]:
                # Level 0, or a load that starts over: then the tone before it is still the last.
                self._silenced = 0 if value else 1
            return
        if (id, value) != (SILENCE_BLOCK[self._silenced], 0):
            self._silenced = 0
        if (id, value) == (SILENCE_BLOCK[self._silenced], 0):
            if self._silenced == 0:
                self._before = self._current()
            self._silenced += 1


class Boards:
    """The registers of both boards, as messages change them.

    Parameters before the first board select reach neither board (assumed: none is selected).
    """

    def __init__(self) -> None:
        self.lower, self.upper = Registers(), Registers()
        self._selected: tuple[Registers, ...] = ()

    def receive(self, message: Message) -> None:
        """Apply one message. Voices and forwarded bytes change no register."""
        if isinstance(message, SelectBoard):
            boards = {"lower": (self.lower,), "upper": (self.upper,), "both": (self.lower, self.upper)}
            self._selected = boards[message.board]
        elif isinstance(message, SetParameter):
            for registers in self._selected:
                registers.write(message.id, message.value)


def tones_in(messages: Iterable[Message]) -> dict[BoardName, Tone]:
    """The last complete tone of each board; a board that never got all 48 parameters is left out.

    The bus carries no names, so the tones are called after their board. VCA LEVEL is as the board
    received it: the assigner has scaled it by patch volume and balance (jx_hardware.md 2.5).
    """
    boards = Boards()
    for message in messages:
        boards.receive(message)
    found: dict[BoardName, Tone] = {}
    if (values := boards.lower.tone_values()) is not None:
        found["lower"] = Tone(values, encode_name("BUS LOWER"))
    if (values := boards.upper.tone_values()) is not None:
        found["upper"] = Tone(values, encode_name("BUS UPPER"))
    return found

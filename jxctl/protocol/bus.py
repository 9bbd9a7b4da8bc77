"""The sound-board bus: messages, their bytes, and a decoder that survives corruption.

The assigner talks to the sound boards over a one-way MIDI-like line, 31250 baud, 8N1
(jx_hardware.md 2.1-2.2). Nothing on it can be asked for or confirmed.

======================  =================================================  ==================
bytes                   meaning                                            evidence
======================  =================================================  ==================
``F1`` ``F9`` ``F4``    select lower, upper, both; stays in force          documented, captured
``80``-``BF`` vv        parameter of the selected board                    documented, captured
``C0``-``C5`` nn vv     voice 0-5 on: note, velocity                       documented
``D0``-``D5`` nn vv     voice 0-5 off: note, 00 or release velocity        documented
``F5`` ...              following bytes go to the MIDI OUT jack            inferred, captured
======================  =================================================  ==================

There is no running status: every captured pair repeats its parameter byte (2.2). How forwarding
ends is inferred: at the next ``F1``, ``F4``, ``F5`` or ``F9``. None of the four is a message of
MIDI 1.0 as published in 1983, so any MIDI data of that time can be forwarded between them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from jxctl.errors import UsageError
from jxctl.protocol.parameters import FIRST_ID, LAST_ID, parameter

BoardName = Literal["lower", "upper", "both"]

BAUD = 31250
"""Bits per second; a byte takes ten of them (jx_hardware.md 2.1)."""

VOICES = 6
"""Voices of one board, numbered 0 to 5."""

SELECT: dict[BoardName, int] = {"lower": 0xF1, "upper": 0xF9, "both": 0xF4}
VOICE_ON, VOICE_OFF, FORWARD = 0xC0, 0xD0, 0xF5

MASTER_TUNE = 0x32
"""Neutral $B4 and $BE: the tuning of the captured instrument (2.5); cents per step are unknown."""

_BOARD_OF: dict[int, BoardName] = {byte: board for board, byte in SELECT.items()}
_ENDS_FORWARD = frozenset((*_BOARD_OF, FORWARD))
_OPEN_END = 0
# Bytes in a message by its first byte; a status byte that is not here is unknown.
_LENGTHS: dict[int, int] = {
    **dict.fromkeys(range(FIRST_ID, LAST_ID + 1), 2),
    **dict.fromkeys(range(VOICE_ON, VOICE_ON + VOICES), 3),
    **dict.fromkeys(range(VOICE_OFF, VOICE_OFF + VOICES), 3),
    **dict.fromkeys(_BOARD_OF, 1),
    FORWARD: _OPEN_END,
}


@dataclass(frozen=True, slots=True)
class SelectBoard:
    """The board that later messages are for: ``lower`` (the only one of a JX-8P), ``upper``, ``both``.

    ``offset`` of this and every message: its first byte's place in the decoded stream, for
    reports; not part of equality. Raises `UsageError` for another board.
    """

    board: BoardName
    offset: int | None = field(default=None, compare=False, kw_only=True)

    def __post_init__(self) -> None:
        board_name(self.board)

    def encoded(self) -> bytes:
        """The bytes on the bus."""
        return bytes((SELECT[self.board],))

    def __str__(self) -> str:
        return f"select {self.board}"


@dataclass(frozen=True, slots=True)
class SetParameter:
    """A parameter of the selected board: ``id`` $80-$BF, ``value`` 0-127. Raises `UsageError`."""

    id: int
    value: int
    offset: int | None = field(default=None, compare=False, kw_only=True)

    def __post_init__(self) -> None:
        if not FIRST_ID <= self.id <= LAST_ID:
            raise UsageError(f"parameter id is {self.id:#04x}; expected 0x80 to 0xbf")
        check_range(f"the value of {parameter(self.id).name}", self.value, 127)

    def encoded(self) -> bytes:
        """The bytes on the bus."""
        return bytes((self.id, self.value))

    def __str__(self) -> str:
        p = parameter(self.id)
        label = f" ({p.label(self.value)})" if p.kind == "switch" else ""
        return f"{p.name} = {self.value}{label}"


@dataclass(frozen=True, slots=True)
class VoiceOn:
    """Start a voice: ``voice`` 0-5, MIDI ``note`` and ``velocity`` 0-127. Raises `UsageError`."""

    voice: int
    note: int
    velocity: int
    offset: int | None = field(default=None, compare=False, kw_only=True)

    def __post_init__(self) -> None:
        _check_voice(self.voice, self.note, self.velocity)

    def encoded(self) -> bytes:
        """The bytes on the bus."""
        return bytes((VOICE_ON + self.voice, self.note, self.velocity))

    def __str__(self) -> str:
        return f"voice {self.voice} on, note {self.note}, velocity {self.velocity}"


@dataclass(frozen=True, slots=True)
class VoiceOff:
    """Release a voice. ``velocity`` is 0 or the release velocity; boards take both (2.2).

    Raises `UsageError` for a voice outside 0-5 or a note or velocity outside 0-127.
    """

    voice: int
    note: int
    velocity: int = 0
    offset: int | None = field(default=None, compare=False, kw_only=True)

    def __post_init__(self) -> None:
        _check_voice(self.voice, self.note, self.velocity)

    def encoded(self) -> bytes:
        """The bytes on the bus."""
        return bytes((VOICE_OFF + self.voice, self.note, self.velocity))

    def __str__(self) -> str:
        return f"voice {self.voice} off, note {self.note}, velocity {self.velocity}"


@dataclass(frozen=True, slots=True)
class Forward:
    """Bytes for the MIDI OUT jack (inferred), up to the next board select or the end of the stream.

    Raises `UsageError` when ``data`` holds a byte that would end it: F1, F4, F5 or F9.
    """

    data: bytes
    offset: int | None = field(default=None, compare=False, kw_only=True)

    def __post_init__(self) -> None:
        if _ENDS_FORWARD.intersection(self.data):
            raise UsageError("forwarded bytes cannot hold F1, F4, F5 or F9: they end forwarding")

    def encoded(self) -> bytes:
        """The bytes on the bus."""
        return bytes((FORWARD, *self.data))

    def __str__(self) -> str:
        return f"forward to MIDI OUT: {self.data.hex(' ').upper() or 'nothing'}"


Message: TypeAlias = SelectBoard | SetParameter | VoiceOn | VoiceOff | Forward


def encode(messages: Iterable[Message]) -> bytes:
    """The bytes of ``messages`` in order.

    Raises `UsageError` when a `Forward` is followed by anything but a board select or another
    forward: a board would take what follows as more bytes to forward.
    """
    stream = bytearray()
    forwarding = False
    for message in messages:
        if forwarding and not isinstance(message, SelectBoard | Forward):
            raise UsageError("forwarding has not ended", "select a board after the forwarded bytes")
        stream += message.encoded()
        forwarding = isinstance(message, Forward)
    return bytes(stream)


class Decoder:
    """Bytes in, messages out, in pieces of any size; the pieces do not change the result.

    It never raises. After corruption it is in step again at the next byte >= $80. ``dropped``
    counts the bytes that belong to no message: data bytes nobody expects, messages cut short by
    a status byte, unknown status bytes (C6-CF, D6-DF, E0-EF, other Fx) with their data.
    Every byte fed is in a message, in ``dropped``, or in ``pending``.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._position = 0
        self._start = 0
        self._partial = bytearray()

    @property
    def pending(self) -> int:
        """Bytes of a message that is not complete yet."""
        return len(self._partial)

    def feed(self, data: bytes) -> list[Message]:
        """The messages that ``data`` completes. A `Forward` is complete when forwarding ends."""
        messages: list[Message] = []
        for byte in data:
            if self._forwarding and byte in _ENDS_FORWARD:
                messages.append(self._take())
            if self._accept(byte) and len(self._partial) == _LENGTHS[self._partial[0]]:
                messages.append(self._take())
            self._position += 1
        return messages

    def finish(self) -> list[Message]:
        """End of the stream: the `Forward` in progress, if any; a message cut short is dropped."""
        if self._forwarding:
            return [self._take()]
        self._drop_partial()
        return []

    @property
    def _forwarding(self) -> bool:
        return bool(self._partial) and self._partial[0] == FORWARD

    def _accept(self, byte: int) -> bool:
        """Add a byte to the message in progress, or start one; False when the byte is dropped."""
        if byte >= 0x80 and not self._forwarding:
            self._drop_partial()
            self._start = self._position
            wanted = byte in _LENGTHS
        else:
            wanted = bool(self._partial)
        if wanted:
            self._partial.append(byte)
        else:
            self.dropped += 1
        return wanted

    def _drop_partial(self) -> None:
        self.dropped += len(self._partial)
        self._partial.clear()

    def _take(self) -> Message:
        status, data = self._partial[0], bytes(self._partial[1:])
        self._partial.clear()
        if status == FORWARD:
            return Forward(data, offset=self._start)
        if status in _BOARD_OF:
            return SelectBoard(_BOARD_OF[status], offset=self._start)
        if status >= VOICE_OFF:
            return VoiceOff(status - VOICE_OFF, *data, offset=self._start)
        if status >= VOICE_ON:
            return VoiceOn(status - VOICE_ON, *data, offset=self._start)
        return SetParameter(status, *data, offset=self._start)


def decode(data: bytes) -> tuple[list[Message], int]:
    """The messages in a whole stream, and how many bytes were dropped."""
    decoder = Decoder()
    return decoder.feed(data) + decoder.finish(), decoder.dropped


def bus_line(message: Message) -> str:
    """One message as a line of text: offset, bytes, meaning."""
    offset = "    -" if message.offset is None else f"{message.offset:5}"
    return f"{offset}  {message.encoded().hex(' ').upper():8}  {message}"


def board_name(board: str) -> BoardName:
    """``board`` as one of the three names. Raises `UsageError` for any other text."""
    for name in SELECT:
        if name == board:
            return name
    raise UsageError(f"there is no board {board!r}", f"boards are {', '.join(SELECT)}")


def check_range(what: str, value: int, last: int) -> None:
    """Raise `UsageError` unless ``value`` is a whole number from 0 to ``last``."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= last:
        raise UsageError(f"{what} is {value!r}; expected 0 to {last}")


def _check_voice(voice: int, note: int, velocity: int) -> None:
    check_range("voice", voice, VOICES - 1)
    check_range("note", note, 127)
    check_range("velocity", velocity, 127)

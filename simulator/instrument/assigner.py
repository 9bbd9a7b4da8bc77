"""The assigner: MIDI in, sound-board bus out, as the synth's own processor turns one into the other.

It makes no sound and knows no time: the bus bytes depend on the bytes received and on nothing else.
What it forwards to MIDI OUT (F5) is on the bus too, as in the instrument.

From documents and captures: the patch load (`jxctl.protocol.load_order`), the bender's sign and magnitude,
the controllers' ids, the ranges of keys (jx_hardware.md 2.3-2.5, 4.1). Assumed: it listens to all channels
unless told otherwise; velocity passes unchanged; keys outside the range of a Super JX fold by octaves as a
JX-8P's do; the pedal only sets HOLD SW, so that it is the board that keeps released voices
sounding; a patch load ends all notes. Unison detune is not modelled: how it is done is not known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from jxctl.errors import UsageError
from jxctl.protocol.bus import (
    BoardName,
    Forward,
    Message,
    SelectBoard,
    SetParameter,
    VoiceOff,
    VoiceOn,
    encode,
)
from jxctl.protocol.load_order import HOLD, ON, PORTA_SW, PORTA_TIME, SILENCE, TONE_IDS, patch_load, tone_load
from jxctl.protocol.midi import PROGRAM, SYSEX, Splitter
from jxctl.protocol.parameters import parameter
from simulator.instrument.allocation import Action, Allocator, Release, Slot, Strike, folded
from simulator.instrument.memory import PATCH_IDS, Board, EditBuffer, Half, Memory, Model, model_named

KEYS: dict[Model, tuple[int, int]] = {"jx8p": (21, 108), "jx10": (28, 103), "mks70": (28, 103)}
"""Keys that are played as they come; others move by octaves (4.1)."""

BEND_CENTRE = 8192
"""The middle of MIDI's 14-bit pitch bend."""

WAKING_SELECTS = 8
"""Selects of each board after power-up (2.4)."""

_MODULATION, _PORTA_TIME_CC, _VOLUME, _HOLD_CC, _PORTA_SW_CC = 1, 5, 7, 64, 65
_ALL_NOTES_OFF = range(123, 128)
_WHEEL, _VOL, _AFTERTOUCH = (parameter(name).id for name in ("MODULATION", "MIDI VOL", "AFTERTOUCH"))
_BENDER, _POLARITY = parameter("BENDER").id, parameter("BENDER POLARITY").id


class Assigner:
    """The processor of a ``model``: a JX-8P has one board of six voices, the others have two.

    ``channel``: the MIDI channel it listens to, 0-15, or None for all. ``memory``: its patches and
    tones; ``buffer``: what it plays now. Raises `UsageError` for another model or channel.
    """

    def __init__(
        self, model: Model = "mks70", channel: int | None = None, memory: Memory | None = None
    ) -> None:
        if channel is not None and not 0 <= channel <= 15:
            raise UsageError(f"the MIDI channel is {channel}; expected 0 to 15")
        self.model = model_named(model)
        self.channel = channel
        self.memory = memory or Memory(model)
        self.buffer = EditBuffer.init("jx8p" if model == "jx8p" else "superjx")
        self._splitter = Splitter()
        self._selected: BoardName | None = None
        self._down_bend: dict[Board, bool] = {}  # the sign that each board heard last
        self._bent: set[Board] = set()
        self._halves: list[tuple[Half, Allocator]] = []
        self._out: list[Message] = []
        self._arrange()

    def power_up(self) -> bytes:
        """The bus bytes of switching on: the boards are woken and patch 0 is loaded (2.4)."""
        self._out += wake(self.buffer.boards)
        self._recall(0)
        return self._sent()

    def dump(self) -> bytes:
        """The bus bytes of a dump started on the panel. Raises `UsageError` where there is none."""
        self._forward(self.memory.dump(self.channel or 0))
        return self._sent()

    def receive(self, data: bytes) -> bytes:
        """The bus bytes that MIDI bytes cause, split anywhere. Never raises; noise is passed over."""
        for message in self._splitter.feed(data):
            status, channel = message[0] & 0xF0, message[0] & 0x0F
            if message[0] == SYSEX:
                self._sysex(message)
            elif message[0] < SYSEX and self.channel in (None, channel):
                self._channel_message(status, message[1:])
        return self._sent()

    def _channel_message(self, status: int, data: bytes) -> None:
        match status, *data:
            case (0x90, key, velocity) if velocity:
                self._press(key, velocity)
            case (0x80 | 0x90, key, _):
                self._lift(key)
            case (0xB0, number, value):
                self._control(number, value)
            case (0xC0, number):
                if self._recall(number):
                    self._forward(self.memory.announced(number, self.buffer, self.channel or 0))
            case (0xD0, pressure):
                for board in self.buffer.boards:
                    self._set(board, _AFTERTOUCH, pressure)
            case (0xE0, low, high):
                self._bend((high << 7 | low) - BEND_CENTRE)

    def _press(self, key: int, velocity: int) -> None:
        played = folded(key, *KEYS[self.model])
        for half, allocator in self._halves:
            if half.keys[0] <= played <= half.keys[1]:
                self._act(allocator.press(played, velocity))

    def _lift(self, key: int) -> None:
        played = folded(key, *KEYS[self.model])
        for _, allocator in self._halves:
            self._act(allocator.lift(played))

    def _act(self, actions: list[Action]) -> None:
        for action in actions:
            board, voice = action.slot
            match action:
                case Strike():
                    self._to(board, VoiceOn(voice, action.note, action.velocity))
                case Release():
                    self._to(board, VoiceOff(voice, action.note))

    def _control(self, number: int, value: int) -> None:
        if number == _MODULATION:
            for half, _ in self._halves:
                for board in half.boards:
                    self._set(board, _WHEEL, value * half.lfo_depth // 127)
        elif number == _VOLUME:
            self._set(self._everyone, _VOL, value)
        elif number == _HOLD_CC:
            for half, _ in self._halves:
                for board in half.boards if half.hold else ():
                    self._set(board, HOLD, ON if value >= 64 else 0)
        elif number == _PORTA_TIME_CC:
            self._live(PORTA_TIME, value)
        elif number == _PORTA_SW_CC:
            self._live(PORTA_SW, ON if value >= 64 else 0)
        elif number in _ALL_NOTES_OFF:
            self._end_notes()

    def _live(self, id: int, value: int) -> None:
        """A controller that overrides the patch until the next one is loaded."""
        self.buffer = replace(self.buffer, live={**self.buffer.live, id: value})
        self._set(self._everyone, id, value)

    def _bend(self, amount: int) -> None:
        """The sign when it changes, then the magnitude: 14 bits to 0-127, rounded (2.5).

        A board that was bent and whose bender is now off goes back (assumed).
        """
        magnitude = (abs(amount) * 127 + BEND_CENTRE // 2) // BEND_CENTRE
        boards = [board for half, _ in self._halves if half.bender for board in half.boards]
        for left in sorted(self._bent.difference(boards)):
            self._set(left, _BENDER, 0)
        self._bent = set(boards if magnitude else ())
        if not boards:
            return
        board = self._everyone if len(boards) == len(self.buffer.boards) else boards[0]
        down = amount < 0
        if amount and any(self._down_bend.get(bent) != down for bent in boards):
            self._down_bend.update(dict.fromkeys(boards, down))
            self._set(board, _POLARITY, 0 if down else ON)
        self._set(board, _BENDER, magnitude)

    def _end_notes(self) -> None:
        self._set(self._everyone, SILENCE, ON)
        for _, allocator in self._halves:
            allocator.forget()

    def _recall(self, number: int) -> bool:
        """Load what the memory holds under a program number; False when it holds nothing."""
        recalled = self.memory.recall(number, self.buffer)
        if recalled is None:
            return False
        self.buffer = recalled
        self._load(number)
        return True

    def _load(self, number: int | None) -> None:
        """Put the whole edit buffer on the bus; a program ``number`` goes on to MIDI OUT (2.5, step 8)."""
        self.buffer = replace(self.buffer, live={})
        self._out += patch_load(self.buffer.boards, self.buffer.value)
        if number is not None:
            # Where no program was chosen, the patch came over MIDI (assumed to be the only difference).
            self._out.append(Forward(bytes((PROGRAM | (self.channel or 0), number))))
        self._selected = None
        self._arrange()

    def _sysex(self, message: bytes) -> None:
        """What a SysEx message changes, and the bus bytes of the change."""
        change = self.memory.receive(message, self.buffer, self.channel)
        if change.answer:
            self._forward([change.answer])
        if change.buffer is None:
            return
        before, self.buffer = self.buffer, change.buffer
        if change.patch:
            self._load(None)
            return
        loaded = [board for board in self.buffer.boards if self.buffer.source(board) in change.tones]
        for board in loaded:
            self._out += tone_load(board, self.buffer.value)
            self._selected = board
        for half, allocator in self._halves:
            if set(half.boards).intersection(loaded):
                allocator.forget()
        if not change.tones:
            for name, id, value in changes(before, self.buffer):
                self._set(name, id, value)
        if list(before.halves()) != list(self.buffer.halves()):
            self._end_notes()
            self._arrange()

    def _forward(self, messages: list[bytes]) -> None:
        """Send MIDI messages to the OUT jack, which lies behind a board."""
        if messages:
            self._out.append(Forward(b"".join(messages)))
            self._selected = None  # forwarding: the next message has to select

    def _arrange(self) -> None:
        """Give each half of the patch its voices."""
        self._halves = []
        for half in self.buffer.halves():
            slots: list[Slot] = [(board, voice) for board in half.boards for voice in range(6)]
            self._halves.append((half, Allocator(slots, half.mode, half.shift)))

    @property
    def _everyone(self) -> BoardName:
        return "both" if len(self.buffer.boards) == 2 else "lower"

    def _set(self, board: BoardName, id: int, value: int) -> None:
        self._to(board, SetParameter(id, value))

    def _to(self, board: BoardName, message: Message) -> None:
        if board != self._selected:
            self._out.append(SelectBoard(board))
            self._selected = board
        self._out.append(message)

    def _sent(self) -> bytes:
        data = encode(self._out)
        self._out.clear()
        return data


def wake(boards: Iterable[Board]) -> list[Message]:
    """The selects of each board after power-up (2.4)."""
    return [SelectBoard(board) for board in boards for _ in range(WAKING_SELECTS)]


def changes(before: EditBuffer, after: EditBuffer) -> list[tuple[BoardName, int, int]]:
    """The registers that differ: (board, id, value); ``both`` where both boards get the same."""
    found: list[tuple[BoardName, int, int]] = []
    for id in (*TONE_IDS, *PATCH_IDS):
        new = {
            board: after.value(board, id)
            for board in after.boards
            if after.value(board, id) != before.value(board, id)
        }
        if len(new) == 2 and len(set(new.values())) == 1:
            found.append(("both", id, new["lower"]))
        else:
            found += [(board, id, value) for board, value in new.items()]
    return found

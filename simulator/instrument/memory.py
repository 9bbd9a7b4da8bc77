"""What a virtual synth keeps: memory, edit buffer and cartridge, and what SysEx does to them.

`EditBuffer` is what the synth plays now: a patch, its tones, and what both mean for each sound board. A board
knows only registers; `EditBuffer.value` is the law between the two, for every register that a patch load
writes. `Memory` is the patches and tones that are stored. `Cartridge` is the slot of a JX-10: a file of raw
bytes that travels by the handshake of `jxctl.protocol.sysex.jx10`; which side the synth is, is decided here.

From documents: which messages a model takes, and that a stock JX-10 has only its cartridge transfer
(jx_hardware.md 4.3), the JX-8P's write (4.4), groups, bulk slots. Assumed: a tone number that the
memory does not hold is an empty tone (ROM tones are not shipped with jx); a patch that arrives
brings the tones it names; a program number (PGR) on a MKS-70 recalls that slot; a bulk dump for the
cartridge is passed over; a new announcement or request ends a cartridge transfer that was under way (4.8).
Vecoven messages are for another firmware and do nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from jxctl._files import read_bytes
from jxctl.errors import UsageError
from jxctl.library.files import read_library
from jxctl.protocol.bank import Bank, FamilyName
from jxctl.protocol.bus import MASTER_TUNE
from jxctl.protocol.load_order import (
    BEND_RANGE,
    LEVEL,
    ON,
    PORTA_SW,
    PORTA_TIME,
    TONE_IDS,
    TUNES,
)
from jxctl.protocol.patch import Patch
from jxctl.protocol.sysex import (
    BulkPatch,
    BulkTone,
    Changes,
    PatchData,
    Program,
    ToneData,
    Transfer,
    decode,
    messages_of,
)
from jxctl.protocol.sysex.jx8p import JX8P, SLOTS
from jxctl.protocol.sysex.jx10 import SIZES, Receiver, Sender
from jxctl.protocol.sysex.mks70 import MKS70, PATCH_SLOTS, TONE_SLOTS
from jxctl.protocol.tone import INIT_TONE, Tone, read_tone
from simulator.instrument.allocation import MODES, Mode

Board = Literal["lower", "upper"]
Model = Literal["jx8p", "jx10", "mks70"]

FIRST_KEY = 21
"""The key of split point 0, A0 (jx_hardware.md 4.6; sources differ)."""

FULL_LEVEL = 128
"""Total volume and balance scale a level by their value over this (2.5)."""

_AFTER_DEPTHS = {0x8C: "AFTER VIB", 0x8D: "AFTER BRI", 0x8E: "AFTER VOL"}
_AFTER_SWITCHES = {0xB8: "AFTER VIB", 0xB9: "AFTER BRI", 0xBA: "AFTER VOL"}
_JX8P_AFTER = {0xB8: 1, 0xB9: 2, 0xBA: 4}

PATCH_IDS = (PORTA_TIME, *TUNES, PORTA_SW, BEND_RANGE, *_AFTER_SWITCHES)
"""Performance registers that follow from the patch."""

MODELS: tuple[Model, ...] = ("jx8p", "jx10", "mks70")

_FAMILIES: dict[Model, FamilyName] = {"jx8p": "jx8p", "jx10": "mks70", "mks70": "mks70"}
_WIRES = {"jx8p": JX8P, "mks70": MKS70}
_INTERNAL = 1
_GROUPS: dict[Board, int] = {"upper": 1, "lower": 2}
# Changing one of these changes what is played so much that the whole patch is loaded anew.
_RELOADS = ("KEY MODE", "UPPER TONE", "LOWER TONE", "TONE", "BANK")


@dataclass(frozen=True, slots=True)
class Half:
    """One tone's share of a patch: how its keys become notes.

    ``keys``: the first and last key it plays. ``lfo_depth``: of the modulation wheel, 0-127.
    """

    boards: tuple[Board, ...]
    keys: tuple[int, int]
    mode: Mode
    shift: int
    hold: bool
    lfo_depth: int
    bender: bool


@dataclass(frozen=True, slots=True)
class EditBuffer:
    """A patch and the tones it plays. A Super JX patch has an upper and a lower tone.

    The one tone of a JX-8P is ``lower``, like its board. ``live``: registers that a controller
    changed since the patch was loaded, by bus id.
    """

    patch: Patch
    tones: Mapping[Board, Tone]
    live: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def init(cls, family: Literal["superjx", "jx8p"]) -> EditBuffer:
        """What a synth with nothing in its memory plays."""
        if family == "jx8p":
            return cls(Patch.init_jx8p(), {"lower": INIT_TONE})
        return cls(Patch.init(), {"upper": INIT_TONE, "lower": INIT_TONE})

    @property
    def boards(self) -> tuple[Board, ...]:
        """The sound boards of the instrument."""
        return ("lower",) if self.patch.family == "jx8p" else ("lower", "upper")

    @property
    def key_mode(self) -> str:
        """``dual``, ``split``, ``whole upper`` or ``whole lower``; a JX-8P is always ``whole lower``.

        A raw value outside the table is taken as dual (assumed). T-voice and X-fade are not modelled.
        """
        if self.patch.family == "jx8p":
            return "whole lower"
        label = self.patch.label("KEY MODE")
        return label if label in ("split", "whole upper", "whole lower") else "dual"

    def source(self, board: Board) -> Board:
        """Whose tone and settings ``board`` plays: in the whole modes both boards play one tone."""
        match self.key_mode:
            case "whole upper":
                return "upper"
            case "whole lower":
                return "lower"
        return board

    def halves(self) -> Iterator[Half]:
        """The parts of the keyboard, with the boards that play them.

        A split point of 0 is `FIRST_KEY`.
        """
        match self.key_mode:
            case "dual":
                yield self._half(("lower",), (0, 127))
                yield self._half(("upper",), (0, 127))
            case "split":
                yield self._half(("lower",), (0, self.patch.raw("LOWER SPLIT") + FIRST_KEY))
                yield self._half(("upper",), (self.patch.raw("UPPER SPLIT") + FIRST_KEY, 127))
            case _:
                yield self._half(self.boards, (0, 127))

    def value(self, board: Board, id: int) -> int:
        """What register ``id`` of ``board`` has to hold: a tone parameter or one of `PATCH_IDS`."""
        if id in self.live:
            return self.live[id]
        tone = self.tones[self.source(board)]
        if id == LEVEL:
            return self._level(board, tone.raw(id))
        if id in _AFTER_DEPTHS and self.patch.family == "superjx":
            return self.patch.raw(_AFTER_DEPTHS[id])
        if id in TONE_IDS:
            return tone.raw(id)
        return self._performance(board, id)

    def _performance(self, board: Board, id: int) -> int:
        patch, name = self.patch, f"{self.source(board).upper()} "
        if id == PORTA_TIME:
            return patch.raw("PORTA TIME")
        if id == BEND_RANGE:
            return patch.raw("BEND RANGE")
        if patch.family == "jx8p":
            if id == PORTA_SW:
                return ON if patch.raw("PORTA SW") >= 64 else 0
            if id in _JX8P_AFTER:
                return ON if patch.raw("AFTERTOUCH") == _JX8P_AFTER[id] else 0
            return MASTER_TUNE
        if id == PORTA_SW:
            return ON if patch.raw(name + "PORTA SW") else 0
        if id in _AFTER_SWITCHES:
            # Only off with a depth of 0 was captured; on with any other is assumed.
            return ON if patch.raw(_AFTER_SWITCHES[id]) else 0
        # Captured and confirmed: the lower board is the one detuned (2.5). In dual only: assumed.
        detune = patch.raw("DUAL DETUNE") - 64 if board == "lower" and self.key_mode == "dual" else 0
        return min(max(MASTER_TUNE + detune, 0), 127)

    def _level(self, board: Board, level: int) -> int:
        """Tone level x total volume x balance (2.5).

        The curve of the balance is assumed: full on one side, falling in a line to 0 on the other. It
        gives both levels of the captured patch load; a whole mode ignores the balance (assumed).
        """
        if self.patch.family == "jx8p":
            return level
        balance = self.patch.raw("BALANCE")
        gain, of = (min(127 - balance, 63), 63) if board == "lower" else (min(balance, 64), 64)
        if self.key_mode.startswith("whole"):
            gain, of = 1, 1
        return level * self.patch.raw("TOTAL VOLUME") * gain // (FULL_LEVEL * of)

    def _half(self, boards: tuple[Board, ...], keys: tuple[int, int]) -> Half:
        patch = self.patch
        if patch.family == "jx8p":
            mode = MODES.get(patch.raw("ASSIGN"), "poly 1")
            return Half(boards, keys, mode, 0, True, patch.raw("BEND LFO DEPTH"), True)
        name = f"{self.source(boards[0]).upper()} "
        shift = patch.raw(name + "SHIFT")
        return Half(
            boards=boards,
            keys=keys,
            mode=MODES.get(patch.raw(name + "ASSIGN"), "poly 1"),
            shift=shift - 128 if shift > 63 else shift,
            hold=bool(patch.raw(name + "HOLD")),
            lfo_depth=patch.raw(name + "LFO DEPTH"),
            bender=bool(patch.raw(name + "BENDER SW")),
        )


class Cartridge:
    """A M-16C or M-64C: ``content``, 2048 or 8192 bytes; a M-64C full of zeros when nothing is given.

    Raises `UsageError` for content of another size.
    """

    def __init__(self, content: bytes | None = None) -> None:
        self.content = bytes(max(SIZES)) if content is None else content
        Sender(self.content)  # refuses a wrong size
        self._side: Sender | Receiver | None = None

    def receive(self, message: bytes) -> bytes:
        """Take one SysEx message; the bytes to answer with. Messages of no transfer are ignored."""
        for item in decode(message).messages:
            if isinstance(item, Transfer) and item.kind == "WSF":
                self._side = Receiver(channel=item.channel)
            elif isinstance(item, Transfer) and item.kind == "RQF":
                self._side = Sender(self.content, channel=item.channel)
        if self._side is None:
            return b""
        answer = self._side.receive(message)
        if isinstance(self._side, Receiver) and self._side.state == "done":
            self.content = self._side.data
        if self._side.over:
            self._side = None
        return answer

    def start(self, channel: int = 0) -> bytes:
        """Announce the file, as when a dump is started on the panel. ``channel``: 0-15."""
        self._side = Sender(self.content, channel=channel)
        return self._side.start()


@dataclass(frozen=True, slots=True)
class Change:
    """What a message did: the new edit buffer (None: the old one) and how much has to be loaded.

    ``patch``: all of it; ``tones``: these tones. Otherwise what differs. ``answer``: MIDI to send.
    """

    buffer: EditBuffer | None = None
    patch: bool = False
    tones: tuple[Board, ...] = ()
    answer: bytes = b""


class Memory:
    """The internal memory of a ``model``, every slot filled: 64 patches and 50 tones, or 32 tones.

    ``bank``: what is in some of its slots; the others hold empty ones. ``cartridge``: content of a JX-10's
    cartridge. Raises `UsageError` for a bank of another family or a cartridge of another size.
    """

    def __init__(self, model: Model, bank: Bank | None = None, cartridge: bytes | None = None) -> None:
        self.model = model
        if cartridge is not None and model != "jx10":
            raise UsageError(f"a virtual {model} has no cartridge slot", "a jx10 has one")
        self.cartridge = Cartridge(cartridge) if model == "jx10" else None
        bank = bank or Bank(_FAMILIES[model])
        if bank.family != _FAMILIES[model]:
            raise UsageError(f"a bank of {bank.family} does not fit into a virtual {model}")
        self.patches = dict.fromkeys(range(0 if model == "jx8p" else PATCH_SLOTS), Patch.init())
        self.tones = dict.fromkeys(range(SLOTS if model == "jx8p" else TONE_SLOTS), INIT_TONE)
        self.patches |= {slot: patch for slot, patch in bank.patches.items() if slot in self.patches}
        self.tones |= _stock({slot: tone for slot, tone in bank.tones.items() if slot in self.tones})

    @classmethod
    def with_tone(cls, model: Model, tone: Tone) -> Memory:
        """One that plays ``tone`` on all its boards when it is switched on."""
        if model == "jx8p":
            return cls(model, Bank("jx8p", tones={0: tone}))
        return cls(model, Bank("mks70", {0: Patch.init(tone.name).with_tones(0, 0)}, {0: tone}))

    @property
    def bank(self) -> Bank:
        """Everything in it."""
        return Bank(_FAMILIES[self.model], dict(self.patches), dict(self.tones))

    def recall(self, number: int, buffer: EditBuffer) -> EditBuffer | None:
        """The edit buffer after program change ``number``; None for a program outside this memory.

        A JX-8P's programs are its tones, and its patch settings stay (jx_hardware.md 4.1).
        """
        if self.model == "jx8p":
            if number not in self.tones:
                return None
            return EditBuffer(buffer.patch.with_values({"TONE": number}), {"lower": self.tones[number]})
        return self._playing(self.patches[number]) if number in self.patches else None

    def receive(self, message: bytes, buffer: EditBuffer, channel: int | None = None) -> Change:
        """Carry out one SysEx message, F0 to F7, if it is for ``channel`` (None: whatever it is for).

        Never raises; what it does not take does nothing.
        """
        if self.cartridge is not None:
            return Change(answer=self.cartridge.receive(message))
        wire = _WIRES.get(self.model)
        for decoded in decode(message).messages:
            if getattr(decoded, "wire", None) is not wire or channel not in (None, decoded.channel):
                continue
            match decoded:
                case ToneData(tone=Tone() as tone):
                    board = self._board(decoded.group)
                    return Change(replace(buffer, tones={**buffer.tones, board: tone}), tones=(board,))
                case PatchData():
                    return Change(self._with_patch(buffer, decoded.patch), patch=True)
                case Changes():
                    return self._changed(decoded, buffer)
                case Program():
                    return self._program(decoded, buffer)
                case BulkTone(tone=Tone() as tone, slot=slot) if slot in self.tones:
                    if decoded.group == _INTERNAL:
                        self.tones[slot] = tone
                case BulkPatch(patch=patch, slot=slot) if slot in self.patches:
                    if decoded.group == _INTERNAL:
                        self.patches[slot] = patch
        return Change()

    def dump(self, channel: int = 0) -> list[bytes]:
        """The dump that is started on the panel, message by message: of a MKS-70 the whole memory, of a
        JX-10 the announcement of its cartridge. Raises `UsageError` for a model that has none (4.3).
        """
        if self.cartridge is not None:
            return [self.cartridge.start(channel)]
        if self.model != "mks70":
            raise UsageError(f"a {self.model} has no bulk dump of its memory")
        return [message.encoded() for message in messages_of(self.bank, channel=channel)]

    def announced(self, number: int, buffer: EditBuffer, channel: int = 0) -> list[bytes]:
        """What a MKS-70 sends after a program change: numbers and contents of patch and tones (4.3, 4.7).

        Tones in ROM are named by number only. Other models send nothing.
        """
        if self.model != "mks70":
            return []
        messages: list[Program | PatchData | ToneData] = [
            Program(wire=MKS70, level="patch", number=number, channel=channel),
            PatchData(wire=MKS70, patch=buffer.patch, channel=channel),
        ]
        for board, slot in zip(("upper", "lower"), buffer.patch.tones, strict=True):
            group = _GROUPS["upper" if board == "upper" else "lower"]
            messages.append(Program(wire=MKS70, level="tone", number=slot, group=group, channel=channel))
            if slot in self.tones:
                messages.append(ToneData(wire=MKS70, tone=self.tones[slot], group=group, channel=channel))
        return [message.encoded() for message in messages]

    def _program(self, message: Program, buffer: EditBuffer) -> Change:
        if self.model == "jx8p":
            if message.writes and message.number in self.tones:
                self.tones[message.number] = buffer.tones["lower"]
            return Change()
        if message.level == "tone":
            if message.number not in self.tones:
                return Change()
            board = self._board(message.group)
            tones = {**buffer.tones, board: self.tones[message.number]}
            name = f"{board.upper()} TONE"
            patch = buffer.patch.with_values({name: message.number})
            return Change(replace(buffer, patch=patch, tones=tones), tones=(board,))
        recalled = self.recall(message.number, buffer)
        return Change(recalled, patch=recalled is not None)

    def _changed(self, message: Changes, buffer: EditBuffer) -> Change:
        if message.level == "tone":
            board = self._board(message.group)
            tone = message.changed_tone(buffer.tones[board])
            assert isinstance(tone, Tone)
            return Change(replace(buffer, tones={**buffer.tones, board: tone}))
        patch = message.changed_patch(buffer.patch)
        rows = {patch.table.row(number).name for number, _ in message.pairs}
        if not rows.intersection(_RELOADS):
            return Change(replace(buffer, patch=patch))
        return Change(self._with_patch(buffer, patch), patch=True)

    def _with_patch(self, buffer: EditBuffer, patch: Patch) -> EditBuffer:
        """``patch`` in the edit buffer; tones that it did not name before come from the memory."""
        if patch.tones == buffer.patch.tones:
            return replace(buffer, patch=patch)
        return self._playing(patch)

    def _playing(self, patch: Patch) -> EditBuffer:
        tones = [self.tones.get(number, INIT_TONE) for number in patch.tones]
        boards: tuple[Board, ...] = ("lower",) if self.model == "jx8p" else ("upper", "lower")
        return EditBuffer(patch, dict(zip(boards, tones, strict=True)))

    def _board(self, group: int) -> Board:
        return "lower" if self.model == "jx8p" or group == _GROUPS["lower"] else "upper"


def _stock(tones: Mapping[int, object]) -> dict[int, Tone]:
    return {slot: tone for slot, tone in tones.items() if isinstance(tone, Tone)}


def model_named(name: str) -> Model:
    """The model of that name. Raises `UsageError` for another."""
    for model in MODELS:
        if model == name:
            return model
    raise UsageError(f"there is no virtual {name!r}", f"there are {', '.join(MODELS)}")


def read_memory(model: Model, bank: Path | None = None, tone: Path | None = None) -> Memory | None:
    """What a file holds in the memory of ``model``: a bank, a JX-10's cartridge, or one tone on all boards.

    None without a file. Raises `UsageError` for both files, and what reading them raises.
    """
    if bank is not None and tone is not None:
        raise UsageError("a tone and a bank are given", "give one of the two")
    if tone is not None:
        return Memory.with_tone(model, read_tone(tone))
    if bank is None:
        return None
    if model == "jx10" and bank.is_file() and bank.stat().st_size in SIZES:
        return Memory(model, cartridge=read_bytes(bank))
    return Memory(model, read_library(bank).bank)

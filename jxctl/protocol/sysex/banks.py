"""Messages to a bank, and a bank to messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from jxctl.errors import ToneError
from jxctl.protocol.account import Account
from jxctl.protocol.bank import AnyTone, Bank, FamilyName, listed
from jxctl.protocol.patch import SUPERJX, Patch
from jxctl.protocol.sysex.decode import FAMILIES, AnyMessage
from jxctl.protocol.sysex.family import Family
from jxctl.protocol.sysex.frame import Unused
from jxctl.protocol.sysex.jx8p import JX8P, WRITE
from jxctl.protocol.sysex.messages import BulkPatch, BulkTone, Changes, PatchData, Program, ToneData
from jxctl.protocol.sysex.mks70 import FILLER, PATCH_BITS
from jxctl.protocol.sysex.vecoven4 import TONE_BITS
from jxctl.protocol.vecoven_tone import TONE_V4, ToneV4

Form = Literal["bulk", "sets"]
Noun = Literal["patch", "tone"]
NOUNS: tuple[Noun, ...] = ("patch", "tone")
T = TypeVar("T", Patch, AnyTone)

SLOTS: dict[Noun, dict[FamilyName, int]] = {
    "patch": {"jx8p": 32, "mks70": 64, "vecoven4": 64},
    "tone": {"jx8p": 32, "mks70": 50, "vecoven4": 50},
}
"""What a family stores (jx_hardware.md 4.7, 4.8, 4.10); patches of a JX-8P assumed: one for each tone."""

_STRAY = -1
"""Memory of a bank for what has no place."""

PROGRAMS: dict[Noun, dict[FamilyName, int]] = {
    "patch": {"jx8p": 32, "mks70": 128, "vecoven4": 128},
    "tone": {"jx8p": 32, "mks70": 128, "vecoven4": 128},
}
"""What a program number (PGR) can name: tones in ROM and patches of a cartridge too (4.1). Sources count
tones to 100 (4.6), and the captured set of V4 to 128."""


@dataclass(frozen=True, slots=True)
class Banks:
    """The ``banks`` that messages hold, in order, and the ``account`` of what was wrong with them."""

    banks: tuple[Bank, ...]
    account: Account


def bank_of(messages: Iterable[AnyMessage | Unused], name: str = "") -> tuple[Bank, list[str]]:
    """The first of `banks_of`, and the account in words."""
    found = banks_of(messages, name)
    return found.banks[0], found.account.problems


def banks_of(items: Iterable[AnyMessage | Unused], name: str = "") -> Banks:
    """The banks that messages hold.

    Stored tones and patches go to their slots. A whole tone or patch (APR) goes to the slot of the PGR before
    it (Super JX) or of the write PGR after it (JX-8P). Tones without a PGR belong by group to the patch
    beside them, which plays them from the numbers that it names, or from free slots where those hold another
    tone. What then has no slot goes to the first free one. A second content for a slot begins the next bank,
    as does another family or another memory (group of a bulk dump). In words, slots count from 1.

    Args:
        items: messages, and among them the `Unused` bytes of the stream: damage ends what waits for its
            other half, so that a tone does not slip into the slot of another.
        name: of the banks.

    Returns:
        One bank or more, and the account.

    Raises:
        ToneError: no tone and no patch.
    """
    reader = _Reader()
    for item in items:
        reader.read(item)
    return reader.result(name)


@dataclass(slots=True)
class _Piece(Generic[T]):
    """A tone or patch on its way to a bank; ``part``: which half of ``patch`` it is."""

    noun: Noun
    item: T
    family: FamilyName
    memory: int = 0
    slot: int | None = None
    stored: bool = False
    patch: _Piece[Any] | None = None
    part: int = 0


class _Slots:
    """A bank that is being filled."""

    def __init__(self, family: FamilyName, memory: int) -> None:
        self.family, self.memory = family, memory
        self.held: dict[Noun, dict[int, Any]] = {"patch": {}, "tone": {}}
        self.by: dict[tuple[Noun, int], int] = {}
        self.repeats: list[int] = []
        self.stored = False

    def free(self, noun: Noun) -> int | None:
        """The first free slot that the instrument has."""
        held = self.held[noun]
        return next((slot for slot in range(SLOTS[noun][self.family]) if slot not in held), None)

    def bank(self, name: str) -> Bank:
        return Bank(self.family, self.held["patch"], self.held["tone"], name)


class _Reader:
    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {
            kind: [] for kind in ("repaired", "missing", "duplicated", "out_of_range", "foreign", "remarks")
        }
        self._pieces: list[_Piece[Any]] = []
        self._program: dict[tuple[Noun, int], int] = {}
        self._waiting: _Piece[Any] | None = None
        self._patch: _Piece[Any] | None = None
        self._played: set[int] = set()
        self._before: dict[int, _Piece[Any]] | None = None
        self._damaged = False
        self._banks: list[_Slots] = []

    def read(self, item: AnyMessage | Unused) -> None:
        if isinstance(item, Unused):
            if not item.harmless and not item.foreign:
                self._damaged = True
                self._gap()
        elif isinstance(item, BulkPatch | BulkTone):
            if item.checksum_off:
                self._lines["repaired"].append(f"{_at(item)}: the checksum is wrong")
            noun: Noun = "patch" if isinstance(item, BulkPatch) else "tone"
            content = item.patch if isinstance(item, BulkPatch) else item.tone
            self._pieces.append(_Piece(noun, content, item.family, item.group, item.slot, stored=True))
        elif isinstance(item, Program):
            self._read_program(item)
        elif isinstance(item, ToneData):
            self._read_tone(item)
        elif isinstance(item, PatchData):
            self._read_patch(item)
        elif isinstance(item, Changes):
            self._lines["foreign"].append(f"{_at(item)}: a change of single parameters is no part of a bank")
        else:
            self._lines["foreign"].append(f"{_at(item)}: no part of a bank")

    def result(self, name: str) -> Banks:
        self._gap()
        if not self._pieces:
            raise ToneError("no tone and no patch in it", "jx models lists what each model sends")
        for index, piece in enumerate(self._pieces):
            if piece.slot is not None:
                self._store(index, piece)
        self._say_repeats()
        homeless: dict[tuple[Noun, int], list[int]] = {}
        for piece in self._pieces:
            if piece.slot is None and piece.noun == "patch":
                self._house(piece, homeless)
        for piece in self._pieces:
            if piece.patch is not None:
                self._follow(piece, homeless)
            elif piece.slot is None and piece.noun == "tone":
                self._house(piece, homeless)
        self._say_homeless(homeless)
        for number, slots in enumerate(self._banks, start=1):
            self._say_gaps(slots, f"bank {number}: " if len(self._banks) > 1 else "")
        return Banks(tuple(slots.bank(name) for slots in self._banks), self._account())

    # -- reading ------------------------------------------------------------------------------------

    def _gap(self) -> None:
        """Damage, or the end: nothing waits across it."""
        for (noun, _), number in self._program.items():
            if number < SLOTS[noun]["mks70"]:
                self._lines["missing"].append(f"{noun} {number + 1}: its number came, its content did not")
        self._program.clear()
        self._waiting = self._patch = None
        self._played.clear()
        self._before = None

    def _read_program(self, message: Program) -> None:
        if message.family != "jx8p":
            key: tuple[Noun, int] = (message.level, message.group)
            if (number := self._program.get(key)) is not None and number < SLOTS[message.level]["mks70"]:
                self._lines["missing"].append(
                    f"{message.level} {number + 1}: its number came, its content did not"
                )
            self._program[key] = message.number
        elif not message.writes:
            self._lines["foreign"].append(f"{_at(message)}: no part of a bank")
        elif self._waiting is None:
            self._lines["missing"].append(
                f"tone {message.number + 1}: a write message came, nothing before it to write"
            )
        else:
            self._waiting.slot, self._waiting.stored = message.number, True
            self._waiting = None

    def _read_tone(self, message: ToneData) -> None:
        piece = _Piece("tone", message.tone, message.family)
        self._pieces.append(piece)
        if message.family == "jx8p":
            self._waiting = piece
            return
        piece.slot = self._program.pop(("tone", message.group), None)
        if piece.slot is not None:
            self._played.add(message.group)
        elif self._patch is not None:
            if message.group not in self._played:
                self._join(piece, self._patch, message.group)
        elif self._before is None or message.group in self._before:
            self._before = {message.group: piece}
        else:
            self._before[message.group] = piece

    def _read_patch(self, message: PatchData) -> None:
        piece = _Piece("patch", message.patch, message.family)
        piece.slot = self._program.pop(("patch", message.group), None)
        self._pieces.append(piece)
        if message.family == "jx8p":
            return
        if self._before is None:
            self._patch = piece
            self._played.clear()
            return
        for group, tone in self._before.items():
            self._join(tone, piece, group)
        self._before = {}

    def _join(self, tone: _Piece[Any], patch: _Piece[Any], group: int) -> None:
        tone.patch, tone.part = patch, group - 1
        self._played.add(group)

    # -- slots --------------------------------------------------------------------------------------

    def _bank_for(self, piece: _Piece[Any]) -> _Slots:
        """The newest bank of a family and memory."""
        for slots in reversed(self._banks):
            if (
                slots.memory != _STRAY
                and slots.family == piece.family
                and (slots.memory == piece.memory or not piece.stored)
            ):
                return slots
        return self._next_bank(piece)

    def _next_bank(self, piece: _Piece[Any]) -> _Slots:
        self._banks.append(_Slots(piece.family, piece.memory))
        return self._banks[-1]

    def _store(self, index: int, piece: _Piece[Any]) -> None:
        slots = self._bank_for(piece)
        assert piece.slot is not None
        held = slots.held[piece.noun]
        slots.stored |= piece.stored
        if piece.slot not in held:
            self._put(slots, piece, piece.slot, index)
            slots.repeats.clear()
        elif held[piece.slot] == piece.item:
            slots.repeats.append(index)
        else:
            before = slots.by[(piece.noun, piece.slot)]
            if piece.stored and self._in_order(index) != self._in_order(before):
                # One of the two stands where its neighbours do not lead to: its slot is damaged.
                stray = before if self._in_order(index) else index
                if stray == before:
                    self._put(slots, piece, piece.slot, index)
                self._put(self._stray_bank(piece), self._pieces[stray], piece.slot, stray)
                self._lines["duplicated"].append(
                    f"{listed([piece.slot], piece.noun)} comes twice with different content; the one "
                    "that is out of order is put into a bank of its own"
                )
                return
            following = self._next_bank(piece)
            following.stored = slots.stored
            # What was the same in both banks came again, too.
            for repeated in slots.repeats:
                again = self._pieces[repeated]
                assert again.slot is not None
                self._put(following, again, again.slot, repeated)
            slots.repeats.clear()
            if not piece.stored and piece.noun == "tone":
                self._take_along(slots, following, index)
            self._put(following, piece, piece.slot, index)

    def _take_along(self, slots: _Slots, following: _Slots, index: int) -> None:
        """Move the patch that a tone came with, and its other tone, to the next bank with it."""
        first = next((n for n in range(index, -1, -1) if self._pieces[n].noun == "patch"), None)
        if first is None:
            return
        for number in range(first, index):
            piece = self._pieces[number]
            if piece.slot is None:
                continue
            self._put(following, piece, piece.slot, number)
            if slots.by.get((piece.noun, piece.slot)) == number:
                del slots.held[piece.noun][piece.slot]

    def _stray_bank(self, piece: _Piece[Any]) -> _Slots:
        """A bank for what has no place, before the newest, which goes on to be filled."""
        stray = _Slots(piece.family, _STRAY)
        self._banks.append(stray)
        return stray

    def _put(self, slots: _Slots, piece: _Piece[Any], slot: int, index: int) -> None:
        slots.held[piece.noun][slot] = piece.item
        slots.by[(piece.noun, slot)] = index

    def _in_order(self, index: int) -> bool:
        """Whether the slot follows from the piece before, or leads to the piece after."""
        piece = self._pieces[index]
        assert piece.slot is not None
        for step in (-1, 1):
            other = self._pieces[index + step] if 0 <= index + step < len(self._pieces) else None
            if other is not None and (other.noun, other.slot) == (piece.noun, piece.slot + step):
                return True
        return False

    def _house(self, piece: _Piece[Any], homeless: dict[tuple[Noun, int], list[int]]) -> int:
        """Give a free slot to what came without one."""
        slots = self._bank_for(piece)
        slot = slots.free(piece.noun)
        if slot is None:
            slots = self._next_bank(piece)
            slot = 0
        slots.held[piece.noun][slot] = piece.item
        piece.slot = slot
        homeless.setdefault((piece.noun, self._banks.index(slots)), []).append(slot)
        return slot

    def _follow(self, tone: _Piece[Any], homeless: dict[tuple[Noun, int], list[int]]) -> None:
        """Put a tone where its patch plays it from; where another is, elsewhere, and the patch follows."""
        assert tone.patch is not None
        patch = tone.patch
        assert patch.slot is not None
        slots = next(s for s in reversed(self._banks) if s.held["patch"].get(patch.slot) is patch.item)
        number = slots.held["patch"][patch.slot].tones[tone.part]
        if slots.held["tone"].setdefault(number, tone.item) == tone.item:
            return
        free = slots.free("tone")
        if free is None:
            self._house(tone, homeless)
            self._lines["repaired"].append(
                f"patch {patch.slot + 1} plays tone {number + 1}, another one; no slot is free for its own"
            )
            return
        slots.held["tone"][free] = tone.item
        numbers = list(patch.item.tones)
        numbers[tone.part] = free
        patch.item = slots.held["patch"][patch.slot] = patch.item.with_tones(*numbers)
        part = ("upper", "lower")[tone.part]
        self._lines["remarks"].append(
            f"patch {patch.slot + 1}: tone {number + 1} is another one; its {part} tone {tone.item.name!r} "
            f"is put into tone {free + 1}, and the patch plays it from there"
        )

    # -- the account --------------------------------------------------------------------------------

    def _say_repeats(self) -> None:
        for slots in self._banks:
            for noun in NOUNS:
                again = {
                    slot
                    for index in slots.repeats
                    if self._pieces[index].noun == noun and (slot := self._pieces[index].slot) is not None
                }
                # Tones that several patches play come with each.
                if again and slots.stored:
                    self._lines["duplicated"].append(f"{listed(again, noun)} with the same content")

    def _say_homeless(self, homeless: dict[tuple[Noun, int], list[int]]) -> None:
        named = any(slots.stored for slots in self._banks)
        for (noun, number), given in homeless.items():
            where = f" of bank {number + 1}" if len(self._banks) > 1 else ""
            plural = f"{noun}es" if noun == "patch" else f"{noun}s"
            self._lines["repaired" if self._damaged and named else "remarks"].append(
                f"no slot is named for {len(given)} of the {plural}; put into {listed(given, noun)}{where}"
            )

    def _say_gaps(self, slots: _Slots, where: str) -> None:
        """What a dump has, and this one has not; and slots that no instrument has."""
        if slots.memory == _STRAY:
            return
        for noun in NOUNS:
            last = (SLOTS if slots.stored else PROGRAMS)[noun][slots.family]
            beyond = [slot for slot in slots.held[noun] if slot >= last]
            if beyond:
                self._lines["out_of_range"].append(f"{where}{listed(beyond, noun)}; there are 1 to {last}")
        if not slots.stored or _alone(slots):
            return
        for noun in NOUNS:
            held = slots.held[noun]
            # A file of tones alone is whole; patches without their tones are not.
            if held or (noun == "tone" and slots.held["patch"]):
                lacking = [slot for slot in range(SLOTS[noun][slots.family]) if slot not in held]
                if lacking:
                    self._lines["missing"].append(f"{where}{listed(lacking, noun)}")

    def _account(self) -> Account:
        memories = list(dict.fromkeys(slots.memory for slots in self._banks if slots.memory > 0))
        if len(memories) > 1:
            groups = ", ".join(map(str, memories))
            self._lines["remarks"].append(
                f"bulk dumps of several memories (groups {groups}: 1 internal, 2 cartridge)"
            )
        return Account(**{kind: tuple(lines) for kind, lines in self._lines.items()})


def _alone(slots: _Slots) -> bool:
    """Whether this is one tone, or one patch with its tones: no dump of a memory."""
    patches, tones = slots.held["patch"], slots.held["tone"]
    if len(patches) > 1:
        return False
    played = {number for patch in patches.values() for number in patch.tones}
    return len(tones) == 1 if not patches else set(tones) <= played


def _at(message: AnyMessage) -> str:
    return f"{message} at byte {message.offset}" if message.offset is not None else str(message)


def messages_of(bank: Bank, form: Form | None = None, channel: int = 0, group: int = 1) -> list[AnyMessage]:
    """The messages that hold a bank, for sending or for a file.

    ``bulk``: as a bulk dump is (patches, then tones), group 1 internal memory, 2 cartridge.
    ``sets``: PGR and APR of each patch, of its upper and of its lower tone (tones the bank lacks
    are left out: they are in ROM or already there); then tones no patch refers to. On a JX-8P: APR
    and write PGR of each tone. The default is ``bulk`` where the family has it and a slot for everything.

    Raises `ToneError` for ``bulk`` of a JX-8P bank, for a JX-8P bank with patches, which no message can
    store, and for a slot that the instrument does not have.
    """
    wire = FAMILIES[bank.family]
    if form is None:
        stored = all(slot < SLOTS["patch"][bank.family] for slot in bank.patches)
        stored = stored and all(slot < SLOTS["tone"][bank.family] for slot in bank.tones)
        form = "bulk" if wire.bulk is not None and stored else "sets"
    if wire is JX8P:
        return _jx8p(bank, form, channel)
    _check_slots(bank, SLOTS if form == "bulk" else PROGRAMS)
    if form == "bulk":
        patches = [
            BulkPatch(wire=wire, channel=channel, group=group, slot=slot, patch=patch)
            for slot, patch in bank.patches.items()
        ]
        tones = [
            BulkTone(wire=wire, channel=channel, group=group, slot=slot, tone=tone)
            for slot, tone in bank.tones.items()
        ]
        return [*patches, *tones]
    return _sets(bank, wire, channel)


def _check_slots(bank: Bank, sizes: Mapping[Noun, Mapping[FamilyName, int]]) -> None:
    title = {"mks70": "MKS-70", "vecoven4": "Vecoven V4"}[bank.family]
    held: tuple[tuple[Noun, Iterable[int]], ...] = (("patch", bank.patches), ("tone", bank.tones))
    for noun, slots in held:
        size = sizes[noun][bank.family]
        if beyond := [slot for slot in slots if slot >= size]:
            raise ToneError(f"a {title} has no {noun} slot {beyond[0] + 1}", f"it has 1 to {size}")


def not_in_bulk(bank: Bank) -> list[str]:
    """What a bulk dump has no room for, in words: values that only whole messages (APR) can hold."""
    lost: dict[tuple[str, str], list[int]] = {}
    for slot, patch in bank.patches.items():
        if patch.family == "superjx":
            for number in PATCH_BITS.dropped(patch.values):
                lost.setdefault((SUPERJX.rows[number].name, "patch"), []).append(slot)
    for slot, tone in bank.tones.items():
        if isinstance(tone, ToneV4):
            for number in TONE_BITS.dropped(tone.values):
                lost.setdefault((TONE_V4.rows[number].name, "tone"), []).append(slot)
    return [f"{name} of {listed(slots, noun)}, in part or whole" for (name, noun), slots in lost.items()]


def not_in_sets(bank: Bank) -> list[str]:
    """What whole messages (APR) have no room for, in words: bits of bulk records that no value claims."""
    patches = [slot for slot, patch in bank.patches.items() if patch.rest and patch.rest != FILLER]
    tones = [slot for slot, tone in bank.tones.items() if isinstance(tone, ToneV4) and any(tone.rest)]
    found = [listed(slots, noun) for slots, noun in ((patches, "patch"), (tones, "tone")) if slots]
    return [f"bits of unknown meaning in the bulk data of {which}" for which in found]


def _jx8p(bank: Bank, form: Form, channel: int) -> list[AnyMessage]:
    if form == "bulk":
        raise ToneError("a JX-8P has no bulk dump", "send it as sets: each tone and a write message")
    if bank.patches:
        raise ToneError("no message stores a JX-8P patch", "send its tones; set patches on the panel")
    messages: list[AnyMessage] = []
    for slot, tone in bank.tones.items():
        if slot > 31:
            raise ToneError(f"a JX-8P has no tone slot {slot + 1}", "it has 1 to 32")
        messages.append(ToneData(wire=JX8P, channel=channel, tone=tone))
        messages.append(Program(wire=JX8P, channel=channel, level="tone", number=slot, flags=WRITE))
    return messages


def _sets(bank: Bank, wire: Family, channel: int) -> list[AnyMessage]:
    pgr = FAMILIES["mks70"]
    messages: list[AnyMessage] = []
    sent: set[int] = set()

    def add_tone(slot: int, group: int) -> None:
        if slot in bank.tones:
            messages.append(Program(wire=pgr, channel=channel, group=group, level="tone", number=slot))
            messages.append(ToneData(wire=wire, channel=channel, group=group, tone=bank.tones[slot]))
            sent.add(slot)

    for slot, patch in bank.patches.items():
        messages.append(Program(wire=pgr, channel=channel, level="patch", number=slot))
        messages.append(PatchData(wire=wire, channel=channel, patch=patch))
        for group, number in enumerate(patch.tones, start=1):
            add_tone(number, group)
    for slot in bank.tones:
        if slot not in sent:
            add_tone(slot, 1)
    return messages

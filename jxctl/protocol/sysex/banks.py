"""Messages to a bank, and a bank to messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeVar

from jxctl.errors import ToneError
from jxctl.protocol.bank import AnyTone, Bank, FamilyName, listed
from jxctl.protocol.patch import SUPERJX, Patch
from jxctl.protocol.sysex.decode import FAMILIES, AnyMessage
from jxctl.protocol.sysex.family import Family
from jxctl.protocol.sysex.jx8p import JX8P, WRITE
from jxctl.protocol.sysex.messages import BulkPatch, BulkTone, Changes, PatchData, Program, ToneData
from jxctl.protocol.sysex.mks70 import FILLER, PATCH_BITS
from jxctl.protocol.sysex.vecoven4 import TONE_BITS
from jxctl.protocol.vecoven_tone import TONE_V4, ToneV4

Form = Literal["bulk", "sets"]
T = TypeVar("T", Patch, AnyTone)


def bank_of(messages: Iterable[AnyMessage], name: str = "") -> tuple[Bank, list[str]]:
    """The bank that messages hold, and what was wrong with them or could not be placed, in words.

    Stored tones and patches go to their slots. A whole tone or patch (APR) goes to the slot of the
    PGR before it (Super JX) or of the write PGR after it (JX-8P); one without a PGR goes to the
    first free slot, and that is said. The later of two contents for one slot stays. In words, slots
    count from 1.

    Raises `ToneError` when the messages are of two families, or hold no tone and no patch.
    """
    reader = _Reader()
    for message in messages:
        reader.read(message)
    return reader.bank(name), reader.problems


class _Reader:
    def __init__(self) -> None:
        self.problems: list[str] = []
        self._patches: dict[int, Patch] = {}
        self._tones: dict[int, AnyTone] = {}
        self._families: dict[FamilyName, int | None] = {}
        self._program: dict[tuple[str, int], int] = {}
        self._waiting: ToneData | None = None
        self._homeless: list[ToneData | PatchData] = []
        self._twice: dict[str, set[int]] = {"patch": set(), "tone": set()}
        self._memories: dict[int, None] = {}

    def read(self, message: AnyMessage) -> None:
        if isinstance(message, BulkPatch | BulkTone):
            self._families.setdefault(message.family, message.offset)
            self._memories[message.group] = None
            if message.checksum_off:
                self.problems.append(f"{_at(message)}: the checksum is wrong")
        if isinstance(message, BulkPatch):
            self._keep(self._patches, message.slot, message.patch, "patch")
        elif isinstance(message, BulkTone):
            self._keep(self._tones, message.slot, message.tone, "tone")
        elif isinstance(message, Program):
            self._read_program(message)
        elif isinstance(message, ToneData):
            self._families.setdefault(message.family, message.offset)
            self._read_tone(message)
        elif isinstance(message, PatchData):
            self._families.setdefault(message.family, message.offset)
            slot = self._program.pop(("patch", message.group), None)
            if slot is None:
                self._homeless.append(message)
            else:
                self._keep(self._patches, slot, message.patch, "patch")
        elif isinstance(message, Changes):
            self.problems.append(f"{_at(message)}: a change of single parameters is no part of a bank")
        else:
            self.problems.append(f"{_at(message)}: no part of a bank")

    def bank(self, name: str) -> Bank:
        self._settle()
        if len(self._families) > 1:
            families = ", ".join(self._families)
            where = list(self._families.values())[1]
            raise ToneError(
                f"messages of several families: {families}",
                "make a file of each family" + (f"; the second begins at byte {where}" if where else ""),
            )
        if not self._families:
            raise ToneError("no tone and no patch in it", "jx models lists what each model sends")
        self._say_twice()
        self._house(self._tones, "tone", [m.tone for m in self._homeless if isinstance(m, ToneData)])
        self._house(self._patches, "patch", [m.patch for m in self._homeless if isinstance(m, PatchData)])
        return Bank(next(iter(self._families)), self._patches, self._tones, name)

    def _read_program(self, message: Program) -> None:
        if message.family != "jx8p":
            self._program[(message.level, message.group)] = message.number
        elif not message.writes:
            self.problems.append(f"{_at(message)}: no part of a bank")
        elif self._waiting is None:
            self.problems.append(f"{_at(message)}: nothing before it to write")
        else:
            self._keep(self._tones, message.number, self._waiting.tone, "tone")
            self._waiting = None

    def _read_tone(self, message: ToneData) -> None:
        if message.family == "jx8p":
            self._settle()
            self._waiting = message
            return
        slot = self._program.pop(("tone", message.group), None)
        if slot is None:
            self._homeless.append(message)
        else:
            self._keep(self._tones, slot, message.tone, "tone")

    def _house(self, target: dict[int, T], noun: str, items: list[T]) -> None:
        """Give free slots to what came without one."""
        if not items:
            return
        free = [slot for slot in range(128) if slot not in target]
        given = dict(zip(free, items, strict=False))
        target |= given
        plural = f"{noun}es" if noun == "patch" else f"{noun}s"
        self.problems.append(
            f"no slot is named for {len(items)} of the {plural}; put into {listed(given, noun)}"
        )
        if len(items) > len(free):
            self.problems.append(f"no slot is free for {len(items) - len(free)} of them; left out")

    def _settle(self) -> None:
        if self._waiting is not None:
            self._homeless.append(self._waiting)
        self._waiting = None

    def _keep(self, target: dict[int, T], slot: int, item: T, noun: str) -> None:
        if target.get(slot, item) != item:
            self._twice[noun].add(slot)
        target[slot] = item

    def _say_twice(self) -> None:
        for noun, slots in self._twice.items():
            if slots:
                comes = "comes twice with different content; the later one stays"
                come = "come twice with different content; the later ones stay"
                self.problems.append(f"{listed(slots, noun)} {comes if len(slots) == 1 else come}")
        if len(self._memories) > 1:
            groups = ", ".join(map(str, self._memories))
            self.problems.append(f"bulk dumps of several memories (groups {groups}: 1 internal, 2 cartridge)")


def _at(message: AnyMessage) -> str:
    return f"{message} at byte {message.offset}" if message.offset is not None else str(message)


def messages_of(bank: Bank, form: Form | None = None, channel: int = 0, group: int = 1) -> list[AnyMessage]:
    """The messages that hold a bank, for sending or for a file.

    ``bulk``: as a bulk dump is (patches, then tones), group 1 internal memory, 2 cartridge.
    ``sets``: PGR and APR of each patch, of its upper and of its lower tone (tones the bank lacks
    are left out: they are in ROM or already there); then tones no patch refers to. On a JX-8P: APR
    and write PGR of each tone. The default is ``bulk`` where the family has it.

    Raises `ToneError` for ``bulk`` of a JX-8P bank, and for a JX-8P bank with patches, which no
    message can store.
    """
    wire = FAMILIES[bank.family]
    if form is None:
        form = "sets" if wire.bulk is None else "bulk"
    if wire is JX8P:
        return _jx8p(bank, form, channel)
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

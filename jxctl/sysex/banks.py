"""Messages to a bank, and a bank to messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeVar

from jxctl.bank import AnyTone, Bank, FamilyName
from jxctl.errors import ToneError
from jxctl.patch import SUPERJX, Patch
from jxctl.sysex.decode import FAMILIES, AnyMessage
from jxctl.sysex.family import Family
from jxctl.sysex.jx8p import JX8P, WRITE
from jxctl.sysex.messages import BulkPatch, BulkTone, Changes, PatchData, Program, ToneData
from jxctl.sysex.mks70 import PATCH_BITS
from jxctl.sysex.vecoven4 import TONE_BITS
from jxctl.tone_v4 import TONE_V4, ToneV4

Form = Literal["bulk", "sets"]
T = TypeVar("T", Patch, AnyTone)


def bank_of(messages: Iterable[AnyMessage], name: str = "") -> tuple[Bank, list[str]]:
    """The bank that messages hold, and what was wrong with them or could not be placed, in words.

    Stored tones and patches go to their slots. A whole tone or patch (APR) goes to the slot of the
    PGR before it (Super JX) or of the write PGR after it (JX-8P); one without a PGR goes to the
    first free slot, and that is said. The later of two contents for one slot stays.

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
        self._families: dict[FamilyName, None] = {}
        self._program: dict[tuple[str, int], int] = {}
        self._waiting: ToneData | None = None
        self._homeless: list[ToneData | PatchData] = []

    def read(self, message: AnyMessage) -> None:
        if isinstance(message, BulkPatch | BulkTone):
            self._families[message.family] = None
            if message.checksum_off:
                self.problems.append(f"{_at(message)}: the checksum is wrong")
        if isinstance(message, BulkPatch):
            self._keep(self._patches, message.slot, message.patch, f"patch {message.slot}")
        elif isinstance(message, BulkTone):
            self._keep(self._tones, message.slot, message.tone, f"tone {message.slot}")
        elif isinstance(message, Program):
            self._read_program(message)
        elif isinstance(message, ToneData):
            self._families[message.family] = None
            self._read_tone(message)
        elif isinstance(message, PatchData):
            self._families[message.family] = None
            slot = self._program.pop(("patch", message.group), None)
            if slot is None:
                self._homeless.append(message)
            else:
                self._keep(self._patches, slot, message.patch, f"patch {slot}")
        elif isinstance(message, Changes):
            self.problems.append(f"{_at(message)}: a change of single parameters is no part of a bank")
        else:
            self.problems.append(f"{_at(message)}: no part of a bank")

    def bank(self, name: str) -> Bank:
        self._settle()
        if len(self._families) > 1:
            families = ", ".join(self._families)
            raise ToneError(f"messages of several families: {families}", "split them by family first")
        if not self._families:
            raise ToneError("no tone and no patch in it", "jx models lists what each model sends")
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
            self._keep(self._tones, message.number, self._waiting.tone, f"tone {message.number}")
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
            self._keep(self._tones, slot, message.tone, f"tone {slot}")

    def _house(self, target: dict[int, T], noun: str, items: list[T]) -> None:
        """Give free slots to what came without one."""
        if not items:
            return
        free = [slot for slot in range(128) if slot not in target]
        given = dict(zip(free, items, strict=False))
        target |= given
        places = ", ".join(map(str, given))
        self.problems.append(f"no slot is named for {len(items)} of the {noun}s; put into {places}")
        if len(items) > len(free):
            self.problems.append(f"no slot is free for {len(items) - len(free)} of them; left out")

    def _settle(self) -> None:
        if self._waiting is not None:
            self._homeless.append(self._waiting)
        self._waiting = None

    def _keep(self, target: dict[int, T], slot: int, item: T, what: str) -> None:
        if target.get(slot, item) != item:
            self.problems.append(f"{what} comes twice with different content; the later one stays")
        target[slot] = item


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
    lost = []
    for slot, patch in bank.patches.items():
        if patch.family == "superjx":
            names = [SUPERJX.rows[n].name for n in PATCH_BITS.dropped(patch.values)]
            lost += [f"patch {slot}: {name} {patch.label(name)}" for name in names]
    for slot, tone in bank.tones.items():
        if isinstance(tone, ToneV4):
            names = [TONE_V4.rows[n].name for n in TONE_BITS.dropped(tone.values)]
            lost += [f"tone {slot}: {name} {tone.raw(name)}" for name in names]
    return lost


def _jx8p(bank: Bank, form: Form, channel: int) -> list[AnyMessage]:
    if form == "bulk":
        raise ToneError("a JX-8P has no bulk dump", "send it as sets: each tone and a write message")
    if bank.patches:
        raise ToneError("no message stores a JX-8P patch", "send its tones; set patches on the panel")
    messages: list[AnyMessage] = []
    for slot, tone in bank.tones.items():
        if slot > 31:
            raise ToneError(f"a JX-8P has no tone slot {slot}", "it has 0 to 31")
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

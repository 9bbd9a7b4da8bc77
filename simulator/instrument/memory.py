"""The patches and tones a virtual synth keeps, and what SysEx does to them and to its edit buffer.

From documents: which messages a model takes, and that a stock JX-10 has only its cartridge transfer
(jx_hardware.md 4.3), the JX-8P's write (4.4), groups, bulk slots. Assumed: a tone number that the
memory does not hold is an empty tone (ROM tones are not shipped with jx); a patch that arrives
brings the tones it names; a program number (PGR) on a MKS-70 recalls that slot; a bulk dump for the
cartridge is passed over. Vecoven messages are for another firmware and do nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from jxctl.errors import UsageError
from jxctl.protocol.bank import Bank, FamilyName
from jxctl.protocol.patch import Patch
from jxctl.protocol.sysex import (
    BulkPatch,
    BulkTone,
    Changes,
    PatchData,
    Program,
    ToneData,
    decode,
    messages_of,
)
from jxctl.protocol.sysex.jx8p import JX8P, SLOTS
from jxctl.protocol.sysex.mks70 import MKS70, PATCH_SLOTS, TONE_SLOTS
from jxctl.protocol.tone import INIT_TONE, Tone
from simulator.instrument.cartridge import Cartridge
from simulator.instrument.edit_buffer import Board, EditBuffer

Model = Literal["jx8p", "jx10", "mks70"]

_FAMILIES: dict[Model, FamilyName] = {"jx8p": "jx8p", "jx10": "mks70", "mks70": "mks70"}
_WIRES = {"jx8p": JX8P, "mks70": MKS70}
_INTERNAL = 1
_GROUPS: dict[Board, int] = {"upper": 1, "lower": 2}
# Changing one of these changes what is played so much that the whole patch is loaded anew.
_RELOADS = ("KEY MODE", "UPPER TONE", "LOWER TONE", "TONE", "BANK")


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

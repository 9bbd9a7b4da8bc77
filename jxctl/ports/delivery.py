"""A tone, a patch, a bank or a cartridge out of a file and into what is behind a port.

Reading, choosing and checking come first: a `Delivery` is what of a file is meant, and `Delivery.prepare`
says, before anything is sent, what will be overwritten and what the instrument cannot say. Then
`Shipment.send` sends it. `deliver` does both at once.

A bare board takes one tone, in the order of the synth's own assigner. A synth takes a tone or a patch into
its edit buffer, and stores only what `Delivery.write` asks for. A JX-10 takes a whole cartridge.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jxctl._files import read_bytes
from jxctl.errors import ToneError, UsageError
from jxctl.library.edit import converted, tone_for
from jxctl.library.files import Kind, cargo, load, only_stock_tone
from jxctl.library.formats import Loaded
from jxctl.ports import Port, ReceivingPort
from jxctl.ports.client import Keys, MidiKeys, Synth
from jxctl.ports.transfer import (
    ANSWER_S,
    CARTRIDGE,
    INTERNAL,
    Plan,
    bank_plan,
    patch_plan,
    stored_slots,
    tone_plan,
    transfer,
    transmit,
)
from jxctl.protocol.account import Account
from jxctl.protocol.bank import Bank, listed
from jxctl.protocol.bus import BoardName, board_name
from jxctl.protocol.models import MODELS, Model, model
from jxctl.protocol.sysex.jx10 import SIZES, Sender
from jxctl.protocol.tone import Tone

ALL = "all"
"""``write`` for a whole bank or cartridge."""

Progress = Callable[[int], None]
"""Hears how many more steps are done."""


AtRisk = Callable[[Model, dict[str, list[int]]], list[str]]
"""Asked with the model and the slots (from 0, by ``patch`` and ``tone``) that are overwritten: what of the
player's is lost then because it is in no file, in words. A library of files can answer."""

_MOST_LINES = 8


class Shipment(ABC):
    """Something ready to be sent to ``port``: nothing is sent before `send`.

    ``kind`` and ``name`` of it; ``model`` of the synth, None for a bare board. ``overwrites``: slots of its
    memory, in words; ``slots``: the same as numbers from 0, by ``patch`` and ``tone``. ``lost``: what the
    synth cannot say of it; ``notes``: what else a player should know; ``at_risk``: what is overwritten and in
    no file. ``account`` of reading the file. ``steps`` of sending; ``keys``: to play it on.
    """

    kind: Kind | str
    name: str
    model: Model | None = None
    overwrites: str = ""
    lost: tuple[str, ...] | list[str] = ()
    notes: tuple[str, ...] | list[str] = ()
    at_risk: tuple[str, ...] | list[str] = ()
    account: Account = Account()
    steps: int = 0
    keys: Keys

    @property
    def slots(self) -> dict[str, list[int]]:
        """Slots of the memory that are overwritten, from 0; empty for an edit buffer or a cartridge."""
        return {}

    def __init__(self, port: Port) -> None:
        self.port = port

    @abstractmethod
    def send(self, progress: Progress = lambda _: None) -> None:
        """Send it. Raises `DeviceError` when the port is gone."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Plain data: what is sent, and where to."""

    @abstractmethod
    def text(self) -> str:
        """What was sent, in words."""

    def dry_text(self) -> str:
        """What sending would do, in words; slots count from 1."""
        lines = [f"would send {self.kind} {self.name!r} to {self.port.url}; nothing is sent"]
        lines += [f"overwrites {listed(slots, noun)}" for noun, slots in self.slots.items()]
        if not self.slots:
            lines.append(f"overwrites {self.overwrites or 'nothing but the edit buffer'}")
        return "\n".join(lines)

    def warnings(self) -> list[str]:
        """What a player should know before it is sent, a line each."""
        read = self.account.lines
        more = (
            [f"and {len(read) - _MOST_LINES} more (jx bank show --json)"] if len(read) > _MOST_LINES else []
        )
        return [
            *read[:_MOST_LINES],
            *more,
            *(f"lost: {line}" for line in self.lost),
            *(f"note: {line}" for line in self.notes),
            *(f"in no file: {line}" for line in self.at_risk),
        ]

    def about(self) -> dict[str, Any]:
        """What every shipment says as plain data: the account, and slots from 0."""
        return {"account": self.account.to_json(), "slots": self.slots, "at_risk": list(self.at_risk)}


class BoardShipment(Shipment):
    """A tone for a bare board, which is woken first."""

    kind = "tone"

    def __init__(self, port: Port, tone: Tone, board: BoardName) -> None:
        super().__init__(port)
        self.name = tone.name
        self.tone = tone
        self.board = board
        self.keys = self._synth = Synth(port)

    def send(self, progress: Progress = lambda _: None) -> None:
        """Wake the board and load the tone. Raises `DeviceError` when the port is gone."""
        self._synth.wake()
        self._synth.load(self.tone, self.board)

    def to_json(self) -> dict[str, Any]:
        """Plain data: what is sent, and where to."""
        return {"board": self.board, "tone": self.name} | self.about()

    def text(self) -> str:
        """What was sent, in words."""
        return f"sent {self.name!r} to the {self.board} board of {self.port.url}"


class MessageShipment(Shipment):
    """A tone, patch or bank as the messages of ``plan``, ``gap_s`` seconds apart (None: as needed)."""

    def __init__(
        self,
        port: Port,
        model: Model,
        kind: Kind,
        name: str,
        plan: Plan,
        lost: list[str],
        channel: int,
        gap_s: float | None,
        cartridge: bool,
    ) -> None:
        super().__init__(port)
        self.model, self.kind, self.name = model, kind, name
        self.plan, self.overwrites, self.notes, self.lost = plan, plan.overwrites, plan.notes, lost
        self.keys = MidiKeys(port, channel)
        self.steps = len(plan.messages)
        self._gap_s = gap_s
        self._cartridge = cartridge

    def send(self, progress: Progress = lambda _: None) -> None:
        """Send the messages with their pauses. Raises `DeviceError` when the port is gone."""
        assert self.model is not None
        transmit(self.port, self.plan.messages, self.model, self._gap_s, lambda: progress(1))

    def warnings(self) -> list[str]:
        """What a player should know before it is sent, a line each."""
        assert self.model is not None
        memory = "" if self._cartridge else " in the memory"
        overwriting = f"overwrites {self.overwrites}{memory} of the {self.model.title}"
        return super().warnings() + ([overwriting] if self.overwrites else [])

    def to_json(self) -> dict[str, Any]:
        """Plain data: what is sent, and where to."""
        assert self.model is not None
        data: dict[str, Any] = {"model": self.model.name, "kind": self.kind, "name": self.name}
        data |= {"messages": len(self.plan.messages), "bytes": self._size()}
        data |= {"overwrites": self.overwrites, "lost": self.lost, "notes": self.notes}
        return data | self.about()

    @property
    def slots(self) -> dict[str, list[int]]:
        """Slots of the memory that are overwritten, from 0."""
        return stored_slots(self.plan)

    def text(self) -> str:
        """What was sent, in words."""
        where = f"{self.overwrites} of" if self.overwrites else "the edit buffer of"
        size = f"{len(self.plan.messages)} messages, {self._size()} bytes"
        return f"sent {self.kind} {self.name!r} to {where} {self.port.url}: {size}"

    def _size(self) -> int:
        return sum(len(message.encoded()) for message in self.plan.messages)


class CartridgeShipment(Shipment):
    """A whole cartridge for a JX-10, which answers block by block."""

    kind = "cartridge"
    overwrites = "the cartridge"

    def __init__(
        self,
        port: ReceivingPort,
        model: Model,
        name: str,
        content: bytes,
        channel: int,
        gap_s: float | None,
        high_first: bool,
    ) -> None:
        super().__init__(port)
        self.model, self.name, self.content = model, name, content
        self.keys = MidiKeys(port, channel)
        self._receiving = port
        self._sender = Sender(content, channel=channel, high_first=high_first)
        self._gap_s = gap_s
        self.steps = len(self._sender.blocks)

    def send(self, progress: Progress = lambda _: None) -> None:
        """Run the transfer to its end. Raises `VerificationError` when it fails, and `DeviceError`."""
        assert self.model is not None
        gap_s = self.model.pacing("transfer", self._gap_s)
        transfer(self._receiving, self._sender, self._sender.start(), ANSWER_S, gap_s, progress)

    def warnings(self) -> list[str]:
        """What a player should know before it is sent, a line each."""
        assert self.model is not None
        return [f"overwrites {self.overwrites} in the {self.model.title}"]

    def to_json(self) -> dict[str, Any]:
        """Plain data: what is sent, and where to."""
        assert self.model is not None
        data = {"model": self.model.name, "kind": self.kind, "name": self.name}
        return data | {"bytes": len(self.content), "overwrites": self.overwrites} | self.about()

    def text(self) -> str:
        """What was sent, in words."""
        return f"sent {self.name}, {len(self.content)} bytes, to the cartridge of {self.port.url}"


@dataclass(frozen=True, slots=True)
class _Choice:
    """What of a file is meant and where to: see `Delivery`."""

    slot: int | None
    patch: int | None
    write: str | None
    board: str | None
    channel: int
    gap_s: float | None
    high_first: bool
    cartridge: bool
    bank: int | None
    anyway: bool


class Delivery:
    """What of a ``file`` goes to a synth or a bare board; the file is read here.

    Args:
        file: a tone, patch or bank in any format, or a JX-10 cartridge.
        model_name: what is behind a MIDI port (`jxctl.protocol.models`); not needed for a bare board.
        slot, patch: the tone or patch of that number, from 1; all of the file if left out.
        write: the slot of the memory, from 1, or `ALL`; into the edit buffer if left out.
        board: ``lower``, ``upper`` or ``both``; the only or first if left out.
        channel: MIDI channel, 0-15.
        gap_s: seconds between messages, instead of what the model needs.
        high_first: of a JX-10 cartridge: which half of a byte goes first.
        cartridge: ``write`` is a slot of the cartridge's memory.
        bank: which bank of a file that holds several, from 1.
        text_mode: undo a transfer of the file in text mode.
        anyway: overwrite memory although the file is incomplete or repaired.
        at_risk: says what is overwritten and in no file.

    Raises `UsageError` for choices that do not go together, and what reading the file raises.
    """

    def __init__(
        self,
        file: str | Path,
        model_name: str | None = None,
        *,
        slot: int | None = None,
        patch: int | None = None,
        write: str | None = None,
        board: str | None = None,
        channel: int = 0,
        gap_s: float | None = None,
        high_first: bool = True,
        cartridge: bool = False,
        bank: int | None = None,
        text_mode: bool = False,
        anyway: bool = False,
        at_risk: AtRisk = lambda *_: [],
    ) -> None:
        self.file = Path(file)
        self.model_name = model_name
        self._choice = _Choice(slot, patch, write, board, channel, gap_s, high_first, cartridge, bank, anyway)
        self._at_risk = at_risk
        if cartridge and write is None:
            raise UsageError("--cartridge is where --write writes", "add --write, or leave out --cartridge")
        self._content = read_bytes(self.file, error=ToneError, missing=_MISSING)
        self._image = b""
        self._loaded: Loaded | None = None
        if self._is_cartridge():
            self._image = self._content
            return
        self._loaded = self._read(text_mode).numbered(bank)
        if self._loaded.image and self._takes_cartridges():
            self._image = self._loaded.image

    def prepare(self, port: Port) -> Shipment:
        """What will be sent to ``port``; nothing is sent yet.

        Raises `UsageError` for what is behind the port being unknown, for what it cannot take, and for what
        would overwrite its memory without being asked for.
        """
        if port.language == "bus":
            return self._for_board(port)
        if self.model_name is None:
            raise UsageError(f"what is behind {port.url}?", f"add --model, one of {', '.join(MODELS)}")
        target = model(self.model_name)
        if self._image or self._loaded is None:
            return self._as_cartridge(port, target)
        return self._as_messages(port, target, self._loaded)

    def _read(self, text_mode: bool) -> Loaded:
        try:
            return load(self._content, text_mode=text_mode)
        except ToneError as error:
            raise ToneError(f"{self.file}: {error.message}", error.hint) from error

    def _takes_cartridges(self) -> bool:
        """Whether the synth takes whole cartridges, and not one thing of the file is meant."""
        one = self._choice.slot is not None or self._choice.patch is not None
        return self.model_name is not None and not one and model(self.model_name).can("receive", "transfer")

    def _is_cartridge(self) -> bool:
        """Whether the file goes to a synth that takes whole cartridges, and has the size of one."""
        return self._takes_cartridges() and len(self._content) in SIZES

    def _for_board(self, port: Port) -> BoardShipment:
        choice = self._choice
        target = board_name(choice.board or "lower")
        if choice.write is not None or choice.patch is not None:
            raise UsageError("a bare board holds one tone and no memory", "leave out --write and --patch")
        loaded = self._loaded or self._read(text_mode=False)
        shipment = BoardShipment(port, only_stock_tone(loaded, self.file, choice.slot), target)
        shipment.account = loaded.account
        return shipment

    def _as_cartridge(self, port: Port, target: Model) -> CartridgeShipment:
        choice = self._choice
        if choice.cartridge:
            raise UsageError(f"a {target.title} takes nothing but cartridges", "leave out --cartridge")
        if choice.write != ALL:
            raise UsageError(
                f"this overwrites the whole cartridge in the {target.title}",
                f"--write {ALL} if that is meant",
            )
        if not isinstance(port, ReceivingPort):
            raise UsageError(f"{port.url} cannot receive, and a file transfer needs answers", "use midi:")
        account = self._loaded.account if self._loaded is not None else Account()
        if not account.whole and not choice.anyway:
            raise _incomplete(account, target)
        shipment = CartridgeShipment(
            port, target, self.file.name, self._image, choice.channel, choice.gap_s, choice.high_first
        )
        shipment.account = account
        return shipment

    def _as_messages(self, port: Port, target: Model, loaded: Loaded) -> MessageShipment:
        kind, name, plan, lost = self._plan(target, loaded)
        if kind == "bank" and self._choice.write != ALL:
            raise UsageError(
                f"a bank goes into the memory: this overwrites {plan.overwrites} of the {target.title}",
                f"--write {ALL} if that is meant; --slot N or --patch N sends one to the edit buffer",
            )
        choice = self._choice
        if plan.overwrites:
            self._check_whole(kind, loaded, target)
        shipment = MessageShipment(
            port, target, kind, name, plan, lost, choice.channel, choice.gap_s, choice.cartridge
        )
        shipment.account = loaded.account
        shipment.at_risk = self._at_risk(target, shipment.slots) if plan.overwrites else []
        return shipment

    def _check_whole(self, kind: Kind, loaded: Loaded, target: Model) -> None:
        """Refuse to overwrite memory with what is incomplete, repaired, or one of several."""
        if kind == "bank" and len(loaded.banks) > 1 and self._choice.bank is None:
            raise UsageError(
                f"{self.file} holds {len(loaded.banks)} banks",
                "--bank N says which is meant; jx bank show lists them",
            )
        # A tone or patch that was read as it stands is whole, whatever else of the file is missing.
        whole = loaded.account.whole if kind == "bank" else not loaded.account.repaired
        if not whole and not self._choice.anyway:
            raise _incomplete(loaded.account, target)

    def _plan(self, target: Model, loaded: Loaded) -> tuple[Kind, str, Plan, list[str]]:
        """Kind and name of what is sent, the messages, and what the model's family cannot say."""
        choice, family = self._choice, target.family
        if family is None:
            target.require("receive", "APR tone")
        assert family is not None
        kind, bank = cargo(loaded, choice.slot, choice.patch)
        slot = _slot(choice.write) if kind != "bank" else None
        group = CARTRIDGE if choice.cartridge else INTERNAL
        if kind == "tone":
            (tone,) = bank.tones.values()
            tone, lost = tone_for(tone, family)
            plan = tone_plan(tone, target, choice.board, choice.channel, slot, group)
            return kind, tone.name, plan, lost
        if choice.board is not None:
            raise UsageError(f"--board is for a tone, and this is a {kind}", "choose a tone with --slot")
        if kind == "patch":
            _check_patch_family(bank, target)
        made, lost = converted(bank, family)
        if kind == "patch":
            name = next(iter(made.patches.values())).name
            return kind, name, patch_plan(made, target, choice.channel, slot, group), lost
        return kind, self.file.name, bank_plan(made, target, choice.channel, group), lost


def deliver(
    port: Port,
    file: str | Path,
    model_name: str | None = None,
    progress: Progress = lambda _: None,
    **choices: Any,
) -> Shipment:
    """Send what of a ``file`` is meant to what is behind ``port``; ``choices`` as of `Delivery`.

    Returns what was sent; its ``keys`` can be played with `jxctl.ports.client.play_note`. Raises `UsageError`
    before anything is sent, and `DeviceError` when the port is gone.
    """
    shipment = Delivery(file, model_name, **choices).prepare(port)
    shipment.send(progress)
    return shipment


_MISSING = "jx tone random -o tone.json writes a tone"


def _incomplete(account: Account, target: Model) -> UsageError:
    found = [line for line in account.lines if line.partition(":")[0] in _UNSAFE]
    more = f", and {len(found) - 2} more" if len(found) > 2 else ""
    return UsageError(
        f"this overwrites memory of the {target.title} from a file that is not whole: "
        f"{'; '.join(found[:2])}{more}",
        "--anyway if that is meant; jx bank show lists what is wrong",
    )


_UNSAFE = ("repaired", "missing", "out of range", "skipped")


def _check_patch_family(bank: Bank, target: Model) -> None:
    patch = next(iter(bank.patches.values()))
    if (patch.family == "jx8p") != (target.family == "jx8p"):
        raise UsageError(
            f"a {target.title} has other patches than this one of family {bank.family}",
            "send its tones with --slot",
        )


def _slot(write: str | None) -> int | None:
    """The slot, from 0, that ``write`` names."""
    if write is None:
        return None
    if not (write.isascii() and write.isdigit() and len(write) < 4) or int(write) < 1:
        raise UsageError(f"--write is {write!r}; expected the number of a slot, from 1")
    return int(write) - 1

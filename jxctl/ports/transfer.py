"""Messages to and from a whole synth over MIDI: what to send and what it overwrites, and what has arrived.

Sending: a synth takes a tone or a patch into its edit buffer, where it sounds until another is selected, and
stores it only with a write step of its own: a JX-8P by a program-number message after the tone, a
Super JX by bulk messages that carry their slot (jx_hardware.md 4.4, 4.7). That a Super JX takes a
part of a bulk dump is assumed: only whole ones were captured. A `Plan` is made first and then `transmit`ted.

Receiving: what a synth sends is `collect`ed until it is complete, silent, or never came. Only SysEx is kept,
and of it every byte: what nobody understands is for whoever reads the file. How much a model sends is known
for a bulk dump (all its slots); for tones sent from the panel one has to say how many are wanted.

A JX-10 sends and takes whole cartridges by a handshake, either side of which `transfer` runs.
`jxctl.ports.delivery` and `jxctl.ports.reception` do these things with files.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from jxctl.errors import DeviceError, UsageError, VerificationError
from jxctl.ports import Port, ReceivingPort
from jxctl.ports.pacing import Pacer
from jxctl.protocol.bank import AnyTone, Bank, listed
from jxctl.protocol.midi import SYSEX
from jxctl.protocol.models import Model
from jxctl.protocol.parameters import TONE_SIZE
from jxctl.protocol.sysex import (
    FAMILIES,
    AnyMessage,
    BulkPatch,
    BulkTone,
    Changes,
    PatchData,
    Program,
    ToneData,
    decode,
    messages_of,
    not_in_bulk,
)
from jxctl.protocol.sysex.family import Family
from jxctl.protocol.sysex.jx8p import WRITE
from jxctl.protocol.sysex.jx10 import Receiver, Sender
from jxctl.protocol.tone import RECORD_SIZE, Tone

GROUPS = {"upper": (1,), "lower": (2,), "both": (1, 2)}
"""Group of the tone messages for each half of a Super JX (jx_hardware.md 4.2)."""

INTERNAL, CARTRIDGE = 1, 2
"""Group of bulk messages for each memory (4.2)."""

What = Literal["bank", "tones", "program", "cartridge"]
WHATS: tuple[What, ...] = ("bank", "tones", "program", "cartridge")
"""A bulk dump of the memory; tones of the edit buffer; a patch with its tones; a cartridge file."""

ANSWER_S = 5.0
"""How long one step of a file transfer may take (assumed)."""

_POLL_S = 0.2
"""How long a port is listened to at a time (chosen)."""

_IDLE_S = 0.01
"""Pause where a port does not wait by itself (chosen)."""

_FIRST_VALUE = RECORD_SIZE - TONE_SIZE


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be sent: ``messages``; ``overwrites``: slots of the memory, in words; ``notes``."""

    messages: list[AnyMessage]
    overwrites: str = ""
    notes: list[str] = field(default_factory=list)


def tone_plan(
    tone: AnyTone, model: Model, board: str | None, channel: int, slot: int | None, group: int = INTERNAL
) -> Plan:
    """A tone into the edit buffer, or with ``slot`` (from 0) into a memory: `INTERNAL` or `CARTRIDGE`.

    ``board``: upper, lower or both halves of a Super JX, upper when None; a JX-8P has only one.
    ``channel``: 0-15. Raises `UsageError`, with what can be done instead, where the model cannot.
    """
    wire = _wire(model)
    if slot is not None:
        return _stored_tone(tone, model, wire, channel, slot, group)
    groups = _groups(board, model)
    if not model.can("receive", "APR tone") and model.can("receive", "IPR tone"):
        return _changes(tone, model, wire, channel)
    model.require("receive", "APR tone")
    return Plan([ToneData(wire=wire, channel=channel, group=group, tone=tone) for group in groups])


def patch_plan(bank: Bank, model: Model, channel: int, slot: int | None, group: int = INTERNAL) -> Plan:
    """The one patch of ``bank`` with its tones, into the edit buffer, or with ``slot`` into the memory.

    In the memory its tones go to the slots it plays them from. Raises `UsageError` as `tone_plan`.
    """
    wire = _wire(model)
    patch = next(iter(bank.patches.values()))
    missing = sorted(set(patch.tones) - set(bank.tones))
    notes = (
        [f"{listed(missing, 'tone')} of the patch: not in the file, the synth's own will play"]
        if missing
        else []
    )
    if slot is not None:
        if not model.slots[1]:
            raise UsageError(
                f"no message stores a patch of a {model.title}",
                "send it without --write, and write it on the panel",
            )
        plan = _stored(replace(bank, patches={slot: patch}), model, channel, group)
        return replace(plan, notes=notes + plan.notes)
    model.require("receive", "APR patch")
    messages: list[AnyMessage] = [PatchData(wire=wire, channel=channel, patch=patch)]
    for group, number in enumerate(patch.tones, start=1):
        if number in bank.tones:
            messages.append(ToneData(wire=wire, channel=channel, group=group, tone=bank.tones[number]))
    return Plan(messages, notes=notes)


def bank_plan(bank: Bank, model: Model, channel: int, group: int = INTERNAL) -> Plan:
    """A whole bank into a memory, each tone and patch to its own slot. Raises `UsageError`."""
    return _stored(bank, model, channel, group)


def stored_slots(plan: Plan) -> dict[str, list[int]]:
    """Slots of the memory that a plan overwrites, from 0, by ``patch`` and ``tone``; no edit buffers."""
    found: dict[str, list[int]] = {}
    for message in plan.messages:
        if isinstance(message, BulkPatch):
            found.setdefault("patch", []).append(message.slot)
        elif isinstance(message, BulkTone):
            found.setdefault("tone", []).append(message.slot)
        elif isinstance(message, Program) and message.writes:
            found.setdefault("tone", []).append(message.number)
    return found


def transmit(
    port: Port,
    messages: Iterable[AnyMessage],
    model: Model,
    gap_s: float | None = None,
    progress: Callable[[], None] = lambda: None,
) -> None:
    """Send messages with the model's pauses between them, or ``gap_s`` seconds; waits for the last too.

    Raises `DeviceError` when the port is gone.
    """
    pacer = Pacer(port)
    for message in messages:
        pacer.write(message.encoded(), model.pacing(message, gap_s))
        progress()
    pacer.wait()


@dataclass
class Collected:
    """SysEx as it arrived: ``data``; ``parts``: different tones and patches in it; ``expected``: how many.

    ``damage``: what could not be read, in words. ``counts_patches``: whether patches are among what is
    expected; they are kept in any case.
    """

    expected: int
    data: bytearray = field(default_factory=bytearray)
    parts: set[tuple[str, int, int]] = field(default_factory=set)
    damage: list[str] = field(default_factory=list)
    counts_patches: bool = True

    @property
    def complete(self) -> bool:
        """Whether everything expected has arrived."""
        return len(self.parts) >= self.expected

    def take(self, message: bytes) -> None:
        """One MIDI message; anything but SysEx is passed over."""
        if message[:1] != bytes((SYSEX,)):
            return
        offset = len(self.data)
        self.data += message
        found = decode(message)
        for item in found.messages:
            match item:
                case BulkTone() | BulkPatch():
                    self.parts.add((type(item).__name__, item.group, item.slot))
                    if getattr(item, "checksum_off", 0):
                        self.damage.append(f"{item} at byte {offset}: the checksum is wrong")
                case PatchData() if not self.counts_patches:
                    pass
                case ToneData() | PatchData():
                    # Tones from the panel carry no slot: each one counts.
                    self.parts.add((type(item).__name__, item.group, offset))
        self.damage += [
            f"byte {offset + item.offset}: {item.reason}" for item in found.unused if not item.harmless
        ]


def what_named(text: str | None, model: Model) -> What:
    """``text`` as one of `WHATS`; without it, what the model sends as a whole. Raises `UsageError`."""
    if text is None:
        if model.can("send", "BLD"):
            return "bank"
        return "tones" if model.can("send", "APR tone") else "cartridge"
    for what in WHATS:
        if what == text:
            return what
    raise UsageError(f"cannot wait for {text!r}", f"--what is one of {', '.join(WHATS)}")


def expected(model: Model, what: What, count: int) -> int:
    """How many tones and patches make it complete. Raises `UsageError` where the model sends none."""
    if what == "bank":
        model.require("send", "BLD")
        return sum(model.slots)
    model.require("send", "APR tone")
    if what == "program":
        model.require("send", "PGR")
        # A patch, its upper and its lower tone (4.7).
        return 3
    return count


def collect(
    port: ReceivingPort,
    collected: Collected,
    timeout_s: float,
    quiet_s: float,
    progress: Callable[[int], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Fill ``collected`` until it is complete, or ``quiet_s`` seconds pass after something arrived.

    Raises `DeviceError` when nothing arrives in ``timeout_s`` seconds, or the port goes away.
    """
    last = clock()
    while not collected.complete:
        begun = clock()
        message = port.receive(_POLL_S)
        before = len(collected.parts), len(collected.data)
        if message:
            collected.take(message)
            progress(len(collected.parts) - before[0])
        if len(collected.data) > before[1]:
            last = clock()
        elif clock() - last > (quiet_s if collected.data else timeout_s):
            break
        elif not message and clock() - begun < _POLL_S / 2:
            time.sleep(_IDLE_S)  # a port that does not wait
    if not collected.data:
        raise DeviceError(
            f"nothing arrived in {timeout_s:g} s", "check the cable to the MIDI input, and that SysEx is on"
        )


def check(collected: Collected) -> None:
    """Raise `VerificationError` unless everything arrived whole."""
    problems = list(collected.damage)
    if not collected.complete:
        problems.insert(0, f"{len(collected.parts)} of {collected.expected} tones and patches arrived")
    if problems:
        more = f", and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise VerificationError("; ".join(problems[:3]) + more, "start the dump again")


def transfer(
    port: ReceivingPort,
    side: Sender | Receiver,
    first: bytes,
    timeout_s: float,
    gap_s: float = 0.0,
    progress: Callable[[int], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Run one side of the JX-10's cartridge transfer over a port to its end.

    ``first``: what this side begins with, if anything; the other side has ``timeout_s`` seconds to
    begin or answer it, and `ANSWER_S` for every later step. ``gap_s``: pause before each answer.
    Raises `VerificationError` when the transfer fails.
    """
    if first:
        port.write(first)
    last, limit, done = clock(), timeout_s, 0
    while not side.over:
        message = port.receive(_POLL_S)
        answer = side.receive(message) if message else b""
        if answer or side.over:
            last, limit = clock(), ANSWER_S
        elif clock() - last > limit:
            answer = side.timeout()
        elif not message:
            time.sleep(_IDLE_S)
        if answer:
            time.sleep(gap_s)
            port.write(answer)
        progress(side.blocks_done - done)
        done = side.blocks_done
    if side.state == "failed":
        raise VerificationError(
            f"the file transfer failed after {side.blocks_done} blocks: {side.reason}",
            "start it again",
        )


def _wire(model: Model) -> Family:
    if model.family is None:
        model.require("receive", "APR tone")
    assert model.family is not None
    return FAMILIES[model.family]


def _groups(board: str | None, model: Model) -> tuple[int, ...]:
    if board not in (None, *GROUPS):
        raise UsageError(f"there is no board {board!r}", f"boards are {', '.join(GROUPS)}")
    if model.family == "jx8p":
        if board in ("upper", "both"):
            raise UsageError("a JX-8P has one sound board, the lower", "leave out --board")
        return (1,)
    return GROUPS[board or "upper"]


def _changes(tone: AnyTone, model: Model, wire: Family, channel: int) -> Plan:
    """A tone value by value, for a synth that takes nothing else; its name stays."""
    assert isinstance(tone, Tone)
    messages: list[AnyMessage] = [
        Changes(wire=wire, channel=channel, level="tone", pairs=((number, raw),))
        for number, raw in enumerate(tone.values, start=_FIRST_VALUE)
    ]
    return Plan(messages, notes=[f"a {model.title} changes its active tone, value by value; its name stays"])


def _stored_tone(tone: AnyTone, model: Model, wire: Family, channel: int, slot: int, group: int) -> Plan:
    _check_slot("tone", slot, model)
    _check_group(group, model)
    if model.family != "jx8p":
        return _stored(Bank(wire.name, {}, {slot: tone}), model, channel, group)
    model.require("receive", "APR tone")
    write = Program(wire=wire, channel=channel, level="tone", number=slot, flags=WRITE)
    return Plan([ToneData(wire=wire, channel=channel, tone=tone), write], listed([slot], "tone"))


def _stored(bank: Bank, model: Model, channel: int, group: int) -> Plan:
    _check_group(group, model)
    if model.family == "jx8p":
        model.require("receive", "PGR")
    else:
        model.require("receive", "BLD")
    tones, patches = model.slots
    notes = []
    presets = [slot for slot in bank.tones if slot >= tones]
    if presets:
        notes.append(f"{listed(presets, 'tone')} left out: a {model.title} stores tones 1-{tones}")
    bank = replace(bank, tones={slot: tone for slot, tone in bank.tones.items() if slot < tones})
    for slot in bank.patches if patches else ():
        _check_slot("patch", slot, model)
    if bank.patches and not patches:
        notes.append(
            f"{listed(bank.patches, 'patch')} left out: no message stores a patch of a {model.title}"
        )
        bank = replace(bank, patches={})
    overwrites = [
        listed(held, kind) for held, kind in ((bank.patches, "patch"), (bank.tones, "tone")) if held
    ]
    if not overwrites:
        raise UsageError(f"nothing of this can be stored in a {model.title}", "; ".join(notes))
    notes += [f"no room in a bulk dump for {line}" for line in not_in_bulk(bank)]
    where = " of the cartridge" if group == CARTRIDGE else ""
    return Plan(messages_of(bank, channel=channel, group=group), " and ".join(overwrites) + where, notes)


def _check_group(group: int, model: Model) -> None:
    if group not in model.groups:
        raise UsageError(
            f"no message stores into the cartridge of a {model.title}",
            "leave out --cartridge, or write a cartridge on the panel",
        )


def _check_slot(kind: str, slot: int, model: Model) -> None:
    size = model.slots[0] if kind == "tone" else model.slots[1]
    if size and not 0 <= slot < size:
        raise UsageError(f"there is no {kind} slot {slot + 1}: a {model.title} has 1 to {size}")

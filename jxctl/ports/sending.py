"""Tones, patches and banks to a whole synth over MIDI: which messages, what they overwrite, how fast.

A synth takes a tone or a patch into its edit buffer, where it sounds until another is selected, and
stores it only with a write step of its own: a JX-8P by a program-number message after the tone, a
Super JX by bulk messages that carry their slot (jx_hardware.md 4.4, 4.7). That a Super JX takes a
part of a bulk dump is assumed: only whole ones were captured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from jxctl.errors import UsageError
from jxctl.ports import Port
from jxctl.ports.pacing import Pacer
from jxctl.protocol.bank import AnyTone, Bank, listed
from jxctl.protocol.models import Model
from jxctl.protocol.parameters import TONE_SIZE
from jxctl.protocol.sysex import (
    FAMILIES,
    AnyMessage,
    Changes,
    PatchData,
    Program,
    ToneData,
    messages_of,
    not_in_bulk,
)
from jxctl.protocol.sysex.family import Family
from jxctl.protocol.sysex.jx8p import WRITE
from jxctl.protocol.tone import RECORD_SIZE, Tone

GROUPS = {"upper": (1,), "lower": (2,), "both": (1, 2)}
"""Group of the tone messages for each half of a Super JX (jx_hardware.md 4.2)."""

INTERNAL, CARTRIDGE = 1, 2
"""Group of bulk messages for each memory (4.2)."""

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

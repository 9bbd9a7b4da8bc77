"""What ``jx send`` does to a synth behind a MIDI port."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jxctl.cli.common import progress, say
from jxctl.errors import UsageError

if TYPE_CHECKING:
    from jxctl.library.formats import Loaded
    from jxctl.ports import Port
    from jxctl.ports.transfer import Plan
    from jxctl.protocol.bank import Bank
    from jxctl.protocol.models import Model
    from jxctl.protocol.tone import Tone

_ALL = "all"


@dataclass
class Job:
    """What is to be sent, as the options of the command say; ``channel`` from 0, ``pause`` in ms."""

    file: Path
    model: str | None
    slot: int | None
    patch: int | None
    write: str | None
    board: str | None
    channel: int
    pause: float | None
    nibbles: str = "high"
    cartridge: bool = False
    loaded: Loaded | None = None

    def load(self) -> None:
        """Read the file, unless it is a cartridge to be passed on as it is. Raises `UsageError`."""
        from jxctl.library.files import read_library

        if not self.is_cartridge():
            self.loaded = read_library(self.file)

    def is_cartridge(self) -> bool:
        """Whether the file goes to a synth that takes whole cartridges, and has the size of one."""
        from jxctl.protocol.models import model

        one = self.slot is not None or self.patch is not None
        if self.model is None or one or not model(self.model).can("receive", "transfer"):
            return False
        from jxctl.protocol.sysex.jx10 import SIZES

        return self.file.is_file() and self.file.stat().st_size in SIZES

    def stock_tone(self) -> Tone:
        """The tone, for a bare board. Raises `UsageError` when it is not one tone of the stock firmware."""
        from jxctl.library.files import stock_tone

        if self.write is not None or self.patch is not None:
            raise UsageError("a bare board holds one tone and no memory", "leave out --write and --patch")
        return stock_tone(self.file, self.slot)


def deliver(
    port: Port, job: Job, result: dict[str, Any]
) -> tuple[Callable[[int, int], None], Callable[[int], None], str]:
    """Send the job; how to start and end a note there, and what was done.

    Raises `UsageError`, before anything is sent, for what the model cannot take and for what would
    overwrite its memory without being told to.
    """
    from jxctl.protocol import models

    if job.model is None:
        known = ", ".join(models.MODELS)
        raise UsageError(f"what is behind {port.url}?", f"add --model, one of {known}")
    model = models.model(job.model)
    result["model"] = model.name
    if job.loaded is None:
        text = _cartridge(port, job, model, result)
    else:
        kind, what, plan, lost = _plan(job, job.loaded, model)
        _check_write(kind, plan, job, model)
        for line in [*(f"lost: {line}" for line in lost), *(f"note: {note}" for note in plan.notes)]:
            say(line)
        if plan.overwrites:
            memory = "" if job.cartridge else " in the memory"
            say(f"overwrites {plan.overwrites}{memory} of the {model.title}")
        _send(port, plan, job, model)
        size = sum(len(message.encoded()) for message in plan.messages)
        result |= {"kind": kind, "name": what, "messages": len(plan.messages), "bytes": size}
        result |= {"overwrites": plan.overwrites, "lost": lost, "notes": plan.notes}
        where = f"{plan.overwrites} of" if plan.overwrites else "the edit buffer of"
        text = f"sent {kind} {what!r} to {where} {port.url}: {len(plan.messages)} messages, {size} bytes"
    channel = job.channel

    def on(note: int, velocity: int) -> None:
        port.write(bytes((0x90 | channel, note, velocity)))

    def off(note: int) -> None:
        port.write(bytes((0x80 | channel, note, 64)))

    return on, off, text


def _plan(job: Job, loaded: Loaded, model: Model) -> tuple[str, str, Plan, list[str]]:
    """Kind and name of what is sent, the messages, and what the model's family cannot say."""
    from jxctl.library.edit import converted, tone_for
    from jxctl.library.files import cargo
    from jxctl.ports import transfer as sending

    if model.family is None:
        model.require("receive", "APR tone")
    assert model.family is not None
    kind, bank = cargo(loaded, job.slot, job.patch)
    slot = _slot(job.write) if kind != "bank" else None
    group = sending.CARTRIDGE if job.cartridge else sending.INTERNAL
    if kind == "tone":
        (tone,) = bank.tones.values()
        tone, lost = tone_for(tone, model.family)
        return kind, tone.name, sending.tone_plan(tone, model, job.board, job.channel, slot, group), lost
    if job.board is not None:
        raise UsageError(f"--board is for a tone, and this is a {kind}", "choose a tone with --slot")
    if kind == "patch":
        bank, lost = _patch_for(bank, model)
        name = next(iter(bank.patches.values())).name
        return kind, name, sending.patch_plan(bank, model, job.channel, slot, group), lost
    bank, lost = converted(bank, model.family)
    return kind, job.file.name, sending.bank_plan(bank, model, job.channel, group), lost


def _patch_for(bank: Bank, model: Model) -> tuple[Bank, list[str]]:
    from jxctl.library.edit import converted

    assert model.family is not None
    patch = next(iter(bank.patches.values()))
    if (patch.family == "jx8p") != (model.family == "jx8p"):
        raise UsageError(
            f"a {model.title} has other patches than this one of family {bank.family}",
            "send its tones with --slot",
        )
    bank, lost = converted(bank, model.family)
    return replace(bank), lost


def _check_write(kind: str, plan: Plan, job: Job, model: Model) -> None:
    if kind == "bank" and job.write != _ALL:
        raise UsageError(
            f"a bank goes into the memory: this overwrites {plan.overwrites} of the {model.title}",
            f"--write {_ALL} if that is meant; --slot N or --patch N sends one to the edit buffer",
        )


def _slot(write: str | None) -> int | None:
    """The slot, from 0, that ``--write`` names."""
    if write is None:
        return None
    if not (write.isascii() and write.isdigit() and len(write) < 4) or int(write) < 1:
        raise UsageError(f"--write is {write!r}; expected the number of a slot, from 1")
    return int(write) - 1


def _send(port: Port, plan: Plan, job: Job, model: Model) -> None:
    from jxctl.ports.transfer import transmit

    gap_s = None if job.pause is None else job.pause / 1000
    with progress("Sending", len(plan.messages)) as advance:
        transmit(port, plan.messages, model, gap_s, advance)


def _cartridge(port: Port, job: Job, model: Model, result: dict[str, Any]) -> str:
    from jxctl.ports import ReceivingPort
    from jxctl.ports.transfer import ANSWER_S, transfer
    from jxctl.protocol.sysex.jx10 import Sender

    if job.cartridge:
        raise UsageError(f"a {model.title} takes nothing but cartridges", "leave out --cartridge")
    if job.write != _ALL:
        raise UsageError(
            f"this overwrites the whole cartridge in the {model.title}", f"--write {_ALL} if that is meant"
        )
    if not isinstance(port, ReceivingPort):
        raise UsageError(f"{port.url} cannot receive, and a file transfer needs answers", "use midi:")
    data = job.file.read_bytes()
    sender = Sender(data, channel=job.channel, high_first=job.nibbles == "high")
    say(f"overwrites the cartridge in the {model.title}")
    with progress("Sending", len(sender.blocks)) as advance:
        gap_s = model.pacing("transfer", None if job.pause is None else job.pause / 1000)
        transfer(port, sender, sender.start(), ANSWER_S, gap_s, advance)
    result |= {"kind": "cartridge", "name": job.file.name, "bytes": len(data), "overwrites": "the cartridge"}
    return f"sent {job.file.name}, {len(data)} bytes, to the cartridge of {port.url}"

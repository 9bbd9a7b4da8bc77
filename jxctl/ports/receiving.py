"""What a synth sends, collected until it is complete, silent, or never came.

Only SysEx is kept, and of it every byte: what nobody understands is for whoever reads the file. How
much a model sends is known for a bulk dump (all its slots); for tones sent from the panel one has
to say how many are wanted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from jxctl.errors import DeviceError, UsageError, VerificationError
from jxctl.ports import ReceivingPort
from jxctl.protocol.midi import SYSEX
from jxctl.protocol.models import Model
from jxctl.protocol.sysex import BulkPatch, BulkTone, PatchData, ToneData, decode
from jxctl.protocol.sysex.jx10 import Receiver, Sender

What = Literal["bank", "tones", "program", "cartridge"]
WHATS: tuple[What, ...] = ("bank", "tones", "program", "cartridge")
"""A bulk dump of the memory; tones of the edit buffer; a patch with its tones; a cartridge file."""

ANSWER_S = 5.0
"""How long one step of a file transfer may take (assumed)."""
_POLL_S = 0.2
_IDLE_S = 0.01


@dataclass
class Collected:
    """SysEx as it arrived: ``data``; ``parts``: different tones and patches in it; ``expected``: how many.

    ``damage``: what could not be read, in words.
    """

    expected: int
    data: bytearray = field(default_factory=bytearray)
    parts: set[tuple[str, int, int]] = field(default_factory=set)
    damage: list[str] = field(default_factory=list)

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
                case ToneData() | PatchData():
                    # Tones from the panel carry no slot: each one counts.
                    self.parts.add((type(item).__name__, item.group, offset))
        self.damage += [
            f"byte {offset + item.offset}: {item.reason}" for item in found.unused if not item.harmless
        ]


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

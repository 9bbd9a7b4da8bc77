"""What a synth sends, into a file: a dump, a patch, tones, or a JX-10's cartridge.

A `Reception` is what is waited for and where it goes; everything that can be refused is refused when it is
made, before the player walks to the synth. `Reception.begin` asks the synth for it or says how a player
starts it, `Reception.receive` waits, checks and writes. Nothing that arrived is lost: what is incomplete or
cannot be written is kept beside the output as ``NAME.incomplete.syx``, or among the temporary files.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jxctl._files import write_atomically
from jxctl.errors import DeviceError, JxError, UsageError, VerificationError
from jxctl.library.edit import counted
from jxctl.library.files import encoded, format_for, load, unsaid
from jxctl.ports import Port, ReceivingPort
from jxctl.ports.transfer import Collected, What, check, collect, expected, transfer
from jxctl.protocol.account import Account
from jxctl.protocol.bank import Bank
from jxctl.protocol.midi import PROGRAM
from jxctl.protocol.models import Model
from jxctl.protocol.sysex import FAMILIES, EditBufferRequest, PatchData, ToneData, decode
from jxctl.protocol.sysex.jx10 import SIZES, Receiver

TIMEOUT_S = 60.0
"""Seconds that a player has to begin (chosen)."""

QUIET_S = 3.0
"""Seconds of silence that end a dump; between tones sent one by one there may be more (chosen)."""

_BLOCK_BYTES = 128
_PROGRAM_PARTS = 3
"""A patch, its upper and its lower tone (jx_hardware.md 4.7)."""


@dataclass(frozen=True, slots=True)
class Received:
    """What came from ``url`` and is in ``output`` now: ``size`` bytes of it.

    ``bank`` of what was said in ``format``, with the ``account`` of reading it, and what of it the format
    cannot say (``lost``), in words; or no bank, and the ``name`` of a cartridge.
    """

    url: str
    output: Path
    size: int
    bank: Bank | None = None
    format: str = ""
    name: str = ""
    account: Account = field(default_factory=Account)
    lost: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """The account in words."""
        return self.account.problems

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        data: dict[str, Any] = {"port": self.url, "output": str(self.output)}
        if self.bank is None:
            return data | {"bytes": self.size, "name": self.name}
        data |= {"format": self.format, "family": self.bank.family, "bytes": self.size}
        data |= {"patches": len(self.bank.patches), "tones": len(self.bank.tones)}
        return data | {"problems": self.problems, "account": self.account.to_json()}

    def text(self) -> str:
        """In words."""
        if self.bank is None:
            return f"{self.output}: a cartridge of {self.size} bytes, called {self.name!r}"
        return f"{self.output}: {counted(self.bank)}, {self.size} bytes received"


class Reception:
    """What is waited for from a ``model``, and the file it goes to.

    Args:
        output: the file; its ending says the format, unless ``format`` does.
        what: one of `jxctl.ports.transfer.WHATS`.
        count: of tones: how many.
        program: of a program: select this one first, 0-127.
        channel: MIDI channel, 0-15.
        timeout_s: seconds to wait for the beginning.
        quiet_s: seconds of silence that end it; `QUIET_S`, for tones ``timeout_s``, if left out.
        ask: of a cartridge: ask the synth to begin.
        high_first: of a cartridge: which half of a byte comes first.
        every: of a program: all that the memory holds, selected one after the other.

    Raises `UsageError` for what does not go together, for a format there is not, and for what the model does
    not send.
    """

    def __init__(
        self,
        output: Path,
        model: Model,
        what: What,
        *,
        count: int = 1,
        program: int | None = None,
        channel: int = 0,
        timeout_s: float = TIMEOUT_S,
        quiet_s: float | None = None,
        ask: bool = False,
        high_first: bool = True,
        format: str | None = None,
        every: bool = False,
    ) -> None:
        if every and (what != "program" or program is not None):
            raise UsageError("all programs in turn is for --what program, without --program")
        if ask and what != "cartridge":
            raise UsageError(f"--ask is for --what cartridge, not for {what}")
        if program is not None and what != "program":
            raise UsageError(f"--program is for --what program, not for {what}")
        self.output, self.model, self.what = output, model, what
        self.format = "" if what == "cartridge" else format_for(output, format)
        if what == "cartridge":
            model.require("send", "transfer")
            self.steps = max(SIZES) // _BLOCK_BYTES
        else:
            self.steps = expected(model, what, count)
        self._programs = range(model.slots[1]) if every else ()
        self.steps *= len(self._programs) or 1
        self._program, self._channel = program, channel
        self._timeout_s = timeout_s
        self._quiet_s = (timeout_s if what == "tones" else QUIET_S) if quiet_s is None else quiet_s
        self._ask, self._high_first = ask, high_first

    def begin(self, port: Port) -> str:
        """Ask for it where the model can be asked; what was asked, or how a player starts it on the panel.

        Raises `DeviceError` for a port that sends nothing.
        """
        _receiving(port)
        by_hand = f"{self.model.dump} Ctrl-C ends waiting."
        if self.what == "cartridge":
            return "asked for the cartridge; waiting" if self._ask else by_hand
        if self._programs:
            return f"asking for {len(self._programs)} programs in turn"
        if self._program is not None:
            port.write(bytes((PROGRAM | self._channel, self._program)))
            return f"asked for program {self._program + 1}; waiting"
        if self.what != "program":
            return by_hand
        if self.model.can("receive", "request"):
            port.write(EditBufferRequest(wire=FAMILIES["vecoven4"], channel=self._channel).encoded())
            return "asked for the edit buffer (firmware 4.19 and later answer); waiting"
        return f"Press a patch button on the {self.model.title}. Ctrl-C ends waiting."

    def receive(
        self,
        port: Port,
        progress: Callable[[int], None] = lambda _: None,
        say: Callable[[str], None] = lambda _: None,
    ) -> Received:
        """Wait for all of it and write it. ``say`` is told where the rest is when it is interrupted.

        Raises `DeviceError` when nothing arrives or the port goes away, `VerificationError` for what is
        incomplete or damaged, which is kept, and `JxError` where nothing can be written.
        """
        source = _receiving(port)
        if self.what == "cartridge":
            return self._cartridge(source, progress)
        return self._written(self._collected(source, progress, say), port.url)

    def _collected(
        self, port: ReceivingPort, progress: Callable[[int], None], say: Callable[[str], None]
    ) -> bytes:
        """All of it; what has arrived when that fails is kept beside the output."""
        if self._programs:
            return self._every_program(port, progress)
        collected = Collected(self.steps, counts_patches=self.what != "tones")
        try:
            collect(port, collected, self._timeout_s, self._quiet_s, progress)
            check(collected)
        except VerificationError as error:
            kept = keep(bytes(collected.data), self.output)
            raise VerificationError(f"{error.message}; kept in {kept}", error.hint) from error
        except (DeviceError, KeyboardInterrupt):
            if collected.data:
                say(f"what had arrived is kept in {keep(bytes(collected.data), self.output)}")
            raise
        return bytes(collected.data)

    def _every_program(self, port: ReceivingPort, progress: Callable[[int], None]) -> bytes:
        """Every program of the memory, selected one after the other; a tone in ROM may be left out (4.7)."""
        data = bytearray()
        for program in self._programs:
            port.write(bytes((PROGRAM | self._channel, program)))
            part = Collected(_PROGRAM_PARTS)
            try:
                collect(port, part, self._timeout_s, self._quiet_s, progress)
                if not _is_program(bytes(part.data), self.model):
                    check(part)
            except (VerificationError, DeviceError, KeyboardInterrupt) as error:
                data += part.data
                where = f"; what had arrived is kept in {keep(bytes(data), self.output)}" if data else ""
                if isinstance(error, JxError):
                    raise type(error)(f"program {program + 1}: {error.message}{where}", error.hint) from error
                raise
            data += part.data
        return bytes(data)

    def _written(self, data: bytes, url: str) -> Received:
        try:
            loaded = load(data, "syx")
            content = encoded(loaded.bank, self.format, loaded.origin)
        except JxError as error:
            kept = keep(data, self.output)
            raise VerificationError(
                f"{error.message}; as it arrived it is kept in {kept}", error.hint
            ) from error
        self._write(content, data)
        lost = unsaid(loaded, self.format, content)
        return Received(
            url, self.output, len(data), loaded.bank, self.format, account=loaded.account, lost=lost
        )

    def _cartridge(self, port: ReceivingPort, progress: Callable[[int], None]) -> Received:
        side = Receiver(channel=self._channel, high_first=self._high_first)
        ending = self.output.suffix
        try:
            transfer(port, side, side.request() if self._ask else b"", self._timeout_s, progress=progress)
        except VerificationError as error:
            if not side.data:
                raise DeviceError(
                    f"no file transfer began in {self._timeout_s:g} s",
                    "check the cables both ways, and the channel",
                ) from error
            kept = keep(side.data, self.output, ending)
            raise VerificationError(f"{error.message}; kept in {kept}", error.hint) from error
        self._write(side.data, side.data, ending)
        return Received(port.url, self.output, len(side.data), name=side.name.decode("ascii", "replace"))

    def _write(self, content: bytes, data: bytes, ending: str = ".syx") -> None:
        """Write the output; what arrived is kept when that fails, for a dump takes a walk to the synth."""
        try:
            write_atomically(self.output, content)
        except JxError as error:
            kept = keep(data, self.output, ending)
            raise JxError(f"{error.message}; what arrived is kept in {kept}", error.hint) from error


def _is_program(data: bytes, model: Model) -> bool:
    """Whether these are a patch and all tones of it that the memory, not the ROM, holds; and no damage."""
    found = decode(data)
    patches = [message.patch for message in found.messages if isinstance(message, PatchData)]
    groups = {message.group for message in found.messages if isinstance(message, ToneData)}
    if len(patches) != 1 or any(not item.harmless for item in found.unused):
        return False
    return all(
        group in groups or number >= model.slots[0] for group, number in enumerate(patches[0].tones, start=1)
    )


def receive(
    port: Port,
    output: str | Path,
    model: Model,
    what: What,
    progress: Callable[[int], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
    **choices: Any,
) -> Received:
    """Ask for ``what`` or ``say`` how to start it, wait, and write it; ``choices`` as of `Reception`."""
    reception = Reception(Path(output), model, what, **choices)
    say(reception.begin(port))
    return reception.receive(port, progress, say)


def keep(data: bytes, output: Path, ending: str = ".syx") -> Path:
    """Where ``data`` is now: beside ``output``, or among the temporary files where that cannot be."""
    try:
        return _kept(data, output, ending)
    except JxError:
        return _kept(data, Path(tempfile.gettempdir()) / output.name, ending)


def _kept(data: bytes, output: Path, ending: str) -> Path:
    kept = output.with_name(f"{output.stem}.incomplete{ending}")
    number = 2
    while kept.exists():
        kept = output.with_name(f"{output.stem}.incomplete-{number}{ending}")
        number += 1
    write_atomically(kept, data)
    return kept


def _receiving(port: Port) -> ReceivingPort:
    if not isinstance(port, ReceivingPort):
        raise DeviceError(f"{port.url} sends nothing", "the bus is one-way; use midi:NAME")
    return port

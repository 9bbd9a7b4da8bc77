"""``jx receive``: wait for what a synth sends, and write it to a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jxctl.cli.common import Shown, command, progress, say
from jxctl.cli.output import ForceOption, check_output
from jxctl.errors import DeviceError, JxError, UsageError, VerificationError

if TYPE_CHECKING:
    from jxctl.ports import ReceivingPort
    from jxctl.ports.transfer import Collected, What
    from jxctl.protocol.models import Model
    from jxctl.protocol.sysex.jx10 import Receiver

LONGEST_S = 3600.0


def register(app: typer.Typer) -> None:
    """Add ``jx receive``."""
    command(app, "receive")(receive)


def receive(
    port: Annotated[str, typer.Option(help="From where, such as midi:NAME?model=mks70 (jx ports).")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Write here; the ending says the format.")],
    model: Annotated[
        str | None, typer.Option(help="What is behind the port (jx models), unless its URL says model=.")
    ] = None,
    what: Annotated[
        str | None,
        typer.Option(
            help="bank (a dump), tones (the edit buffer), program (a patch and its tones) or cartridge.",
            show_default="the most that the model sends",
        ),
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="With tones: how many.")] = 1,
    program: Annotated[
        int | None, typer.Option(min=1, max=128, help="With program: select this one first, from 1.")
    ] = None,
    channel: Annotated[int, typer.Option(min=1, max=16, help="MIDI channel.")] = 1,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the beginning.")] = 60.0,
    quiet: Annotated[
        float | None,
        typer.Option(help="Seconds of silence that end it.", show_default="3; for tones, --timeout"),
    ] = None,
    ask: Annotated[bool, typer.Option("--ask", help="With cartridge: ask the synth to begin.")] = False,
    nibbles: Annotated[
        str, typer.Option(help="With cartridge: which half of a byte comes first, high or low (not known).")
    ] = "high",
    to: Annotated[str | None, typer.Option("--to", help="Write this format, whatever the ending.")] = None,
    force: ForceOption = False,
) -> Shown:
    """Wait for a dump, a patch or tones from a synth, and say how to start it on the panel.

    What arrives incomplete or damaged is kept beside the output as NAME.incomplete.syx, and the exit code
    is 4; when nothing arrives it is 3.
    """
    from jxctl.ports import ReceivingPort, model_in, open_port
    from jxctl.ports import transfer as receiving
    from jxctl.protocol import models
    from jxctl.protocol.sysex.jx10 import Receiver

    name = model or model_in(port)
    if name is None:
        raise UsageError(f"what is behind {port}?", f"add --model, one of {', '.join(models.MODELS)}")
    source = models.model(name)
    wanted = receiving.what_named(what, source)
    quiet_s = (timeout if wanted == "tones" else 3.0) if quiet is None else quiet
    for option, seconds in (("timeout", timeout), ("quiet", quiet_s)):
        if not 0 < seconds <= LONGEST_S:
            raise UsageError(f"--{option} is {seconds:g}; expected more than 0, up to {LONGEST_S:g} seconds")
    if nibbles not in ("high", "low"):
        raise UsageError(f"--nibbles is {nibbles!r}; expected high or low")
    if ask and wanted != "cartridge":
        raise UsageError(f"--ask is for --what cartridge, not for {wanted}")
    if program is not None and wanted != "program":
        raise UsageError(f"--program is for --what program, not for {wanted}")
    check_output(output, force)
    format = _format(output, to, wanted)
    if wanted == "cartridge":
        source.require("send", "transfer")
    else:
        number = receiving.expected(source, wanted, count)
    with open_port(port) as opened:
        if not isinstance(opened, ReceivingPort):
            raise DeviceError(f"{port} sends nothing", "the bus is one-way; use midi:NAME")
        if wanted == "cartridge":
            receiver = Receiver(channel=channel - 1, high_first=nibbles == "high")
            return _cartridge(opened, source, output, receiver, ask, timeout)
        collected = receiving.Collected(number)
        _start(opened, source, wanted, channel - 1, program)
        _collect(opened, collected, output, timeout, quiet_s)
    return _written(collected, output, format, port)


def _format(output: Path, to: str | None, what: What) -> str:
    if what == "cartridge":
        return ""
    from jxctl.library.files import format_for

    return format_for(output, to)


def _start(port: ReceivingPort, model: Model, what: What, channel: int, program: int | None) -> None:
    """Ask for it where the model can be asked, or say how it is started on the panel."""
    if program is not None:
        port.write(bytes((0xC0 | channel, program - 1)))
        say(f"asked for program {program}; waiting")
    elif what == "program" and model.can("receive", "request"):
        from jxctl.protocol.sysex import FAMILIES, EditBufferRequest

        port.write(EditBufferRequest(wire=FAMILIES["vecoven4"], channel=channel).encoded())
        say("asked for the edit buffer (firmware 4.19 and later answer); waiting")
    elif what == "program":
        say(f"Press a patch button on the {model.title}. Ctrl-C ends waiting.")
    else:
        say(f"{model.dump} Ctrl-C ends waiting.")


def _collect(port: ReceivingPort, collected: Collected, output: Path, timeout: float, quiet: float) -> None:
    """Wait for all of it; what has arrived when that fails is kept beside the output."""
    from jxctl.ports.transfer import check, collect

    try:
        with progress("Receiving", collected.expected) as advance:
            collect(port, collected, timeout, quiet, advance)
        check(collected)
    except VerificationError as error:
        kept = _keep(bytes(collected.data), output)
        raise VerificationError(f"{error.message}; kept in {kept}", error.hint) from error
    except (DeviceError, KeyboardInterrupt):
        if collected.data:
            say(f"what had arrived is kept in {_keep(bytes(collected.data), output)}")
        raise


def _keep(data: bytes, output: Path, ending: str = ".syx") -> Path:
    """Where ``data`` is now: beside ``output``, or among the temporary files where that cannot be."""
    try:
        return _kept(data, output, ending)
    except JxError:
        import tempfile

        return _kept(data, Path(tempfile.gettempdir()) / output.name, ending)


def _kept(data: bytes, output: Path, ending: str) -> Path:
    from jxctl._files import write_atomically

    kept = output.with_name(f"{output.stem}.incomplete{ending}")
    number = 2
    while kept.exists():
        kept = output.with_name(f"{output.stem}.incomplete-{number}{ending}")
        number += 1
    write_atomically(kept, data)
    return kept


def _write(output: Path, content: bytes, data: bytes, ending: str = ".syx") -> None:
    """Write the output; what arrived is kept when that fails, for a dump takes a walk to the synth."""
    from jxctl._files import write_atomically

    try:
        write_atomically(output, content)
    except JxError as error:
        kept = _keep(data, output, ending)
        raise JxError(f"{error.message}; what arrived is kept in {kept}", error.hint) from error


def _written(collected: Collected, output: Path, format: str, port: str) -> Shown:
    from jxctl.library.edit import counted
    from jxctl.library.files import encoded, load, unsaid

    data = bytes(collected.data)
    try:
        loaded = load(data, "syx")
        content = encoded(loaded.bank, format, loaded.origin)
    except JxError as error:
        kept = _keep(data, output)
        raise VerificationError(f"{error.message}; as it arrived it is kept in {kept}", error.hint) from error
    _write(output, content, data)
    for line in unsaid(loaded, format, content):
        say(f"lost: {line}")
    bank = loaded.bank
    result: dict[str, Any] = {"port": port, "output": str(output), "format": format, "family": bank.family}
    result |= {"bytes": len(data), "patches": len(bank.patches), "tones": len(bank.tones)}
    result["problems"] = loaded.problems
    text = f"{output}: {counted(bank)}, {len(data)} bytes received"
    return Shown(result, text)


def _cartridge(
    port: ReceivingPort, model: Model, output: Path, receiver: Receiver, ask: bool, timeout: float
) -> Shown:
    from jxctl.ports.transfer import transfer
    from jxctl.protocol.sysex.jx10 import SIZES

    say("asked for the cartridge; waiting" if ask else f"{model.dump} Ctrl-C ends waiting.")
    try:
        with progress("Receiving", max(SIZES) // 128) as advance:
            transfer(port, receiver, receiver.request() if ask else b"", timeout, progress=advance)
    except VerificationError as error:
        if not receiver.data:
            raise DeviceError(
                f"no file transfer began in {timeout:g} s", "check the cables both ways, and the channel"
            ) from error
        kept = _keep(receiver.data, output, output.suffix)
        raise VerificationError(f"{error.message}; kept in {kept}", error.hint) from error
    _write(output, receiver.data, receiver.data, output.suffix)
    name = receiver.name.decode("ascii", "replace")
    result = {"port": port.url, "output": str(output), "bytes": len(receiver.data), "name": name}
    return Shown(result, f"{output}: a cartridge of {len(receiver.data)} bytes, called {name!r}")

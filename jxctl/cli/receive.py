"""``jx receive``: wait for what a synth sends, and write it to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jxctl.cli.common import Shown, command, progress, say
from jxctl.cli.output import ForceOption, check_output
from jxctl.errors import UsageError

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
    every: Annotated[
        bool, typer.Option("--every", help="With program: all of the memory, selected one after the other.")
    ] = False,
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
    from jxctl.ports import model_in, open_port
    from jxctl.ports.reception import QUIET_S, Reception
    from jxctl.ports.transfer import what_named
    from jxctl.protocol import models

    name = model or model_in(port)
    if name is None:
        raise UsageError(f"what is behind {port}?", f"add --model, one of {', '.join(models.MODELS)}")
    source = models.model(name)
    wanted = what_named(what, source)
    for option, seconds in (("timeout", timeout), ("quiet", QUIET_S if quiet is None else quiet)):
        if not 0 < seconds <= LONGEST_S:
            raise UsageError(f"--{option} is {seconds:g}; expected more than 0, up to {LONGEST_S:g} seconds")
    if nibbles not in ("high", "low"):
        raise UsageError(f"--nibbles is {nibbles!r}; expected high or low")
    check_output(output, force)
    reception = Reception(
        output,
        source,
        wanted,
        count=count,
        program=None if program is None else program - 1,
        channel=channel - 1,
        timeout_s=timeout,
        quiet_s=quiet,
        ask=ask,
        high_first=nibbles == "high",
        format=to,
        every=every,
    )
    with open_port(port) as opened:
        say(reception.begin(opened))
        with progress("Receiving", reception.steps) as advance:
            received = reception.receive(opened, advance, say)
    for line in received.account.lines:
        say(line)
    for line in received.lost:
        say(f"lost: {line}")
    return Shown(received.to_json(), received.text())

"""``jx ports``: where a tone can be sent from this machine."""

from __future__ import annotations

from dataclasses import asdict

import typer

from jxctl.cli.common import Shown, command


def register(app: typer.Typer) -> None:
    """Add ``jx ports``."""
    command(app, "ports")(ports)


def ports() -> Shown:
    """List the ports that can be opened on this machine.

    A serial port is listed whether or not a sound board is behind it: the bus is one-way, so
    nothing can be asked.
    """
    from jxctl.ports import BARE_BOARD_NEEDS_SERIAL, available

    found = available()
    width = max(len(port.url) for port in found)
    lines = [f"{port.url:{width}}  {port.description}" for port in found]
    return Shown([asdict(port) for port in found], "\n".join([*lines, f"({BARE_BOARD_NEEDS_SERIAL})"]))

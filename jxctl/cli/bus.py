"""``jx bus``: read captures of the sound-board bus."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jxctl._files import read_bytes
from jxctl.cli.common import Shown, command, say

if TYPE_CHECKING:
    from jxctl.protocol.bus import Message

LARGEST = 16_000_000
"""Bytes: over an hour of a bus that is never idle."""

app = typer.Typer(help="Read captures of the sound-board bus.", no_args_is_help=True)


@command(app, "decode")
def decode(
    file: Annotated[Path, typer.Argument(help="Raw bytes as they were on the bus; - reads stdin.")],
) -> Shown:
    """Show what a capture of the bus says, message by message, and the tones in it.

    The bus carries no names, and VCA LEVEL is what the board received, not what the tone holds.
    """
    from jxctl.protocol import bus, registers

    content = _read(file)
    messages, dropped = bus.decode(content)
    tones = registers.tones_in(messages)
    data = {
        "bytes": len(content),
        "dropped": dropped,
        "messages": [_message_json(message) for message in messages],
        "tones": {board: tone.to_json() for board, tone in tones.items()},
    }
    lines = _listing(content, messages)
    lines.append(f"{len(content)} bytes, {len(messages)} messages, {dropped} bytes dropped")
    for board, tone in tones.items():
        lines.append(f"tone of the {board} board, $80-$AF: {tone.values.hex(' ').upper()}")
    if not tones:
        lines.append("no complete tone: no board was sent all 48 parameters")
    if dropped > len(content) / 2:
        say("most of this is no bus traffic; MIDI and SysEx files are not captures of the bus")
    return Shown(data, "\n".join(lines))


def _read(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read(LARGEST)
    return read_bytes(file, LARGEST, hint="give a capture of the bus, or - for stdin")


def _listing(content: bytes, messages: list[Message]) -> list[str]:
    """A line for every message and one for every stretch of dropped bytes, in order."""
    from jxctl.protocol.bus import bus_line

    lines: list[str] = []
    reached = 0
    for message in messages:
        offset = message.offset or 0
        lines += _dropped_line(content, reached, offset)
        lines.append(bus_line(message))
        reached = offset + len(message.encoded())
    return lines + _dropped_line(content, reached, len(content))


def _dropped_line(content: bytes, start: int, end: int) -> list[str]:
    if start == end:
        return []
    shown = content[start : min(end, start + 16)].hex(" ").upper()
    more = " ..." if end - start > 16 else ""
    return [f"{start:5}  {shown}{more}  dropped: {end - start} bytes of no message"]


def _message_json(message: Message) -> dict[str, Any]:
    fields = asdict(message)
    if "data" in fields:
        fields["data"] = fields["data"].hex()
    kind = type(message).__name__
    return {"type": kind, **fields, "hex": message.encoded().hex(), "text": str(message)}

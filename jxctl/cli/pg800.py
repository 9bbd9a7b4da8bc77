"""``jx pg800``: frames of the PG-800 programmer, for a microcontroller that takes its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jxctl.cli.common import Shown, command
from jxctl.errors import UsageError

if TYPE_CHECKING:
    from jxctl.protocol.pg800 import Move

app = typer.Typer(help="Make and read frames of a PG-800 programmer.", no_args_is_help=True)


@command(app, "encode")
def encode(
    name: Annotated[str, typer.Argument(help="A parameter, such as 'VCF FREQ' or vcf_freq.")],
    value: Annotated[
        str, typer.Argument(help="A switch's label (pulse, +7), or 0 to 127; write -- before a negative.")
    ],
) -> Shown:
    """Show the frame a PG-800 sends when a control moves."""
    from jxctl.protocol.pg800 import move

    return _shown(move(name, _value(name, value)))


@command(app, "decode")
def decode(
    frame: Annotated[str, typer.Argument(help="Two bytes in hexadecimal, id first, such as 9740.")],
) -> Shown:
    """Show what a frame of a PG-800 says."""
    from jxctl.protocol.pg800 import decode as decode_frame

    try:
        content = bytes.fromhex(frame)
    except ValueError:
        raise UsageError(f"{frame!r} is not hexadecimal", "two bytes, id first, as in 9740") from None
    return _shown(decode_frame(content))


def _value(name: str, text: str) -> int | str:
    """A number, unless the parameter has that very label (HPF FREQ 2, DCO1 TUNE 0)."""
    from jxctl.protocol.parameters import parameter

    try:
        labels = parameter(name).labels
    except KeyError:
        labels = ()
    number = text.isascii() and text.isdigit() and len(text) < 10
    return int(text) if number and text not in labels else text


def _shown(moved: Move) -> Shown:
    number, value = moved.sysex_pair()
    levels = "".join("H" if level else "L" for level in moved.levels())
    data = {
        "text": str(moved), "frame": moved.encoded().hex(), "data_levels": levels,
        "bus": moved.bus_message().encoded().hex(), "sysex": {"parameter": number, "value": value},
    }  # fmt: skip
    lines = (
        str(moved),
        f"frame        {moved.encoded().hex(' ').upper()}",
        f"DATA levels  {levels}  (inverted: L is 1)",
        f"SysEx        parameter {number}, value {value}",
    )
    return Shown(data, "\n".join(lines))

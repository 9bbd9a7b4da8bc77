"""The ``jx`` command. One file per noun; each command calls public functions and shows the result.

This package alone may import every layer, and does so inside the commands, so that ``jx --help``
loads neither torch nor numba.
"""

from __future__ import annotations

from typing import Annotated

import typer

from jxctl._version import __version__
from jxctl.cli import (
    audio,
    bank,
    board,
    bus,
    calibrate,
    check,
    common,
    dataset,
    doctor,
    guess,
    library,
    models,
    pg800,
    play,
    ports,
    receive,
    record,
    render,
    rig,
    send,
    tone,
    train,
)

app = typer.Typer(
    name="jx",
    help="Hardware-in-the-loop toolkit for the Roland Super-JX (JX-8P, JX-10, MKS-70).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        print(f"jx {__version__}")
        raise typer.Exit


app.add_typer(bank.app, name="bank")
app.add_typer(bus.app, name="bus")
app.add_typer(dataset.app, name="dataset")
app.add_typer(library.app, name="library")
app.add_typer(pg800.app, name="pg800")
app.add_typer(rig.app, name="rig")
app.add_typer(tone.app, name="tone")


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Hardware-in-the-loop toolkit for the Roland Super-JX (JX-8P, JX-10, MKS-70)."""


for module in (
    guess,
    check,
    render,
    send,
    receive,
    record,
    calibrate,
    train,
    ports,
    audio,
    board,
    play,
    models,
    doctor,
):
    module.register(app)


def main() -> None:
    """Entry point of the ``jx`` script."""
    common.run(app)

"""Options that ``jx board`` and ``jx play`` share: where the virtual synth sounds, and what is saved."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jxctl.cli.output import check_output
from jxctl.errors import UsageError

AudioOption = Annotated[
    str | None, typer.Option(help="Sound device: name, part of it, number, or default (jx audio lists them).")
]
RateOption = Annotated[
    int | None, typer.Option("--rate", help="Sample rate in Hz; the device's own if left out.")
]
GainOption = Annotated[float, typer.Option(help="With sound: dB. A full voice peaks near -10 dBFS at 0 dB.")]
ProfileOption = Annotated[str, typer.Option(help="With sound: superjx, thesis, or a TOML file.")]
QUIETER_DB = -12.0
"""For playing with many fingers: twelve full voices reach 7 dB above full scale at 0 dB."""


def check_save(save: Path | None, force: bool) -> None:
    """Refuse, before any work is done, a MIDI file that cannot be written. Raises `UsageError`."""
    if save is None:
        return
    if save.suffix.lower() not in (".mid", ".midi"):
        raise UsageError(
            f"{save}: what is played is saved as a MIDI file", f"name it {save.stem or 'out'}.mid"
        )
    check_output(save, force)

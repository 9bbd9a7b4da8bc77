"""``jx check``: how far a board's sound is from the simulator's, and where."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from jxctl.cli.common import Shown, command
from jxctl.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "check")(check)


def check(
    tone: Annotated[Path, typer.Argument(help="A tone, in any format with one in it.")],
    port: Annotated[str, typer.Option(help="Where the board is (jx ports lists them).")],
    audio: Annotated[
        str | None, typer.Option(help="Audio input that hears it (jx audio). Not for sim:.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="What is behind a MIDI port (jx models).")] = None,
    channel: Annotated[int | None, typer.Option(help="Its MIDI channel, 1-16.")] = None,
    note: Annotated[list[int] | None, typer.Option(help="MIDI notes (default 48 and 60).")] = None,
    velocity: Annotated[list[int] | None, typer.Option(help="Velocities (default 60 and 110).")] = None,
    gate: Annotated[float, typer.Option(help="Seconds each key is held, 0.8-10.")] = 1.5,
    profile: Annotated[str, typer.Option(help="What the board is compared with.")] = "superjx",
) -> Shown:
    """Play a tone on a board and in the simulator, and say which blocks sound different.

    Pitch of each DCO, envelope, brightness, low end, modulation, dynamics, noise: each with its unit and a
    threshold. Nothing is changed. A block that differs is no error: the exit code is 0.
    """
    notes, velocities = note or [48, 60], velocity or [60, 110]
    if not all(0 <= n <= 127 for n in notes) or not all(1 <= v <= 127 for v in velocities):
        raise UsageError("a note is 0 to 127, a velocity 1 to 127")
    if not 0.8 <= gate <= 10:
        raise UsageError(f"a gate of {gate:g} s is out of range", "0.8 to 10: modulation needs time to show")
    from jxctl.library.files import stock_tone

    wanted = stock_tone(tone)
    from jxctl.cli.rig import opened
    from simulator.synth import load_profile

    compared = load_profile(profile)
    with ExitStack() as stack:
        rig = opened(port, audio, model, channel, stack)
        from estimator.closed_loop.comparison import check_board

        found = check_board(
            rig, wanted, compared, list(dict.fromkeys(notes)), list(dict.fromkeys(velocities)), gate
        )
    data = {"tone": wanted.name, "port": port, "profile": compared.name} | found.to_json()
    lines = [f"{wanted.name!r} on {port} is {found.distance_db:.1f} dB from {compared.name} "
             "(log-mel, mean of "
             f"{len(found.distances)} notes)"]  # fmt: skip
    if found.chance_db > 0.05:
        lines.append(f"two renders of it lie {found.chance_db:.1f} dB apart by chance (noise, random LFO)")
    if not found.blocks:
        lines.append(
            f"all is well: none of {len(found.findings)} measures differs by more than its threshold"
        )
    for block in found.blocks:
        lines.append(f"{block}:")
        lines += [f"  {finding.sentence}" for finding in found.differing if finding.block == block]
    return Shown(data, "\n".join(lines))

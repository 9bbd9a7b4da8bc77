"""What commands play on and hear with: their options, and the checks before anything is measured."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jxctl.cli.common import say

if TYPE_CHECKING:
    from jxctl.protocol.tone import Tone
    from jxctl.recording.preflight import Preflight
    from jxctl.recording.rig import Rig

PortOption = Annotated[str | None, typer.Option("--port", help="Where to play (jx ports lists them).")]
AudioOption = Annotated[
    str | None,
    typer.Option(
        "--audio", help="Audio input: its name, part of it, its number, or 'default'. Not for sim:."
    ),
]
RigOption = Annotated[
    Path | None, typer.Option("--rig", help="Bench file: port, audio input, labels (jx rig).")
]
ModelOption = Annotated[str | None, typer.Option("--model", help="What is behind a MIDI port (jx models).")]
ChannelOption = Annotated[int | None, typer.Option("--channel", help="Its MIDI channel, 1-16.")]
AudioChannelOption = Annotated[
    int | None, typer.Option("--audio-channel", help="Channel of the audio input, from 1.")
]
SampleRateOption = Annotated[int | None, typer.Option("--sample-rate", help="Of the audio input, in Hz.")]

RetriesOption = Annotated[
    int, typer.Option("--retries", min=0, max=100, help="Play a failed take again so often.")
]

ALL_THE_SAME = "--skip-checks records all the same"


def checked(rig: Rig, tones: Iterable[Tone] = (), *, set_up: bool = True, way_round: str = "") -> Preflight:
    """Noise, level and latency of a rig, which it knows from then on, and its tuning.

    ``tones``: some that will be played. ``set_up``: also whether what is played is what is heard, with
    nothing between (`jxctl.recording.setup_check`). ``way_round``: an option that does without, for the hint
    of an error.

    Raises `VerificationError` for the first thing that makes takes worthless, `DeviceError` where port or
    input fail.
    """
    from jxctl.recording import preflight

    if rig.live:
        what = (
            "noise, level, latency and set-up: about twenty"
            if set_up
            else "noise, level and latency: about ten"
        )
        say(f"checking {what} seconds of sound")
    measured = preflight.measure(rig, tones)
    rig.latency = measured.latency
    if set_up:
        from jxctl.recording.setup_check import check_setup

        # First: what is heard of another source has no latency, and its level says nothing.
        check_setup(rig).check(way_round)
    say(f"checked: {measured}")
    for advice in measured.advice:
        say(f"note: {advice}")
    measured.check(way_round)
    rig.tuning_cents = measured.tuning_cents or 0.0
    return measured


def opened(port: str, audio: str | None, model: str | None, channel: int | None, stack: ExitStack) -> Rig:
    """The rig at a port, closed by ``stack``, and checked.

    Raises `UsageError`, `DeviceError` and, where what is heard cannot be used, `VerificationError`.
    """
    from jxctl.cli.record_rig import open_rig
    from jxctl.recording.config import settle

    given = {"port": port, "audio": audio, "model": model, "channel": channel}
    rig = open_rig(settle(None, given), None, None, stack)
    checked(rig)
    if not rig.live:
        # The sound is made in this process: a note begins at the first sample, whatever a click looked like.
        rig.latency = None
    return rig

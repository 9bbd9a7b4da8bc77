"""``jx rig``: the bench file, and whether what it names is there and can be heard.

Also what every command that plays on a rig shares: the options that name one, and what its checks say.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jxctl.cli.common import Shown, command, say
from jxctl.cli.output import ForceOption, check_output
from jxctl.errors import DeviceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import ExitStack

    from jxctl.ports import Available
    from jxctl.protocol.tone import Tone
    from jxctl.recording.preflight import Preflight
    from jxctl.recording.rig import Rig

app = typer.Typer(help="Describe a bench once, and check it.", no_args_is_help=True)

_LONG_ON_MINUTES = 36 * 60

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

File = Annotated[Path | None, typer.Argument(help="The bench file.", show_default="JX_RIG")]


@command(app, "init")
def init(
    file: Annotated[Path, typer.Argument(help="The bench file to write (TOML).")],
    port: Annotated[str | None, typer.Option(help="Where the synth is (jx ports).")] = None,
    model: Annotated[str | None, typer.Option(help="What it is (jx models).")] = None,
    channel: Annotated[int | None, typer.Option(help="Its MIDI channel, 1-16.")] = None,
    audio: Annotated[str | None, typer.Option(help="The audio input that hears it.")] = None,
    audio_channel: Annotated[int | None, typer.Option(help="Channel of that input, from 1.")] = None,
    sample_rate: Annotated[int | None, typer.Option(help="Of that input, in Hz.")] = None,
    gain: Annotated[str | None, typer.Option(help="Where the input gain stands, in words.")] = None,
    gain_db: Annotated[float | None, typer.Option(help="Input gain in dB, where it is known.")] = None,
    unit: Annotated[str | None, typer.Option(help="Which instrument: its serial number.")] = None,
    rom: Annotated[str | None, typer.Option(help="The version of its firmware.")] = None,
    powered_on: Annotated[str | None, typer.Option(help="When it was switched on, or now.")] = None,
    force: ForceOption = False,
) -> Shown:
    """Write a bench file with what is given; what is not is left open, to be filled in with an editor.

    Lists the ports and audio inputs of this machine.
    """
    from jxctl.recording.config import KEYS, settle, write_rig

    flags = {
        "port": port,
        "model": model,
        "channel": channel,
        "audio": audio,
        "audio_channel": audio_channel,
        "sample_rate": sample_rate,
        "gain": gain,
        "gain_db": gain_db,
        "unit": unit,
        "rom": rom,
        "powered_on": powered_on,
    }
    # The environment is for the moment, the file is kept: it holds what was given here.
    rig = settle(None, flags, {})
    check_output(file, force)
    ports, inputs = _ports(), _inputs()
    write_rig(rig, file)
    unknown = [name for name in KEYS if getattr(rig, name) is None]
    data = {
        "file": str(file),
        "rig": rig.to_json(),
        "found": {"ports": [port.url for port in ports], "audio": inputs},
    }
    lines = ["ports here:", *(f"  {port.url}  ({port.description})" for port in ports)]
    lines += ["audio inputs here:", *(f"  {name}" for name in inputs or ["none"])]
    lines += [f"written to {file}; still open: {', '.join(unknown) or 'nothing'}"]
    lines += [f"jx rig check {file} tries it"]
    return Shown(data, "\n".join(lines))


@command(app, "show")
def show(file: File = None) -> Shown:
    """Show what holds on this bench: the environment (JX_PORT and so on), else the file, else unknown."""
    from jxctl.recording.config import ENVIRONMENT, settle

    rig = settle(_named(file))
    minutes = rig.minutes_on()
    data = {**rig.to_json(), "minutes_on": minutes}
    lines = []
    for name, value in rig.to_json().items():
        variable = ENVIRONMENT + name.upper()
        origin = f"  ({variable})" if os.environ.get(variable, "").strip() else ""
        lines.append(f"{name:13} {'unknown' if value is None else value}{origin}")
    if minutes is not None:
        lines.append(f"{'on for':13} {minutes:.0f} minutes")
    return Shown(data, "\n".join(lines))


@command(app, "check")
def check(
    file: File = None,
    profile: Annotated[
        str | None, typer.Option(help="The port leads to a virtual board (jx board) with this profile.")
    ] = None,
) -> Shown:
    """Open port and audio input, listen to the noise floor, play some notes; say level, latency and set-up.

    Set-up: that what is played is what is heard, in tune, with nothing in line that changes it. Takes about
    twenty seconds of sound. Exit code 3 when something is not there, 4 when takes would be worthless.
    """
    from jxctl.recording.config import settle
    from jxctl.recording.preflight import check_rig
    from jxctl.recording.rig import open_rig

    rig = settle(_named(file))
    if rig.port is None:
        raise UsageError(f"{_named(file)} names no port", 'add a line such as port = "midi:MKS-70"')
    minutes = rig.minutes_on()
    with open_rig(rig, profile) as opened:
        if opened.live:
            say("listening, then playing some notes: about twenty seconds of sound")
        found = check_rig(opened)
    measured = found.preflight
    assert found.setup is not None
    problems = [{"problem": problem, "hint": hint} for problem, hint in found.problems]
    data = {
        "rig": rig.to_json(),
        "minutes_on": minutes,
        **measured.to_json(),
        "setup": found.setup.to_json(),
        "problems": problems,
        "advice": measured.advice,
    }
    lines = [f"{rig.port} is open and heard through {rig.audio or 'itself'}", str(measured)]
    for problem, hint in found.problems:
        lines += [f"problem: {problem}", f"    {hint}"]
    lines += [f"note: {advice}" for advice in measured.advice]
    if minutes is not None and minutes > _LONG_ON_MINUTES:
        lines.append(f"note: on for {minutes / 60:.0f} hours, says powered_on: is that still so?")
    if not problems:
        lines.append("ready to record (jx record DIR --rig FILE)")
    return Shown(data, "\n".join(lines), exit_code=4 if problems else 0)


def checked(rig: Rig, tones: Iterable[Tone] = (), *, setup: bool = True, way_round: str = "") -> Preflight:
    """Check a rig (`jxctl.recording.preflight.check_rig`), and say what is done and found.

    ``way_round``: an option that does without, for the hint of an error. Raises `VerificationError` for the
    first thing that makes takes worthless, `DeviceError` where port or input fail.
    """
    from jxctl.recording.preflight import check_rig

    if rig.live:
        what = (
            "noise, level, latency and set-up: about twenty"
            if setup
            else "noise, level and latency: about ten"
        )
        say(f"checking {what} seconds of sound")
    found = check_rig(rig, tones, setup)
    if found.setup is None or found.setup.problem is None:
        say(f"checked: {found.preflight}")
        for advice in found.preflight.advice:
            say(f"note: {advice}")
    found.check(way_round)
    return found.preflight


def opened(port: str, audio: str | None, model: str | None, channel: int | None, stack: ExitStack) -> Rig:
    """The rig at a port, closed by ``stack``, and checked.

    Raises `UsageError`, `DeviceError` and, where what is heard cannot be used, `VerificationError`.
    """
    from jxctl.recording.config import settle
    from jxctl.recording.rig import open_rig

    given = {"port": port, "audio": audio, "model": model, "channel": channel}
    rig = stack.enter_context(open_rig(settle(None, given)))
    checked(rig)
    if not rig.live:
        # The sound is made in this process: a note begins at the first sample, whatever a click looked like.
        rig.latency = None
    return rig


def _named(file: Path | None) -> Path:
    found = file or os.environ.get("JX_RIG")
    if not found:
        raise UsageError("which bench?", "give its file, or set JX_RIG; jx rig init FILE writes one")
    return Path(found)


def _ports() -> list[Available]:
    from jxctl.ports import available

    return available()


def _inputs() -> list[str]:
    from jxctl.audio.capture import input_devices

    try:
        return input_devices()
    except DeviceError as error:
        say(f"jx: {error.message}; {error.hint}")
        return []

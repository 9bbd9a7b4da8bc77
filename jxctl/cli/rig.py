"""``jx rig``: the bench file, and whether what it names is there and can be heard."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jxctl.cli.common import Shown, command, say
from jxctl.cli.output import ForceOption, check_output
from jxctl.errors import DeviceError, UsageError

if TYPE_CHECKING:
    from jxctl.ports import Available

app = typer.Typer(help="Describe a bench once, and check it.", no_args_is_help=True)

_LONG_ON_MINUTES = 36 * 60

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
    from contextlib import ExitStack

    from jxctl.cli import record_rig
    from jxctl.recording import preflight
    from jxctl.recording.config import settle
    from jxctl.recording.setup_check import check_setup

    rig = settle(_named(file))
    if rig.port is None:
        raise UsageError(f"{_named(file)} names no port", 'add a line such as port = "midi:MKS-70"')
    minutes = rig.minutes_on()
    with ExitStack() as stack:
        opened = record_rig.open_rig(rig, profile, None, stack)
        if opened.live:
            say("listening, then playing some notes: about twenty seconds of sound")
        measured = preflight.measure(opened)
        opened.latency = measured.latency
        found = check_setup(opened)
    told = ([found.problem] if found.problem else []) + measured.problems
    problems = [{"problem": problem, "hint": hint} for problem, hint in told]
    data = {
        "rig": rig.to_json(),
        "minutes_on": minutes,
        **measured.to_json(),
        "setup": found.to_json(),
        "problems": problems,
        "advice": measured.advice,
    }
    lines = [f"{rig.port} is open and heard through {rig.audio or 'itself'}", str(measured)]
    for problem, hint in told:
        lines += [f"problem: {problem}", f"    {hint}"]
    lines += [f"note: {advice}" for advice in measured.advice]
    if minutes is not None and minutes > _LONG_ON_MINUTES:
        lines.append(f"note: on for {minutes / 60:.0f} hours, says powered_on: is that still so?")
    if not problems:
        lines.append("ready to record (jx record DIR --rig FILE)")
    return Shown(data, "\n".join(lines), exit_code=4 if problems else 0)


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

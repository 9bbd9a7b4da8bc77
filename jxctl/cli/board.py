"""``jx board``: the virtual board or synth as a process that other programs can open."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jxctl.cli.common import Shown, command, say
from jxctl.cli.output import ForceOption
from jxctl.cli.virtual import (
    AudioOption,
    GainOption,
    ProfileOption,
    RateOption,
    check_save,
)
from jxctl.errors import UsageError

if TYPE_CHECKING:
    from simulator.instrument.memory import Memory, Model
    from simulator.instrument.realtime import Sound


def register(app: typer.Typer) -> None:
    """Add ``jx board``."""
    command(app, "board")(board)


def board(
    pty: Annotated[bool, typer.Option("--pty", help="Two sound boards behind a serial device.")] = False,
    midi: Annotated[
        str | None, typer.Option(help="A whole synth behind a virtual MIDI port of this name.")
    ] = None,
    model: Annotated[str, typer.Option(help="With --midi: jx8p, jx10 or mks70.")] = "mks70",
    api: Annotated[str | None, typer.Option(help="With --midi: the MIDI system, such as jack.")] = None,
    memory: Annotated[
        Path | None, typer.Option(help="With --midi: a bank it holds at first, or a JX-10 cartridge.")
    ] = None,
    audio: AudioOption = None,
    rate: RateOption = None,
    gain: GainOption = 0.0,
    profile: ProfileOption = "superjx",
    save: Annotated[
        Path | None, typer.Option(help="With --midi and --audio: write what was played as a MIDI file.")
    ] = None,
    dump: Annotated[Path | None, typer.Option(help="At the end, write what it holds as JSON.")] = None,
    force: ForceOption = False,
) -> Shown:
    """Run the virtual board or synth until Ctrl-C; what to connect to is printed on stderr.

    With --audio it sounds, in real time; without, it takes every byte and shows what it holds (sim:
    renders faster than real time). With --midi, typing "dump" and Enter starts a dump, as on the panel.
    """
    if pty == (midi is not None):
        raise UsageError("jx board needs to know what to be", "give --pty or --midi NAME, one of the two")
    if dump is not None and not dump.parent.is_dir():
        raise UsageError(f"cannot write {dump}: there is no folder {dump.parent}")
    if midi is None and memory is not None:
        raise UsageError("a bare board has no memory", "leave out --memory, or give --midi NAME")
    if save is not None and (midi is None or audio is None):
        raise UsageError("only what is played over MIDI, with sound, can be saved", "give --midi and --audio")
    check_save(save, force)

    from simulator.instrument.memory import model_named, read_memory

    known = model_named(model)
    held = read_memory(known, memory) if midi is not None else None
    with ExitStack() as stack:
        sound = None
        if audio is not None:
            from simulator.instrument.realtime import boards_of, open_sound

            names = boards_of(known if midi is not None else None)
            sound = open_sound(audio, names, profile, rate, gain, keep=save is not None)
            stack.callback(sound.output.close)
        try:
            state = _pty(sound) if midi is None else _midi(midi, known, api, held, sound)
        finally:
            if save is not None and sound is not None:
                sound.write_song(save)
    if sound is not None:
        state |= {"audio": sound.to_json()}
    if dump is not None:
        from jxctl._files import write_atomically

        write_atomically(dump, (json.dumps(state, indent=2) + "\n").encode())
    return Shown(state, _text(state, sound))


def _pty(sound: Sound | None) -> dict[str, Any]:
    from jxctl.ports.server import serve_pty

    return serve_pty(lambda url: _announce(url, sound), sound)


def _midi(
    name: str, model: Model, api: str | None, held: Memory | None, sound: Sound | None
) -> dict[str, Any]:
    from jxctl.ports import ReceivingPort, open_port
    from jxctl.ports.midi import virtual_url
    from jxctl.ports.server import serve_midi

    with open_port(virtual_url(name, api)) as port:
        assert isinstance(port, ReceivingPort)
        return serve_midi(port, model, held, lambda: _announce(f"midi:{name}", sound), sound)


def _announce(url: str, sound: Sound | None) -> None:
    say(f"connect to {url} (Ctrl-C ends it)")
    if sound is not None:
        say(sound.describe())


def _text(state: dict[str, Any], sound: Sound | None) -> str:
    lines = [f"received {state['bytes']} bus bytes, {state['dropped']} of them in no message"]
    for name, held in state["boards"].items():
        lines.append(f"{name}: " + ("a complete tone" if held["tone"] else "no complete tone"))
    return "\n".join([*lines, *([sound.text()] if sound is not None else [])])

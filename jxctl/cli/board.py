"""``jx board``: the virtual board or synth as a process that other programs can open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jxctl.cli.common import Shown, command, say
from jxctl.errors import UsageError

if TYPE_CHECKING:
    from simulator.memory import Memory, Model


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
    dump: Annotated[Path | None, typer.Option(help="At the end, write what it holds as JSON.")] = None,
) -> Shown:
    """Run the virtual board or synth until Ctrl-C; what to connect to is printed on stderr.

    It takes every byte and shows what it holds; real-time sound comes in a later version (sim: renders
    now). With --midi, typing "dump" and Enter starts a dump, as on the panel.
    """
    if pty == (midi is not None):
        raise UsageError("jx board needs to know what to be", "give --pty or --midi NAME, one of the two")
    if dump is not None and not dump.parent.is_dir():
        raise UsageError(f"cannot write {dump}: there is no folder {dump.parent}")
    if midi is None and memory is not None:
        raise UsageError("a bare board has no memory", "leave out --memory, or give --midi NAME")
    state = _pty() if midi is None else _midi(midi, model, api, memory)
    if dump is not None:
        from jxctl.files import write_atomically

        write_atomically(dump, (json.dumps(state, indent=2) + "\n").encode())
    return Shown(state, _text(state))


def _pty() -> dict[str, Any]:
    from simulator.process import serve_pty

    return serve_pty(lambda url: say(f"connect to {url} (Ctrl-C ends it)"))


def _midi(name: str, model: str, api: str | None, bank: Path | None) -> dict[str, Any]:
    from urllib.parse import quote

    from jxctl.ports import ReceivingPort, open_port
    from simulator.assigner import KEYS
    from simulator.process import serve_midi

    known = next((known for known in KEYS if known == model), None)
    if known is None:
        raise UsageError(f"there is no virtual {model!r}", f"there are {', '.join(KEYS)}")
    held = _memory(known, bank)
    url = f"midi:{quote(name, safe='')}?virtual=1" + (f"&api={api}" if api else "")
    with open_port(url) as port:
        assert isinstance(port, ReceivingPort)
        return serve_midi(port, known, held, lambda: say(f"connect to midi:{name} (Ctrl-C ends it)"))


def _memory(model: Model, bank: Path | None) -> Memory | None:
    """What the file holds, in the memory of a ``model``."""
    if bank is None:
        return None
    from jxctl.library.files import read_library
    from jxctl.sysex.jx10 import SIZES
    from simulator.memory import Memory

    if model == "jx10" and bank.is_file() and bank.stat().st_size in SIZES:
        return Memory(model, cartridge=bank.read_bytes())
    return Memory(model, read_library(bank).bank)


def _text(state: dict[str, Any]) -> str:
    lines = [f"received {state['bytes']} bus bytes, {state['dropped']} of them in no message"]
    for name, held in state["boards"].items():
        lines.append(f"{name}: " + ("a complete tone" if held["tone"] else "no complete tone"))
    return "\n".join(lines)

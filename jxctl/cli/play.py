"""``jx play``: the virtual synth, live, from a MIDI port to a sound device."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from jxctl.cli.common import Shown, command, say
from jxctl.cli.output import ForceOption
from jxctl.cli.virtual import (
    QUIETER_DB,
    GainOption,
    ProfileOption,
    RateOption,
    board_names,
    check_save,
    known_model,
    memory_of,
    open_sound,
    save_song,
)


def register(app: typer.Typer) -> None:
    """Add ``jx play``."""
    command(app, "play")(play)


def play(
    midi: Annotated[str, typer.Option(help="What to play from: a MIDI input's name, or part of it.")],
    audio: Annotated[
        str, typer.Option(help="Sound device: name, part of it, or number (jx audio lists them).")
    ] = "default",
    tone: Annotated[Path | None, typer.Option(help="A tone as JSON to play on all voices.")] = None,
    bank: Annotated[Path | None, typer.Option(help="A bank; program changes choose from it.")] = None,
    model: Annotated[str, typer.Option(help="jx8p, jx10 or mks70.")] = "mks70",
    api: Annotated[str | None, typer.Option(help="The MIDI system, such as jack.")] = None,
    profile: ProfileOption = "superjx",
    rate: RateOption = None,
    gain: GainOption = QUIETER_DB,
    save: Annotated[Path | None, typer.Option(help="Write what was played as a MIDI file.")] = None,
    force: ForceOption = False,
) -> Shown:
    """Play the virtual synth live from a MIDI port until Ctrl-C.

    The latency is printed at the start, dropouts at the end. A program that is to connect to jx, instead
    of jx to it, needs: jx board --midi NAME --audio DEVICE.
    """
    check_save(save, force)
    known = known_model(model)
    held = memory_of(known, bank, tone)

    from jxctl.ports import ReceivingPort, open_port

    url = midi if midi.startswith("midi:") else f"midi:{_escaped(midi)}"
    url += f"{'&' if '?' in url else '?'}listen=1" + (f"&api={api}" if api else "")
    with ExitStack() as stack:
        port = stack.enter_context(open_port(url))
        assert isinstance(port, ReceivingPort)
        sound = open_sound(audio, board_names(known), profile, rate, gain, keep=save is not None)
        stack.callback(sound.output.close)

        from jxctl.ports.server import serve_midi

        def ready() -> None:
            # Keys pressed while the simulator was compiled are not played late.
            while port.receive(0.0):
                pass
            say(f"playing from {getattr(port, 'input', midi)!r} (Ctrl-C ends it)")
            say(sound.describe())

        try:
            serve_midi(port, known, held, ready, sound, answers=False)
        finally:
            save_song(save, sound)
    return Shown(sound.to_json(), sound.text())


def _escaped(name: str) -> str:
    from urllib.parse import quote

    return quote(name, safe=" :/()[]#,+&=@!")

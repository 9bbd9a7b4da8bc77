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
    check_save,
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

    from simulator.instrument.memory import model_named, read_memory

    known = model_named(model)
    held = read_memory(known, bank, tone)

    from jxctl.ports import ReceivingPort, open_port
    from jxctl.ports.midi import listening_url

    with ExitStack() as stack:
        port = stack.enter_context(open_port(listening_url(midi, api)))
        assert isinstance(port, ReceivingPort)

        from jxctl.ports.server import serve_midi
        from simulator.instrument.realtime import boards_of, open_sound

        sound = open_sound(audio, boards_of(known), profile, rate, gain, keep=save is not None)
        stack.callback(sound.output.close)

        def ready() -> None:
            say(f"playing from {getattr(port, 'input', midi)!r} (Ctrl-C ends it)")
            say(sound.describe())

        try:
            serve_midi(port, known, held, ready, sound, answers=False, late=False)
        finally:
            if save is not None:
                sound.write_song(save)
    return Shown(sound.to_json(), sound.text())

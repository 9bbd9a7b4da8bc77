"""``jx send``: load a tone into a board, and play it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jxctl.cli.common import Shown, command, say
from jxctl.errors import UsageError
from jxctl.tone import read_tone

if TYPE_CHECKING:
    import numpy as np

    from jxctl.ports import Port
    from jxctl.synth import Synth

LONGEST_S = 60.0


def register(app: typer.Typer) -> None:
    """Add ``jx send``."""
    command(app, "send")(send)


def send(
    tone: Annotated[Path, typer.Argument(help="A tone as JSON (jx tone random -o writes one).")],
    port: Annotated[str, typer.Option(help="Where to, such as serial:/dev/ttyUSB0 or sim: (jx ports).")],
    board: Annotated[str, typer.Option(help="lower, upper or both.")] = "lower",
    play: Annotated[int | None, typer.Option(help="Then play this MIDI note, 0-127.")] = None,
    velocity: Annotated[int, typer.Option(help="1-127.")] = 100,
    gate: Annotated[float, typer.Option(help="Seconds the note is held.")] = 1.0,
    tail: Annotated[float, typer.Option(help="Seconds listened to after its release.")] = 1.0,
    audio: Annotated[
        Path | None, typer.Option(help="Write what was heard as WAV (only where jx hears it: sim:).")
    ] = None,
) -> Shown:
    """Load a tone into a sound board, in the order of the synth's own assigner.

    The bus is one-way: "sent" is all that can be known, not that a board took it.
    """
    from jxctl.bus import board_name, check_range
    from jxctl.ports import AudiblePort, open_port
    from jxctl.synth import Synth

    loaded = read_tone(tone)
    target = board_name(board)
    if play is not None:
        check_range("the note", play, 127)
        check_range("the velocity", velocity, 127)
        if velocity == 0:
            raise UsageError("the velocity is 0; expected 1 to 127")
        _check_seconds("gate", gate)
        _check_seconds("tail", tail)
    if audio is not None and play is None:
        raise UsageError("--audio without a note", "add --play 60")
    if audio is not None and not audio.parent.is_dir():
        raise UsageError(f"cannot write {audio}: there is no folder {audio.parent}")

    result: dict[str, Any] = {"port": port, "board": board, "tone": loaded.name}
    with open_port(port) as opened:
        if audio is not None and not isinstance(opened, AudiblePort):
            raise UsageError(
                f"jx cannot hear {port}", "leave out --audio, or send to sim:, or connect an audio input"
            )
        synth = Synth(opened)
        synth.wake()
        synth.load(loaded, target)
        text = f"sent {loaded.name!r} to the {board} board of {port}"
        if play is not None:
            heard = _play(synth, opened, play, velocity, gate, tail)
            result |= {"note": play, "velocity": velocity, "gate_s": gate}
            text += f", played note {play} for {gate:g} s"
            if heard is not None and isinstance(opened, AudiblePort):
                result["peak"] = float(abs(heard).max(initial=0.0))
                text += f", peak {result['peak']:.3f}"
                if result["peak"] == 0:
                    say("nothing was heard; sim: is the lower board unless it says sim:?board=upper")
                if audio is not None:
                    from jxctl.audiofile import write_wav

                    write_wav(audio, heard, opened.sample_rate)
                    result["audio"] = str(audio)
                    text += f", heard in {audio}"
    return Shown(result, text)


def _play(synth: Synth, port: Port, note: int, velocity: int, gate: float, tail: float) -> np.ndarray | None:
    """Hold a note for ``gate`` seconds; what was heard with its tail, where it can be heard."""
    from jxctl.ports import AudiblePort

    try:
        synth.note_on(note, velocity)
        if not isinstance(port, AudiblePort):
            time.sleep(gate)
            return None
        held = port.listen(gate)
    finally:
        # Also when interrupted, even inside note_on: a real board would hold the note for ever.
        synth.note_off(note)
    import numpy as np

    return np.concatenate([held, port.listen(tail)])


def _check_seconds(what: str, seconds: float) -> None:
    if not 0 <= seconds <= LONGEST_S:
        raise UsageError(f"--{what} is {seconds:g}; expected 0 to {LONGEST_S:g} seconds")

"""``jx send``: a tone, a patch or a bank into a synth, and a note to hear it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jxctl.cli.common import Shown, command, progress, say
from jxctl.cli.output import check_outputs
from jxctl.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

LONGEST_S = 60.0
LONGEST_PAUSE_MS = 10_000.0


def register(app: typer.Typer) -> None:
    """Add ``jx send``."""
    command(app, "send")(send)


def send(
    file: Annotated[Path, typer.Argument(help="A tone, patch or bank in any format (jx bank show).")],
    port: Annotated[
        str, typer.Option(help="Where to, such as serial:/dev/ttyUSB0, midi:NAME or sim: (jx ports).")
    ],
    model: Annotated[
        str | None, typer.Option(help="What is behind a MIDI port (jx models), unless its URL says model=.")
    ] = None,
    slot: Annotated[int | None, typer.Option(help="Send this tone of the file, from 1.")] = None,
    patch: Annotated[
        int | None, typer.Option(help="Send this patch of the file with its tones, from 1.")
    ] = None,
    write: Annotated[
        str | None,
        typer.Option(help="Store into the memory: a slot for a tone or patch, all for a bank or cartridge."),
    ] = None,
    cartridge: Annotated[
        bool, typer.Option("--cartridge", help="With --write, Vecoven only: into the cartridge's memory.")
    ] = False,
    bank: Annotated[
        int | None, typer.Option("--bank", min=1, help="Which bank of a file that holds several, from 1.")
    ] = None,
    text_mode: Annotated[
        bool, typer.Option("--text-mode", help="Undo a transfer in text mode, which made 0A into 0D 0A.")
    ] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Overwrite memory from a file that is incomplete or repaired.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be sent and overwritten, and send nothing.")
    ] = False,
    board: Annotated[
        str | None, typer.Option(help="lower, upper or both.", show_default="the only or first")
    ] = None,
    channel: Annotated[int, typer.Option(min=1, max=16, help="MIDI channel.")] = 1,
    pause: Annotated[float | None, typer.Option(help="Milliseconds between messages, for all kinds.")] = None,
    nibbles: Annotated[
        str,
        typer.Option(help="Of a JX-10 cartridge: which half of a byte goes first, high or low (not known)."),
    ] = "high",
    play: Annotated[int | None, typer.Option(help="Then play this MIDI note, 0-127.")] = None,
    velocity: Annotated[int, typer.Option(help="1-127.")] = 100,
    gate: Annotated[float, typer.Option(help="Seconds the note is held.")] = 1.0,
    tail: Annotated[float, typer.Option(help="Seconds listened to after its release.")] = 1.0,
    audio: Annotated[
        Path | None, typer.Option(help="Write what was heard as WAV (only where jx hears it: sim:).")
    ] = None,
) -> Shown:
    """Send a tone, a patch or a bank to a synth, or a tone to a bare sound board.

    A synth takes a tone or patch into its edit buffer; --write stores it, and says what is overwritten.
    A board is loaded in the order of the synth's own assigner. "Sent" is all that can be known, not
    that it was taken.
    """
    from jxctl.ports import AudiblePort, model_in, open_port
    from jxctl.ports.client import play_note
    from jxctl.ports.delivery import Delivery

    delivery = Delivery(
        file,
        model or model_in(port),
        slot=slot,
        patch=patch,
        write=write,
        board=board,
        channel=channel - 1,
        gap_s=None if pause is None else pause / 1000,
        high_first=nibbles == "high",
        cartridge=cartridge,
        bank=bank,
        text_mode=text_mode,
        anyway=anyway,
    )
    _check_play(play, velocity, gate, tail, audio)
    check_outputs(file, [(audio, ".wav")])
    if pause is not None and not 0 <= pause <= LONGEST_PAUSE_MS:
        raise UsageError(f"--pause is {pause:g}; expected 0 to {LONGEST_PAUSE_MS:g} milliseconds")
    if nibbles not in ("high", "low"):
        raise UsageError(f"--nibbles is {nibbles!r}; expected high or low")
    result: dict[str, Any] = {"port": port}
    with open_port(port) as opened:
        if audio is not None and not isinstance(opened, AudiblePort):
            raise UsageError(
                f"jx cannot hear {port}", "leave out --audio, or send to sim:, or connect an audio input"
            )
        shipment = delivery.prepare(opened)
        for line in shipment.warnings():
            say(line)
        if dry_run:
            return Shown(result | shipment.to_json() | {"sent": False}, shipment.dry_text())
        if shipment.steps:
            with progress("Sending", shipment.steps) as advance:
                shipment.send(advance)
        else:
            shipment.send()
        result |= shipment.to_json()
        text = shipment.text()
        if play is not None:
            heard = play_note(shipment.keys, opened, play, velocity, gate, tail)
            result |= {"note": play, "velocity": velocity, "gate_s": gate}
            text += f", played note {play} for {gate:g} s"
            if heard is not None and isinstance(opened, AudiblePort):
                text += _heard(heard, opened.sample_rate, audio, result)
    return Shown(result, text)


def _check_play(play: int | None, velocity: int, gate: float, tail: float, audio: Path | None) -> None:
    from jxctl.ports.client import check_note

    if play is not None:
        check_note(play, velocity)
        _check_seconds("gate", gate)
        _check_seconds("tail", tail)
    if audio is not None and play is None:
        raise UsageError("--audio without a note", "add --play 60")


def _heard(heard: np.ndarray, sample_rate: int, audio: Path | None, result: dict[str, Any]) -> str:
    result["peak"] = float(abs(heard).max(initial=0.0))
    text = f", peak {result['peak']:.3f}"
    if result["peak"] == 0:
        say("nothing was heard; sim: is the lower board unless it says sim:?board=upper")
    if audio is not None:
        from jxctl.audio.files import write_wav

        write_wav(audio, heard, sample_rate)
        result["audio"] = str(audio)
        text += f", heard in {audio}"
    return text


def _check_seconds(what: str, seconds: float) -> None:
    if not 0 <= seconds <= LONGEST_S:
        raise UsageError(f"--{what} is {seconds:g}; expected 0 to {LONGEST_S:g} seconds")

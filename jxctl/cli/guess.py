"""``jx guess``: recordings in, a tone out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jxctl.cli.common import Shown, command, progress, say
from jxctl.cli.output import check_outputs
from jxctl.errors import AudioError, UsageError

if TYPE_CHECKING:
    import numpy as np

    from estimator.inference.posterior import Played


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "guess")(guess)


def guess(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Recordings of one tone, a note each: WAV, FLAC, Ogg, MP3."),
    ],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the tone (JSON).")] = None,
    each: Annotated[bool, typer.Option("--each", help="With -o: also the others, NAME-2.json ...")] = False,
    audio: Annotated[Path | None, typer.Option(help="Write what it sounds like (WAV).")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write target and guess side by side (PNG).")] = None,
    send: Annotated[str | None, typer.Option(help="Load the tone into the board at this port.")] = None,
    note: Annotated[
        list[int] | None,
        typer.Option(help="MIDI note that is heard (default: found); once, or for each file."),
    ] = None,
    velocity: Annotated[
        list[int] | None, typer.Option(help="Velocity, 1-127 (default 100); once, or for each file.")
    ] = None,
    gate: Annotated[
        list[float] | None, typer.Option(help="Seconds the key was down (default: found); as above.")
    ] = None,
    like: Annotated[Path | None, typer.Option(help="A tone to start from.")] = None,
    lock: Annotated[
        list[str] | None,
        typer.Option(help='Keep a value: "VCF FREQ=64"; or, with --like, its own: "VCF FREQ".'),
    ] = None,
    top: Annotated[int, typer.Option(help="How many tones that differ, in --json and for --each.")] = 5,
    renders: Annotated[int, typer.Option(help="How many candidates are listened to; 0: no search.")] = 2000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same guess.")] = 0,
    profile: Annotated[str, typer.Option(help="The board (default: the one trained for).")] = "",
    checkpoint: Annotated[Path | None, typer.Option(help="Weights without suffix (default: jx's).")] = None,
    loop: Annotated[
        bool, typer.Option("--loop", help="Then play it on the board at --port and improve it there.")
    ] = False,
    port: Annotated[str | None, typer.Option(help="With --loop: the board (jx ports).")] = None,
    audio_in: Annotated[
        str | None, typer.Option(help="With --loop: the audio input that hears it (jx audio). Not for sim:.")
    ] = None,
    takes: Annotated[int, typer.Option(help="With --loop: at most so many takes on the board.")] = 60,
    keep: Annotated[
        Path | None,
        typer.Option(
            help="With --loop: the folder of takes, which the same command continues.",
            show_default="NAME-loop",
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(help="With --loop: what is behind a MIDI port.")] = None,
    channel: Annotated[int | None, typer.Option(help="With --loop: its MIDI channel, 1-16.")] = None,
) -> Shown:
    """Turn recordings of one tone, a note each, into that tone.

    Note and gate are found in a recording. Candidates are rendered at its note, improved and ranked by
    how near they sound (log-mel L1). Ctrl-C ends the search with the best so far.

    With --loop the guess is played on a board and improved by takes of it, which are kept.
    """
    from contextlib import ExitStack

    from jxctl.cli import guess_loop, guess_request, guess_text

    if top < 1 or not 0 <= renders <= 100_000 or seed < 0:
        raise UsageError("--top is at least 1, --renders 0 to 100000, --seed at least 0")
    given = guess_request.by_file(files, note, velocity, gate)
    if each and output is None:
        raise UsageError("--each needs -o: the others are written beside that file", "-o tone.json --each")
    places = _numbered(output, top) if each and output is not None else [output]
    for file in files:
        check_outputs(file, [*((place, "") for place in places), (audio, ".wav"), (plot, ".png")])
    base, locked = _start(like, lock or [])
    board_asked = guess_loop.asked(loop, port, audio_in, takes, keep, model, channel, files)

    from jxctl.audio.files import read_audio, write_wav

    sources = []
    for file in files:
        source = read_audio(file)
        for warning in source.warnings:
            say(f"jx: {warning}")
        sources.append(source)
    sent_to = _open(send)
    boards = ExitStack()
    looped: tuple[dict[str, Any], str] | None = None
    try:
        heard = [
            guess_request.hear(file, source.audio, source.sample_rate, what)
            for file, source, what in zip(files, sources, given, strict=True)
        ]
        recordings, found = [r for r, _ in heard], [f for _, f in heard]

        from estimator.inference.estimator import Estimator

        rig = guess_loop.open_board(board_asked, boards) if board_asked is not None else None
        estimator = Estimator(checkpoint, profile)
        with progress("Listening to candidates", max(renders, 1)) as advance:
            result = estimator.guess(
                recordings, renders=renders, seed=seed, report=advance, top=top, like=base, locked=locked,
                start=like is not None,
            )  # fmt: skip
        best = result.candidates[0]
        if best.distance_db == float("inf"):
            raise AudioError(
                f"{files[0]}: no candidate made a sound at this note",
                "try more --renders" if renders < 2000 else "is --note right?",
            )
        name = _name(files[0])
        rendered = len(result.candidates)
        if board_asked is not None and rig is not None:
            result, happened, line = guess_loop.improve(
                board_asked, rig, estimator, result, recordings, base, locked, seed, top
            )
            looped, best = (happened, line), result.candidates[0]
        tone = best.tone.named(name)
        target = recordings[0].audio
        board = _send(sent_to, tone, recordings[0].played, target) if sent_to is not None else None
    finally:
        boards.close()
        if sent_to is not None:
            sent_to.close()

    written = {}
    from jxctl.protocol.tone import write_tone

    for k, (place, candidate) in enumerate(zip(places, result.alternatives, strict=False)):
        if place is not None:
            write_tone(tone if k == 0 else candidate.tone.named(name), place)
            written["tone" if k == 0 else f"tone {k + 1}"] = str(place)
    if audio is not None:
        for warning in write_wav(audio, result.audio, sources[0].sample_rate):
            say(f"jx: {warning}")
        written["audio"] = str(audio)
    if plot is not None:
        from estimator.inference.plot import plot_guess
        from jxctl._files import write_atomically

        note_is = f"note {recordings[0].played.note}"
        where = " on the board" if looped else ""
        title = f"{files[0].name}, {note_is}: log-mel distance {best.distance_db:.1f} dB{where}"
        write_atomically(plot, plot_guess(target, result.audio, title))
        written["plot"] = str(plot)
    shown = guess_text.data(result, tone, found, written, locked) | ({"board": board} if board else {})
    screen = guess_text.screen(result, tone, found, written, locked, send, board, looped is not None)
    if looped is None:
        return Shown(shown, screen)
    from rich.console import Group

    return Shown(shown | {"renders": rendered, "loop": looped[0]}, Group(screen, looped[1]))


def _numbered(output: Path, top: int) -> list[Path | None]:
    """NAME.json, NAME-2.json, NAME-3.json ..."""
    return [output, *(output.with_name(f"{output.stem}-{k}{output.suffix}") for k in range(2, top + 1))]


def _start(like: Path | None, wishes: list[str]) -> tuple[Any, list[str]]:
    from jxctl.cli.guess_request import locks
    from jxctl.library.files import stock_tone

    return locks(None if like is None else stock_tone(like), wishes)


def _open(send: str | None) -> Any:
    if send is None:
        return None
    from jxctl.ports import open_port

    port = open_port(send)
    if port.language != "bus":
        port.close()
        raise UsageError(
            f"jx guess --send is for a bare sound board, and {send} is a whole synth",
            "write the tone with -o tone.json, then: jx send tone.json --port ...",
        )
    return port


def _send(port: Any, tone: Any, played: Played, target: np.ndarray) -> dict[str, Any]:
    """Program the board; where it can be heard, play the note and compare with the target."""
    from jxctl.ports import AudiblePort
    from jxctl.ports.client import Synth

    synth = Synth(port)
    synth.wake()
    synth.load(tone)
    if not isinstance(port, AudiblePort):
        return {"port": port.url}
    import numpy as np
    import soxr

    from jxctl.cli.send import hold
    from simulator.features import SAMPLE_RATE, log_mel_distance

    seconds = len(target) / SAMPLE_RATE
    held = min(played.gate_s, seconds)
    note, velocity = played.note, played.velocity
    sound = hold(
        lambda: synth.note_on(note, velocity), lambda: synth.note_off(note), port, held, seconds - held
    )
    assert sound is not None
    if port.sample_rate != SAMPLE_RATE:
        sound = soxr.resample(sound, port.sample_rate, SAMPLE_RATE)
    sound = np.resize(sound, len(target))  # a sample more or less, by rounding
    return {"port": port.url, "distance_db": round(float(log_mel_distance(sound[None], target)[0]), 2)}


def _name(file: Path) -> str:
    letters = "".join(c if c.isascii() and c.isalnum() else " " for c in file.stem)
    return letters.upper().strip()[:10] or "GUESS"

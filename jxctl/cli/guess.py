"""``jx guess``: recordings in, a tone out."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jxctl._extras import require
from jxctl.cli.common import Shown, command, progress, say
from jxctl.cli.output import check_outputs
from jxctl.errors import AudioError, JxError, ToneError, UsageError
from jxctl.protocol.parameters import parameter
from jxctl.protocol.tone import INIT_TONE, Tone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estimator.closed_loop.optimizer import Closed
    from estimator.closed_loop.surrogate import Trials
    from estimator.inference.estimator import Guess
    from estimator.inference.methods import EstimatorProtocol
    from estimator.inference.note_detection import Loaded, Recording
    from jxctl.librarian.sound import Match
    from jxctl.ports import Port
    from jxctl.recording.rig import Rig

SHORTEST_GATE_S = 0.02
"""Seconds; the shortest --gate (chosen)."""
LONGEST_GATE_S = 60.0
"""Seconds; the longest --gate (chosen)."""
FEWEST_TAKES = 4
"""For each recording: each candidate takes one, and the guess itself is heard more than once."""
MOST_TAKES = 2000
"""The largest --takes (chosen)."""


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
    like_own: Annotated[
        bool, typer.Option("--like-own", help="Start from the tone of your library that sounds nearest.")
    ] = False,
    library: Annotated[
        Path | None,
        typer.Option("--library", envvar="JX_LIBRARY", help="Your library (jx library; default: your own)."),
    ] = None,
    lock: Annotated[
        list[str] | None,
        typer.Option(help='Keep a value: "VCF FREQ=64"; or, with --like, its own: "VCF FREQ".'),
    ] = None,
    top: Annotated[int, typer.Option(help="How many tones that differ, in --json and for --each.")] = 5,
    renders: Annotated[int, typer.Option(help="How many candidates are listened to; 0: no search.")] = 2000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same guess.")] = 0,
    profile: Annotated[str, typer.Option(help="The board (default: the one trained for).")] = "",
    checkpoint: Annotated[Path | None, typer.Option(help="Weights without suffix (default: jx's).")] = None,
    method: Annotated[
        str,
        typer.Option(
            "--estimator", metavar="NAME", help="An estimator that another package brings (docs/python.md)."
        ),
    ] = "network",
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

    Where you have a library (jx library import), its tone that sounds nearest is shown beside the guess.

    With --loop the guess is played on a board and improved by takes of it, which are kept.
    """
    from jxctl.cli import guess_text

    require("guess", "jx guess")
    if plot is not None:
        require("plot", "--plot")
    if top < 1 or not 0 <= renders <= 100_000 or seed < 0:
        raise UsageError("--top is at least 1, --renders 0 to 100000, --seed at least 0")
    given = _by_file(files, note, velocity, gate)
    if each and output is None:
        raise UsageError("--each needs -o: the others are written beside that file", "-o tone.json --each")
    places = _numbered(output, top) if each and output is not None else [output]
    for file in files:
        check_outputs(file, [*((place, "") for place in places), (audio, ".wav"), (plot, ".png")])
    base, locked = _start(like, lock or [])
    if library is not None or like_own:
        _check_library(library, like_own and like is not None)
    board = _board(loop, port, audio_in, takes, keep, model, channel, files)

    from estimator.inference.compilation import compile_search
    from estimator.inference.note_detection import load_recording
    from jxctl.audio.files import SAMPLE_RATE, write_wav

    compilation = compile_search(profile or "superjx")

    loaded = [
        load_recording(file, what.note, what.velocity, what.gate)
        for file, what in zip(files, given, strict=True)
    ]
    _advise(loaded, given)
    recordings = [each.recording for each in loaded]
    own = _own(library, loaded[0], given[0].note is not None)
    if like_own:
        base = _base(own)
    found = [guess_text.found(*each) for each in zip(files, loaded, given, strict=True)]
    sent_to = _open(send)
    boards = ExitStack()
    try:
        from estimator.inference.methods import load_estimator

        rig = None
        if board is not None:
            from jxctl.cli.rig import opened

            rig = opened(board.port, board.audio, board.model, board.channel, boards)
        estimator = load_estimator(method, profile, checkpoint)
        compilation.wait()
        with progress("Listening to candidates", max(renders, 1)) as advance:
            result = estimator.guess(
                recordings, renders=renders, seed=seed, report=advance, top=top, like=base, locked=locked,
                start=like is not None or like_own,
            )  # fmt: skip
        best = result.candidates[0]
        if best.distance_db == float("inf"):
            raise AudioError(
                f"{files[0]}: no candidate made a sound at this note",
                "try more --renders" if renders < 2000 else "is --note right?",
            )
        name = _name(files[0])
        simulated, closed = result, None
        if board is not None and rig is not None:
            result, closed = _improve(
                board, rig, estimator, result, recordings, like=base, locked=locked, seed=seed, top=top
            )
            best = result.candidates[0]
        tone = best.tone.named(name)
        sent = _send(sent_to, tone, recordings[0]) if sent_to is not None else None
    finally:
        boards.close()
        if sent_to is not None:
            sent_to.close()

    written = {}
    from jxctl.library.files import write_tone_file

    for k, (place, candidate) in enumerate(zip(places, result.alternatives, strict=False)):
        if place is not None:
            write_tone_file(tone if k == 0 else candidate.tone.named(name), place)
            written["tone" if k == 0 else f"tone {k + 1}"] = str(place)
    if audio is not None:
        for warning in write_wav(audio, result.audio, SAMPLE_RATE):
            say(f"jx: {warning}")
        written["audio"] = str(audio)
    if plot is not None:
        from estimator.inference.plot import plot_guess
        from jxctl._files import write_atomically

        note_is = f"note {recordings[0].played.note}"
        where = " on the board" if closed else ""
        title = f"{files[0].name}, {note_is}: log-mel distance {best.distance_db:.1f} dB{where}"
        write_atomically(plot, plot_guess(recordings[0].audio, result.audio, title))
        written["plot"] = str(plot)
    shown = guess_text.data(result, tone, found, written, locked) | ({"board": sent} if sent else {})
    screen = guess_text.screen(result, tone, found, written, locked, send, sent, closed is not None)
    from rich.console import Group

    if own is not None:
        shown["library"] = own.to_json()
        screen = Group(screen, f"your {own.tone.name} ({own.tone.address}), {own.distance_db:.1f} dB")
    if board is None or closed is None:
        return Shown(shown, screen)
    shown["renders"] = len(simulated.candidates)
    shown["loop"] = guess_text.loop_data(closed, simulated, board.port, board.keep, len(files))
    return Shown(shown, Group(screen, guess_text.loop_line(closed, simulated)))


def _own(library: Path | None, loaded: Loaded, key_is_given: bool) -> Match | None:
    """The tone of the player's library that sounds nearest; None where there is no library."""
    from jxctl.librarian.sound import own_tone

    recording, played = loaded.recording, loaded.recording.played
    note = played.note if key_is_given else played.note + loaded.found.cents / 100
    return own_tone(library, recording.audio, note, played.gate_s, played.velocity, key_is_given)


def _check_library(library: Path | None, twice: bool) -> None:
    """Refuse, before any work is done, a library that is not there; ``twice``: two tones to start from."""
    from jxctl.librarian.index import Library

    if twice:
        raise UsageError("--like and --like-own at once", "give one of them")
    Library(library).close()


def _base(own: Match | None) -> Tone:
    """What a search with --like-own starts from. Raises `UsageError`."""
    if own is None:
        raise UsageError(
            "no tone of the library is near this recording",
            "jx library find FILE renders what the library has no fingerprint of yet",
        )
    from jxctl.librarian.identity import stock_of

    return stock_of(own.tone.tone)


@dataclass(frozen=True)
class _Board:
    """What was said of the board: ``port``, ``audio`` input, how many ``takes``, where they are kept, and the
    ``model`` and ``channel`` behind a MIDI port."""

    port: str
    audio: str | None
    takes: int
    keep: Path
    model: str | None
    channel: int | None


def _board(
    loop: bool,
    port: str | None,
    audio: str | None,
    takes: int,
    keep: Path | None,
    model: str | None,
    channel: int | None,
    files: list[Path],
) -> _Board | None:
    """The board, or None where there is to be no loop. Raises `UsageError` for options that do not go
    together."""
    if not loop:
        if any(option is not None for option in (port, audio, keep, model, channel)):
            raise UsageError("--port, --audio-in, --keep, --model and --channel are for --loop", "add --loop")
        return None
    if port is None:
        raise UsageError("--loop needs the board: it is played and heard", "--port URL (jx ports lists them)")
    if not FEWEST_TAKES * len(files) <= takes <= MOST_TAKES:
        raise UsageError(
            f"--takes is {takes}; expected {FEWEST_TAKES * len(files)} to {MOST_TAKES}",
            "each candidate takes one for each recording, and the guess itself is heard more than once",
        )
    return _Board(port, audio, takes, keep or Path(f"{files[0].stem}-loop"), model, channel)


def _improve(
    board: _Board, rig: Rig, estimator: EstimatorProtocol, guess: Guess, recordings: Sequence[Recording],
    **options: Any,
) -> tuple[Guess, Closed]:  # fmt: skip
    """Improve the guess on the board, with talk and progress on stderr."""
    from estimator.closed_loop.optimizer import improve
    from jxctl.dataset.writer import Writer

    advance: Any = None
    with Writer(board.keep) as data_set, ExitStack() as bar:
        for repair in data_set.repairs:
            say(f"{board.keep}: {repair}")

        def resumed(candidates: int) -> None:
            nonlocal advance
            if candidates:
                say(f"{candidates} candidates are in {board.keep} already: going on")
            advance = bar.enter_context(progress("Playing on the board", board.takes // len(recordings)))
            advance(candidates)

        def report(trials: Trials) -> None:
            advance(1, f"{trials.distances[-1]:.2f} dB, best {trials.ranked()[0][0]:.2f} dB")

        try:
            return improve(
                rig, data_set, estimator, guess, recordings, board.takes, resumed=resumed, report=report,
                **options,
            )  # fmt: skip
        except JxError:
            if advance is not None:
                bar.close()
                say(f"what was heard so far is in {board.keep}; the same command goes on")
            raise


def _numbered(output: Path, top: int) -> list[Path | None]:
    """NAME.json, NAME-2.json, NAME-3.json ..."""
    return [output, *(output.with_name(f"{output.stem}-{k}{output.suffix}") for k in range(2, top + 1))]


@dataclass(frozen=True)
class Given:
    """What was said of one recording; None: to be found (``velocity``: 100)."""

    note: int | None
    velocity: int
    gate: float | None


def _by_file(
    files: list[Path], notes: list[int] | None, velocities: list[int] | None, gates: list[float] | None
) -> list[Given]:
    """One `Given` a file, from options given once for all files, or once for each. Raises `UsageError`."""
    for note in notes or ():
        if not 0 <= note <= 127:
            raise UsageError(f"note {note} is not a MIDI note", "0 to 127; 60 is C4")
    for velocity in velocities or ():
        if not 1 <= velocity <= 127:
            raise UsageError(f"velocity {velocity} is out of range", "1 to 127")
    for gate in gates or ():
        if not SHORTEST_GATE_S <= gate <= LONGEST_GATE_S:
            raise UsageError(
                f"a gate of {gate:g} s is out of range", f"{SHORTEST_GATE_S} to {LONGEST_GATE_S:g} seconds"
            )
    count = len(files)
    return [
        Given(*each)
        for each in zip(
            _spread("--note", notes, None, count),
            _spread("--velocity", velocities, 100, count),
            _spread("--gate", gates, None, count),
            strict=True,
        )
    ]


def _spread(option: str, given: list[Any] | None, default: Any, count: int) -> list[Any]:
    if not given:
        return [default] * count
    if len(given) == 1:
        return given * count
    if len(given) != count:
        raise UsageError(
            f"{option} is given {len(given)} times for {count} recording{'s' if count > 1 else ''}",
            "give it once for all, or once for each, in their order",
        )
    return given


def _start(like: Path | None, wishes: list[str]) -> tuple[Tone | None, list[str]]:
    """The tone to start from, and what is locked."""
    from jxctl.library.files import stock_tone

    return _locks(None if like is None else stock_tone(like), wishes)


def _locks(like: Tone | None, wishes: list[str]) -> tuple[Tone | None, list[str]]:
    """The tone to start from, with locked values in it, and the names of what is locked.

    A wish is ``NAME=VALUE`` (raw 0-127, or a switch's label) or, with ``like``, ``NAME``. Raises `ToneError`
    for an unknown name or value, `UsageError` for a name without value where there is no tone to keep it of.
    """
    names: list[str] = []
    changes: dict[str, int | str] = {}
    for wish in wishes:
        name, is_, value = (part.strip() for part in wish.partition("="))
        try:
            row = parameter(name)
        except (KeyError, ValueError):
            raise ToneError(f"no parameter is called {name!r}", "jx tone show lists the names") from None
        if row.name in names:
            raise UsageError(f"{row.name} is locked twice", "once is enough")
        if not is_ and like is None:
            raise UsageError(
                f"--lock {wish}: there is no tone whose {row.name} could be kept",
                f'give a value, --lock "{row.name}=..."; or a tone, --like tone.json',
            )
        if is_:
            labelled = row.kind == "switch" and value in row.labels
            changes[row.name] = int(value) if value.isdecimal() and not labelled else value
        names.append(row.name)
    base = (like or INIT_TONE).with_values(changes)  # also refuses what is no parameter of a tone
    return (None if like is None and not names else base), names


def _advise(loaded: list[Loaded], given: list[Given]) -> None:
    """Say what was done to the recordings, and what is doubtful in them."""
    for each in loaded:
        for warning in each.warnings:
            say(f"jx: {warning}")
    for each, what in zip(loaded, given, strict=True):
        if what.note is None and each.unsure:
            say(
                f"jx: the pitch is uncertain: note {each.found.note}, if it has one; "
                "--note says which key it was"
            )
        if each.more:
            say(f"jx: there is more sound after {each.found.end_s:.1f} s: only the first note is used")


def _open(send: str | None) -> Port | None:
    """The board at a port, before any time is spent on the guess."""
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


def _send(port: Port, tone: Tone, recording: Recording) -> dict[str, Any]:
    """Load the tone into the board, and how far it sounds from the recording there, where jx hears it."""
    from estimator.closed_loop.player import audition

    distance_db = audition(port, tone, recording)
    return {"port": port.url} | ({} if distance_db is None else {"distance_db": round(distance_db, 2)})


def _name(file: Path) -> str:
    letters = "".join(c if c.isascii() and c.isalnum() else " " for c in file.stem)
    return letters.upper().strip()[:10] or "GUESS"

"""``jx library``: all the tones that a player has, in one index."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jxctl.cli.common import Shown, command, progress, say
from jxctl.cli.output import ForceOption
from jxctl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jxctl.librarian.importing import Imported
    from jxctl.librarian.index import Library, StoredTone

app = typer.Typer(
    help="Keep the tones of many files in one index: import, search by name and by sound, export.",
    no_args_is_help=True,
)

LibraryOption = Annotated[
    Path | None,
    typer.Option("--library", envvar="JX_LIBRARY", help="The index (default: in your data folder)."),
]
Wanted = Annotated[
    list[str] | None, typer.Argument(help="Numbers of jx library list, or parts of names; all without.")
]


@command(app, "import")
def import_(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders; folders in them are read too.")],
    library: LibraryOption = None,
    again: Annotated[
        bool, typer.Option("--again", help="Read files that are there already once more.")
    ] = False,
    no_sound: Annotated[
        bool, typer.Option("--no-sound", help="Leave the rendering for search by sound to the first search.")
    ] = False,
) -> Shown:
    """Store the tones and patches of files and folders. What is damaged is said; nothing is lost.

    Files that are in the library already, byte for byte, are left alone, so that the same command goes on
    after an interruption.
    """
    from jxctl.librarian.importing import import_paths
    from jxctl.librarian.index import Library

    with Library(library, create=True) as opened:
        with progress("Reading files") as advance:
            done = import_paths(opened, paths, again, lambda _, path: advance(1, Path(path).name))
        where = str(opened.path)
        if not no_sound:
            _describe(opened)
    return Shown(done.to_json() | {"library": where}, _import_text(done, where))


@command(app, "list")
def list_(
    text: Annotated[str, typer.Argument(help="Words that the name must hold.")] = "",
    library: LibraryOption = None,
    files: Annotated[bool, typer.Option("--files", help="List the files, with their damage.")] = False,
) -> Shown:
    """List the tones of the library, or its files."""
    from jxctl.librarian.index import Library
    from jxctl.librarian.search import by_name

    with Library(library) as opened:
        if files:
            rows = opened.files()
            data = {"format": "jx.library-files", "version": 1, "files": [row.to_json() for row in rows]}
            lines = [line for row in rows for line in _file_lines(row)]
            return Shown(data, "\n".join(lines) or "no files")
        tones = by_name(opened, text)
    return Shown(_tones_data(tones), _tones_text(tones) if tones else _none(text))


@command(app, "find")
def find(
    query: Annotated[
        str, typer.Argument(help="A recording of one note (WAV, FLAC, ...), or part of a name.")
    ],
    library: LibraryOption = None,
    note: Annotated[
        int | None, typer.Option(min=0, max=127, help="MIDI note of the key (default: found in the sound).")
    ] = None,
    velocity: Annotated[int, typer.Option(min=1, max=127, help="How hard it was pressed.")] = 100,
    gate: Annotated[float | None, typer.Option(help="Seconds it was down (default: found).")] = None,
    count: Annotated[int, typer.Option(min=1, max=24, help="How many tones, the nearest first.")] = 5,
) -> Shown:
    """Find the tones that sound like a recording, or that a word names.

    The first search by sound after an import renders the new tones at some notes, once. Where the key is not
    given, it follows from the pitch and from how each tone's oscillators are tuned.
    """
    from jxctl.librarian.index import Library
    from jxctl.librarian.search import by_name

    with Library(library) as opened:
        if not _is_sound(query):
            tones = by_name(opened, query)
            return Shown(_tones_data(tones), _tones_text(tones) if tones else _none(query))
        from estimator.inference.note_detection import load_recording
        from jxctl.librarian import sound

        loaded = load_recording(query, note, velocity, gate)
        _describe(opened)
        played = loaded.recording.played
        found = sound.SoundIndex(opened).find(
            loaded.recording.audio,
            played.note if note is not None else played.note + loaded.found.cents / 100,
            played.gate_s,
            velocity,
            key_is_given=note is not None,
            count=count,
        )
    data = {
        "format": "jx.library-matches", "version": 1, "file": query, "note": played.note,
        "note_given": note is not None, "gate_s": round(played.gate_s, 3),
        "matches": [match.to_json() for match in found], "warnings": list(loaded.warnings),
    }  # fmt: skip
    heading = f"{query}: note {played.note}{'' if note is not None else ' (found)'}, {played.gate_s:.2f} s"
    lines = [
        f"{match.distance_db:6.1f} dB {match.tone.id:>6} {match.tone.name:10} note {match.note:>3}  "
        f"{match.tone.address}"
        for match in found
    ]
    lines = lines or ["no tone of the library sounds at this note"]
    return Shown(data, "\n".join([*loaded.warnings, heading, *lines]))


@command(app, "duplicates")
def duplicates(library: LibraryOption = None) -> Shown:
    """List tones that sound the same: equal values, whatever their names, slots and unused bits."""
    from jxctl.librarian.index import Library
    from jxctl.librarian.search import duplicates as groups_of

    with Library(library) as opened:
        groups = groups_of(opened)
    data = {
        "format": "jx.library-duplicates",
        "version": 1,
        "groups": [[tone.to_json() for tone in group] for group in groups],
    }
    lines = [
        "\n".join([f"{group[0].name}:", *(f"  {tone.id:>6} {tone.name:10} {tone.address}" for tone in group)])
        for group in groups
    ]
    more = sum(len(group) - 1 for group in groups)
    return Shown(
        data, "\n".join([*lines, f"{len(groups)} sounds are there more than once, {more} tones too many"])
    )


@command(app, "export")
def export(
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder to write into.")],
    tones: Wanted = None,
    library: LibraryOption = None,
    family: Annotated[
        str | None, typer.Option(help="Messages for jx8p, mks70 or vecoven4 (default: each tone's own).")
    ] = None,
    channel: Annotated[int, typer.Option(min=1, max=16, help="MIDI channel in the messages.")] = 1,
    force: ForceOption = False,
) -> Shown:
    """Write tones as SysEx files, one tone each, which KnobKraft and others import as a folder."""
    from jxctl.librarian.exchange import export_folder
    from jxctl.librarian.index import Library
    from jxctl.library.edit import family_name

    wanted = None if family is None else family_name(family)
    with Library(library) as opened:
        done = export_folder(_chosen(opened, tones), output, wanted, channel - 1, force)
    data = {
        "format": "jx.library-export", "version": 1, "folder": str(output),
        "files": [{"path": str(each.path), "id": each.tone.id, "lost": each.lost} for each in done],
    }  # fmt: skip
    lines = [f"{each.path.name}: without {', '.join(each.lost)}" for each in done if each.lost]
    return Shown(data, "\n".join([*lines, f"{output}: {len(done)} tones, a file each"]))


@command(app, "preview")
def preview(
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder to write into.")],
    tones: Wanted = None,
    library: LibraryOption = None,
    note: Annotated[int, typer.Option(min=0, max=127, help="MIDI note, 60 = C4.")] = 60,
    velocity: Annotated[int, typer.Option(min=1, max=127, help="1-127.")] = 100,
    gate: Annotated[float, typer.Option(help="Seconds the key is down.")] = 1.0,
    seconds: Annotated[float, typer.Option(help="Length of each WAV.")] = 2.0,
    force: ForceOption = False,
) -> Shown:
    """Render tones: a WAV and a picture of each, named after it."""
    from jxctl.librarian.index import Library
    from jxctl.librarian.preview import SILENT
    from jxctl.librarian.preview import preview as write

    with Library(library) as opened:
        chosen = _chosen(opened, tones)
    with progress("Rendering", len(chosen)) as advance:
        done = write(chosen, output, note, velocity, gate, seconds, force, lambda _: advance(1))
    data = {
        "format": "jx.library-previews", "version": 1, "folder": str(output), "note": note,
        "previews": [
            {"id": each.tone.id, "audio": str(each.audio), "picture": str(each.picture), "peak": each.peak}
            for each in done
        ],
    }  # fmt: skip
    lines = [f"{each.tone.name}: silent at note {note}" for each in done if each.peak < SILENT]
    return Shown(data, "\n".join([*lines, f"{output}: {len(done)} tones, a WAV and a PNG each"]))


@command(app, "audition")
def audition(
    port: Annotated[str, typer.Option(envvar="JX_PORT", help="Where to play them (jx ports).")],
    tones: Wanted = None,
    library: LibraryOption = None,
    note: Annotated[int, typer.Option(min=0, max=127, help="MIDI note, 60 = C4.")] = 60,
    velocity: Annotated[int, typer.Option(min=1, max=127, help="1-127.")] = 100,
    gate: Annotated[float, typer.Option(min=0.05, max=60, help="Seconds the key is down.")] = 1.0,
    pause: Annotated[float, typer.Option(min=0, max=60, help="Seconds of tail after it.")] = 0.5,
    model: Annotated[str | None, typer.Option(help="What is behind a MIDI port (jx models).")] = None,
    channel: Annotated[int | None, typer.Option(min=1, max=16, help="Its MIDI channel.")] = None,
) -> Shown:
    """Play tones one after the other on an instrument, whose memory is left alone.

    VCA LEVEL of what is sent is lowered so that no tone is over 6 dB louder than the one before.
    """
    from jxctl.librarian.audition import audition as play
    from jxctl.librarian.index import Library

    with Library(library) as opened:
        chosen = _chosen(opened, tones)
    done = play(
        port, chosen, note, velocity, gate, pause, model, channel,
        lambda each: say(f"{each.tone.id:>6} {each.tone.name:10} {each.tone.address}"),
    )  # fmt: skip
    data = {
        "format": "jx.library-audition", "version": 1, "port": port, "note": note,
        "tones": [
            {"id": each.tone.id, "name": each.tone.name, "vca_level": each.vca_level}
            | {"level_dbfs": each.level_dbfs}
            for each in done
        ],
    }  # fmt: skip
    silent = [each.tone.name for each in done if each.level_dbfs is None]
    lines = [f"silent at note {note} and passed over: {', '.join(silent)}"] if silent else []
    return Shown(data, "\n".join([*lines, f"played {len(done) - len(silent)} tones at {port}"]))


def _is_sound(query: str) -> bool:
    """A file, or a name that looks like one of a recording: reading it then says what is wrong."""
    return Path(query).suffix.lower() in _SOUND_ENDINGS or Path(query).is_file()


_SOUND_ENDINGS = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff")


def _describe(library: Library) -> None:
    """Make the fingerprints that the library lacks."""
    from jxctl.librarian import sound

    if count := sound.missing(library):
        say(f"rendering {count} sounds that the library has no fingerprint of yet")
        with progress("Rendering", count) as advance:
            done = 0

            def report(so_far: int, _: int) -> None:
                nonlocal done
                advance(so_far - done)
                done = so_far

            sound.update(library, report=report)


def _chosen(library: Library, words: Sequence[str] | None) -> list[StoredTone]:
    from jxctl.librarian.search import chosen

    found = chosen(library, words) if words else library.tones()
    if not found:
        raise UsageError("the library holds no tone", "jx library import FOLDER adds some")
    return found


def _import_text(done: Imported, where: str) -> str:
    lines = [
        f"{file.path}: {text}" for file in done.files for text in file.account if file.state != "foreign"
    ]
    added = done.to_json()
    counts = [
        f"{done.count('read')} files read",
        *(f"{done.count(state)} {words}" for state, words in _STATE_WORDS.items() if done.count(state)),
    ]
    lines.append("; ".join(counts))
    lines.append(
        f"{added['tones_added']} tones and {added['patches_added']} patches added, "
        f"{added['sounds_added']} of the tones sound like none before; {where} holds {done.sounds} sounds"
    )
    return "\n".join(lines)


_STATE_WORDS = {
    "repaired": "read with damage, named above",
    "unchanged": "there already",
    "unreadable": "that cannot be read, named above",
    "foreign": "of other kinds passed over",
}


def _file_lines(row: Any) -> list[str]:
    former = ", replaced since" if row.former else ""
    first = f"{row.id:>5} {row.path}: {row.format}, {row.tones} tones, {row.patches} patches{former}"
    return [first, *(f"      {text}" for text in row.account)]


def _tones_data(tones: Sequence[StoredTone]) -> dict[str, Any]:
    return {"format": "jx.library-tones", "version": 1, "tones": [tone.to_json() for tone in tones]}


def _tones_text(tones: Sequence[StoredTone]) -> str:
    return "\n".join(f"{tone.id:>6} {tone.name:10} {tone.address}" for tone in tones)


def _none(text: str) -> str:
    return f"no tone is called {text!r}" if text else "the library holds no tone"

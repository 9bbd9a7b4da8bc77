"""``jx library``: all the tones that a player has, in one index."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jxctl.cli.common import Shown, command, progress
from jxctl.cli.output import ForceOption
from jxctl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jxctl.librarian.importing import Imported
    from jxctl.librarian.index import StoredTone

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
) -> Shown:
    """Store the tones and patches of files and folders. What is damaged is said; nothing is lost.

    Files that are in the library already, byte for byte, are left alone, so that the same command goes on
    after an interruption.
    """
    from jxctl.librarian.importing import import_paths
    from jxctl.librarian.index import Library

    with Library(library, create=True) as opened, progress("Reading files") as advance:
        done = import_paths(opened, paths, again, lambda count, path: advance(1, Path(path).name))
        where = str(opened.path)
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


def _chosen(library: Any, words: Sequence[str] | None) -> list[StoredTone]:
    from jxctl.librarian.search import chosen

    found: list[StoredTone] = chosen(library, words) if words else library.tones()
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

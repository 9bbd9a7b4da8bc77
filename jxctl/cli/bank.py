"""``jx bank``: a librarian for files of tones and patches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jxctl.cli.common import Shown, command, say
from jxctl.cli.output import ForceOption, check_output
from jxctl.errors import UsageError

if TYPE_CHECKING:
    from jxctl.library.formats import Loaded, Origin
    from jxctl.protocol.bank import Bank

app = typer.Typer(
    help="Show, convert and rearrange files of tones and patches. The format is found by content.",
    no_args_is_help=True,
)

_FORMATS = "syx, midi, json or cartridge"
BankFile = Annotated[
    Path, typer.Argument(help="SysEx, MIDI file, JSON, cartridge image or capture of the bus.")
]
Output = Annotated[Path, typer.Option("-o", "--output", help="Write here; the ending says the format.")]
From = Annotated[
    str | None, typer.Option("--from", help="Read as this format (syx, midi, json, cartridge, bus).")
]
To = Annotated[str | None, typer.Option("--to", help=f"Write this format, whatever the ending: {_FORMATS}.")]
Form = Annotated[
    str | None,
    typer.Option(help="How SysEx is laid out: bulk (a dump of the memory) or sets (program by program)."),
]
Channel = Annotated[
    int | None, typer.Option(min=1, max=16, help="MIDI channel in the SysEx that is written.")
]


@command(app, "show")
def show(file: BankFile, from_: From = None) -> Shown:
    """Show what a file holds: format, patches with their tones, duplicates, bytes nobody understands.

    Numbers count from 1, as on the panel.
    """
    from jxctl.cli.bank_text import as_data, as_text
    from jxctl.library.files import read_library

    loaded = read_library(file, from_)
    return Shown({"file": str(file), **as_data(loaded)}, as_text(str(file), loaded))


@command(app, "convert")
def convert(
    file: BankFile,
    output: Output,
    family: Annotated[
        str | None, typer.Option(help="Make it a bank of jx8p, mks70 or vecoven4; says what is lost.")
    ] = None,
    from_: From = None,
    to: To = None,
    form: Form = None,
    channel: Channel = None,
    force: ForceOption = False,
) -> Shown:
    """Write a bank in another format, or for another family of instruments.

    JSON keeps everything: converted back, an unchanged bank is the same file again, byte for byte.
    """
    from jxctl.library.edit import converted, family_name
    from jxctl.library.files import read_library

    check_output(output, force)
    loaded = read_library(file, from_)
    bank, lost = loaded.bank, list[str]()
    if family is not None and _stock(loaded, family):
        bank = replace(bank, family=family_name(family))
    elif family is not None:
        bank, lost = converted(bank, family_name(family))
    return _save(bank, [loaded], output, to, form, channel, lost)


@command(app, "merge")
def merge(
    files: Annotated[list[Path], typer.Argument(help="Files of one family; the first keeps its slots.")],
    output: Output,
    together: Annotated[
        bool, typer.Option("--together", help="The files are pieces of one dump: nothing moves.")
    ] = False,
    to: To = None,
    form: Form = None,
    channel: Channel = None,
    force: ForceOption = False,
) -> Shown:
    """Put several files into one bank. Patches keep their tones: where a tone moves, they follow."""
    from jxctl.library import edit
    from jxctl.library.files import read_library

    check_output(output, force)
    loaded = [read_library(file) for file in files]
    family = next((each.bank.family for each in loaded if not each.neutral), loaded[0].bank.family)
    banks = [replace(each.bank, family=family) if _stock(each, family) else each.bank for each in loaded]
    merged = edit.merge(banks, together)
    return _save(merged.bank, loaded, output, to, form, channel, [], merged.notes)


@command(app, "dedupe")
def dedupe(
    file: BankFile,
    output: Output,
    tones_only: Annotated[
        bool, typer.Option("--tones", help="Leave patches that do the same where they are.")
    ] = False,
    from_: From = None,
    to: To = None,
    form: Form = None,
    channel: Channel = None,
    force: ForceOption = False,
) -> Shown:
    """Keep one of several tones (and patches) that differ in nothing but the name; the lowest slot stays."""
    from jxctl.library import edit
    from jxctl.library.files import read_library

    check_output(output, force)
    loaded = read_library(file, from_)
    result = edit.dedupe(loaded.bank, patches=not tones_only)
    return _save(result.bank, [loaded], output, to, form, channel, [], result.notes)


@command(app, "split")
def split(
    file: BankFile,
    folder: Annotated[Path, typer.Option("-o", "--output", help="Write the parts into this folder.")],
    by: Annotated[
        int, typer.Option(help="Patches in a part, each with its tones (or tones, with --tones).")
    ] = 1,
    tones_only: Annotated[
        bool, typer.Option("--tones", help="Split the tones, and leave the patches out.")
    ] = False,
    from_: From = None,
    to: Annotated[str, typer.Option("--to", help=f"The format of the parts: {_FORMATS}.")] = "json",
    force: ForceOption = False,
) -> Shown:
    """Split a bank into files. Slots stay, so that jx bank merge puts the parts back in place.

    Tones that no patch plays get parts of their own.
    """
    from jxctl._files import write_atomically
    from jxctl.library import edit
    from jxctl.library.files import encoded, format_for, read_library
    from jxctl.library.formats import FORMATS

    format = format_for(folder / "part", to)
    loaded = read_library(file, from_)
    bank = replace(loaded.bank, patches={}) if tones_only else loaded.bank
    made = edit.parts(replace(bank, rest=b""), by)
    digits = len(str(len(made)))
    paths = [
        folder / f"{number:0{digits}} {_title(part)}{FORMATS[format].endings[0]}"
        for number, part in enumerate(made, start=1)
    ]
    contents = [encoded(part, format, _origin(loaded, None, None)) for part in made]
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is no folder", "give a folder that is new or empty")
    for path in paths:
        if path.exists() and not force:
            raise UsageError(f"{path} is there already", "--force replaces it")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder {folder}: {error.strerror}") from error
    for path, content in zip(paths, contents, strict=True):
        write_atomically(path, content)
    text = f"{len(paths)} files in {folder}"
    return Shown({"folder": str(folder), "files": [path.name for path in paths]}, text)


def _stock(loaded: Loaded, family: str) -> bool:
    """Whether the file says nothing of a family, and this one holds its tones as they are."""
    return loaded.neutral and family != "vecoven4"


def _save(
    bank: Bank,
    sources: list[Loaded],
    output: Path,
    to: str | None,
    form: str | None,
    channel: int | None,
    lost: list[str],
    notes: list[str] | None = None,
) -> Shown:
    """Write a bank made of ``sources``, say what was left out, and show the result."""
    from jxctl._files import write_atomically
    from jxctl.library.edit import counted
    from jxctl.library.files import encoded, format_for, unsaid, without_room, writes_added
    from jxctl.library.formats import FORMATS

    format = format_for(output, to)
    if form not in (None, "bulk", "sets"):
        raise UsageError(f"there is no form {form!r}", "forms are bulk and sets")
    if form == "bulk" and bank.family == "jx8p":
        raise UsageError("a JX-8P has no bulk dump", "leave out --form")
    content = encoded(bank, format, _origin(sources[0], form, channel))
    left = [line for loaded in sources for line in unsaid(loaded, format, content)]
    lost = list(dict.fromkeys([*lost, *left, *without_room(bank, format, content)]))
    problems = [problem for loaded in sources for problem in loaded.problems]
    write_atomically(output, content)
    if problems:
        say("notes on what was read:")
    for problem in problems:
        say(f"  {problem}")
    for line in lost:
        say(f"lost: {line}")
    if any(writes_added(loaded, format, content) for loaded in sources):
        say("added: messages that write each tone to its slot, which the file had not")
    lines = [*(notes or []), f"{output}: {FORMATS[format].title}, family {bank.family}, {counted(bank)}"]
    data = {"output": str(output), "format": format, "family": bank.family, "bytes": len(content)}
    data |= {"patches": len(bank.patches), "tones": len(bank.tones), "lost": lost, "notes": notes or []}
    return Shown(data | {"problems": problems}, "\n".join(lines))


def _origin(loaded: Loaded, form: str | None, channel: int | None) -> Origin:
    """What the bank came from, its form and channel as asked for."""
    origin = loaded.origin
    asked = replace(
        origin,
        form=origin.form if form is None else form,
        channel=origin.channel if channel is None else channel - 1,
    )
    # Another form or channel means other bytes than those the file had.
    return asked if asked == origin else replace(asked, data=b"")


def _title(part: Bank) -> str:
    """A file name for a part: what its first patch or tone is called."""
    first = next(iter([*part.patches.values(), *part.tones.values()]))
    name = first.name or next((tone.name for tone in part.tones.values()), "")
    return "".join(c if c.isalnum() or c in "-+" else "_" for c in name).strip("_") or "part"

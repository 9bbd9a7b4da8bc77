"""``jx bank``: a librarian for files of tones and patches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jxctl.cli.common import Shown, command, say
from jxctl.cli.output import ForceOption, check_output

if TYPE_CHECKING:
    from jxctl.library.saving import Saved

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
BankNumber = Annotated[
    int | None, typer.Option("--bank", min=1, help="Which bank of a file that holds several, from 1.")
]
TextMode = Annotated[
    bool, typer.Option("--text-mode", help="Undo a transfer in text mode, which made 0A into 0D 0A.")
]


@command(app, "show")
def show(file: BankFile, from_: From = None, bank: BankNumber = None, text_mode: TextMode = False) -> Shown:
    """Show what a file holds: format, patches with their tones, duplicates, and what is wrong with it.

    Numbers count from 1, as on the panel.
    """
    from jxctl.cli.bank_text import as_data, as_text
    from jxctl.library.files import read_library

    loaded = read_library(file, from_, bank=bank, text_mode=text_mode)
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
    bank: BankNumber = None,
    text_mode: TextMode = False,
    force: ForceOption = False,
) -> Shown:
    """Write a bank in another format, or for another family of instruments.

    JSON keeps everything: converted back, an unchanged bank is the same file again, byte for byte.
    """
    from jxctl.library import saving
    from jxctl.library.edit import family_name
    from jxctl.library.files import read_library

    check_output(output, force)
    loaded = read_library(file, from_, bank=bank, text_mode=text_mode)
    made, lost = saving.convert(loaded, None if family is None else family_name(family))
    return _shown(
        saving.save(made, [loaded], output, format=to, form=form, channel=_channel(channel), lost=lost)
    )


@command(app, "merge")
def merge(
    files: Annotated[
        list[Path], typer.Argument(help="Files; the first keeps its slots. Of several banks all are taken.")
    ],
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
    from jxctl.library import saving
    from jxctl.library.files import read_library

    check_output(output, force)
    loaded = [read_library(file) for file in files]
    made, lost, notes = saving.merge_files(loaded, together)
    return _shown(
        saving.save(
            made, loaded, output, format=to, form=form, channel=_channel(channel), lost=lost, notes=notes
        )
    )


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
    bank: BankNumber = None,
    text_mode: TextMode = False,
    force: ForceOption = False,
) -> Shown:
    """Keep one of several tones (and patches) that differ in nothing but the name; the lowest slot stays."""
    from jxctl.library import edit, saving
    from jxctl.library.files import read_library

    check_output(output, force)
    loaded = read_library(file, from_, bank=bank, text_mode=text_mode)
    result = edit.dedupe(loaded.bank, patches=not tones_only)
    return _shown(
        saving.save(
            result.bank, [loaded], output, format=to, form=form, channel=_channel(channel), notes=result.notes
        )
    )


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
    banks: Annotated[
        bool, typer.Option("--banks", help="A file for each bank, whatever it holds; nothing is cut.")
    ] = False,
    from_: From = None,
    to: Annotated[str, typer.Option("--to", help=f"The format of the parts: {_FORMATS}.")] = "json",
    bank: BankNumber = None,
    text_mode: TextMode = False,
    force: ForceOption = False,
) -> Shown:
    """Split a bank into files. Slots stay, so that jx bank merge puts the parts back in place.

    Tones that no patch plays get parts of their own.
    """
    from jxctl.library.files import read_library
    from jxctl.library.saving import split_file

    loaded = read_library(file, from_, bank=bank, text_mode=text_mode)
    paths = split_file(
        loaded, folder, None if banks else by, tones_only=tones_only, format=to, all_banks=bank is None,
        overwrite=force,
    )  # fmt: skip
    for line in loaded.account.lines:
        say(line)
    data = {"folder": str(folder), "files": [path.name for path in paths]}
    return Shown(data | {"account": loaded.account.to_json()}, f"{len(paths)} files in {folder}")


def _shown(saved: Saved) -> Shown:
    for line in saved.remarks():
        say(line)
    return Shown(saved.to_json(), saved.text())


def _channel(channel: int | None) -> int | None:
    return None if channel is None else channel - 1

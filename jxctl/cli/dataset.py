"""``jx dataset``: verify, describe and rearrange data sets that jx record made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from jxctl.cli.common import Shown, command, progress, say
from jxctl.cli.output import ForceOption, check_output
from jxctl.errors import UsageError, VerificationError

app = typer.Typer(
    help="Verify, describe and rearrange data sets of recorded takes (jx record makes them).",
    no_args_is_help=True,
)

DataSet = Annotated[Path, typer.Argument(metavar="DIR", help="A data set: a folder with metadata.jsonl.")]
NewFolder = Annotated[Path, typer.Option("-o", "--output", help="A new folder.")]

_MOST_KEPT = 1000
"""Findings in JSON; all are counted and said."""


@command(app, "check")
def check(folder: DataSet) -> Shown:
    """Verify every take: files, hashes, audio, lengths, peaks, duplicates; and how the rig drifted.

    Reads all of the audio. Each finding is said on stderr; the code is 4 when there is any.
    """
    from jxctl.cli.dataset_text import checked
    from jxctl.dataset.reader import count_rows, lines
    from jxctl.dataset.verify import DriftMeter, Verified, followed, verify

    seen = Verified()
    total = count_rows(folder)
    findings: list[str] = []
    with progress(f"Checking {folder}", total) as advance:
        meter = DriftMeter(followed(row for _, row in lines(folder, lambda finding: None)))
        for finding in verify(folder, seen, meter.add, advance):
            say(finding)
            if len(findings) < _MOST_KEPT:
                findings.append(finding)
    data, text = checked(str(folder), seen, findings, list(meter.drifts()))
    return Shown(data, text, VerificationError.exit_code if seen.findings else 0)


@command(app, "info")
def info(
    folder: DataSet,
    card: Annotated[bool, typer.Option("--card", help="Also write the data card, DIR/README.md.")] = False,
) -> Shown:
    """Say what a set holds: takes, verdicts, hours, notes, what it was recorded with, coverage."""
    from jxctl.cli.dataset_text import described
    from jxctl.dataset.reader import count_rows
    from jxctl.dataset.summary import summarise, write_card

    with progress(f"Reading {folder}", count_rows(folder)) as advance:
        found = summarise(folder, advance)
    data, text = {"folder": str(folder), **found.to_json()}, described(str(folder), found)
    if card:
        path = write_card(folder)
        data["card"] = str(path)
        text += f"\ncard: {path}"
    return Shown(data, text)


@command(app, "split")
def split(
    folder: DataSet,
    output: NewFolder,
    train: Annotated[float, typer.Option(help="Share of the tones to train on.")] = 0.9,
    seed: Annotated[int, typer.Option(min=0, help="Another seed divides otherwise.")] = 0,
) -> Shown:
    """Divide a set into OUT/train and OUT/test by tone, so that no tone is in both.

    Each part is a whole data set, with every row as it was. Audio gets a second name (a hard link)
    and is not stored twice. A set that has grown keeps every tone on its side.
    """
    from jxctl.dataset.edit import split as go
    from jxctl.dataset.reader import count_rows

    with progress(f"Splitting {folder}", count_rows(folder)) as advance:
        parts = go(folder, output, train, seed, advance)
    data: dict[str, Any] = {"output": str(output), "seed": seed}
    data |= {part.name: {"takes": part.takes, "tones": part.tones, "copied": part.copied} for part in parts}
    data["known_in_one_part_only"] = sorted(parts[0].known ^ parts[1].known)
    if uneven := data["known_in_one_part_only"]:
        say(f"known in one part only: {', '.join(uneven)}")
        say("    Hugging Face's library then loads one part at a time: data_dir=OUT/train, data_dir=OUT/test")
    text = [f"{output / part.name}: {part.takes} takes of {part.tones} tones" for part in parts]
    return Shown(data, "\n".join([*text, *_copied(sum(part.copied for part in parts))]))


@command(app, "merge")
def merge(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Data sets of one sample rate.")],
    output: NewFolder,
) -> Shown:
    """Put sets together. Takes get new numbers; source_set and source_index say where each came from.

    A take that is in two of the sets is taken once. Audio gets a second name (a hard link) and is not
    stored twice.
    """
    from jxctl.dataset.edit import merge as go
    from jxctl.dataset.reader import count_rows

    with progress(f"Merging into {output}", sum(map(count_rows, folders))) as advance:
        done = go(folders, output, advance)
    text = [f"{output}: {done.takes} takes"]
    if done.doubles:
        text.append(f"{done.doubles} left out: they were in already")
    data = {"output": str(output), "takes": done.takes, "doubles": done.doubles, "copied": done.copied}
    return Shown(data, "\n".join([*text, *_copied(done.copied)]))


@command(app, "export")
def export(
    folder: DataSet,
    output: Annotated[Path, typer.Option("-o", "--output", help="A file; for wav, a new folder.")],
    format: Annotated[
        str | None, typer.Option(help="npz, csv or wav; else the ending of the output says it.")
    ] = None,
    force: ForceOption = False,
) -> Shown:
    """Write a set for other programs: NumPy arrays (npz), a table without audio (csv), WAV files (wav).

    All takes go along, also those that failed: the column verdict tells them apart.
    """
    from jxctl.dataset.edit import ENDINGS
    from jxctl.dataset.edit import export as go
    from jxctl.dataset.reader import count_rows

    format = format or ENDINGS.get(output.suffix.lower())
    if format not in ("npz", "csv", "wav"):
        raise UsageError(f"cannot tell the format of {output}", "--format npz, csv or wav")
    if format != "wav":
        check_output(output, force)
    with progress(f"Writing {output}", count_rows(folder)) as advance:
        takes = go(folder, output, format, advance)
    return Shown({"output": str(output), "format": format, "takes": takes}, f"{output}: {takes} takes")


def _copied(files: int) -> list[str]:
    return [f"{files} files were copied: no hard links between these places"] if files else []

"""``jx dataset``: verify, describe and rearrange data sets that jx record made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jxctl.cli.common import Shown, command, progress, say
from jxctl.cli.output import ForceOption, check_output
from jxctl.errors import UsageError, VerificationError

if TYPE_CHECKING:
    from jxctl.dataset.summary import Info
    from jxctl.dataset.verify import Drift, Verified

app = typer.Typer(
    help="Verify, describe and rearrange data sets of recorded takes (jx record makes them).",
    no_args_is_help=True,
)

DataSet = Annotated[Path, typer.Argument(metavar="DIR", help="A data set: a folder with metadata.jsonl.")]
NewFolder = Annotated[Path, typer.Option("-o", "--output", help="A new folder.")]

_MOST_KEPT = 1000
"""Findings in JSON; all are counted and said."""
_MOST_DRIFTS = 8
"""Drifts in the text; JSON has all."""


@command(app, "check")
def check(folder: DataSet) -> Shown:
    """Verify every take: files, hashes, audio, lengths, peaks, duplicates; and how the rig drifted.

    Reads all of the audio. Each finding is said on stderr; the code is 4 when there is any.
    """
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
    data, text = _checked(str(folder), seen, findings, list(meter.drifts()))
    return Shown(data, text, VerificationError.exit_code if seen.findings else 0)


@command(app, "info")
def info(
    folder: DataSet,
    card: Annotated[bool, typer.Option("--card", help="Also write the data card, DIR/README.md.")] = False,
) -> Shown:
    """Say what a set holds: takes, verdicts, hours, notes, what it was recorded with, coverage."""
    from jxctl.dataset.reader import count_rows
    from jxctl.dataset.summary import summarise, write_card

    with progress(f"Reading {folder}", count_rows(folder)) as advance:
        found = summarise(folder, advance)
    data, text = {"folder": str(folder), **found.to_json()}, _described(str(folder), found)
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


def _checked(
    folder: str, seen: Verified, findings: list[str], drifts: list[Drift]
) -> tuple[dict[str, Any], str]:
    """The result of a check, for programs and for people."""
    data = {
        "folder": folder,
        "takes": seen.takes,
        "findings": seen.findings,
        "found": findings,
        "verdicts": seen.verdicts,
        "same_sound": seen.same_sound,
        "loudest_dbfs": seen.loudest_dbfs,
        "loudest_floor_dbfs": seen.loudest_floor_dbfs,
        "drift": [_drift_data(drift) for drift in drifts],
    }
    found = "sound" if not seen.findings else f"{seen.findings} findings"
    lines = [f"{folder}: {seen.takes} takes, {found}"]
    if seen.takes:
        lines.append(f"verdicts: {_counted(seen.verdicts)}")
    if seen.loudest_dbfs is not None:
        lines.append(f"loudest take: {seen.loudest_dbfs:.1f} dBFS")
    if seen.loudest_floor_dbfs is not None:
        lines.append(f"highest noise floor: {seen.loudest_floor_dbfs:.1f} dBFS")
    if seen.same_sound:
        lines.append(f"{seen.same_sound} takes are bit for bit like an earlier one (no noise floor)")
    lines += [_drift_text(drift) for drift in drifts[:_MOST_DRIFTS]]
    if seen.findings:
        lines.append("restore the files from a copy, or delete the rows of those takes and record them again")
    return data, "\n".join(lines)


def _described(folder: str, found: Info) -> str:
    """What a set holds, for people."""
    from jxctl.dataset.schema import FIELDS
    from jxctl.dataset.summary import RIG

    nulls = [field.null for field in FIELDS]
    used = sum(used for _, used, _ in found.coverage())
    of = sum(of for _, _, of in found.coverage())
    lines = [
        f"{folder}: {found.takes} takes, {found.trusted} trusted, {found.seconds / 3600:.3g} hours of sound",
        f"tones: {found.tones}   takes of the reference tone: {found.references}",
        f"verdicts: {_counted(found.counts['verdict'])}",
        f"sample rate: {', '.join(found.counts['sample_rate'])} Hz",
        f"notes: {_few(found.counts['note'])}   velocities: {_few(found.counts['velocity'])}",
        f"parameter values that occur: {used} of {of} (--json: each parameter)",
    ]
    lines += [
        f"{name}: {_counted(found.counts[name])}" for name in RIG if set(found.counts[name]) - set(nulls)
    ]
    if found.first_at is not None:
        lines.append(f"recorded: {found.first_at} to {found.last_at} (UTC)")
    if found.unreadable:
        lines.append(f"{found.unreadable} files could not be read: jx dataset check {folder}")
    return "\n".join(lines)


def _drift_data(drift: Drift) -> dict[str, Any]:
    return {
        "tone": drift.tone,
        "note": drift.note,
        "velocity": drift.velocity,
        "gate_s": drift.gate_s,
        "reference": drift.reference,
        "level_db": drift.level_db,
        "cents": drift.cents,
        "spectrum_db": drift.spectrum_db,
        "takes": [
            {"index": take.index, "hours": take.hours, "level_db": take.level_db, "cents": take.cents,
             "spectrum_db": take.spectrum_db}
            for take in drift.takes
        ],
    }  # fmt: skip


def _drift_text(drift: Drift) -> str:
    what = "reference tone" if drift.reference else f"repeated tone {drift.tone[:8]}..."
    low, high = drift.level_db
    cents = "no pitch" if drift.cents is None else f"{drift.cents[0]:+.1f} to {drift.cents[1]:+.1f} cents"
    return (
        f"drift of the {what}, note {drift.note}, velocity {drift.velocity}, {len(drift.takes)} takes: "
        f"level {low:+.2f} to {high:+.2f} dB, {cents}, spectrum up to {drift.spectrum_db:.2f} dB"
    )


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {value}" for value, count in sorted(counts.items(), key=lambda item: -item[1]))


def _few(counts: dict[str, int]) -> str:
    values = sorted(counts, key=lambda value: (not value.isdecimal(), int(value) if value.isdecimal() else 0))
    return ", ".join(values) if len(values) <= 6 else f"{len(values)} from {values[0]} to {values[-1]}"

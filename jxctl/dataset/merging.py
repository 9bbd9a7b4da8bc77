"""Put data sets together. Takes get new numbers; where each came from stays in its row."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jxctl.dataset.card import write_card
from jxctl.dataset.reader import METADATA, file_name, rows
from jxctl.dataset.schema import Row
from jxctl.dataset.storage import building, check_new_folder, check_outside, link
from jxctl.errors import UsageError, VerificationError

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Merged:
    """``takes``: in the new set. ``doubles``: takes left out because they were in already. ``copied``:
    files stored anew, where no hard link could be made."""

    takes: int
    doubles: int
    copied: int


def merge(folders: Sequence[Path], output: Path, advance: Advance = lambda rows: None) -> Merged:
    """Make a set ``output`` of all takes of ``folders``, in that order. They are only read.

    ``source_set`` and ``source_index`` of a row name the set and the number that the take was recorded
    under; a set that was merged itself passes its own on. Two rows with the same audio and the same label
    (tone, note, velocity, gate), recorded under the same number, are one take.

    Raises `UsageError` for sets of different sample rates, fewer than two sets, or an output that is
    there already or inside one of them; otherwise as `jxctl.dataset.rows` and `link` do. Nothing is left
    of a merge that failed.
    """
    if len(folders) < 2:
        raise UsageError("one data set cannot be merged", "name two or more")
    check_new_folder(output)
    _check_rates(folders)
    check_outside(output, folders)
    seen: set[bytes] = set()
    count = doubles = copied = 0
    with building(output) as work:
        with (work / METADATA).open("wb") as file:
            for folder in folders:
                for row in rows(folder):
                    advance(1)
                    source, listed = folder / row["file_name"], row["index"]
                    recorded_as = row["source_index"]
                    if recorded_as is None:
                        recorded_as = row["source_index"] = listed
                        row["source_set"] = folder.resolve().name
                    identity = _identity(row, recorded_as)
                    if identity in seen:
                        doubles += 1
                        continue
                    seen.add(identity)
                    row["index"], row["file_name"] = count, file_name(count)
                    copied += not link(source, work / row["file_name"])
                    file.write(_line(row, folder))
                    count += 1
            file.flush()
            os.fsync(file.fileno())
        write_card(work)
    return Merged(count, doubles, copied)


def _identity(row: Row, recorded_as: int) -> bytes:
    # The label too: silent takes are bit for bit alike whatever was played.
    what = (row["sha256"], recorded_as, row["tone"], row["note"], row["velocity"], float(row["gate_s"]))
    return hashlib.sha256(repr(what).encode()).digest()[:16]


def _line(row: Row, folder: Path) -> bytes:
    try:
        return json.dumps(row, allow_nan=False).encode() + b"\n"
    except ValueError as error:
        # A column that nobody knows, and so nobody has looked at.
        raise VerificationError(
            f"take {row['source_index']} of {folder} has a number that is too large", "correct its row"
        ) from error


def _check_rates(folders: Sequence[Path]) -> None:
    found: dict[int, Path] = {}
    for folder in folders:
        for row in rows(folder):
            found.setdefault(row["sample_rate"], folder)
    if len(found) > 1:
        (rate, one), (other_rate, other) = list(found.items())[:2]
        raise UsageError(
            f"{one} has a sample rate of {rate} Hz and {other} one of {other_rate} Hz",
            "merge sets of one rate; jx train takes several sets of any rate",
        )

"""Divide a data set for learning and judging, by tone: no tone is on both sides.

Which side a tone falls on depends on its 48 values and the seed alone; raw values of one switch position
are one value. A set that has grown and is split again keeps every tone on its side, so that nothing judged
before is learnt later. (Where chance has put all tones on one side, the one next to the border goes to the
other, and may come back when the set has grown.)

The parts are folders of AudioFolder's convention, ``OUT/train`` and ``OUT/test``, each a whole data set
with every row as it was. Audio gets a second name (a hard link) and is not stored twice.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from jxctl.dataset.card import write_card
from jxctl.dataset.reader import METADATA, lines, rows
from jxctl.dataset.storage import building, check_new_folder, check_outside, link
from jxctl.errors import UsageError
from jxctl.protocol.parameters import TONE_PARAMETERS

# For each column and raw value, the raw value that stands for it.
_WRITTEN = [[p.start(k) if p.starts else k for k in p.classes] for p in TONE_PARAMETERS]

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Part:
    """One side of a split: its name, takes and different tones. ``copied``: files stored anew, where no
    hard link could be made. ``known``: columns that some of its takes know."""

    name: str
    takes: int
    tones: int
    copied: int
    known: frozenset[str]


def place(tone: str, seed: int) -> float:
    """Where a tone (hex) lies between 0 and 1: evenly spread, the same wherever it is asked, and however
    the positions of its switches are written."""
    raws = zip(_WRITTEN, bytes.fromhex(tone), strict=True)
    alike = bytes(written[raw] for written, raw in raws).hex()
    digest = hashlib.sha256(f"{seed}:{alike}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def split(
    folder: Path, output: Path, train: float, seed: int, advance: Advance = lambda rows: None
) -> list[Part]:
    """Divide a set into ``output``/train and ``output``/test; a share ``train`` of the tones goes to
    the first, to within chance, and at least one tone to each. The set itself is only read.

    Raises `UsageError` for a share outside 0 to 1, an output that is there already or inside the set, or a
    set of one tone; otherwise as `jxctl.dataset.rows` and `link` do. Nothing is left of a split that failed.
    """
    if not 0 < train < 1:
        raise UsageError(f"the share to train on is {train:g}; it lies between 0 and 1", "--train 0.9")
    check_new_folder(output)
    places = {place(row["tone"], seed) for row in rows(folder)}
    check_outside(output, [folder])
    if len(places) < 2:
        raise UsageError(f"{folder} has {len(places)} tones: two or more can be split", "record more tones")
    # At least one tone on either side, the one nearest to the border.
    border = min(max(train, sorted(places)[1]), max(places))
    names = ("train", "test")
    takes, tones, copied = [0, 0], [set[float](), set[float]()], [0, 0]
    known: list[set[str]] = [set(), set()]
    with building(output) as work, ExitStack() as stack:
        for name in names:
            (work / name).mkdir()
        files = [stack.enter_context((work / name / METADATA).open("wb")) for name in names]
        for line, row in lines(folder):
            at = place(row["tone"], seed)
            side = int(at >= border)
            file_name = row["file_name"]
            copied[side] += not link(folder / file_name, work / names[side] / file_name)
            files[side].write(line.rstrip(b"\n") + b"\n")
            takes[side] += 1
            tones[side].add(at)
            known[side].update(name for name, value in row.items() if value is not None)
            advance(1)
        for file in files:
            file.flush()
            os.fsync(file.fileno())
        for name in names:
            write_card(work / name)
    return [
        Part(name, takes[k], len(tones[k]), copied[k], frozenset(known[k])) for k, name in enumerate(names)
    ]

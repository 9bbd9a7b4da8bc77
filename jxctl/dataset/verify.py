"""Is every take what its row says? Files, hashes, audio, duplicates, levels."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from jxctl.audio.capture import Audio, peak_dbfs
from jxctl.dataset.indices import Indices
from jxctl.dataset.reader import METADATA, TAKES, decode, lines, take_bytes, torn_bytes
from jxctl.dataset.schema import Row

PEAK_TOLERANCE_DB = 0.01
"""24 bits move the peak of a sound that can be heard by far less."""
QUIETEST_PEAK_DBFS = -100.0
"""Below this a step of 24 bits shows in the peak."""
QUIETEST_FLOOR_DBFS = -140.0
"""Half a step of 24 bits is -144 dBFS: what is quieter is digital silence."""

Heard = Callable[[Row, Audio], None]


@dataclass
class Verified:
    """What `verify` has seen. ``takes``: rows. ``findings``: how many things are wrong. ``verdicts``:
    how many takes of each. ``same_sound``: takes whose file is bit for bit that of an earlier one, as a
    virtual board without a noise floor gives them. ``loudest_dbfs``, ``loudest_floor_dbfs``: over all
    takes that say so."""

    takes: int = 0
    findings: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)
    same_sound: int = 0
    loudest_dbfs: float | None = None
    loudest_floor_dbfs: float | None = None


def check(folder: str | Path) -> Iterator[str]:
    """What is wrong with a data set, one finding at a time: nothing when it is sound. See `verify`."""
    return verify(folder, Verified())


def verify(
    folder: str | Path,
    seen: Verified,
    heard: Heard = lambda row, audio: None,
    advance: Callable[[int], None] = lambda rows: None,
) -> Iterator[str]:
    """What is wrong with a data set, one finding at a time; ``seen`` is filled along the way.

    Rows that cannot be read; files listed but missing, altered (hash), no audio, or of another rate,
    length or peak than the row says; indices and files listed twice; one recording under two labels;
    files not listed; a torn last row. ``heard`` is given every take whose file is whole, with its audio;
    ``advance(n)`` hears of rows done.

    Raises `UsageError` when the folder holds no data set.
    """
    for finding in _findings(Path(folder), seen, heard, advance):
        seen.findings += 1
        yield finding


def _findings(folder: Path, seen: Verified, heard: Heard, advance: Callable[[int], None]) -> Iterator[str]:
    indices, listed = Indices(), set[str]()
    recordings: dict[bytes, int] = {}
    unreadable: list[str] = []
    for _, row in lines(folder, unreadable.append):
        yield from _emptied(unreadable)
        advance(1)
        seen.takes += 1
        verdict = str(row["verdict"])
        seen.verdicts[verdict] = seen.verdicts.get(verdict, 0) + 1
        seen.loudest_dbfs = _louder(seen.loudest_dbfs, row["peak_dbfs"])
        seen.loudest_floor_dbfs = _louder(seen.loudest_floor_dbfs, row["noise_floor_dbfs"])
        name = row["file_name"]
        if not indices.add(row["index"]):
            yield f"take {row['index']} is listed twice"
        elif name in listed:
            yield f"{name} is the file of two takes"
        listed.add(name)
        try:
            content = take_bytes(folder, name)
        except OSError as error:
            yield f"{name} is listed but cannot be read ({error.strerror})"
            continue
        digest = hashlib.sha256(content)
        intact = digest.hexdigest() == row["sha256"]
        altered = "" if intact else " is not the file that was recorded (its hash differs)"
        try:
            audio, rate = decode(content)
        except ValueError as error:
            yield f"{name}{altered and altered + ' and'} is no audio: {error}"
            continue
        if altered:
            yield f"{name}{altered}"
            continue
        yield from _differences(row, audio, rate)
        heard(row, audio)
        first = recordings.setdefault(digest.digest()[:16], row["index"])
        if first != row["index"]:
            if _noisy(row):
                yield f"{name} is, bit for bit, the recording of take {first}: a noise floor does not repeat"
            else:
                seen.same_sound += 1
    yield from _emptied(unreadable)
    yield from unlisted(folder, listed)
    if torn_bytes(folder / METADATA):
        yield f"the last row of {METADATA} is torn"


def unlisted(folder: Path, listed: set[str]) -> Iterator[str]:
    """Audio that no row speaks of."""
    for place, inner, names in os.walk(folder / TAKES):
        inner.sort()
        for name in sorted(names):
            found = f"{Path(place).relative_to(folder).as_posix()}/{name}"
            if name.endswith(".flac") and found not in listed:
                yield f"{found} is not listed"


def _differences(row: Row, audio: Audio, rate: int) -> Iterator[str]:
    name = row["file_name"]
    if rate != row["sample_rate"]:
        yield f"{name} has a rate of {rate} Hz, its row says {row['sample_rate']} Hz"
    if row["samples"] not in (None, len(audio)):
        yield f"{name} has {len(audio)} samples, its row says {row['samples']}"
    if not np.isfinite(audio).all():
        yield f"{name} holds samples that are not numbers"
    said, found = row["peak_dbfs"], peak_dbfs(audio)
    if said is None or max(said, found) < QUIETEST_PEAK_DBFS:
        return
    if abs(min(said, 0.0) - found) > PEAK_TOLERANCE_DB:
        yield f"{name} has a peak of {found:.2f} dBFS, its row says {said:.2f} dBFS"


def _emptied(found: list[str]) -> Iterator[str]:
    while found:
        yield found.pop(0)


def _noisy(row: Row) -> bool:
    """Whether the take has the noise floor of a real input, which is never the same twice."""
    floor = row["noise_floor_dbfs"]
    return row["profile"] is None and floor is not None and floor > QUIETEST_FLOOR_DBFS


def _louder(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else max(one, other)

"""A data set of takes on disk: FLAC files and one line about each, in Hugging Face's AudioFolder layout.

::

    DIR/metadata.jsonl              one row (JSON) a take, in the order of recording
    DIR/takes/000/000012.flac       take 12: mono, 24 bit; a thousand takes a folder
    DIR/.jx.lock                    carries the lock of the one process that records into DIR

`jxctl.dataset_writer` writes one; this module reads and checks it. A row never speaks of audio that
is not there, and a take without a row was never finished.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict, cast

from jxctl.audio import Audio
from jxctl.errors import UsageError, VerificationError
from jxctl.rig import Verdict

METADATA = "metadata.jsonl"
TAKES = "takes"


class Row(TypedDict):
    """What is known about a take; unknown is ``None``.

    ``file_name``: relative to the data set. ``index``: place in the plan. ``tone``: its 48 raw values
    as hex, $80 first. ``seed``: the one the plan was drawn with. ``sha256``: of the file. The other
    columns are those of `jxctl.rig.Take`.
    """

    file_name: str
    index: int
    tone: str
    note: int
    velocity: int
    gate_s: float
    max_seconds: float
    sample_rate: int
    port: str
    noise_floor_dbfs: float | None
    peak_dbfs: float | None
    onset_s: float | None
    tail_cut: bool | None
    verdict: Verdict | None
    code_version: str
    seed: int | None
    sha256: str


def file_name(index: int) -> str:
    """Where take ``index`` is kept, relative to the data set."""
    return f"{TAKES}/{index // 1000:03d}/{index:06d}.flac"


def rows(folder: str | Path) -> Iterator[Row]:
    """The rows of a data set, one at a time; a last one that is still being written is left out.

    Raises `UsageError` when the folder holds no data set, `VerificationError` for an unreadable row.
    """
    path = Path(folder) / METADATA
    try:
        file = path.open("rb")
    except OSError as error:
        raise UsageError(f"{folder} is not a data set: cannot read {METADATA} ({error.strerror})") from error
    with file:
        for number, line in enumerate(file, 1):
            row = _parsed(line)
            if row is not None:
                yield row
            elif line.endswith(b"\n"):
                raise VerificationError(
                    f"{path}: line {number} is not the row of a take",
                    "restore the line from a copy, or delete it to record that take again",
                )


def read(folder: str | Path) -> Iterator[tuple[Row, Audio]]:
    """Every take as its row and ``float32[samples]``; each file is read when its turn comes.

    Raises as `rows` does, and `VerificationError` for a file that is missing or no audio.
    """
    import soundfile

    for row in rows(folder):
        path = Path(folder) / row["file_name"]
        try:
            audio, _ = soundfile.read(path, dtype="float32")
        except (OSError, soundfile.LibsndfileError) as error:
            raise VerificationError(f"{path} is listed but cannot be read: {error}") from error
        yield row, audio


def check(folder: str | Path) -> Iterator[str]:
    """What is wrong with a data set, one finding at a time: nothing when it is sound.

    Files listed but missing or altered, indices listed twice, files not listed, a torn last row.
    Raises as `rows` does.
    """
    folder = Path(folder)
    indices: set[int] = set()
    listed: set[str] = set()
    for row in rows(folder):
        name = row["file_name"]
        if row["index"] in indices:
            yield f"take {row['index']} is listed twice"
        indices.add(row["index"])
        listed.add(name)
        try:
            if hashlib.sha256((folder / name).read_bytes()).hexdigest() != row["sha256"]:
                yield f"{name} is not the file that was recorded (its hash differs)"
        except OSError as error:
            yield f"{name} is listed but cannot be read ({error.strerror})"
    for path in sorted((folder / TAKES).glob("*/*.flac")):
        if path.relative_to(folder).as_posix() not in listed:
            yield f"{path.relative_to(folder).as_posix()} is not listed"
    if torn_bytes(folder / METADATA):
        yield f"the last row of {METADATA} is torn"


def last_line(metadata: Path) -> bytes:
    """The last line of a file, with its line end where it has one; nothing for an empty file."""
    with metadata.open("rb") as file:
        return next(iter(deque(file, maxlen=1)), b"")


def torn_bytes(metadata: Path) -> int:
    """How many bytes at the end of the metadata are part of a row that was never finished."""
    last = last_line(metadata)
    # A power cut can leave zeros where a row was to be, even with its end in place.
    torn = b"\0" in last or not last.endswith(b"\n")
    return len(last) if torn and _parsed(last) is None else 0


def _parsed(line: bytes) -> Row | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    whole = isinstance(row, dict) and Row.__required_keys__ <= row.keys()
    return cast(Row, row) if whole and isinstance(row["index"], int) else None

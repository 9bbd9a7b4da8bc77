"""Read a data set: its rows, one at a time, and the audio behind them."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from jxctl.audio.capture import Audio
from jxctl.dataset.schema import Row, parse
from jxctl.errors import UsageError, VerificationError

METADATA = "metadata.jsonl"
TAKES = "takes"
ASIDE = ".aside"
"""Where a repair keeps what it took out. Hidden, so that no loader looks into it."""

TAKES_A_FOLDER = 1000
_BLOCK = 1 << 16  # bytes read at once (chosen)


def file_name(index: int) -> str:
    """Where take ``index`` is kept, relative to the data set."""
    return f"{TAKES}/{index // TAKES_A_FOLDER:03d}/{index:06d}.flac"


def rows(folder: str | Path) -> Iterator[Row]:
    """The rows of a data set, one at a time; a last one that is still being written is left out.

    Raises `UsageError` when the folder holds no data set, `VerificationError` for an unreadable row.
    """
    for _, row in lines(folder):
        yield row


def lines(folder: str | Path, unreadable: Callable[[str], None] | None = None) -> Iterator[tuple[bytes, Row]]:
    """The rows of a data set with the lines they stand on.

    ``unreadable`` is told of rows that cannot be read, which are then left out. Raises as `rows` does.
    """
    path = Path(folder) / METADATA
    try:
        file = open_take(path)
    except OSError as error:
        raise UsageError(
            f"{folder} is not a data set: cannot read {METADATA} ({error.strerror})",
            "name a folder that jx record made",
        ) from error
    with file:
        for number, line in enumerate(file, 1):
            try:
                row = parse(line)
            except ValueError as error:
                if not line.endswith(b"\n"):
                    return
                found = f"line {number} is not the row of a take: it {error}"
                if unreadable is not None:
                    unreadable(f"{METADATA}: {found}")
                    continue
                raise VerificationError(
                    f"{path}: {found}",
                    "restore the line from a copy, or delete it to record that take again",
                ) from error
            yield line, row


def read(folder: str | Path) -> Iterator[tuple[Row, Audio]]:
    """Read a data set, take by take; each file is read when its turn comes.

    Args:
        folder: of the data set.

    Returns:
        Each take as its row and its audio, ``float32[samples]``.

    Raises:
        UsageError: the folder holds no data set.
        VerificationError: a row or a file cannot be read, or is not what was recorded.

    Examples:
        >>> from jxctl.dataset.writer import Writer
        >>> Writer("empty set").close()
        >>> list(read("empty set"))
        []
    """
    for row in rows(folder):
        yield row, take_audio(folder, row)


def take_audio(folder: str | Path, row: Row) -> Audio:
    """The audio of one take, ``float32[samples]``. Raises as `file_audio` does."""
    return file_audio(folder, row["file_name"], row["sample_rate"], row["samples"])


def file_audio(folder: str | Path, name: str, sample_rate: int, samples: int | None) -> Audio:
    """The audio in a file of a data set, ``float32[samples]``.

    Raises `VerificationError` for a file that is missing, is no audio, or has not the rate in Hz and
    the length that its row says (``None`` for unknown).
    """
    path = Path(folder) / name
    hint = f"jx dataset check {folder} looks at every take"
    try:
        audio, rate = decode(take_bytes(folder, name))
    except OSError as error:
        raise VerificationError(f"{path} is listed but cannot be read: {error.strerror}", hint) from error
    except ValueError as error:
        raise VerificationError(f"{path} is listed but cannot be read: {error}", hint) from error
    if rate != sample_rate or samples not in (None, len(audio)):
        raise VerificationError(
            f"{path} is not the file that was recorded: {len(audio)} samples at {rate} Hz", hint
        )
    return audio


def take_bytes(folder: str | Path, name: str) -> bytes:
    """The content of a file of a data set. Raises `OSError` where there is none."""
    with open_take(Path(folder) / name) as file:
        return file.read()


def open_take(path: Path) -> BinaryIO:
    """A file to read from. Raises `OSError`, also for what is no file: a pipe would be waited for."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a file")
    return path.open("rb")


def decode(content: bytes) -> tuple[Audio, int]:
    """The audio in a FLAC file, ``float32[samples]``, and its rate. Raises `ValueError` for what is none."""
    import soundfile

    if not content.startswith(b"fLaC"):
        raise ValueError("no FLAC")
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            promised, rate, channels = file.frames, file.samplerate, file.channels
            audio = file.read(dtype="float32")
    except soundfile.LibsndfileError as error:
        raise ValueError(f"damaged ({error.error_string})") from error
    if channels != 1:
        raise ValueError(f"{channels} channels, not one")
    if len(audio) != promised:
        raise ValueError(f"damaged (ends after {len(audio)} of {promised} samples)")
    return audio, rate


def count_rows(folder: str | Path) -> int:
    """How many lines the metadata has, for progress. Raises `UsageError` where there is none."""
    path = Path(folder) / METADATA
    try:
        with open_take(path) as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(_BLOCK), b""))
    except OSError as error:
        raise UsageError(
            f"{folder} is not a data set: cannot read {METADATA} ({error.strerror})",
            "name a folder that jx record made",
        ) from error


def last_line(metadata: Path) -> bytes:
    """The last line of a file, with its line end where it has one; nothing for an empty file."""
    with metadata.open("rb") as file:
        start = file.seek(0, os.SEEK_END)
        tail = b""
        while start and b"\n" not in tail[:-1]:
            size = min(_BLOCK, start)
            start -= size
            file.seek(start)
            tail = file.read(size) + tail
    return tail[tail[:-1].rfind(b"\n") + 1 :]


def torn_bytes(metadata: Path) -> int:
    """How many bytes at the end of the metadata are part of a row that was never finished."""
    last = last_line(metadata)
    # A power cut can leave zeros where a row was to be, even with its end in place.
    if b"\0" not in last and last.endswith(b"\n"):
        return 0
    try:
        parse(last)
    except ValueError:
        return len(last)
    return 0

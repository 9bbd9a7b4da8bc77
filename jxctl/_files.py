"""Files: read within limits, written whole or not at all, and one process at a time in a folder.

Whatever reads a file of a user reads it here: no reader waits for a pipe, fills the memory from a device
that never ends, or falls over a file that is nested a thousand levels deep. What is wrong with a file is an
error of the class that the caller names, with the file's name, the cause and the next step.
"""

from __future__ import annotations

import csv
import io
import json
import os
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from jxctl.errors import JxError, UsageError

MOST_BYTES = 4_000_000
"""Bytes of a file that is read whole, unless its reader says otherwise (chosen; a whole MKS-70 is 10 KB)."""

MOST_TABLE_BYTES = 256_000_000
"""Bytes of a table (chosen: a million tones)."""

MOST_LEVELS = 64
"""Levels of lists and tables in JSON and TOML (chosen; the files of jx have six at most)."""

LOCK_NAME = ".jx.lock"

STDIN = "-"
"""The name that means standard input, where a file is read."""

_CHECK = "check its name and permissions"
_TOO_DEEP = f"nested over {MOST_LEVELS} levels deep"


def read_bytes(
    path: str | Path,
    most: int = MOST_BYTES,
    error: type[JxError] = UsageError,
    hint: str = "",
    missing: str = "",
) -> bytes:
    """The content of a regular file of at most ``most`` bytes; ``-`` is standard input.

    ``error``: the class of error to raise, with ``hint``, or ``missing`` where there is no such file.
    """
    path = Path(path)
    if str(path) == STDIN:
        return _read_stdin(most, error, hint)
    try:
        if path.is_dir():
            raise error(f"{path}: a folder, not a file", hint or "name one file in it")
        if path.exists() and not path.is_file():
            # A pipe may be waited for for ever, and a device may never end.
            raise error(f"{path}: not a regular file", hint or "save the content to a file first")
        with path.open("rb") as file:
            content = file.read(most + 1)
    except FileNotFoundError:
        raise error(f"{path}: no such file", missing or hint or "check the name and the folder") from None
    except OSError as cause:
        raise error(f"{path}: cannot be read ({cause.strerror})", hint or _CHECK) from cause
    except ValueError as cause:  # a NUL in the name
        raise error(f"{str(path)!r}: no name of a file ({cause})", hint or _CHECK) from cause
    if len(content) > most:
        raise error(f"{path}: over {most} bytes", hint or "give another file")
    return content


def _read_stdin(most: int, error: type[JxError], hint: str) -> bytes:
    """All of standard input; a terminal is asked for nothing."""
    if sys.stdin is None or sys.stdin.isatty():
        raise error("nothing is piped in for -", "name a file, or pipe one: jx ... - < FILE")
    content = sys.stdin.buffer.read(most + 1)
    if len(content) > most:
        raise error(f"standard input: over {most} bytes", hint or "give a file")
    return content


def read_text(
    path: str | Path,
    most: int = MOST_BYTES,
    error: type[JxError] = UsageError,
    hint: str = "",
    missing: str = "",
) -> str:
    """As `read_bytes`, of a text in UTF-8; a byte-order mark is skipped."""
    content = read_bytes(path, most, error, hint, missing)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        raise error(f"{path}: not a text file (byte {cause.start} is no UTF-8)", hint) from cause


def read_json(
    path: str | Path,
    most: int = MOST_BYTES,
    error: type[JxError] = UsageError,
    hint: str = "",
    missing: str = "",
) -> Any:
    """As `read_text`, of JSON at most `MOST_LEVELS` deep: what it says as plain data."""
    return parse_json(read_text(path, most, error, hint, missing), f"{path}: ", error, hint)


def read_object(
    path: str | Path,
    most: int = MOST_BYTES,
    error: type[JxError] = UsageError,
    hint: str = "",
    missing: str = "",
) -> dict[str, Any]:
    """As `read_json`, where only a JSON object will do."""
    found = read_json(path, most, error, hint, missing)
    if not isinstance(found, dict):
        raise error(f"{path}: not a JSON object", hint)
    return found


def read_toml(
    path: str | Path,
    most: int = MOST_BYTES,
    error: type[JxError] = UsageError,
    hint: str = "",
    missing: str = "",
) -> dict[str, Any]:
    """As `read_text`, of TOML at most `MOST_LEVELS` deep: its tables as plain data."""
    return parse_toml(read_text(path, most, error, hint, missing), f"{path}: ", error, hint)


def read_rows(
    path: str | Path,
    most: int = MOST_TABLE_BYTES,
    error: type[JxError] = UsageError,
    hint: str = "",
    missing: str = "",
) -> list[tuple[int, dict[str, str | None]]]:
    """As `read_text`, of CSV with a row of names first: the number of each row's last line, and its cells."""
    reader = csv.DictReader(io.StringIO(read_text(path, most, error, hint, missing), newline=""))
    try:
        return [(reader.line_num, dict(row)) for row in reader]
    except csv.Error as cause:
        raise error(f"{path}: not a CSV table ({cause})", hint) from cause


def parse_json(text: str, where: str = "", error: type[JxError] = UsageError, hint: str = "") -> Any:
    """Plain data from JSON at most `MOST_LEVELS` deep. ``where``: begins the message of an ``error``."""
    try:
        found = json.loads(text)
    except ValueError as cause:
        raise error(f"{where}not JSON ({cause})", hint) from cause
    except RecursionError:
        raise error(f"{where}JSON {_TOO_DEEP}", hint) from None
    _check_depth(found, f"{where}JSON", error, hint)
    return found


def parse_toml(
    text: str, where: str = "", error: type[JxError] = UsageError, hint: str = ""
) -> dict[str, Any]:
    """Tables from TOML at most `MOST_LEVELS` deep. ``where``: begins the message of an ``error``."""
    try:
        # The line of a mistake at the very end is told only before a line end.
        found = tomllib.loads(f"{text}\n")
    except tomllib.TOMLDecodeError as cause:
        raise error(f"{where}not TOML: {str(cause).replace('(at ', '').replace(')', '')}", hint) from cause
    except ValueError as cause:  # a date that is none, a number too long
        raise error(f"{where}not TOML: {cause}", hint) from cause
    except RecursionError:
        raise error(f"{where}TOML {_TOO_DEEP}", hint) from None
    _check_depth(found, f"{where}TOML", error, hint)
    return found


def _check_depth(found: object, what: str, error: type[JxError], hint: str) -> None:
    level: list[Any] = [found]
    for _ in range(MOST_LEVELS + 1):
        level = [item for item in level if isinstance(item, dict | list)]
        if not level:
            return
        level = [child for item in level for child in (item.values() if isinstance(item, dict) else item)]
    raise error(f"{what} {_TOO_DEEP}", hint)


def write_atomically(path: str | Path, content: bytes) -> None:
    """Write to a temporary file beside ``path``, sync it, then rename it into place.

    A link is followed. What is no file (``/dev/null``, a pipe) is written to as it is: renaming
    over it would replace the device. Raises `JxError` when the folder is missing or not writable,
    or the disk is full; whatever was at ``path`` before is then still there, untouched.
    """
    with written_atomically(path) as file:
        file.write(content)


@contextmanager
def written_atomically(path: str | Path) -> Iterator[IO[bytes]]:
    """As `write_atomically`, for content that comes in pieces: the file to write to.

    Nothing is left of it when the block raises. An `OSError` of the block becomes the `JxError` too.
    """
    target = Path(os.path.realpath(path))
    temporary = None
    try:
        if target.exists() and not target.is_file():
            with target.open("wb") as file:
                yield file
            return
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(target)
        temporary = None
    except OSError as error:
        raise JxError(f"cannot write {path}: {error.strerror}", "check the folder and free space") from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


class FolderLock:
    """Held from construction until `release`, or until the process ends, however it ends.

    The operating system keeps the lock (``flock`` on POSIX, ``msvcrt.locking`` on Windows); the file
    only carries it, stays behind, and means nothing by itself. Over a network file system the lock
    is as good as that system's.

    ``doing``: what whoever holds it does in the folder, in words. Raises `JxError` when another holds it
    or the folder cannot be written.
    """

    def __init__(self, folder: Path, doing: str = "recording into") -> None:
        path = folder / LOCK_NAME
        try:
            self._file = path.open("ab")
        except OSError as error:
            raise JxError(
                f"cannot write {path}: {error.strerror}", "check the folder's permissions"
            ) from error
        try:
            _lock(self._file.fileno())
        except (BlockingIOError, PermissionError):
            self._file.close()
            raise JxError(
                f"another process is {doing} {folder}",
                "wait until it has finished, or stop it",
            ) from None
        except OSError as error:
            self._file.close()
            raise JxError(f"cannot lock {path}: {error.strerror}", "name a folder on a local disk") from error

    def release(self) -> None:
        """Let others in. Releasing twice is harmless."""
        self._file.close()


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

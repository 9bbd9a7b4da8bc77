"""Writing files so that a kill, a crash or a full disk never leaves half of one.

One process at a time in a folder.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from jxctl.errors import JxError


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


LOCK_NAME = ".jx.lock"


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

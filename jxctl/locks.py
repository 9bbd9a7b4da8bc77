"""One process at a time in a folder."""

from __future__ import annotations

import sys
from pathlib import Path

from jxctl.errors import JxError

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

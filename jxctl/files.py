"""Writing files so that a kill, a crash or a full disk never leaves half of one."""

from __future__ import annotations

import os
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

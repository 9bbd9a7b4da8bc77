"""Folders that are made whole or not at all, and audio that is not stored twice."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from jxctl.errors import JxError, UsageError, VerificationError

_CHECK = "jx dataset check names every such take"


def sync_folder(folder: Path) -> None:
    """Make names in a folder (a rename, a new file) survive a power cut; nothing to do on Windows."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def check_outside(target: Path, sources: Sequence[Path]) -> None:
    """Raise `UsageError` for a ``target`` inside one of the ``sources``: it would be taken for a part of
    it, or take the place of one."""
    for source in sources:
        if Path(os.path.realpath(target)).is_relative_to(os.path.realpath(source)):
            raise UsageError(f"{target} lies inside {source}", "write to a place outside of it")


def check_new_folder(target: Path) -> None:
    """Raise `UsageError` unless ``target`` can be made: it is not there, or an empty folder."""
    try:
        if target.is_dir() and not any(target.iterdir()):
            return
        if os.path.lexists(target):
            raise UsageError(f"{target} is there already", "name a new or empty folder")
        if not target.absolute().parent.is_dir():
            raise UsageError(f"cannot write {target}: there is no folder {target.parent}", "make it first")
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}", "name another folder") from error


def open_take(path: Path) -> BinaryIO:
    """A file to read from. Raises `OSError`, also for what is no file: a pipe would be waited for."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a file")
    return path.open("rb")


@contextmanager
def building(target: Path) -> Iterator[Path]:
    """A new folder to fill, which becomes ``target`` at the end, or goes away when that fails.

    A link to an empty folder is followed. Raises `UsageError` when ``target`` is there already, `JxError`
    where nothing can be written.
    """
    check_new_folder(target)
    place = Path(os.path.realpath(target))
    try:
        work = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}."))
    except OSError as error:
        raise JxError(
            f"cannot write {target}: {error.strerror}", "check the folder and free space"
        ) from error
    try:
        yield work
        work.chmod(0o755)
        for folder in [work, *(path for path in work.rglob("*") if path.is_dir())]:
            sync_folder(folder)
        if place.is_dir():
            place.rmdir()
        work.rename(place)
        sync_folder(place.parent)
    except OSError as error:
        raise JxError(
            f"cannot write {target}: {error.strerror}", "check the folder and free space"
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def link(source: Path, target: Path) -> bool:
    """Give a finished file a second name, without storing it twice; tell whether that went.

    Where the file system has no hard links, or the two lie on different disks, it is copied and
    synced. Takes are never changed in place, so a shared file is safe. A symbolic link is followed.
    Raises `VerificationError` for a source that is no FLAC, and for a name that is taken, `OSError` where
    the target cannot be written.
    """
    try:
        file = open_take(source)
    except OSError as error:
        raise VerificationError(f"{source} is listed but cannot be read: {error.strerror}", _CHECK) from error
    with file:
        # A set may come from anyone, and a link in it may lead to any file of its reader.
        if file.read(4) != b"fLaC":
            raise VerificationError(f"{source} is listed but cannot be read: no FLAC", _CHECK)
        if os.path.lexists(target):
            raise VerificationError(f"{source} is the file of two takes", _CHECK)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            # Resolved, because a relative link would point elsewhere from its new place.
            os.link(os.path.realpath(source), target)
            return True
        except OSError:
            file.seek(0)
            _copy(file, target)
            return False


def _copy(file: BinaryIO, target: Path) -> None:
    with target.open("xb") as copy:
        shutil.copyfileobj(file, copy)
        copy.flush()
        os.fsync(copy.fileno())

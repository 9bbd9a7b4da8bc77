"""Folders that are made whole or not at all, and audio that is not stored twice."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jxctl.errors import JxError, UsageError, VerificationError


def sync_folder(folder: Path) -> None:
    """Make names in a folder (a rename, a new file) survive a power cut; nothing to do on Windows."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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


@contextmanager
def building(target: Path) -> Iterator[Path]:
    """A new folder to fill, which becomes ``target`` at the end, or goes away when that fails.

    Raises `UsageError` when ``target`` is there already, `JxError` where nothing can be written.
    """
    check_new_folder(target)
    try:
        work = Path(tempfile.mkdtemp(dir=target.absolute().parent, prefix=f".{target.name}."))
    except OSError as error:
        raise JxError(
            f"cannot write {target}: {error.strerror}", "check the folder and free space"
        ) from error
    try:
        yield work
        work.chmod(0o755)
        for folder in [work, *(path for path in work.rglob("*") if path.is_dir())]:
            sync_folder(folder)
        if target.is_dir():
            target.rmdir()
        work.rename(target)
        sync_folder(target.absolute().parent)
    except OSError as error:
        raise JxError(
            f"cannot write {target}: {error.strerror}", "check the folder and free space"
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def link(source: Path, target: Path) -> bool:
    """Give a finished file a second name, without storing it twice; tell whether that went.

    Where the file system has no hard links, or the two lie on different disks, it is copied and
    synced. Takes are never changed in place, so a shared file is safe. Raises `VerificationError`
    for a source that cannot be read, `OSError` where the target cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
        return True
    except OSError:
        pass
    try:
        file = source.open("rb")
    except OSError as error:
        raise VerificationError(
            f"{source} is listed but cannot be read: {error.strerror}",
            "jx dataset check names every such take",
        ) from error
    with file, target.open("xb") as copy:
        shutil.copyfileobj(file, copy)
        copy.flush()
        os.fsync(copy.fileno())
    return False

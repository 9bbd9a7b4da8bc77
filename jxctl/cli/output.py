"""Where a command writes: never over something that is there, unless told to."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from jxctl.errors import UsageError

ForceOption = Annotated[bool, typer.Option("--force", help="Replace the output when it is there already.")]


def check_new(path: Path, force: bool) -> None:
    """Refuse, before any work is done, an output that is there already. Raises `UsageError`."""
    if _is(path.is_dir):
        raise UsageError(f"{path} is a folder", "give a file name")
    if _is(path.is_file) and not force:
        raise UsageError(f"{path} is there already", "--force replaces it")


def check_output(path: Path, force: bool) -> None:
    """As `check_new`, and there has to be a folder for it."""
    check_new(path, force)
    if not _is(path.parent.is_dir):
        raise UsageError(f"cannot write {path}: there is no folder {path.parent}", "make it first")


def check_outputs(source: Path, outputs: list[tuple[Path | None, str]]) -> None:
    """Refuse, before any work is done, outputs that cannot be written or would destroy something.

    ``outputs``: each path with the ending that its content calls for ("" for any). Raises `UsageError`
    for a folder, a missing folder, another ending, one path twice, and the ``source`` that is read.
    """
    taken = {os.path.realpath(source): "is the file that is read"}
    for path, ending in outputs:
        if path is None:
            continue
        check_output(path, force=True)
        device = _is(path.exists) and not _is(path.is_file)
        if not device and not path.suffix.lower().startswith(ending):
            raise UsageError(f"{path}: this is written as {ending}", f"name it {path.stem or 'out'}{ending}")
        if not device and (why := taken.get(os.path.realpath(path))):
            raise UsageError(f"cannot write {path}: it {why}", "give each its own file")
        taken[os.path.realpath(path)] = "is to be written already"


def _is(test: Callable[[], bool]) -> bool:
    """A question about a path; no, for a path too long to ask about."""
    try:
        return test()
    except OSError:
        return False

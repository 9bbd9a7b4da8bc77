"""Where a command writes: never over something that is there, unless told to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jxctl.errors import UsageError

ForceOption = Annotated[bool, typer.Option("--force", help="Replace the output when it is there already.")]


def check_new(path: Path, force: bool) -> None:
    """Refuse, before any work is done, an output that is there already. Raises `UsageError`."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder", "give a file name")
    if path.is_file() and not force:
        raise UsageError(f"{path} is there already", "--force replaces it")


def check_output(path: Path, force: bool) -> None:
    """As `check_new`, and there has to be a folder for it."""
    check_new(path, force)
    if not path.parent.is_dir():
        raise UsageError(f"cannot write {path}: there is no folder {path.parent}")

"""Which extra of the distribution brings a library, and what to type where it is missing. Nowhere else.

The core (see pyproject.toml) renders, edits banks and speaks to boards. What needs a device, a network or a
large library is an extra: ``pip install 'superjx[guess]'``, ``superjx[all]``.
"""

from __future__ import annotations

import importlib.util
import os

from jxctl.errors import JxError

DISTRIBUTION = "superjx"
"""Its name on the package index; the command is ``jx``."""

EXTRAS: dict[str, tuple[str, ...]] = {
    "midi": ("rtmidi", "rtmidi2"),
    "audio": ("sounddevice",),
    "guess": ("torch", "safetensors", "scipy", "threadpoolctl"),
    "plot": ("matplotlib",),
    "cuda": ("numba_cuda",),
    "test": ("cma", "datasets", "hypothesis", "importlinter", "pytest", "xdist"),
}
"""The modules of each extra, as they are imported. Of ``midi`` one is enough."""

ONE_IS_ENOUGH = ("midi",)
"""Extras whose modules stand in for each other."""


def install_line(extra: str) -> str:
    """What to type for an extra, as ``pip install 'superjx[guess]'``."""
    quote = '"' if os.name == "nt" else "'"  # a shell reads [ as a pattern; cmd knows no single quotes
    return f"pip install {quote}{DISTRIBUTION}[{extra}]{quote}"


def extra_of(module: str) -> str | None:
    """The extra that brings a module (``torch``, ``torch.nn``); None for one of the core, and any other."""
    top = module.partition(".")[0]
    return next((extra for extra, modules in EXTRAS.items() if top in modules), None)


def missing(error: ImportError, needed_by: str = "this") -> JxError | None:
    """The error to show for a library that is not installed; None where it belongs to no extra.

    Args:
        error: what importing it raised.
        needed_by: what cannot be done without it.

    Returns:
        An error that names the library, and the line to type.
    """
    extra = extra_of(error.name or "") if isinstance(error, ModuleNotFoundError) else None
    if extra is None:
        return None
    return JxError(f"{needed_by} needs {error.name}, which is not installed", install_line(extra))


def absent_of(extra: str) -> list[str]:
    """The modules of an extra that are not installed."""
    absent = []
    for name in EXTRAS[extra]:
        try:
            if importlib.util.find_spec(name) is None:
                absent.append(name)
        except ModuleNotFoundError:  # by whatever hides it
            absent.append(name)
    return absent


def require(extra: str, needed_by: str) -> None:
    """Say at once that an extra is missing, before hours of work end at it. Raises `JxError`."""
    absent = absent_of(extra)
    if absent and not (extra in ONE_IS_ENOUGH and len(absent) < len(EXTRAS[extra])):
        raise JxError(f"{needed_by} needs {absent[0]}, which is not installed", install_line(extra))

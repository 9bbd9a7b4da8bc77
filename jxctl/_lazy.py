"""Names of a package that are imported when they are first asked for (PEP 562).

A package that offers its public names this way costs nothing to import: numba, torch and sound libraries
load with the first name that needs them. Types are seen all the same, for the package imports the same
names under ``TYPE_CHECKING``; `tests/superjx/test_front_door.py` compares the two.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazy(package: str, imports: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The functions ``__getattr__`` and ``__dir__`` of a package that imports its names when asked for.

    Args:
        package: its ``__name__``.
        imports: module to what is imported from it, written as in an import statement: ``a, b as c``.

    Returns:
        ``__getattr__``, which imports a name, keeps it, and raises `AttributeError` for one that is not
        listed; and ``__dir__``, which lists the names without importing them.

    Examples:
        >>> get, names = lazy("jxctl", {"jxctl.protocol.tone": "Tone", "json": "dumps, loads as load"})
        >>> get("load")("[1]")
        [1]
        >>> get("Tune")
        Traceback (most recent call last):
        ...
        AttributeError: module 'jxctl' has no attribute 'Tune'
    """
    homes: dict[str, tuple[str, str]] = {}
    for module, names in imports.items():
        for each in names.split(","):
            attribute, _, alias = each.strip().partition(" as ")
            homes[alias or attribute] = (module, attribute)

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, attribute = homes[name]
        value = getattr(importlib.import_module(module), attribute)
        setattr(sys.modules[package], name, value)
        return value

    def listed() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return get, listed

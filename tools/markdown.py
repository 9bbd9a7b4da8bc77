"""Markdown: tables, and paragraphs in lines of a page's width."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

WIDTH = 110
"""Characters of a line; chosen, as in the code."""

_RULES = {"l": "---", "r": "---:"}


def table(heading: Iterable[str], rows: Iterable[Iterable[str]], columns: str = "") -> str:
    """A table that ends with a new line; a bar within a cell is escaped.

    ``columns``: a letter each, ``l`` or, for numbers, ``r``; all ``l`` unless given.
    """
    heading = list(heading)
    lines = [heading, [_RULES[column] for column in columns or "l" * len(heading)], *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def wrapped(text: str) -> str:
    """A text whose paragraphs and items are in lines of a page's width; tables and titles are as they
    were."""
    return "\n".join(_wrapped(line) for line in text.splitlines()) + "\n"


def _wrapped(line: str) -> str:
    if line.startswith(("|", "#")):
        return line
    indent = "  " if line.startswith("* ") else ""
    return textwrap.fill(
        line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )

"""Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable


def table(heading: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table that ends with a new line; a bar within a cell is escaped."""
    heading = list(heading)
    lines = [heading, ["---"] * len(heading), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)

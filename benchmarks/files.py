"""Where the results of benchmarks lie, and how they are kept: whole or not at all, and row by row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jxctl._files import write_atomically
from jxctl.errors import UsageError

RESULTS = Path(__file__).parent / "results"
"""What was measured and is kept in the repository."""


def write(path: Path, text: str) -> None:
    """Write a page or numbers, whole or not at all. Raises `JxError` where that fails."""
    write_atomically(path, text.encode())


def write_json(path: Path, data: Any, indent: int | None = 1) -> None:
    """Write plain data as JSON, whole or not at all. Raises `JxError` where that fails."""
    write(path, json.dumps(data, indent=indent) + "\n")


class Rows:
    """Results by tone in a file of JSON lines, written as they come: a run that is stopped goes on.

    The first line holds the ``settings``; a file with others is refused. Raises `UsageError`.
    """

    def __init__(self, path: Path | None, settings: dict[str, Any]) -> None:
        self.path, self.rows = path, []  # type: Path | None, list[dict[str, Any]]
        if path is None:
            return
        if path.exists() and path.stat().st_size:
            lines = self._read(path)
            if lines[0] != {"settings": settings}:
                raise UsageError(
                    f"{path} holds results of another run",
                    f"give another file, or delete it; its settings: {json.dumps(lines[0].get('settings'))}",
                )
            self.rows = lines[1:]
        else:
            self._append({"settings": settings})

    def done(self, **key: Any) -> dict[str, Any] | None:
        """The row with these values, if it is there."""
        for known in self.rows:
            if all(known.get(name) == value for name, value in key.items()):
                return known
        return None

    def add(self, result: dict[str, Any]) -> dict[str, Any]:
        """Keep a row."""
        self.rows.append(result)
        if self.path is not None:
            self._append(result)
        return result

    def _append(self, data: dict[str, Any]) -> None:
        assert self.path is not None
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(data) + "\n")

    def _read(self, path: Path) -> list[dict[str, Any]]:
        try:
            text = path.read_text(encoding="utf-8")
            whole = text[: text.rfind("\n") + 1]  # the last line of a run that was killed may be cut
            lines = [json.loads(line) for line in whole.splitlines()]
        except (OSError, ValueError) as error:
            raise UsageError(f"{path}: not a file of results ({error})", "give another file") from error
        if not lines or not all(isinstance(line, dict) for line in lines) or "settings" not in lines[0]:
            raise UsageError(f"{path}: not a file of results", "give another file")
        if whole != text:
            path.write_text(whole, encoding="utf-8")
        return lines

"""What a data set holds, counted in one pass over its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jxctl.dataset.reader import rows
from jxctl.dataset.schema import FIELDS, Row
from jxctl.dataset.storage import open_take
from jxctl.protocol.parameters import TONE_PARAMETERS, TONE_SIZE
from jxctl.recording.quality import TRUSTED

RIG = (
    "port",
    "model",
    "board",
    "unit",
    "firmware",
    "profile",
    "audio_device",
    "input_gain",
    "code_version",
)
"""Columns whose values are listed: what the set was recorded with."""
MOST_VALUES = 20
"""Different values of a column that are counted apart; others are lumped together."""
OTHERS = "others"
_NULL = {f.name: f.null for f in FIELDS}


@dataclass
class Info:
    """``seconds``: of audio. ``unreadable``: files whose length could not be found. ``tones``: different
    ones. ``counts``: how many takes have each value of a column, as text; what null means stands for it.
    ``used``: whether each raw value of each parameter occurs, bool[48, 128]. ``first_at`` and
    ``last_at``: UTC, ``None`` where no take says."""

    takes: int = 0
    trusted: int = 0
    references: int = 0
    seconds: float = 0.0
    unreadable: int = 0
    tones: int = 0
    first_at: str | None = None
    last_at: str | None = None
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    used: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((TONE_SIZE, 128), np.bool_))

    def coverage(self) -> list[tuple[str, int, int]]:
        """Per parameter its name, how many of its values occur, and how many there are.

        Values are positions for a switch and raw values for a level.
        """
        found = []
        for p in TONE_PARAMETERS:
            classes = {p.classes[raw] for raw in np.flatnonzero(self.used[p.column])}
            found.append((p.name, len(classes), p.positions))
        return found

    def to_json(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "takes": self.takes,
            "trusted": self.trusted,
            "references": self.references,
            "hours": self.seconds / 3600,
            "unreadable": self.unreadable,
            "tones": self.tones,
            "first_at": self.first_at,
            "last_at": self.last_at,
            **{name: dict(values) for name, values in self.counts.items()},
            "coverage": {name: {"used": used, "of": of} for name, used, of in self.coverage()},
        }


def summarise(folder: str | Path, advance: Callable[[int], None] = lambda rows: None) -> Info:
    """Count what is in a data set. ``advance(n)`` hears of rows done. Raises as `jxctl.dataset.rows`."""
    folder = Path(folder)
    info = Info(counts={name: Counter() for name in ("verdict", "sample_rate", "note", "velocity", *RIG)})
    tones: set[int] = set()
    for row in rows(folder):
        info.takes += 1
        info.trusted += row["verdict"] in TRUSTED
        info.references += bool(row["reference"])
        samples = row["samples"] if row["samples"] is not None else _samples(folder / row["file_name"])
        info.seconds += (samples or 0) / row["sample_rate"]
        info.unreadable += samples is None
        tone = bytes.fromhex(row["tone"])
        tones.add(hash(tone))
        info.used[np.arange(TONE_SIZE), np.frombuffer(tone, np.uint8)] = True
        for name, counter in info.counts.items():
            _count(counter, row, name)
        if row["recorded_at"] is not None:
            info.first_at = min(info.first_at or row["recorded_at"], row["recorded_at"])
            info.last_at = max(info.last_at or row["recorded_at"], row["recorded_at"])
        advance(1)
    info.tones = len(tones)
    return info


def _count(counter: Counter[str], row: Row, name: str) -> None:
    found = row.get(name)
    value = _NULL[name] if found is None else str(found)
    limit = 128 if name in ("note", "velocity") else MOST_VALUES
    counter[value if value in counter or len(counter) < limit else OTHERS] += 1


def _samples(path: Path) -> int | None:
    """Length of a file whose row does not say it."""
    import soundfile

    try:
        with open_take(path) as file:
            return int(soundfile.info(file).frames)
    except (OSError, soundfile.LibsndfileError):
        return None

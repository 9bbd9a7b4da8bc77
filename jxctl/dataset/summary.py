"""What a data set holds, counted in one pass over its rows (`summarise`), and the data card, a README beside
the data that is made from it (`write_card`)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jxctl._files import read_bytes, write_atomically
from jxctl.dataset.reader import METADATA, open_take, rows
from jxctl.dataset.schema import FIELDS, SCHEMA, Field, Row
from jxctl.dataset.take import TRUSTED
from jxctl.errors import UsageError
from jxctl.protocol.parameters import TONE_PARAMETERS, TONE_SIZE

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

CARD = "README.md"
MARK = "<!-- written by jx: jx dataset info --card writes it again -->"
"""A file with this line is ours to replace."""

# What Hugging Face calls the kinds of columns.
_FEATURES = {"text": "string", "whole": "int64", "number": "float64", "flag": "bool"}
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


def write_card(folder: str | Path) -> Path:
    """Write the data card of a set, whole or not at all, in place of an older one; return its path.

    Raises `UsageError` where a README stands that jx did not write, and as `summarise` does.
    """
    folder = Path(folder)
    path = folder / CARD
    if path.exists() and MARK.encode() not in read_bytes(path, hint="move it away"):
        raise UsageError(f"{path} was not written by jx", "move it away; the card would replace it")
    write_atomically(path, card(folder.resolve().name, summarise(folder)).encode("utf-8", "replace"))
    return path


def card(name: str, info: Info) -> str:
    """The text of a data card: Markdown after a head that Hugging Face reads."""
    head = (
        f"---\nlicense: unknown\npretty_name: {_quoted(name)}\ntags:\n- audio\n- synthesizer\n---\n{MARK}\n"
    )
    return f"""{head}
# {_plain(name)}

Single notes of a Roland Super-JX synthesizer (JX-8P, JX-10, MKS-70 or its sound board), recorded with jx:
the sound of every take and the exact tone, note and velocity that made it. Takes that name a profile come
from a virtual board.

{_table(("", ""), _overview(info))}
## Verdicts

A take whose verdict is not "ok" or "expected silence" is kept for the record; its sound is not to be trusted.

{_table(("verdict", "takes"), _sorted(info, "verdict"))}
## Recorded with

{_table(("what", "value", "takes"), _rig(info))}
## Notes

{_table(("note", "takes"), _sorted(info, "note"))}
{_table(("velocity", "takes"), _sorted(info, "velocity"))}
## Parameters

How many of its values occur, of how many there are (positions of a switch, raw values of a level).

{_table(("parameter", "values", "of"), [(name, str(used), str(of)) for name, used, of in info.coverage()])}
## Columns

One line of `{METADATA}` a take, schema {SCHEMA}. Unknown is `null`, never filled in.

{fields_table()}
## Licence

Unknown: whoever recorded the set decides. The tones may be somebody's work.

## Load it

{loading()}
With jx: `jx dataset check DIR` verifies every take, `jx dataset split` divides it by tone, and
`jx train RUN --data DIR` trains from it.
"""


def fields_table(fields: tuple[Field, ...] = FIELDS) -> str:
    """The columns of a data set as a Markdown table."""
    heading = ("column", "type", "unit", "means", "null means", "since")
    return _table(
        heading,
        [(f"`{f.name}`", f.type, f.unit, f.means, f.null or "never null", str(f.since)) for f in fields],
    )


def loading() -> str:
    """How to load a set with Hugging Face's library, as Markdown.

    The columns are named because the library guesses a type from the first rows, and a column that is
    unknown there has none.
    """
    columns = "\n".join(
        f'        "{f.name}": Value("{_FEATURES[f.kind]}"),' for f in FIELDS if f.name != "file_name"
    )
    return f"""```python
from datasets import Audio, Features, Value, load_dataset

features = Features(
    {{
        "audio": Audio(),  # Audio(decode=False) gives paths
{columns}
    }}
)
takes = load_dataset("audiofolder", data_dir="DIR", split="train", features=features)
```

Without `features` the library guesses types from the first rows, which fails where a column is unknown
at first and known later.
"""


def _overview(info: Info) -> list[tuple[str, str]]:
    lines = [
        ("takes", str(info.takes)),
        ("of them trusted", str(info.trusted)),
        ("of the reference tone", str(info.references)),
        ("hours of sound", f"{info.seconds / 3600:.3g}"),
        ("different tones", str(info.tones)),
        ("sample rate, Hz", ", ".join(info.counts["sample_rate"])),
        ("recorded (UTC)", f"{info.first_at} to {info.last_at}" if info.first_at else "unknown"),
    ]
    return [*lines, ("files that could not be read", str(info.unreadable))] if info.unreadable else lines


def _rig(info: Info) -> list[tuple[str, str, str]]:
    return [(name, value, str(count)) for name in RIG for value, count in info.counts[name].items()]


def _sorted(info: Info, name: str) -> list[tuple[str, str]]:
    def order(value: str) -> tuple[bool, int, str]:
        return value == OTHERS, int(value) if value.isdecimal() else 0, value

    counts = info.counts[name]
    return [(value, str(counts[value])) for value in sorted(counts, key=order)]


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = [heading, ["---"] * len(heading), *rows]
    return "".join("| " + " | ".join(map(_plain, line)) + " |\n" for line in cells)


def _plain(text: str) -> str:
    """Text that cannot end a cell or a line. Names and reasons come from outside."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _quoted(text: str) -> str:
    """A YAML string."""
    # As it is: YAML does not know JSON's pairs of escapes for one character.
    return json.dumps(text, ensure_ascii=False)

"""The data card: a README beside the data, made from what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jxctl.dataset.info import OTHERS, RIG, Info, summarise
from jxctl.dataset.reader import METADATA
from jxctl.dataset.schema import FIELDS, SCHEMA, Field
from jxctl.errors import UsageError
from jxctl.files import write_atomically

CARD = "README.md"
MARK = "<!-- written by jx: jx dataset info --card writes it again -->"
"""A file with this line is ours to replace."""

_FEATURES = {"text": "string", "whole": "int64", "number": "float64", "flag": "bool"}


def write_card(folder: str | Path) -> Path:
    """Write the data card of a set, whole or not at all, in place of an older one; return its path.

    Raises `UsageError` where a README stands that jx did not write, and as `summarise` does.
    """
    folder = Path(folder)
    path = folder / CARD
    try:
        foreign = path.exists() and MARK not in path.read_text("utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", "move it away") from error
    if foreign:
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
    import json

    # As it is: YAML does not know JSON's pairs of escapes for one character.
    return json.dumps(text, ensure_ascii=False)

"""``jx tone``: show, compare and make tones."""

from __future__ import annotations

from itertools import groupby, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jxctl.cli.common import Shown, command
from jxctl.errors import UsageError
from jxctl.params import TONE_PARAMETERS, TONE_SIZE, Parameter
from jxctl.tone import Tone, read_tone, write_tone

if TYPE_CHECKING:
    from rich.table import Table

app = typer.Typer(help="Show, compare and make tones.", no_args_is_help=True)

ToneFile = Annotated[Path, typer.Argument(help="A tone as JSON (jx tone random -o writes one).")]


@command(app, "show")
def show(tone: ToneFile) -> Shown:
    """Show a tone by group."""
    loaded = read_tone(tone)
    return Shown(loaded.to_json(), tone_table(loaded))


@command(app, "diff")
def diff(a: ToneFile, b: ToneFile) -> Shown:
    """Show the parameters in which two tones differ."""
    first, second = read_tone(a), read_tone(b)
    rows = [
        {"parameter": p.name, "a": first.raw(p.id), "b": second.raw(p.id)}
        | {"label_a": first.label(p.id), "label_b": second.label(p.id)}
        for p in TONE_PARAMETERS
        if first.raw(p.id) != second.raw(p.id)
    ]
    lines = [
        f"{r['parameter']:12} {r['a']:>3} ({r['label_a']}) -> {r['b']:>3} ({r['label_b']})" for r in rows
    ]
    return Shown(rows, "\n".join(lines) or "the same 48 values")


@command(app, "random")
def random(
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the tone here.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same tone.")] = None,
) -> Shown:
    """Draw a tone from the prior: the statistics of real tones."""
    if seed is not None and seed < 0:
        raise UsageError(f"the seed is {seed}; it must not be negative")

    import numpy as np

    from estimator.prior import Prior
    from jxctl.tone import from_batch

    tone = from_batch(Prior.load().sample(1, np.random.default_rng(seed)), "RANDOM")[0]
    if output is not None:
        write_tone(tone, output)
    return Shown(tone.to_json(), tone_table(tone))


def tone_table(tone: Tone, confidence: dict[str, float] | None = None) -> Table:
    """A rich table of a tone in two halves, a blank line between groups, to fit one screen.

    ``confidence``: 0 to 1 by parameter name; what has none shows a dash.
    """
    from rich.table import Table

    table = Table(title=tone.name, title_justify="left", show_edge=False, pad_edge=False)
    for _ in range(2):
        table.add_column("parameter")
        table.add_column("value")
        table.add_column("raw", justify="right")
        if confidence is not None:
            table.add_column("sure", justify="right")
    groups: list[list[list[str]]] = []
    for _, rows in groupby(TONE_PARAMETERS, key=lambda p: p.group):
        groups.append([_cells(tone, p, confidence) for p in rows])
    blank = [""] * len(groups[0][0])
    left: list[list[str]] = []
    while len(left) < (TONE_SIZE + len(groups)) // 2:
        left += [*groups.pop(0), blank]
    right = [row for group in groups for row in (*group, blank)]
    for a, b in zip_longest(left, right, fillvalue=blank):
        table.add_row(*a, *b)
    return table


def _cells(tone: Tone, p: Parameter, confidence: dict[str, float] | None) -> list[str]:
    """Name, label where it says more than the number, raw value, and confidence where asked for."""
    cells = [p.name, tone.label(p.id) if p.kind == "switch" else "", str(tone.raw(p.id))]
    if confidence is None:
        return cells
    return [*cells, f"{100 * confidence[p.name]:.0f} %" if p.name in confidence else "-"]

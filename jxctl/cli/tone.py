"""``jx tone``: show, compare and make tones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jxctl.cli.common import Shown, command
from jxctl.errors import UsageError
from jxctl.params import TONE_PARAMETERS
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
    """A rich table of a tone by group, with the confidence of each parameter where given."""
    from rich.table import Table

    table = Table(title=tone.name, title_justify="left")
    for heading in ("group", "parameter", "value", "raw"):
        table.add_column(heading, justify="right" if heading == "raw" else "left")
    if confidence is not None:
        table.add_column("confidence", justify="right")
    group = ""
    for p in TONE_PARAMETERS:
        cells = [p.group if p.group != group else "", p.name, tone.label(p.id), str(tone.raw(p.id))]
        if confidence is not None:
            cells.append(f"{100 * confidence[p.name]:.0f} %" if p.name in confidence else "-")
        table.add_row(*cells, end_section=False)
        group = p.group
    return table

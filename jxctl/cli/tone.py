"""``jx tone``: show, compare and make tones."""

from __future__ import annotations

from itertools import groupby, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jxctl.cli.common import Shown, command, say
from jxctl.cli.output import ForceOption, check_new
from jxctl.errors import UsageError
from jxctl.protocol.parameters import TONE_PARAMETERS, TONE_SIZE, Parameter
from jxctl.protocol.tone import Tone

if TYPE_CHECKING:
    from rich.table import Table

    from jxctl.protocol.vecoven_tone import ToneV4

app = typer.Typer(help="Show, compare and make tones.", no_args_is_help=True)

ToneFile = Annotated[Path, typer.Argument(help="A file with one tone, in any format (jx bank show).")]
NewTone = Annotated[
    Path | None,
    typer.Option("-o", "--output", help="Write the tone here; .json, .syx, .mid or .bin says how."),
]
FamilyOption = Annotated[
    str | None,
    typer.Option("--family", help="With -o: of which family's messages, jx8p, mks70 or vecoven4."),
]
Seed = Annotated[int | None, typer.Option(help="The same seed gives the same tone.")]


@command(app, "show")
def show(
    tone: Annotated[Path, typer.Argument(help="A file with tones: JSON, SysEx, MIDI file, cartridge, bus.")],
    slot: Annotated[int | None, typer.Option(help="Which tone, when it holds several; from 1.")] = None,
    profile: Annotated[
        str | None,
        typer.Option(help="Also in Hz, s and cents by this profile: superjx, thesis, a TOML file."),
    ] = None,
) -> Shown:
    """Show a tone by group."""
    from jxctl.library.files import one_tone

    read = one_tone(tone, slot)
    if not read.account.whole:
        for line in read.account.lines:
            say(line)
    loaded = next(iter(read.bank.tones.values()))
    if not isinstance(loaded, Tone):
        if profile is not None:
            raise UsageError("profiles are of stock boards; this is a Vecoven V4 tone", "leave out --profile")
        return Shown(loaded.to_json(), v4_table(loaded))
    if profile is None:
        return Shown(loaded.to_json(), tone_table(loaded))
    from simulator.synth.profile import load_profile

    view = load_profile(profile).view(loaded)
    data = {name: {"value": value, "unit": unit} for name, (value, unit) in view.items()}
    return Shown(loaded.to_json() | {"physical": data}, tone_table(loaded, physical=view))


@command(app, "diff")
def diff(a: ToneFile, b: ToneFile) -> Shown:
    """Show the parameters in which two tones differ."""
    from jxctl.library.files import stock_tone

    first, second = stock_tone(a), stock_tone(b)
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


@command(app, "morph")
def morph(
    a: ToneFile,
    b: ToneFile,
    amount: Annotated[float, typer.Option(help="How far from A to B: 0 is A, 1 is B.")],
    output: NewTone = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the new tone (without: the nearer one's).")
    ] = None,
    family: FamilyOption = None,
    force: ForceOption = False,
) -> Shown:
    """Make the tone between two: levels move in a straight line, switches flip at one half."""
    from jxctl.library import edit
    from jxctl.library.files import stock_tone

    if output is not None:
        check_new(output, force)
    made = edit.morph(stock_tone(a), stock_tone(b), amount)
    if name is not None:
        made = made.named(name)
    if output is not None:
        _write(made, output, family)
    return Shown(made.to_json(), tone_table(made))


@command(app, "random")
def random(
    output: NewTone = None,
    seed: Seed = None,
    like: Annotated[Path | None, typer.Option(help="Draw near this tone instead of anywhere.")] = None,
    amount: Annotated[
        float, typer.Option(help="With --like: how far, from 0 (the tone itself) to 1 (no likeness).")
    ] = 0.3,
    family: FamilyOption = None,
    force: ForceOption = False,
) -> Shown:
    """Draw a tone from the prior: the statistics of real tones.

    With --like, parameters that go together in real tones move together, from where that tone has them.
    """
    from jxctl.library.files import stock_tone

    if seed is not None and seed < 0:
        raise UsageError(f"the seed is {seed}; it must not be negative")
    if output is not None:
        check_new(output, force)
    near = None if like is None else stock_tone(like)

    import numpy as np

    from jxctl.protocol.tone import from_batch
    from simulator.prior import Prior, nearby

    rng = np.random.default_rng(seed)
    drawn = from_batch(Prior.load().sample(1, rng), "RANDOM") if near is None else [nearby(near, amount, rng)]
    tone = drawn[0]
    if output is not None:
        _write(tone, output, family)
    return Shown(tone.to_json(), tone_table(tone))


def _write(tone: Tone, output: Path, family: str | None) -> None:
    from jxctl.library.edit import family_name
    from jxctl.library.files import write_tone_file

    for line in write_tone_file(tone, output, None if family is None else family_name(family)):
        say(f"lost: {line}")


def v4_table(tone: ToneV4) -> Table:
    """A rich table of a V4 tone: four columns of name and value, to fit one screen."""
    from rich.table import Table

    from jxctl.protocol.tone import NAME_SIZE
    from jxctl.protocol.vecoven_tone import TONE_V4

    columns = 3
    table = Table(title=f"{tone.name} (Vecoven V4)", title_justify="left", show_edge=False, pad_edge=False)
    for _ in range(columns):
        table.add_column("parameter")
        table.add_column("value")
    rows = TONE_V4.rows[NAME_SIZE:]
    cells = [[row.name, row.label(tone.values[row.number])] for row in rows]
    height = -(-len(cells) // columns)
    parts = [cells[start : start + height] for start in range(0, len(cells), height)]
    for line in zip_longest(*parts, fillvalue=["", ""]):
        table.add_row(*(cell for part in line for cell in part))
    return table


def tone_table(
    tone: Tone,
    confidence: dict[str, float] | None = None,
    physical: dict[str, tuple[float, str]] | None = None,
) -> Table:
    """A rich table of a tone in two halves, a blank line between groups, to fit one screen.

    ``confidence``: 0 to 1 by parameter name; what has none shows a dash. ``physical``: value and unit
    by parameter name.
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
        groups.append([_cells(tone, p, confidence, physical or {}) for p in rows])
    blank = [""] * len(groups[0][0])
    left: list[list[str]] = []
    while len(left) < (TONE_SIZE + len(groups)) // 2:
        left += [*groups.pop(0), blank]
    right = [row for group in groups for row in (*group, blank)]
    for a, b in zip_longest(left, right, fillvalue=blank):
        table.add_row(*a, *b)
    return table


def _cells(
    tone: Tone, p: Parameter, confidence: dict[str, float] | None, physical: dict[str, tuple[float, str]]
) -> list[str]:
    """Name, what the raw value means where that is known, raw value, and confidence where asked for."""
    value = tone.label(p.id) if p.kind == "switch" else ""
    if not value and p.name in physical:
        value = "{:.3g} {}".format(*physical[p.name])
    cells = [p.name, value, str(tone.raw(p.id))]
    if confidence is None:
        return cells
    return [*cells, f"{100 * confidence[p.name]:.0f} %" if p.name in confidence else "-"]

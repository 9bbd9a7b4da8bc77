"""``jx models``: what each model can receive, send and be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from jxctl.cli.common import Shown, command

if TYPE_CHECKING:
    from jxctl.protocol.models import Model


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @command(app, "models")
    def models() -> Shown:
        """Show what each model can receive (rx), send (tx) and be asked."""
        from rich.console import Group
        from rich.table import Table

        from jxctl.protocol.models import MODELS, cell
        from jxctl.protocol.sysex.forms import KINDS

        table = Table(box=None, padding=(0, 1))
        table.add_column("message", no_wrap=True)
        for name in MODELS:
            table.add_column(name, no_wrap=True)
        for kind in KINDS:
            table.add_row(kind, *(cell(row, kind) for row in MODELS.values()))
        table.add_row("tone slots", *(str(row.slots[0] or "-") for row in MODELS.values()))
        table.add_row("patch slots", *(str(row.slots[1] or "-") for row in MODELS.values()))
        lines = [line for row in MODELS.values() for line in _about(row)]
        return Shown([_as_json(row) for row in MODELS.values()], Group(table, "", *lines))


def _about(row: Model) -> list[str]:
    """What the table has no room for."""
    ways = dict.fromkeys(row.asks.values())
    asked = [f"  {', '.join(kind for kind in row.asks if row.asks[kind] == way)}: {way}" for way in ways]
    dump = [f"  {row.dump}"] if row.dump else []
    return [f" {row.name}: {row.title}; {row.note}", *asked, *dump]


def _as_json(row: Model) -> dict[str, Any]:
    return {
        "name": row.name,
        "title": row.title,
        "family": row.family,
        "receives": list(row.receives),
        "sends": list(row.sends),
        "asks": dict(row.asks),
        "tone_slots": row.slots[0],
        "patch_slots": row.slots[1],
        "pacing_s": {kind: row.pacing(kind) for kind in row.receives},
        "forms": [{"kind": f.kind, "bytes": f.text, "lengths": list(f.lengths)} for f in row.forms],
        "dump": row.dump,
        "note": row.note,
    }

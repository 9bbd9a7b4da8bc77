"""Tables of the laws of the profiles that come with jx, as their TOML files state them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any, get_args

from jxctl.errors import UsageError
from jxctl.params import Evidence

EVIDENCE: tuple[str, ...] = get_args(Evidence)

_BASE, _OTHER = "superjx", "thesis"

Entry = Mapping[str, Any]


def both_profiles(*beginnings: str) -> str:
    """The laws side by side; only those whose names begin with one of ``beginnings``, if there are any.

    ``thesis`` builds on ``superjx``: its column is empty where it changes nothing.
    """
    base, other = _laws(_BASE), _laws(_OTHER)
    chosen = [name for name in base if name.startswith(beginnings or "")]
    lost = [start for start in beginnings if not any(name.startswith(start) for name in base)]
    if lost:
        raise UsageError(f"no law begins with {', '.join(lost)}", f"laws: {', '.join(base)}")
    lines = [f"| law | {_BASE} | unit | evidence | source | {_OTHER}, where it differs |", "|---" * 6 + "|"]
    for name in chosen:
        entry = base[name]
        changed = other.get(name)
        differs = f"{_form(changed)} ({changed['evidence']}: {changed['source']})" if changed else ""
        cells = (f"`{name}`", _form(entry), entry["unit"], entry["evidence"], entry["source"], differs)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def evidence() -> str:
    """How many laws of each profile are known how."""
    base = _laws(_BASE)
    whole = {_BASE: base, _OTHER: {**base, **_laws(_OTHER)}}
    lines = [f"| evidence | {_BASE} | {_OTHER} |", "|---" * 3 + "|"]
    for kind in EVIDENCE:
        counts = [sum(entry["evidence"] == kind for entry in laws.values()) for laws in whole.values()]
        lines.append(f"| {kind} | {counts[0]} | {counts[1]} |")
    return "\n".join(lines) + "\n"


def _laws(profile: str) -> dict[str, Entry]:
    text = (resources.files("simulator") / "profiles" / f"{profile}.toml").read_text("utf-8")
    laws: dict[str, Entry] = tomllib.loads(text)["laws"]
    return laws


def _form(entry: Entry) -> str:
    """A law in words and numbers; x is raw / 127."""
    match entry["form"]:
        case "linear":
            return f"{entry['low']} to {entry['high']}, linear"
        case "exponential":
            return f"{entry['low']} to {entry['high']}, exponential"
        case "power":
            return f"{entry['low']} to {entry['high']}, by x^{entry['exponent']}"
        case "table":
            points = zip(entry["raw"], entry["value"], strict=True)
            return "straight between " + ", ".join(f"{value} at raw {raw}" for raw, value in points)
        case "positions":
            return _list(entry["values"])
        case _:
            return str(entry["value"])


def _list(values: list[Any]) -> str:
    if isinstance(values[0], list):
        return "; ".join(_list(row) for row in values)
    if len(values) > 8:
        return f"{values[0]}, {values[1]}, ... {values[-1]}"
    return ", ".join(map(str, values))

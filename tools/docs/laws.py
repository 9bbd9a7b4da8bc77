"""Tables of the laws of the profiles that come with jx, as their TOML files state them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any, get_args

from jxctl.errors import UsageError
from jxctl.protocol.parameters import Evidence
from tools.markdown import table

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
    rows = []
    for name in chosen:
        entry = base[name]
        changed = other.get(name)
        differs = f"{_form(changed)} ({changed['evidence']}: {changed['source']})" if changed else ""
        rows.append((f"`{name}`", _form(entry), entry["unit"], entry["evidence"], entry["source"], differs))
    return table(("law", _BASE, "unit", "evidence", "source", f"{_OTHER}, where it differs"), rows)


def evidence() -> str:
    """How many laws of each profile are known how."""
    base = _laws(_BASE)
    whole = {_BASE: base, _OTHER: {**base, **_laws(_OTHER)}}
    rows = [
        (kind, *(str(sum(law["evidence"] == kind for law in laws.values())) for laws in whole.values()))
        for kind in EVIDENCE
    ]
    return table(("evidence", *whole), rows)


def _laws(profile: str) -> dict[str, Entry]:
    text = (resources.files("simulator") / "profiles" / f"{profile}.toml").read_text("utf-8")
    laws: dict[str, Entry] = tomllib.loads(text)["laws"]
    return laws


def _form(entry: Entry) -> str:
    """A law in words and numbers; x is raw / 127."""
    match entry["form"]:
        case "linear":
            return f"{_span(entry)}, linear"
        case "exponential":
            return f"{_span(entry)}, exponential"
        case "power":
            return f"{_span(entry)}, by x^{entry['exponent']}"
        case "table":
            points = zip(entry["raw"], entry["value"], strict=True)
            return "straight between " + ", ".join(f"{_number(value)} at raw {raw}" for raw, value in points)
        case "positions":
            return _list(entry["values"])
        case _:
            return _number(entry["value"])


def _span(entry: Entry) -> str:
    return f"{_number(entry['low'])} to {_number(entry['high'])}"


def _list(values: list[Any]) -> str:
    if isinstance(values[0], list):
        return "; ".join(_list(row) for row in values)
    if len(values) > 8:
        return f"{values[0]}, {values[1]}, ... {values[-1]}"
    return ", ".join(map(_number, values))


def _number(value: Any) -> str:
    """A number without a trailing ``.0``; a word as it is."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)

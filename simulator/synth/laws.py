"""Laws: from a raw value (0-127) to what it means, as a table of 128 numbers.

A level's law is one of a few closed forms or a measured table; a switch has one value (or row of
values) per position. Either way the law becomes a table with an entry for every raw value, so that
applying it to a batch is one look-up. Every law carries its unit, its evidence and its source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from jxctl.errors import ProfileError
from jxctl.protocol.parameters import Evidence, Parameter

RAW = np.arange(128)

FloatArray = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Law:
    """One entry of a profile.

    ``values``: float64, [128] for a parameter's law, [positions] or [positions, k] for a law per
    switch position, or a scalar for a constant. ``choice``: the text of a law that selects one of
    several behaviours. ``evidence`` is documented, captured, inferred or assumed; ``source`` says
    where it comes from.
    """

    name: str
    values: FloatArray
    choice: str
    unit: str
    evidence: Evidence
    source: str

    def __float__(self) -> float:
        return float(self.values)


def make_law(name: str, entry: Mapping[str, Any]) -> Law:
    """A law from its profile entry; raises `ProfileError` with the entry's name.

    Forms (x = raw / 127):

    * ``constant``: ``value``
    * ``linear``: low + (high - low) x
    * ``exponential``: low (high / low)^x
    * ``power``: low + (high - low) x^exponent
    * ``table``: straight lines between the points ``raw`` and ``value``
    * ``positions``: ``values``, one number or row of numbers per switch position
    * ``choice``: ``value``, a word
    """
    if not isinstance(entry, Mapping):
        raise ProfileError(f"law {name} is no table", f"write it as [laws.{name}] with form, unit and so on")
    try:
        form = entry["form"]
        evidence, source, unit = entry["evidence"], entry["source"], entry["unit"]
        with np.errstate(all="ignore"):  # what is not finite is refused below
            values = law_values(entry)
    except KeyError as error:
        raise ProfileError(f"law {name}: {error.args[0]!r} is missing or not known") from None
    except (TypeError, ValueError, OverflowError) as error:
        raise ProfileError(f"law {name}: {error}") from None
    if evidence not in get_args(Evidence):
        raise ProfileError(f"law {name}: evidence {evidence!r} is not one of {', '.join(get_args(Evidence))}")
    if values.size == 0 or not np.all(np.isfinite(values)):
        raise ProfileError(f"law {name}: it has no values, or some are not finite")
    choice = str(entry["value"]) if form == "choice" else ""
    return Law(name, values, choice, str(unit), evidence, str(source))


def law_values(entry: Mapping[str, Any]) -> FloatArray:
    """The numbers of a profile entry, float64, by its form: see `make_law`.

    Raises `KeyError`, `TypeError`, `ValueError` or `OverflowError` for an entry that is malformed.
    """
    return np.asarray(_FORMS[entry["form"]](entry), dtype=np.float64)


def by_raw(law: Law, parameter: Parameter) -> FloatArray:
    """The law as a table over raw values for one parameter: [128] or, for rows, [128, k].

    A switch's law has a value per position, or one for each raw value where a board is known to divide
    the range otherwise. Raises `ProfileError` for any other number of values.
    """
    if parameter.kind == "level" or len(np.atleast_1d(law.values)) == len(RAW):
        return law.values
    if law.values.ndim == 0:
        raise ProfileError(f"law {law.name} must have a value for each position of {parameter.name}")
    if len(law.values) != parameter.positions:
        raise ProfileError(
            f"law {law.name} has {len(law.values)} values, {parameter.name} {parameter.positions} positions"
        )
    return law.values[[parameter.position(int(raw)) for raw in RAW]]


def _exponential(entry: Mapping[str, Any]) -> FloatArray:
    if entry["low"] <= 0 or entry["high"] <= 0:
        raise ValueError("an exponential law needs low and high above 0")
    return np.geomspace(entry["low"], entry["high"], 128)


def _choice(entry: Mapping[str, Any]) -> float:
    if not isinstance(entry["value"], str):
        raise ValueError("the value of a choice is a word")
    return 0.0


def _power(entry: Mapping[str, Any]) -> FloatArray:
    return np.asarray(entry["low"] + (entry["high"] - entry["low"]) * (RAW / 127) ** entry["exponent"])


def _table(entry: Mapping[str, Any]) -> FloatArray:
    raw = np.asarray(entry["raw"], dtype=np.float64)
    if raw.ndim != 1 or not raw.size or raw[0] != 0 or raw[-1] != 127 or np.any(np.diff(raw) <= 0):
        raise ValueError("the points of a table must rise from raw 0 to raw 127")
    return np.interp(RAW, raw, entry["value"])


_FORMS: dict[str, Any] = {
    "constant": lambda entry: float(entry["value"]),
    "linear": lambda entry: np.linspace(entry["low"], entry["high"], 128),
    "exponential": _exponential,
    "power": _power,
    "table": _table,
    "positions": lambda entry: entry["values"],
    "choice": _choice,
}

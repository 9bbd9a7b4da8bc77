"""A bank: patches and tones in their slots.

Patches refer to tones by slot, so a bank holds both; slots count from 0 here, as in messages and in
JSON. What is said to people counts from 1, as panels do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypeVar

from jxctl.errors import ToneError
from jxctl.protocol.patch import Patch
from jxctl.protocol.tone import Tone
from jxctl.protocol.vecoven_tone import ToneV4

AnyTone: TypeAlias = Tone | ToneV4
T = TypeVar("T")
FamilyName = Literal["jx8p", "mks70", "vecoven4"]
"""Whose wire form: JX-8P; MKS-70, JX-10 and Vecoven V3; Vecoven V4."""

FAMILIES: tuple[FamilyName, ...] = ("jx8p", "mks70", "vecoven4")
JSON_FORMAT = "jx.bank"
JSON_VERSION = 1
_NAMES_SHOWN = 3
"""At a prompt (chosen)."""


@dataclass(frozen=True)
class Bank:
    """Patches and tones by slot (0-127), in the order they were found.

    Args:
        family: whose wire form: ``jx8p``, ``mks70`` or ``vecoven4``.
        patches: by slot, counted from 0.
        tones: `Tone`, or `ToneV4` in the family ``vecoven4``.
        name: of the bank, for people.
        rest: the bytes of a cartridge image that are no tone, as they were; they do not count when banks are
            compared.

    Raises:
        ToneError: an unknown family, a slot outside 0-127, or a tone or patch of another family.

    Examples:
        >>> Bank("mks70", {0: Patch.init().with_tones(0, 4)}, {0: Tone.init()}).missing_tones()
        [4]
    """

    family: FamilyName
    patches: Mapping[int, Patch] = field(default_factory=dict)
    tones: Mapping[int, AnyTone] = field(default_factory=dict)
    name: str = ""
    rest: bytes = field(default=b"", compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise ToneError(f"there is no family {self.family!r}", f"families are {', '.join(FAMILIES)}")
        for slot in (*self.patches, *self.tones):
            if isinstance(slot, bool) or not isinstance(slot, int) or not 0 <= slot <= 127:
                raise ToneError(f"slot {slot!r} is not a whole number from 0 to 127")
        kind: type[AnyTone] = ToneV4 if self.family == "vecoven4" else Tone
        shape = "jx8p" if self.family == "jx8p" else "superjx"
        for slot, tone in self.tones.items():
            if not isinstance(tone, kind):
                raise ToneError(f"tone {slot} ({tone.name}) is no tone of family {self.family}")
        for slot, patch in self.patches.items():
            if patch.family != shape:
                raise ToneError(f"patch {slot} is no patch of family {self.family}")

    def __repr__(self) -> str:
        """One line for a prompt: name, family, how much there is and what the first are called."""
        names = [repr(thing.name) for thing in (*self.patches.values(), *self.tones.values()) if thing.name]
        shown = ", ".join(names[:_NAMES_SHOWN]) + (", ..." if len(names) > _NAMES_SHOWN else "")
        title = f" {self.name!r}" if self.name else ""
        held = ", ".join(
            f"{count} {noun}" + ("" if count == 1 else plural)
            for count, noun, plural in ((len(self.patches), "patch", "es"), (len(self.tones), "tone", "s"))
        )
        return f"<Bank{title} {self.family}: {held}{f' ({shown})' if shown else ''}>"

    def missing_tones(self) -> list[int]:
        """Slots that patches refer to and this bank does not hold (50-99 are in ROM on a Super JX)."""
        wanted = {slot for patch in self.patches.values() for slot in patch.tones}
        return sorted(wanted.difference(self.tones))

    def to_json(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "format": JSON_FORMAT,
            "version": JSON_VERSION,
            "family": self.family,
            "name": self.name,
            **({"rest_hex": self.rest.hex()} if self.rest else {}),
            "patches": [{"slot": slot, "patch": patch.to_json()} for slot, patch in self.patches.items()],
            "tones": [{"slot": slot, "tone": tone.to_json()} for slot, tone in self.tones.items()],
        }

    @classmethod
    def from_json(cls, data: object) -> Bank:
        """A bank from the form of `to_json`. Raises `ToneError` with the slot it is about."""
        if not isinstance(data, dict) or data.get("format") != JSON_FORMAT:
            raise ToneError('not a jx bank: the key "format" is not "jx.bank"')
        if data.get("version") != JSON_VERSION:
            raise ToneError(f"bank version {data.get('version')!r} cannot be read, only {JSON_VERSION}")
        kind: type[AnyTone] = ToneV4 if data.get("family") == "vecoven4" else Tone
        name, rest = data.get("name", ""), data.get("rest_hex", "")
        if not isinstance(name, str) or not isinstance(rest, str):
            raise ToneError("name and rest_hex of a bank are text")
        patches = _read(data, "patch", "patches", Patch.from_json)
        tones = _read(data, "tone", "tones", kind.from_json)
        try:
            return cls(data.get("family"), patches, tones, name, bytes.fromhex(rest))  # type: ignore[arg-type]
        except ValueError:
            raise ToneError("rest_hex of the bank is not hexadecimal digits") from None


def listed(slots: Iterable[int], kind: str) -> str:
    """Slots in words, counted from 1, runs joined: ``tones 1-32, 40``."""
    runs: list[list[int]] = []
    for slot in sorted(slots):
        if runs and slot == runs[-1][1] + 1:
            runs[-1][1] = slot
        else:
            runs.append([slot, slot])
    plural = kind if len(runs) == 1 and runs[0][0] == runs[0][1] else f"{kind}{'e' * (kind == 'patch')}s"
    said = ", ".join(f"{a + 1}" if a == b else f"{a + 1}-{b + 1}" for a, b in runs)
    return f"{plural} {said}" if runs else f"no {plural}"


def _read(data: Mapping[str, Any], noun: str, key: str, read: Callable[[object], T]) -> dict[int, T]:
    rows = data.get(key, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ToneError(f'the key "{key}" is not a list of slots and {key}')
    found: dict[int, T] = {}
    for row in rows:
        slot = row.get("slot")
        if not isinstance(slot, int):
            raise ToneError(f"slot {slot!r} of a {noun} is not a whole number from 0 to 127")
        if slot in found:
            raise ToneError(f"two {key} for slot {slot}")
        try:
            found[slot] = read(row.get(noun))
        except ToneError as error:
            raise ToneError(f"{noun} {slot}: {error.message}", error.hint) from error
    return found

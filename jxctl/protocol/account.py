"""What happened when a file was read: one account for every command that reads.

A reader fills it in; what a command shows, prints as JSON, or refuses because of it, is the same everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Account:
    """What of a file is not as it should be, a line of text for each thing.

    Attributes:
        repaired: read, but not as it stood (bit 7 masked, F7 added, a slot that a damaged file names not).
        skipped: bytes and messages that look damaged and were not used.
        missing: slots that a dump has and this one lacks; numbers whose content did not come.
        duplicated: contents that come more than once, and slots with several contents.
        out_of_range: slots that the instrument does not have.
        foreign: messages of other instruments and of other kinds, passed over.
        remarks: what a player should know, where nothing is wrong.

    Examples:
        >>> (Account(missing=("tone 7",)) + Account(remarks=("no slots",))).lines
        ['missing: tone 7', 'no slots']
    """

    repaired: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    duplicated: tuple[str, ...] = ()
    out_of_range: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def __add__(self, other: Account) -> Account:
        """Both accounts; a line that is in both stands once."""
        pairs = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return Account(*(tuple(dict.fromkeys((*a, *b))) for a, b in pairs))

    @property
    def whole(self) -> bool:
        """Whether nothing was repaired, skipped, missing, or outside the instrument."""
        return not (self.repaired or self.skipped or self.missing or self.out_of_range)

    @property
    def problems(self) -> list[str]:
        """All but bytes and messages that were passed over, a line each, with the kind before it."""
        return [
            *(f"repaired: {line}" for line in self.repaired),
            *(f"missing: {line}" for line in self.missing),
            *(f"duplicated: {line}" for line in self.duplicated),
            *(f"out of range: {line}" for line in self.out_of_range),
            *self.remarks,
        ]

    @property
    def lines(self) -> list[str]:
        """All of it, a line each, with the kind before it."""
        return [
            *self.problems,
            *(f"skipped: {line}" for line in self.skipped),
            *(f"foreign: {line}" for line in self.foreign),
        ]

    def prefixed(self, where: str) -> Account:
        """The same with ``where`` before every line."""
        return Account(*(tuple(f"{where}: {line}" for line in getattr(self, f.name)) for f in fields(self)))

    def to_json(self) -> dict[str, object]:
        """Plain data for JSON: a list of texts for each kind, and ``whole``."""
        return {f.name: list(getattr(self, f.name)) for f in fields(self)} | {"whole": self.whole}

"""What a family's messages are made of: operations, record sizes, and how records become nouns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from jxctl.protocol.bank import AnyTone, FamilyName
from jxctl.protocol.patch import Patch, PatchFamily

Level = Literal["tone", "patch"]
LEVELS: dict[Level, int] = {"tone": 0x20, "patch": 0x30}

PGR = 0x34
"""Program number: the same operation in every family."""


@dataclass(frozen=True, slots=True, repr=False)
class Bulk:
    """The bulk dump of a family. Sizes are bytes after the slot, without the checksum, if there is one."""

    op: int
    tone_size: int
    patch_size: int
    read_tone: Callable[[bytes], AnyTone]
    write_tone: Callable[[AnyTone], bytes]
    read_patch: Callable[[bytes], Patch]
    write_patch: Callable[[Patch], bytes]
    checksum: Callable[[bytes], int] | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Family:
    """The wire form of a family.

    ``apr``, ``ipr``: operations of all and of individual parameters. ``patch_sizes``: lengths of the
    values in a patch message; the first is sent. ``tone_numbers``, ``patch_numbers``: legal numbers
    of individual parameters. ``pgr_sizes``: bytes after the group; the first is sent. Readers raise
    `ToneError`.
    """

    name: FamilyName
    format: int
    apr: int
    ipr: int
    tone_type: type[AnyTone]
    tone_size: int
    read_tone: Callable[[bytes], AnyTone]
    write_tone: Callable[[AnyTone], bytes]
    patch_family: PatchFamily
    patch_sizes: tuple[int, ...]
    tone_numbers: frozenset[int]
    patch_numbers: frozenset[int]
    pgr_sizes: tuple[int, ...]
    bulk: Bulk | None = None

    def __repr__(self) -> str:
        return self.name

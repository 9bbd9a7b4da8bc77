"""Merge, dedupe and split banks. A patch keeps its tones: where a tone moves, the patch follows.

Slots count from 0 here, as in messages; what is said to people counts from 1, as panels do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from jxctl.errors import UsageError
from jxctl.library.links import (
    PATCH_SLOTS,
    TONE_SLOTS,
    content,
    linked,
    missing,
    patch_content,
    relinked,
)
from jxctl.protocol.bank import AnyTone, Bank, listed
from jxctl.protocol.patch import Patch

_Held = TypeVar("_Held", AnyTone, Patch)


@dataclass(frozen=True, slots=True)
class Edited:
    """A bank that came out of an edit, and ``notes``: what moved or was left out, in words."""

    bank: Bank
    notes: list[str] = field(default_factory=list)


def merge(banks: Sequence[Bank], together: bool = False) -> Edited:
    """One bank of several of a family, the first one's slots unchanged.

    Others keep their slots where those are free, and move to the next free ones otherwise. What is
    there already byte for byte, name and all, is not stored again.

    A patch plays the tones of its own file. ``together``: the files are pieces of one dump, so that
    a patch may play tones that another file brings; then everything stays in its slot.

    Raises `UsageError` when the families differ, when slots run out, or when a patch would play
    another file's tone for one that its own lacks.
    """
    first = banks[0]
    for bank in banks[1:]:
        if bank.family != first.family:
            raise UsageError(
                f"these banks are of two families, {first.family} and {bank.family}",
                f"jx bank convert --family {first.family} makes one family of them",
            )
    # Tones that some patch expects in a slot but nobody brings: another must not take their place.
    awaited = {n for bank in banks for numbers in missing(bank).values() for n in numbers if not together}
    tones, patches, notes = dict(first.tones), dict(first.patches), list[str]()
    for bank in banks[1:]:
        if together:
            _overlay(tones, bank.tones, "tone")
            _overlay(patches, bank.patches, "patch")
            continue
        moved = _place(tones, bank.tones, TONE_SLOTS[first.family], "tone", notes, awaited)
        _check_missing(bank, tones)
        _place(patches, relinked(bank, moved), PATCH_SLOTS[first.family], "patch", notes)
    return Edited(_bank(first, tones, patches), notes)


def dedupe(bank: Bank, patches: bool = True) -> Edited:
    """The bank without tones whose values another tone has, the name apart; the lowest slot stays.

    Patches play the one that stayed. With ``patches``, patches that then do the same are left out
    as well, the name apart.
    """
    notes = list[str]()
    moved, tones = _without_twins(bank.tones, content, "tone", notes)
    following = relinked(bank, moved)
    if patches:
        _, following = _without_twins(following, patch_content, "patch", notes)
    return Edited(_bank(bank, tones, following), notes)


def parts(bank: Bank, size: int) -> list[Bank]:
    """The bank in parts of at most ``size`` patches with their tones; slots unchanged.

    A tone that several parts need is in each. Tones that no patch plays follow, ``size`` to a part.
    Raises `UsageError` for a size below 1.
    """
    if size < 1:
        raise UsageError(f"the size of a part is {size}; expected 1 or more")
    made = []
    played: set[int] = set()
    for slots in _chunks(bank.patches, size):
        chosen = {slot: bank.patches[slot] for slot in slots}
        needed = {number for patch in chosen.values() for number in linked(patch, bank)}
        made.append(_bank(bank, {n: tone for n, tone in bank.tones.items() if n in needed}, chosen))
        played |= needed
    for slots in _chunks([slot for slot in bank.tones if slot not in played], size):
        made.append(_bank(bank, {slot: bank.tones[slot] for slot in slots}, {}))
    return made


def single(bank: Bank, kind: str, slot: int) -> Bank:
    """Only the tone, or only the patch and its tones, of a slot. Raises `UsageError` when it is empty."""
    held: Mapping[int, object] = bank.tones if kind == "tone" else bank.patches
    if slot not in held:
        raise UsageError(f"there is no {kind} {slot + 1} in this file", f"it holds {listed(held, kind)}")
    if kind == "tone":
        return _bank(bank, {slot: bank.tones[slot]}, {})
    patch = bank.patches[slot]
    needed = linked(patch, bank)
    return _bank(bank, {n: tone for n, tone in bank.tones.items() if n in needed}, {slot: patch})


def counted(bank: Bank) -> str:
    """How much a bank holds, in words: ``1 patch, 2 tones``."""
    patches, tones = len(bank.patches), len(bank.tones)
    return f"{patches} patch{'es' * (patches != 1)}, {tones} tone{'s' * (tones != 1)}"


def _place(
    held: dict[int, _Held],
    arriving: Mapping[int, _Held],
    size: int,
    kind: str,
    notes: list[str],
    awaited: Iterable[int] = (),
) -> dict[int, int]:
    """Put what arrives into ``held``; from which slot to which everything went."""
    there = {_exact(thing): slot for slot, thing in held.items()}
    moved = {slot: there[_exact(thing)] for slot, thing in arriving.items() if _exact(thing) in there}
    new = [slot for slot in arriving if slot not in moved]
    homeless = [slot for slot in new if slot in held or slot in awaited]
    for slot in new:
        if slot not in homeless:
            held[slot] = arriving[slot]
            moved[slot] = slot
    free = [slot for slot in range(size) if slot not in held and slot not in awaited]
    if len(homeless) > len(free):
        raise UsageError(
            f"all {size} {kind} slots are full: no place for {listed(homeless[len(free) :], kind)} "
            f"of a later file",
            "jx bank dedupe frees slots; jx bank split picks out what you want to keep",
        )
    for slot, home in zip(homeless, free, strict=False):
        held[home] = arriving[slot]
        moved[slot] = home
        notes.append(f"{kind} {slot + 1} {arriving[slot].name!r} moved to {kind} {home + 1}")
    return moved


def _check_missing(bank: Bank, tones: Mapping[int, AnyTone]) -> None:
    """Refuse when a patch would play somebody else's tone instead of one that its own file lacks."""
    for slot, numbers in missing(bank).items():
        for number in numbers:
            if number in tones:
                raise UsageError(
                    f"patch {slot + 1} {bank.patches[slot].name!r} plays tone {number + 1}, which its own "
                    f"file does not hold; here that is {tones[number].name!r} of another file",
                    "add the tone to the file with the patch, or leave the patch out",
                )


def _overlay(held: dict[int, _Held], arriving: Mapping[int, _Held], kind: str) -> None:
    """Put pieces of the same dump into their slots. Raises `UsageError` where another thing is."""
    for slot, thing in arriving.items():
        if _exact(held.setdefault(slot, thing)) != _exact(thing):
            raise UsageError(
                f"{kind} {slot + 1} is {held[slot].name!r} in one file, another {thing.name!r} in the next: "
                "so these are not pieces of one dump",
                "merge them without --together",
            )


def _without_twins(
    held: Mapping[int, _Held], what: Callable[[_Held], bytes], kind: str, notes: list[str]
) -> tuple[dict[int, int], dict[int, _Held]]:
    """What stays of ``held``, and to which slot that stayed everything went."""
    first: dict[bytes, int] = {}
    kept: dict[int, _Held] = {}
    moved: dict[int, int] = {}
    for slot in sorted(held):
        thing = held[slot]
        moved[slot] = first.setdefault(what(thing), slot)
        if moved[slot] == slot:
            kept[slot] = thing
        else:
            twin = held[moved[slot]].name
            notes.append(f"{kind} {slot + 1} {thing.name!r} is {kind} {moved[slot] + 1} {twin!r}")
    return moved, kept


def _exact(thing: AnyTone | Patch) -> bytes:
    """Everything a tone or patch is, the name included."""
    return repr(thing).encode()


def _chunks(slots: Iterable[int], size: int) -> list[list[int]]:
    ordered = sorted(slots)
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


def _bank(like: Bank, tones: Mapping[int, AnyTone], patches: Mapping[int, Patch]) -> Bank:
    """A bank of the same family and name, slots in order."""
    return replace(like, tones=dict(sorted(tones.items())), patches=dict(sorted(patches.items())))

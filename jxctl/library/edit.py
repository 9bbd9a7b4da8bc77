"""Edits of banks: merge, remove duplicates, split, convert to another family; and a tone between two tones.

A patch names its tones by number. It keeps them: where a tone moves, the patch follows (`relinked`); numbers
of tones that cannot move (presets in ROM) stay. Slots count from 0 here, as in messages; what is said to
people counts from 1, as panels do.

The tones of a JX-8P and of a MKS-70 are the same bytes (jx_hardware.md 4.5); those of Vecoven's V4
firmware are not (`jxctl.protocol.vecoven_tone`). Patches of the Super JX families have the same values (4.6);
a JX-8P patch says other things, and nothing is known that could stand for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from typing import TypeVar

from jxctl.errors import UsageError
from jxctl.protocol.bank import FAMILIES, AnyTone, Bank, FamilyName, listed
from jxctl.protocol.parameters import TONE_PARAMETERS
from jxctl.protocol.patch import NAME_SIZE as PATCH_NAME_SIZE
from jxctl.protocol.patch import Patch
from jxctl.protocol.sysex.banks import SLOTS
from jxctl.protocol.tone import NAME_SIZE, Tone
from jxctl.protocol.vecoven_tone import from_stock, to_stock

TONE_SLOTS = SLOTS["tone"]
"""Tones that a family stores (jx_hardware.md 4.7, 4.8, 4.10); higher numbers are presets."""

PATCH_SLOTS = SLOTS["patch"]
"""Patches that a family stores (4.7, 4.10). Of a JX-8P assumed: one for each tone."""

IMAGE_REST = "the header of the cartridge image, and the top bits of its bytes"
"""What a bank read from a cartridge image has besides its tones."""

_Held = TypeVar("_Held", AnyTone, Patch)
_FIRST_PRESET_BANK = 2
_UNKNOWN = "UNKNOWN"  # group of parameters that do nothing
# Byte 10 lies between name and values and means nothing that is known: not content.
_CONTENT_V4 = NAME_SIZE + 1


def linked(patch: Patch, bank: Bank) -> list[int]:
    """Slots of the tones that a patch plays; presets that the bank does not hold are left out."""
    if patch.family == "jx8p" and patch.raw("BANK") >= _FIRST_PRESET_BANK:
        return []
    stored = TONE_SLOTS[bank.family]
    return [number for number in dict.fromkeys(patch.tones) if number in bank.tones or number < stored]


def relinked(bank: Bank, moved: Mapping[int, int]) -> dict[int, Patch]:
    """The bank's patches when its tones have moved: ``moved`` says from which slot to which."""
    patches = {}
    for slot, patch in bank.patches.items():
        movable = linked(patch, bank)
        patches[slot] = patch.with_tones(*(moved.get(n, n) if n in movable else n for n in patch.tones))
    return patches


def missing(bank: Bank) -> dict[int, list[int]]:
    """Patches that play tones which the bank does not hold: those tones' slots by the patch's slot."""
    found = {
        slot: [number for number in linked(patch, bank) if number not in bank.tones]
        for slot, patch in bank.patches.items()
    }
    return {slot: numbers for slot, numbers in found.items() if numbers}


def content(tone: AnyTone) -> bytes:
    """What a tone sounds like: its values without the name, for finding duplicates."""
    return tone.values if isinstance(tone, Tone) else tone.values[_CONTENT_V4:]


def patch_content(patch: Patch) -> bytes:
    """What a patch does: its values without the name. The tones' numbers are part of it."""
    return patch.values[PATCH_NAME_SIZE:] if patch.family == "superjx" else patch.values


def duplicates(bank: Bank) -> list[list[int]]:
    """Slots of tones that hold the same content, the name apart: a list for each such content."""
    groups: dict[bytes, list[int]] = {}
    for slot, tone in bank.tones.items():
        groups.setdefault(content(tone), []).append(slot)
    return [slots for slots in groups.values() if len(slots) > 1]


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


def morph(a: Tone, b: Tone, amount: float) -> Tone:
    """The tone ``amount`` of the way (0 to 1) from ``a`` to ``b``.

    Levels move in a straight line, rounded to the nearest raw value. Switches cannot stand between
    their positions: they flip at one half, and so do the name and what nobody understands. 0 gives
    ``a`` and 1 gives ``b``, exactly. Raises `UsageError` for another amount.
    """
    if not 0 <= amount <= 1:
        raise UsageError(f"the amount is {amount:g}; expected 0 to 1")
    nearer = b if amount >= 0.5 else a
    values = bytearray(nearer.values)
    for p in TONE_PARAMETERS:
        if p.kind == "level" and p.group != _UNKNOWN:
            start, end = a.values[p.column], b.values[p.column]
            values[p.column] = math.floor(start + (end - start) * amount + 0.5)
    return Tone(bytes(values), nearer.name_bytes, nearer.byte_10)


def family_name(text: str) -> FamilyName:
    """``text`` as one of the families. Raises `UsageError` for any other."""
    for name in FAMILIES:
        if name == text:
            return name
    raise UsageError(f"there is no family {text!r}", f"families are {', '.join(FAMILIES)}")


def converted(bank: Bank, family: FamilyName) -> tuple[Bank, list[str]]:
    """The bank as another family stores it, and in words what that family cannot say and what moved.

    Slots are unchanged where the other family has them; beyond, tones move to free ones. Raises
    `UsageError` when there are too few.
    """
    if family == bank.family:
        return bank, []
    lost: list[str] = []
    tones: dict[int, AnyTone] = {}
    homes = _homes(bank, family)
    for slot, tone in bank.tones.items():
        tones[homes[slot]], missed = tone_for(tone, family)
        if homes[slot] != slot:
            lost.append(f"the place of tone {slot + 1} {tone.name!r}, which is now tone {homes[slot] + 1}")
        if missed:
            lost.append(f"tone {slot + 1} {tone.name!r}: {', '.join(missed)}")
    patches = relinked(bank, homes)
    if patches and "jx8p" in (family, bank.family):
        lost.append(f"all patches ({listed(patches, 'patch')}): a {family} patch says other things")
        patches = {}
    if any(bank.rest):
        lost.append(IMAGE_REST)
    return replace(bank, family=family, tones=tones, patches=patches, rest=b""), lost


def tone_for(tone: AnyTone, family: FamilyName) -> tuple[AnyTone, list[str]]:
    """A tone as a family stores it, and what of it the family cannot say, in words."""
    if family == "vecoven4":
        return from_stock(tone) if isinstance(tone, Tone) else (tone, [])
    return (tone, []) if isinstance(tone, Tone) else to_stock(tone)


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
    return repr(astuple(thing)).encode()


def _chunks(slots: Iterable[int], size: int) -> list[list[int]]:
    ordered = sorted(slots)
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


def _bank(like: Bank, tones: Mapping[int, AnyTone], patches: Mapping[int, Patch]) -> Bank:
    """A bank of the same family and name, slots in order."""
    return replace(like, tones=dict(sorted(tones.items())), patches=dict(sorted(patches.items())))


def _homes(bank: Bank, family: FamilyName) -> dict[int, int]:
    """To which slot each tone goes."""
    size = TONE_SLOTS[family]
    if size >= TONE_SLOTS[bank.family]:
        return {slot: slot for slot in bank.tones}
    homeless = [slot for slot in bank.tones if slot >= size]
    free = [slot for slot in range(size) if slot not in bank.tones]
    if len(homeless) > len(free):
        raise UsageError(
            f"{len(bank.tones)} tones do not fit in the {size} slots of the family {family}",
            f"jx bank split --tones --by {size} makes parts that do",
        )
    moved = dict(zip(homeless, free, strict=False))
    return {slot: moved.get(slot, slot) for slot in bank.tones}

"""A bank of one family in terms of another, and what is lost on the way, in words.

The tones of a JX-8P and of a MKS-70 are the same bytes (jx_hardware.md 4.5); those of Vecoven's V4
firmware are not (`jxctl.protocol.tone_convert`). Patches of the Super JX families have the same values (4.6);
a JX-8P patch says other things, and nothing is known that could stand for it.
"""

from __future__ import annotations

from dataclasses import replace

from jxctl.errors import UsageError
from jxctl.library.links import TONE_SLOTS, relinked
from jxctl.protocol.bank import FAMILIES, AnyTone, Bank, FamilyName, listed
from jxctl.protocol.tone import Tone
from jxctl.protocol.tone_convert import from_stock, to_stock

IMAGE_REST = "the header of the cartridge image, and the top bits of its bytes"
"""What a bank read from a cartridge image has besides its tones."""


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


def tone_for(tone: AnyTone, family: FamilyName) -> tuple[AnyTone, list[str]]:
    """A tone as a family stores it, and what of it the family cannot say, in words."""
    if family == "vecoven4":
        return from_stock(tone) if isinstance(tone, Tone) else (tone, [])
    return (tone, []) if isinstance(tone, Tone) else to_stock(tone)

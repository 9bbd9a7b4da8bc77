"""Which tones a patch plays, and the patch again when those tones have moved.

A patch names its tones by number; numbers of tones that cannot move (presets in ROM) stay.
"""

from __future__ import annotations

from collections.abc import Mapping

from jxctl.protocol.bank import AnyTone, Bank
from jxctl.protocol.patch import NAME_SIZE as PATCH_NAME_SIZE
from jxctl.protocol.patch import Patch
from jxctl.protocol.tone import NAME_SIZE, Tone

TONE_SLOTS = {"jx8p": 32, "mks70": 50, "vecoven4": 50}
"""Tones that a family stores (jx_hardware.md 4.7, 4.8, 4.10); higher numbers are presets."""

PATCH_SLOTS = {"jx8p": 32, "mks70": 64, "vecoven4": 64}
"""Patches that a family stores (4.7, 4.10). Of a JX-8P assumed: one for each tone."""

_FIRST_PRESET_BANK = 2
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

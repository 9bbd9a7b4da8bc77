"""A bank as text for people and as data for programs. Numbers count from 1, as on the panel."""

from __future__ import annotations

from typing import Any

from jxctl.library.edit import counted, duplicates, linked
from jxctl.library.formats import FORMATS, Loaded

_MOST_LINES = 8


def as_data(loaded: Loaded) -> dict[str, Any]:
    """What `jx bank show --json` prints."""
    bank = loaded.bank
    twins = {slot: slots[0] for slots in duplicates(bank) for slot in slots[1:]}
    return {
        "format": loaded.format,
        "form": loaded.origin.form,
        "channel": loaded.origin.channel + 1,
        "family": bank.family,
        "patches": [
            {"number": slot + 1, "name": patch.name, "tones": [n + 1 for n in patch.tones]}
            for slot, patch in bank.patches.items()
        ],
        "tones": [
            {"number": slot + 1, "name": tone.name, "same_as": twins[slot] + 1 if slot in twins else None}
            for slot, tone in bank.tones.items()
        ],
        "bank": loaded.number,
        "banks": [
            {"number": number, "family": each.family, "patches": len(each.patches), "tones": len(each.tones)}
            for number, each in enumerate(loaded.banks, start=1)
        ],
        "account": loaded.account.to_json(),
        "problems": loaded.problems,
        "other_messages": [str(message) for message in loaded.others],
        "unused": [
            {"offset": item.offset, "hex": item.data.hex(), "reason": item.reason} for item in loaded.unused
        ],
    }


def as_text(name: str, loaded: Loaded) -> str:
    """What `jx bank show` prints."""
    bank = loaded.bank
    how = {"bulk": " (bulk dump)", "sets": " (program by program)"}.get(loaded.origin.form, "")
    whose = "no family in particular" if loaded.neutral else f"family {bank.family}"
    lines = [f"{name}: {FORMATS[loaded.format].title}{how}, {whose}, {counted(bank)}"]
    if len(loaded.banks) > 1:
        lines += [
            f"  bank {number}: family {each.family}, {counted(each)}{' (shown)' * (number == loaded.number)}"
            for number, each in enumerate(loaded.banks, start=1)
        ]
    if bank.patches:
        lines += ["", "patches"]
        lines += [_patch_line(loaded, slot) for slot in bank.patches]
    if bank.tones:
        twins = {slot: slots[0] for slots in duplicates(bank) for slot in slots[1:]}
        lines += ["", "tones"]
        for slot, tone in bank.tones.items():
            same = f"  same values as {twins[slot] + 1}" if slot in twins else ""
            lines.append(f"{slot + 1:4}  {tone.name:10}{same}".rstrip())
    lines += _notes("problems", loaded.problems)
    return "\n".join(lines + _notes("bytes of no known message", [str(item) for item in loaded.unused]))


def _patch_line(loaded: Loaded, slot: int) -> str:
    bank, patch = loaded.bank, loaded.bank.patches[slot]
    said = []
    for number in patch.tones:
        if number in bank.tones:
            said.append(f"{number + 1} {bank.tones[number].name}")
        else:
            said.append(f"{number + 1} ({'not in the file' if number in linked(patch, bank) else 'preset'})")
    return f"{slot + 1:4}  {patch.name:18}  {' / '.join(said)}"


def _notes(title: str, lines: list[str]) -> list[str]:
    if not lines:
        return []
    more = [f"  and {len(lines) - _MOST_LINES} more (--json lists all)"] if len(lines) > _MOST_LINES else []
    return ["", f"{title}:", *(f"  {line}" for line in lines[:_MOST_LINES]), *more]

"""Search by name, and duplicates: tones that sound the same under other names or in other slots."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from jxctl.librarian.index import Library, StoredTone

CLOSE = 0.6
"""Likeness of two names, 0 to 1, from which one is offered for the other (difflib's own default)."""


def by_name(library: Library, text: str) -> list[StoredTone]:
    """Tones in whose names every word of ``text`` occurs, whatever the case; all for an empty text.

    Where there is none, tones whose names are spelled much the same, the likest first.
    """
    tones = library.tones()
    words = text.casefold().split()
    found = [tone for tone in tones if all(word in tone.name.casefold() for word in words)]
    if found or not words:
        return found
    wanted = " ".join(words)
    likeness = {tone.id: _likeness(wanted, tone.name) for tone in tones}
    close = [tone for tone in tones if likeness[tone.id] >= CLOSE]
    return sorted(close, key=lambda tone: -likeness[tone.id])


def duplicates(library: Library) -> list[list[StoredTone]]:
    """Groups of two or more tones that sound the same, name, slot and file apart."""
    groups: dict[int, list[StoredTone]] = {}
    for tone in library.tones():
        groups.setdefault(tone.sound, []).append(tone)
    return [group for group in groups.values() if len(group) > 1]


def chosen(library: Library, wanted: Sequence[str]) -> list[StoredTone]:
    """The tones that words on a command line mean: numbers of `jx library list`, or parts of names.

    Raises `UsageError` for a word that means none.
    """
    from jxctl.errors import UsageError

    found: dict[int, StoredTone] = {}
    for word in wanted:
        tones = [library.tone(int(word))] if word.isdecimal() else by_name(library, word)
        if not tones:
            raise UsageError(f"no tone of the library is called {word!r}", "jx library list shows all")
        found |= {tone.id: tone for tone in tones}
    return list(found.values())


def _likeness(wanted: str, name: str) -> float:
    return difflib.SequenceMatcher(None, wanted, " ".join(name.casefold().split())).ratio()

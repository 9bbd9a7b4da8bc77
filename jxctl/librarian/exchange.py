"""Folders of SysEx files, one tone each, as KnobKraft and other librarians keep and read them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jxctl._files import write_atomically
from jxctl.errors import JxError, UsageError
from jxctl.librarian.index import StoredTone
from jxctl.library.edit import tone_for
from jxctl.protocol.bank import FamilyName
from jxctl.protocol.sysex import FAMILIES, ToneData

_UNSAFE = re.compile(r"[^A-Za-z0-9 ._+#&()-]")
RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
)
"""File names that Windows keeps for devices."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A tone as a ``path``, and what of it the family cannot say (``lost``), in words."""

    path: Path
    tone: StoredTone
    lost: list[str]


def file_stem(name: str) -> str:
    """A tone's name as a file name that every system takes: letters that could mean something become _."""
    stem = _UNSAFE.sub("_", name).strip(" .") or "tone"
    return f"{stem}_" if stem.casefold() in RESERVED else stem


def file_names(tones: Sequence[StoredTone], ending: str) -> list[str]:
    """A file name for each tone; names that differ in nothing but case are numbered."""
    taken: set[str] = set()
    names = []
    for tone in tones:
        stem = file_stem(tone.name)
        name, number = stem, 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem} ({number})"
        taken.add(name.casefold())
        names.append(f"{name}{ending}")
    return names


def export_folder(
    tones: Sequence[StoredTone], folder: str | Path, family: FamilyName | None = None, channel: int = 0,
    force: bool = False,
) -> list[Exported]:  # fmt: skip
    """Write tones as SysEx files of one message each, an edit-buffer dump (APR tone).

    Args:
        tones: of the library.
        folder: made where it is not there.
        family: whose messages; each tone's own where None.
        channel: MIDI channel in the messages, 0-15.
        force: replace files that are there.

    Returns:
        What was written, in the order of ``tones``.

    Raises:
        UsageError: a file is there already, and nothing is written then.
        JxError: the folder cannot be written.
    """
    folder = Path(folder)
    paths = [folder / name for name in file_names(tones, ".syx")]
    there = [path for path in paths if path.exists()]
    if there and not force:
        raise UsageError(f"{there[0]} is there already", "--force replaces it, or name a new folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JxError(f"cannot make {folder}: {error.strerror}", "name another folder") from error
    done = []
    for path, stored in zip(paths, tones, strict=True):
        wanted = family or _family_of(stored)
        tone, lost = tone_for(stored.tone, wanted)
        # An edit-buffer dump alone: a JX-8P overwrites the slot that a write message beside it names.
        message = ToneData(wire=FAMILIES[wanted], channel=channel, group=1, tone=tone)
        write_atomically(path, message.encoded())
        done.append(Exported(path, stored, lost))
    return done


def _family_of(stored: StoredTone) -> FamilyName:
    return "vecoven4" if stored.family == "vecoven4" else "jx8p" if stored.family == "jx8p" else "mks70"

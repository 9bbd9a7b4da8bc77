"""Import of files and folders into the library: everything that is read is kept, everything else is named.

An import is idempotent (a file that is there already, byte for byte, is left alone) and resumable (each file
is stored in one transaction, so an interrupted import goes on where it ended).
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jxctl._files import LOCK_NAME, read_bytes
from jxctl.errors import ToneError, UsageError
from jxctl.librarian.index import Library, StoredFile
from jxctl.library.files import load
from jxctl.library.formats import FORMATS

STATES = ("read", "repaired", "unchanged", "unreadable", "foreign")
"""What can become of a file: read whole; read, with parts repaired, skipped, missing or out of range;
there already; a file of a JX that cannot be read; of another kind."""
_ENDINGS = frozenset(ending for row in FORMATS.values() for ending in row.endings)
_ROLAND_SYSEX = b"\xf0\x41"
Report = Callable[[int, str], None]
"""Called for each file, with how many are done and the path."""


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """What became of a file: its ``state`` (`STATES`), ``format``, how many ``tones`` and ``patches`` it
    holds, and an ``account`` of what was damaged, missing or left out, in words."""

    path: str
    state: str
    format: str = ""
    tones: int = 0
    patches: int = 0
    account: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, object]:
        """Plain data for JSON."""
        return {
            "path": self.path, "state": self.state, "file_format": self.format, "tones": self.tones,
            "patches": self.patches, "account": self.account,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Imported:
    """``files`` in the order in which they were read, and how many ``sounds`` the library had and has."""

    files: list[ImportedFile]
    sounds_before: int
    sounds: int

    def count(self, state: str) -> int:
        """How many files are in a state."""
        return Counter(file.state for file in self.files)[state]

    @property
    def added(self) -> list[ImportedFile]:
        """Files whose tones and patches were stored now."""
        return [file for file in self.files if file.state in ("read", "repaired")]

    def to_json(self) -> dict[str, object]:
        """Plain data for JSON."""
        return {
            "format": "jx.library-import",
            "version": 1,
            **{f"files_{state}": self.count(state) for state in STATES},
            "tones_added": sum(file.tones for file in self.added),
            "patches_added": sum(file.patches for file in self.added),
            "sounds_added": self.sounds - self.sounds_before,
            "files": [file.to_json() for file in self.files if file.state not in ("unchanged", "foreign")],
        }


def import_paths(
    library: Library, paths: Sequence[str | Path], again: bool = False, report: Report = lambda *_: None
) -> Imported:
    """Store files, and all files of folders and of the folders in them.

    Args:
        library: where to.
        paths: files and folders. A name that begins with a dot is passed over in a folder.
        again: read files that are there already once more (a later jx may read more of them).
        report: called after each file.

    Returns:
        What became of each file.

    Raises:
        UsageError: a path is not there.
        JxError: the library cannot be written.
    """
    for path in map(Path, paths):
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder", "check the name")
    stored = {(file.path, file.digest): file for file in library.files() if not file.former}
    before = library.sounds()
    done: list[ImportedFile] = []
    seen: set[str] = set()
    own = str(library.path.resolve())
    for found in _files(paths, done):
        name = str(found.resolve())
        # A library in a folder that is imported is no file of it, nor are its journals.
        if name not in seen and not name.startswith(own):
            seen.add(name)
            done.append(_imported(library, found, name, stored if not again else {}))
            report(len(done), name)
    return Imported(done, before, library.sounds())


def _imported(
    library: Library, path: Path, name: str, stored: dict[tuple[str, str], StoredFile]
) -> ImportedFile:
    try:
        content = read_bytes(path, error=ToneError)
    except ToneError as error:
        return ImportedFile(name, "unreadable", account=[error.message])
    digest = hashlib.sha256(content).hexdigest()
    if (name, digest) in stored:
        return ImportedFile(name, "unchanged")
    try:
        loaded = load(content)
    except ToneError as error:
        ours = path.suffix.lower() in _ENDINGS or _ROLAND_SYSEX in content
        return ImportedFile(name, "unreadable" if ours else "foreign", account=[error.message])
    banks, account = loaded.banks, loaded.account.lines
    state = "read" if loaded.account.whole else "repaired"
    library.add_file(name, digest, content, loaded.format, banks, account, state)
    tones, patches = sum(len(bank.tones) for bank in banks), sum(len(bank.patches) for bank in banks)
    return ImportedFile(name, state, loaded.format, tones, patches, account)


def _files(paths: Sequence[str | Path], failed: list[ImportedFile]) -> Iterator[Path]:
    """Files in order; folders that cannot be listed are added to ``failed``."""

    def unlisted(error: OSError) -> None:
        failed.append(ImportedFile(str(error.filename), "unreadable", account=[f"folder: {error.strerror}"]))

    for path in map(Path, paths):
        if not path.is_dir():
            yield path
            continue
        for folder, inner, names in os.walk(path, onerror=unlisted):
            inner[:] = sorted(name for name in inner if not name.startswith("."))
            for name in sorted(names):
                if not name.startswith(".") and name != LOCK_NAME and (Path(folder) / name).is_file():
                    yield Path(folder) / name

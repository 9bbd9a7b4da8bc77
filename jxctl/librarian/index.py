"""The index: an SQLite file that holds every tone, patch and file that was imported, byte for byte.

::

    file    one content of one path, and what was said when it was read
    tone    a tone in a slot of a bank of a file, every byte of it
    patch   the same of a patch
    sound   what tones that sound alike have in common, and its spectral fingerprint

Files are kept whole, so that nothing in them is lost, whatever is understood of them today. A file that
has changed on disk since becomes a second row; the former content stays (``former``) and is left out of
lists.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jxctl.errors import JxError, UsageError
from jxctl.librarian.identity import from_record, record_of, sound_key
from jxctl.protocol.bank import AnyTone, Bank

VERSION = 1
"""Of the tables; a newer one is refused."""
FILE_NAME = "library.sqlite"
BUSY_S = 30.0
"""How long a command waits for another that writes (chosen)."""

_TABLES = """
CREATE TABLE setting(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE file(
    id INTEGER PRIMARY KEY, path TEXT NOT NULL, digest TEXT NOT NULL, state TEXT NOT NULL,
    format TEXT NOT NULL, account TEXT NOT NULL, content BLOB NOT NULL, former INTEGER NOT NULL DEFAULT 0,
    UNIQUE(path, digest)
) STRICT;
CREATE TABLE sound(
    id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, fingerprint BLOB, version TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE tone(
    id INTEGER PRIMARY KEY, file INTEGER NOT NULL REFERENCES file(id), bank INTEGER NOT NULL,
    slot INTEGER NOT NULL, family TEXT NOT NULL, name TEXT NOT NULL, record BLOB NOT NULL,
    sound INTEGER NOT NULL REFERENCES sound(id), UNIQUE(file, bank, slot)
) STRICT;
CREATE INDEX tone_by_sound ON tone(sound);
CREATE TABLE patch(
    id INTEGER PRIMARY KEY, file INTEGER NOT NULL REFERENCES file(id), bank INTEGER NOT NULL,
    slot INTEGER NOT NULL, family TEXT NOT NULL, name TEXT NOT NULL, record TEXT NOT NULL,
    UNIQUE(file, bank, slot)
) STRICT;
"""

_TONES = """SELECT tone.id, tone.name, file.path, tone.bank, tone.slot, tone.family, tone.record, tone.sound
FROM tone JOIN file ON file.id = tone.file"""


@dataclass(frozen=True, slots=True)
class StoredTone:
    """A tone of the library: its number ``id``, ``file`` (a path), ``bank`` and ``slot`` in it (from 0),
    and ``sound``, which tones that sound alike share."""

    id: int
    name: str
    file: str
    bank: int
    slot: int
    family: str
    tone: AnyTone
    sound: int

    @property
    def address(self) -> str:
        """Where it is, in words: the file's name, and bank and slot from 1."""
        bank = f" bank {self.bank + 1}" if self.bank else ""
        return f"{Path(self.file).name}{bank} tone {self.slot + 1}"

    def to_json(self) -> dict[str, object]:
        """Plain data for JSON; bank and slot count from 0 there."""
        return {
            "id": self.id, "name": self.name, "file": self.file, "bank": self.bank, "slot": self.slot,
            "family": self.family, "sound": self.sound,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of the library. ``state``: read, repaired (with losses, see ``account``) or unreadable."""

    id: int
    path: str
    digest: str
    state: str
    format: str
    account: list[str]
    former: bool
    tones: int
    patches: int

    def to_json(self) -> dict[str, object]:
        """Plain data for JSON."""
        return {
            "id": self.id, "path": self.path, "sha256": self.digest, "state": self.state,
            "file_format": self.format, "account": self.account, "former": self.former,
            "tones": self.tones, "patches": self.patches,
        }  # fmt: skip


def default_path() -> Path:
    """Where a user's library is, where no other is asked for: in the user's data folder."""
    from platformdirs import user_data_path

    return user_data_path("jx", appauthor=False) / FILE_NAME


class Library:
    """An open index; use it as a context manager, or `close` it.

    Args:
        path: of the SQLite file; `default_path` where None.
        create: make it where there is none.

    Raises:
        UsageError: there is no library and none is to be made, or the file is none.
        JxError: it cannot be opened or written.
    """

    def __init__(self, path: str | Path | None = None, create: bool = False) -> None:
        self.path = default_path() if path is None else Path(path)
        if not self.path.is_file():
            if self.path.exists():
                raise UsageError(f"{self.path}: not a file, so no library", "name the file of a library")
            if not create:
                raise UsageError(f"there is no library {self.path}", "jx library import FOLDER makes one")
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise JxError(
                    f"cannot make {self.path.parent}: {error.strerror}", "name another file with --library"
                ) from error
        self._database = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)
        try:
            with self._explained():
                self._database.execute("PRAGMA foreign_keys = ON")
                # One sync for many transactions: after a power cut the last files are imported again.
                self._database.execute("PRAGMA journal_mode = WAL")
                self._database.execute("PRAGMA synchronous = NORMAL")
                self._check()
        except BaseException:
            self._database.close()
            raise

    def close(self) -> None:
        """Close the file. Closing twice is harmless."""
        self._database.close()

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- writing ------------------------------------------------------------------------------------

    def add_file(
        self, path: str, digest: str, content: bytes, format: str, banks: Sequence[Bank],
        account: Sequence[str], state: str,
    ) -> None:  # fmt: skip
        """Store a file's content, tones and patches, all or nothing; a former content of that path stays."""
        with self._changed() as database:
            database.execute("UPDATE file SET former = 1 WHERE path = ?", (path,))
            database.execute(
                "DELETE FROM tone WHERE file IN (SELECT id FROM file WHERE path = ? AND digest = ?)",
                (path, digest),
            )
            database.execute(
                "DELETE FROM patch WHERE file IN (SELECT id FROM file WHERE path = ? AND digest = ?)",
                (path, digest),
            )
            row = database.execute(
                "INSERT INTO file(path, digest, state, format, account, content) VALUES (?, ?, ?, ?, ?, ?) "
                "ON CONFLICT(path, digest) DO UPDATE SET state = excluded.state, format = excluded.format, "
                "account = excluded.account, former = 0 RETURNING id",
                (path, digest, state, format, json.dumps(list(account)), zlib.compress(content)),
            ).fetchone()
            for number, bank in enumerate(banks):
                self._add_bank(int(row[0]), number, bank)

    def keep_fingerprints(self, version: str, rows: Sequence[tuple[int, bytes]]) -> None:
        """Store fingerprints, by the ``sound`` they are of."""
        with self._changed() as database:
            database.executemany(
                "UPDATE sound SET fingerprint = ?, version = ? WHERE id = ?",
                [(blob, version, sound) for sound, blob in rows],
            )

    # -- reading ------------------------------------------------------------------------------------

    def tones(self, former: bool = False) -> list[StoredTone]:
        """All tones in the order of files and slots; ``former``: those of contents that are replaced too."""
        order = "ORDER BY file.path, file.id, tone.bank, tone.slot"
        with self._explained():
            return [
                _stored(row)
                for row in self._database.execute(f"{_TONES} WHERE file.former <= ? {order}", (int(former),))
            ]

    def tone(self, number: int) -> StoredTone:
        """The tone of a number. Raises `UsageError` where there is none."""
        with self._explained():
            row = self._database.execute(f"{_TONES} WHERE tone.id = ?", (number,)).fetchone()
        if row is None:
            raise UsageError(f"the library has no tone {number}", "jx library list shows their numbers")
        return _stored(row)

    def files(self) -> list[StoredFile]:
        """All files, former contents included."""
        with self._explained():
            return [
                StoredFile(
                    int(row[0]), row[1], row[2], row[3], row[4], list(json.loads(row[5])), bool(row[6]),
                    int(row[7]), int(row[8]),
                )
                for row in self._database.execute(
                    "SELECT id, path, digest, state, format, account, former, "
                    "(SELECT count(*) FROM tone WHERE tone.file = file.id), "
                    "(SELECT count(*) FROM patch WHERE patch.file = file.id) FROM file ORDER BY path, id"
                )
            ]  # fmt: skip

    def content(self, file: int) -> bytes:
        """The bytes of a stored file, by its ``id``."""
        with self._explained():
            row = self._database.execute("SELECT content FROM file WHERE id = ?", (file,)).fetchone()
        if row is None:
            raise UsageError(f"the library has no file {file}", "jx library list --files shows their numbers")
        return zlib.decompress(row[0])

    def fingerprints(self, version: str) -> list[tuple[int, bytes | None]]:
        """Every sound's ``id`` with its fingerprint, None where there is none of that version."""
        with self._explained():
            return [
                (int(sound), blob if made == version else None)
                for sound, blob, made in self._database.execute(
                    "SELECT id, fingerprint, version FROM sound "
                    "WHERE id IN (SELECT sound FROM tone) ORDER BY id"
                )
            ]

    def sounds(self) -> int:
        """How many different sounds its tones have."""
        with self._explained():
            row = self._database.execute("SELECT count(DISTINCT sound) FROM tone").fetchone()
        return int(row[0])

    # -- inside -------------------------------------------------------------------------------------

    def _add_bank(self, file: int, number: int, bank: Bank) -> None:
        for slot, tone in bank.tones.items():
            key = sound_key(tone)
            self._database.execute("INSERT OR IGNORE INTO sound(key) VALUES (?)", (key,))
            self._database.execute(
                "INSERT INTO tone(file, bank, slot, family, name, record, sound) "
                "VALUES (?, ?, ?, ?, ?, ?, (SELECT id FROM sound WHERE key = ?))",
                (file, number, slot, bank.family, tone.name, record_of(tone), key),
            )
        for slot, patch in bank.patches.items():
            self._database.execute(
                "INSERT INTO patch(file, bank, slot, family, name, record) VALUES (?, ?, ?, ?, ?, ?)",
                (file, number, slot, bank.family, patch.name, json.dumps(patch.to_json())),
            )

    def _check(self) -> None:
        """Make the tables of a new library; refuse what is none, or is newer."""
        tables = {row[0] for row in self._database.execute("SELECT name FROM sqlite_master")}
        if not tables:
            # One transaction: a second process that starts at the same time waits, and finds them.
            with self._changed() as database:
                if not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    for statement in filter(str.strip, _TABLES.split(";")):
                        database.execute(statement)
                    database.execute(
                        "INSERT INTO setting VALUES ('format', 'jx.library'), ('version', ?)", (str(VERSION),)
                    )
            return
        if "setting" not in tables:
            raise UsageError(f"{self.path}: an SQLite file, but no library of jx", "name another file")
        settings = dict(self._database.execute("SELECT key, value FROM setting").fetchall())
        if settings.get("format") != "jx.library":
            raise UsageError(f"{self.path}: an SQLite file, but no library of jx", "name another file")
        if settings.get("version") != str(VERSION):
            raise UsageError(
                f"{self.path}: a library of version {settings.get('version')}, and this jx reads {VERSION}",
                "use the jx that made it, or import the folders into another --library",
            )

    @contextmanager
    def _changed(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all that is done in it is kept, or nothing."""
        with self._explained():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What SQLite says, as an error of jx."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise JxError(
                f"{self.path}: {error}", "is another jx writing? is the disk full or locked?"
            ) from error
        except sqlite3.DatabaseError as error:
            raise UsageError(
                f"{self.path}: no library, or a damaged one ({error})",
                "import the folders into another --library; the file is left as it is",
            ) from error


def _stored(row: Sequence[object]) -> StoredTone:
    number, name, file, bank, slot, family, record, sound = row
    assert isinstance(record, bytes)
    return StoredTone(
        int(str(number)), str(name), str(file), int(str(bank)), int(str(slot)), str(family),
        from_record(record), int(str(sound)),
    )  # fmt: skip

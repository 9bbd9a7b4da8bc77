"""Append takes to a data set so that nothing is lost and nothing is listed that is not whole.

A take is durable before it is listed: its FLAC is written under a temporary name, synced and renamed;
only then its row is appended and synced. A kill, a crash or a full disk costs at most the take in
progress. It may leave a torn last row, a whole FLAC without a row or a stray temporary file: the next
`Writer` puts the first two aside and removes the last.

24-bit FLAC holds -1 to 1 - 2^-23; samples are rounded to it and cut off beyond. Nothing is scaled,
since levels are part of what is learnt: a take that reaches full scale has the verdict "clipped".
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import cast

import numpy as np
from numpy.typing import NDArray

from jxctl._files import LOCK_NAME, FolderLock, write_atomically
from jxctl._version import __version__
from jxctl.audio.capture import Audio
from jxctl.dataset.reader import (
    ASIDE,
    METADATA,
    TAKES,
    file_name,
    last_line,
    rows,
    torn_bytes,
)
from jxctl.dataset.schema import FIELDS, SCHEMA, Indices, Row, parse
from jxctl.dataset.take import Take
from jxctl.errors import JxError, UsageError, VerificationError

_FULL_SCALE = 1 << 23  # of 24 bits


class Writer:
    """A data set open for appending, by one process at a time. A context manager.

    Makes the folder when it does not exist. An existing set is repaired first; ``repairs`` says in
    words what was done. ``indices``: the takes that are listed. `append` may be called from another
    thread than the one that asks ``indices``.

    Args:
        folder: of the data set.

    Raises:
        UsageError: the folder holds something else.
        VerificationError: a row cannot be read.
        JxError: another process records into it, or it cannot be written.

    Examples:
        >>> with Writer("new set") as data_set:
        ...     len(data_set.indices), data_set.repairs
        (0, [])
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.repairs: list[str] = []
        self._metadata = self.folder / METADATA
        self._torn = False
        try:
            _refuse_other_content(self.folder)
            _make(self.folder)
        except OSError as error:
            raise _cannot_write(self.folder, error) from error
        self._lock = FolderLock(self.folder)
        try:
            self._repair_rows()
            self.indices = Indices()
            # Files of rows that were renamed by hand: another take must not take their place.
            self._elsewhere: set[str] = set()
            for row in rows(self.folder):
                self.indices.add(row["index"])
                if row["file_name"] != file_name(row["index"]):
                    self._elsewhere.add(row["file_name"])
            self._repair_files()
            self._rows = self._metadata.open("ab", buffering=0)
        except OSError as error:
            self._lock.release()
            raise _cannot_write(self._metadata, error) from error
        except BaseException:
            self._lock.release()
            raise

    def append(self, index: int, take: Take, seed: int | None = None) -> Row:
        """Store a take and list it. When this returns, both survive a power cut.

        Raises `UsageError` for an index that is listed already, `VerificationError` for values that make
        no row, `JxError` when it cannot be written; the take is then not listed, and the set is as it was.
        """
        if index in self.indices:
            raise UsageError(f"take {index} is already in {self.folder}")
        if file_name(index) in self._elsewhere:
            raise UsageError(f"{file_name(index)} is the file of another take in {self.folder}")
        if self._torn:
            raise JxError(f"{self._metadata} ends in half a row", "open the data set again to repair it")
        content = encode_flac(take.audio, take.sample_rate)
        row = _row(index, take, seed, hashlib.sha256(content).hexdigest())
        line = _line(row)
        path = self.folder / row["file_name"]
        try:
            self._make_folder(path.parent)
            write_atomically(path, content)
            sync_folder(path.parent)
            self._append_line(line)
        except OSError as error:
            # A row that could not be taken back may be whole, and then speaks of this file.
            if not self._torn:
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
            raise _cannot_write(path, error) from error
        self.indices.add(index)
        return row

    def close(self) -> None:
        """Let others record into the set."""
        self._rows.close()
        self._lock.release()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _append_line(self, line: bytes) -> None:
        handle = self._rows.fileno()
        size = os.fstat(handle).st_size
        try:
            if self._rows.write(line) != len(line):
                raise OSError(None, "only part of a row could be written")
            os.fsync(handle)
        except BaseException:
            # Whole or not at all. When even this fails, nothing may follow the torn row.
            self._torn = True
            os.truncate(handle, size)
            os.fsync(handle)
            self._torn = False
            raise

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            sync_folder(folder.parent)
            sync_folder(self.folder)

    def _repair_rows(self) -> None:
        with self._metadata.open("ab", buffering=0) as file:
            if torn := torn_bytes(self._metadata):
                kept = self._aside("torn-row.txt")
                write_atomically(kept, last_line(self._metadata))
                sync_folder(kept.parent)
                os.truncate(file.fileno(), os.fstat(file.fileno()).st_size - torn)
                self._repaired(f"cut a torn last row ({torn} bytes) off {METADATA}", kept)
            elif last_line(self._metadata)[-1:] not in (b"", b"\n"):
                file.write(b"\n")
            os.fsync(file.fileno())
        sync_folder(self.folder)

    def _repair_files(self) -> None:
        """Remove what was not finished, and put aside what is whole but not listed."""
        for folder in sorted((self.folder / TAKES).glob("*/")):
            # Names, a folder at a time: a long recording has a hundred thousand files.
            with os.scandir(folder) as entries:
                names = sorted(entry.name for entry in entries)
            for name in names:
                listed = name.removesuffix(".flac")
                if not (listed.isdecimal() and int(listed) in self.indices):
                    self._repair_file(folder / name)

    def _repair_file(self, path: Path) -> None:
        name = path.relative_to(self.folder).as_posix()
        if name in self._elsewhere:
            return
        # A name under which write_atomically writes.
        if path.name.startswith(".") and ".flac." in path.name:
            path.unlink()
            self.repairs.append(f"removed the unfinished {name}")
        elif path.suffix == ".flac" and path.stem.isdecimal():
            kept = self._aside(path.name)
            path.rename(kept)
            self._repaired(f"{name} has no row: its take was not finished", kept)

    def _aside(self, name: str) -> Path:
        """A free name in the folder for what repairs took out."""
        folder = self.folder / ASIDE
        if not folder.is_dir():
            folder.mkdir()
        number = 1
        while (path := folder / f"{number}-{name}").exists():
            number += 1
        return path

    def _repaired(self, what: str, kept: Path) -> None:
        self.repairs.append(f"{what}; kept as {kept.relative_to(self.folder).as_posix()}")


def sync_folder(folder: Path) -> None:
    """Make names in a folder (a rename, a new file) survive a power cut; nothing to do on Windows."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def encode_flac(audio: Audio, sample_rate: int) -> bytes:
    """Mono audio as 24-bit FLAC: rounded to the nearest step, cut off at -1 and 1 - 2^-23.

    Raises `VerificationError` for samples that are not numbers, and for none.
    """
    if not np.isfinite(audio).all():
        raise VerificationError("the audio holds samples that are not numbers")
    if not len(audio):
        raise VerificationError("the audio holds no samples")  # which FLAC cannot store
    steps = np.rint(audio.astype(np.float64) * _FULL_SCALE).clip(-_FULL_SCALE, _FULL_SCALE - 1)
    # soundfile takes 24 bits as the upper part of 32.
    samples = steps.astype(np.int32) << 8
    # In a thread, because soundfile writes to memory through a callback from C: a Ctrl-C that arrives
    # inside one is printed and forgotten, and only the main thread receives them.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(_encoded, samples, sample_rate).result()


def _encoded(samples: NDArray[np.int32], sample_rate: int) -> bytes:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, samples, sample_rate, format="FLAC", subtype="PCM_24")
    return file.getvalue()


def _row(index: int, take: Take, seed: int | None, sha256: str) -> Row:
    ours = {
        "file_name": file_name(index),
        "index": index,
        "tone": take.tone.values.hex(),
        "tone_name": take.tone.name,
        "code_version": __version__,
        "seed": seed,
        "sha256": sha256,
        "schema": SCHEMA,
        "samples": len(take.audio),
        "source_set": None,
        "source_index": None,
    }
    # Every other column is an attribute of the take, under the same name.
    return cast(Row, {f.name: ours[f.name] if f.name in ours else getattr(take, f.name) for f in FIELDS})


def _line(row: Row) -> bytes:
    """A row as a line, which `parse` would take: nothing is written that could not be read."""
    try:
        line = json.dumps(row, allow_nan=False).encode() + b"\n"
        parse(line)
    except (TypeError, ValueError) as error:
        raise VerificationError(
            f"take {row['index']} cannot be listed: its row {error}",
            "this is a fault of jx: please report it",
        ) from error
    return line


def _refuse_other_content(folder: Path) -> None:
    """Only an empty folder becomes a data set: a `UsageError` otherwise."""
    if folder.exists() and not (folder / METADATA).exists():
        others = [path.name for path in folder.iterdir() if path.name != LOCK_NAME]
        if others:
            raise UsageError(
                f"{folder} holds other files ({sorted(others)[0]}) and no {METADATA}",
                "name a new or empty folder, or one that was recorded into before",
            )


def _make(folder: Path) -> None:
    """A folder whose name survives a power cut, like what will be in it."""
    if folder.is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(PermissionError):  # of a folder that may be entered but not listed
        sync_folder(folder.absolute().parent)


def _cannot_write(path: Path, error: OSError) -> JxError:
    return JxError(f"cannot write {path}: {error.strerror}", "check the folder and free space")

"""Append takes to a data set so that nothing is lost and nothing is listed that is not whole.

A take is durable before it is listed: its FLAC is written under a temporary name, synced and renamed;
only then its row is appended and synced. A kill, a crash or a full disk costs at most the take in
progress. It may leave a torn last row or a stray temporary file, which the next `Writer` clears, or a
whole FLAC without a row, which is overwritten when that take is recorded again.

24-bit FLAC holds -1 to 1 - 2^-23; samples are rounded to it and cut off beyond. Nothing is scaled,
since levels are part of what is learnt: a take that reaches full scale has the verdict "clipped".
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

import jxctl
from jxctl.audio import Audio
from jxctl.dataset import METADATA, TAKES, Row, file_name, last_line, rows, torn_bytes
from jxctl.errors import JxError, UsageError, VerificationError
from jxctl.files import write_atomically
from jxctl.locks import LOCK_NAME, FolderLock
from jxctl.rig import Take

_FULL_SCALE = 1 << 23


class Writer:
    """A data set open for appending, by one process at a time. A context manager.

    Makes the folder when it does not exist. An existing set is repaired first; ``repairs`` says in
    words what was done. ``indices``: the takes that are listed.

    Raises `UsageError` for a folder that holds something else, `VerificationError` for a row that
    cannot be read, `JxError` when another process records into it or it cannot be written.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.repairs: list[str] = []
        self._metadata = self.folder / METADATA
        try:
            _refuse_other_content(self.folder)
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _cannot_write(self.folder, error) from error
        self._lock = FolderLock(self.folder)
        try:
            self._repair()
            self.indices = {row["index"] for row in rows(self.folder)}
            self._rows = self._metadata.open("ab", buffering=0)
        except OSError as error:
            self._lock.release()
            raise _cannot_write(self._metadata, error) from error
        except BaseException:
            self._lock.release()
            raise

    def append(self, index: int, take: Take, seed: int | None = None) -> Row:
        """Store a take and list it. When this returns, both survive a power cut.

        Raises `UsageError` for an index that is listed already, `JxError` when it cannot be written;
        the take is then not listed, and the set is as it was.
        """
        if index in self.indices:
            raise UsageError(f"take {index} is already in {self.folder}")
        content = encode_flac(take.audio, take.sample_rate)
        row = _row(index, take, seed, hashlib.sha256(content).hexdigest())
        path = self.folder / row["file_name"]
        try:
            self._make_folder(path.parent)
            write_atomically(path, content)
            sync_folder(path.parent)
            self._append_line(json.dumps(row, allow_nan=False).encode() + b"\n")
        except OSError as error:
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
            # Whole or not at all; when even this fails, what is left is a torn last row.
            os.truncate(handle, size)
            raise

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            sync_folder(folder.parent)
            sync_folder(self.folder)

    def _repair(self) -> None:
        with self._metadata.open("ab", buffering=0) as file:
            if torn := torn_bytes(self._metadata):
                os.truncate(file.fileno(), os.fstat(file.fileno()).st_size - torn)
                self.repairs.append(f"cut a torn last row ({torn} bytes) off {METADATA}")
            elif last_line(self._metadata)[-1:] not in (b"", b"\n"):
                file.write(b"\n")
            os.fsync(file.fileno())
        # The names under which write_atomically writes.
        for stray in (self.folder / TAKES).glob("*/.*.flac.*"):
            stray.unlink()
            self.repairs.append(f"removed the unfinished {stray.relative_to(self.folder).as_posix()}")
        sync_folder(self.folder)


def encode_flac(audio: Audio, sample_rate: int) -> bytes:
    """Mono audio as 24-bit FLAC: rounded to the nearest step, cut off at -1 and 1 - 2^-23.

    Raises `VerificationError` for samples that are not numbers.
    """
    if not np.isfinite(audio).all():
        raise VerificationError("the audio holds samples that are not numbers")
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


def sync_folder(folder: Path) -> None:
    """Make names in a folder (a rename, a new file) survive a power cut; nothing to do on Windows."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _row(index: int, take: Take, seed: int | None, sha256: str) -> Row:
    return {
        "file_name": file_name(index),
        "index": index,
        "tone": take.tone.values.hex(),
        "note": take.note,
        "velocity": take.velocity,
        "gate_s": take.gate_s,
        "max_seconds": take.max_seconds,
        "sample_rate": take.sample_rate,
        "port": take.port,
        "noise_floor_dbfs": take.noise_floor_dbfs,
        "peak_dbfs": take.peak_dbfs,
        "onset_s": take.onset_s,
        "tail_cut": take.tail_cut,
        "verdict": take.verdict,
        "code_version": jxctl.__version__,
        "seed": seed,
        "sha256": sha256,
    }


def _refuse_other_content(folder: Path) -> None:
    """Only an empty folder becomes a data set: a `UsageError` otherwise."""
    if folder.exists() and not (folder / METADATA).exists():
        others = [path.name for path in folder.iterdir() if path.name != LOCK_NAME]
        if others:
            raise UsageError(
                f"{folder} holds other files ({sorted(others)[0]}) and no {METADATA}",
                "name a new or empty folder, or one that was recorded into before",
            )


def _cannot_write(path: Path, error: OSError) -> JxError:
    return JxError(f"cannot write {path}: {error.strerror}", "check the folder and free space")

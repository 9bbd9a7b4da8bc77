"""Data sets for other programs: arrays, a table, WAV files.

- ``npz``: NumPy arrays. ``audio`` float32[all samples], takes end to end; ``offsets`` int64[N + 1],
  where each begins; ``tones`` uint8[N, 48]; and one array a column, text as text.
- ``csv``: the rows as a table, and after their columns one for each parameter. Unknown is empty.
- ``wav``: a folder of 24-bit WAV files with the same samples, and ``metadata.csv`` beside them.

They are written as they are read, so that a set may be larger than the memory.
"""

from __future__ import annotations

import csv
import io
import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TextIO

import numpy as np

from jxctl.dataset.reader import rows, take_audio
from jxctl.dataset.schema import FIELDS, Row
from jxctl.dataset.storage import building, check_outside
from jxctl.errors import VerificationError
from jxctl.files import written_atomically
from jxctl.protocol.parameters import TONE_PARAMETERS

Advance = Callable[[int], None]
ENDINGS = {".npz": "npz", ".csv": "csv"}
"""Ending of a file -> format. A folder of WAV files has none."""


def export(folder: Path, output: Path, format: str, advance: Advance = lambda rows: None) -> int:
    """Write a data set as ``format`` ("npz", "csv" or "wav"); return how many takes it has.

    A file is written whole or not at all, in place of an older one; a folder must be new. Raises as
    `jxctl.dataset.rows` and `take_audio` do, `UsageError` for an output inside the set, and `JxError` where
    nothing can be written.
    """
    check_outside(output, [folder])
    if format == "wav":
        with building(output) as work:
            return _wav(folder, work, advance)
    with written_atomically(output) as file:
        if format == "csv":
            return _csv(folder, file, advance)
        with tempfile.TemporaryFile(dir=Path(os.path.realpath(output)).parent) as samples:
            return _npz(folder, file, samples, advance)


def _csv(folder: Path, file: IO[bytes], advance: Advance) -> int:
    text = io.TextIOWrapper(file, "utf-8", "replace", newline="", write_through=True)
    try:
        writer = _Table(text)
        for row in rows(folder):
            writer.add(row, row["file_name"])
            advance(1)
    finally:
        text.detach()
    return writer.count


def _wav(folder: Path, work: Path, advance: Advance) -> int:
    import soundfile

    with (work / "metadata.csv").open("w", encoding="utf-8", errors="replace", newline="") as text:
        writer = _Table(text)
        for row in rows(folder):
            name = str(Path(row["file_name"]).with_suffix(".wav").as_posix())
            audio = take_audio(folder, row)
            content = io.BytesIO()
            soundfile.write(content, audio, row["sample_rate"], subtype="PCM_24", format="WAV")
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            with (work / name).open("wb") as file:
                file.write(content.getvalue())
                file.flush()
                os.fsync(file.fileno())
            writer.add(row, name)
            advance(1)
        text.flush()
        os.fsync(text.fileno())
    return writer.count


class _Table:
    """A CSV file of rows and parameters."""

    def __init__(self, file: TextIO) -> None:
        self._writer = csv.writer(file, lineterminator="\n")
        self._writer.writerow([*(f.name for f in FIELDS), *(p.name for p in TONE_PARAMETERS)])
        self.count = 0

    def add(self, row: Row, name: str) -> None:
        """One take, whose audio is called ``name``."""
        cells = [name if f.name == "file_name" else row.get(f.name) for f in FIELDS]
        self._writer.writerow([*cells, *bytes.fromhex(row["tone"])])
        self.count += 1


def _npz(folder: Path, file: IO[bytes], samples: IO[bytes], advance: Advance) -> int:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        offsets, columns = [0], {f.name: list[Any]() for f in FIELDS if f.name != "file_name"}
        # The header of an array says how long it is, so it can be written only afterwards.
        for row in rows(folder):
            audio = take_audio(folder, row)
            samples.write(audio.astype("<f4").tobytes())
            offsets.append(offsets[-1] + len(audio))
            for name, values in columns.items():
                values.append(row.get(name))
            advance(1)
        samples.seek(0)
        header = {"descr": "<f4", "fortran_order": False, "shape": (offsets[-1],)}
        with archive.open("audio.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array_header_1_0(member, header)
            while block := samples.read(1 << 20):
                member.write(block)
        tones = [bytes.fromhex(tone) for tone in columns.pop("tone")]
        arrays: dict[str, np.ndarray] = {
            "offsets": np.array(offsets, np.int64),
            "tones": np.frombuffer(b"".join(tones), np.uint8).reshape(-1, len(TONE_PARAMETERS)),
            "parameters": np.array([p.name for p in TONE_PARAMETERS]),
            **{name: _array(name, values) for name, values in columns.items()},
        }
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.save(member, array, allow_pickle=False)
    return len(tones)


def _array(name: str, values: list[Any]) -> np.ndarray:
    """A column: unknown is "" for text, NaN for numbers, and -1 for whole numbers and flags."""
    kind = next(f.kind for f in FIELDS if f.name == name)
    unknown, dtype = {
        "text": ("", np.str_), "number": (np.nan, np.float64), "whole": (-1, np.int64), "flag": (-1, np.int8),
    }[kind]  # fmt: skip
    try:
        return np.array([unknown if value is None else value for value in values], dtype)
    except OverflowError as error:
        raise VerificationError(f"a value of {name} is too large for an array", "export as csv") from error

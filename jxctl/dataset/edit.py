"""Put data sets together, divide them, and write them for other programs. Sets are only read.

`merge`: takes get new numbers; where each came from stays in its row.

`split`: for learning and judging, by tone, so that no tone is on both sides. Which side a tone falls on
depends on its 48 values and the seed alone; raw values of one switch position are one value. A set that has
grown and is split again keeps every tone on its side, so that nothing judged before is learnt later. (Where
chance has put all tones on one side, the one next to the border goes to the other, and may come back when
the set has grown.) The parts are folders of AudioFolder's convention, ``OUT/train`` and ``OUT/test``, each a
whole data set with every row as it was.

`export`: arrays, a table, or WAV files, written as they are read, so that a set may be larger than the
memory.

- ``npz``: NumPy arrays. ``audio`` float32[all samples], takes end to end; ``offsets`` int64[N + 1],
  where each begins; ``tones`` uint8[N, 48]; and one array a column, text as text.
- ``csv``: the rows as a table, and after their columns one for each parameter. Unknown is empty.
- ``wav``: a folder of 24-bit WAV files with the same samples, and ``metadata.csv`` beside them.

A folder is made whole or not at all. In data sets, audio gets a second name (a hard link) and is not stored
twice.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, TextIO

import numpy as np

from jxctl._files import written_atomically
from jxctl.dataset.reader import METADATA, file_name, lines, open_take, rows, take_audio
from jxctl.dataset.schema import FIELDS, Row
from jxctl.dataset.summary import write_card
from jxctl.dataset.writer import sync_folder
from jxctl.errors import JxError, UsageError, VerificationError
from jxctl.protocol.parameters import TONE_PARAMETERS

Advance = Callable[[int], None]
"""Hears how many rows are done."""

ENDINGS = {".npz": "npz", ".csv": "csv"}
"""Ending of a file -> format of an export. A folder of WAV files has none."""

# For each column and raw value, the raw value that stands for it.
_WRITTEN = [[p.start(k) if p.starts else k for k in p.classes] for p in TONE_PARAMETERS]
_CHECK = "jx dataset check names every such take"
_COPIED_AT_ONCE = 1 << 20  # bytes (chosen)


@dataclass(frozen=True, slots=True)
class Merged:
    """``takes``: in the new set. ``doubles``: takes left out because they were in already. ``copied``:
    files stored anew, where no hard link could be made."""

    takes: int
    doubles: int
    copied: int


def merge(folders: Sequence[Path], output: Path, advance: Advance = lambda rows: None) -> Merged:
    """Make a set ``output`` of all takes of ``folders``, in that order. They are only read.

    ``source_set`` and ``source_index`` of a row name the set and the number that the take was recorded
    under; a set that was merged itself passes its own on. Two rows with the same audio and the same label
    (tone, note, velocity, gate), recorded under the same number, are one take.

    Raises `UsageError` for sets of different sample rates, fewer than two sets, or an output that is
    there already or inside one of them; otherwise as `jxctl.dataset.rows` and `link` do. Nothing is left
    of a merge that failed.
    """
    if len(folders) < 2:
        raise UsageError("one data set cannot be merged", "name two or more")
    check_new_folder(output)
    _check_rates(folders)
    check_outside(output, folders)
    seen: set[bytes] = set()
    count = doubles = copied = 0
    with building(output) as work:
        with (work / METADATA).open("wb") as file:
            for folder in folders:
                for row in rows(folder):
                    advance(1)
                    source, listed = folder / row["file_name"], row["index"]
                    recorded_as = row["source_index"]
                    if recorded_as is None:
                        recorded_as = row["source_index"] = listed
                        row["source_set"] = folder.resolve().name
                    identity = _identity(row, recorded_as)
                    if identity in seen:
                        doubles += 1
                        continue
                    seen.add(identity)
                    row["index"], row["file_name"] = count, file_name(count)
                    copied += not link(source, work / row["file_name"])
                    file.write(_line(row, folder))
                    count += 1
            file.flush()
            os.fsync(file.fileno())
        write_card(work)
    return Merged(count, doubles, copied)


def _identity(row: Row, recorded_as: int) -> bytes:
    # The label too: silent takes are bit for bit alike whatever was played.
    what = (row["sha256"], recorded_as, row["tone"], row["note"], row["velocity"], float(row["gate_s"]))
    return hashlib.sha256(repr(what).encode()).digest()[:16]


def _line(row: Row, folder: Path) -> bytes:
    try:
        return json.dumps(row, allow_nan=False).encode() + b"\n"
    except ValueError as error:
        # A column that nobody knows, and so nobody has looked at.
        raise VerificationError(
            f"take {row['source_index']} of {folder} has a number that is too large", "correct its row"
        ) from error


def _check_rates(folders: Sequence[Path]) -> None:
    found: dict[int, Path] = {}
    for folder in folders:
        for row in rows(folder):
            found.setdefault(row["sample_rate"], folder)
    if len(found) > 1:
        (rate, one), (other_rate, other) = list(found.items())[:2]
        raise UsageError(
            f"{one} has a sample rate of {rate} Hz and {other} one of {other_rate} Hz",
            "merge sets of one rate; jx train takes several sets of any rate",
        )


@dataclass(frozen=True, slots=True)
class Part:
    """One side of a split: its name, takes and different tones. ``copied``: files stored anew, where no
    hard link could be made. ``known``: columns that some of its takes know."""

    name: str
    takes: int
    tones: int
    copied: int
    known: frozenset[str]


def place(tone: str, seed: int) -> float:
    """Where a tone (hex) lies between 0 and 1: evenly spread, the same wherever it is asked, and however
    the positions of its switches are written."""
    raws = zip(_WRITTEN, bytes.fromhex(tone), strict=True)
    alike = bytes(written[raw] for written, raw in raws).hex()
    digest = hashlib.sha256(f"{seed}:{alike}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def split(
    folder: Path, output: Path, train: float, seed: int, advance: Advance = lambda rows: None
) -> list[Part]:
    """Divide a set into ``output``/train and ``output``/test; a share ``train`` of the tones goes to
    the first, to within chance, and at least one tone to each. The set itself is only read.

    Raises `UsageError` for a share outside 0 to 1, an output that is there already or inside the set, or a
    set of one tone; otherwise as `jxctl.dataset.rows` and `link` do. Nothing is left of a split that failed.
    """
    if not 0 < train < 1:
        raise UsageError(f"the share to train on is {train:g}; it lies between 0 and 1", "--train 0.9")
    check_new_folder(output)
    places = {place(row["tone"], seed) for row in rows(folder)}
    check_outside(output, [folder])
    if len(places) < 2:
        raise UsageError(f"{folder} has {len(places)} tones: two or more can be split", "record more tones")
    # At least one tone on either side, the one nearest to the border.
    border = min(max(train, sorted(places)[1]), max(places))
    names = ("train", "test")
    takes, tones, copied = [0, 0], [set[float](), set[float]()], [0, 0]
    known: list[set[str]] = [set(), set()]
    with building(output) as work, ExitStack() as stack:
        for name in names:
            (work / name).mkdir()
        files = [stack.enter_context((work / name / METADATA).open("wb")) for name in names]
        for line, row in lines(folder):
            at = place(row["tone"], seed)
            side = int(at >= border)
            file_name = row["file_name"]
            copied[side] += not link(folder / file_name, work / names[side] / file_name)
            files[side].write(line.rstrip(b"\n") + b"\n")
            takes[side] += 1
            tones[side].add(at)
            known[side].update(name for name, value in row.items() if value is not None)
            advance(1)
        for file in files:
            file.flush()
            os.fsync(file.fileno())
        for name in names:
            write_card(work / name)
    return [
        Part(name, takes[k], len(tones[k]), copied[k], frozenset(known[k])) for k, name in enumerate(names)
    ]


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
            while block := samples.read(_COPIED_AT_ONCE):
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


def check_outside(target: Path, sources: Sequence[Path]) -> None:
    """Raise `UsageError` for a ``target`` inside one of the ``sources``: it would be taken for a part of
    it, or take the place of one."""
    for source in sources:
        if Path(os.path.realpath(target)).is_relative_to(os.path.realpath(source)):
            raise UsageError(f"{target} lies inside {source}", "write to a place outside of it")


def check_new_folder(target: Path) -> None:
    """Raise `UsageError` unless ``target`` can be made: it is not there, or an empty folder."""
    try:
        if target.is_dir() and not any(target.iterdir()):
            return
        if os.path.lexists(target):
            raise UsageError(f"{target} is there already", "name a new or empty folder")
        if not target.absolute().parent.is_dir():
            raise UsageError(f"cannot write {target}: there is no folder {target.parent}", "make it first")
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}", "name another folder") from error


@contextmanager
def building(target: Path) -> Iterator[Path]:
    """A new folder to fill, which becomes ``target`` at the end, or goes away when that fails.

    A link to an empty folder is followed. Raises `UsageError` when ``target`` is there already, `JxError`
    where nothing can be written.
    """
    check_new_folder(target)
    place = Path(os.path.realpath(target))
    try:
        work = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}."))
    except OSError as error:
        raise JxError(
            f"cannot write {target}: {error.strerror}", "check the folder and free space"
        ) from error
    try:
        yield work
        work.chmod(0o755)
        for folder in [work, *(path for path in work.rglob("*") if path.is_dir())]:
            sync_folder(folder)
        if place.is_dir():
            place.rmdir()
        work.rename(place)
        sync_folder(place.parent)
    except OSError as error:
        raise JxError(
            f"cannot write {target}: {error.strerror}", "check the folder and free space"
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def link(source: Path, target: Path) -> bool:
    """Give a finished file a second name, without storing it twice; tell whether that went.

    Where the file system has no hard links, or the two lie on different disks, it is copied and
    synced. Takes are never changed in place, so a shared file is safe. A symbolic link is followed.
    Raises `VerificationError` for a source that is no FLAC, and for a name that is taken, `OSError` where
    the target cannot be written.
    """
    try:
        file = open_take(source)
    except OSError as error:
        raise VerificationError(f"{source} is listed but cannot be read: {error.strerror}", _CHECK) from error
    with file:
        # A set may come from anyone, and a link in it may lead to any file of its reader.
        if file.read(4) != b"fLaC":
            raise VerificationError(f"{source} is listed but cannot be read: no FLAC", _CHECK)
        if os.path.lexists(target):
            raise VerificationError(f"{source} is the file of two takes", _CHECK)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            # Resolved, because a relative link would point elsewhere from its new place.
            os.link(os.path.realpath(source), target)
            return True
        except OSError:
            file.seek(0)
            _copy(file, target)
            return False


def _copy(file: BinaryIO, target: Path) -> None:
    with target.open("xb") as copy:
        shutil.copyfileobj(file, copy)
        copy.flush()
        os.fsync(copy.fileno())

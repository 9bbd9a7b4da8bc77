"""Verify a data set: is every take what its row says, and do takes that should sound alike do so?

`verify` looks at files, hashes, audio, duplicates and levels.

`DriftMeter` measures how a rig drifts. The reference tone is played again and again during a recording.
Level, pitch and spectrum of its takes are compared with those of the first. A set without one is judged by
what it repeats otherwise: the same tone, note, velocity and gate.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jxctl.audio.analysis import peak_dbfs, rms_dbfs
from jxctl.audio.capture import Audio
from jxctl.dataset.reader import METADATA, TAKES, decode, lines, take_bytes, torn_bytes
from jxctl.dataset.schema import Indices, Row
from jxctl.dataset.take import TRUSTED

PEAK_TOLERANCE_DB = 0.01
"""24 bits move the peak of a sound that can be heard by far less."""
QUIETEST_PEAK_DBFS = -100.0
"""Below this a step of 24 bits shows in the peak."""
QUIETEST_FLOOR_DBFS = -140.0
"""Half a step of 24 bits is -144 dBFS: what is quieter is digital silence."""
LISTEN_S = 1.0
"""How much of a take is compared, from its onset on."""
LOWEST_HZ = 40.0
HIGHEST_HZ = 16000.0
"""Spectra are compared between the two (chosen)."""
LOWEST_RATE = 1000
"""In Hz; below, hardly any octave is left to compare."""
MOST_CENTS = 100
"""Pitch is looked for this far to both sides."""
ALIKE = 0.5
"""Correlation of two spectra below which there is no pitch to compare."""
MOST_SOUNDS = 8
"""Repeated sounds that are followed where no reference tone was played."""
_BAND_FLOOR_DB = -60.0  # bands this far under the loudest are noise (chosen)

Heard = Callable[[Row, Audio], None]
"""Is given each take whose file is whole."""
Key = tuple[object, ...]
"""What a take should sound like; see `sound_of`."""


@dataclass
class Verified:
    """What `verify` has seen. ``takes``: rows. ``findings``: how many things are wrong. ``verdicts``:
    how many takes of each. ``same_sound``: takes whose file is bit for bit that of an earlier one, as a
    virtual board without a noise floor gives them. ``loudest_dbfs``, ``loudest_floor_dbfs``: over all
    takes that say so."""

    takes: int = 0
    findings: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)
    same_sound: int = 0
    loudest_dbfs: float | None = None
    loudest_floor_dbfs: float | None = None


def check(folder: str | Path) -> Iterator[str]:
    """Verify a data set: every row against its file and its audio.

    Args:
        folder: of the data set.

    Returns:
        What is wrong, one finding at a time: nothing when it is sound. See `verify`.

    Raises:
        UsageError: the folder holds no data set.

    Examples:
        >>> from jxctl.dataset.writer import Writer
        >>> Writer("sound set").close()
        >>> list(check("sound set"))
        []
    """
    return verify(folder, Verified())


def verify(
    folder: str | Path,
    seen: Verified,
    heard: Heard = lambda row, audio: None,
    advance: Callable[[int], None] = lambda rows: None,
) -> Iterator[str]:
    """What is wrong with a data set, one finding at a time; ``seen`` is filled along the way.

    Rows that cannot be read; files listed but missing, altered (hash), no audio, or of another rate,
    length or peak than the row says; indices and files listed twice; one recording under two labels;
    files not listed; a torn last row. ``heard`` is given every take whose file is whole, with its audio;
    ``advance(n)`` hears of rows done.

    Raises `UsageError` when the folder holds no data set.
    """
    for finding in _findings(Path(folder), seen, heard, advance):
        seen.findings += 1
        yield finding


def _findings(folder: Path, seen: Verified, heard: Heard, advance: Callable[[int], None]) -> Iterator[str]:
    indices, listed = Indices(), set[str]()
    recordings: dict[bytes, int] = {}
    unreadable: list[str] = []
    for _, row in lines(folder, unreadable.append):
        yield from _emptied(unreadable)
        advance(1)
        seen.takes += 1
        verdict = str(row["verdict"])
        seen.verdicts[verdict] = seen.verdicts.get(verdict, 0) + 1
        seen.loudest_dbfs = _louder(seen.loudest_dbfs, row["peak_dbfs"])
        seen.loudest_floor_dbfs = _louder(seen.loudest_floor_dbfs, row["noise_floor_dbfs"])
        name = row["file_name"]
        if not indices.add(row["index"]):
            yield f"take {row['index']} is listed twice"
        elif name in listed:
            yield f"{name} is the file of two takes"
        listed.add(name)
        try:
            content = take_bytes(folder, name)
        except OSError as error:
            yield f"{name} is listed but cannot be read ({error.strerror})"
            continue
        digest = hashlib.sha256(content)
        intact = digest.hexdigest() == row["sha256"]
        altered = "" if intact else " is not the file that was recorded (its hash differs)"
        try:
            audio, rate = decode(content)
        except ValueError as error:
            yield f"{name}{altered and altered + ' and'} is no audio: {error}"
            continue
        if altered:
            yield f"{name}{altered}"
            continue
        yield from _differences(row, audio, rate)
        heard(row, audio)
        first = recordings.setdefault(digest.digest()[:16], row["index"])
        if first != row["index"]:
            if _noisy(row):
                yield f"{name} is, bit for bit, the recording of take {first}: a noise floor does not repeat"
            else:
                seen.same_sound += 1
    yield from _emptied(unreadable)
    yield from unlisted(folder, listed)
    if torn_bytes(folder / METADATA):
        yield f"the last row of {METADATA} is torn"


def unlisted(folder: Path, listed: set[str]) -> Iterator[str]:
    """Audio that no row speaks of."""
    for place, inner, names in os.walk(folder / TAKES):
        inner.sort()
        for name in sorted(names):
            found = f"{Path(place).relative_to(folder).as_posix()}/{name}"
            if name.endswith(".flac") and found not in listed:
                yield f"{found} is not listed"


def _differences(row: Row, audio: Audio, rate: int) -> Iterator[str]:
    name = row["file_name"]
    if rate != row["sample_rate"]:
        yield f"{name} has a rate of {rate} Hz, its row says {row['sample_rate']} Hz"
    if row["samples"] not in (None, len(audio)):
        yield f"{name} has {len(audio)} samples, its row says {row['samples']}"
    if not np.isfinite(audio).all():
        yield f"{name} holds samples that are not numbers"
    said, found = row["peak_dbfs"], peak_dbfs(audio)
    if said is None or max(said, found) < QUIETEST_PEAK_DBFS:
        return
    if abs(min(said, 0.0) - found) > PEAK_TOLERANCE_DB:
        yield f"{name} has a peak of {found:.2f} dBFS, its row says {said:.2f} dBFS"


def _emptied(found: list[str]) -> Iterator[str]:
    while found:
        yield found.pop(0)


def _noisy(row: Row) -> bool:
    """Whether the take has the noise floor of a real input, which is never the same twice."""
    floor = row["noise_floor_dbfs"]
    return row["profile"] is None and floor is not None and floor > QUIETEST_FLOOR_DBFS


def _louder(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else max(one, other)


@dataclass(frozen=True, slots=True)
class Sounded:
    """One take of a repeated sound, against the first. ``index``: of the take. ``hours``: after the
    first, where clocks say. ``level_db``: louder is positive. ``cents``: higher is positive, ``None``
    where there is no pitch to compare. ``spectrum_db``: mean difference of third-octave bands within
    60 dB of the loudest, apart from level."""

    index: int
    hours: float | None
    level_db: float
    cents: float | None
    spectrum_db: float


@dataclass(frozen=True, slots=True)
class Drift:
    """What happened to one repeated sound. ``reference``: it is the reference tone. ``takes``: in the
    order of recording, the first included."""

    tone: str
    note: int
    velocity: int
    gate_s: float
    reference: bool
    takes: tuple[Sounded, ...]

    @property
    def level_db(self) -> tuple[float, float]:
        """Lowest and highest level against the first, in dB."""
        return _span([take.level_db for take in self.takes])

    @property
    def cents(self) -> tuple[float, float] | None:
        """Lowest and highest pitch against the first, in cents; ``None`` without a pitch."""
        found = [take.cents for take in self.takes if take.cents is not None]
        return _span(found) if found else None

    @property
    def spectrum_db(self) -> float:
        """Largest difference of spectra from the first, in dB."""
        return max(take.spectrum_db for take in self.takes)


def sound_of(row: Row) -> Key:
    """What a take should sound like: takes of the same key should sound alike."""
    return (row["tone"], row["patch"], row["note"], row["velocity"], row["gate_s"], row["sample_rate"])


def followed(rows: Iterable[Row]) -> set[Key]:
    """The sounds whose takes show drift: those of the reference tone, or else those repeated most."""
    references: set[Key] = set()
    counts: Counter[int] = Counter()
    repeated: dict[int, Key] = {}
    for row in rows:
        key = sound_of(row)
        if row["reference"]:
            references.add(key)
        # Hashes, because a long recording has a hundred thousand sounds and repeats hardly any.
        counts[hash(key)] += 1
        if counts[hash(key)] == 2 and len(repeated) < 1000:
            repeated[hash(key)] = key
    if references:
        return references
    return set(sorted(repeated.values(), key=lambda key: -counts[hash(key)])[:MOST_SOUNDS])


@dataclass(frozen=True, slots=True, eq=False)
class _Heard:
    row: Row
    level_dbfs: float
    spectrum: NDArray[np.float64]
    bands_db: NDArray[np.float64]


class DriftMeter:
    """Hears takes in order (`add`) and says how the ``followed`` sounds changed (`drifts`)."""

    def __init__(self, followed: set[Key]) -> None:
        self._followed = followed
        self._firsts: dict[Key, _Heard] = {}
        self._sounds: dict[Key, list[Sounded]] = {}

    def add(self, row: Row, audio: Audio) -> None:
        """Hear a take. Only trusted ones in which something was heard count."""
        key = sound_of(row)
        if key not in self._followed or row["verdict"] not in TRUSTED or row["onset_s"] is None:
            return
        rate = row["sample_rate"]
        if rate < LOWEST_RATE:
            return
        start = max(0, round(row["onset_s"] * rate))
        sound = audio[start : start + round(min(LISTEN_S, row["gate_s"]) * rate)]
        if not np.any(sound):
            return
        now = _Heard(row, rms_dbfs(sound), *_spectra(sound, rate))
        first = self._firsts.setdefault(key, now)
        loud = first.bands_db > _BAND_FLOOR_DB
        self._sounds.setdefault(key, []).append(
            Sounded(
                row["index"],
                _hours(first.row["recorded_at"], row["recorded_at"]),
                now.level_dbfs - first.level_dbfs,
                shift_cents(first.spectrum, now.spectrum),
                float(np.abs(now.bands_db - first.bands_db)[loud].mean()),
            )
        )

    def drifts(self) -> Iterator[Drift]:
        """Every sound that was heard at least twice, the most frequent first."""
        for key, takes in sorted(self._sounds.items(), key=lambda item: -len(item[1])):
            row = self._firsts[key].row
            if len(takes) > 1:
                played = row["tone"], row["note"], row["velocity"], row["gate_s"]
                yield Drift(*played, bool(row["reference"]), tuple(takes))


def shift_cents(first: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    """By how many cents one spectrum over a logarithmic axis (a cent a step) lies above another.

    The best match within `MOST_CENTS`, between steps along a parabola; ``None`` where none is good.
    """
    middle = first[MOST_CENTS:-MOST_CENTS]
    windows = np.lib.stride_tricks.sliding_window_view(other, len(middle))
    norms = np.linalg.norm(windows, axis=1) * np.linalg.norm(middle)
    match = (windows @ middle) / np.maximum(norms, 1e-30)
    best = int(match.argmax())
    if match[best] < ALIKE or best in (0, len(match) - 1):
        return None
    left, top, right = match[best - 1 : best + 2]
    bend = left - 2 * top + right
    return float(best - MOST_CENTS + (0.5 * (left - right) / bend if bend else 0.0))


def _spectra(sound: Audio, rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Magnitudes on an axis of one cent a step, and levels of third-octave bands below the loudest."""
    size = 4 * len(sound)
    magnitude = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), size))
    hz = np.fft.rfftfreq(size, 1 / rate)
    highest = min(HIGHEST_HZ, 0.45 * rate)
    steps = LOWEST_HZ * 2 ** (np.arange(0, 1200 * np.log2(highest / LOWEST_HZ)) / 1200)
    # The root brings weaker partials, which lie higher and tell pitch more finely, into the match.
    spectrum = np.sqrt(np.interp(steps, hz, magnitude))
    # Less its surroundings: what is left are partials, and noise matches nothing.
    spectrum -= np.convolve(spectrum, np.ones(2 * MOST_CENTS + 1) / (2 * MOST_CENTS + 1), "same")
    edges = LOWEST_HZ * 2 ** (np.arange(0, 3 * np.log2(highest / LOWEST_HZ) + 1) / 3)
    power = np.concatenate([[0.0], np.cumsum(magnitude**2)])
    bands = np.diff(power[np.searchsorted(hz, edges)])
    return spectrum, 10 * np.log10(np.maximum(bands / max(bands.max(), 1e-30), 1e-12))


def _hours(first: str | None, other: str | None) -> float | None:
    try:
        spent = datetime.fromisoformat(str(other)) - datetime.fromisoformat(str(first))
    except (ValueError, TypeError):
        return None
    return spent.total_seconds() / 3600


def _span(values: list[float]) -> tuple[float, float]:
    return min(values), max(values)

"""From a plan to a data set: record what is not there yet, in order, and survive every interruption.

::

    with open_rig(settle("bench.toml")) as rig, open_session(plan, rig, folder) as session:
        session.record()

The number of a take (its index) says what it is (`jxctl.recording.plan`), so that recording into a folder
that holds part of the plan continues it.

While the board settles for the next take, the last one is written to the disk; the next note is not
played before it is durable, so that one take at most is ever in progress. Only a virtual board, whose
takes cost nothing, renders on meanwhile: a kill then loses that one too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from jxctl.dataset import Row, rows
from jxctl.dataset.take import TRUSTED, Take
from jxctl.dataset.writer import Writer
from jxctl.errors import DeviceError, UsageError
from jxctl.protocol.tone import Tone
from jxctl.recording.plan import PlannedTake, Takes
from jxctl.recording.rig import Rig

RETRIES = 2
"""How often a take that cannot be trusted is played again."""
HOPELESS = 20
"""So many failed takes one after the other are no bad luck: something is unplugged or turned down."""


@dataclass
class Tally:
    """What a recording came to.

    Args:
        verdicts: takes by verdict.
        retries: how often a take was played again.
        seconds: of sound.

    Examples:
        >>> tally = Tally(Counter({"ok": 3, "clipped": 1}))
        >>> tally.recorded, tally.trusted, tally.failed
        (4, 3, {'clipped': 1})
    """

    verdicts: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    seconds: float = 0.0

    @property
    def recorded(self) -> int:
        """Takes that are durable."""
        return self.verdicts.total()

    @property
    def trusted(self) -> int:
        """Those that can be trusted."""
        return sum(self.verdicts[verdict] for verdict in TRUSTED)

    @property
    def failed(self) -> dict[str, int]:
        """The others, by verdict."""
        return {verdict: n for verdict, n in sorted(self.verdicts.items()) if verdict not in TRUSTED}


@dataclass
class Session:
    """What of a plan one data set does not hold yet, and the rig to record it with; see `open_session`.

    Args:
        plan: which takes.
        rig: what records them.
        data_set: what keeps them.
        wanted: indices of the takes of the plan that the set is to hold, in order.
        tally: what has been recorded, right after an error too.

    Examples:
        >>> from jxctl.recording.config import RigFile
        >>> from jxctl.recording.plan import Plan
        >>> from jxctl.recording.rig import open_rig
        >>> plan = Plan([Tone.init()], [60], [100], [0.2], 0.4)
        >>> with open_rig(RigFile(port="sim:")) as rig, open_session(plan, rig, Path("one take")) as session:
        ...     session.record().recorded, session.left
        (1, 0)
    """

    plan: Takes
    rig: Rig
    data_set: Writer
    wanted: Sequence[int]
    tally: Tally = field(default_factory=Tally)

    @property
    def left(self) -> int:
        """How many takes are not recorded yet."""
        return sum(index not in self.data_set.indices for index in self.wanted)

    def record(
        self,
        seed: int | None = None,
        on_take: Callable[[Row], None] | None = None,
        *,
        retries: int = RETRIES,
        tones_from: str | None = None,
        accept: Callable[[Take], bool] = lambda take: True,
    ) -> Tally:
        """Record what is left, as `record` does, which says what the options are. Raises as `record`."""
        left = (self.plan[index] for index in self.wanted if index not in self.data_set.indices)
        return record(
            left, self.rig, self.data_set, seed, on_take,
            retries=retries, tones_from=tones_from, tally=self.tally, accept=accept,
        )  # fmt: skip


@contextmanager
def open_session(
    plan: Takes,
    rig: Rig,
    folder: Path,
    *,
    wanted: Sequence[int] | None = None,
    check: Callable[[], object] | None = None,
    said: Callable[[str], None] = lambda text: None,
) -> Iterator[Session]:
    """Open a data set, new or begun, to record a plan into it.

    Args:
        plan: which takes.
        rig: what records them.
        folder: of the data set.
        wanted: indices of the plan, in order; None for all.
        check: looks at the rig and raises where takes would be worthless: it is called once, before a new
            folder is made, or, for a set that is continued, once it is known to hold takes of this plan and
            this rig; where nothing is left to record, not at all.
        said: is called with what was repaired, in words.

    Returns:
        A context manager that gives the `Session`, whose example shows it.

    Raises:
        JxError: as `Writer`, `check_same_plan`, `check_same_rig` and ``check`` do.

    Examples:
        >>> from jxctl.recording.config import RigFile
        >>> from jxctl.recording.plan import Plan
        >>> from jxctl.recording.rig import open_rig
        >>> plan = Plan([Tone.init()], [48, 60], [100], [0.2], 0.4)
        >>> with open_rig(RigFile(port="sim:")) as rig, open_session(plan, rig, Path("two takes")) as session:
        ...     session.left
        2
    """
    checked = check is not None and not _is_there(folder)
    if check is not None and checked:
        check()
    with Writer(folder) as data_set:
        for repair in data_set.repairs:
            said(repair)
        check_same_plan(plan, data_set)
        check_same_rig(rig, data_set)
        session = Session(plan, rig, data_set, range(len(plan)) if wanted is None else wanted)
        if check is not None and not checked and session.left:
            check()
        yield session


def _is_there(folder: Path) -> bool:
    """Whether the folder holds something, or is none: to be looked at before any sound is made."""
    try:
        return any(folder.iterdir())
    except FileNotFoundError:
        return False
    except OSError:
        return True


def check_same_plan(plan: Takes, data_set: Writer) -> None:
    """Raise `UsageError` when a listed take is not what the plan has under its index: the set was
    recorded with another seed, or other tones, notes, velocities or gates."""
    for row in rows(data_set.folder):
        if row["index"] >= len(plan):
            continue
        take = plan[row["index"]]
        asked = (take.tone.values.hex(), take.note, take.velocity, take.gate_s)
        if asked != (row["tone"], row["note"], row["velocity"], row["gate_s"]):
            raise UsageError(
                f"{data_set.folder} holds the takes of another plan: take {take.index} differs",
                "use the tones, seed, notes, velocities and gates of the first run, or another folder",
            )


def check_same_rig(rig: Rig, data_set: Writer) -> None:
    """Raise `UsageError` when the takes that are listed have another sample rate, or were played by a
    virtual board with another profile: one set would hold two kinds of sound under the same tones."""
    first = next(iter(rows(data_set.folder)), None)
    if first is None:
        return
    compared = (
        ("sample_rate", first["sample_rate"], rig.audio.sample_rate),
        ("profile", first["profile"], rig.bench.profile),
    )
    for key, before, now in compared:
        if before != now:
            then, here = ("unknown" if one is None else one for one in (before, now))
            raise UsageError(
                f"{data_set.folder} was recorded with {key} {then}; this would be {here}",
                "continue with the port and options of the first run, or use another folder",
            )


def remaining(plan: Takes, data_set: Writer) -> Iterator[PlannedTake]:
    """The takes of a plan that a data set does not list yet, in order; see `check_same_plan`."""
    return (plan[index] for index in range(len(plan)) if index not in data_set.indices)


def count_remaining(plan: Takes, data_set: Writer) -> int:
    """How many takes `remaining` gives."""
    return sum(index not in data_set.indices for index in range(len(plan)))


def record(
    takes: Iterable[PlannedTake],
    rig: Rig,
    data_set: Writer,
    seed: int | None = None,
    on_take: Callable[[Row], None] | None = None,
    *,
    retries: int = RETRIES,
    tones_from: str | None = None,
    tally: Tally | None = None,
    accept: Callable[[Take], bool] = lambda take: True,
) -> Tally:
    """Record takes into a data set; ``on_take`` sees the row of each once it is durable.

    A take that cannot be trusted is played again, ``retries`` times at most, and then kept with its
    verdict and its reason. ``tally`` is kept up to date: it is right after an error too. ``accept`` sees
    each take before it is kept, and says whether it is; what it raises ends the recording without that take.

    Raises `DeviceError` when the port or the audio input fails, or after `HOPELESS` failed takes in a
    row; `JxError` when a take cannot be written. What is listed by then is whole, and only the take in
    progress is lost.
    """
    tally = tally or Tally()
    in_a_row = 0
    # Leaving the block waits for the take that is being written.
    with ThreadPoolExecutor(1, "jx-writer") as writer:
        writing = _Writing(writer, data_set, seed, tally, on_take)
        ready = writing.finish if rig.live else _nothing
        try:
            for planned, following in _with_next(takes):
                take, attempts = _tried(rig, planned, retries, ready, tally, following)
                accepted = accept(take)
                writing.finish()
                if accepted:
                    labelled = replace(
                        take, attempts=attempts, reference=planned.reference, tones_from=tones_from
                    )
                    writing.start(planned.index, labelled)
                in_a_row = 0 if take.trusted else in_a_row + 1
                if in_a_row >= HOPELESS:
                    break
        finally:
            writing.finish()
    if in_a_row >= HOPELESS:
        raise DeviceError(
            f"the last {in_a_row} takes all failed (the last: {take.verdict}, {take.reason})",
            "check the synth, the cabling and the input level; the same command continues after them",
        )
    return tally


def _tried(
    rig: Rig,
    planned: PlannedTake,
    retries: int,
    ready: Callable[[], None],
    tally: Tally,
    following: Tone | None,
) -> tuple[Take, int]:
    """The first take that can be trusted, or the last one that was tried, and how many were tried."""
    for attempt in range(1, retries + 2):
        asked = (planned.tone, planned.note, planned.velocity, planned.gate_s, planned.max_seconds)
        take = rig.take(*asked, ready, following)
        tally.seconds += take.seconds
        tally.retries += attempt > 1
        if take.trusted:
            break
    return take, attempt


def _with_next(takes: Iterable[PlannedTake]) -> Iterator[tuple[PlannedTake, Tone | None]]:
    """Each take with the tone of the one after it."""
    last: PlannedTake | None = None
    for planned in takes:
        if last is not None:
            yield last, planned.tone
        last = planned
    if last is not None:
        yield last, None


def _nothing() -> None:
    """There is nothing to wait for."""


class _Writing:
    """The take that is on its way to the disk."""

    def __init__(
        self,
        worker: ThreadPoolExecutor,
        data_set: Writer,
        seed: int | None,
        tally: Tally,
        on_take: Callable[[Row], None] | None,
    ) -> None:
        self._worker = worker
        self._data_set = data_set
        self._seed = seed
        self._tally = tally
        self._on_take = on_take
        self._row: Future[Row] | None = None

    def start(self, index: int, take: Take) -> None:
        """Begin to write a take."""
        self._row = self._worker.submit(self._data_set.append, index, take, self._seed)

    def finish(self) -> None:
        """Wait until it is durable, and say so. Raises what went wrong."""
        if self._row is None:
            return
        pending, self._row = self._row, None
        try:
            row = pending.result()
        except KeyboardInterrupt:
            # It is written all the same, and waited for on the way out.
            self._row = pending
            raise
        self._tally.verdicts[str(row["verdict"])] += 1
        if self._on_take is not None:
            self._on_take(row)

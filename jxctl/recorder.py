"""From a plan to a data set: record what is not there yet, in order, and survive every interruption.

A plan is worked out before anything is recorded and is the same for the same seed, so the number of
a take (its index) says what it is. Recording into a folder that holds part of the plan continues it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from jxctl.dataset import Row, rows
from jxctl.dataset_writer import Writer
from jxctl.errors import UsageError
from jxctl.rig import DEFAULT_MAX_SECONDS, Rig, check_note
from jxctl.tone import Tone


@dataclass(frozen=True, slots=True)
class PlannedTake:
    """One take to be recorded; see `jxctl.rig.Rig.take`. Raises `UsageError` for values out of range."""

    index: int
    tone: Tone
    note: int
    velocity: int
    gate_s: float
    max_seconds: float = DEFAULT_MAX_SECONDS

    def __post_init__(self) -> None:
        check_note(self.note, self.velocity, self.gate_s, self.max_seconds)


def plan_takes(
    tones: Iterable[Tone],
    notes: Sequence[int],
    velocities: Sequence[int],
    gate_s: float = 1.0,
    max_seconds: float = DEFAULT_MAX_SECONDS,
) -> list[PlannedTake]:
    """Every tone at every note and velocity; the takes of a tone follow each other.

    More tones later make a longer plan that begins with the same takes.
    """
    wanted = product(tones, notes, velocities)
    return [
        PlannedTake(index, tone, note, velocity, gate_s, max_seconds)
        for index, (tone, note, velocity) in enumerate(wanted)
    ]


def remaining(plan: Sequence[PlannedTake], data_set: Writer) -> list[PlannedTake]:
    """The takes of a plan that a data set does not list yet.

    Raises `UsageError` when a listed take is not what the plan has under its index: the set was
    recorded with another seed, or other notes, velocities or gate.
    """
    planned = {take.index: take for take in plan}
    for row in rows(data_set.folder):
        take = planned.get(row["index"])
        if take is None:
            continue
        asked = (take.tone.values.hex(), take.note, take.velocity, take.gate_s)
        if asked != (row["tone"], row["note"], row["velocity"], row["gate_s"]):
            raise UsageError(
                f"{data_set.folder} holds the takes of another plan: take {take.index} differs",
                "use the seed, notes, velocities and gate of the first run, or another folder",
            )
    return [take for take in plan if take.index not in data_set.indices]


def record(
    takes: Iterable[PlannedTake],
    rig: Rig,
    data_set: Writer,
    seed: int | None = None,
    on_take: Callable[[Row], None] | None = None,
) -> Counter[str]:
    """Record takes into a data set; ``on_take`` sees the row of each once it is durable.

    Failed takes are kept with their verdict. Returns how many there were of each verdict. Raises
    `DeviceError` when the port or the audio input fails, `JxError` when a take cannot be written;
    what is listed by then is whole.
    """
    verdicts: Counter[str] = Counter()
    for planned in takes:
        take = rig.take(planned.tone, planned.note, planned.velocity, planned.gate_s, planned.max_seconds)
        row = data_set.append(planned.index, take, seed)
        verdicts[str(take.verdict)] += 1
        if on_take is not None:
            on_take(row)
    return verdicts

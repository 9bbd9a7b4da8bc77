"""Recorded takes as calibration sees them, from a data set or a rig, and what they cover of its plan.

Laws are read off plain tones that differ in one parameter. A data set of other tones holds few of them or
none; then it is said what is missing, rather than that a fit failed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from estimator.calibration.experiments import CalibrationPlan, Experiment
from estimator.calibration.measurements import Heard, onset_sample
from jxctl import dataset
from jxctl.audio.analysis import SILENCE_DBFS
from jxctl.dataset.take import TRUSTED, Take
from jxctl.errors import UsageError

_EARLY_S = 0.003
"""Of the time before a note can be heard, so much is kept."""


@dataclass(frozen=True, eq=False)
class Sample:
    """A recorded take of an experiment. ``index``: in the plan. ``voice``: that played it, -1 unknown.
    ``tone``: uint8[48]."""

    index: int
    experiment: Experiment
    tone: NDArray[np.uint8]
    velocity: int
    voice: int
    heard: Heard

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.heard.audio) / self.heard.rate


def from_takes(takes: Iterable[tuple[int, Take]], plan: CalibrationPlan) -> list[Sample]:
    """Samples of takes that a rig has just made, with their indices in the plan. Untrusted ones are left
    out."""
    found = []
    for index, take in takes:
        if take.verdict is None or take.verdict in TRUSTED:
            found.append(
                _sample(
                    index, plan, take.tone.values, take.note, take.velocity, take.gate_s, take.voice,
                    take.audio, take.sample_rate, take.noise_floor_dbfs, take.latency_s,
                )
            )  # fmt: skip
    return found


def from_data_set(folder: str | Path, plan: CalibrationPlan) -> Iterator[Sample]:
    """Samples of a data set: the takes whose tone, note, velocity and gate are in the plan, trusted ones
    only.

    Args:
        folder: of the data set.
        plan: of the calibration.

    Returns:
        The samples, one at a time.

    Raises:
        UsageError: the folder holds no data set.
        VerificationError: a row or a file cannot be read.

    Examples:
        >>> from jxctl.dataset.writer import Writer
        >>> Writer("no takes").close()
        >>> list(from_data_set("no takes", CalibrationPlan()))
        []
    """
    asked: dict[tuple[str, int, int, float], list[int]] = {}
    for index in range(len(plan)):
        take = plan[index]
        key = (take.tone.values.hex(), take.note, take.velocity, take.gate_s)
        asked.setdefault(key, []).append(index)
    for row in dataset.rows(folder):
        key = (row["tone"], row["note"], row["velocity"], row["gate_s"])
        indices = asked.get(key, [])
        if not indices or row["verdict"] not in (None, *TRUSTED):
            continue
        audio = dataset.take_audio(folder, row)
        # In a set of its own the index says which experiment it was played for; in any other it serves all.
        for index in [row["index"]] if row["index"] in indices else indices:
            yield _sample(
                index, plan, bytes.fromhex(row["tone"]), row["note"], row["velocity"], row["gate_s"],
                row["voice"], audio, row["sample_rate"], row["noise_floor_dbfs"], row["latency_s"],
            )  # fmt: skip


@dataclass(frozen=True)
class Coverage:
    """``takes``: of the data set, and how many of them are not ``trusted``. By experiment the takes that are
    ``held``, and the ``fewest`` that are needed."""

    takes: int
    untrusted: int
    held: dict[str, int]
    fewest: dict[str, int]

    @property
    def enough(self) -> list[str]:
        """Experiments whose laws can be fitted."""
        return [name for name, least in self.fewest.items() if self.held[name] >= least]

    @property
    def short(self) -> dict[str, tuple[int, int]]:
        """The others: takes that are there, and the fewest that are needed."""
        return {
            name: (self.held[name], least) for name, least in self.fewest.items() if self.held[name] < least
        }

    def check(self, folder: Path) -> None:
        """Raise `UsageError` where no law could be fitted."""
        if self.enough:
            return
        used = sum(self.held.values())
        if used:
            short = ", ".join(
                f"{name} ({have} of at least {least})" for name, (have, least) in self.short.items() if have
            )
            what = (
                f"only {used} of the {self.takes} takes of {folder} are the calibration's, too few for any "
                f"law: {short}"
            )
        elif self.untrusted == self.takes:
            what = f"none of the {self.takes} takes of {folder} can be trusted (jx dataset info says why)"
        else:
            what = f"none of the {self.takes} takes of {folder} is of the tones that laws are read off"
        raise UsageError(
            what,
            "jx calibrate --port PORT --audio DEVICE records them, about ten minutes; with --only EXPERIMENT "
            "a part of them",
        )


def coverage(folder: Path, plan: CalibrationPlan, samples: Sequence[Sample], wanted: set[int]) -> Coverage:
    """What ``samples``, from a data set, hold of the ``wanted`` takes of a plan. Raises as `dataset.rows`."""
    trusted = [row["verdict"] in (None, *TRUSTED) for row in dataset.rows(folder)]
    fewest = {one.name: one.fewest for one in (plan.experiment(index) for index in sorted(wanted))}
    held = Counter(plan.experiment(index).name for index in {sample.index for sample in samples})
    return Coverage(len(trusted), trusted.count(False), {name: held[name] for name in fewest}, fewest)


def _sample(
    index: int,
    plan: CalibrationPlan,
    values: bytes,
    note: int,
    velocity: int,
    gate_s: float,
    voice: int | None,
    audio: NDArray[Any],
    rate: int,
    floor_dbfs: float | None,
    latency_s: float | None,
) -> Sample:
    floor_dbfs = SILENCE_DBFS if floor_dbfs is None else floor_dbfs
    cut = max(0, round(((latency_s or 0.0) - _EARLY_S) * rate))
    # The latency was measured with a note that waits for its turn in the control loop; so it can be too long.
    begins = onset_sample(audio, floor_dbfs) or 0
    cut = min(cut, max(0, begins - round(_EARLY_S * rate)))
    return Sample(
        index,
        plan.experiment(index),
        np.frombuffer(values, np.uint8),
        velocity,
        -1 if voice is None else voice,
        Heard(audio[cut:], rate, note, gate_s, 10 ** (floor_dbfs / 20)),
    )

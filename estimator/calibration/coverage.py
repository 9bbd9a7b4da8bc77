"""What of a calibration's plan a data set holds, and what is missing.

Laws are read off plain tones that differ in one parameter. A data set of other tones holds few of them or
none; then it is said what is missing, rather than that a fit failed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from estimator.calibration.experiments import CalibrationPlan
from estimator.calibration.samples import Sample
from jxctl import dataset
from jxctl.dataset.take import TRUSTED
from jxctl.errors import UsageError


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

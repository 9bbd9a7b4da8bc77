"""What was heard of a board so far."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from estimator.closed_loop.surrogate import BoardTake


@dataclass
class Trials:
    """What was heard of the board so far: ``takes`` with their ``distances``, dB, in the order of playing."""

    takes: list[BoardTake] = field(default_factory=list)
    distances: list[float] = field(default_factory=list)

    def add(self, take: BoardTake, distance: float) -> None:
        """One more."""
        self.takes.append(take)
        self.distances.append(distance)

    def of(self, choice: NDArray[np.int64]) -> list[int]:
        """Which takes are of a candidate."""
        return [k for k, take in enumerate(self.takes) if np.array_equal(take.choice, choice)]

    def ranked(self) -> list[tuple[float, NDArray[np.int64]]]:
        """Every candidate with its distance, the mean of its takes; the nearest first."""
        means: dict[bytes, list[float]] = {}
        for take, distance in zip(self.takes, self.distances, strict=True):
            means.setdefault(take.choice.tobytes(), []).append(distance)
        order = sorted(means, key=lambda key: float(np.mean(means[key])))
        return [(float(np.mean(means[key])), np.frombuffer(key, np.int64).copy()) for key in order]

    @property
    def noise_db(self) -> float:
        """How far takes of one candidate lie apart, a standard deviation; 0 where nothing was repeated."""
        apart = []
        for _, choice in self.ranked():
            own = [self.distances[k] for k in self.of(choice)]
            if len(own) > 1:
                apart.append((float(np.var(own, ddof=1)), len(own) - 1))
        freedom = sum(n for _, n in apart)
        return float(np.sqrt(sum(v * n for v, n in apart) / freedom)) if freedom else 0.0

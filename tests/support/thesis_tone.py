"""A plain tone of the task thesis26, for tests to change."""

from __future__ import annotations

import numpy as np

from estimator.papers.vecoven2020.task import NAMES, tones_of


def tone(**changes: float) -> np.ndarray:
    """DCO-1 alone, a sawtooth, filter half open, no LFO depth."""
    plain = {
        "DCO1 RANGE": 1 / 3, "DCO1 WF": 1, "DCO1 TUNE": 0.5, "DCO2 RANGE": 1 / 3, "DCO2 WF": 1,
        "DCO2 TUNE": 0.5, "DCO2 FTUNE": 64 / 127, "MIX DCO1": 1, "VCF FREQ": 0.4,
        "ENV1 SUS": 1, "ENV2 SUS": 1,
    }  # fmt: skip
    given = plain | {name.replace("_", " "): value for name, value in changes.items()}
    return tones_of(np.array([[given.get(name, 0.0) for name in NAMES]]))

"""The learning rate of every training run here."""

from __future__ import annotations

import numpy as np


def schedule(gone: float, step: int, warm_up: int) -> float:
    """The part of the highest rate at a step: a rise over ``warm_up`` steps, and a fall along a half cosine
    to 2 % while ``gone``, the part of the run that lies behind, goes from 0 to 1."""
    rise = min(1.0, (step + 1) / warm_up)
    return float(rise * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * min(gone, 1.0)))))

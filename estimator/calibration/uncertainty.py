"""How sure a fit is: covariances from what it leaves.

A matrix here is a Jacobian whose rows are weighted, so that what is left has a standard deviation of 1.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.special import stdtrit

from simulator.synth.profile import FloatArray as Floats

NOTHING = 1e-12
"""Share of the largest curvature under which nothing depends on a part."""
UNKNOWN = 1e6
"""Standard deviation of a part that nothing depends on."""
OUTLIER = 4.0
"""What lies beyond this many standard deviations counts as if it were there (Huber)."""
NINETY = 1.6448536
"""Standard deviations to either side that hold 90 % of a normal distribution."""


def few(free: float) -> float:
    """By what factor a scatter that is estimated from ``free`` degrees of freedom has to be widened, so that
    1.645 of it hold 90 %: the quantile of Student's t over the normal one."""
    return float(stdtrit(max(free, 1.0), 0.95)) / NINETY


def scatter(left: Floats, known: Floats, free: float, least: float) -> float:
    """Standard deviation that numbers have beside what is ``known`` of each, so that what is ``left`` of them
    is as large as it should be with ``free`` degrees of freedom; at least ``least``, and widened by `few`."""
    low, high = least, max(least, float(np.sqrt(np.sum(np.square(left)) / free)))
    for _ in range(40):
        middle = np.sqrt(low * high)
        if np.sum(np.square(left) / (middle**2 + np.square(known))) > free:
            low = middle
        else:
            high = middle
    return float(high) * few(free)


def scattered(rows: Floats) -> Floats:
    """Standard deviation of each number, over rows of the same. One that lies far off the others is a
    misreading (a click taken for the onset): it counts as `OUTLIER` deviations, as it would in a fit."""
    off = rows - np.median(rows, axis=0)
    # The median of sizes, over that of a normal distribution.
    usual = 1.4826 * np.median(np.abs(off), axis=0)
    most = np.where(usual > 0, OUTLIER * usual, np.inf)
    clipped = np.clip(off, -most, most)
    return np.asarray(np.std(clipped, axis=0, ddof=1))


def inverse(matrix: Floats, prior: Floats) -> Floats:
    """Covariance of least squares, [parts, parts]: the inverse of the curvature. ``prior``: its share that
    is known beforehand, one number a part. A part on which nothing depends gets `UNKNOWN`."""
    normal = matrix.T @ matrix + np.diag(prior)
    curvature = np.diag(normal)
    dead = curvature <= NOTHING * np.max(curvature, initial=0.0)
    scale = 1 / np.sqrt(np.where(dead, 1.0, curvature))
    scaled = normal * scale[:, None] * scale
    scaled[dead], scaled[:, dead] = 0, 0
    found = np.linalg.pinv(scaled, rcond=1e-12, hermitian=True) * scale[:, None] * scale
    found[dead, dead] = UNKNOWN**2
    return np.asarray(found)


def covariance(matrix: Floats, left: Floats, prior: Floats, ends: Floats) -> Floats:
    """Covariance of all parts where what is left of a take may hang together (a spectrum is off as a whole).

    ``left``: what the fit leaves, weighted as ``matrix`` is; ``ends``: rows at which takes begin and end.
    Each part gets the larger of two variances: as if all numbers were independent, and as if only takes were
    (the sandwich, corrected for few takes).
    """
    plain = inverse(matrix, prior)
    takes = list(pairwise(ends))
    slopes = np.stack([matrix[begin:end].T @ left[begin:end] for begin, end in takes])
    leaning = np.abs(matrix) > 1e-9
    count = np.sum([leaning[begin:end].any(axis=0) for begin, end in takes], axis=0)
    widened = np.sqrt(count / np.maximum(count - 1, 1))
    known = np.diag(plain) < UNKNOWN
    sandwich = np.zeros_like(plain)
    some = np.ix_(known, known)
    sandwich[some] = plain[some] @ (slopes.T @ slopes)[some] @ plain[some] * np.outer(widened, widened)[some]
    wider = np.sqrt(np.maximum(1.0, np.diag(sandwich) / np.maximum(np.diag(plain), 1e-30)))
    return np.asarray(plain * wider[:, None] * wider)


def draws(covariance: Floats, count: int) -> Floats:
    """``count`` moves of all parts, [count, parts], as a normal distribution with ``covariance`` has them;
    always the same ones. A part that is not known at all stays where it is."""
    sigma = np.sqrt(np.maximum(np.diag(covariance), 0))
    sigma = np.where(sigma < UNKNOWN, sigma, 0)
    scale = np.where(sigma > 0, sigma, 1.0)
    correlation = np.where(np.outer(sigma, sigma) > 0, covariance / np.outer(scale, scale), 0)
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0))
    return np.asarray(np.random.default_rng(0).standard_normal((count, sigma.size)) @ root.T * sigma)

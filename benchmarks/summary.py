"""Rows of `benchmarks.judging` in figures, with 95 % bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from estimator.network.parameters import HEADS

RESAMPLES, SEED = 2000, 11
MEASURES = ("log_mel", "multi_scale", "warped_mfcc", "envelope", "elsewhere")
BINS = 10


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Figures over tones: each measure's median, mean and quartiles; mean absolute level error by group and
    overall; shares of right switches; key follow and dynamics (`_follows`); coverage; expected calibration
    error; seconds a guess. Intervals are the central 95 % over 2,000 resamples of tones (seeded)."""
    out: dict[str, Any] = {"tones": len(rows)}
    if not rows:
        return out
    for name in MEASURES:
        values = np.array([r[name] for r in rows if r.get(name) is not None], float)
        if len(values):
            out[name] = _spread(values)
    out["level_error"] = _by_group(rows, "levels")
    out["switch_accuracy"] = _by_group(rows, "switches")
    out["follows"] = _follows([r for r in rows if "parameters" in r])
    calibrated = [r for r in rows if "inside" in r]
    if calibrated:
        out["coverage"] = {name: _pooled([r["inside"][name] for r in calibrated]) for name in ("50", "90")}
        out["ece"] = expected_calibration_error(np.array([pair for r in calibrated for pair in r["sure"]]))
    if all("seconds" in r for r in rows):
        out["seconds"] = float(np.median([r["seconds"] for r in rows]))
    return out


def _spread(values: NDArray[np.float64]) -> dict[str, Any]:
    low, middle, high = np.percentile(values, (25, 50, 75))
    return {
        "median": float(middle), "median_ci": interval(values, np.median),
        "mean": float(values.mean()), "mean_ci": interval(values, np.mean),
        "quartiles": [float(low), float(high)], "tones": len(values),
    }  # fmt: skip


def interval(
    values: NDArray[np.float64], statistic: Callable[..., Any], resamples: int = RESAMPLES, seed: int = SEED
) -> list[float]:
    """Central 95 % of a statistic over resamples of float64[N], with replacement."""
    rng = np.random.default_rng(seed)
    drawn = values[rng.integers(0, len(values), (resamples, len(values)))]
    low, high = np.percentile(statistic(drawn, axis=1), (2.5, 97.5))
    return [float(low), float(high)]


def _by_group(rows: Sequence[dict[str, Any]], what: str) -> dict[str, Any]:
    """Means over all audible parameters, by group and of ``all``; intervals by resampling tones."""
    groups = sorted({group for r in rows for group in r[what]})
    out = {group: _pooled([r[what].get(group, []) for r in rows]) for group in groups}
    if groups:
        out["all"] = _pooled([[v for values in r[what].values() for v in values] for r in rows])
    return out


def _follows(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Key follow and dynamics, which only several notes and velocities tell: for each of their parameters in
    how many tones it can be heard (``count``), and of the ``guess`` and the ``prior``'s answer the mean
    distance in raw steps (a level) or the share of right positions (a switch)."""
    out: dict[str, Any] = {}
    for head in HEADS:
        name = head.parameter.name
        if not name.endswith((" KEY", " DYNA")):
            continue
        pairs = np.array([r["parameters"][name] for r in rows if name in r["parameters"]]).reshape(-1, 2)
        if len(pairs):
            level = head.parameter.kind == "level"
            guess, prior = (pairs if level else pairs == 0).mean(axis=0)
            out[name] = {
                "kind": head.parameter.kind, "count": len(pairs), "guess": float(guess), "prior": float(prior)
            }  # fmt: skip
            trusted = [
                r["sure"][list(r["parameters"]).index(name)]
                for r in rows
                if "sure" in r and name in r["parameters"]
            ]
            if trusted:
                out[name] |= dict(zip(("sure", "right"), np.mean(trusted, axis=0).tolist(), strict=True))
    return out


def _pooled(by_tone: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Mean of values that belong to tones, and its interval; ``count`` of values."""
    sums = np.array([np.sum(values) for values in by_tone], float)
    counts = np.array([len(values) for values in by_tone])
    if not counts.sum():
        return {"mean": None, "ci": None, "count": 0}
    rng = np.random.default_rng(SEED)
    drawn = rng.integers(0, len(sums), (RESAMPLES, len(sums)))
    means = sums[drawn].sum(axis=1) / np.maximum(counts[drawn].sum(axis=1), 1)
    low, high = np.percentile(means, (2.5, 97.5))
    return {
        "mean": float(sums.sum() / counts.sum()), "ci": [float(low), float(high)], "count": int(counts.sum())
    }  # fmt: skip


def expected_calibration_error(pairs: NDArray[np.float64]) -> float:
    """Pairs float64[N, 2] of confidence and whether it came true: over ten equal bins of confidence, the mean
    absolute difference of mean confidence and share come true, weighted by how many pairs a bin holds."""
    if not len(pairs):
        return float("nan")
    place = np.minimum((pairs[:, 0] * BINS).astype(int), BINS - 1)
    total = 0.0
    for k in range(BINS):
        inside = pairs[place == k]
        if len(inside):
            total += len(inside) * abs(inside[:, 0].mean() - inside[:, 1].mean())
    return float(total / len(pairs))

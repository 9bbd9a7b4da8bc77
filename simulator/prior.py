"""What tones are like: a Gaussian copula over real tones, and new tones drawn from it.

Most parameters of real tones pile up at 0 or 127, and many go together (an attack with its release,
both oscillators' tunings). A copula keeps both: each parameter its own histogram, and one matrix of
correlations between their normal scores. Only these statistics are shipped, in ``prior.npz``, never
the tones. They were fitted by::

    python -m simulator.prior TABLE.csv --hold-out "MKS-70 GENLIB-A" -o simulator/prior.npz

The bank held out is kept for judging on real tones that neither prior nor network has seen.

**Near a given tone** (`nearby`). A tone is a point of normal scores, correlated as in real tones. A step
``z' = sqrt(1 - a^2) z + a e``, with ``e`` drawn from the prior, leaves each parameter's law unchanged
whatever ``a`` is, and the correlations nearly so: parameters that go together in real tones move together,
and rare values stay rare. It is the proposal of the preconditioned Crank-Nicolson sampler.
"""

from __future__ import annotations

import argparse
import functools
import math
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from jxctl._files import read_rows
from jxctl.errors import ToneError, UsageError
from jxctl.protocol.parameters import BY_NAME, TONE_PARAMETERS, TONE_SIZE, Parameter
from jxctl.protocol.tone import INIT_TONE, Tone

# A real bank is a small sample: a little of every value stays possible, and neighbouring knob
# positions lend each other weight. The piles at 0 and 127 are not smeared.
UNIFORM_SHARE = 0.03
"""Share of a parameter's histogram that is spread evenly (chosen)."""
SMOOTHING_RAW = 1.5
"""Standard deviation of the smoothing, raw values (chosen)."""

# Times that ties are broken anew (chosen).
_JITTERS = 20
# Shares are kept so far from 0 and 1, whose normal scores are infinite.
_EDGE = 1e-9
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Prior:
    """A Gaussian copula over real tones: a histogram for each parameter, and correlations of normal scores.

    Args:
        columns: int[P], tone columns that vary.
        probability: float[P, 128] over raw values (levels) or positions (switches).
        correlation: float[P, P] of the normal scores.

    Examples:
        >>> Prior.load().sample(3, np.random.default_rng(0)).shape
        (3, 48)
    """

    columns: NDArray[np.int64]
    probability: NDArray[np.float64]
    correlation: NDArray[np.float64]

    @classmethod
    def load(cls) -> Prior:
        """The prior that comes with jx."""
        return _shipped()

    @classmethod
    def fit(cls, tones: np.ndarray) -> Prior:
        """Fit to real tones, uint8[N, 48]; columns that never vary stay at the init tone's value."""
        columns = np.flatnonzero(tones.min(axis=0) != tones.max(axis=0))
        values = np.stack([np.array(TONE_PARAMETERS[c].classes)[tones[:, c]] for c in columns], axis=1)
        probability = np.stack([_histogram(values[:, k], TONE_PARAMETERS[c]) for k, c in enumerate(columns)])
        # Ties are broken at random, many times over, and the correlations averaged.
        rng = np.random.default_rng(0)
        correlation = np.mean([_correlation(values, rng) for _ in range(_JITTERS)], axis=0)
        return cls(columns, probability, correlation)

    def sample(self, count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Draw tones: uint8[count, 48]. The same generator state gives the same tones."""
        factor = np.linalg.cholesky(self.correlation)
        score = rng.standard_normal((count, len(self.columns))) @ factor.T
        # Scores against the edges' quantiles: an inverse a bin instead of an integral a value.
        edges = normal_quantile(np.minimum(np.cumsum(self.probability, axis=1), 1))
        tones = np.tile(np.frombuffer(INIT_TONE.values, np.uint8), (count, 1))
        for k, column in enumerate(self.columns):
            drawn = np.searchsorted(edges[k], score[:, k], side="right")
            parameter = TONE_PARAMETERS[column]
            starts = np.array(parameter.starts or range(128))
            tones[:, column] = starts[np.minimum(drawn, parameter.positions - 1)]
        return tones

    def save(self, path: str | Path) -> None:
        """Write as npz."""
        np.savez_compressed(
            path,
            columns=self.columns,
            probability=self.probability.astype(np.float32),
            correlation=self.correlation.astype(np.float32),
        )


def normal_quantile(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """The value below which a standard normal variable lies with a given probability.

    Wichura's algorithm AS 241, as the standard library has it: relative error about 1e-16.

    Args:
        share: probabilities, 0 to 1, of any shape.

    Returns:
        Quantiles, float64 of that shape; minus infinity at 0, infinity at 1.

    Examples:
        >>> normal_quantile(np.array([0.5, 0.975])).round(6).tolist()
        [0.0, 1.959964]
    """
    share = np.asarray(share, np.float64)
    inner = (share > 0) & (share < 1)
    result = np.where(share <= 0, -np.inf, np.inf)
    result[inner] = [_NORMAL.inv_cdf(one) for one in share[inner].tolist()]
    return result


def nearby(tone: Tone, amount: float, rng: np.random.Generator, prior: Prior | None = None) -> Tone:
    """A tone drawn near ``tone``: ``amount`` 0 gives the tone itself, 1 one that has nothing to do with it.

    Parameters that never vary in real tones are kept, and so is a raw value whose switch stays in its
    position. The name is kept. Raises `UsageError` for an amount outside 0 to 1.
    """
    if not 0 <= amount <= 1:
        raise UsageError(f"the amount is {amount:g}; expected 0 to 1")
    prior = prior or Prior.load()
    cumulative = np.cumsum(prior.probability, axis=1)
    given = np.array([_class(TONE_PARAMETERS[c], tone.values[c]) for c in prior.columns])
    rows = np.arange(len(given))
    upper = cumulative[rows, given]
    lower = upper - prior.probability[rows, given]
    # A class covers a stretch of scores; where in it the tone lies nobody knows, so it is drawn.
    share = np.clip(rng.uniform(lower, upper), _EDGE, 1 - _EDGE)
    drawn = np.linalg.cholesky(prior.correlation) @ rng.standard_normal(len(given))
    score = math.sqrt(1 - amount**2) * normal_quantile(share) + amount * drawn
    values = bytearray(tone.values)
    for k, column in enumerate(prior.columns):
        parameter = TONE_PARAMETERS[column]
        new = int(np.searchsorted(cumulative[k], _NORMAL.cdf(score[k]), side="right"))
        new = min(new, parameter.positions - 1)
        if amount > 0 and new != given[k]:
            values[column] = parameter.starts[new] if parameter.starts else new
    return Tone(bytes(values), tone.name_bytes, tone.byte_10)


def read_table(path: str | Path) -> tuple[NDArray[np.uint8], list[str], list[str]]:
    """Tones of a CSV table: a column a parameter by name, and ``name`` and ``origin``.

    Returns uint8[N, 48], names and origins. Parameters that the table lacks take the init tone's
    value; a byte-order mark, as spreadsheets write it, is skipped. Raises `ToneError` for a file that is no
    such table, with the line of a value that is none.
    """
    rows = read_rows(path, error=ToneError, hint="a table of tones is CSV, with a column a parameter")
    tones = np.tile(np.frombuffer(INIT_TONE.values, np.uint8), (len(rows), 1))
    present = [name for name in (rows[0][1] if rows else ()) if name in BY_NAME]
    if not present:
        raise ToneError(f"{path}: no column is named after a parameter, such as VCF FREQ")
    for number, (line, row) in enumerate(rows):
        for name in present:
            tones[number, BY_NAME[name].column] = _raw(row[name], f"{path} line {line}: {name}")
    return tones, [row.get("name") or "" for _, row in rows], [row.get("origin") or "" for _, row in rows]


def _raw(cell: str | None, where: str) -> int:
    """A raw value of a table. Raises `ToneError`."""
    try:
        value = int(cell or "")
    except ValueError:
        said = "missing" if not cell else f"{cell!r}"
        raise ToneError(f"{where} is {said}", "a column of a parameter holds raw values, 0 to 127") from None
    if not 0 <= value <= 127:
        raise ToneError(f"{where} is {value}", "a column of a parameter holds raw values, 0 to 127")
    return value


@functools.cache
def _shipped() -> Prior:
    with (resources.files("simulator") / "prior.npz").open("rb") as file, np.load(file) as data:
        probability = data["probability"].astype(np.float64)
        probability /= probability.sum(axis=1, keepdims=True)
        return Prior(data["columns"], probability, data["correlation"].astype(np.float64))


def _histogram(values: NDArray[np.int64], parameter: Parameter) -> NDArray[np.float64]:
    count = parameter.positions
    histogram = np.bincount(values, minlength=count).astype(np.float64)
    if parameter.kind == "level":
        inner = histogram.copy()
        inner[[0, -1]] = 0
        distance = np.arange(128)[:, None] - np.arange(128)[None, :]
        kernel = np.exp(-0.5 * (distance / SMOOTHING_RAW) ** 2)
        smooth = kernel / kernel.sum(axis=0) @ inner
        smooth[[0, -1]] += histogram[[0, -1]]
        histogram = smooth
    histogram /= histogram.sum()
    mixed = (1 - UNIFORM_SHARE) * histogram + UNIFORM_SHARE / count
    return np.pad(mixed, (0, 128 - count))


def _correlation(values: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
    jittered = values + rng.uniform(0, 1, values.shape)
    ranks = 1 + jittered.argsort(axis=0).argsort(axis=0)  # no ties: the jitter is continuous
    scores = normal_quantile((ranks - 0.5) / len(values))
    return np.asarray(np.corrcoef(scores, rowvar=False))


def _class(parameter: Parameter, raw: int) -> int:
    return parameter.position(raw) if parameter.kind == "switch" else raw


def main() -> None:
    """Fit the shipped statistics to a table of tones."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("table", type=Path)
    parser.add_argument("--hold-out", default="", help="origin of the tones to leave out")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    tones, _, origins = read_table(options.table)
    kept = np.array([origin != options.hold_out for origin in origins])
    Prior.fit(tones[kept]).save(options.output)
    print(f"fitted to {kept.sum()} tones, {len(kept) - kept.sum()} held out; {TONE_SIZE} columns")


if __name__ == "__main__":
    main()

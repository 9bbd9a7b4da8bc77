"""The posterior over tones before the search: draws, a marginal for each parameter, a single answer.

A network gives a `Proposal` for one or several recordings of the same tone. The search
(`estimator.inference.search`) needs nothing else of it, so that another network, or none (the prior), can
stand there. Values are *classes* (see `estimator.network.parameters`): a switch's position, a level's raw
value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from estimator.network import parameters
from estimator.network.parameters import prior_marginals
from simulator.prior import Prior

_TEMPERATURES = (0.6, 1.0)
"""Every other draw is taken from sharpened distributions: nearer to the mode, and still varied."""


@dataclass(frozen=True)
class Proposal:
    """The posterior before the search, over classes (a switch's position, a level's raw value).

    Args:
        best: int64[heads], the single answer.
        draws: int64[M, heads], candidate tones, the more alike the surer the estimator is.
        marginals: for each head its distribution, float64[classes].

    Examples:
        >>> proposal = from_prior(5, np.random.default_rng(0))
        >>> len(proposal.draws), len(proposal.marginals) == len(proposal.best)
        (5, True)
    """

    best: NDArray[np.int64]
    draws: NDArray[np.int64]
    marginals: list[NDArray[np.float64]]


def from_marginals(
    marginals: Sequence[np.ndarray],
    count: int,
    rng: np.random.Generator,
    fixed: Mapping[int, int] | None = None,
) -> Proposal:
    """A proposal of a network that gives nothing but a distribution for each head, float[classes].

    Args:
        marginals: for each head of `estimator.network.parameters.HEADS` its distribution, float[classes].
        count: how many draws, which take each head on its own.
        rng: what draws are made with.
        fixed: head index to the class it is held at.

    Returns:
        The proposal.

    Examples:
        >>> from_marginals(prior_marginals(), 4, np.random.default_rng(0)).draws.shape[0]
        4
    """
    held = [np.asarray(p, np.float64) / np.sum(p) for p in marginals]
    for k, value in (fixed or {}).items():
        held[k] = np.zeros(parameters.HEADS[k].classes)
        held[k][value] = 1.0
    rows = [
        parameters.draw([_sharpened(p, _TEMPERATURES[k % len(_TEMPERATURES)])[None] for p in held], rng)[0]
        for k in range(count)
    ]
    draws = np.array(rows, np.int64).reshape(count, len(parameters.HEADS))
    return Proposal(parameters.best([p[None] for p in held])[0], draws, held)


def from_tones(tones: ArrayLike, fixed: Mapping[int, int] | None = None) -> Proposal:
    """A proposal of an estimator that gives nothing but tones: its marginals are how often values occur.

    Args:
        tones: raw values, integers[M, 48], at least one; the first is the single answer.
        fixed: head index to the class it is held at.

    Returns:
        The proposal, with the tones as its draws.

    Examples:
        >>> from jxctl.protocol.tone import Tone
        >>> proposal = from_tones([list(Tone.init().values)] * 3)
        >>> proposal.draws.shape[0], float(proposal.marginals[0].max())
        (3, 1.0)
    """
    draws = parameters.classes(np.atleast_2d(np.asarray(tones)).astype(np.uint8))
    for k, value in (fixed or {}).items():
        draws[:, k] = value
    marginals = [
        np.bincount(draws[:, k], minlength=head.classes) / len(draws)
        for k, head in enumerate(parameters.HEADS)
    ]
    return Proposal(draws[0].copy(), draws, marginals)


def from_prior(
    count: int, rng: np.random.Generator, fixed: Mapping[int, int] | None = None, prior: Prior | None = None
) -> Proposal:
    """What can be proposed without listening: draws from the prior, its marginals and their best values."""
    prior = prior or Prior.load()
    plain = from_marginals(prior_marginals(prior), 0, rng, fixed)
    draws = parameters.classes(prior.sample(count, rng)).reshape(count, len(parameters.HEADS))
    for k, value in (fixed or {}).items():
        draws[:, k] = value
    return Proposal(plain.best, draws, plain.marginals)


def _sharpened(probability: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """The distribution with its odds raised to 1 / temperature."""
    powered = probability ** (1 / temperature)
    return np.asarray(powered / powered.sum())

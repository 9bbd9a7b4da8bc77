"""What notes and velocities alone can tell, and how sure one may be where they were not played.

Key follow moves a cutoff or an envelope's times from key to key, dynamics a depth from velocity to velocity.
At a single key each is a constant, which the cutoff, the times or the depth make up for. A network that was
shown such a recording still answers: with what is common among the tones that it learnt from. That is no
knowledge of this tone, so it does not count as confidence.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from estimator.inference.posterior import Played, prior_marginals
from estimator.network import parameters

OF_KEYS = ("VCF KEY", "ENV1 KEY", "ENV2 KEY")
OF_VELOCITIES = ("DCO DYNA", "MIX DYNA", "VCF DYNA", "VCA DYNA")


def untold(played: Sequence[Played]) -> tuple[str, ...]:
    """Names of the parameters that the recordings of these notes cannot tell: what follows the key if all
    have the same note, what follows the velocity if all have the same velocity."""
    names: tuple[str, ...] = ()
    if len({p.note for p in played}) < 2:
        names += OF_KEYS
    if len({p.velocity for p in played}) < 2:
        names += OF_VELOCITIES
    return names


def unprejudiced(
    marginals: Sequence[NDArray[np.float64]], played: Sequence[Played]
) -> list[NDArray[np.float64]]:
    """The distributions, float64[classes] a head, as they would be had every value of what is `untold` been
    as common as any other: divided by the prior and scaled back to a sum of one. The others as they are."""
    names = untold(played)
    out = []
    for head, p, common in zip(parameters.HEADS, marginals, prior_marginals(), strict=True):
        if head.parameter.name in names:
            p = p / np.maximum(common, common.max() * 1e-3)
            p = p / p.sum()
        out.append(p)
    return out


def confidence(
    marginals: Sequence[NDArray[np.float64]], answer: NDArray[np.int64], played: Sequence[Played]
) -> NDArray[np.float64]:
    """How sure a network with these distributions may be of an answer, int64[heads], after hearing these
    notes: float64[heads], `heads.confidence` without prejudice."""
    fair = [p[None] for p in unprejudiced(marginals, played)]
    return np.asarray(parameters.confidence(fair, answer[None])[0])

"""A new tone near a given one, as likely as the tones of real instruments are.

The prior is a Gaussian copula: a tone is a point of normal scores, correlated as in real tones. A
step ``z' = sqrt(1 - a^2) z + a e``, with ``e`` drawn from the prior, leaves each parameter's law
unchanged whatever ``a`` is, and the correlations nearly so: parameters that go together in real tones
move together, and rare values stay rare. (It is the proposal of the preconditioned Crank-Nicolson
sampler.)
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from jxctl.errors import UsageError
from jxctl.protocol.parameters import TONE_PARAMETERS, Parameter
from jxctl.protocol.tone import Tone
from simulator.prior import Prior

_EDGE = 1e-9


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
    score = math.sqrt(1 - amount**2) * special.ndtri(share) + amount * drawn
    values = bytearray(tone.values)
    for k, column in enumerate(prior.columns):
        parameter = TONE_PARAMETERS[column]
        new = int(np.searchsorted(cumulative[k], special.ndtr(score[k]), side="right"))
        new = min(new, parameter.positions - 1)
        if amount > 0 and new != given[k]:
            values[column] = parameter.starts[new] if parameter.starts else new
    return Tone(bytes(values), tone.name_bytes, tone.byte_10)


def _class(parameter: Parameter, raw: int) -> int:
    return parameter.position(raw) if parameter.kind == "switch" else raw

"""Confidence: what the recordings can tell, whether they are of this synth at all, and other answers.

**Identifiable** (`untold`, `confidence`). Key follow moves a cutoff or an envelope's times from key to key,
dynamics a depth from velocity to velocity. At a single key each is a constant, which the cutoff, the times or
the depth make up for. A network that was shown such a recording still answers: with what is common among the
tones that it learnt from. That is no knowledge of this tone, so it does not count as confidence.

**In domain** (`loud_distance`, `far_db`). How near must the best tone come for a sound to be this synth's?
Distances that rank candidates reach 80 dB down, where a recording is hiss and reverberation: of a tone of
this synth that a modest interface recorded, the best candidate often ends as far away as of another
instrument. In the loudest 40 dB it does not, so the question is decided there
(benchmarks/results/outsiders.md).

**Alternatives** (`different`). The nearest candidates of a search are nearly one tone. Two tones differ here
if at least `APART` parameters that can be heard in either do: a switch in another position, or a level
`LEVEL_APART` raw values away. That is what a player would see on the panel; how far each sounds from the
target is its distance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from estimator.inference.note_detection import Played, Recording
from estimator.inference.search import Found
from estimator.network import parameters
from estimator.network.parameters import audible, prior_marginals
from jxctl.protocol.tone import INIT_TONE
from simulator.features import log_mel_distance

OF_KEYS = ("VCF KEY", "ENV1 KEY", "ENV2 KEY")
"""What only another note could tell."""
OF_VELOCITIES = ("DCO DYNA", "MIX DYNA", "VCF DYNA", "VCA DYNA")
"""What only another velocity could tell."""
RAREST = 1e-3
"""A value that is rarer beside the commonest counts as common as this, where the prior is divided out
(chosen)."""
LOUD_DB = 40.0
"""Cells so far under a recording's loudest one, or louder, count."""
FAR_DB = {1: 11.0, 256: 4.8, 2000: 4.0}
"""By renders: what is farther away in the loudest cells is called the nearest sound, not the tone that was
played. Chosen on the sounds of benchmarks/results/outsiders.md: fewer than one in ten of this synth's are
called that, and after a search most of a soundfont's."""
APART = 3
"""Parameters in which two answers differ at least (chosen)."""
LEVEL_APART = 16
"""Raw steps from which a level differs (chosen)."""
AMONG = 4000
"""The nearest candidates among which alternatives are looked for (chosen)."""


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
            p = p / np.maximum(common, common.max() * RAREST)
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


def loud_distance(sounds: Sequence[NDArray[np.float32]], recordings: Sequence[Recording]) -> float:
    """How far sounds, float32[samples] each, are from recordings of the same lengths, in their loudest
    `LOUD_DB`: log-mel dB, the mean."""
    return float(
        np.mean([
            log_mel_distance(sound[None], recording.audio, LOUD_DB)[0]
            for sound, recording in zip(sounds, recordings, strict=True)
        ])
    )  # fmt: skip


def far_db(renders: int) -> float:
    """How far is far after so many renders, dB: `FAR_DB`, between its budgets by their logarithm."""
    return float(np.interp(np.log(max(renders, 1)), np.log(list(FAR_DB)), list(FAR_DB.values())))


def differing(others: NDArray[np.int64], one: NDArray[np.int64]) -> NDArray[np.int64]:
    """In how many parameters that can be heard, in it or in ``one``, each of ``others`` differs from ``one``:
    int64[N]. ``others``: int64[N, heads]; ``one``: int64[heads]."""
    heard = audible(parameters.tones_from(np.concatenate([one[None], others]), INIT_TONE.values))
    away = np.where(parameters.IS_LEVEL, np.abs(others - one) >= LEVEL_APART, others != one)
    return np.count_nonzero(away & (heard[1:] | heard[0]), axis=1)


def different(found: Found, count: int, among: int = AMONG) -> list[int]:
    """Places in ``found`` of the best and the next nearest that differ from all before them: ``count`` at
    most, looked for among the nearest ``among`` that made a sound."""
    choices = found.choices[:among]
    left = np.isfinite(found.distances[:among])
    left[:1] = True
    chosen: list[int] = []
    while left.any() and len(chosen) < count:
        chosen.append(int(left.argmax()))
        left &= differing(choices, choices[chosen[-1]]) >= APART
    return chosen

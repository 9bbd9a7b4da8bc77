"""A guess as it stands after the closed loop: of what the board was heard to play, not of the simulator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from estimator import heads
from estimator.alternatives import different
from estimator.audible import heard_in
from estimator.guess import FAR_DB, Candidate, Guess
from estimator.listening import Listener
from estimator.loop import Closed
from estimator.proposal import Recording
from estimator.search import Found
from jxctl.tone import from_batch


def heard_on_board(
    guess: Guess,
    closed: Closed,
    recordings: Sequence[Recording],
    base: bytes,
    locked: Sequence[str],
    top: int,
) -> Guess:
    """The guess with everything in it that the board decided.

    Candidates and alternatives are those that the board played, by their distance there; ``audio`` is a take
    of the best. What can be heard is asked of the simulator as it was fitted to the board, and confidence is
    the network's in the best tone's values, scaled down where even that is far from the recordings. ``base``:
    raw values, 48 bytes, of what is not estimated; ``locked``: parameters that keep them to the byte.
    """
    ranked = closed.trials.ranked()
    choices = np.array([choice for _, choice in ranked])
    distances = np.array([distance for distance, _ in ranked])
    tones = heads.tones_from(choices, base)
    # Raw values of switches have many spellings; what is kept is kept to the byte.
    columns = [head.parameter.column for head in heads.HEADS if head.parameter.name in locked]
    tones[:, columns] = np.frombuffer(base, np.uint8)[columns]
    candidates = [
        Candidate(tone, float(distance))
        for tone, distance in zip(from_batch(tones, "GUESS"), distances, strict=True)
    ]
    best = choices[0]
    can = heard_in(best, Listener(recordings, closed.profile, base=base))
    near = min(1.0, FAR_DB / max(candidates[0].distance_db, 1e-9))
    sure = near * heads.confidence([p[None] for p in guess.proposal.marginals], best[None])[0]
    names = [head.parameter.name for head in heads.HEADS]
    return replace(
        guess,
        candidates=candidates,
        alternatives=[candidates[k] for k in different(Found(choices, distances), top)],
        audio=closed.trials.takes[closed.trials.of(best)[-1]].sounds[0],
        confidence={name: float(p) for name, p, heard in zip(names, sure, can, strict=True) if heard},
        audible={name: bool(heard) for name, heard in zip(names, can, strict=True)},
    )

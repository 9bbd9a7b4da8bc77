"""A guess as it stands after the closed loop: of what the board was heard to play, not of the simulator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from estimator.closed_loop.optimizer import Closed
from estimator.inference.confidence import different, loud_distance
from estimator.inference.estimator import Guess, candidates, told
from estimator.inference.note_detection import Recording
from estimator.inference.objective import Listener, heard_in
from estimator.inference.search import Found


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
    found = Found(np.array([choice for _, choice in ranked]), np.array([distance for distance, _ in ranked]))
    tones = candidates(found, base, locked)
    best = found.choices[0]
    can = heard_in(best, Listener(recordings, closed.profile, base=base))
    played = [recording.played for recording in recordings]
    take = closed.trials.takes[closed.trials.of(best)[-1]]
    loud_db = loud_distance(take.sounds, recordings)
    confidence, audible, untold = told(found, loud_db, guess.proposal, can, played)
    return replace(
        guess,
        candidates=tones,
        alternatives=[tones[k] for k in different(found, top)],
        audio=take.sounds[0],
        confidence=confidence,
        audible=audible,
        untold=untold,
        loud_db=loud_db,
    )

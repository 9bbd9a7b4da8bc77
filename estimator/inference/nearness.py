"""Whether a sound can be this synth's: how near the best tone must come for that.

Distances that rank candidates reach 80 dB down, where a recording is hiss and reverberation: of a tone of
this synth that a modest interface recorded, the best candidate often ends as far away as of another
instrument. In the loudest 40 dB it does not, so the question is decided there (benchmarks/outsiders.md).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from estimator.inference.posterior import Recording
from estimator.network.inputs import log_mel_distance

LOUD_DB = 40.0
"""Cells so far under a recording's loudest one, or louder, count."""
FAR_DB = {1: 11.0, 256: 4.8, 2000: 4.0}
"""By renders: what is farther away in the loudest cells is called the nearest sound, not the tone that was
played. Chosen on the sounds of benchmarks/outsiders.md: fewer than one in ten of this synth's are called
that, and after a search most of a soundfont's."""


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

"""The moment of a take: what of a sound neither the tone nor the board's laws decide.

Two clocks of a board run on whatever is played. The control loop takes note of a key up to a period (some
10 ms) after it went down, and the chorus' LFO stands anywhere when a note begins. Two takes of the same tone
therefore lie 0.3 to 3.4 dB apart (log-mel, ten real tones with every other chance taken out), more than
noise, drift and voices together. Whoever compares takes without minding this compares moments.

Neither is lost: a model of the board rendered at several places of the LFO, and shifted, says which moment a
take had. Then a take is compared with the model at *its* moment, and the difference is what is wrong with the
model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.features import SAMPLE_RATE
from simulator.synth import Profile
from simulator.synth.chorus import positions, seeds_at

Distance = Callable[[NDArray[np.float32]], NDArray[np.float64]]

PLACES = 16
"""Places of the chorus' LFO that are told apart, evenly over a turn."""
EARLIEST_S, LATEST_S, STEP_S = -0.004, 0.016, 0.001
"""How much later than in a render a take may begin: a period of the control loop, and half a frame of what an
onset that was found is off. Slower loops than 16 ms are not looked for."""
COARSE = 3
"""Steps at a time while the place of the LFO is not known."""


@dataclass(frozen=True)
class Moment:
    """``late``: samples by which a take begins later than a render. ``place``: of the chorus' LFO, 0 to
    `PLACES` - 1; 0 where there is no chorus."""

    late: int = 0
    place: int = 0

    @property
    def seed(self) -> int:
        """The seed of a render at this place, with a profile whose chorus runs `free`."""
        return SEEDS[self.place]


_AMONG = 4096
"""Seeds of which those are taken that stand nearest to a place."""
SEEDS = tuple(seeds_at(np.arange(PLACES) / PLACES, _AMONG))
"""For each place a seed whose chorus starts there."""


def free(profile: Profile) -> Profile:
    """The profile with a chorus whose LFO stands where the seed says."""
    return profile.replace(chorus_phase="free")


def has_chorus(tones: NDArray[np.uint8], profile: Profile) -> NDArray[np.bool_]:
    """Which tones, uint8[N, 48], have places that differ: bool[N]."""
    return np.asarray(positions(tones, profile) > 0)


def shifted(audio: NDArray[np.float32], by: int) -> NDArray[np.float32]:
    """Sounds, float32[..., samples], ``by`` samples later (earlier where negative); silence comes in."""
    out = np.zeros_like(audio)
    if by >= 0:
        out[..., by:] = audio[..., : audio.shape[-1] - by]
    else:
        out[..., :by] = audio[..., -by:]
    return out


def lates() -> NDArray[np.int64]:
    """The shifts that are tried, samples."""
    count = round((LATEST_S - EARLIEST_S) / STEP_S) + 1
    return np.rint(np.linspace(EARLIEST_S, LATEST_S, count) * SAMPLE_RATE).astype(np.int64)


def nearest(
    renders: NDArray[np.float32], distance: Distance, tried: Sequence[int] | NDArray[np.int64] | None = None
) -> tuple[Moment, float]:
    """The moment at which renders, float32[places, samples], come nearest to a sound, and how near, dB.

    ``distance``: of sounds, float32[N, samples], float64[N]. With several places the shifts are tried
    coarsely first.
    """
    shifts = lates() if tried is None else np.asarray(tried, np.int64)
    coarse = shifts[::COARSE] if len(renders) > 1 else shifts
    found = np.stack([distance(shifted(renders, int(by))) for by in coarse])
    first, place = np.unravel_index(int(np.argmin(found)), found.shape)
    late, least = int(coarse[first]), float(found[first, place])
    if len(renders) > 1:
        around = shifts[np.abs(shifts - late) < COARSE * STEP_S * SAMPLE_RATE]
        fine = np.array([distance(shifted(renders[place : place + 1], int(by)))[0] for by in around])
        late, least = int(around[np.argmin(fine)]), float(fine.min())
    return Moment(late, int(place)), least

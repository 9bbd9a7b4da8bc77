"""The same notes on many boards at once: a batch for each profile, through the kernel together.

A fit that moves one law at a time renders few tones with many profiles. One by one each would fill a lane or
two of the kernel's thirty-two; here the voices of all profiles share them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulator.synth import chorus, voices
from simulator.synth.profile import Profile
from simulator.synth.random import add_noise_floor
from simulator.synth.render import SAMPLE_RATE, Batch, Prepared, empty


def render_variants(
    tones: np.ndarray,
    profiles: Sequence[Profile],
    notes: ArrayLike = 60,
    velocities: ArrayLike = 100,
    gates_s: ArrayLike = 1.0,
    seconds: float = 2.0,
    *,
    sample_rate: int = SAMPLE_RATE,
    seed: ArrayLike = 0,
) -> NDArray[np.float32]:
    """Render every tone with every profile: float32[profiles, N, samples], on one thread.

    Arguments as of `simulator.synth.render.render`, whose samples these are, bit for bit. Raises what that
    raises.
    """
    batches = [Batch.of(tones, notes, velocities, gates_s, seconds, p, sample_rate, seed) for p in profiles]
    if not batches:
        return np.zeros((0, len(np.atleast_2d(tones)), round(seconds * sample_rate)), np.float32)
    out = empty((len(batches), len(batches[0].tones), batches[0].samples))
    # The kernel takes one grid of ticks and one slew.
    clocks = [(p.constant("tick"), p.constant("cv_slew")) for p in profiles]
    for clock in dict.fromkeys(clocks):
        members = [k for k, own in enumerate(clocks) if own == clock]
        _dry([batches[k].prepare() for k in members], batches[members[0]], out, members)
    for k, batch in enumerate(batches):
        _wet(batch, out[k])
        add_noise_floor(out[k], batch.seeds, 0, batch.profile.constant("noise_floor"))
    return out


def _dry(ready: list[Prepared], batch: Batch, out: NDArray[np.float32], members: list[int]) -> None:
    """All voices of some profiles, into their rows."""
    count = len(batch.tones)
    state = voices.State(
        np.concatenate([r.state.memory for r in ready]), np.concatenate([r.state.phases for r in ready])
    )
    frames = voices.Frames(
        np.concatenate([r.frames.increments for r in ready], axis=1),
        np.concatenate([r.frames.levels for r in ready], axis=1),
        ready[0].frames.edges,
    )
    rows = np.concatenate([np.arange(k * count, (k + 1) * count) for k in members])
    voices.run(
        state, np.concatenate([r.constants for r in ready]), frames, np.concatenate([r.noise for r in ready]),
        out.reshape(-1, batch.samples), rows, 0, batch.profile, batch.sample_rate,
    )  # fmt: skip


def _wet(batch: Batch, audio: NDArray[np.float32]) -> None:
    """The chorus over the rows that have one, in place."""
    positions = chorus.positions(batch.tones, batch.profile)
    for position in np.unique(positions[positions > 0]):
        rows = np.flatnonzero(positions == position)
        bbd = chorus.State.fresh(chorus.phase_seeds(batch.seeds[rows]), 0, batch.profile, batch.sample_rate)
        setting = chorus.Setting.of(int(position), batch.profile, batch.sample_rate)
        dry = empty((len(rows), batch.samples))
        dry[:] = audio[rows]
        chorus.run(bbd, setting, dry, audio, rows, 0, 0, False)

"""A batch of notes, checked, and what the kernel needs to play it: shared by the CPU and the GPU."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jxctl.errors import UsageError
from simulator.synth import voices
from simulator.synth.firmware import Notes, Voicing
from simulator.synth.profile import Profile, load_profile
from simulator.synth.seeds import LARGEST_SEED, mix_seed
from simulator.synth.voices import RATES


@dataclass(frozen=True)
class Batch:
    """N tones, uint8[N, 48], and one note each; ``seeds`` int64[N]; ``samples`` is the length of each."""

    tones: NDArray[np.uint8]
    notes: Notes
    seeds: NDArray[np.int64]
    profile: Profile
    sample_rate: int
    samples: int

    @classmethod
    def of(
        cls,
        tones: np.ndarray,
        notes: ArrayLike,
        velocities: ArrayLike,
        gates_s: ArrayLike,
        seconds: float,
        profile: str | Path | Profile,
        sample_rate: int,
        seed: ArrayLike,
    ) -> Batch:
        """A batch from the arguments of `simulator.synth.render`; raises what that raises."""
        profile = load_profile(profile)
        tones = _checked_tones(tones)
        count = len(tones)
        note = _whole(_per_voice(notes, count, "note", 0, 127), "note")
        velocity = _whole(_per_voice(velocities, count, "velocity", 0, 127), "velocity")
        gate = _per_voice(gates_s, count, "gate", 0, 3600)
        seeds = _whole(_per_voice(seed, count, "seed", 0, LARGEST_SEED), "seed")
        if not (0 < seconds <= 3600 and RATES[0] <= sample_rate <= RATES[1] and round(seconds * sample_rate)):
            raise UsageError(
                f"cannot render {seconds} s at {sample_rate} Hz",
                f"one sample to 3600 s, {RATES[0]}-{RATES[1]} Hz",
            )
        off = np.ceil(gate / profile.constant("tick") - 1e-9).astype(np.int64)
        playing = Notes(note, velocity, np.zeros(count, np.int64), off, mix_seed(seeds))
        return cls(tones, playing, seeds, profile, sample_rate, round(seconds * sample_rate))

    def take(self, rows: NDArray[np.int64] | slice) -> Batch:
        """Some of the notes."""
        notes = self.notes
        some = Notes(
            notes.note[rows], notes.velocity[rows], notes.on[rows], notes.off[rows], notes.seed[rows]
        )
        return Batch(self.tones[rows], some, self.seeds[rows], self.profile, self.sample_rate, self.samples)

    def prepare(self) -> Prepared:
        """Control frames, constants and silent voices."""
        profile, rate = self.profile, self.sample_rate
        voicing = Voicing(self.tones, self.notes, profile)
        ticks = int(np.ceil(self.samples / (profile.constant("tick") * rate))) + 1
        constants = voices.constants(voicing, rate)
        increments, levels = voices.at_rate(*voicing.frames(0, ticks), constants, rate)
        state = voices.State.fresh(self.seeds, profile)
        voices.start(state, slice(None), constants, levels[:, :, 0], profile)
        frames = voices.Frames(increments, levels, voices.edges(0, ticks, profile, rate))
        return Prepared(constants, frames, state, voices.noise_seeds(self.seeds))


@dataclass(frozen=True)
class Prepared:
    """What the kernel takes: see `simulator.synth._kernel.run`. ``noise``: int32[N], where each voice's
    begins."""

    constants: NDArray[np.float32]
    frames: voices.Frames
    state: voices.State
    noise: NDArray[np.int32]


def _checked_tones(tones: np.ndarray) -> NDArray[np.uint8]:
    try:
        tones = np.atleast_2d(np.asarray(tones))
    except ValueError:
        raise UsageError("tones are uint8[N, 48], not rows of different lengths") from None
    if tones.ndim != 2 or tones.shape[1] != 48 or tones.dtype != np.uint8:
        raise UsageError(f"tones are uint8[N, 48], not {tones.dtype}{list(tones.shape)}")
    if tones.size and tones.max() > 127:
        raise UsageError(f"a tone holds the raw value {tones.max()}; raw values are 0 to 127")
    return tones


def _per_voice(value: ArrayLike, count: int, name: str, low: float, high: float) -> NDArray[np.float64]:
    try:
        values = np.broadcast_to(np.asarray(value, dtype=np.float64), (count,))
    except ValueError:
        raise UsageError(f"{name}: one number, or one for each of the {count} tones") from None
    if count and not (values.min() >= low and values.max() <= high):
        raise UsageError(f"a {name} is out of range: {low:.10g} to {high:.10g}")
    return values


def _whole(values: NDArray[np.float64], name: str) -> NDArray[np.int64]:
    whole = values.astype(np.int64)
    if np.any(whole != values):
        raise UsageError(f"a {name} is {values[whole != values][0]:g}; it has to be a whole number")
    return whole

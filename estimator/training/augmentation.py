"""What a real recording does to a sound, for training: cut tails, late starts, hum, colour, noise, spread.

A network that has heard only clean renders trusts every decibel. Here a share of the sounds is disturbed as
recordings are, each kind drawn for itself, so that half of all sounds stay clean; the amounts are choices,
wide enough for a decent interface and a cable, not for a telephone.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from simulator.features import FLOOR_DB, SAMPLE_RATE
from simulator.synth import Profile, load_profile

SHORTEST_S = 1.0
LATE_S = 0.012
"""An onset that was found is right to within this."""
_KINDS = 16


@dataclass(frozen=True)
class Disturbance:
    """For N sounds: ``floor`` float64[N], power of a noise floor in parts of the loudest cell (0: none);
    ``colour`` float64[N, 3], an equaliser's curve in dB as three cosines over ten octaves (0: none)."""

    floor: NDArray[np.float64]
    colour: NDArray[np.float64]

    def gain(self, octaves: NDArray[np.float64]) -> NDArray[np.float32]:
        """Power factors, float32[N, ...], of the colour at ``octaves`` [N or 1, ...] above 20 Hz."""
        phase = np.pi * octaves / 10
        waves = np.stack([np.cos(k * phase) for k in (1, 2, 3)], axis=-1)
        curve = np.einsum("nk,n...k->n...", self.colour, np.broadcast_to(
            waves, (len(self.colour), *waves.shape[1:])))  # fmt: skip
        return np.asarray(10 ** (curve / 10), np.float32)


def disturbance(rng: np.random.Generator, count: int) -> Disturbance:
    """Half of the sounds have a noise floor, 40 to 80 dB down; a quarter is coloured, by 1.5 dB (RMS a
    wave)."""
    floor_db = rng.uniform(40, FLOOR_DB, count)
    floor = np.where(rng.uniform(size=count) < 0.5, 10 ** (-floor_db / 10), 0.0)
    colour = rng.normal(0, 1.5, (count, 3)) * (rng.uniform(size=(count, 1)) < 0.25)
    return Disturbance(floor, colour)


def disturbed(
    what: Disturbance, rng: np.random.Generator, power: torch.Tensor, octaves: NDArray[np.float64]
) -> torch.Tensor:
    """Power float32[N, bands, frames], coloured and on a noise floor from ``rng``; ``octaves`` [N or 1,
    bands]."""
    if what.colour.any():
        power = power * torch.from_numpy(what.gain(octaves))[:, :, None]
    rows = torch.from_numpy(np.flatnonzero(what.floor))
    if len(rows):
        some = power[rows]
        share = torch.as_tensor(what.floor[rows.numpy()], dtype=torch.float32)[:, None, None]
        hiss = torch.from_numpy(rng.standard_exponential(some.shape, dtype=np.float32))
        power[rows] = some + some.amax((1, 2), keepdim=True) * share * hiss
    return power


def cut_and_hum(
    audio: NDArray[np.float32], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Sounds float32[N, samples], disturbed in place, and how long each now is, in seconds.

    A third ends early (at 1 s or later), a third starts up to 12 ms late, a tenth has hum, 45 to 75 dB down.
    """
    count, samples = audio.shape
    lengths_s = np.full(count, samples / SAMPLE_RATE)
    early = np.asarray(rng.uniform(size=count) < 1 / 3)
    lengths_s[early] = rng.uniform(SHORTEST_S, samples / SAMPLE_RATE, int(early.sum()))
    late = np.where(rng.uniform(size=count) < 1 / 3, rng.uniform(0, LATE_S, count), 0.0)
    humming = np.asarray(rng.uniform(size=count) < 0.1)
    hum = _hum(rng, samples) if humming.any() else None
    for k in range(count):
        shift = round(late[k] * SAMPLE_RATE)
        if shift:
            audio[k, shift:] = audio[k, :-shift].copy()
            audio[k, :shift] = 0
        if humming[k] and hum is not None:
            audio[k] += hum * (np.abs(audio[k]).max() * 10 ** (-rng.uniform(45, 75) / 20))
        if early[k]:
            audio[k, round(lengths_s[k] * SAMPLE_RATE) :] = 0
    return audio, lengths_s


def _hum(rng: np.random.Generator, samples: int) -> NDArray[np.float32]:
    time_s = np.arange(samples) / SAMPLE_RATE
    mains_hz = rng.choice((50.0, 60.0))
    waves = [np.sin(2 * np.pi * (mains_hz * k * time_s + rng.uniform())) / k for k in (1, 2, 3, 5)]
    return np.asarray(np.sum(waves, axis=0), np.float32)


def another(profile: str | Profile, rng: np.random.Generator) -> Profile:
    """The profile itself half of the time, else one of its relatives: voices that spread and drift, a clock
    up to 6 cents off."""
    kind = int(rng.integers(2 * _KINDS))
    base = load_profile(profile)
    return (
        base
        if kind >= _KINDS
        else _relative(base.name if isinstance(profile, Profile) else str(profile), kind)
    )


@functools.lru_cache(maxsize=2 * _KINDS)
def _relative(name: str, kind: int) -> Profile:
    base = load_profile(name)
    rng = np.random.default_rng((101, kind))
    spread = {
        "spread_cutoff": 0.1, "spread_resonance": 0.1, "spread_envelope": 0.05, "spread_gain": 0.1,
        "spread_pulse_width": 0.01, "spread_hpf": 0.1, "drift_cutoff": 0.05,
    }  # fmt: skip
    drawn = {law: rng.uniform(0, widest) for law, widest in spread.items()}
    clock = base.laws["dco_clock"].values * 2 ** (rng.uniform(-6, 6) / 1200)
    return base.replace(f"{base.name}, relative {kind}", **drawn, dco_clock=clock)

"""Voices ready for the kernel: constants, state, and the arithmetic between frames and samples.

`render` (many voices, one note each) and `board` (six voices, any number of notes) both stand on it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.synth import _kernel, _lanes, control_rate
from simulator.synth._compiling import Cached
from simulator.synth._filters import HIGHEST_CUTOFF
from simulator.synth.control import Voicing, deviation
from simulator.synth.profile import Profile
from simulator.synth.random import mix_seed

NOISE, SQUARE, PULSE, SAWTOOTH = range(4)
RATES = (4000, 768_000)
"""Lowest and highest sample rate in Hz."""
HIGHEST_STEP = 0.45
"""Oscillators above this share of the sample rate are silent: nothing of them can be heard."""


@dataclass
class State:
    """What N voices remember: ``memory`` float32[N, 21] and ``phases`` int32[N, 2]."""

    memory: NDArray[np.float32]
    phases: NDArray[np.int32]

    @classmethod
    def fresh(cls, seeds: np.ndarray, profile: Profile) -> State:
        """Silent voices; ``seeds``, int[N], place oscillators that run free (law ``dco_phase``)."""
        memory = np.zeros((len(seeds), _lanes.STATE), np.float32)
        phases = np.zeros((len(seeds), 2), np.int32)
        if profile.choice("dco_phase") == "free":
            phases[:] = noise_seeds(seeds[:, None], np.array([101, 102]))
        return cls(memory, phases)


def start(
    state: State, voice: slice | int, constants: np.ndarray, levels: np.ndarray, profile: Profile
) -> None:
    """Reset voices so that they begin from their first control frame, silent and with no memory.

    ``levels``: float32[4, n], the first frame. The gain alone starts at zero. Oscillators that run
    free keep their phase.
    """
    state.memory[voice] = 0
    if profile.choice("dco_phase") == "key":
        state.phases[voice] = 0
    state.memory[voice, _lanes.PREVIOUS + _lanes.MIX1] = levels[_lanes.MIX1]
    state.memory[voice, _lanes.PREVIOUS + _lanes.MIX2] = levels[_lanes.MIX2]
    state.memory[voice, _lanes.PREVIOUS + _lanes.CUTOFF] = levels[_lanes.CUTOFF]
    state.memory[voice, _lanes.HEIGHT1 : _lanes.HEIGHT2 + 1] = 1


def constants(voicing: Voicing, sample_rate: float) -> NDArray[np.float32]:
    """The kernel's per-voice constants, float32[N, 16], from the tones."""
    tones, profile, seeds = voicing.tones, voicing.profile, voicing.notes.seed
    pulse_width = profile.constant("dco_pulse_width") + deviation(profile, "pulse_width", seeds)
    pulse_width = np.clip(pulse_width, 0.001, 0.999)
    out = np.zeros((len(tones), _lanes.CONSTANTS), np.float32)
    for first, name in ((_lanes.SAW1, "DCO1"), (_lanes.SAW2, "DCO2")):
        wave = voicing.position(f"{name} WF")
        out[:, first] = wave == SAWTOOTH
        out[:, first + 1] = (wave == SQUARE) | (wave == PULSE)
        out[:, first + 2] = wave == NOISE
        out[:, first + 3] = np.where(wave == PULSE, pulse_width, 0.5)
    out[:, _lanes.FIXED_DAMPING] = profile.constant("vcf_fixed_damping")
    out[:, _lanes.DAMPING] = profile.physical(tones, "VCF RES") * (1 + deviation(profile, "resonance", seeds))
    out[:, _lanes.POLES4] = profile.constant("vcf_poles") == 4
    corner = profile.physical(tones, "HPF FREQ") * (1 + deviation(profile, "hpf", voicing.board_seeds))
    out[:, _lanes.HPF_HZ] = np.minimum(corner, HIGHEST_STEP * sample_rate)
    out[:, _lanes.SYNC12 : _lanes.FM21 + 1] = profile.physical(tones, "DCO XMOD")
    return out


def kinds(couplings: np.ndarray) -> NDArray[np.int64]:
    """How each voice's oscillators must run, from its row of the law ``dco_xmod``: int64[N].

    ``couplings``: float[N, 4]: DCO-1 resets DCO-2, and back; DCO-1 modulates DCO-2, and back.
    """
    resets = np.count_nonzero(couplings[:, :2], axis=1)
    bent = np.where(np.any(couplings[:, 2:] != 0, axis=1), _lanes.BENT, _lanes.PLAIN)
    return np.where(resets > 0, _lanes.BENT + resets, bent)


def loops(profile: Profile, rows: np.ndarray | None = None) -> list[Cached]:
    """The compiled loops that voices of a profile need: of all its tones, or of tones with some rows of the
    law ``dco_xmod``, float[N, 4]."""
    couplings = profile.laws["dco_xmod"].values if rows is None else rows
    return [control_rate.compiled, *(_kernel.compiled[kind] for kind in np.unique(kinds(couplings)))]


def at_rate(
    frequencies: np.ndarray, levels: np.ndarray, constants: np.ndarray, sample_rate: float
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Control frames as the kernel takes them at a sample rate: increments and levels.

    Frequencies become cycles * 2**32 a sample, int32[2, N, ticks]; the cutoff becomes the gain of the
    bilinear transform's integrators, tan(pi f / sample_rate), held where the transform can place it.
    Oscillators beyond `HIGHEST_STEP` are silenced, but for noise, which has no pitch.
    """
    share = frequencies / sample_rate
    levels = levels.copy()
    cutoff = np.minimum(levels[_lanes.CUTOFF], HIGHEST_CUTOFF * sample_rate)
    levels[_lanes.CUTOFF] = np.tan(np.float32(np.pi / sample_rate) * cutoff)
    if share.max() >= HIGHEST_STEP:
        for mix, noise, row in ((_lanes.MIX1, _lanes.NOISE1, 0), (_lanes.MIX2, _lanes.NOISE2, 1)):
            levels[mix][(share[row] >= HIGHEST_STEP) & (constants[:, noise, None] == 0)] = 0
        share = np.minimum(share, HIGHEST_STEP)
    return np.rint(share * 2.0**32).astype(np.int32), levels


def groups(kinds: np.ndarray) -> list[tuple[int, NDArray[np.int64]]]:
    """Voices that go through the kernel together: (kind, int64[G, LANES]), -1 where none.

    The dearest come first, and lanes that they leave free take the next cheaper ones: the samples are
    the same.
    """
    padded = np.full(-(-len(kinds) // _lanes.LANES) * _lanes.LANES, -1)
    padded[: len(kinds)] = np.argsort(-kinds, kind="stable")
    members = padded.reshape(-1, _lanes.LANES)
    of_group = kinds[members[:, 0]]
    return [(int(kind), members[of_group == kind]) for kind in np.unique(of_group)]


def edges(first: int, ticks: int, profile: Profile, sample_rate: float) -> NDArray[np.int64]:
    """First sample of each tick from tick ``first``, and of the one after: int64[ticks + 1]."""
    tick = np.arange(first, first + ticks + 1)
    return np.rint(tick * profile.constant("tick") * sample_rate).astype(np.int64)


def noise_seeds(seed: int | np.ndarray, voice: int | np.ndarray = 0) -> NDArray[np.int32]:
    """Where in the noise's long cycle each voice starts: int32, any shape."""
    return mix_seed(seed, voice).astype(np.uint32).view(np.int32)


@dataclass(frozen=True)
class Frames:
    """Control frames at a sample rate: ``increments`` int32[2, N, ticks], ``levels`` float32[4, N, ticks],
    ``edges`` int64[ticks + 1], the first sample of each tick."""

    increments: NDArray[np.int32]
    levels: NDArray[np.float32]
    edges: NDArray[np.int64]


def run(
    state: State,
    constants: np.ndarray,
    frames: Frames,
    seeds: np.ndarray,
    out: np.ndarray,
    rows: np.ndarray,
    begin: int,
    profile: Profile,
    sample_rate: float,
    samples: int | None = None,
) -> None:
    """Fill rows of ``out`` from sample ``begin`` on: voice n goes to row ``rows[n]``.

    ``samples``: so many of each row, if not all.
    """
    end = begin + (out.shape[1] if samples is None else samples)
    slew = profile.constant("cv_slew") * sample_rate
    couplings = constants[:, _lanes.SYNC12 : _lanes.FM21 + 1]
    for kind, members in _grouped(couplings.tobytes()):
        _kernel.run(members, kind, frames.increments, frames.levels, frames.edges, constants, seeds,
                   state.phases, state.memory, out, rows, begin, end, slew, float(sample_rate))  # fmt: skip


@functools.lru_cache(maxsize=64)
def _grouped(couplings: bytes) -> list[tuple[int, NDArray[np.int64]]]:
    """`groups` of voices with these couplings, float32[N, 4]: a board asks for the same ones every block."""
    return groups(kinds(np.frombuffer(couplings, np.float32).reshape(-1, 4)))

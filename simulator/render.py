"""Tones and notes in, audio out: one note a voice, any number of voices at once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jxctl.errors import UsageError
from simulator import lanes, voices
from simulator.firmware import Notes, Voicing, mix_seed
from simulator.profile import Profile, load_profile

SAMPLE_RATE = 44100
_VOICES_A_JOB = 128


def render(
    tones: np.ndarray,
    notes: ArrayLike = 60,
    velocities: ArrayLike = 100,
    gates_s: ArrayLike = 1.0,
    seconds: float = 2.0,
    *,
    profile: str | Path | Profile = "superjx",
    sample_rate: int = SAMPLE_RATE,
    seed: ArrayLike = 0,
    threads: int | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Render tones, one note each: the first sample is the moment the key goes down.

    Shape:
        ``tones``: uint8[N, 48] (or [48] for one). ``notes`` (MIDI 0-127), ``velocities`` (0-127),
        ``gates_s`` (seconds the key is down) and ``seed``: numbers, or one for each tone.
        Returns float32[N, samples], samples = round(seconds * sample_rate), full scale 1. Resonance
        can exceed 1; nothing is clipped.

    The same tone, note, velocity, gate, seed, profile and sample rate give the same samples, bit for
    bit, whatever else is in the batch, wherever the tone lies in it, and however many ``threads``
    (default: all cores) work. ``out`` is filled instead of new memory, which costs as much as a tenth
    of the rendering. A key goes up at the next tick after its gate, as on the board.

    Raises `UsageError` for values out of range, `ProfileError` for a profile that cannot be used.
    """
    profile = load_profile(profile)
    tones = _checked_tones(tones)
    count = len(tones)
    note = _per_voice(notes, count, "note", 0, 127).astype(np.int64)
    velocity = _per_voice(velocities, count, "velocity", 0, 127).astype(np.int64)
    gate = _per_voice(gates_s, count, "gate", 0, 3600)
    seeds = _per_voice(seed, count, "seed", 0, 2**31 - 1).astype(np.int64)
    if not (0 < seconds <= 3600 and 4000 <= sample_rate <= 768000):
        raise UsageError(f"cannot render {seconds} s at {sample_rate} Hz", "0-3600 s, 4000-768000 Hz")
    off = np.ceil(gate / profile.constant("tick") - 1e-9).astype(np.int64)
    playing = Notes(note, velocity, np.zeros(count, np.int64), off, mix_seed(seeds))

    shape = (count, round(seconds * sample_rate))
    if out is None:
        out = np.empty(shape, np.float32)
    elif out.shape != shape or out.dtype != np.float32 or not out.flags.c_contiguous:
        raise UsageError(f"out must be a contiguous float32{list(shape)}")
    threads = threads or os.cpu_count() or 1

    def work(rows: NDArray[np.int64]) -> None:
        _render_job(tones[rows], _take(playing, rows), seeds[rows], profile, sample_rate, out, rows)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, _jobs(voices.kinds(profile.physical(tones, "DCO XMOD")), threads)))
    return out


def _jobs(kinds: NDArray[np.int64], threads: int) -> list[NDArray[np.int64]]:
    """Rows that one thread renders at a time: all of a kind, so that few lanes are left empty."""
    jobs: list[NDArray[np.int64]] = []
    for kind in np.unique(kinds)[::-1]:  # the slowest first
        rows = np.flatnonzero(kinds == kind)
        size = min(_VOICES_A_JOB, -(-len(rows) // (threads * lanes.LANES)) * lanes.LANES)
        jobs += [rows[start : start + size] for start in range(0, len(rows), size)]
    return jobs


def _render_job(
    tones: np.ndarray,
    notes: Notes,
    seeds: NDArray[np.int64],
    profile: Profile,
    sample_rate: int,
    out: NDArray[np.float32],
    rows: NDArray[np.int64],
) -> None:
    voicing = Voicing(tones, notes, profile)
    ticks = int(np.ceil(out.shape[1] / (profile.constant("tick") * sample_rate))) + 1
    constants = voices.constants(voicing, sample_rate)
    increments, levels = voices.at_rate(*voicing.frames(0, ticks), constants, sample_rate)
    state = voices.State.fresh(seeds, profile)
    voices.start(state, slice(None), constants, levels[:, :, 0], profile)
    edges = voices.edges(0, ticks, profile, sample_rate)
    frames = voices.Frames(increments, levels, edges)
    voices.run(state, constants, frames, voices.noise_seeds(seeds), out, rows, 0, profile, sample_rate)


def _take(notes: Notes, rows: NDArray[np.int64]) -> Notes:
    return Notes(notes.note[rows], notes.velocity[rows], notes.on[rows], notes.off[rows], notes.seed[rows])


def _checked_tones(tones: np.ndarray) -> NDArray[np.uint8]:
    tones = np.atleast_2d(np.asarray(tones))
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
        raise UsageError(f"a {name} is out of range: {low:g} to {high:g}")
    return values

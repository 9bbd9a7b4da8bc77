"""Offline rendering: tones and notes in, audio out, one note a voice, any number of voices at once.

`render` checks what it is given (`Batch`), shares the voices out among threads, and takes each share through
the control loop (`simulator.synth.control`), the voices (`simulator.synth.voices`) and the chorus
(`simulator.synth.chorus`).

For the ear and for measurements it renders at a multiple of the sample rate and decimates. At four times
44.1 kHz the steps of the oscillators alias less and the bilinear transform of the filters keeps closer to the
analogue curve (`tests/simulator/synth/test_oversampled.py`), for some ten times the time
(``python -m benchmarks.oversampled``).
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import soxr
from numpy.typing import ArrayLike, NDArray

from jxctl.errors import UsageError
from jxctl.protocol.bank import AnyTone
from jxctl.protocol.parameters import TONE_SIZE
from jxctl.protocol.tone import Tone, to_batch
from simulator.synth import _lanes, chorus, compilation, voices
from simulator.synth._compiling import Cached
from simulator.synth._lanes import LINE
from simulator.synth.control import Notes, Voicing
from simulator.synth.profile import Profile, load_profile
from simulator.synth.random import LARGEST_SEED, add_noise_floor, mix_seed
from simulator.synth.voices import RATES

SAMPLE_RATE = 44100
"""Hz, where nothing else is asked for."""
LARGEST_RAW = 127
"""Raw values have seven bits."""
HIGHEST_OVERSAMPLING = 16
"""The largest multiple of the sample rate (chosen)."""

Tones: TypeAlias = Tone | Iterable[Tone] | ArrayLike
"""What can be rendered: a tone, several, or raw values of 0 to 127, integers[N, 48] (or [48] for one)."""

# Voices that a thread takes at a time, at most (chosen).
_VOICES_A_JOB = 128
# At least, where there are so many groups of lanes: jobs take unequal times (chosen).
_JOBS_A_THREAD = 2
# Samples at a time on their way to the chorus (chosen): a job's fit the cache, rows do not share its sets.
_SPAN = 1344
# Sounds that are rendered at the multiple of the rate before they are decimated (chosen).
_DECIMATED_AT_A_TIME = 32


def render(
    tones: Tones,
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
    stereo: bool = False,
    oversample: int = 1,
) -> NDArray[np.float32]:
    """Subtractive synthesis, offline: tones in, one note each, the first sample when the key goes down.

    The same tone, note, velocity, gate, seed, profile and sample rate give the same samples, bit for
    bit, whatever else is in the batch, wherever the tone lies in it, and however many threads work.

    Args:
        tones: a `Tone`, several, or raw values of 0 to 127: integers[N, 48], or [48] for one. uint8 is
            taken as it is, any other integer type is checked and copied.
        notes: MIDI notes, 0 to 127 (60 is C4): one for all, or one for each tone.
        velocities: 0 to 127, likewise.
        gates_s: seconds for which the key is down, 0 to 3600, likewise. It goes up at the next tick after
            that, as on the board.
        seconds: length of the sound, up to 3600.
        profile: name, file, or `Profile` of the board.
        sample_rate: Hz, 4000 to 768000.
        seed: of noise, random LFO, spread and drift, 0 to 2**31 - 1: one for all, or one for each tone.
        threads: that work; None for all cores.
        out: memory that is filled instead of new, which costs a third of the rendering. Made with `empty`,
            of a multiple of 16 samples, it is written fastest.
        stereo: both outputs, instead of their mean. Without chorus they are the same.
        oversample: 1 to 16. At 4 aliases and the filters' deviation from the analogue curve all but
            vanish, for some ten times the time; noise and what follows from it are other samples then.

    Returns:
        float32[N, samples], or if ``stereo`` float32[N, 2, samples], left and right; samples =
        round(seconds * sample_rate), full scale 1. Resonance can exceed 1; nothing is clipped.

    Raises:
        UsageError: values out of range, or tones that are none.
        ProfileError: a profile that cannot be used.

    Examples:
        >>> render(Tone.init(), 60, seconds=0.5).shape
        (1, 22050)
        >>> render([Tone.init(), Tone.init()], [48, 60], seconds=0.5, stereo=True).shape
        (2, 2, 22050)
    """
    batch = Batch.of(tones, notes, velocities, gates_s, seconds, profile, sample_rate, seed)
    if oversample not in range(1, HIGHEST_OVERSAMPLING + 1):
        raise UsageError(f"oversample is {oversample}; it is a whole number from 1 to {HIGHEST_OVERSAMPLING}")
    if threads is not None and threads < 1:
        raise UsageError(f"threads is {threads}; at least one has to work", "leave it out for all cores")
    count = len(batch.tones)
    shape = (count, 2, batch.samples) if stereo else (count, batch.samples)
    if out is None:
        out = empty(shape)
    elif not _fits(out, shape):
        raise UsageError(f"out must be a contiguous float32{list(shape)} that may be written")
    threads = threads or os.cpu_count() or 1
    if oversample == 1:
        _render(batch, threads, out)
    else:
        _render_decimated(batch, threads, out, oversample)
    add_noise_floor(out, batch.seeds, 0, batch.profile.constant("noise_floor"))
    return out


def empty(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Memory for audio, not filled: float32 of that shape, from the start of a cache line on."""
    size = math.prod(shape)
    memory = np.empty(size + LINE // 4, np.float32)
    first = -memory.ctypes.data % LINE // 4
    return memory[first : first + size].reshape(shape)


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
        tones: Tones,
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


def _checked_tones(tones: Tones) -> NDArray[np.uint8]:
    """Any form of tones as uint8[N, 48]. An array of bytes is not copied."""
    given: Any = [tones] if isinstance(tones, AnyTone) else tones
    if not hasattr(given, "__array__") and isinstance(given, Iterable):
        given = list(given)
        others = [tone for tone in given if not isinstance(tone, Tone)]
        if not others:
            return to_batch(given)
        if len(others) < len(given) or any(isinstance(tone, AnyTone) for tone in others):
            kinds = ", ".join(sorted({type(tone).__name__ for tone in others}))
            hint = "jxctl.protocol.vecoven_tone.to_stock makes stock tones of V4 tones, and says what is lost"
            raise UsageError(f"what is rendered are stock tones, not {kinds}", hint if "V4" in kinds else "")
    try:
        values = np.atleast_2d(np.asarray(given))
    except ValueError:
        raise UsageError("tones are integers[N, 48], not rows of different lengths") from None
    if values.ndim != 2 or values.shape[1] != TONE_SIZE or values.dtype.kind not in "iu":
        raise UsageError(
            f"tones are integers[N, {TONE_SIZE}], not {values.dtype}{list(values.shape)}",
            "give raw values of 0 to 127, or Tone objects",
        )
    if values.size:
        for value in (values.max(), values.min()):
            if not 0 <= value <= LARGEST_RAW:
                raise UsageError(f"a tone holds the raw value {value}; raw values are 0 to {LARGEST_RAW}")
    return values.astype(np.uint8, copy=False)


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


def _fits(out: object, shape: tuple[int, ...]) -> bool:
    if not isinstance(out, np.ndarray) or out.shape != shape or out.dtype != np.float32:
        return False
    return out.flags.c_contiguous and out.flags.writeable


def _render_decimated(batch: Batch, threads: int, out: NDArray[np.float32], times: int) -> None:
    """Render at ``times`` the sample rate, then low-pass and decimate.

    Each channel is filtered on its own, so the batch does not matter; the filter has linear phase and no
    delay, passes up to 0.91 of half the sample rate and stops above it (SoX' very high quality).
    """
    rate, samples = batch.sample_rate, batch.samples
    for first in range(0, len(out), _DECIMATED_AT_A_TIME):
        part = slice(first, min(first + _DECIMATED_AT_A_TIME, len(out)))
        finer = replace(batch.take(part), sample_rate=rate * times, samples=samples * times)
        fine = empty((len(finer.tones), *out.shape[1:-1], finer.samples))
        _render(finer, threads, fine)
        channels = out[part].reshape(-1, samples)
        for channel, line in zip(channels, fine.reshape(len(channels), -1), strict=True):
            coarse = soxr.resample(line, rate * times, rate, quality="VHQ")[:samples]
            channel[: len(coarse)] = coarse
            channel[len(coarse) :] = 0


def _render(batch: Batch, threads: int, out: NDArray[np.float32]) -> None:
    def work(rows: NDArray[np.int64]) -> None:
        _render_job(batch.take(rows), out, rows)

    couplings = batch.profile.physical(batch.tones, "DCO XMOD")
    positions = chorus.positions(batch.tones, batch.profile)
    compilation.ready(
        [*voices.loops(batch.profile, couplings), *([chorus.compiled] if positions.any() else [])]
    )
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, _jobs(positions, voices.kinds(couplings), threads)))


def loops(profile: Profile) -> list[Cached]:
    """The compiled loops that tones of a profile may need, to compile them ahead."""
    audible = chorus.audible(profile).any()
    return [*voices.loops(profile), *([chorus.compiled] if audible else [])]


def _jobs(choruses: NDArray[np.int64], kinds: NDArray[np.int64], threads: int) -> list[NDArray[np.int64]]:
    """Rows that one thread renders at a time: like choruses together, and in each like kinds
    (`voices.groups`), in whole groups of lanes but for the last."""
    order = np.lexsort((-kinds, -choruses))
    size = -(-len(order) // (_JOBS_A_THREAD * threads * _lanes.LANES)) * _lanes.LANES
    size = min(max(size, 1), _VOICES_A_JOB)
    return [order[start : start + size] for start in range(0, len(order), size)]


def _render_job(batch: Batch, out: NDArray[np.float32], rows: NDArray[np.int64]) -> None:
    """Fill ``rows`` of the output with a batch that is ordered by its choruses.

    A group of lanes takes the same time however many voices it holds, so voices share lanes whatever their
    chorus; then the chorus takes those of one position after the other. When all VCAs have closed for good
    what follows is silence, and when it has run out of the chorus' lines, too: nothing of that is computed.
    """
    ready = batch.prepare()
    profile, rate, samples = batch.profile, batch.sample_rate, batch.samples
    stereo = out.ndim == 3
    flat, rows = out.reshape(-1, samples), rows * 2 if stereo else rows
    positions = chorus.positions(batch.tones, profile)
    sounding = _sounding(ready.frames, samples)
    if not positions.any():
        _voices(ready, batch, flat, rows, 0, sounding)
        flat[rows, sounding:] = 0
        if stereo:
            flat[rows + 1] = flat[rows]
        return
    parts = [(int(position), np.flatnonzero(positions == position)) for position in np.unique(positions)]
    seeds = chorus.phase_seeds(batch.seeds)
    lines = {
        position: (
            chorus.State.fresh(seeds[part], 0, profile, rate),
            chorus.Setting.of(position, profile, rate),
        )
        for position, part in parts
        if position
    }
    everyone = np.arange(len(rows))
    memory = empty((len(rows) * min(_SPAN, samples),))
    for begin in range(0, samples, _SPAN):
        span = min(_SPAN, samples - begin)
        dry = memory[: len(rows) * span].reshape(len(rows), span)
        heard = min(max(sounding - begin, 0), span)
        _voices(ready, batch, dry, everyone, begin, heard)
        dry[:, heard:] = 0
        for position, part in parts:
            own, to = dry[part[0] : part[-1] + 1], rows[part]
            if position and (heard or not lines[position][0].silent):
                chorus.run(*lines[position], own, flat, to, begin, begin, stereo)
            else:
                for side in range(2 if stereo else 1):
                    flat[to + side, begin : begin + span] = own


def _sounding(frames: voices.Frames, samples: int) -> int:
    """Samples until the VCA of every voice stays closed; it multiplies last, so that zeros follow."""
    open_ticks = np.flatnonzero(frames.levels[_lanes.GAIN].any(axis=0))
    if not len(open_ticks):
        return 0
    closed = min(open_ticks[-1] + 2, len(frames.edges) - 1)  # within the first tick that is closed it slews
    return min(int(frames.edges[closed]), samples)


def _voices(
    ready: Prepared, batch: Batch, out: NDArray[np.float32], rows: NDArray[np.int64], begin: int, samples: int
) -> None:
    if samples:
        voices.run(ready.state, ready.constants, ready.frames, ready.noise, out, rows, begin,
                   batch.profile, batch.sample_rate, samples)  # fmt: skip

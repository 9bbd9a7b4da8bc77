"""Log-mel spectrograms of many sounds, by a batched FFT with a window in each lane.

A window of 2048 samples, its power in 1025 bins, weighted sums over triangular filters that lie evenly on the
mel scale, decibels. Whoever renders thousands of sounds a second needs their spectra as fast. A library's
transform takes one window after the other and moves every intermediate result through memory; here sixteen
windows of one sound go through together, a lane each, as the voices do in `simulator.synth._kernel`, from
samples to bands (or decibels) in 0.5 MB of buffers that stay in the cache.

The transform is `simulator.features._fft`. Lane k holds the k-th sixteenth of the sound's windows, so that
sixteen streams of samples are laid side by side once, although windows overlap.

A sound that ends in zeros, as a render does once its VCA is closed, has windows that hold nothing else; those
are not transformed. A sound's result depends on nothing but the sound: not on the batch, its place in it, or
the threads.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numba import types
from numpy.typing import NDArray

from jxctl.audio.analysis import hz_to_mel, mel_to_hz
from simulator.features._fft import (
    BINS,
    HANN,
    PLANE,
    TURNS,
    TWIDDLES,
    WINDOW,
    F,
    fused,
    load,
    splat,
    store,
    transform,
)
from simulator.features._fft import WIDTH as LANES
from simulator.synth._compiling import FAST, Cached, full_width, inline
from simulator.synth.render import SAMPLE_RATE as SAMPLE_RATE

FLOOR_DB = 80.0
"""Decibels under a sound's loudest cell at which its spectrogram is cut (chosen)."""
OCTAVES_FROM_HZ = 20.0
"""Where axes in octaves begin (chosen): the lowest frequency that is heard as a pitch."""

# Sounds that a thread takes at a time (chosen).
_SOUNDS_A_JOB = 8
# Samples of all lanes that are laid side by side at a time (chosen): they stay in the first cache.
_TILE = 64
# As a scale: that of the sound's own loudest cell.
_OWN_PEAK = np.float32(-1)
# Decibels of power to a natural logarithm.
_LN_TO_DB = F(10 / np.log(10))


@dataclass(frozen=True)
class MelSettings:
    """``window`` and ``hop`` in samples, ``bands`` between ``low_hz`` and ``high_hz``."""

    window: int
    hop: int
    bands: int
    low_hz: float = 30.0
    high_hz: float = 16000.0

    def frames(self, samples: int) -> int:
        """How many frames a sound of that length gives."""
        return max(1, -(-samples // self.hop))


RANKING = MelSettings(window=WINDOW, hop=441, bands=128)
"""What sounds are compared in: 10 ms a frame."""


def log_mel(
    audio: NDArray[np.float32], settings: MelSettings = RANKING, threads: int = 0
) -> NDArray[np.float32]:
    """Log-mel spectrogram: dB under each sound's loudest cell, cut at -80.

    Args:
        audio: float32[N, samples] at 44.1 kHz.
        settings: windows are of 2048 samples, and `ValueError` is raised for others.
        threads: 0 for all cores.

    Returns:
        float32[N, bands, frames]. Silence is -80 throughout, and so are frames with samples that are not
        numbers. The level of a recording says nothing about the tone, and is gone.

    Examples:
        >>> log_mel(np.zeros((1, 44100), np.float32)).shape
        (1, 128, 100)
    """
    if settings.window != WINDOW:
        raise ValueError(f"windows of {settings.window} samples; only those of {WINDOW} are transformed here")
    return band_decibels(audio, settings.hop, filter_bank(settings), FLOOR_DB, threads=threads)


@functools.cache
def mel_filters(settings: MelSettings) -> NDArray[np.float32]:
    """Triangular filters evenly spaced on the mel scale, float32[bins, bands], each with a peak of one.

    Bands narrower than a bin take the power of the bins around their centre, in proportion; bins above the
    last filter are left out.
    """
    edges = _edges_hz(settings)
    bins = np.arange(settings.window // 2 + 1) * SAMPLE_RATE / settings.window
    width = SAMPLE_RATE / settings.window
    centre = edges[1:-1]
    below = np.maximum(centre - edges[:-2], width)
    above = np.maximum(edges[2:] - centre, width)
    rising = (bins[:, None] - (centre - below)) / below
    falling = (centre + above - bins[:, None]) / above
    filters = np.clip(np.minimum(rising, falling), 0, None).astype(np.float32)
    used = int(np.flatnonzero(filters.any(axis=1))[-1]) + 1
    return filters[:used].copy()


@functools.cache
def filter_bank(settings: MelSettings) -> Bands:
    """`mel_filters` as sums over bins."""
    return Bands.of(mel_filters(settings))


def mel_octaves(settings: MelSettings) -> NDArray[np.float64]:
    """Octaves above 20 Hz of the middle of each mel band, float64[bands]."""
    return np.asarray(np.log2(_edges_hz(settings)[1:-1] / OCTAVES_FROM_HZ))


def _edges_hz(settings: MelSettings) -> NDArray[np.float64]:
    """Lower ends, middles and upper ends of the filters, one after another: float64[bands + 2]."""
    return mel_to_hz(np.linspace(hz_to_mel(settings.low_hz), hz_to_mel(settings.high_hz), settings.bands + 2))


@dataclass(frozen=True)
class Bands:
    """Sums over bins. ``edges``: int64[bands, 2], first bin and the one after the last; ``weights``: float32,
    for each band its bins' weights, one band after the other."""

    edges: NDArray[np.int64]
    weights: NDArray[np.float32]

    @classmethod
    def of(cls, filters: np.ndarray) -> Bands:
        """From a matrix float[bins, bands], each band of which has a bin above zero; bins up to `BINS`."""
        columns = [np.flatnonzero(column) for column in filters.T]
        edges = np.array([(bins[0], bins[-1] + 1) for bins in columns], np.int64).reshape(-1, 2)
        weights = [filters[first:last, band] for band, (first, last) in enumerate(edges)]
        # A quarter, because taking the spectrum apart leaves out two halves.
        return cls(edges, np.concatenate([*weights, np.empty(0)]).astype(np.float32) * F(0.25))


def band_power(audio: NDArray[np.float32], hop: int, bands: Bands, threads: int = 0) -> NDArray[np.float32]:
    """Power in bands, float32[N, bands, frames], of audio, float32[N, samples], through Hann windows.

    Window k is centred on sample k * hop; the sound is silent outside. There are as many as begin a hop
    within the sound, but one at least. ``threads``: 0 for all cores.
    """
    return _spectra(audio, hop, bands, np.zeros(0, np.float32), 0.0, threads)


def band_decibels(
    audio: NDArray[np.float32],
    hop: int,
    bands: Bands,
    depth: float,
    scale: NDArray[np.float32] | None = None,
    threads: int = 0,
) -> NDArray[np.float32]:
    """`band_power` in decibels, cut ``depth`` below 0.

    0 dB is each sound's loudest cell (power 1e-12 at least), or, with ``scale``, float32[N], where power
    times the sound's scale is 1.
    """
    own = np.full(len(audio), _OWN_PEAK)
    return _spectra(audio, hop, bands, own if scale is None else scale, depth, threads)


def _spectra(
    audio: NDArray[np.float32], hop: int, bands: Bands, scale: NDArray[np.float32], depth: float, threads: int
) -> NDArray[np.float32]:
    # Of one type always, writable too: for each other one the loop would be compiled anew.
    audio, depth = np.require(audio, np.float32, ("C", "W")), float(depth)
    count, samples = audio.shape
    frames = max(1, -(-samples // hop))
    out = np.empty((count, len(bands.edges), frames), np.float32)

    def work(rows: slice) -> None:
        compiled(audio[rows], hop, HANN, TWIDDLES, TURNS, bands.edges, bands.weights, scale[rows],
                  depth, out[rows])  # fmt: skip

    shared_out(count, threads, work)
    return out


def shared_out(count: int, threads: int, work: Callable[[slice], None]) -> None:
    """Do ``work`` on parts of ``count`` sounds, several at a time. ``threads``: 0 for all cores."""
    threads = threads or os.cpu_count() or 1
    size = max(1, min(_SOUNDS_A_JOB, -(-count // threads)))
    jobs = [slice(first, first + size) for first in range(0, count, size)]
    if threads == 1 or len(jobs) < 2:
        for rows in jobs:
            work(rows)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, jobs))


@inline
def _sum_bands(power: Any, edges: Any, weights: Any, lanes: Any, out: Any, frame: int, apart: int) -> None:
    """Weighted sums of bins; lane k belongs to frame ``frame + k * apart``, if there is one."""
    at = 0
    for band in range(edges.shape[0]):
        total = splat(F(0))
        for i in range(edges[band, 0], edges[band, 1]):
            total = fused(splat(weights[at]), load(power, i * LANES), total)
            at += 1
        store(lanes, 0, total)
        for k in range(LANES):
            if frame + k * apart < out.shape[1]:
                out[band, np.uintp(frame + k * apart)] = lanes[k]


@inline
def _lay_side_by_side(v: Any, sound: Any, done: int, until: int, apart: int) -> None:
    """Samples ``done`` to ``until`` of every lane's stretch; stretches begin ``apart`` samples apart."""
    for k in range(LANES):
        offset = k * apart - WINDOW // 2
        low = min(max(done, -offset), until)
        high = max(min(until, sound.shape[0] - offset), low)
        for j in range(done, low):
            v[np.uintp(j * LANES + k)] = F(0)
        for j in range(low, high):
            v[np.uintp(j * LANES + k)] = sound[np.uintp(offset + j)]
        for j in range(high, until):
            v[np.uintp(j * LANES + k)] = F(0)


@inline
def _to_decibels(cells: Any, scale: Any, depth: Any) -> None:
    """Power times ``scale`` to dB, cut ``depth`` below 0."""
    if scale == _OWN_PEAK:
        peak = F(1e-12)
        for cell in cells:
            peak = max(peak, cell)
        scale = F(1) / peak
    lowest = F(10.0 ** (-depth / 10))
    for i in range(cells.shape[0]):
        x = max(cells[i] * scale, lowest)
        # ln x = e ln 2 + ln m, m between sqrt(1/2) and sqrt(2), by the polynomial of Cephes' logf.
        bits = np.float32(x).view(np.int32) - np.int32(0x3F3504F3)
        e = F(bits >> np.int32(23))
        m = np.int32((bits & np.int32(0x7FFFFF)) + np.int32(0x3F3504F3)).view(np.float32) - F(1)
        z = m * m
        y = F(7.0376836292e-2)
        y = y * m - F(1.1514610310e-1)
        y = y * m + F(1.1676998740e-1)
        y = y * m - F(1.2420140846e-1)
        y = y * m + F(1.4249322787e-1)
        y = y * m - F(1.6668057665e-1)
        y = y * m + F(2.0000714765e-1)
        y = y * m - F(2.4999993993e-1)
        y = y * m + F(3.3333331174e-1)
        level = _LN_TO_DB * (e * F(0.6931471805599453) + (m + (y * m * z - F(0.5) * z)))
        cells[i] = level if x > lowest else F(-depth)


@inline
def aligned(size: int) -> Any:
    """Zeros that start at a cache line."""
    memory = np.zeros(size + LANES, np.float32)
    skip = (-memory.ctypes.data % 64) // 4
    return memory[skip : skip + size]


@inline
def _reached(sound: Any, hop: int, frames: int) -> int:
    """How many of the frames have a sample that is not zero in their window, or lie before one that has."""
    end = sound.shape[0]
    while end > 0 and sound[end - 1] == 0:
        end -= 1
    return min(frames, (end + WINDOW // 2 + hop - 1) // hop) if end > 0 else 0


@numba.njit(nogil=True, error_model="numpy", fastmath=FAST)
def spectra_of(
    audio: Any, hop: int, window: Any, tw: Any, turns: Any, edges: Any, weights: Any,
    scale: Any, depth: float, out: Any,
) -> None:  # fmt: skip
    """See `band_power` and `band_decibels`; without a ``scale`` the result is power."""
    full_width()
    x, y, power, lanes = aligned(2 * PLANE), aligned(2 * PLANE), aligned(BINS * LANES), aligned(LANES)
    frames = out.shape[2]
    v = aligned((((frames + LANES - 1) // LANES - 1) * hop + WINDOW) * LANES)
    for n in range(audio.shape[0]):
        reached = _reached(audio[n], hop, frames)
        out[n, :, reached:] = F(0)
        steps = (reached + LANES - 1) // LANES
        done = 0
        for step in range(steps):
            needed = step * hop + WINDOW
            while done < needed:
                until = min(done + _TILE, needed)
                _lay_side_by_side(v, audio[n], done, until, steps * hop)
                done = until
            transform(v, step * hop * LANES, window, tw, turns, x, y, power)
            _sum_bands(power, edges, weights, lanes, out[n, :, :reached], step, steps)
        if scale.shape[0] > 0:
            _to_decibels(out[n].reshape(out.shape[1] * frames), scale[n], depth)


_ARGUMENTS = (
    types.float32[:, ::1], types.int64, types.float32[::1], types.float32[::1], types.float32[::1],
    types.int64[:, ::1], types.float32[::1], types.float32[::1], types.float64, types.float32[:, :, ::1],
)  # fmt: skip
compiled = Cached(spectra_of, _ARGUMENTS, 4.2)

"""What the entries hear of a sound: one array for each way of listening, made once for a corpus.

* ``spectrogram``, float16[690, 16]: the thesis' magnitudes (`estimator.papers.vecoven2020.task.spectrogram`).
* ``image``, float16[64, 257]: InverSynth's log spectrogram, log10 of power at 16,384 Hz, windows of 512 that
  overlap by half, four averaged to one frame (`estimator.papers.vecoven2020.networks.inversynth`).
* ``wave``, int16[65536]: the sound at 16,384 Hz; `FULL_SCALE` stands for 1, which leaves room for resonance.
* ``handmade``, float32[4480]: features in the manner of Itoyama and Okuno (2014), for InverSynth's baselines
  HC and HC3. The paper describes them in a paragraph: 32 numbers a frame, seven with their derivatives, 57
  statistics over 25 stretches of time, 319,200 numbers, then PCA to 1,000. Here the 32 a frame are kept; of
  derivatives the first one, of statistics 14, over five stretches (the whole sound and its quarters): 4,480
  numbers, then PCA to 1,000 (`estimator.papers.vecoven2020.reduced`). The paper's full set would be 1.3 MB a
  sound.
* ``mel``, float16[96, 200]: log-mel power in dB as the production network hears it, but with the level kept:
  in this task the mixer sets the level, so it tells something.
* ``fine``, float16[5, 672]: power in dB of five long windows on a logarithmic axis, 96 bands an octave from
  110 Hz: a detuning of an eighth of a semitone is a band, and upper partials resolve it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
import soxr
import torch
from numpy.typing import NDArray

from estimator.network.inputs import INPUT, mel_power
from estimator.papers.vecoven2020 import task
from estimator.papers.vecoven2020.networks.inversynth import WAVE
from jxctl.audio.analysis import hz_to_mel, mel_to_hz
from simulator.synth import SAMPLE_RATE

RATE = 16384
"""Hz, InverSynth's."""
FULL_SCALE = 4096
"""What stands for an amplitude of 1 in a ``wave``; chosen, for resonance up to 8."""
FINE_WINDOW = 16384
"""Samples at 44.1 kHz, 0.37 s; chosen."""
FINE_STARTS = (0, 8192, 24576, 66150, 97020)
"""Where the long windows begin, in samples: four while the key is down, one after; chosen."""
FINE_BANDS = 672
"""Seven octaves."""
FINE_PER_OCTAVE = 96
"""An eighth of a semitone a band; chosen."""
FINE_LOWEST_HZ = 110.0
"""The lowest pitch of the task: A4 two octaves down."""

PER_FRAME = 32
"""Handmade numbers a frame."""
STATISTICS = 14
"""Statistics of each of them and of its derivative, over each of the `STRETCHES`."""
STRETCHES = (slice(0, 256), slice(0, 64), slice(64, 128), slice(128, 192), slice(192, 256))
"""Frames: the whole sound, and its quarters."""
HANDMADE = 2 * PER_FRAME * STATISTICS * len(STRETCHES)
"""Handmade numbers a sound."""
_TINY = 1e-6
"""Power that is added before a logarithm; chosen."""
_HZ_A_BIN = RATE / 512
"""Of `short_spectra`."""

SHAPES: dict[str, tuple[tuple[int, ...], type[np.generic]]] = {
    "spectrogram": ((task.FRAMES, task.BINS), np.float16),
    "image": ((64, 257), np.float16),
    "wave": ((WAVE,), np.int16),
    "handmade": ((HANDMADE,), np.float32),
    "mel": ((96, 200), np.float16),
    "fine": ((len(FINE_STARTS), FINE_BANDS), np.float16),
}


def views_of(audio: NDArray[np.float32], names: Sequence[str] = tuple(SHAPES)) -> dict[str, np.ndarray]:
    """Views of sounds, float32[N, 176400], by name; of all kinds or of those named."""
    whole = torch.from_numpy(audio)
    slow, power = np.empty((0, WAVE), np.float32), np.empty((0, 256, 257), np.float32)
    if not {"image", "wave", "handmade"}.isdisjoint(names):
        slow = np.stack([resampled(sound) for sound in audio])
        power = short_spectra(slow)
    ways: dict[str, Callable[[], np.ndarray]] = {
        "spectrogram": lambda: task.spectrogram(audio),
        "image": lambda: np.log10(power.reshape(len(audio), 64, 4, -1).mean(axis=2) + _TINY),
        "wave": lambda: np.rint(np.clip(slow * FULL_SCALE, -32767, 32767)),
        "handmade": lambda: handmade(slow, power),
        "mel": lambda: decibels(mel_power(whole, INPUT)),
        "fine": lambda: decibels(fine_power(whole)),
    }
    return {name: ways[name]() for name in names}


def resampled(sound: NDArray[np.float32]) -> NDArray[np.float32]:
    """A sound at 44.1 kHz, four seconds, at 16,384 Hz: float32[65536]."""
    slow = np.asarray(soxr.resample(sound, SAMPLE_RATE, RATE), np.float32)[:WAVE]
    return np.pad(slow, (0, WAVE - len(slow)))


def short_spectra(slow: NDArray[np.float32]) -> NDArray[np.float32]:
    """Power, float32[N, 256, 257], of windows of 512 samples every 256; the last is filled with silence."""
    padded = torch.nn.functional.pad(torch.from_numpy(slow), (0, 256))
    spectrum = torch.fft.rfft(padded.unfold(1, 512, 256) * torch.hann_window(512))
    return (spectrum.real.square() + spectrum.imag.square()).numpy()


def decibels(power: torch.Tensor) -> NDArray[np.float32]:
    """Power in dB, not below -40 (a full-scale sine gives about 50 in a mel band)."""
    return np.asarray(10 * torch.log10(power.clamp_min(1e-4)).numpy())


def fine_power(audio: torch.Tensor) -> torch.Tensor:
    """Power in bands a ninety-sixth of an octave apart, float32[N, 5, 672], of five windows of 0.37 s.

    A band takes what lies between its edges; narrower than a bin, its share of the bin.
    """
    windows = torch.stack([audio[:, start : start + FINE_WINDOW] for start in FINE_STARTS], dim=1)
    spectrum = torch.fft.rfft(windows * torch.hann_window(FINE_WINDOW))
    sums = (spectrum.real.square() + spectrum.imag.square()).double().cumsum(-1)
    sums = torch.nn.functional.pad(sums, (1, 0))
    low, share = _edges()
    at_edge = sums[..., low] * (1 - share) + sums[..., low + 1] * share
    return at_edge.diff(dim=-1).clamp_min(0).float()


@functools.cache
def _edges() -> tuple[torch.Tensor, torch.Tensor]:
    """Where the edges of the bands lie among the bins: whole part, int64[673], and rest, float64[673]."""
    octaves = (torch.arange(FINE_BANDS + 1, dtype=torch.float64) - 0.5) / FINE_PER_OCTAVE
    place = FINE_LOWEST_HZ * torch.exp2(octaves) * FINE_WINDOW / SAMPLE_RATE + 0.5
    low = place.floor().long()
    return low, place - low


def handmade(slow: NDArray[np.float32], power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Handmade features, float32[N, 4480], of sounds at 16,384 Hz, float32[N, 65536], and their spectra,
    power[N, 256, 257]."""
    frames = per_frame(slow, power)
    moved = np.concatenate((frames, np.gradient(frames, axis=1)), axis=2)
    return np.concatenate([statistics(moved[:, part]) for part in STRETCHES], axis=1).astype(np.float32)


def per_frame(slow: NDArray[np.float32], power: NDArray[np.float32]) -> NDArray[np.float32]:
    """Float32[N, 256, 32]: log energy of eight bands; zero crossings; centroid, width, rolloff (85 %) and
    flux of the spectrum; its loudest and quietest tenth and their contrast, in decades; 12 MFCC; the first
    four harmonics of 440 Hz.
    """
    logs = np.log10(power + _TINY)
    bands = np.stack([part.mean(axis=2) for part in np.array_split(logs, 8, axis=2)], axis=2)
    signs = np.signbit(slow)
    crossings = np.diff(signs, axis=1, append=signs[:, -1:]).reshape(len(slow), 256, 256).mean(axis=2)
    total = power.sum(axis=2) + _TINY
    bins = np.arange(power.shape[2], dtype=np.float32) / power.shape[2]
    centroid = power @ bins / total
    width = np.sqrt(np.maximum(power @ np.square(bins) / total - np.square(centroid), 0))
    rolloff = (np.cumsum(power, axis=2) < 0.85 * total[:, :, None]).mean(axis=2)
    flux = np.abs(np.diff(logs, axis=1, prepend=logs[:, :1])).mean(axis=2)
    tenth = power.shape[2] // 10
    ordered = np.partition(logs, (tenth, -tenth), axis=2)
    quiet, loud = ordered[:, :, :tenth].mean(axis=2), ordered[:, :, -tenth:].mean(axis=2)
    single = np.stack((crossings, centroid, width, rolloff, flux, loud, quiet, loud - quiet), axis=2)
    filters, cosines = _mel()
    mfcc = np.log10(power @ filters + _TINY) @ cosines
    places = [round(440 * k / _HZ_A_BIN) for k in (1, 2, 3, 4)]
    harmonics = np.log10(np.stack([power[:, :, p - 1 : p + 2].sum(axis=2) for p in places], axis=2) + _TINY)
    return np.concatenate((bands, single, mfcc, harmonics), axis=2).astype(np.float32)


def statistics(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Float32[N, 14 * F] of frames, float32[N, T, F]: mean, deviation, skewness, least and greatest with
    their places (0 to 1), median, tenth and ninetieth percentile, and the first four cosines over time.
    """
    length = frames.shape[1]
    mean, deviation = frames.mean(axis=1), frames.std(axis=1)
    away = (frames - mean[:, None]) / (deviation[:, None] + _TINY)
    ordered = np.sort(frames, axis=1)
    low, middle, high = (ordered[:, round(q * (length - 1))] for q in (0.1, 0.5, 0.9))
    turns = np.cos(np.pi * np.outer(np.arange(1, 5), np.arange(length) + 0.5) / length) / length
    cosines = np.einsum("kt,ntf->nkf", turns.astype(np.float32), frames)
    parts = (
        mean, deviation, (away**3).mean(axis=1), ordered[:, 0], ordered[:, -1],
        frames.argmin(axis=1) / length, frames.argmax(axis=1) / length, middle, low, high,
        *np.moveaxis(cosines, 1, 0),
    )  # fmt: skip
    return np.concatenate(parts, axis=1).astype(np.float32)


@functools.cache
def _mel() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """24 triangular mel filters over 257 bins, float32[257, 24], and 12 cosines over them, float32[24,
    12]."""
    hz = np.arange(257) * _HZ_A_BIN
    edges = mel_to_hz(np.linspace(0, hz_to_mel(RATE / 2), 26))
    rising = (hz[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - hz[:, None]) / np.diff(edges)[1:]
    filters = np.clip(np.minimum(rising, falling), 0, None)
    cosines = np.cos(np.pi * np.outer(np.arange(24) + 0.5, np.arange(12)) / 24) / 24
    return filters.astype(np.float32), cosines.astype(np.float32)

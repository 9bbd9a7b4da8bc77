"""What the entries hear of a sound: one array for each way of listening, made once for a corpus.

* ``spectrogram``, float16[690, 16]: the thesis' magnitudes (`estimator.papers.vecoven2020.task.spectrogram`).
* ``image``, float16[64, 257]: InverSynth's log spectrogram, log10 of power at 16,384 Hz, windows of 512 that
  overlap by half, four averaged to one frame (`estimator.papers.vecoven2020.networks.inversynth`).
* ``wave``, int16[65536]: the sound at 16,384 Hz; `FULL_SCALE` stands for 1, which leaves room for resonance.
* ``handmade``, float32[4480]: `estimator.papers.vecoven2020.handmade`.
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
from estimator.papers.vecoven2020 import handmade, task
from estimator.papers.vecoven2020.networks.inversynth import WAVE
from simulator.synth import SAMPLE_RATE

RATE = 16384
FULL_SCALE = 4096
FINE_WINDOW, FINE_STARTS = 16384, (0, 8192, 24576, 66150, 97020)
FINE_BANDS, FINE_PER_OCTAVE, FINE_LOWEST_HZ = 672, 96, 110.0

SHAPES: dict[str, tuple[tuple[int, ...], type[np.generic]]] = {
    "spectrogram": ((task.FRAMES, task.BINS), np.float16),
    "image": ((64, 257), np.float16),
    "wave": ((WAVE,), np.int16),
    "handmade": ((handmade.SIZE,), np.float32),
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
        "image": lambda: np.log10(power.reshape(len(audio), 64, 4, -1).mean(axis=2) + 1e-6),
        "wave": lambda: np.rint(np.clip(slow * FULL_SCALE, -32767, 32767)),
        "handmade": lambda: handmade.features(slow, power),
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

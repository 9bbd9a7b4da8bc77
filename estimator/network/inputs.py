"""What the network sees, and what candidates are ranked by.

All take audio at 44.1 kHz, of one length for a whole batch, and give decibels relative to the loudest
cell of each sound, cut `FLOOR_DB` below it: the level of a recording says nothing about the tone.

Two views go together. The log-mel spectrogram shows how a sound moves. The *partials* show what it is
made of: a few long spectra on a logarithmic axis that starts from the played note, so that an octave,
a fifth or a square wave looks the same whatever the key.

What a network is given of a batch of sounds.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from simulator.features import mel as spectra
from simulator.features._fft import WINDOW


@dataclass(frozen=True)
class Views:
    """``mel``: float32[N, 96, 200], dB, 20 ms a frame. ``partials``: float32[N, 168, 6], dB, quarter
    tones around the note in six moments. ``known``: float32[N, 4], MIDI note / 127, velocity / 127,
    gate in seconds / 4, and how long the recording is, in seconds / 4. Decibels run from -80 to 0."""

    mel: torch.Tensor
    partials: torch.Tensor
    known: torch.Tensor


SAMPLE_RATE = 44100
FLOOR_DB = 80.0
_FRAMES_A_PIECE = 64


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


INPUT = MelSettings(window=2048, hop=882, bands=96)
"""What the network sees: 20 ms a frame."""

RANKING = MelSettings(window=2048, hop=441, bands=128)
"""What sounds are compared in: 10 ms a frame."""


def mel_power(audio: torch.Tensor, settings: MelSettings) -> torch.Tensor:
    """Mel power, float32[N, bands, frames], of audio, float32[N, samples].

    Frame k is centred on sample k * hop; the sound is silent outside. Windows of 2048 samples take the
    fast way of `simulator.features.mel`, on as many threads as torch may use; others go through torch.
    """
    if settings.window != WINDOW:
        return _by_torch(audio, settings)
    samples = audio.detach().cpu().numpy()
    power = spectra.band_power(samples, settings.hop, _bands(settings), threads=torch.get_num_threads())
    return torch.from_numpy(power)


def log_mel(audio: np.ndarray | torch.Tensor, settings: MelSettings = RANKING) -> torch.Tensor:
    """Log-mel spectrogram in dB, -80 to 0, float32[N, bands, frames]; silence is -80 throughout, and so are
    frames with samples that are not numbers."""
    audio = torch.as_tensor(audio)
    if settings.window != WINDOW:
        return relative_db(_by_torch(audio, settings))
    samples, threads = audio.detach().cpu().numpy(), torch.get_num_threads()
    levels = spectra.band_decibels(samples, settings.hop, _bands(settings), FLOOR_DB, threads=threads)
    return torch.from_numpy(levels)


def _by_torch(audio: torch.Tensor, settings: MelSettings) -> torch.Tensor:
    """`mel_power` for any window."""
    samples = audio.shape[-1]
    frames = settings.frames(samples)
    half = settings.window // 2
    needed = (frames - 1) * settings.hop + settings.window
    padded = torch.nn.functional.pad(audio, (half, max(0, needed - half - samples)))
    stacked = padded.unfold(-1, settings.window, settings.hop)[:, :frames]
    window = torch.hann_window(settings.window, dtype=torch.float64).float()
    filters = _filters(settings)
    out = torch.empty((len(audio), settings.bands, frames))
    # In pieces that stay in the cache: all at once takes more than twice as long.
    for sound, mel in zip(stacked, out, strict=True):
        for start in range(0, frames, _FRAMES_A_PIECE):
            spectrum = torch.fft.rfft(sound[start : start + _FRAMES_A_PIECE] * window)
            power = spectrum.real.square() + spectrum.imag.square()
            mel[:, start : start + _FRAMES_A_PIECE] = (power[:, : len(filters)] @ filters).T
    return out


def relative_db(power: torch.Tensor) -> torch.Tensor:
    """Power in dB under each sound's loudest cell, cut at the floor."""
    peak = power.amax(dim=(-2, -1), keepdim=True).clamp_min(1e-12)
    return 10 * torch.log10((power / peak).clamp_min(10 ** (-FLOOR_DB / 10)))


def log_mel_distance(
    audio: np.ndarray, target: np.ndarray, floor_db: float = FLOOR_DB
) -> NDArray[np.float64]:
    """Mean absolute log-mel difference in dB between sounds, float32[N, samples], and a target.

    Levels are matched by RMS. Cells count where the sound or the target rises above the floor, ``floor_db``
    under the target's loudest cell. `RANKING` gives the bands and frames. Returns float64[N]; a silent
    sound against a sounding target gives its whole height above the floor. From a silent target every
    sound is 0 dB away: at its level nothing is left of it. Raises `ValueError` for a target with samples
    that are not numbers, from which nothing has a distance.
    """
    if not np.isfinite(target).all():
        raise ValueError("the target holds samples that are not numbers")
    goal = mel_power(torch.as_tensor(target[None], dtype=torch.float32), RANKING)[0].numpy()
    loudest = max(float(goal.max()), 1e-12)
    goal_db = spectra.band_decibels(
        target[None], RANKING.hop, _bands(RANKING), floor_db, np.array([1 / loudest], np.float32)
    )[0]
    rms = float(np.sqrt(np.mean(np.square(target, dtype=np.float64))))
    distances = []
    # In pieces, because a thousand spectrograms at once would not fit a small machine.
    for part in np.array_split(audio, max(1, len(audio) // 16)):
        own_rms = np.sqrt(np.mean(np.square(part), axis=1)).astype(np.float64)
        gain = np.where(own_rms > 1e-9, rms / np.maximum(own_rms, 1e-9), 0)
        scale = (np.square(gain) / loudest).astype(np.float32)
        own_db = spectra.band_decibels(
            part, RANKING.hop, _bands(RANKING), floor_db, scale, threads=torch.get_num_threads()
        )
        sounding = np.count_nonzero(np.maximum(own_db, goal_db) > -floor_db, axis=(1, 2))
        np.abs(np.subtract(own_db, goal_db, out=own_db), out=own_db)
        distances.append(own_db.sum(axis=(1, 2), dtype=np.float64) / np.maximum(sounding, 1))
    return np.concatenate(distances)


PARTIAL_WINDOW = 8192
PARTIAL_STARTS_S = (0.0, 0.15, 0.4, 0.9, 1.8, 3.0)
PARTIAL_BANDS_PER_OCTAVE = 24
PARTIAL_LOWEST_OCTAVE, PARTIAL_OCTAVES = -2, 7
_PARTIAL_BANDS = PARTIAL_OCTAVES * PARTIAL_BANDS_PER_OCTAVE
_SOUNDS_A_PIECE = 8


def partials_power(audio: torch.Tensor, notes: torch.Tensor) -> torch.Tensor:
    """Power around the played note, float32[N, 168, 6]: quarter tones from two octaves below it to
    five above, in six windows of 0.19 s.

    ``audio``: float32[N, samples] at 44.1 kHz; ``notes``: MIDI numbers, [N].
    """
    starts = [round(start * SAMPLE_RATE) for start in PARTIAL_STARTS_S]
    missing = starts[-1] + PARTIAL_WINDOW - audio.shape[1]
    padded = torch.nn.functional.pad(audio, (0, missing)) if missing > 0 else audio  # a copy takes its time
    octaves = PARTIAL_LOWEST_OCTAVE + (torch.arange(_PARTIAL_BANDS + 1) - 0.5) / PARTIAL_BANDS_PER_OCTAVE
    hz = 440 * torch.exp2((notes[:, None].double() - 69) / 12 + octaves)
    edge = (hz * PARTIAL_WINDOW / SAMPLE_RATE + 0.5).clamp(0, PARTIAL_WINDOW // 2 + 1)
    # In pieces that stay in the cache: all at once takes three times as long.
    pieces = range(0, len(audio), _SOUNDS_A_PIECE)
    out = [_around(padded[k : k + _SOUNDS_A_PIECE], edge[k : k + _SOUNDS_A_PIECE], starts) for k in pieces]
    return torch.cat(out) if out else torch.empty((0, _PARTIAL_BANDS, len(starts)))


def _around(audio: torch.Tensor, edge: torch.Tensor, starts: list[int]) -> torch.Tensor:
    """Power between ``edge`` (bins, float64[N, bands + 1]) in windows that begin at ``starts``."""
    stacked = torch.stack([audio[:, start : start + PARTIAL_WINDOW] for start in starts], dim=1)
    spectrum = torch.fft.rfft(stacked * torch.hann_window(PARTIAL_WINDOW))
    power = spectrum.real.square() + spectrum.imag.square()
    # The power of a band is the difference of running sums at its edges, between bins in proportion.
    sums = torch.nn.functional.pad(power.double().cumsum(-1), (1, 0))
    low = edge.floor().long().clamp_max(PARTIAL_WINDOW // 2)
    share = (edge - low)[:, None]
    index = low[:, None].expand(-1, len(starts), -1)
    at_edge = sums.gather(2, index) * (1 - share) + sums.gather(2, index + 1) * share
    return at_edge.diff(dim=2).clamp_min(0).float().transpose(1, 2)


def partial_octaves(notes: NDArray[np.integer] | NDArray[np.floating]) -> NDArray[np.float64]:
    """Octaves above 20 Hz of each band of `partials_power`, float64[N, 168]."""
    octaves = PARTIAL_LOWEST_OCTAVE + np.arange(_PARTIAL_BANDS) / PARTIAL_BANDS_PER_OCTAVE
    return np.asarray(np.log2(440 / 20) + (np.asarray(notes)[:, None] - 69) / 12 + octaves)


def mel_octaves(settings: MelSettings) -> NDArray[np.float64]:
    """Octaves above 20 Hz of the middle of each mel band, float64[bands]."""
    return np.asarray(np.log2(_edges_hz(settings)[1:-1] / 20))


@functools.cache
def _filters(settings: MelSettings) -> torch.Tensor:
    """Triangular mel filters, float32[bins, bands], each with a peak of one (HTK mel scale); bins above the
    last filter are left out.

    Bands narrower than a bin take the power of the bins around their centre, in proportion.
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
    return torch.from_numpy(filters[:used].copy())


def _edges_hz(settings: MelSettings) -> NDArray[np.float64]:
    """Lower ends, middles and upper ends of the filters, one after another: float64[bands + 2]."""
    edges_mel = np.linspace(_mel(settings.low_hz), _mel(settings.high_hz), settings.bands + 2)
    return np.asarray(700 * (10 ** (edges_mel / 2595) - 1))


@functools.cache
def _bands(settings: MelSettings) -> spectra.Bands:
    return spectra.Bands.of(_filters(settings).numpy())


def band_matrix(settings: MelSettings) -> NDArray[np.float32]:
    """The mel filters of some settings, float32[bins, bands], each with a peak of one."""
    return np.asarray(_filters(settings).numpy())


def ranking_bands() -> spectra.Bands:
    """The mel bands in which sounds are compared, for `simulator.features.mel`."""
    return _bands(RANKING)


def _mel(hz: float) -> float:
    return float(2595 * np.log10(1 + hz / 700))

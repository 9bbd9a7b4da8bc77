"""What the network is given of a batch of sounds: a log-mel spectrogram, and the partials of the note.

Two views go together. The log-mel spectrogram (`simulator.features.mel`, in the network's settings) shows how
a sound moves. The *partials* show what it is made of: a few long spectra on a logarithmic axis that starts
from the played note, so that an octave, a fifth or a square wave looks the same whatever the key.

All take audio at 44.1 kHz, of one length for a whole batch, and give decibels relative to the loudest
cell of each sound, cut `FLOOR_DB` below it: the level of a recording says nothing about the tone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from simulator.features._fft import WINDOW
from simulator.features.mel import (
    FLOOR_DB,
    OCTAVES_FROM_HZ,
    SAMPLE_RATE,
    MelSettings,
    band_power,
    filter_bank,
    mel_filters,
    mel_octaves,
)

SECONDS = 4.0
"""How much of a sound the network sees (chosen)."""
INPUT = MelSettings(window=WINDOW, hop=882, bands=96)
"""What the network sees: 20 ms a frame."""

PARTIAL_WINDOW = 8192
"""Samples of a window of the partials: 0.19 s."""
PARTIAL_STARTS_S = (0.0, 0.15, 0.4, 0.9, 1.8, 3.0)
"""Seconds at which the windows of the partials begin (chosen)."""
PARTIAL_BANDS_PER_OCTAVE = 24
"""Quarter tones."""
PARTIAL_LOWEST_OCTAVE = -2
"""Octaves from the played note to the lowest band (chosen)."""
PARTIAL_OCTAVES = 7
"""Octaves that the bands cover (chosen)."""

Disturb = Callable[[torch.Tensor, NDArray[np.float64]], torch.Tensor]
"""Augmentation: power, float32[N, bands, frames], and octaves above 20 Hz of its bands, [N or 1, bands], to
power."""

_PARTIAL_BANDS = PARTIAL_OCTAVES * PARTIAL_BANDS_PER_OCTAVE
# In pieces that stay in the cache: all at once takes two to three times as long.
_FRAMES_A_PIECE = 64
_SOUNDS_A_PIECE = 8


@dataclass(frozen=True)
class Views:
    """``mel``: float32[N, 96, 200], dB, 20 ms a frame. ``partials``: float32[N, 168, 6], dB, quarter
    tones around the note in six moments. ``known``: float32[N, 4], MIDI note / 127, velocity / 127,
    gate in seconds / 4, and how long the recording is, in seconds / 4. Decibels run from -80 to 0."""

    mel: torch.Tensor
    partials: torch.Tensor
    known: torch.Tensor


def features(
    audio: np.ndarray,
    notes: ArrayLike,
    velocities: ArrayLike,
    gates_s: ArrayLike,
    lengths_s: ArrayLike | None = None,
    disturb: Disturb | None = None,
) -> Views:
    """The network's input for sounds, float32[N, samples], that start with the note.

    They are cut or padded to four seconds. ``notes``, ``velocities``, ``gates_s``, ``lengths_s`` (how much of
    each is known; all of it if None): [N]. ``disturb``: what recordings do to a sound, for training.
    """
    samples = round(SECONDS * SAMPLE_RATE)
    whole = torch.as_tensor(np.asarray(audio, np.float32)[:, :samples])
    if lengths_s is None:
        lengths_s = np.full(len(whole), whole.shape[1] / SAMPLE_RATE)
    if whole.shape[1] < samples:
        whole = torch.nn.functional.pad(whole, (0, samples - whole.shape[1]))
    note = torch.as_tensor(np.asarray(notes, np.float32))
    mel, partials = mel_power(whole, INPUT), partials_power(whole, note)
    if disturb is not None:
        mel = disturb(mel, mel_octaves(INPUT)[None, :])
        partials = disturb(partials, partial_octaves(np.asarray(notes)))
    # After its end a recording is unknown: as dark as silence, and the network is told when that begins.
    mel = relative_db(mel)
    frame_s = torch.arange(mel.shape[2]) * (INPUT.hop / SAMPLE_RATE)
    known_until = torch.as_tensor(np.asarray(lengths_s, np.float32))
    mel = torch.where(frame_s[None, None] <= known_until[:, None, None], mel, -FLOOR_DB)
    known = np.stack(
        (
            np.asarray(notes) / 127, np.asarray(velocities) / 127,
            np.asarray(gates_s) / SECONDS, np.asarray(lengths_s) / SECONDS,
        ),
        axis=1,
    )  # fmt: skip
    return Views(mel, relative_db(partials), torch.as_tensor(known, dtype=torch.float32))


def mel_power(audio: torch.Tensor, settings: MelSettings) -> torch.Tensor:
    """Mel power, float32[N, bands, frames], of audio, float32[N, samples].

    Frame k is centred on sample k * hop; the sound is silent outside. Windows of 2048 samples take the
    fast way of `simulator.features.mel`, on as many threads as torch may use; others go through torch.
    """
    if settings.window != WINDOW:
        return mel_power_by_torch(audio, settings)
    samples = audio.detach().cpu().numpy()
    power = band_power(samples, settings.hop, filter_bank(settings), threads=torch.get_num_threads())
    return torch.from_numpy(power)


def mel_power_by_torch(audio: torch.Tensor, settings: MelSettings) -> torch.Tensor:
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
    return np.asarray(np.log2(440 / OCTAVES_FROM_HZ) + (np.asarray(notes)[:, None] - 69) / 12 + octaves)


@functools.cache
def _filters(settings: MelSettings) -> torch.Tensor:
    return torch.from_numpy(mel_filters(settings))

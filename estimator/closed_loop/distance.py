"""Comparing sounds over a board's noise.

The log-mel distance counts every cell in which either sound lies within 80 dB of the target's peak. Of a
quiet tone on a board that hisses these are mostly hiss: in one recording 76 of 100 cells, where the tone had
5. What is nearest by them is what hisses alike. So the noise is recorded while nothing plays, and the
distance over cells that are above it counts as much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from estimator.inference.note_detection import Recording
from estimator.inference.objective import NO_CELLS, SILENT, Target
from simulator.features import FLOOR_DB, RANKING, mel
from simulator.features.distance import Compared, mean_difference

Levels = NDArray[np.float32]
"""Decibels of sounds, float32[..., bands, frames], at a recording's RMS and under its loudest cell."""
CELL = (1, 3)
"""Mel bands and frames of 10 ms that a cell of a residual takes together: finer than a search's, because the
laws of a board are read off them."""
OVER_DB = 3.0
"""How far over its noise a band begins to count."""
QUANTILE = 0.99
"""Of a band's cells of noise, which scatter: so many lie below what is called its level."""
LEAST_RANGE_DB = 45.0
"""So much under the loudest cell counts however loud the noise is."""
_DEEPEST_DB = 160.0


@dataclass(frozen=True)
class Noise:
    """A board's noise in each mel band, decibels of mel power, float64[bands]. ``most``: what nearly all
    cells stay below, and `OVER_DB` more; ``least``: what nearly all are above. ``dbfs``: its RMS."""

    most: NDArray[np.float64]
    least: NDArray[np.float64]
    dbfs: float


def noise_of(hush: NDArray[np.float32]) -> Noise:
    """The noise, from a recording, float32[samples], of nothing."""
    cells = _mel_db(hush)
    inside = cells[:, 3:-3] if cells.shape[1] > 8 else cells
    least, most = np.quantile(inside, (1 - QUANTILE, QUANTILE), axis=1)
    rms = float(np.sqrt(np.mean(np.square(hush, dtype=np.float64))))
    return Noise(most + OVER_DB, least, 20 * np.log10(max(rms, 1e-9)))


def most_noise_db(recording: Recording, noise: Noise) -> float:
    """How much louder than the board's the noise in a recording may be at most, dB: in the bands and frames
    where the recording is quietest there is nothing but noise, if there is any."""
    quiet = np.quantile(_mel_db(recording.audio), 1 - QUANTILE, axis=1)
    return float(np.quantile(quiet - noise.least, 1 - QUANTILE))


def _mel_db(audio: NDArray[np.float32]) -> NDArray[np.float32]:
    sound = np.ascontiguousarray(audio[None], np.float32)
    scale = np.ones(1, np.float32)
    return mel.band_decibels(sound, RANKING.hop, mel.filter_bank(RANKING), _DEEPEST_DB, scale, threads=1)[0]


class Ear(Target):
    """One recording to compare with. ``noise``: of the board, ``louder_db`` more in this recording; None
    where it is not known. A distance is the mean of two: of all cells down to 80 dB, as everywhere, and of
    those over the noise. The first alone is led astray by noise, the second by candidates that drown in it.
    """

    def __init__(self, recording: Recording, noise: Noise | None = None, louder_db: float = 0.0) -> None:
        super().__init__(recording)
        self.floor = np.full((self.goal.decibels.shape[0], 1), -FLOOR_DB, np.float32)
        self.field: Levels = np.zeros((1, 1), np.float32)
        if noise is not None:
            floor = noise.most + louder_db - 10 * np.log10(self.goal.loudest)
            self.floor = np.clip(floor, -FLOOR_DB, -LEAST_RANGE_DB).astype(np.float32)[:, None]
        self.over = np.maximum(self.goal.decibels, self.floor)

    def levels(self, audio: NDArray[np.float32], threads: int | None) -> Levels:
        """Of sounds, float32[N, samples], with the ``field`` of decibels that renders lack."""
        own = self.goal.levels(audio, threads or 1)
        own += self.field
        return np.maximum(own, -FLOOR_DB, out=own)

    def apart(self, heard: Levels) -> NDArray[np.float64]:
        """The distance of levels, float32[N, bands, frames], from the recording's, dB."""
        return (self.apart_in_all(heard) + self.apart_over(heard)) / 2

    def apart_in_all(self, heard: Levels) -> NDArray[np.float64]:
        """Over cells that are within 80 dB of the peak: `simulator.features.log_mel_distance`."""
        return mean_difference(heard, self.goal.decibels, -FLOOR_DB)

    def apart_over(self, heard: Levels) -> NDArray[np.float64]:
        """Over cells that are above the noise."""
        return mean_difference(np.maximum(heard, self.floor), self.over, self.floor)

    def hear(self, audio: NDArray[np.float32], cell: tuple[int, int], threads: int | None) -> Compared:
        """Distances and residuals over the noise; cells are `CELL`, whatever size is asked for (none: none).

        What a listener and `compare` ask, so that renders and takes are compared alike."""
        own = self.levels(audio, threads)
        distances = self.apart(own)
        cells = np.empty((len(audio), 0), np.float32)
        if cell != NO_CELLS:
            np.maximum(own, self.floor, out=own)
            own -= self.over
            bands, frames = CELL
            whole = own.shape[2] // frames * frames
            cells = own[:, :, :whole].reshape(len(own), own.shape[1] // bands, bands, -1, frames)
            cells = cells.mean(axis=(2, 4)).reshape(len(audio), -1)
        return Compared(distances, cells, np.abs(audio).max(axis=1) >= SILENT)

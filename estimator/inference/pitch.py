"""The pitch of one sustained sound: pyin (librosa), then a check against its harmonics.

pyin hears the period of the waveform, and now and then twice or three times the period. The check
asks whether the harmonics that only the longer period explains are there at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jxctl.errors import JxError

if TYPE_CHECKING:
    import numpy as np

RATE = 22050
SECONDS = 1.5
"""The loudest stretch of this length is analysed: enough for several turns of a vibrato."""
ATTACK_S = 0.03
LOWEST_HZ, HIGHEST_HZ = 31.0, 4400.0
"""C1 to C8, and most of a semitone on either side."""
FRAME = 2048
"""Three periods of C1."""
STEP_SEMITONES = 0.2
WANDERING_SEMITONES = 0.12
"""A pitch that spreads more than this (its standard deviation) has vibrato."""
HARMONICS = 13
ABSENT = 0.0025
"""Share of the power (-26 dB) below which a group of harmonics is absent."""
PERIODIC = 0.5
PROBABLE = 0.03
"""120 noises of several colours stayed below 0.35 and 0.02; 400 synthetic notes above 0.7 and 0.15."""


@dataclass(frozen=True, slots=True)
class Pitch:
    """``hz``: the fundamental. ``periodicity``: how alike neighbouring periods are, at most 1.

    ``probability``: of a pitch, as pyin sees it. ``steadiness``: share of the power within a
    semitone of the median pitch. All three are 0 to 1, 1 for a clean steady note.
    """

    hz: float
    periodicity: float
    probability: float
    steadiness: float

    @property
    def found(self) -> bool:
        """Whether there is a pitch at all."""
        return self.periodicity >= PERIODIC and self.probability >= PROBABLE

    @property
    def confidence(self) -> float:
        """0 to 1. pyin's probability drops for low or noisy notes that are clear: a quarter is enough."""
        return max(0.0, min(1.0, self.periodicity)) * self.steadiness * min(1.0, 4 * self.probability)


def find_pitch(audio: np.ndarray, sample_rate: int) -> Pitch:
    """The pitch of ``audio`` (float[samples], one sound, any level above zero), from C1 to C8."""
    import numpy as np

    librosa = _librosa()
    y = librosa.resample(audio, orig_sr=sample_rate, target_sr=RATE, res_type="soxr_hq")
    y = _loudest(y)
    y = np.pad(y, (0, max(0, FRAME - len(y)))).astype(np.float32)
    track, _, probability = librosa.pyin(
        y,
        fmin=LOWEST_HZ,
        fmax=HIGHEST_HZ,
        sr=RATE,
        frame_length=FRAME,
        resolution=STEP_SEMITONES,
        fill_na=None,
    )
    power = librosa.feature.rms(y=y, frame_length=FRAME, hop_length=FRAME // 4)[0].astype(np.float64) ** 2
    # Also frames that pyin takes for unvoiced vote a little, so that there is always a best guess.
    weights = power * (probability + 1e-6)
    middle = _weighted_median(track, weights)
    away = 12 * np.log2(track / middle)
    steady = np.abs(away) < 1
    mean = float(np.average(away[steady], weights=weights[steady]))
    spread = float(np.sqrt(np.average((away[steady] - mean) ** 2, weights=weights[steady])))
    hz = _without_subharmonics(y, middle)
    sharpened, periodicity = _refine(y, hz)
    # Two notes a fifth apart repeat with the period of neither: the period pyin heard counts as well.
    periodicity = max(periodicity, _refine(y, middle)[1])
    return Pitch(
        hz=hz * 2 ** (mean / 12) if spread > WANDERING_SEMITONES else sharpened,
        periodicity=periodicity,
        probability=float((probability * weights).sum() / weights.sum()),
        steadiness=float(weights[steady].sum() / weights.sum()),
    )


def _librosa() -> Any:
    try:
        import librosa

        # Its parts are loaded when asked for, and compile functions then.
        return librosa if librosa.resample and librosa.pyin else None
    except RuntimeError as error:
        raise JxError(
            f"librosa cannot be loaded: {error}", "set NUMBA_CACHE_DIR to a folder that can be written"
        ) from error


def _loudest(y: np.ndarray) -> np.ndarray:
    """The loudest stretch of `SECONDS`, without the first moment of the attack."""
    import numpy as np

    y = y[min(round(ATTACK_S * RATE), len(y) // 4) :]
    length = round(SECONDS * RATE)
    if len(y) <= length:
        return y
    sums = np.cumsum(y.astype(np.float64) ** 2)
    start = int(np.argmax(sums[length:] - sums[:-length]))
    return y[start : start + length]


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    import numpy as np

    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


def _without_subharmonics(y: np.ndarray, hz: float) -> float:
    """Move up by 2 or 3 as long as only multiples of 2 or 3 among the harmonics are present.

    Harmonics 2, 3, 4, 6, 8, 9 without 1, 5, 7, 11 are two notes a fifth apart: the lower one is taken.
    """
    for _ in range(3):
        power = _harmonic_powers(y, hz)
        present = ABSENT * sum(power.values())
        if sum(p for k, p in power.items() if k % 3) < present:
            factor = 3
        elif sum(p for k, p in power.items() if k % 3 and k % 2) < present:
            factor = 2
        else:
            break
        if hz * factor > HIGHEST_HZ:
            break
        hz *= factor
    return hz


def _harmonic_powers(y: np.ndarray, hz: float) -> dict[int, float]:
    """Power at each harmonic above what lies halfway to its neighbours (noise)."""
    import numpy as np

    # About 16 periods: harmonics stay apart, and a vibrato or decay does not smear them.
    size = 2 ** int(np.clip(np.ceil(np.log2(16 * RATE / hz)), 9, min(13, np.log2(len(y)))))
    frames = np.lib.stride_tricks.sliding_window_view(y, size)[:: size // 2]
    spectrum = (np.abs(np.fft.rfft(np.hanning(size) * frames)) ** 2).mean(axis=0)
    harmonic = np.fft.rfftfreq(size, 1 / RATE) / hz

    def power(number: float) -> float:
        near = spectrum[np.abs(harmonic - number) < 0.2]
        return float(near.mean()) if len(near) else 0.0

    top = max(1, min(HARMONICS, int(RATE / 2 / hz - 0.5)))
    return {k: max(0.0, power(k) - min(power(k - 0.5), power(k + 0.5))) for k in range(1, top + 1)}


def _refine(y: np.ndarray, hz: float) -> tuple[float, float]:
    """The pitch sharpened over many periods of the autocorrelation, and the periodicity."""
    import numpy as np

    likeness = _autocorrelation(y)

    def peak(periods: int, period: float, reach: float) -> tuple[float, float]:
        lag, reach = periods * period, max(1.0, reach * period)
        low, high = max(1, int(lag - reach)), min(len(y) - 2, int(np.ceil(lag + reach)))
        at = low + int(np.argmax(likeness[low : high + 1]))
        before, top, after = likeness[at - 1 : at + 2]
        bend = before - 2 * top + after
        offset = float(np.clip(0.5 * (before - after) / bend, -1, 1)) if bend < 0 else 0.0
        return (at + offset) / periods, float(top - 0.25 * (before - after) * offset)

    period, periodicity = peak(1, RATE / hz, 0.03)
    periods = 1
    while periods * period < 300 and 2 * periods * period < len(y) // 3:
        periods *= 2
        period, _ = peak(periods, period, 0.25)
    # At the shortest periods one sample is semitones: the search may have walked off.
    sharpened = RATE / period
    return (sharpened if abs(12 * np.log2(sharpened / hz)) < 0.5 else hz), periodicity


def _autocorrelation(y: np.ndarray) -> np.ndarray:
    """Likeness of ``y`` and itself shifted by each lag, -1 to 1, over the samples that overlap."""
    import numpy as np

    n = len(y)
    product = np.fft.irfft(np.abs(np.fft.rfft(y.astype(np.float64), 2 * n)) ** 2)[:n]
    energy = np.concatenate([[0.0], np.cumsum(y.astype(np.float64) ** 2)])
    lag = np.arange(n)
    overlap = np.sqrt(energy[n - lag] * (energy[n] - energy[lag]))
    return np.asarray(product / (overlap + 1e-12))

"""Note detection: from a file of sound to a recording that starts with its note.

A recording says nothing about the keyboard, so all of this is read from the sound (`listen`):

- **Event.** The first sound that is not much weaker than the strongest one; clicks before it and
  notes after it are left out.
- **Note.** The fundamental, from pYIN (`jxctl.audio.pitch`) on the loudest stretch. pYIN finds the period
  of the waveform, and now and then twice or three times the period; a check asks whether the harmonics that
  only the longer period explains are there at all (`find_pitch`). A tone may have layers an octave or a fifth
  apart, so the key that was pressed is known only up to such intervals: a tone with a 16' layer is heard an
  octave below its key.
- **Gate.** The key was released where the level, after a steadier stretch, begins its final fall.
  A sound that falls from its peak to the end (a pluck, a drum) shows no release: then the gate is the
  whole sound and ``release_heard`` is false, since a key held that long would sound the same.

`load_recording` reads a file, finds this, and cuts the recording to its note.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jxctl.errors import AudioError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATE = 22050
SECONDS = 1.5
"""The loudest stretch of this length is analysed: enough for several turns of a vibrato."""
ATTACK_S = 0.03
LOWEST_HZ, HIGHEST_HZ = 31.0, 4400.0
"""C1 to C8, and most of a semitone on either side."""
FRAME = 2048
"""Three periods of C1."""
WANDERING_SEMITONES = 0.12
"""A pitch that spreads more than this (its standard deviation) has vibrato."""
HARMONICS = 13
ABSENT = 0.0025
"""Share of the power (-26 dB) below which a group of harmonics is absent."""
PERIODIC = 0.5
PROBABLE = 0.03
"""120 noises of several colours stayed below 0.35 and 0.02; 400 synthetic notes above 0.7 and 0.15."""

LEVEL_HOP_S = 0.001
LEVEL_WINDOW_S = 0.03
"""One period of the lowest note."""
ONSET_WINDOW_S = 0.003
ONSET_DB = -50.0
"""What is weaker than this, relative to the peak, is not part of the sound."""
NO_SILENCE = 0.35
"""Where even the quietest moments are this loud beside the peak, they are sound and not noise."""
EVENT_GAP_S = 0.15
"""Shorter gaps are tremolo or beating, not the end of a note."""
EVENT_ENERGY = 0.1
"""The first sound with this share of the strongest one's energy is the one that counts."""
GATE_HOP_S = 0.005
GATE_RANGE_DB = -40.0
"""The release is looked for above this level; below are reverberation and noise."""
SHORTEST_RELEASE_S = 0.05
"""A corner sooner than this after the onset is the top of a pluck."""
CORNER_DB = 2.0
STEEPER = 2.5
"""A release falls at least this many times faster than the sound did just before."""
EQUAL_DB = 3.0
AFTER_S = 0.25
"""A little of what follows the note, where it was recorded, is kept: a tone that rings on must not pass for
one that ends (chosen)."""
MORE = 0.1
"""A larger share of the energy after the note is more sound than the note (chosen)."""
UNSURE = 0.5
"""A pitch less sure than this is uncertain (chosen)."""
SHORTEST_GATE_S = 0.02
"""Keys are held so long at least (chosen)."""


@dataclass(frozen=True)
class Played:
    """The note behind a recording.

    Args:
        note: MIDI note of the key, 0 to 127 (60 is C4).
        velocity: 1 to 127.
        gate_s: seconds for which the key was down.

    Examples:
        >>> Played(60, 100, 0.5).note
        60
    """

    note: int
    velocity: int
    gate_s: float


@dataclass(frozen=True)
class Recording:
    """A sound and its note.

    Args:
        audio: float32[samples] at 44.1 kHz, mono, that starts with the note, at any level.
        played: the note.

    Examples:
        >>> import numpy as np
        >>> len(Recording(np.zeros(44100, np.float32), Played(60, 100, 0.5)).audio)
        44100
    """

    audio: NDArray[np.float32]
    played: Played


@dataclass(frozen=True, slots=True)
class Heard:
    """What `listen` found.

    ``note``: MIDI number (60 is middle C) or None where there is no pitch. ``cents``: deviation of
    the sound from that note, -50 to 50. ``pitch_confidence``: 0 to 1. ``onset_s``, ``end_s``: where
    the sound begins and where it has died away, from the start of the recording. ``gate_s``: from
    the onset to the release of the key. ``release_heard``: see the module's text.
    """

    note: int | None
    cents: float
    pitch_confidence: float
    onset_s: float
    gate_s: float
    end_s: float
    release_heard: bool

    @property
    def pitched(self) -> bool:
        """Whether a note was found."""
        return self.note is not None


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A ``recording`` as it was read from a file, and what was ``found`` in it.

    ``warnings``: of reading. ``more``: whether there is more sound after the note than belongs to it.
    """

    recording: Recording
    found: Heard
    warnings: tuple[str, ...]
    more: bool

    @property
    def unsure(self) -> bool:
        """Whether the pitch that was found is uncertain."""
        return self.found.pitch_confidence < UNSURE


def load_recording(
    file: str | Path, note: int | None = None, velocity: int = 100, gate_s: float | None = None
) -> Loaded:
    """Read a file of sound and cut it to its note.

    Args:
        file: any format that `jxctl.audio.files.read_audio` reads.
        note: MIDI note of the key, found where it is not given.
        velocity: how hard it was pressed; a sound does not say.
        gate_s: seconds that it was held, found where it is not given.

    Returns:
        The recording, from its onset to a little after its end.

    Raises:
        AudioError: the file cannot be used, or has no pitch and no note is given.

    Examples:
        >>> load_recording("examples/poly_brass_A3.wav").recording.played.note
        57
    """
    import numpy as np

    from jxctl.audio.files import read_audio

    source = read_audio(file)
    audio, rate = source.audio, source.sample_rate
    found = listen(audio, rate)
    if note is None and found.note is None:
        raise AudioError(
            f"{file}: no pitch could be found",
            "say which key it was: --note 60 (for a drum or noise, any note in its register)",
        )
    end_s = found.end_s + AFTER_S
    rest = audio[round(end_s * rate) :]
    played = Played(
        note if note is not None else int(found.note or 0),
        velocity,
        gate_s if gate_s is not None else max(found.gate_s, SHORTEST_GATE_S),
    )
    cut = audio[round(found.onset_s * rate) : max(round(end_s * rate), 1)]
    return Loaded(
        Recording(np.asarray(cut, np.float32), played),
        found,
        source.warnings,
        bool(np.square(rest).sum() > MORE * np.square(audio).sum()),
    )


def listen(audio: np.ndarray, sample_rate: int) -> Heard:
    """Find the note, onset and gate of a mono recording.

    ``audio``: float[samples] at any level, ``sample_rate`` in Hz. Pitch is looked for from C1 to C8.
    Raises `AudioError` for another shape or an array without sound.
    """
    import numpy as np

    if audio.ndim != 1 or not len(audio) or not np.isfinite(audio).all():
        raise AudioError(
            f"cannot listen to audio of shape {list(audio.shape)}", "read_audio gives mono audio"
        )
    peak = float(np.abs(audio).max())
    if peak == 0:
        raise AudioError("cannot listen to silence", "record it at a higher level")
    x = audio.astype(np.float64) / peak
    begin, end, floor = _event(x, sample_rate)
    after = end + round(0.05 * sample_rate)  # silence after it, to see an abrupt end
    release = _release(x[begin:after], sample_rate, floor)
    length = (end - begin) / sample_rate
    pitch = find_pitch(x[begin:end], sample_rate)
    midi = 69 + 12 * float(np.log2(pitch.hz / 440))
    return Heard(
        note=round(midi) if pitch.found else None,
        cents=100 * (midi - round(midi)) if pitch.found else 0.0,
        pitch_confidence=pitch.confidence,
        onset_s=begin / sample_rate,
        gate_s=length if release is None else min(release, length),
        end_s=end / sample_rate,
        release_heard=release is not None,
    )


@dataclass(frozen=True, slots=True)
class Pitch:
    """``hz``: the fundamental. ``periodicity``: how alike neighbouring periods are, at most 1.

    ``probability``: of a pitch, by pYIN. ``steadiness``: share of the power within a
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
        """0 to 1. pYIN's probability drops for low or noisy notes that are clear: a quarter is enough."""
        return max(0.0, min(1.0, self.periodicity)) * self.steadiness * min(1.0, 4 * self.probability)


def find_pitch(audio: np.ndarray, sample_rate: int) -> Pitch:
    """The pitch of ``audio`` (float[samples], one sound, any level above zero), from C1 to C8."""
    import numpy as np
    import soxr

    from jxctl.audio.pitch import track_pitch

    y = audio if sample_rate == RATE else soxr.resample(audio, sample_rate, RATE, "HQ")
    y = _loudest(y)
    y = np.pad(y, (0, max(0, FRAME - len(y)))).astype(np.float32)
    track = track_pitch(y, RATE, LOWEST_HZ, HIGHEST_HZ, FRAME, FRAME // 4)
    probability = track.probability
    # Also frames that pYIN takes for unvoiced vote a little, so that there is always a best guess.
    weights = track.power * (probability + 1e-6)
    middle = _weighted_median(track.hz, weights)
    away = 12 * np.log2(track.hz / middle)
    steady = np.abs(away) < 1
    mean = float(np.average(away[steady], weights=weights[steady]))
    spread = float(np.sqrt(np.average((away[steady] - mean) ** 2, weights=weights[steady])))
    hz = _without_subharmonics(y, middle)
    sharpened, periodicity = _refine(y, hz)
    # Two notes a fifth apart repeat with the period of neither: the period pYIN found counts as well.
    periodicity = max(periodicity, _refine(y, middle)[1])
    return Pitch(
        hz=hz * 2 ** (mean / 12) if spread > WANDERING_SEMITONES else sharpened,
        periodicity=periodicity,
        probability=float((probability * weights).sum() / weights.sum()),
        steadiness=float(weights[steady].sum() / weights.sum()),
    )


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


def _event(x: np.ndarray, rate: int) -> tuple[int, int, float]:
    """First and last sample of the sound that counts, and the RMS of the noise around it."""
    import numpy as np

    from jxctl.audio.analysis import rms_envelope

    hop = max(1, round(LEVEL_HOP_S * rate))
    level = rms_envelope(x, round(LEVEL_WINDOW_S * rate), hop)
    peak = float(level.max())
    floor = float(np.quantile(level, 0.05))
    if floor > NO_SILENCE * peak:
        floor = 0.0  # a recording trimmed to the sound has no floor that could be measured
    threshold = max(peak * 10 ** (ONSET_DB / 20), 2 * floor)
    loud = np.flatnonzero(level >= threshold)
    breaks = np.flatnonzero(np.diff(loud) > EVENT_GAP_S / LEVEL_HOP_S)
    firsts = loud[np.concatenate([[0], breaks + 1])]
    lasts = loud[np.concatenate([breaks, [len(loud) - 1]])]
    energies = np.array([(level[a : b + 1] ** 2).sum() for a, b in zip(firsts, lasts, strict=True)])
    pick = int(np.argmax(energies >= EVENT_ENERGY * energies.max()))
    # The wide window sees the sound early by up to its length: the narrow one tells when.
    fine = rms_envelope(x, round(ONSET_WINDOW_S * rate), hop)
    begin = int(firsts[pick])
    begin += int(np.argmax(fine[begin:] >= threshold))
    return begin * hop, min((int(lasts[pick]) + 1) * hop, len(x)), floor


def _release(x: np.ndarray, rate: int, floor: float) -> float | None:
    """Seconds from the onset to the release of the key, or None where no release can be heard.

    ``x`` begins at the onset. The level in dB is drawn as straight lines; the release is the
    corner after which it falls most steeply beside what it did before.
    """
    import numpy as np

    from jxctl.audio.analysis import rms_envelope

    hop = max(1, round(GATE_HOP_S * rate))
    level = np.sqrt(np.maximum(rms_envelope(x, round(LEVEL_WINDOW_S * rate), hop) ** 2 - floor**2, 0))
    # The highest level still to come: beating, tremolo and swells are no release, as they rise again.
    falling = np.maximum.accumulate(level[::-1])[::-1]
    lowest = min(max(float(falling[0]) * 10 ** (GATE_RANGE_DB / 20), 2 * floor), 0.9 * float(falling[0]))
    first = int(np.argmax(level >= 0.9 * falling[0]))
    last = int(np.flatnonzero(falling >= lowest)[-1])
    curve = falling[first : last + 1]
    corners = [corner for corner in _corners(20 * np.log10(curve)) if _is_release(curve, corner)]
    if not corners:
        return None
    gains = [_steepening(curve, corner) for corner in corners]
    # Beating makes such corners too, before the release: of nearly equal ones the last is meant.
    corner = max(c for c, gain in zip(corners, gains, strict=True) if gain >= max(gains) - EQUAL_DB)
    release = (first + _sharpened(curve, corner)) * hop / rate
    return release if release >= SHORTEST_RELEASE_S else None


def _corners(curve: np.ndarray) -> list[int]:
    """Interior knots of a polyline within `CORNER_DB` of a curve (Ramer-Douglas-Peucker), in order."""
    import numpy as np

    spans, knots = [(0, len(curve) - 1)], []
    while spans:
        a, b = spans.pop()
        if b - a < 2:
            continue
        away = np.abs(curve[a : b + 1] - np.linspace(curve[a], curve[b], b - a + 1))
        if away.max() > CORNER_DB:
            knot = a + int(np.argmax(away))
            knots.append(knot)
            spans += [(a, knot), (knot, b)]
    return sorted(knots)


def _is_release(curve: np.ndarray, corner: int) -> bool:
    """Whether the amplitude falls several times faster after a corner than in an equal time before."""
    half, tenth = _time_to(curve, corner, 0.5), _time_to(curve, corner, 0.1)
    # A pluck may take a moment to swell: what comes before must be long beside the fall after it.
    if corner < max(SHORTEST_RELEASE_S / GATE_HOP_S, 0.15 * tenth):
        return False
    # The corner is found a little late, rounded by the window: look back from before it.
    near = max(0, corner - round(LEVEL_WINDOW_S / GATE_HOP_S))
    fall_before = min(
        (curve[max(0, near - back)] - curve[near]) / max(1, min(near, back)) for back in (max(half, 4), tenth)
    )
    fall_after = (curve[corner] - curve[corner + half]) / half
    return bool(fall_after > STEEPER * fall_before)


def _steepening(curve: np.ndarray, corner: int) -> float:
    """By how many dB more the level falls after a corner than in an equal time before it."""
    import numpy as np

    tenth = _time_to(curve, corner, 0.1)
    ratio = curve[corner] ** 2 / curve[max(0, corner - tenth)] / curve[corner + tenth]
    return float(20 * np.log10(ratio))


def _time_to(curve: np.ndarray, start: int, ratio: float) -> int:
    """Steps until a falling curve is below ``ratio`` of its value at ``start``, or until its end."""
    import numpy as np

    return int(np.argmax(curve[start:] < ratio * curve[start])) or len(curve) - 1 - start


def _sharpened(curve: np.ndarray, corner: int) -> float:
    """The corner of the two joined lines that fit the amplitude around a corner best."""
    import numpy as np

    reach = max(_time_to(curve, corner, 0.4), 6)
    first, last = max(0, corner - reach), min(len(curve), corner + reach + 1)
    t = np.arange(first, last, max(1, reach // 50))
    best, best_error = float(corner), np.inf
    for knee in t[1:-1]:
        basis = np.stack([np.ones_like(t), t, np.maximum(t - knee, 0)], axis=1)
        fit = np.linalg.lstsq(basis, curve[t], rcond=None)[0]
        error = float(((basis @ fit - curve[t]) ** 2).sum())
        if error < best_error:
            best, best_error = float(knee), error
    return best

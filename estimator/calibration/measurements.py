"""Measurements: what an experiment reads off one take, as a few numbers.

Each is a function of a `Heard` and gives float64[k], always as many for the same planned take; nan where
nothing can be read. The same function reads a recording and a render, so that what it gets wrong, it gets
wrong in both. None of them depends on when exactly the key's message arrived, nor on phases that may run
free.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jxctl.audio import analysis
from simulator.synth.profile import FloatArray as Floats

THIRDS = analysis.band_edges(26.0, 18000.0, 3)
"""Bands in which filters are seen: each holds harmonics of the low notes that are played."""
SIXTHS = analysis.band_edges(60.0, 16000.0, 6)
"""Bands in which spectra are compared rather than explained."""
ONSET_ABOVE_FLOOR_DB = 20 * float(np.log10(6))
"""A planned note begins at six times the RMS of the noise: Gaussian noise gets to five within seconds."""
ONSET_BELOW_PEAK_DB = 20 * float(np.log10(50))
"""Nor before a fiftieth of its peak, which notes that begin at once pass within a period (chosen)."""
BELOW_PEAK_DB = 75.0
"""How far under the loudest band spectra are believed."""
ENVELOPE_WINDOW_S = 4 / 1046.502
"""Whole periods of the waves whose envelopes are measured, C6 and octaves of it: no ripple is left."""
ENVELOPE_POINTS = 32
"""Times at which an envelope is read (chosen)."""
_SLEW_WINDOW_S = 0.0005
"""Over which the rise of a gate is read at least (chosen)."""
FULL = 4.0
"""Amplitudes are multiplied by this, so that one oscillator at full level gives about 1."""
STRAIGHT_CENTS = 5.0
"""Up to about here a shift of the pitch counts by its cents, beyond by their ratio."""

PASSED = (10, 30, 50, 70, 90)
"""Per cent of the time, of `chorus_motion`."""
LOW_PASSES = ("chorus_low_pass_in", "chorus_low_pass_out")
_SWUNG = ((0.65, 0.95), (0.05, 0.35))
"""Ranks of the frames that count as high and as low."""
CHORUS_HARMONICS = 20
CHORUS_HIGH = analysis.band_edges(3000.0, 18000.0, 3)
_CHORUS_STEP_S = 0.0125
"""Seconds from a level of a harmonic to the next (chosen)."""
_CHORUS_WINDOW_S = 0.04
"""Over which each is taken (chosen)."""
_CHORUS_LEAST = 0.05
"""Share of its amplitude by which some harmonic has to move for a chorus to be there."""

UNITS = {
    **dict.fromkeys(("spectrum", "early_spectrum", "fine_spectrum", "swung_spectrum", "level"), "dB"),
    **dict.fromkeys(("growth", "fading", "swing_growth"), "share of full"),
    **dict.fromkeys(("bend", "swing", "swing_rate", "tick", "slew"), "share"),
    "chorus_motion": "share of full",
    "tuning": "semitones", "swing_shape": "mean over RMS",
}  # fmt: skip
"""Of each measurement, by its name. A difference of logarithms is a share."""


def onset_sample(audio: NDArray[Any], floor_dbfs: float = analysis.SILENCE_DBFS) -> int | None:
    """Sample at which a planned note begins, as `jxctl.audio.analysis.onset_sample` finds it."""
    return analysis.onset_sample(audio, floor_dbfs, ONSET_ABOVE_FLOOR_DB, ONSET_BELOW_PEAK_DB)


@dataclass(frozen=True)
class Heard:
    """A sound to be measured. ``audio``: from the note's message on, less the rig's latency.
    ``noise_rms``: of the floor, full scale 1. ``note``, ``gate_s``: what was played."""

    audio: NDArray[Any]
    rate: int
    note: int
    gate_s: float
    noise_rms: float = 0.0

    @cached_property
    def onset(self) -> int:
        """Sample at which it begins; 0 where nothing rises above the noise."""
        return onset_sample(self.audio, analysis.to_dbfs(self.noise_rms)) or 0

    def part(self, begin_s: float, end_s: float) -> NDArray[Any]:
        """What lies between two times after the onset."""
        return self.audio[self.onset + round(begin_s * self.rate) : self.onset + round(end_s * self.rate)]

    def held(self, begin_s: float = 0.1) -> NDArray[Any]:
        """What is heard while the key is down, from ``begin_s`` after the onset on."""
        return self.part(begin_s, self.gate_s - 0.02)


def tuning(heard: Heard) -> Floats:
    """Semitones above the key."""
    return np.array(
        [analysis.cents_from_note(analysis.strongest_partial_hz(heard.held(), heard.rate), heard.note) / 100]
    )


def level(heard: Heard) -> Floats:
    """Level in dB of a held note, at a fixed time, however quiet it is."""
    begin, end = (round(at * heard.rate) for at in (heard.gate_s * 0.4, heard.gate_s - 0.02))
    power = float(np.mean(np.square(heard.audio[begin:end], dtype=np.float64))) - heard.noise_rms**2
    return np.array([10 * np.log10(max(power, heard.noise_rms**2 * 0.03, 1e-12))])


def spectrum(heard: Heard) -> Floats:
    """Levels of third-octave bands of a held note in dB, nothing below `BELOW_PEAK_DB` under the loudest."""
    return _held_at(heard, analysis.band_levels(heard.held(0.2), heard.rate, THIRDS), THIRDS)


def early_spectrum(heard: Heard) -> Floats:
    """The same soon after the key."""
    return _held_at(heard, analysis.band_levels(heard.part(0.05, 0.45), heard.rate, THIRDS), THIRDS)


def fine_spectrum(heard: Heard) -> Floats:
    """Levels of sixth-octave bands, for what is compared rather than explained."""
    return _held_at(heard, analysis.band_levels(heard.held(0.1), heard.rate, SIXTHS), SIXTHS, 60.0)


def swung_spectrum(heard: Heard) -> Floats:
    """Third-octave bands of a sound that the LFO switches between two: high and low of each band in dB."""
    tracks = analysis.band_tracks(heard.held(0.1), heard.rate, THIRDS, 0.06, 0.03)
    ranked, count = np.sort(tracks, axis=0), len(tracks)
    # Means over many frames, so that no single one decides: where they lie in the swing is chance.
    ends = [ranked[round(a * count) : round(b * count) + 1].mean(axis=0) for a, b in _SWUNG]
    return np.concatenate([_held_at(heard, end, THIRDS) for end in ends])


def bend(heard: Heard) -> Floats:
    """How far an envelope shifts the pitch, soon after the key: for many cents, their logarithm.

    The area hyperbolic sine of the cents in units of `STRAIGHT_CENTS`. A logarithm of the size alone would
    fold at the key's own pitch, which a board that is 55 cents flat crosses while it is bent.
    """
    shift = float(
        analysis.cents_from_note(
            analysis.strongest_partial_hz(heard.part(0.05, 0.35), heard.rate), heard.note
        )
    )
    return np.array([np.arcsinh(shift / STRAIGHT_CENTS)])


def swing(heard: Heard) -> Floats:
    """Logarithm of the cents by which a square LFO swings the pitch to either side."""
    _, hz = analysis.strongest_partial_track(heard.held(0.05), heard.rate)
    if hz.size < 20:
        return np.array([np.nan])
    low, high = np.percentile(analysis.cents_from_note(hz, heard.note), (20, 80))
    return np.array([np.log(max(high - low, 1e-3) / 2)])


def swing_rate(heard: Heard) -> Floats:
    """Logarithm of the rate in Hz of a square LFO that swings the pitch; nan for under two changes."""
    times, hz = analysis.strongest_partial_track(heard.held(0.02), heard.rate)
    if hz.size < 20:
        return np.array([np.nan])
    shift = analysis.cents_from_note(hz, heard.note)
    low, high = np.percentile(shift, (2, 98))
    changes = times[np.flatnonzero(np.diff(shift > (low + high) / 2))]
    if changes.size < 2 or high - low < 1:
        return np.array([np.nan])
    number = np.arange(changes.size)
    half = float(np.polyfit(number, changes, 1)[0])
    return np.array([-np.log(2 * half)])


def swing_shape(heard: Heard) -> Floats:
    """Mean over RMS of a slow swing of the pitch: 0.866 for a triangle, 0.900 for a sine, 1 for a square."""
    _, hz = analysis.strongest_partial_track(heard.held(0.05), heard.rate)
    if hz.size < 20:
        return np.array([np.nan])
    shift = analysis.cents_from_note(hz, heard.note)
    shift = shift - (np.percentile(shift, 1) + np.percentile(shift, 99)) / 2
    return np.array([np.mean(np.abs(shift)) / max(float(np.sqrt(np.mean(np.square(shift)))), 1e-9)])


def swing_growth(heard: Heard) -> Floats:
    """How far a fast square LFO swings the pitch, at `ENVELOPE_POINTS` times while the key is down, in shares
    of its final swing."""
    begin = heard.onset / heard.rate
    times, hz = analysis.strongest_partial_track(heard.audio[heard.onset :], heard.rate)
    grid = np.linspace(0.0, heard.gate_s - 0.1, ENVELOPE_POINTS + 1)
    if hz.size < 20 or begin > heard.gate_s:
        return np.full(ENVELOPE_POINTS, np.nan)
    shift = analysis.cents_from_note(hz, heard.note)
    last = (
        shift[times > heard.gate_s - 1.0 - begin]
        if heard.gate_s > 1.5
        else shift[times > heard.gate_s / 2 - begin]
    )
    shift = np.abs(shift - np.sum(np.percentile(last, (20, 80))) / 2)
    sums = np.concatenate([[0.0], np.cumsum(np.minimum(shift, 2400))])
    at = np.searchsorted(times, grid)
    mean = np.diff(sums[at]) / np.maximum(np.diff(at), 1)
    return np.asarray(mean / max(float(mean[-ENVELOPE_POINTS // 8 :].mean()), 1e-9))


def growth(heard: Heard) -> Floats:
    """Amplitude from the onset on, at `ENVELOPE_POINTS` times in geometric order while the key is down."""
    times = np.geomspace(0.006, max(heard.gate_s - 0.03, 0.05), ENVELOPE_POINTS)
    return FULL * analysis.rms_at(
        heard.audio, heard.rate, heard.onset / heard.rate + times, ENVELOPE_WINDOW_S
    )


def fading(heard: Heard) -> Floats:
    """Amplitude after the key goes up, in shares of what it was: from where it has fallen by 2 % on."""
    rate, seconds = heard.rate, len(heard.audio) / heard.rate
    begin = heard.onset / rate
    before = analysis.rms_at(heard.audio, rate, np.array([begin + heard.gate_s - 0.08]), 0.1)[0]
    times = np.arange(begin + heard.gate_s - 0.04, seconds, 0.0005)
    fall = analysis.rms_at(heard.audio, rate, times, ENVELOPE_WINDOW_S)
    still = np.flatnonzero(fall > 0.98 * before)
    if before <= 0 or not still.size:
        return np.full(ENVELOPE_POINTS, np.nan)
    later = np.geomspace(0.006, max(seconds - heard.gate_s - 0.03, 0.05), ENVELOPE_POINTS)
    here, there = fall[still[-1]], fall[min(still[-1] + 1, fall.size - 1)]
    # Between two times, so that it does not matter how they lie to the turn in which the key went up.
    share = min(max((here - 0.98 * before) / max(here - there, 1e-12), 0.0), 1.0)
    return np.interp(times[still[-1]] + 0.0005 * share + later, times, fall, right=0.0) / before


def tick(heard: Heard) -> Floats:
    """Logarithm of the control loop's period in s: at which a slowly bent pitch moves."""
    step_s = 0.00025
    _, hz = analysis.strongest_partial_track(analysis.upsampled(heard.held(0.05), 8), 8 * heard.rate, step_s)
    if hz.size < 800:
        return np.array([np.nan])
    moves = np.abs(np.diff(np.log2(hz)))
    moves = np.minimum(moves, np.percentile(moves, 99.5))
    return np.array([np.log(analysis.comb_period(moves, step_s, 0.004, 0.1, 4))])


def slew(heard: Heard) -> Floats:
    """Logarithm of the time in s in which a gate opens, from a tenth to nine tenths of its level."""
    rate, hz = heard.rate, analysis.strongest_partial_hz(heard.held(), heard.rate)
    times = heard.onset / rate + np.arange(-0.005, 0.15, 0.00005)
    # Over whole periods, so that the rise has no ripple, whose crest or foot would be taken by chance.
    window_s = max(1, round(_SLEW_WINDOW_S * hz)) / hz if np.isfinite(hz) else _SLEW_WINDOW_S
    rise = analysis.rms_at(heard.audio, rate, times, window_s)
    full = float(np.median(rise[times > heard.onset / rate + 0.1]))
    if full <= 0:
        return np.array([np.nan])
    first = []
    for share in (0.1, 0.9):
        at = max(int(np.argmax(rise >= share * full)), 1)
        first.append(times[at] - 0.00005 * (rise[at] - share * full) / max(rise[at] - rise[at - 1], 1e-12))
    return np.array([np.log(max(first[1] - first[0], 0.00001))])


def chorus_motion(heard: Heard) -> Floats:
    """How a chorus moves the harmonics of a held note: four times the logarithm of how often a second they
    come back; amplitudes that each passes in a tenth, three, five, seven
    and nine tenths of the time, in shares of a dry sawtooth's, and third-octave levels above in dB / 10."""
    tracks = _harmonic_tracks(heard, CHORUS_HARMONICS)
    moves = tracks[:, :8].std(axis=0) > _CHORUS_LEAST * tracks[:, :8].mean(axis=0)
    period = analysis.repetition_period(tracks[:, :8], _CHORUS_STEP_S, 0.2) if moves.any() else float("nan")
    often = -4 * np.log(period)
    if np.isfinite(period):  # whole turns, so that it does not matter where they begin
        turns = int(len(tracks) * _CHORUS_STEP_S / period)
        tracks = tracks[: max(1, round(max(turns, 1) * period / _CHORUS_STEP_S))]
    shares = np.percentile(tracks, PASSED, axis=0)
    high = analysis.band_levels(heard.held(0.3), heard.rate, CHORUS_HIGH)
    return np.concatenate([[often], shares.ravel(), _held_at(heard, high, CHORUS_HIGH) / 10])


def _shift_cents(heard: Heard, audio: NDArray[Any]) -> Any:
    """How far a part is above the key, in cents. What is played for it rises through zero once a period."""
    return analysis.cents_from_note(analysis.strongest_partial_hz(audio, heard.rate), heard.note)


def _harmonic_tracks(heard: Heard, count: int) -> Floats:
    """Amplitudes of the first harmonics of a key over time, [frames, count], a dry sawtooth's being 1."""
    hz = 440 * 2 ** ((heard.note - 69) / 12)
    edges = hz * (np.arange(count + 1) + 0.5)
    levels = analysis.band_tracks(heard.held(0.3), heard.rate, edges, _CHORUS_WINDOW_S, _CHORUS_STEP_S)
    # A sawtooth from -1 to 1 has harmonics of amplitude 2 / (pi k), and of that over the root of two as RMS.
    full = np.sqrt(2) / np.pi / np.arange(1, count + 1)
    return np.asarray(FULL * 10 ** (levels / 20) / full)


def _held_at(heard: Heard, bands: Floats, edges: Floats, below_db: float = BELOW_PEAK_DB) -> Floats:
    """Bands softly held at a floor: under the loudest, and ten times the noise."""
    noise = 10 * heard.noise_rms**2 * np.diff(edges) / (heard.rate / 2)
    floor = 10 ** ((float(bands.max()) - below_db) / 10)
    return np.asarray(10 * np.log10(10 ** (bands / 10) + floor + noise))


STEPPED = (tuning, bend, swing)
"""Measurements of pitches that stand still, and so are off by what the counters round."""

"""Sounds of the virtual board for the figures, and the curves that are read off them.

Everything drawn is measured on audio at 44.1 kHz with the profile ``superjx``; nothing is taken from the
laws, so that a figure shows what the board does and not what it was told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from jxctl.protocol import bus
from jxctl.protocol.parameters import FIRST_ID, parameter
from jxctl.protocol.tone import Tone, to_batch
from simulator.instrument.board import Board
from simulator.synth import SAMPLE_RATE, render

Values = Mapping[str, int | str]

HZ_A1 = 8e6 / (4 * round(8e6 / (4 * 55)))
SINE: Values = {"VCF FREQ": 50, "VCF KEY": 106}
"""Filtered until the pitch can be read from zero crossings."""


def play(
    *changes: Values, note: int = 57, velocity: int = 100, gate_s: float = 60.0, seconds: float = 2.0
) -> np.ndarray:
    """The plain tone with changes, one sound for each: float64[N, samples]."""
    tones = to_batch(Tone.init().with_values(values) for values in changes)
    return render(tones, note, velocity, gate_s, seconds).astype(np.float64)


def play_at(velocities: Iterable[int], changes: Values, seconds: float = 1.0) -> np.ndarray:
    """One tone at several velocities."""
    chosen = np.array(list(velocities))
    tones = np.repeat(to_batch([Tone.init().with_values(changes)]), len(chosen), axis=0)
    return render(tones, 57, chosen, 60.0, seconds).astype(np.float64)


def play_stereo(changes: Values, seconds: float) -> np.ndarray:
    """Left and right of one sound: float64[2, samples]."""
    tones = to_batch([Tone.init().with_values(changes)])
    both = render(tones, 57, 100, 60.0, seconds, stereo=True)[0]
    return np.asarray(both, np.float64)


def perform(changes: Values, events: Iterable[tuple[float, bus.Message]], seconds: float) -> np.ndarray:
    """What a board with a tone plays while messages arrive at some seconds: float64[samples], mono."""
    tone = Tone.init().with_values(changes)
    board = Board()
    load = [bus.SetParameter(FIRST_ID + k, raw) for k, raw in enumerate(tone.values)]
    board.receive(bus.encode([bus.SelectBoard("lower"), *load]))
    parts: list[np.ndarray] = [np.zeros((2, 0))]
    done = 0
    for when, message in sorted(events, key=lambda event: event[0]):
        parts.append(board.render(round(when * SAMPLE_RATE) - done))
        done = round(when * SAMPLE_RATE)
        board.receive(bus.encode([message]))
    parts.append(board.render(round(seconds * SAMPLE_RATE) - done))
    return np.asarray(np.concatenate(parts, axis=1).mean(axis=0), np.float64)


def register(name: str, value: int | str) -> bus.Message:
    """The message that sets a register, by a raw value or a switch's label."""
    row = parameter(name)
    return bus.SetParameter(row.id, row.start(row.labels.index(value)) if isinstance(value, str) else value)


def level(audio: np.ndarray, over_s: float = 0.03) -> tuple[np.ndarray, np.ndarray]:
    """Seconds, and RMS through a bell of ``over_s`` that moves by a sixth of it."""
    frames, times = _stretches(audio, over_s)
    window = np.hanning(frames.shape[1])
    return times, np.sqrt(frames**2 @ window / window.sum())


def _stretches(audio: np.ndarray, over_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping stretches, and the seconds of their middles."""
    size = round(over_s * SAMPLE_RATE)
    frames = np.lib.stride_tricks.sliding_window_view(audio, size)[:: size // 6]
    return frames, over_s / 2 + np.arange(len(frames)) * (size // 6) / SAMPLE_RATE


def pitch(audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Seconds, and pitch in MIDI notes, from one rising zero crossing to the next.

    Without the first three, in which the filter comes to rest.
    """
    at = np.flatnonzero((audio[:-1] < 0) & (audio[1:] >= 0))
    crossings = (at + audio[at] / (audio[at] - audio[at + 1])) / SAMPLE_RATE
    hz = 1 / np.diff(crossings)
    return (crossings[4:] + crossings[3:-1]) / 2, 69 + 12 * np.log2(hz[3:] / 440)


def harmonics(audio: np.ndarray, hz: float, count: int) -> np.ndarray:
    """Amplitudes of the first ``count`` multiples of ``hz``."""
    window = np.blackman(len(audio))
    turn = np.exp(-2j * np.pi * hz * np.arange(1, count + 1)[:, None] * np.arange(len(audio)) / SAMPLE_RATE)
    return np.asarray(2 * np.abs(turn @ (audio * window)) / window.sum())


def brightness(audio: np.ndarray, over_s: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Seconds, and centre of the power spectrum in Hz of overlapping stretches."""
    frames, times = _stretches(audio, over_s)
    power = np.abs(np.fft.rfft(frames * np.hanning(frames.shape[1]))) ** 2
    hz = np.fft.rfftfreq(frames.shape[1], 1 / SAMPLE_RATE)
    return times, power @ hz / (power.sum(axis=1) + 1e-20)


def db(ratio: np.ndarray) -> np.ndarray:
    """Amplitude ratio in dB."""
    return np.asarray(20 * np.log10(np.maximum(ratio, 1e-9)))

"""Derivatives by renders: they are differences of renders, and they point downhill."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from measure import one

from jxctl.errors import UsageError
from jxctl.protocol.parameters import TONE_PARAMETERS, parameter
from jxctl.protocol.tone import INIT_TONE
from simulator.synth import jacobian, render
from simulator.synth.jacobian import JACOBIAN_LEVELS

RATE = 22050
SHORT = {"seconds": 0.6, "sample_rate": RATE}
COLUMNS = [parameter(name).column for name in JACOBIAN_LEVELS]


def rms(audio: np.ndarray) -> np.ndarray:
    """One number for each sound."""
    return np.asarray(np.sqrt(np.mean(audio.astype(np.float64) ** 2, axis=1)))


def triangles(size: int, bands: int) -> np.ndarray:
    """Triangular filters, evenly spaced on the mel scale from 50 Hz to half the sample rate."""

    def mel(hz: np.ndarray | float) -> np.ndarray:
        return np.asarray(2595 * np.log10(1 + np.asarray(hz) / 700))

    edges = np.linspace(mel(50), mel(RATE / 2), bands + 2)
    place = mel(np.fft.rfftfreq(size, 1 / RATE))[:, None]
    up = (place - edges[:-2]) / (edges[1:-1] - edges[:-2])
    down = (edges[2:] - place) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(up, down))


def log_mel(audio: np.ndarray) -> np.ndarray:
    """A plain log-mel spectrogram, float64[N, frames, 32]."""
    starts = range(0, audio.shape[1] - 1023, 512)
    frames = np.stack([audio[:, start : start + 1024] for start in starts], axis=1) * np.hanning(1024)
    return np.asarray(np.log(np.abs(np.fft.rfft(frames)) ** 2 @ triangles(1024, 32) + 1e-4))


def distance_to(target: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Mean squared difference of log-mel spectrograms from that of a tone."""
    wanted = log_mel(render(target, gates_s=0.4, **SHORT))
    return lambda audio: np.asarray(np.mean((log_mel(audio) - wanted) ** 2, axis=(1, 2)))


def test_its_rows_are_the_levels_that_a_note_can_make_heard() -> None:
    levels = {row.name for row in TONE_PARAMETERS if row.kind == "level"}
    assert levels - set(JACOBIAN_LEVELS) == {"AFTER VIB", "AFTER BRI", "AFTER VOL", "UNKNOWN AE"}
    assert list(JACOBIAN_LEVELS) == sorted(JACOBIAN_LEVELS, key=lambda name: parameter(name).id)


def test_it_is_the_difference_of_two_renders() -> None:
    """Inside the range over twice the step; at its ends over what is left of it."""
    tone = one(VCF_FREQ=70, VCF_RES=0, ENV2_SUS=127, ENV2_ATT=125)
    slopes = jacobian(tone[0], log_mel, 50, 90, 0.4, step=4, **SHORT)
    for name, low, high in (("VCF FREQ", 66, 74), ("VCF RES", 0, 4), ("ENV2 ATT", 121, 127)):
        both = np.repeat(tone, 2, axis=0)
        both[:, parameter(name).column] = low, high
        below, above = log_mel(render(both, 50, 90, 0.4, **SHORT))
        row = slopes[JACOBIAN_LEVELS.index(name)]
        assert np.array_equal(row, (above - below) / (high - low)), name
        assert np.abs(row).max() > 0


def test_a_tone_may_be_a_tone_and_the_levels_some() -> None:
    slopes = jacobian(INIT_TONE, rms, seconds=0.2, levels=["vca_level", "LFO DELAY"])
    assert slopes.shape == (2,)
    assert slopes.dtype == np.float64
    assert slopes[0] > 0
    assert slopes[1] == 0  # no LFO goes anywhere


def test_it_points_downhill() -> None:
    """A step against the gradient, two raw values in its greatest part, lowers the distance of most tones."""
    rng = np.random.default_rng(0)
    lower, tried = 0, 24
    for _ in range(tried):
        target = rng.integers(0, 128, 48).astype(np.uint8)
        target[parameter("VCA LEVEL").column] = 100
        start = target.astype(np.float64)
        start[COLUMNS] = np.clip(start[COLUMNS] + rng.integers(-12, 13, len(COLUMNS)), 0, 127)
        distance = distance_to(target)
        slope = jacobian(start.astype(np.uint8), distance, gate_s=0.4, step=2, **SHORT)
        assert slope.shape == (len(JACOBIAN_LEVELS),)
        moved = start.copy()
        moved[COLUMNS] -= 2 * slope / np.abs(slope).max()
        pair = np.clip(np.rint([start, moved]), 0, 127).astype(np.uint8)
        before, after = distance(render(pair, gates_s=0.4, **SHORT))
        lower += after < before
    assert lower >= 0.85 * tried


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"step": 0}, "step"),
        ({"step": 64}, "step"),
        ({"levels": ["DCO1 WF"]}, "DCO1 WF is no level"),
        ({"levels": ["BENDER"]}, "BENDER is no level"),
        ({"levels": ["VCF SHINE"]}, "VCF SHINE"),
        ({"tone": np.zeros(47, np.uint8)}, "48 raw values"),
        ({"tone": np.full(48, 128)}, "48 raw values"),
        ({"features": lambda audio: np.mean(audio)}, "one row for each"),
        ({"features": lambda audio: audio[:3]}, "one row for each"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        jacobian(**{"tone": INIT_TONE, "features": rms, "seconds": 0.05} | wrong)  # type: ignore[arg-type]
    assert said in f"{caught.value.message} {caught.value.hint}"

"""The task thesis26: its shapes, its numbers, and that its sounds are what the thesis' equations say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from estimator.papers.vecoven2020 import task
from estimator.papers.vecoven2020.task import (
    FIXED,
    NAMES,
    Normal,
    sample,
    spectrogram,
    targets_of,
    tones_of,
)
from jxctl.protocol.parameters import parameter
from jxctl.protocol.tone import INIT_TONE

RATE = 44100


def column(name: str) -> int:
    return parameter(name).column


def tone(**changes: float) -> np.ndarray:
    """A tone of the task from targets; others: DCO-1 alone, a sawtooth at 440 Hz, everything open."""
    plain = {
        "DCO1 RANGE": 1 / 3, "DCO1 WF": 1, "DCO1 TUNE": 0.5,
        "DCO2 RANGE": 1 / 3, "DCO2 WF": 1, "DCO2 TUNE": 0.5,
        "DCO2 FTUNE": 64 / 127, "MIX DCO1": 1, "VCF FREQ": 1, "ENV1 SUS": 1, "ENV2 SUS": 1,
    }  # fmt: skip
    given = plain | {name.replace("_", " "): value for name, value in changes.items()}
    return tones_of(np.array([[given.get(name, 0.0) for name in NAMES]]))


def plain_spectrogram(audio: np.ndarray) -> np.ndarray:
    """float64[690, 16], window after window: 512 samples every 256, silence behind the end."""
    padded = np.append(audio.astype(np.float64), np.zeros(1024))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512)
    count = -(-len(audio) // 256)
    return np.abs([np.fft.rfft(padded[256 * k : 256 * k + 512] * window)[:16] for k in range(count)])


def test_there_are_26_parameters_and_the_rest_is_fixed() -> None:
    assert len(NAMES) == len(set(NAMES)) == 26
    tones, targets = sample(300, np.random.default_rng(0))
    assert tones.shape == (300, 48)
    assert tones.dtype == np.uint8
    assert targets.shape == (300, 26)
    assert targets.dtype == np.float32
    assert targets.min() == 0
    assert targets.max() == 1
    varied = [column(name) for name in NAMES]
    rest = np.delete(np.arange(48), varied)
    assert (tones[:, rest] == np.frombuffer(FIXED.values, np.uint8)[rest]).all()
    assert (np.ptp(tones[:, varied], axis=0) > 0).all()


@pytest.mark.parametrize(
    ("name", "label"),
    [("DCO XMOD", "off"), ("CHORUS", "off"), ("VCA MODE", "ENV-2"), ("VCF MODE", "ENV-1"), ("HPF FREQ", "0"),
     ("VCF DYNA", "off"), ("VCA DYNA", "off"), ("ENV1 KEY", "off"), ("ENV2 KEY", "off")],
)  # fmt: skip
def test_what_the_thesis_leaves_out_is_off(name: str, label: str) -> None:
    row = parameter(name)
    assert row.label(FIXED.raw(row.id)) == label


@pytest.mark.parametrize("name", ["DCO1 ENV", "DCO2 ENV", "MIX ENV", "VCF KEY"])
def test_depths_that_the_thesis_leaves_out_are_zero(name: str) -> None:
    assert FIXED.raw(parameter(name).id) == 0


def test_a_draw_depends_on_its_generator_and_its_place_alone() -> None:
    tones, targets = sample(50, np.random.default_rng(7))
    again, _ = sample(50, np.random.default_rng(7))
    fewer, fewer_targets = sample(20, np.random.default_rng(7))
    np.testing.assert_array_equal(tones, again)
    np.testing.assert_array_equal(tones[:20], fewer)
    np.testing.assert_array_equal(targets[:20], fewer_targets)
    assert (sample(50, np.random.default_rng(8))[0] != tones).any()


@given(st.lists(st.floats(-0.5, 1.5), min_size=26, max_size=26))
@settings(max_examples=50)
def test_a_target_becomes_the_nearest_tone_and_back(values: list[float]) -> None:
    targets = np.array([values])
    held = targets_of(tones_of(targets))
    np.testing.assert_array_equal(targets_of(tones_of(held)), held)
    for name, wanted, got in zip(NAMES, np.clip(values, 0, 1), held[0], strict=True):
        steps = 2 if name in ("DCO1 WF", "DCO2 WF") else parameter(name).positions - 1
        assert abs(got - wanted) <= 0.5 / steps + 1e-6


def test_waves_are_noise_square_and_sawtooth_and_a_pulse_is_a_square() -> None:
    row = parameter("DCO1 WF")
    for label, target in (("noise", 0), ("square", 0.5), ("pulse", 0.5), ("sawtooth", 1)):
        held = np.frombuffer(INIT_TONE.with_values({"DCO1 WF": label}).values, np.uint8)[None]
        assert targets_of(held)[0, NAMES.index("DCO1 WF")] == target
        assert row.label(int(tones_of(targets_of(held))[0, row.column])) == label.replace("pulse", "square")


def test_the_filters_envelope_is_the_one_that_the_real_tone_selects() -> None:
    changes = {"ENV1 ATT": 10, "ENV2 ATT": 90, "VCF MODE": "ENV-2"}
    real = np.frombuffer(INIT_TONE.with_values(changes).values, np.uint8)[None]
    assert task.simplified(real)[0, column("ENV1 ATT")] == 90
    assert task.simplified(real)[0, column("ENV2 ATT")] == 90
    other = np.frombuffer(INIT_TONE.with_values(changes | {"VCF MODE": "ENV-1"}).values, np.uint8)[None]
    assert task.simplified(other)[0, column("ENV1 ATT")] == 10


def test_the_shipped_normal_is_that_of_the_real_tones(shared: Path) -> None:
    """Mean and covariance worked out from the table by hand, for parameters that need no conversion."""
    import csv

    with (shared / "data" / "tones_dev.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["origin"] != "MKS-70 GENLIB-A"]
    names = ["DCO1 LFO", "DCO2 FTUNE", "MIX DCO2", "VCF FREQ", "VCF ENV", "LFO RATE", "ENV2 ATT", "ENV2 REL"]
    values = np.array([[int(row[name]) / 127 for name in names] for row in rows])
    chosen = [NAMES.index(name) for name in names]
    normal = Normal.load()
    np.testing.assert_allclose(normal.mean[chosen], values.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(normal.covariance[np.ix_(chosen, chosen)], np.cov(values.T), atol=1e-5)


def test_draws_are_normal_where_nothing_is_clipped() -> None:
    """Mean and covariance of many draws of a narrow normal are its own."""
    mean = np.full(26, 0.5)
    mixing = np.random.default_rng(0).standard_normal((26, 26)) * 0.01
    narrow = Normal(mean, mixing @ mixing.T)
    drawn = narrow.sample(20000, np.random.default_rng(1))
    assert 0 < drawn.min() < drawn.max() < 1
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=0.003)
    np.testing.assert_allclose(np.cov(drawn.T), narrow.covariance, atol=2e-4)


def test_the_spectrogram_is_the_thesis_stft() -> None:
    audio = np.random.default_rng(2).standard_normal((2, 4 * RATE)).astype(np.float32)
    got = spectrogram(audio)
    assert got.shape == (2, 690, 16)
    assert got.dtype == np.float32
    for sound, image in zip(audio, got, strict=True):
        np.testing.assert_allclose(image, plain_spectrogram(sound), atol=1e-3)


def test_a_sine_in_a_bin_gives_128_and_a_short_sound_ends_in_silence() -> None:
    audio = np.sin(2 * np.pi * 5 / 512 * np.arange(RATE)).astype(np.float32)[None]
    image = spectrogram(audio)[0]
    assert image[10, 5] == pytest.approx(128, rel=1e-4)
    assert image[10, 8] < 1e-3
    assert image[RATE // 256 + 1 :].max() == 0


def test_a_note_is_a_at_440_hz() -> None:
    """Bin 5 of the spectrogram is at 431 Hz; in the audio, a DFT of one second has its peak at 440."""
    audio = task.play(tone())
    assert audio.shape == (1, 4 * RATE)
    second = np.abs(np.fft.rfft(audio[0, :RATE] * np.hanning(RATE)))
    assert abs(int(second.argmax()) - 440) <= 1
    assert int(spectrogram(audio)[0, 100].argmax()) == 5


def test_the_amplifier_follows_eq_4_11_and_4_12() -> None:
    """RMS of each tick: cube root up, cubes down, over the profile's times."""
    attack_raw, decay_raw, sustain_raw, release_raw = 88, 70, 50, 75
    audio = task.play(
        tone(DCO1_WF=0.5, ENV2_ATT=attack_raw / 127, ENV2_DECY=decay_raw / 127, ENV2_SUS=sustain_raw / 127,
             ENV2_REL=release_raw / 127)
    )[0].astype(np.float64)  # fmt: skip
    attack = 0.002 * (10 / 0.002) ** (attack_raw / 127)
    decay = 0.005 * (25 / 0.005) ** (decay_raw / 127)
    release = 0.005 * (25 / 0.005) ** (release_raw / 127)
    sustain = sustain_raw / 127

    def envelope(x: float) -> float:
        if x <= attack:
            return float(np.cbrt(x / attack))
        if x <= task.GATE_S:
            line = max((sustain - 1) / decay * (x - attack) + 1, sustain)
            return ((line - sustain) / (1 - sustain)) ** 3 * (1 - sustain) + sustain
        line = max(sustain - sustain / release * (x - task.GATE_S), 0)
        return (line / sustain) ** 3 * sustain

    tick = 441
    rms = np.sqrt(np.mean(audio.reshape(-1, tick) ** 2, axis=1))
    expected = np.array([envelope((k + 1) * 0.01) for k in range(len(rms))])
    assert attack > 0.5
    assert attack + decay < task.GATE_S
    heard = expected > 0.05
    heard[0] = False  # the voltage is on its way up from zero
    ratio = rms[heard] / expected[heard]
    assert np.abs(ratio / np.median(ratio) - 1).max() < 0.03


@pytest.mark.parametrize("resonance_raw", [0, 90])
def test_the_filter_is_eq_4_9(resonance_raw: int) -> None:
    """The first six harmonics against |H| of a second-order low-pass, far below half the sample rate."""
    cutoff_raw = 70

    def harmonics(**changes: float) -> np.ndarray:
        audio = task.play(tone(**changes))[0, RATE // 2 : RATE // 2 + RATE].astype(np.float64)
        window = np.hanning(RATE)
        turns = np.exp(-2j * np.pi * np.outer(hz, np.arange(RATE)) / RATE)
        return np.abs(turns @ (audio * window))

    # What the 16-bit divider of an 8 MHz clock, prescaled by 4, makes of 440 Hz.
    hz = 8e6 / 4 / round(8e6 / 4 / 440) * np.arange(1, 7)
    cutoff, damping = 20 * (18000 / 20) ** (cutoff_raw / 127), 0.05 ** (resonance_raw / 127)

    def gain(natural: float, ratio: float) -> np.ndarray:
        return np.abs(natural**2 / (natural**2 - hz**2 + 2j * ratio * natural * hz))

    measured = harmonics(VCF_FREQ=cutoff_raw / 127, VCF_RES=resonance_raw / 127) / harmonics()
    expected = gain(cutoff, damping) / gain(18000, 1)
    assert np.abs(20 * np.log10(measured / expected)).max() < 0.5


def test_the_mixer_adds_both_oscillators() -> None:
    """Eq. 4.6 without envelope: the sum of mix times wave."""
    first, second = tone(MIX_DCO2=0), tone(MIX_DCO1=0, MIX_DCO2=0.5)
    both = tone(MIX_DCO2=0.5)
    alone = task.play(first) + task.play(second)
    assert np.abs(task.play(both) - alone).max() < 1e-4 * np.abs(alone).max()


def test_the_score_is_the_mean_squared_error() -> None:
    targets = np.zeros((4, 26), np.float32)
    predicted = targets.copy()
    predicted[:, 3] = 0.5
    predicted[:, 4] = -3
    score = task.score(predicted, targets)
    assert score["all"] == pytest.approx(0.25 / 26)
    assert score[NAMES[3]] == pytest.approx(0.25)
    assert score[NAMES[4]] == 0

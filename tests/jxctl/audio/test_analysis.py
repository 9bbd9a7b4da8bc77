"""Level, onset, pitch, spectrum and period of sounds for which they are known."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from jxctl.audio import analysis

RATE = 44100
LOW_RATE = 8000


def test_the_examples_of_the_docstrings_are_right() -> None:
    ran = doctest.testmod(analysis)
    assert ran.attempted > 20
    assert not ran.failed


def sine(amplitude: float, seconds: float = 1.0, rate: int = 8000) -> np.ndarray:
    t = np.arange(round(seconds * rate)) / rate
    return (amplitude * np.sin(2 * np.pi * 100 * t)).astype(np.float32)


@pytest.mark.parametrize(("amplitude", "peak"), [(1.0, 0.0), (0.5, -6.0206), (0.001, -60.0)])
def test_a_sine_has_its_peak_and_three_db_less_rms(amplitude: float, peak: float) -> None:
    assert analysis.peak_dbfs(sine(amplitude)) == pytest.approx(peak, abs=1e-3)
    assert analysis.rms_dbfs(sine(amplitude)) == pytest.approx(peak - 3.0103, abs=1e-3)


def test_a_negative_peak_counts() -> None:
    assert analysis.peak_dbfs(np.array([0.1, -0.5], dtype=np.float32)) == pytest.approx(-6.0206, abs=1e-3)


@pytest.mark.parametrize("samples", [0, 10])
def test_digital_silence_has_a_level_that_json_can_hold(samples: int) -> None:
    nothing = np.zeros(samples, dtype=np.float32)
    assert (analysis.peak_dbfs(nothing), analysis.rms_dbfs(nothing)) == (-200.0, -200.0)
    assert analysis.onset(nothing, 8000, -200.0) is None


def test_the_onset_is_the_first_sample_of_a_click() -> None:
    heard = np.zeros(8000, dtype=np.float32)
    heard[1234:] = 0.25
    assert analysis.onset(heard, 8000, -200.0) == 1234 / 8000


def test_the_onset_ignores_the_noise_before_it() -> None:
    heard = (0.001 * np.random.default_rng(0).standard_normal(32000)).astype(np.float32)
    floor = analysis.rms_dbfs(heard)
    assert floor == pytest.approx(-60, abs=0.1)
    assert analysis.onset(heard, 8000, floor) is None
    heard[20000:] += sine(0.5, 1.5)
    found = analysis.onset(heard, 8000, floor)
    assert found is not None
    assert 20000 <= found * 8000 < 20010


def noise_burst(at: float) -> np.ndarray:
    """A second with a burst of the same noise at sample ``at``, which need not be whole."""
    burst = np.random.default_rng(3).standard_normal(4000) * np.exp(-np.arange(4000) / 800)
    spectrum = np.fft.rfft(np.concatenate([burst, np.zeros(4096 + 96)]))
    spectrum[1400:] = 0  # a third of the band, as a synth's sound is
    whole, rest = divmod(at, 1)
    shifted = np.fft.irfft(spectrum * np.exp(-2j * np.pi * rest * np.fft.rfftfreq(8192)))
    return np.concatenate([np.zeros(int(whole)), shifted])[:LOW_RATE].astype(np.float32)


def test_repeats_are_aligned_to_a_fraction_of_a_sample() -> None:
    at = [400.0, 401.0, 403.5, 398.25, 460.0]
    times = analysis.onsets([noise_burst(one) for one in at], LOW_RATE, -60.0)
    assert times == pytest.approx([times[0] + (one - 400) / LOW_RATE for one in at], abs=0.1 / LOW_RATE)


def test_a_note_is_not_found_some_periods_late_where_it_is_louder() -> None:
    t = np.arange(LOW_RATE) / LOW_RATE

    def note(at: int, held_s: float) -> np.ndarray:
        """A plain note that is faded in over 15 ms."""
        age = t - at / LOW_RATE
        level = np.clip(age / 0.015, 0, 1) * (age < held_s)
        return (0.5 * level * np.sin(2 * np.pi * 1000 * age)).astype(np.float32)

    at = [400, 431, 420, 409]
    times = analysis.onsets([note(one, 0.05 + 0.003 * k) for k, one in enumerate(at)], LOW_RATE, -100.0)
    assert times == pytest.approx([times[0] + (one - 400) / LOW_RATE for one in at], abs=0.1 / LOW_RATE)


def test_where_repeats_differ_their_own_onsets_count() -> None:
    # Oscillators that run free: the same envelope, another wave.
    t = np.arange(LOW_RATE)
    square, saw = np.sign(np.sin(t / 2)), (t % 37) / 18 - 1.02
    clicks = [np.where(t >= 400, 0.3 * square, 0), np.where(t >= 440, 0.3 * saw, 0)]
    times = analysis.onsets([click.astype(np.float32) for click in clicks], LOW_RATE, -60.0)
    assert times == pytest.approx([400 / LOW_RATE, 440 / LOW_RATE], abs=1 / LOW_RATE)


def test_repeats_of_which_one_is_silent_have_no_onsets() -> None:
    assert analysis.onsets([noise_burst(400), np.zeros(LOW_RATE, np.float32)], LOW_RATE, -60.0) == []


def tone(hz: float, partials: list[float], seconds: float = 0.6, rate: int = RATE) -> np.ndarray:
    """Sines at multiples of ``hz`` with these amplitudes."""
    t = np.arange(round(seconds * rate)) / rate
    sound = sum(a * np.sin(2 * np.pi * k * hz * t + k) for k, a in enumerate(partials, 1))
    return (0.3 * sound).astype(np.float32)


@pytest.mark.parametrize("note", [28, 40, 52, 64, 76, 88, 100])
@pytest.mark.parametrize(
    "partials",
    [[1.0], [1 / k for k in range(1, 13)], [1, 0, 1 / 3, 0, 1 / 5, 0, 1 / 7], [0.0, 0.5, 0.7, 0.3, 0.2]],
    ids=["sine", "sawtooth", "square", "no fundamental"],
)
def test_the_pitch_of_a_steady_sound_is_found_within_a_few_cents(note: int, partials: list[float]) -> None:
    hz = 440 * 2 ** ((note - 69) / 12)
    found = analysis.pitch_hz(tone(hz, [a for k, a in enumerate(partials, 1) if k * hz < RATE / 2]), RATE)
    assert found is not None
    assert 1200 * np.log2(found / hz) == pytest.approx(0, abs=6)


def test_a_note_that_decays_before_and_after_silence_is_found() -> None:
    sound = np.zeros(RATE, np.float32)
    sound[9000:30000] = tone(220, [1, 0.5])[:21000] * np.exp(-np.arange(21000) / 6000)
    found = analysis.pitch_hz(sound + 1e-4, RATE)
    assert found is not None
    assert found == pytest.approx(220, rel=0.004)


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(RATE),
        np.zeros(0),
        np.ones(RATE),
        np.ones(50),
        np.random.default_rng(0).standard_normal(RATE),
        np.eye(1, RATE, 5000)[0],
    ],
    ids=["silence", "nothing", "an offset", "too short", "noise", "a click"],
)
def test_what_has_no_pitch_has_none(sound: np.ndarray) -> None:
    assert analysis.pitch_hz(sound.astype(np.float32), RATE) is None


@pytest.mark.parametrize(
    ("heard", "asked", "off"),
    [(440, 440, 0), (880, 440, 0), (110, 440, 0), (466.16, 440, 100), (415.3, 880, -100), (660, 440, -498)],
)
def test_cents_leave_octaves_out(heard: float, asked: float, off: float) -> None:
    # A fifth up, 702 cents, is a fourth down.
    assert analysis.cents_within_octave(heard, asked) == pytest.approx(off, abs=0.1)


def test_the_frequency_of_a_steady_wave_is_exact_under_noise() -> None:
    noise = 1e-3 * np.random.default_rng(0).standard_normal(RATE // 2)
    sine = np.sin(2 * np.pi * 261.37 * np.arange(RATE // 2) / RATE)
    assert analysis.strongest_partial_hz(sine + noise, RATE) == pytest.approx(261.37, rel=1e-5)


def test_bands_hold_the_power_of_the_sines_in_them() -> None:
    t = np.arange(RATE) / RATE
    sound = 0.5 * np.sin(2 * np.pi * 150 * t) + 0.05 * np.sin(2 * np.pi * 600 * t)
    levels = analysis.band_levels(sound, RATE, np.array([100.0, 300.0, 1000.0]))
    assert levels == pytest.approx([20 * np.log10(0.5) - 3.01, 20 * np.log10(0.05) - 3.01], abs=0.02)


@pytest.mark.parametrize("tick_s", [0.0071, 0.01, 0.0137, 0.06])
def test_the_control_loop_shows_in_the_steps_of_a_pitch(tick_s: float) -> None:
    step_s = 0.00025
    times = np.arange(0, 1.4, step_s)
    pitch = 2 * (1 - np.floor(times / tick_s) * tick_s / 1.6) ** 3
    assert analysis.comb_period(np.abs(np.diff(pitch)), step_s, 0.004, 0.1, 4) == pytest.approx(
        tick_s, rel=2e-3
    )

"""DCO: pitch is a whole divider of 8 MHz, harmonics follow the Fourier series, aliases are low."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from measure import amplitude, bilinear_lowpass, db, one, spectrum_db

from simulator.synth import Profile, load_profile, render
from simulator.synth.control import NEVER, Notes, Voicing

RATE = 44100
CUTOFF_OPEN_HZ = 18000.0


def held(note: int) -> Notes:
    """One voice that holds a note."""
    return Notes(*(np.array([value]) for value in (note, 100, 0, NEVER, 0)))


def steady(tone: np.ndarray, profile: Profile, note: int) -> np.ndarray:
    """The second second of a held note."""
    return render(tone, note, 127, 10.0, 2.0, profile=profile)[0][-RATE:].astype(np.float64)


def through_open_vcf(hz: np.ndarray | float) -> np.ndarray:
    """What the open four-pole VCF lets through."""
    return bilinear_lowpass(np.asarray(hz), CUTOFF_OPEN_HZ, 1.0, RATE) ** 2


@given(note=st.integers(0, 127), octave=st.sampled_from(["16'", "8'", "4'", "2'"]), tune=st.integers(-12, 12))
def test_the_frequency_is_the_clock_over_prescaler_and_a_whole_divider(
    note: int, octave: str, tune: int
) -> None:
    label = f"{tune:+d}" if tune else "0"
    tone = one(DCO1_RANGE=octave, DCO1_TUNE=label)
    frequencies, _ = Voicing(tone, held(note), load_profile()).frames(0, 3)

    prescale = {"16'": 8, "8'": 4, "4'": 2, "2'": 1}[octave]
    shift = {"16'": -12, "8'": 0, "4'": 12, "2'": 24}[octave]
    wanted = 440 * 2 ** ((note + shift + tune - 69) / 12)
    divider = 8_000_000 / (prescale * frequencies[0, 0, 0])
    assert divider == pytest.approx(round(divider), abs=1e-6)
    assert round(divider) == min(max(round(8_000_000 / (prescale * wanted)), 2), 65535)
    assert np.all(frequencies[0] == frequencies[0, 0, 0])


@pytest.mark.parametrize("fine", [0, 32, 64, 100, 127])
def test_fine_tune_shifts_the_clock_of_dco2_only(fine: int) -> None:
    frequencies, _ = Voicing(one(DCO2_FTUNE=fine), held(60), load_profile()).frames(0, 1)
    cents = 1200 * np.log2(frequencies[1, 0, 0] / frequencies[0, 0, 0])
    assert cents == pytest.approx(np.interp(fine, [0, 64, 127], [-50, 0, 50]), abs=1e-6)


@pytest.mark.parametrize("note", [33, 69, 100])
def test_the_audio_has_that_frequency(note: int, open_profile: Profile) -> None:
    """To a hundredth of a cent: the phase of the fundamental advances as it should over a second."""
    audio = render(one(DCO1_WF="square"), note, 127, 10.0, 3.0, profile=open_profile)[0]
    hz = 8e6 / (4 * round(8e6 / (4 * 440 * 2 ** ((note - 69) / 12))))
    t = np.arange(RATE // 2)
    window = np.hanning(len(t))

    def phase(start: int) -> float:
        turn = np.exp(-2j * np.pi * hz / RATE * (t + start))
        return float(np.angle(np.sum(audio[start : start + len(t)] * window * turn)))

    drift = (phase(2 * RATE) - phase(RATE)) / (2 * np.pi)
    assert abs(drift - round(drift)) < hz * (2 ** (0.01 / 1200) - 1)


@pytest.mark.parametrize("wave", ["sawtooth", "square", "pulse"])
@pytest.mark.parametrize("note", [45, 69, 81])
def test_harmonics_follow_the_fourier_series(wave: str, note: int, open_profile: Profile) -> None:
    """Within 0.25 dB of eq. 4.3 and 4.5 up to 10 kHz; the pulse is 1/4 wide (assumed by the profile)."""
    audio = steady(one(DCO1_WF=wave), open_profile, note)
    hz = 8e6 / (4 * round(8e6 / (4 * 440 * 2 ** ((note - 69) / 12))))
    n = np.arange(1, int(10_000 / hz) + 1)
    series = {
        "sawtooth": 2 / (np.pi * n),
        "square": np.where(n % 2 == 1, 4 / (np.pi * n), 0),
        "pulse": 4 / (np.pi * n) * np.abs(np.sin(np.pi * n / 4)),
    }[wave]
    present = series > 1e-6
    measured = np.array([amplitude(audio, k * hz, RATE) for k in n]) / through_open_vcf(n * hz)
    assert np.abs(db(measured[present] / series[present])).max() < 0.25
    assert np.all(measured[~present] < 1e-4)


@pytest.mark.parametrize("wave", ["sawtooth", "square", "pulse"])
@pytest.mark.parametrize("note", [45, 69, 81, 93])
def test_aliases_below_10_khz_are_60_db_down(wave: str, note: int, open_profile: Profile) -> None:
    audio = steady(one(DCO1_WF=wave), open_profile, note)
    hz = 8e6 / (4 * round(8e6 / (4 * 440 * 2 ** ((note - 69) / 12))))
    frequency, level = spectrum_db(audio, RATE)
    off = np.abs(frequency - np.rint(frequency / hz) * hz) > 6
    inside = (frequency > 20) & (frequency < 10_000)
    assert level[inside & off].max() < db(amplitude(audio, hz, RATE)) - 60


def test_noise_is_white_and_the_same_for_the_same_seed(open_profile: Profile) -> None:
    tone = one(DCO1_WF="noise")
    audio = render(tone, 60, 127, 60.0, 20.0, profile=open_profile)[0].astype(np.float64)
    pieces = audio[RATE : RATE + 800 * 1024].reshape(-1, 1024) * np.hanning(1024)
    power = np.mean(np.abs(np.fft.rfft(pieces)) ** 2, axis=0)
    hz = np.fft.rfftfreq(1024, 1 / RATE)
    flat = power / through_open_vcf(hz) ** 2
    inside = (hz > 100) & (hz < 10_000)
    bands = [flat[inside][k : k + 23].mean() for k in range(0, inside.sum() - 22, 23)]
    assert np.abs(10 * np.log10(np.array(bands) / np.mean(bands))).max() < 0.5
    short = {"gates_s": 1.0, "seconds": 0.2, "profile": open_profile}
    assert np.array_equal(render(tone, 60, 127, seed=5, **short), render(tone, 60, 127, seed=5, **short))
    assert not np.array_equal(render(tone, 60, 127, seed=5, **short), render(tone, 60, 127, seed=6, **short))


def test_sync_gives_dco2_the_pitch_of_dco1(open_profile: Profile) -> None:
    """Only multiples of DCO-1's frequency remain, though DCO-2 is tuned seven semitones higher."""
    tone = one(DCO_XMOD="sync 1", MIX_DCO1=0, MIX_DCO2=127, DCO2_TUNE="+7")
    audio = steady(tone, open_profile, 57)
    hz = 8e6 / (4 * round(8e6 / (4 * 220)))
    frequency, level = spectrum_db(audio, RATE)
    inside = (frequency > 20) & (frequency < 10_000)
    off = np.abs(frequency - np.rint(frequency / hz) * hz) > 6
    assert level[inside & off].max() < level[inside].max() - 55

    # Against the plain, naive synced sawtooth, oversampled 64 times, in float64.
    ratio = round(8e6 / (4 * 220)) / round(8e6 / (4 * 220 * 2 ** (7 / 12)))
    cycle = np.arange(64 * 4096) / (64 * 4096)
    slave = 2 * ((cycle * ratio) % 1) - 1
    series = 2 * np.abs(np.fft.rfft(slave)) / len(slave)
    n = np.arange(1, int(8_000 / hz))
    measured = np.array([amplitude(audio, k * hz, RATE) for k in n]) / through_open_vcf(n * hz)
    assert np.abs(db(measured / series[n])).max() < 0.5


def test_x_mod_makes_partials_that_neither_oscillator_has(open_profile: Profile) -> None:
    plain = one(MIX_DCO1=127, MIX_DCO2=0, DCO2_TUNE="+7")
    modulated = one(MIX_DCO1=127, MIX_DCO2=0, DCO2_TUNE="+7", DCO_XMOD="x-mod")
    hz = 8e6 / (4 * round(8e6 / (4 * 440)))
    for tone, new in ((plain, False), (modulated, True)):
        frequency, level = spectrum_db(steady(tone, open_profile, 69), RATE)
        off = np.abs(frequency - np.rint(frequency / hz) * hz) > 6
        inside = (frequency > 20) & (frequency < 10_000)
        assert (level[inside & off].max() > level[inside].max() - 30) == new


def test_oscillators_above_hearing_are_silent_and_nothing_folds_down(open_profile: Profile) -> None:
    audio = render(one(DCO1_RANGE="2'"), 127, 127, 1.0, 0.5, profile=open_profile)[0]
    assert np.abs(audio).max() < 1e-6

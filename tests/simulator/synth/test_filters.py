"""VCF and HPF against their transfer functions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from measure import amplitude, analogue_lowpass, bilinear_lowpass, db, one

from simulator.synth import Profile, load_profile, render

RATE = 44100
NOTE = 33
HZ = 8e6 / (4 * round(8e6 / (4 * 55)))


def harmonics(profile: Profile, rate: int = RATE, **changes: int | str) -> np.ndarray:
    """Amplitudes of the first 180 harmonics (to 9.9 kHz) of a sawtooth."""
    audio = render(one(**changes), NOTE, 127, 10.0, 3.0, profile=profile, sample_rate=rate)[0]
    audio = audio[rate:].astype(np.float64)
    return np.array([amplitude(audio, k * HZ, rate) for k in range(1, 181)])


def cutoff_hz(raw: int) -> float:
    """superjx: 20 Hz to 18 kHz, exponential."""
    return float(20 * (18000 / 20) ** (raw / 127))


def damping(raw: int) -> float:
    """superjx: 1 to 0.05, exponential."""
    return float(0.05 ** (raw / 127))


@pytest.mark.parametrize("resonance", [0, 64, 120])
@pytest.mark.parametrize("cutoff", [40, 70, 100])
def test_the_four_poles_are_two_bilinear_sections(cutoff: int, resonance: int, open_profile: Profile) -> None:
    """Within 0.05 dB of the bilinear transform of eq. 4.9, wherever it lets 1/300 or more through."""
    measured = harmonics(open_profile, VCF_FREQ=cutoff, VCF_RES=resonance) / harmonics(open_profile)
    hz = HZ * np.arange(1, 181)
    both = bilinear_lowpass(hz, cutoff_hz(cutoff), 1.0, RATE) * bilinear_lowpass(
        hz, cutoff_hz(cutoff), damping(resonance), RATE
    )
    expected = both / bilinear_lowpass(hz, 18000, 1.0, RATE) ** 2
    audible = expected > 1 / 300
    assert audible.sum() > 5
    assert np.abs(db(measured[audible] / expected[audible])).max() < 0.05


@pytest.mark.parametrize("resonance", [0, 100])
def test_the_thesis_filter_has_two_poles(resonance: int, open_thesis: Profile) -> None:
    measured = harmonics(open_thesis, VCF_FREQ=70, VCF_RES=resonance) / harmonics(open_thesis)
    hz = HZ * np.arange(1, 181)
    expected = bilinear_lowpass(hz, cutoff_hz(70), damping(resonance), RATE)
    expected = expected / bilinear_lowpass(hz, 18000, 1.0, RATE)
    audible = expected > 1 / 300
    assert np.abs(db(measured[audible] / expected[audible])).max() < 0.05


@pytest.mark.parametrize(
    ("cutoff", "up_to_hz", "stated_db", "exact_db"),
    [(500, 2000, 0.25, 0.209), (1000, 4000, 0.9, 0.848), (4000, 8000, 2.6, 2.537)],
)
def test_the_stated_deviation_from_the_analogue_curve(
    cutoff: int, up_to_hz: int, stated_db: float, exact_db: float
) -> None:
    """As firmware_notes/vcf_vca.md says: it falls too steeply near half the sample rate."""
    hz = np.linspace(50, up_to_hz, 200)
    deviation = db(bilinear_lowpass(hz, cutoff, 1.0, RATE) / analogue_lowpass(hz, cutoff, 1.0))
    assert np.abs(2 * deviation).max() == pytest.approx(exact_db, abs=0.0006)
    assert exact_db < stated_db
    note = (Path(__file__).parents[3] / "firmware_notes/vcf_vca.md").read_text("utf-8")
    row = f"| {cutoff} Hz | {up_to_hz} Hz | {stated_db} dB | {exact_db} dB | {exact_db / 2:.3f} dB |"
    assert row in note


@pytest.mark.parametrize(("position", "corner_hz"), [("1", 100), ("2", 250), ("3", 600)])
def test_the_high_pass_has_one_pole(position: str, corner_hz: float, open_profile: Profile) -> None:
    measured = harmonics(open_profile, HPF_FREQ=position) / harmonics(open_profile, HPF_FREQ="0")
    hz = HZ * np.arange(1, 181)
    ratio = np.tan(np.pi * hz / RATE) / np.tan(np.pi * corner_hz / RATE)
    expected = ratio / np.sqrt(1 + ratio**2)
    assert np.abs(db(measured / expected)).max() < 0.05


def test_the_cutoff_is_the_same_at_other_sample_rates(open_profile: Profile) -> None:
    """Up to 3 kHz, where the transforms differ little."""
    first = harmonics(open_profile, VCF_FREQ=70)[:54]
    second = harmonics(open_profile, rate=96000, VCF_FREQ=70)[:54]
    assert np.abs(db(second / first)).max() < 0.7


def test_resonance_peaks_at_the_cutoff(open_profile: Profile) -> None:
    ratio = harmonics(open_profile, VCF_FREQ=80, VCF_RES=127) / harmonics(open_profile, VCF_FREQ=80)
    peak_hz = HZ * (1 + int(np.argmax(ratio)))
    assert peak_hz == pytest.approx(cutoff_hz(80), rel=0.05)
    assert db(ratio.max()) == pytest.approx(db(1 / 0.05), abs=1.0)


def test_key_follow_moves_the_cutoff_with_the_note() -> None:
    from simulator.synth._lanes import CUTOFF
    from simulator.synth.control import Notes, Voicing

    notes = Notes(*(np.array(values) for values in ([60, 72], [100, 100], [0, 0], [10, 10], [0, 0])))
    tones = np.concatenate([one(VCF_FREQ=60, VCF_KEY=106)] * 2)
    _, levels = Voicing(tones, notes, load_profile()).frames(0, 1)
    assert levels[CUTOFF, 1, 0] / levels[CUTOFF, 0, 0] == pytest.approx(2, rel=1e-4)

"""The oversampled mode: hardly any alias, filters close to the analogue curve, exact like all rendering."""

from __future__ import annotations

import numpy as np
import pytest
from measure import amplitude, analogue_lowpass, db, one, spectrum_db

from jxctl.errors import UsageError
from simulator.synth import Profile, render

RATE = 44100
NOTE = 33
HZ = 8e6 / (4 * round(8e6 / (4 * 55)))


@pytest.mark.parametrize("wave", ["sawtooth", "square", "pulse"])
@pytest.mark.parametrize("note", [69, 88, 96])
def test_aliases_are_80_db_down_up_to_c7(wave: str, note: int, open_profile: Profile) -> None:
    audio = render(one(DCO1_WF=wave), note, 127, 10.0, 3.0, profile=open_profile, oversample=4)[0]
    audio = audio[RATE : RATE + 65536]
    hz = 8e6 / (4 * round(8e6 / (4 * 440 * 2 ** ((note - 69) / 12))))
    frequency, level = spectrum_db(audio, RATE)
    off = np.abs(frequency - np.rint(frequency / hz) * hz) > 6
    inside = (frequency > 20) & (frequency < 20_000)
    assert level[inside & off].max() < db(amplitude(audio, hz, RATE)) - 80


@pytest.mark.parametrize("resonance", [0, 100])
@pytest.mark.parametrize("cutoff", [60, 80, 100])
def test_the_vcf_is_within_half_a_db_of_the_analogue_curve(
    cutoff: int, resonance: int, open_profile: Profile
) -> None:
    """To 10 kHz, down to 90 dB under the fundamental."""
    tone = one(VCF_FREQ=cutoff, VCF_RES=resonance)
    audio = render(tone, NOTE, 127, 10.0, 3.0, profile=open_profile, oversample=4)[0]
    n = np.arange(1, int(10_000 / HZ) + 1)
    measured = np.array([amplitude(audio[RATE:].astype(np.float64), k * HZ, RATE) for k in n])
    cutoff_hz = 20 * (18000 / 20) ** (cutoff / 127)
    expected = 2 / (np.pi * n) * analogue_lowpass(n * HZ, cutoff_hz, 1.0)
    expected *= analogue_lowpass(n * HZ, cutoff_hz, 0.05 ** (resonance / 127))
    audible = expected > expected[0] / 30_000
    assert n[audible].max() * HZ > min(9_900, 3.5 * cutoff_hz)
    assert np.abs(db(measured[audible] / expected[audible])).max() < 0.5


def test_a_batch_does_not_matter_and_sounds_start_together() -> None:
    tones = np.concatenate(
        [one(DCO1_WF="square"), one(CHORUS="2"), one(DCO_XMOD="sync 1", DCO2_TUNE="+7")] * 13
    )
    short = {"gates_s": 0.1, "seconds": 0.15, "oversample": 2}
    together = render(tones, 60, **short)
    for index in (0, 1, 2, 38):
        assert np.array_equal(together[index], render(tones[index], 60, **short)[0])


def test_it_adds_no_delay(open_profile: Profile) -> None:
    """The filters' own delay is nearer to the analogue one, so it is measured where it is nearly the same."""
    tone, hz = one(VCF_FREQ=60), 8e6 / (4 * round(8e6 / (4 * 440 * 2 ** (-9 / 12))))

    def angle(times: int) -> float:
        audio = render(tone, 60, 127, 10.0, 1.0, profile=open_profile, oversample=times)[0][RATE // 2 :]
        turn = np.exp(-2j * np.pi * hz / RATE * np.arange(len(audio)))
        return float(np.angle(np.sum(audio * np.hanning(len(audio)) * turn)))

    assert abs(angle(4) - angle(1)) / (2 * np.pi * hz) * RATE < 0.1


def test_it_takes_1_to_16() -> None:
    with pytest.raises(UsageError, match="oversample is 0"):
        render(one(), oversample=0, seconds=0.1)
    with pytest.raises(UsageError, match="oversample is 17"):
        render(one(), oversample=17, seconds=0.1)

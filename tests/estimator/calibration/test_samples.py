"""Takes as calibration sees them: where a note is taken to begin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from estimator.calibration.experiments import CalibrationPlan
from estimator.calibration.measurements import onset_sample
from estimator.calibration.samples import from_takes
from jxctl.dataset.take import Take

RATE = 44100
LATENCY_S = 0.3
EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def test_noise_before_a_note_is_not_its_beginning() -> None:
    """A threshold that does not know of the noise cuts a take 0.27 s before the note."""
    note = soundfile.read(EXAMPLES / "sync_lead_E4.wav", dtype="float32")[0]
    audio = np.concatenate([np.zeros(round(LATENCY_S * RATE)), note])
    audio = (audio + 1e-3 * np.random.default_rng(0).standard_normal(audio.size)).astype(np.float32)
    ignorant, right = onset_sample(audio), onset_sample(audio, floor_dbfs=-60.0)
    assert ignorant is not None
    assert right is not None
    assert ignorant / RATE < LATENCY_S - 0.25
    assert right / RATE == pytest.approx(LATENCY_S, abs=0.002)

    plan = CalibrationPlan()
    planned = plan[0]
    take = Take(
        audio=audio, sample_rate=RATE, tone=planned.tone, note=planned.note, velocity=planned.velocity,
        gate_s=planned.gate_s, max_seconds=planned.max_seconds, port="sim:", noise_floor_dbfs=-60.0,
        peak_dbfs=None, onset_s=None, tail_cut=None, verdict=None, latency_s=LATENCY_S,
    )  # fmt: skip
    heard = from_takes([(0, take)], plan)[0].heard
    # Three milliseconds of the time before the note are kept.
    assert len(audio) - len(heard.audio) == pytest.approx((LATENCY_S - 0.003) * RATE, abs=2)
    assert heard.onset == pytest.approx(0.003 * RATE, abs=0.002 * RATE)

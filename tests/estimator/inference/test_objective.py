"""Distances over recordings are those of the definition; residuals are signed; audibility is tried."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from estimator.inference.note_detection import Played, Recording
from estimator.inference.objective import Listener, heard_in
from estimator.inference.search import HEAD
from estimator.network import parameters
from estimator.network.inputs import mel_power
from jxctl.protocol.tone import INIT_TONE
from simulator.features import RANKING, log_mel_distance
from simulator.prior import Prior
from simulator.synth import render

LOW, HIGH = Played(45, 100, 0.3), Played(69, 60, 0.5)


def recording(tone: bytes, played: Played) -> Recording:
    values = np.frombuffer(tone, np.uint8)
    return Recording(render(values, played.note, played.velocity, played.gate_s, 0.8)[0], played)


def choice_of(**values: int | str) -> np.ndarray:
    named = {name.replace("_", " "): value for name, value in values.items()}
    tone = INIT_TONE.with_values(named)
    return parameters.classes(np.frombuffer(tone.values, np.uint8)[None])[0]


def test_the_score_is_the_mean_over_recordings_and_counts_once() -> None:
    recordings = [recording(INIT_TONE.values, played) for played in (LOW, HIGH)]
    choices = parameters.classes(Prior.load().sample(70, np.random.default_rng(1)))
    listener = Listener(recordings, "superjx")
    tones = parameters.tones_from(choices, INIT_TONE.values)
    expected = np.zeros(70)
    silent = np.ones(70, bool)
    for r in recordings:
        audio = render(tones, r.played.note, r.played.velocity, r.played.gate_s, 0.8)
        expected += log_mel_distance(audio, r.audio) / 2
        silent &= np.abs(audio).max(axis=1) < 1e-6
    expected[silent] = np.inf
    assert listener(choices) == pytest.approx(expected, rel=1e-5)
    assert listener.renders == 70


def test_the_truth_is_nothing_away_and_residuals_are_mean_differences() -> None:
    target = recording(INIT_TONE.values, LOW)
    listener = Listener([target], "superjx")
    truth, other = choice_of(), choice_of(VCF_FREQ=60)
    heard = listener.hear(np.array([truth, other]))
    assert heard.distances[0] == pytest.approx(0, abs=1e-5)
    assert heard.residuals[0] == pytest.approx(0, abs=1e-4)
    # A darker sound, levels matched by RMS: the difference of log-mel spectrograms, target's peak as 0 dB.
    audio = listener.sounds(other[None])[0]
    gain = np.sqrt(np.mean(target.audio**2) / np.mean(audio**2))
    own, goal = (_power(sound) for sound in (audio * gain, target.audio))
    own, goal = (10 * np.log10(np.maximum(power / goal.max(), 1e-8)) for power in (own, goal))
    frames = own.shape[1] // 3 * 3
    cells = (own - goal)[:, :frames].reshape(len(own) // 2, 2, -1, 3).mean(axis=(1, 3)).ravel()
    assert heard.residuals[1] == pytest.approx(cells, abs=0.05)


def _power(sound: np.ndarray) -> np.ndarray:
    return mel_power(torch.as_tensor(sound[None], dtype=torch.float32), RANKING)[0].numpy()


def test_silence_is_infinitely_far_and_nonsense_is_refused() -> None:
    listener = Listener([recording(INIT_TONE.values, LOW)], "superjx")
    assert listener(choice_of(MIX_DCO1=0, MIX_DCO2=0)[None]) == np.inf
    assert len(listener.hear(np.zeros((0, len(parameters.HEADS)), np.int64)).distances) == 0
    with pytest.raises(ValueError, match="nothing"):
        Listener([], "superjx")
    with pytest.raises(ValueError, match="not numbers"):
        Listener([Recording(np.full(100, np.nan, np.float32), LOW)], "superjx")


def test_what_can_be_heard_is_tried() -> None:
    """The init tone is one open sawtooth on DCO-1: its LFO rate, DCO-2's tuning and ENV-2's decay at full
    sustain cannot be heard, its cutoff and wave can; with the LFO on the pitch, its rate can."""
    listener = Listener([recording(INIT_TONE.values, LOW)], "superjx")
    heard = heard_in(choice_of(), listener)
    for name in ("DCO1 WF", "DCO1 TUNE", "VCF FREQ", "HPF FREQ", "CHORUS", "ENV2 ATT", "ENV2 SUS"):
        assert heard[HEAD[name]], name
    for name in ("LFO RATE", "LFO WF", "DCO2 TUNE", "DCO2 WF", "ENV2 DECY", "VCA LEVEL", "VCA DYNA"):
        assert not heard[HEAD[name]], name
    assert listener.renders == 0
    assert heard_in(choice_of(DCO1_LFO=60, LFO_RATE=100), listener)[HEAD["LFO RATE"]]

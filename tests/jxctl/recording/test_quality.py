"""Verdicts on sounds that are made here, sample by sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from jxctl.dataset.take import TRUSTED, Verdict
from jxctl.protocol.tone import INIT_TONE, Tone
from jxctl.recording.quality import Heard, Judgement, Latency, judge

RATE = 8000


class Expected:
    """Says what it is told to."""

    def __init__(
        self, sounds: bool | None = None, onset_s: float | None = None, hz: float | None = None
    ) -> None:
        self.answers = (sounds, onset_s, hz)
        self.asked: list[str] = []
        self.below_peak_db = 0.0
        self.rendered: list[np.ndarray] = []

    def sounds(self, tone: Tone, note: int, velocity: int, gate_s: float) -> bool | None:
        self.asked.append("sounds")
        return self.answers[0]

    def onset_s(
        self, tone: Tone, note: int, velocity: int, gate_s: float, below_peak_db: float
    ) -> float | None:
        self.asked.append("onset")
        self.below_peak_db = below_peak_db
        return self.answers[1]

    def lasts_s(self, *unused: object) -> float | None:
        raise AssertionError("a judge comes after the end")

    def hz(self, tone: Tone, note: int) -> float | None:
        self.asked.append("hz")
        return self.answers[2]

    def renders(
        self, tone: Tone, note: int, velocity: int, gate_s: float, seconds: float
    ) -> list[np.ndarray]:
        return [one[None, : round(seconds * RATE)] for one in self.rendered]


def sound(
    begins_s: float = 0.02, amplitude: float = 0.5, hz: float = 440.0, floor: float = 0.0
) -> np.ndarray:
    """A second: noise of RMS ``floor`` and, from ``begins_s`` on, a cosine (which begins at its peak)."""
    t = np.arange(RATE) / RATE
    heard = np.where(t >= begins_s, amplitude * np.cos(2 * np.pi * hz * (t - begins_s)), 0)
    return (heard + floor * np.random.default_rng(0).standard_normal(RATE)).astype(np.float32)


def judged(audio: np.ndarray, floor_dbfs: float = -200.0, dropped: bool = False, **more: Any) -> Judgement:
    return judge(Heard(audio, RATE, floor_dbfs, dropped), INIT_TONE, 69, 100, 0.5, **more)


LATENCY = Latency(0.02, 0.002)


def test_a_plain_sound_is_trusted_and_measured() -> None:
    found = judged(sound(), latency=LATENCY, expected=Expected(hz=440.0))
    assert (found.verdict, found.reason) == ("ok", None)
    assert found.onset_s == pytest.approx(0.02, abs=2 / RATE)
    assert found.pitch_cents == pytest.approx(0, abs=3)


def test_without_expectations_a_sound_is_trusted_and_a_silence_is_not() -> None:
    assert judged(sound()) == Judgement("ok", None, 0.02)
    found = judged(np.zeros(RATE, np.float32))
    assert found.verdict == "silent"
    assert "not known" in str(found.reason)
    assert found.expected is None


@pytest.mark.parametrize(
    ("sounds", "verdict", "expected"),
    [(True, "silent", "sound"), (False, "expected silence", "silence"), (None, "silent", None)],
)
@pytest.mark.parametrize("floor", [0.0, 0.001])
def test_silence_is_right_or_wrong(
    sounds: bool | None, verdict: str, expected: str | None, floor: float
) -> None:
    floor_dbfs = -60.0 if floor else -200.0
    found = judged(sound(amplitude=0, floor=floor), floor_dbfs, expected=Expected(sounds))
    assert (found.verdict, found.expected) == (verdict, expected)
    assert (found.reason is None) is (verdict in TRUSTED)
    assert found.onset_s is None


def test_the_worst_finding_wins_and_says_why() -> None:
    loud = sound(amplitude=1.0)
    expected = Expected(hz=440.0)
    assert judged(loud, dropped=True, expected=expected).verdict == "dropped audio"
    assert judged(loud, expected=expected).verdict == "clipped"
    assert judged(-loud, expected=expected).verdict == "clipped"
    assert expected.asked == [], "nothing is asked of a take that is worthless"
    for found in (judged(loud, dropped=True), judged(loud)):
        assert found.reason


@pytest.mark.parametrize(
    ("begins_s", "verdict"),
    [(0.012, "too early"), (0.014, "ok"), (0.02, "ok"), (0.09, "ok"), (0.11, "too late"), (0.4, "too late")],
)
def test_a_sound_begins_within_the_window_of_the_latency(begins_s: float, verdict: str) -> None:
    # 20 ms, spread 2 ms: from 13 ms (5 ms early) to 102 ms (80 ms late).
    found = judged(sound(begins_s), latency=LATENCY, expected=Expected(onset_s=0.0))
    assert found.verdict == verdict
    assert found.onset_s == pytest.approx(begins_s, abs=2 / RATE)
    assert (found.reason is None) is (verdict == "ok")


def test_a_slow_attack_is_late_by_itself_and_is_asked_for_only_then() -> None:
    slow = Expected(onset_s=0.3)
    assert judged(sound(0.35), latency=LATENCY, expected=slow).verdict == "ok"
    assert judged(sound(0.45), latency=LATENCY, expected=slow).verdict == "too late"
    unknown = Expected()
    assert judged(sound(0.45), latency=LATENCY, expected=unknown).verdict == "ok"
    prompt = Expected(onset_s=0.3)
    judged(sound(0.02), latency=LATENCY, expected=prompt)
    assert "onset" not in prompt.asked
    assert judged(sound(0.45), expected=prompt).verdict == "ok", "without a latency there is no window"


def test_the_onset_is_asked_for_at_the_level_at_which_it_was_found() -> None:
    # Noise at -60 dBFS: the onset is found 20 dB above it, which is 34 dB below a peak of -6 dBFS.
    expected = Expected(onset_s=1.0)
    judged(sound(0.4, floor=0.001), -60.0, latency=LATENCY, expected=expected)
    assert expected.below_peak_db == pytest.approx(34, abs=0.3)
    judged(sound(0.4), -200.0, latency=LATENCY, expected=expected)
    assert expected.below_peak_db == 60.0


@pytest.mark.parametrize(
    ("hz", "verdict"),
    [(440.0, "ok"), (220.0, "ok"), (452.9, "ok"), (466.2, "out of tune"), (415.3, "out of tune")],
)
def test_a_wrong_semitone_is_out_of_tune_and_half_of_one_is_not(hz: float, verdict: str) -> None:
    found = judged(sound(hz=hz), expected=Expected(hz=440.0))
    assert found.verdict == verdict
    assert found.pitch_cents == pytest.approx((1200 * np.log2(hz / 440) + 600) % 1200 - 600, abs=3)


def test_noise_has_no_pitch_to_be_wrong() -> None:
    noise = np.random.default_rng(1).standard_normal(RATE).astype(np.float32) / 10
    assert judged(noise, expected=Expected(hz=440.0)).verdict == "ok"
    assert judged(noise, expected=Expected(hz=440.0)).pitch_cents is None


def test_a_sound_is_compared_with_all_that_it_may_be() -> None:
    expected = Expected()
    heard = sound()
    # From the key on: without the 20 ms of latency.
    right, wrong = heard[160:], sound(0.0, hz=466.0)
    for rendered, verdict in (
        ([right], "ok"),
        ([wrong], "unlike its tone"),
        ([wrong, right], "ok"),
        ([wrong, wrong], "unlike its tone"),
        ([], "ok"),
    ):
        expected.rendered = rendered
        found = judged(heard, expected=expected)
        assert found.verdict == verdict
        assert (found.reason is None) is (verdict == "ok")
    expected.rendered = [wrong]
    noisy = judged(sound(amplitude=0.5, floor=0.005), -46.0, expected=expected)
    assert noisy.verdict == "ok", "too near the noise to be compared"


def test_every_verdict_is_explained() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "recording.md").read_text("utf-8")
    for verdict in get_args(Verdict):
        assert f"`{verdict}`" in page, verdict

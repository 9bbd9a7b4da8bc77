"""The checks before the first take, on benches whose every property is known."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from jxctl.errors import VerificationError
from jxctl.ports.client import Synth
from jxctl.protocol.tone import INIT_TONE
from jxctl.recording.plan import Plan
from jxctl.recording.preflight import Preflight, RigCheck, check_rig, estimate, measure, some_of, span
from jxctl.recording.rig import Rig
from jxctl.recording.setup_check import SetUp

RATE = 8000


def rig(fakes: ModuleType, **properties: Any) -> Rig:
    """A fake bench in real time."""
    port = fakes.FakePort(**properties)
    return Rig(Synth(port), fakes.Card(port, fakes.Clock()))


def test_floor_level_and_latency_are_measured(fakes: ModuleType) -> None:
    measured = measure(rig(fakes, latency=round(0.025 * RATE), noise=0.0001))
    assert measured.noise_floor_dbfs == pytest.approx(-80, abs=0.5)
    # Full velocity and level: an amplitude of 0.5, which is -6 dBFS; noise adds a little.
    assert measured.peak_dbfs == pytest.approx(-6.02, abs=0.1)
    assert measured.gain_db == pytest.approx(0, abs=0.1)
    # The port takes a millisecond for the three bytes of a note.
    assert measured.latency_s == pytest.approx(0.026, abs=0.001)
    assert measured.spread_s is not None
    assert measured.spread_s < 0.001
    assert (measured.problems, measured.advice, measured.dropouts) == ([], [], 0)
    # The fake board plays in equal temperament.
    assert measured.tuning_cents == pytest.approx(0, abs=2)
    measured.check()
    assert "latency 2" in str(measured)
    assert json.loads(json.dumps(measured.to_json()))["clipped"] is False


@pytest.mark.parametrize(
    ("properties", "said", "hint"),
    [
        ({"gain": 0.0}, "nothing is heard", "cable"),
        ({"gain": 0.0, "noise": 0.001}, "nothing is heard", "cable"),
        ({"gain": 0.01, "noise": 0.1}, "nothing is heard", "cable"),
        ({"gain": 2.5}, "the input clips", "turn the input down by 6 dB"),
    ],
)
def test_a_bench_that_is_no_use_is_refused(
    fakes: ModuleType, properties: dict[str, float], said: str, hint: str
) -> None:
    measured = measure(rig(fakes, **properties))
    assert measured.advice == [], "what is wrong comes first"
    with pytest.raises(VerificationError, match=said) as caught:
        measured.check()
    assert hint in caught.value.hint
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("properties", "advice"),
    [
        ({"gain": 0.04}, "turn it up by 28 dB"),
        ({"gain": 1.8}, "turn the input down by 5 dB"),
        ({"noise": 0.003}, "only 45 dB above the noise floor"),
    ],
)
def test_what_could_be_better_is_said(fakes: ModuleType, properties: dict[str, float], advice: str) -> None:
    # 0.5 x 0.04 is -34 dBFS, 28 dB below the target of -6; 0.5 x 1.8 is -0.9; 0.003 is -50.5,
    # and noise adds half a decibel or so to the peak of -6.
    measured = measure(rig(fakes, **properties))
    measured.check()
    assert any(advice in said for said in measured.advice), measured.advice


def test_an_instrument_that_is_out_of_tune_is_told(fakes: ModuleType) -> None:
    port = fakes.FakePort()
    real = port.write

    def write(data: bytes) -> None:
        # A semitone flat.
        real(bytes((*data[:-2], data[-2] - 1, data[-1])) if data[-3:-2] == b"\xc0" else data)

    port.write = write
    bench = Rig(Synth(port), port, expected=fakes.Known(pitched=True))
    measured = measure(bench)
    assert measured.tuning_cents == pytest.approx(-100, abs=2)
    assert measured.advice == ["the instrument is -100 cents from standard pitch"]
    assert bench.take(INIT_TONE, 60, 100, 0.3, 1.0).verdict == "out of tune"
    bench.tuning_cents = measured.tuning_cents or 0.0
    take = bench.take(INIT_TONE, 60, 100, 0.3, 1.0)
    assert take.verdict == "ok"
    assert take.pitch_cents == pytest.approx(-100, abs=2), "what is written down is what was heard"


def test_the_loudest_of_the_tones_counts(fakes: ModuleType) -> None:
    port = fakes.FakePort()
    real = port.listen

    def listen(seconds: float) -> np.ndarray:
        # A tone with resonance is three times as loud, and clips.
        return (real(seconds) * (3 if b"\x98\x7f" in port.sent[-200:] else 1)).clip(-1, 1)

    port.listen = listen
    loud = INIT_TONE.with_values({"VCF RES": 127}).named("LOUD")
    measured = measure(Rig(Synth(port), port), [loud, INIT_TONE])
    assert (measured.loudest, measured.clipped) == ("LOUD", False)
    assert measured.peak_dbfs == 0.0
    assert measured.advice == ["LOUD clips at full velocity: turn the input down by 6 dB"]


def test_an_unstable_latency_is_refused(fakes: ModuleType) -> None:
    port = fakes.FakePort()
    lots = np.random.default_rng(2)
    real = port.write

    def write(data: bytes) -> None:
        if data[-3:-2] == b"\xc0":
            port._late = np.zeros(lots.integers(100, 2400))
        real(data)

    port.write = write
    measured = measure(Rig(Synth(port), fakes.Card(port, fakes.Clock())))
    assert measured.spread_s is not None
    assert measured.spread_s > 0.1
    with pytest.raises(VerificationError, match="the latency is unstable"):
        measured.check()


def test_lost_samples_are_told_and_leave_the_latency_alone(fakes: ModuleType) -> None:
    # Three notes for the level, then clicks: one of each is lost.
    port = fakes.FaultyPort({1: "lost", 5: "lost"})
    measured = measure(Rig(Synth(port), fakes.Card(port, fakes.Clock())))
    assert measured.dropouts == 2
    assert "lost samples in 2 notes" in measured.advice[0]
    assert measured.latency_s == pytest.approx(fakes.FaultyPort.LATENCY / RATE + 0.001, abs=0.001)
    measured.check()


def test_a_latency_is_not_made_up_from_two_clicks(fakes: ModuleType) -> None:
    port = fakes.FaultyPort(dict.fromkeys(range(5, 99), "lost"))
    measured = measure(Rig(Synth(port), fakes.Card(port, fakes.Clock())))
    assert measured.latency is None
    with pytest.raises(VerificationError, match="loses samples all the time") as caught:
        measured.check()
    assert "larger buffers" in caught.value.hint


def test_what_is_not_heard_is_silent_or_drowned() -> None:
    for floor_dbfs, hint in ((-80.0, "MIDI channel"), (-20.0, "hum")):
        ((said, told),) = Preflight(floor_dbfs, floor_dbfs + 10, "X", False, 0, None, None).problems
        assert "nothing is heard" in said
        assert hint in told


def test_a_click_that_is_not_heard_leaves_the_latency_unknown() -> None:
    unknown = Preflight(-80.0, -6.0, "X", False, 0, None, None)
    assert unknown.latency is None
    assert "latency unknown" in str(unknown)
    assert "not found" in unknown.problems[0][0]


def test_an_estimate_of_time_and_size(fakes: ModuleType) -> None:
    plan = Plan([INIT_TONE] * 50_000, [60], [50, 100], [1.0, 2.0], 4.0)
    told = estimate(plan, 100_000, rig(fakes))
    # One and a half seconds of gate, half a second of tail.
    assert told.sound_s == 200_000
    assert told.longest_s == 400_000
    assert told.wall_s == pytest.approx(200_000, rel=0.1)
    assert 0.3 * 3 * RATE * 200_000 < told.bytes < 3 * RATE * 200_000
    assert "100000 takes, about 2.3 days of sound (at most 4.6 days), 3.6 GB" in str(told)


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "5 s"), (119, "119 s"), (600, "10.0 minutes"), (9000, "2.5 hours")]
)
def test_a_span_of_time_is_told_in_its_unit(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_a_checked_rig_knows_its_latency_and_tuning(fakes: ModuleType) -> None:
    bench = rig(fakes, latency=round(0.025 * RATE))
    found = check_rig(bench, setup=False)
    assert (found.setup, found.problems) == (None, [])
    assert bench.latency == found.preflight.latency
    assert bench.latency is not None
    assert bench.tuning_cents == found.preflight.tuning_cents
    found.check()


def test_a_wrong_setup_comes_before_a_wrong_level() -> None:
    silent = Preflight(-90.0, -95.0, "JX LEVEL", False, 0, None, None)
    found = RigCheck(silent, SetUp({}, ("another synth is heard", "pull its plug")))
    assert [what[:13] for what, _ in found.problems] == ["another synth", "nothing is he"]
    with pytest.raises(VerificationError, match="another synth") as caught:
        found.check("--skip-checks")
    assert caught.value.hint == "pull its plug; --skip-checks"
    RigCheck(Preflight(-90.0, -6.0, "JX LEVEL", False, 0, 0.01, 0.001), SetUp({}, None)).check()


def test_some_tones_of_a_plan_are_spread_over_it() -> None:
    tones = [INIT_TONE.named(str(number)) for number in range(100)]
    assert [tone.name.strip() for tone in some_of(tones)] == ["0", "25", "50", "75"]
    assert some_of(tones[:2]) == tones[:2]

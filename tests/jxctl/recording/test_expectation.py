"""What the simulator expects of takes, and what that finds when bytes are damaged on their way."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jxctl.dataset import read
from jxctl.dataset.writer import Writer
from jxctl.ports import AudiblePort, open_port
from jxctl.ports.client import Synth
from jxctl.protocol.models import model
from jxctl.protocol.tone import INIT_TONE, Tone, from_batch, to_batch
from jxctl.recording.expectation import Simulated
from jxctl.recording.plan import Plan
from jxctl.recording.player import MidiPlayer
from jxctl.recording.quality import Latency
from jxctl.recording.recorder import record
from jxctl.recording.rig import Rig
from simulator.prior import Prior
from simulator.synth import render

RATE = 44100


@pytest.fixture(scope="module")
def exact() -> Simulated:
    """Of a virtual board."""
    return Simulated("superjx", RATE, exact=True)


@pytest.fixture(scope="module")
def assumed() -> Simulated:
    """Of an instrument."""
    return Simulated("superjx", RATE, exact=False)


@pytest.mark.parametrize(
    ("changes", "hz"),
    [
        ({}, 440.0),
        ({"DCO1 RANGE": "16'"}, 220.0),
        ({"DCO1 TUNE": "+7"}, 659.26),
        ({"MIX DCO1": 0, "MIX DCO2": 100, "DCO2 TUNE": "-12"}, 220.0),
        ({"MIX DCO1": 0, "MIX DCO2": 100, "DCO2 FTUNE": 127}, 452.9),
        ({"MIX DCO2": 100, "DCO2 RANGE": "4'", "DCO2 FTUNE": 127}, 440.0),
        ({"MIX DCO2": 100, "DCO2 TUNE": "+7"}, None),
        ({"MIX DCO2": 0, "DCO2 TUNE": "+7"}, 440.0),
        ({"DCO1 WF": "noise"}, None),
        ({"DCO XMOD": "sync 1"}, None),
        ({"DCO1 LFO": 100}, None),
        ({"DCO1 ENV": 100}, None),
        ({"VCF RES": 120}, None),
        ({"MIX DCO1": 0, "MIX DCO2": 0}, None),
    ],
)
def test_the_pitch_of_a_tone_that_has_one(
    assumed: Simulated, changes: dict[str, Any], hz: float | None
) -> None:
    tone = INIT_TONE.with_values(changes)
    found = assumed.hz(tone, 69)
    assert found == (None if hz is None else pytest.approx(hz, rel=1e-3))
    if hz is None:
        return
    # And it is what the board plays, but for the steps of its dividers.
    spectrum = np.abs(np.fft.rfft(render(to_batch([tone]), 69, 100, 1.0, 1.0)[0] * np.hanning(RATE)))
    strongest = float(np.argmax(spectrum[: 2 * int(hz)]))
    assert min(abs(1200 * np.log2(strongest / (k * hz))) for k in (1, 2)) < 60


def test_whether_a_tone_sounds(exact: Simulated, assumed: Simulated) -> None:
    silent = INIT_TONE.with_values({"MIX DCO1": 0})
    closed = INIT_TONE.with_values({"VCF FREQ": 30, "DCO1 RANGE": "2'"})
    for told in (exact, assumed):
        assert told.sounds(INIT_TONE, 60, 100, 0.2) is True
        assert told.sounds(silent, 60, 100, 0.2) is False
    peak = float(np.abs(render(to_batch([closed]), 96, 100, 0.2, 0.7)).max())
    assert 1e-4 < peak < 1e-2, "something between"
    assert exact.sounds(closed, 96, 100, 0.2) is True
    assert assumed.sounds(closed, 96, 100, 0.2) is None, "an assumed filter may close more or less"


# The filter is shut by the LFO; or opens only when the key is up, as ENV-1 falls.
SHUT_AND_OPENED: dict[str, dict[str, Any]] = {
    "lfo": {"VCF FREQ": 10, "VCF LFO": 127, "LFO WF": "square", "LFO RATE": 60, "ENV2 REL": 100},
    "inverted": {"VCF FREQ": 90, "VCF ENV": 127, "VCF MODE": "ENV-1 inverted", "ENV1 SUS": 127}
    | {"ENV1 REL": 90, "ENV2 REL": 110},
}


@pytest.mark.parametrize("changes", SHUT_AND_OPENED.values(), ids=SHUT_AND_OPENED)
@pytest.mark.parametrize("gate_s", [0.05, 0.6])
def test_a_tail_that_falls_silent_and_comes_back_is_recorded(changes: dict[str, Any], gate_s: float) -> None:
    tone = INIT_TONE.with_values({"VCA MODE": "ENV-2", "ENV2 SUS": 127, **changes})
    with open_port("sim:") as port:
        assert isinstance(port, AudiblePort)
        recording = Rig(Synth(port), port, expected=Simulated("superjx", RATE, exact=True))
        recording.latency = Latency(0.005, 0.007)
        take = recording.take(tone, 60, 100, gate_s, 30.0)
        cut = recording.take(tone, 60, 100, gate_s, take.seconds / 2)
    rest = render(to_batch([tone]), 60, 100, gate_s, 30.0)[0][len(take.audio) :]
    assert (take.verdict, take.tail_cut, cut.tail_cut) == ("ok", False, True)
    assert np.abs(rest).max() < 10 ** (-80 / 20)


def test_only_a_tail_that_comes_back_is_waited_for(exact: Simulated) -> None:
    swept = INIT_TONE.with_values({"VCA MODE": "ENV-2", **SHUT_AND_OPENED["lfo"]})
    assert exact.lasts_s(swept, 60, 100, 0.5, 20.0, 60.0) is not None
    for changes in ({"VCA MODE": "gate"}, {"VCF LFO": 0}, {"MIX DCO1": 0}):
        assert exact.lasts_s(swept.with_values(changes), 60, 100, 0.5, 20.0, 60.0) is None


def test_when_a_tone_begins(exact: Simulated, assumed: Simulated) -> None:
    slow = INIT_TONE.with_values({"ENV2 ATT": 127})
    for told in (exact, assumed):
        assert told.onset_s(INIT_TONE, 60, 100, 0.5, 60.0) == pytest.approx(0, abs=0.005)
    begins = [exact.onset_s(slow, 60, 100, 3.0, below) for below in (40.0, 10.0, 3.0)]
    assert None not in begins
    assert float(begins[0] or 0) < float(begins[1] or 0) < float(begins[2] or 0), (
        "the nearer to the peak, the later"
    )
    assert assumed.onset_s(slow, 60, 100, 3.0, 40.0) is None, "how an instrument's attack begins is not known"


def test_renders_are_of_what_repeats(exact: Simulated) -> None:
    assert list(exact.renders(INIT_TONE, 60, 100, 0.2, 0.5)) == [], "nobody asked for them"
    compare = Simulated("superjx", RATE, exact=True, compare=True)
    batches = list(compare.renders(INIT_TONE, 60, 100, 0.2, 0.5))
    assert [batch.shape for batch in batches] == [(8, RATE // 2)] * 7
    wanted = render(to_batch([INIT_TONE]), 60, 100, 0.2, 0.5)[0]
    assert any((row == wanted).all() for row in batches[0])
    for changes in ({"DCO2 WF": "noise"}, {"LFO WF": "random"}, {"CHORUS": "1"}):
        assert list(compare.renders(INIT_TONE.with_values(changes), 60, 100, 0.2, 0.5)) == []


def test_a_super_jx_scales_levels_and_is_compared_with_that() -> None:
    tone = INIT_TONE.with_values({"VCA LEVEL": 80, "DCO1 RANGE": "4'"})
    with open_port("sim:?model=mks70") as port:
        assert isinstance(port, AudiblePort)
        rig = Rig(MidiPlayer(port, model("mks70")), port)
        for scaled, verdict in ((True, "ok"), (False, "unlike its tone")):
            rig.expected = Simulated("superjx", RATE, exact=True, compare=True, scaled=scaled)
            assert [rig.take(tone, note, 100, 0.3, 1.0).verdict for note in (50, 57, 62)] == [verdict] * 3


def test_tones_of_the_prior_are_not_refused_for_nothing(exact: Simulated) -> None:
    compare = Simulated("superjx", RATE, exact=True, compare=True)
    tones = from_batch(Prior.load().sample(40, np.random.default_rng(2)))
    with open_port("sim:") as port:
        assert isinstance(port, AudiblePort)
        rig = Rig(Synth(port), port, expected=compare)
        rig.latency = Latency(0.006, 0.006)
        verdicts = [rig.take(tone, 55, 100, 0.4, 1.5).verdict for tone in tones]
    assert set(verdicts) <= {"ok", "expected silence", "clipped"}
    assert verdicts.count("ok") > 30


def difference_db(tone: Tone, note: int, velocity: int, audio: np.ndarray, onset_s: float) -> float:
    """How far a take is from the render of what its row says, over the first 0.3 s, best of all lags."""
    wanted = render(to_batch([tone]), note, velocity, 0.4, 0.5)[0]
    count = round(0.3 * RATE)
    begins = round(onset_s * RATE)
    least = min(
        float(np.mean(np.square(audio[lag : lag + count] - wanted[:count])))
        for lag in range(max(0, begins - 900), begins + 1)
    )
    return float(10 * np.log10(least / np.mean(np.square(wanted[:count])) + 1e-12))


def test_a_damaged_tone_is_never_labelled_as_the_right_one(tmp_path: Path) -> None:
    # One byte in two hundred is damaged on the way, which is every other load.
    lots = random.Random(1)
    tones = [
        tone.with_values({"CHORUS": "off", "LFO WF": "triangle", "DCO1 WF": "sawtooth", "DCO2 WF": "pulse"})
        for tone in from_batch(Prior.load().sample(20, np.random.default_rng(4)))
    ]
    damaged = 0
    with open_port("sim:") as port, Writer(tmp_path) as data_set:
        assert isinstance(port, AudiblePort)
        rig = Rig(Synth(port), port, expected=Simulated("superjx", RATE, exact=True, compare=True))
        rig.latency = Latency(0.006, 0.006)
        real = port.write

        def write(data: bytes) -> None:
            nonlocal damaged
            bent = bytes(b ^ (1 << lots.randrange(7)) if lots.random() < 0.005 else b for b in data)
            damaged += bent != data
            real(bent)

        port.write = write  # type: ignore[method-assign]
        tally = record(Plan(tones, [48, 64], [100], [0.4], 1.0), rig, data_set, retries=4)
    assert damaged >= 8
    assert tally.retries > 4
    trusted = 0
    for row, audio in read(tmp_path):
        if row["verdict"] == "ok" and float(row["peak_dbfs"] or -200) > -50:
            trusted += 1
            tone = Tone(bytes.fromhex(row["tone"]))
            found = difference_db(tone, row["note"], row["velocity"], audio, row["onset_s"] or 0.0)
            assert found < -55, f"take {row['index']} is not its tone"
    assert trusted > 25

"""Wrong set-ups are named, each by its own check; right ones are not, however odd their boards."""

from __future__ import annotations

import json

import numpy as np
import odd_rigs
import pytest
from odd_rigs import RATE, odd

from benchmarks.virtual_boards import board_profile
from estimator.calibration.recording import RotatingPlayer
from jxctl.audio.analysis import peak_dbfs
from jxctl.errors import VerificationError
from jxctl.ports.client import Synth
from jxctl.ports.virtual import SimPort
from jxctl.ports.virtual import open as open_sim
from jxctl.protocol.models import model
from jxctl.recording.note_measurements import LOUD, Sound, mains_hz
from jxctl.recording.player import MidiPlayer
from jxctl.recording.rig import Rig
from jxctl.recording.setup_check import CHECKS, SetUp, check_setup
from simulator.instrument.board import Board
from simulator.synth import Profile, load_profile


def on(kind: str, url: str = "sim:") -> Rig:
    port = odd(kind, open_sim(url))
    return Rig(Synth(port), port)


@pytest.mark.parametrize(
    ("kind", "check", "said", "next_step"),
    [
        ("silent", "sound", "nothing is heard", "the input and its channel"),
        ("hum", "sound", "hums at 50 Hz", "ground loop"),
        ("hum beside", "sound", "hums at 50 Hz", "ground loop"),
        ("noisy", "sound", "or much noise", "28 dB above"),
        ("music", "sound", "something else is heard, not what is played", "connected to"),
        ("music beside", "sound", "beside what is played", "silence other sources"),
        ("music later", "ending", "something else is heard, which goes on by itself", "connected to"),
        ("drum", "keys", "key 45 without a clear pitch", "another instrument"),
        ("other channel", "channel", "on channel 2 of the input, not on channel 1", "--audio-channel 2"),
        ("clipped", "clipping", "the input clips", "down by 6 dB"),
        ("clipped before", "clipping", "before the input clips", "mixer"),
        ("other synth", "DCO1 RANGE", "another synth is heard", "SysEx"),
        ("layered", "DCO1 WF", "does not follow DCO1 WF", "layered"),
        ("no filter", "VCF FREQ", "does not follow VCF FREQ", "--model"),
        ("levelled", "VCA LEVEL", "does not follow VCA LEVEL", "automatic gain"),
        ("semitone", "tuning", "out of tune by +100 cents", "transposition"),
        ("octave", "tuning", "out of tune by +1200 cents", "octaves"),
        ("echo", "ending", "go on after the key", "echo"),
        ("reverb", "ending", "go on after the key", "reverb"),
        ("chorus", "steadiness", "moves although CHORUS is off", "a chorus, phaser"),
        ("faint chorus", "steadiness", "slowly", "a chorus, phaser"),
        ("tremolo", "steadiness", "about 4.0 times a second", "tremolo"),
        ("vibrato", "steady pitch", "about 4.0 times a second", "vibrato"),
        ("unison", "steadiness", "moves although CHORUS is off", "two voices on one key"),
    ],
)
def test_a_wrong_set_up_is_named(kind: str, check: str, said: str, next_step: str) -> None:
    found = check_setup(on(kind))
    assert found.problem is not None
    assert list(found.values)[-1] == check, found
    assert said in found.problem[0]
    assert next_step in found.problem[1]


def test_every_check_has_a_set_up_that_fails_it_and_every_kind_is_tried() -> None:
    mark = test_a_wrong_set_up_is_named.pytestmark[0]  # type: ignore[attr-defined]
    assert {check for _, check, *_ in mark.args[1]} == {check.name for check in CHECKS}
    assert {kind for kind, *_ in mark.args[1]} == set(odd_rigs.KINDS) - {"plain", "loose", "unplugged"}


def oddly(seed: int) -> Profile:
    """A right board that differs by up to 30 % in every law, 15 cents off, on a floor 50 dB under a loud
    note."""
    board = board_profile(seed)
    board = board.replace(dco_range=board.laws["dco_range"].values + 0.15 * (-1) ** seed)
    port = SimPort("sim:", Board(board, RATE, seed), RATE)
    loud = peak_dbfs(Rig(Synth(port), port).take(LOUD, 60, 127, 0.3, 0.3).audio)
    # Of each of two outputs whose mean is heard.
    return board.replace(noise_floor=loud - 50 + 3)


@pytest.mark.parametrize("seed", range(8))
def test_a_right_board_passes_however_odd(seed: int) -> None:
    port = SimPort("sim:", Board(oddly(seed), RATE, seed), RATE, ("mono", "left", "right")[seed % 3])
    synth = Synth(port)
    synth.wake()
    found = check_setup(Rig(RotatingPlayer(synth), port))
    assert found.problem is None
    assert list(found.values) == [check.name for check in CHECKS]
    assert abs(abs(found.values["tuning"]) - 15) < 12, "and the tuning is measured: ranges are 10 cents off"


@pytest.mark.parametrize("url", ["sim:", "sim:?profile=thesis", "sim:?sample_rate=96000", "sim:?seed=9"])
def test_boards_as_they_come_pass(url: str) -> None:
    assert check_setup(on("plain", url)).problem is None


@pytest.mark.parametrize("name", ["jx8p", "mks70"])
def test_whole_synths_pass(name: str) -> None:
    port = open_sim(f"sim:?model={name}")
    assert check_setup(Rig(MidiPlayer(port, model(name)), port)).problem is None


@pytest.mark.parametrize(("semitones", "passes"), [(0.4, True), (-0.4, True), (0.5, False), (-0.5, False)])
def test_tuning_is_refused_beyond_what_calibration_measures_along(semitones: float, passes: bool) -> None:
    base = load_profile("superjx")
    tuned = base.replace(dco_range=base.laws["dco_range"].values + semitones)
    port = SimPort("sim:", Board(tuned, RATE), RATE)
    found = check_setup(Rig(Synth(port), port))
    assert found.values["tuning"] == pytest.approx(100 * semitones, abs=1)
    assert (found.problem is None) is passes
    assert passes or f"{100 * semitones:+.0f} cents" in str(found.problem)


def test_a_wrong_sample_rate_is_told_from_a_wrong_tuning() -> None:
    port = SimPort("sim:", Board(load_profile("superjx"), 48000), 48000)
    port.sample_rate = 44100
    found = check_setup(Rig(Synth(port), port))
    assert found.problem is not None
    assert "out of tune by -147 cents" in found.problem[0]
    assert "--sample-rate" in found.problem[1]


def test_what_was_found_as_data_and_as_an_error() -> None:
    found = check_setup(on("drum"))
    told = json.loads(json.dumps(found.to_json()))
    assert [row["right"] for row in told] == [True] * (len(told) - 1) + [False]
    assert told[-1]["value"] is None, "there is no pitch, which JSON has no number for"
    with pytest.raises(VerificationError) as caught:
        found.check("or not")
    assert caught.value.exit_code == 4
    assert caught.value.hint.endswith("; or not")
    SetUp({}, None).check()


def sound(audio: np.ndarray, key: int = 62) -> Sound:
    return Sound(audio.astype(np.float32), RATE, key, len(audio) / RATE, 0.0)


TIME = np.arange(3 * RATE) / RATE
HZ = 440 * 2 ** ((62 - 69) / 12)


def test_a_vibrato_of_known_depth_is_measured() -> None:
    """20 cents to either side: a standard deviation of 20 over the root of two, less what the window of a
    tenth of a second evens out at 2 Hz."""
    phase = 2 * np.pi * HZ * TIME + 2 * np.pi * HZ * (2 ** (20 / 1200) - 1) / (2 * np.pi * 2) * np.sin(
        2 * np.pi * 2 * TIME
    )
    note = sound(0.5 * np.sin(phase))
    assert note.wandering_cents == pytest.approx(20 / np.sqrt(2), rel=0.1)
    assert note.moving_hz == pytest.approx(2, abs=0.1)


def test_a_tremolo_of_known_depth_is_measured() -> None:
    """Levels between 1 and 1.1 are 0.83 dB from end to end; the standard deviation of a sine is that over
    the root of eight."""
    saw = sum(np.sin(2 * np.pi * k * HZ * TIME) / k for k in range(1, 13))
    note = sound(0.2 * saw * (1.05 + 0.05 * np.sin(2 * np.pi * 2 * TIME)))
    assert note.moving_db == pytest.approx(20 * np.log10(1.1) / np.sqrt(8), rel=0.1)
    assert note.wandering_cents < 0.5


def test_a_triangle_is_seldom_at_its_top_and_a_clipped_one_often() -> None:
    triangle = 2 * np.abs(2 * ((HZ * TIME) % 1) - 1) - 1
    assert sound(triangle).at_top == pytest.approx(0.02, abs=0.002)
    assert sound(np.clip(triangle, -0.5, 0.5)).at_top == pytest.approx(0.51, abs=0.01)


@pytest.mark.parametrize(("hz", "told"), [(50, 50), (60, 60), (55, None)])
def test_mains_is_told_from_what_is_not(hz: float, told: float | None) -> None:
    noise = 0.001 * np.random.default_rng(1).standard_normal(RATE)
    heard = noise + sum(0.1 / k * np.sin(2 * np.pi * hz * k * TIME[:RATE]) for k in (1, 2, 3, 5))
    assert mains_hz(heard.astype(np.float32), RATE) == told
    assert mains_hz(noise.astype(np.float32), RATE) is None

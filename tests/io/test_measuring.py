"""``jx calibrate``, ``jx guess --loop`` and their checks on a bench of real MIDI, serial and audio ports.

Everything happens in real time, so plans are short: some experiments of a calibration, a few takes of a loop.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from bench import RATE, Bench, held

from benchmarks.virtual_boards import board_entries
from estimator.calibration.experiments import EXPERIMENTS
from estimator.calibration.report import profile_toml
from jxctl.audio.files import write_wav
from jxctl.dataset import rows
from jxctl.protocol.tone import INIT_TONE, to_batch
from simulator.synth import load_profile, render

SOME = ("ranges", "settling")
ONLY = tuple(word for name in SOME for word in ("--only", name))
# JACK calls a period late on a busy machine although nothing is lost: such takes are played again.
RETRIES = ("--retries", "20")
TAKES = sum(len(experiment.notes) for experiment in EXPERIMENTS if experiment.name in SOME)
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="JACK's dummy driver and pseudo-terminals")


@pytest.fixture(autouse=True)
def jackd() -> None:
    """Skip where there is no JACK; fail on CI."""
    if shutil.which("jackd") is None:
        reason = "no jackd here (Debian: apt-get install jackd2)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def patient(folder: Path, wire: str, cable: list[str] | None = None, board: Sequence[str] = ()) -> Bench:
    """A bench that a busy machine disturbs less."""
    return Bench(folder, wire, cable, board, period=1024)


def calibrate(bench: Bench, *options: str) -> subprocess.Popen[str]:
    where = ("--port", bench.port, "--audio", bench.audio, "--sample-rate", str(RATE))
    return bench.jx("calibrate", *where, "-o", "board.toml", *ONLY, *RETRIES, *options)


def test_a_board_is_calibrated_over_serial_and_sound(tmp_path: Path) -> None:
    """Its pitches and its settling are another board's than the default's, and are found."""
    # Without its noise floor, for which a board computes while it is silent, in real time.
    entries = {law: board_entries(4)[law] for law in ("dco_range", "dco_tune", "cv_slew", "voice_gain")}
    (tmp_path / "truth.toml").write_text(profile_toml("truth", "", entries))
    with patient(tmp_path, "serial", board=["--profile", "truth.toml"]) as bench:
        # The checks refuse a machine that is too busy for JACK; the tests below play them.
        for _ in range(3):
            out, err = calibrate(bench, "--force", "--skip-checks").communicate(timeout=180)
            if held(tmp_path / "board-takes") == TAKES:
                break
            assert "the same command tries them again" in err, err
    assert f"{TAKES} of {TAKES} takes of board-takes can be used" in err
    assert f"from {TAKES} takes" in out
    truth, found = load_profile(tmp_path / "truth.toml"), load_profile(tmp_path / "board.toml")
    assert found.laws["dco_range"].evidence == "captured"
    # The common part of RANGE and TUNE is in RANGE; TUNE was not played and stays as it was.
    tune = truth.laws["dco_tune"].values[12]
    assert found.laws["dco_range"].values == pytest.approx(truth.laws["dco_range"].values + tune, abs=0.01)
    assert found.constant("cv_slew") == pytest.approx(truth.constant("cv_slew"), rel=0.1)


def test_a_synth_that_is_switched_off_and_on_is_measured_on(tmp_path: Path) -> None:
    with patient(tmp_path, "midi") as bench:
        measuring = calibrate(bench, "--skip-checks")
        while not held(tmp_path / "board-takes") and measuring.poll() is None:
            time.sleep(0.05)
        bench.switch_off()
        _, err = measuring.communicate(timeout=60)
        assert measuring.returncode == 3, err
        assert "the same command continues" in err
        assert "Traceback" not in err
        before = held(tmp_path / "board-takes")
        assert 0 < before < TAKES
        bench.switch_on()
        _, err = calibrate(bench, "--skip-checks").communicate(timeout=120)
    assert f"to record: {TAKES - before} of {TAKES} takes" in err
    assert {row["verdict"] for row in rows(tmp_path / "board-takes")} == {"ok"}, "none of silence is kept"
    found, truth = load_profile(tmp_path / "board.toml"), load_profile("superjx")
    assert found.laws["dco_range"].values == pytest.approx(truth.laws["dco_range"].values, abs=0.01)


def test_the_loop_plays_and_hears_candidates(tmp_path: Path) -> None:
    tone = INIT_TONE.with_values({"VCF FREQ": 80, "DCO1 WF": "square"})
    write_wav(tmp_path / "a.wav", render(to_batch([tone]), 57, 100, 0.5, 0.8)[0], RATE)
    with patient(tmp_path, "midi") as bench:
        where = ("--port", bench.port, "--audio-in", bench.audio, "--takes", "6", "--renders", "64")
        guessing = bench.jx("guess", "a.wav", "--note", "57", "--loop", *where, "-o", "tone.json", "--json")
        out, err = guessing.communicate(timeout=300)
    assert guessing.returncode == 0, err
    told = json.loads(out)["loop"]
    # A take that lost audio has cost its place, and is not among those that were heard.
    assert 4 <= told["takes"] <= 6
    assert told["ended"] in ("budget", "noise")
    assert told["distance_db"] <= told["open_loop_db"] < 30
    # 0.6 dB were seen: when a take began within the board's control period is found, but not exactly.
    assert told["repeat_db"] < 2, "takes of one tone are alike"
    kept = list(rows(tmp_path / "a-loop"))
    assert told["takes"] <= len(kept) <= 6
    assert {row["verdict"] for row in kept} <= {"ok", "dropped audio"}, "as a busy machine has it"
    assert {row["model"] for row in kept} == {"jx8p"}
    assert (tmp_path / "tone.json").exists()


def test_the_other_channel_of_a_real_input_is_found(tmp_path: Path) -> None:
    with patient(tmp_path, "serial", ["--second"]) as bench:
        measuring = calibrate(bench)
        out, err = measuring.communicate(timeout=120)
        assert (measuring.returncode, out) == (4, "")
        assert "the synth is heard on channel 2 of the input, not on channel 1" in err
        assert "--audio-channel 2" in err
        assert not (tmp_path / "board-takes").exists()
        measuring = calibrate(bench, "--audio-channel", "2", "--skip-checks")
        _, err = measuring.communicate(timeout=120)
    assert measuring.returncode == 0, err
    assert np.isfinite(load_profile(tmp_path / "board.toml").constant("cv_slew"))

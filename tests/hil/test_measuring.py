"""``jx calibrate``, ``jx guess --loop`` and their checks on a bench of real MIDI, serial and audio ports.

Everything happens in real time, so plans are short: some experiments of a calibration, a few takes of a loop.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hil.bench import RATE, Bench

from jxctl.dataset import rows
from simulator import load_profile
from simulator.calibrate.experiments import EXPERIMENTS

SOME = ("ranges", "settling")
ONLY = tuple(word for name in SOME for word in ("--only", name))
# JACK calls a period late on a busy machine although nothing is lost: such takes are played again.
PATIENT = ("--retries", "20")
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


def calibrate(bench: Bench, *options: str) -> subprocess.Popen[str]:
    where = ("--port", bench.port, "--audio", bench.audio, "--sample-rate", str(RATE))
    return bench.jx("calibrate", *where, "-o", "board.toml", *ONLY, *PATIENT, *options)


def held(folder: Path) -> int:
    return len(list(rows(folder))) if (folder / "metadata.jsonl").exists() else 0


def test_a_synth_that_is_switched_off_and_on_is_measured_on(tmp_path: Path) -> None:
    with Bench(tmp_path, "midi") as bench:
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


def test_the_other_channel_of_a_real_input_is_found(tmp_path: Path) -> None:
    with Bench(tmp_path, "serial", ["--second"]) as bench:
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

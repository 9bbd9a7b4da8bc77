"""``jx record`` on a bench of real MIDI, serial and audio ports, with a synth in software at the far end.

What is recorded is compared with the simulator's own render, sample by sample; through a cable with
faults, and while the recorder is killed.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections import Counter
from pathlib import Path

import campaign
import numpy as np
import pytest
from bench import RATE, Bench

from jxctl.dataset import check, read, rows
from jxctl.protocol.tone import Tone

GATE_S = 0.2
QUICK = ["--gate", str(GATE_S), "--max-seconds", "0.5"]
COMPARED = [*QUICK, "--profile", "superjx"]
# JACK calls a period late on a busy machine although nothing is lost: such takes are played again.
PATIENT = ["--retries", "20"]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="JACK's dummy driver and pseudo-terminals")


@pytest.fixture(autouse=True)
def jackd() -> None:
    """Skip where there is no JACK; fail on CI."""
    if shutil.which("jackd") is None:
        reason = "no jackd here (Debian: apt-get install jackd2)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.mark.parametrize("wire", ["midi", "serial"])
def test_a_take_is_the_simulators_own_render(tmp_path: Path, wire: str) -> None:
    """Better than -60 dB after alignment, and the onset is where the alignment puts it, to a sample."""
    tones = campaign.write_tones(tmp_path, 2)
    with Bench(tmp_path, wire) as bench:
        checks = [] if wire == "serial" else ["--skip-checks"]
        recorder = bench.record(tmp_path / "set", *tones, *QUICK, *PATIENT, *checks, "--json")
        out, err = recorder.communicate(timeout=120)
    assert recorder.returncode == 0, err
    told = json.loads(out)
    assert (told["ok"], told["failed"]) == (2, {})
    assert not list(check(tmp_path / "set"))
    for row, audio in read(tmp_path / "set"):
        tone = Tone(bytes.fromhex(row["tone"]))
        sound = np.asarray(audio, np.float64)
        found = campaign.fit(sound, RATE, tone, row["note"], row["velocity"], GATE_S)
        assert found.residual_db < campaign.INTACT_DB
        # From sending the note: a block of JACK or two, a block of the board, a control tick.
        assert 0 < found.lag < 0.1 * RATE
        made = campaign.rendered(tone, row["note"], row["velocity"], GATE_S, len(sound))
        own = int(np.argmax(np.abs(made) > np.abs(made).max() * 1e-3))
        assert row["onset_s"] * RATE == pytest.approx(found.lag + own, abs=1)
        if wire == "serial":
            # The latency that was measured before, by the onset of another tone.
            late_s = abs(found.lag / RATE - row["latency_s"])
            assert late_s <= row["latency_spread_s"] + campaign.TICK_S


def test_every_kind_of_fault_is_played_again_or_reported(tmp_path: Path) -> None:
    """A fault of each kind in turn; nothing that is not right is trusted."""
    tones = campaign.write_tones(tmp_path, 5)
    kinds = ["drop", "mute", "corrupt", "clip", "delay", "glitch", "shift"]
    with Bench(tmp_path, "serial", []) as bench:
        recorder = bench.record(tmp_path / "set", *tones, *COMPARED, *PATIENT, "--skip-checks")
        turn = 0
        while recorder.poll() is None:
            if turn < len(kinds) and (tmp_path / "set" / "metadata.jsonl").exists():
                bench.fault(kinds[turn])
                turn += 1
            campaign.pause(0.5)
        _, err = recorder.communicate()
        injected = Counter(fault["kind"] for fault in bench.faults())
    assert recorder.returncode == 0, err
    counts = campaign.examine(tmp_path / "set", 5, campaign.Counts(faults=injected))
    print(counts)
    assert sum(injected.values()) >= 3
    assert (counts.listed, counts.damaged) == (5, [])
    assert counts.replayed + counts.reported > 0


def test_kills_and_faults_at_random_moments(tmp_path: Path) -> None:
    """Every listed take is intact and what its label says, whatever happened meanwhile."""
    options = [*campaign.write_tones(tmp_path, 4), "--notes", "48,60", *COMPARED, *PATIENT, "--skip-checks"]
    with Bench(tmp_path, "midi", ["--every", "2", "--seed", "5"]) as bench:
        folder = tmp_path / "set"
        counts = campaign.record(
            lambda: bench.record(folder, *options), folder, kills=2, seed=2, longest_s=1.0
        )
        counts.faults = Counter(fault["kind"] for fault in bench.faults())
    campaign.examine(tmp_path / "set", 8, counts)
    print(counts)
    assert (counts.kills, counts.crashes) == (2, [])
    assert (counts.listed, counts.damaged) == (8, [])
    assert not list(check(tmp_path / "set"))
    assert [row["index"] for row in rows(tmp_path / "set")] == list(range(8))

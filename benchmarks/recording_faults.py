"""Recording through kills and faults: ``python -m benchmarks.recording_faults [jack|sim]``.

``jack``: 100 takes from ``jx board`` over real MIDI, or serial, and audio ports, through a cable that drops,
corrupts and delays bytes and mutes, clips, disturbs and shifts sound, while the recorder is killed at
random instants. ``sim``: 1,000 takes in process, as fast as they render. Prints the counts; exit code 1
when a trusted take is not what its label says, or something crashed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

import campaign  # noqa: E402
from bench import Bench  # noqa: E402

QUICK = ["--gate", "0.2", "--max-seconds", "0.5", "--skip-checks"]


def jack(
    folder: Path, takes: int, kills: int, every_s: float, wire: str, seed: int, blind: bool
) -> campaign.Counts:
    """Takes through JACK, with faults about every ``every_s`` seconds and ``kills`` kills.

    ``blind``: the recorder is not told what the board sounds like, as with an instrument.
    """
    options = [*campaign.write_tones(folder, takes // 4), "--notes", "36,41,48,53", *QUICK, "--retries", "6"]
    options += [] if blind else ["--profile", "superjx"]
    with Bench(folder, wire, ["--every", str(every_s), "--seed", str(seed)]) as bench:
        counts = campaign.record(lambda: bench.record(folder / "set", *options), folder / "set", kills, seed)
        counts.faults = Counter(fault["kind"] for fault in bench.faults())
    return campaign.examine(folder / "set", takes // 4 * 4, counts)


def sim(folder: Path, takes: int, kills: int, seed: int) -> campaign.Counts:
    """Takes through ``sim:``, with kills only."""
    notes = ",".join(map(str, range(36, 76, 2)))
    options = [*campaign.write_tones(folder, takes // 40), "--notes", notes, "--velocities", "60,110", *QUICK]
    command = [sys.executable, "-m", "jxctl", "record", str(folder / "set"), "--port", "sim:", *options]

    def start() -> subprocess.Popen[str]:
        surroundings = os.environ | {"PYTHONPATH": str(ROOT)}
        return subprocess.Popen(
            command, env=surroundings, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    counts = campaign.record(start, folder / "set", kills, seed, longest_s=0.8)
    return campaign.examine(folder / "set", takes // 40 * 40, counts)


def main() -> int:
    """Run a campaign and print its counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("where", choices=["jack", "sim"])
    parser.add_argument("--takes", type=int)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--every", type=float, default=3.0, help="seconds between faults, on average")
    parser.add_argument("--wire", choices=["midi", "serial"], default="midi")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--blind", action="store_true", help="do not compare with renders while recording")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        if options.where == "jack":
            asked = (options.takes or 100, options.kills, options.every, options.wire, options.seed)
            counts = jack(Path(folder), *asked, options.blind)
        else:
            counts = sim(Path(folder), options.takes or 1000, options.kills, options.seed)
    print(f"{options.where} ({time.monotonic() - began:.0f} s)\n{counts}")
    return 1 if counts.damaged or counts.crashes or counts.listed != counts.planned else 0


if __name__ == "__main__":
    sys.exit(main())

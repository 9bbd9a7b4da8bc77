"""A whole calibration over a serial cable and JACK, in real time, of a board that is not known.

::

    apt-get install jackd2
    python -m benchmarks.calibrate_jack --seed 207 -o FOLDER    # a quarter of an hour

``jx board`` plays a board of `benchmarks.virtual_boards` on a pseudo-terminal and an audio port of a JACK
server; ``jx calibrate`` measures it as it would an instrument, is killed in the middle and goes on. Errors
are those of `benchmarks.calibrate`, which plays the same plan in process; sound is that of the file that
``jx calibrate`` wrote. Writes ``calibrate_jack.md``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.calibrate import compared, distances, missed, summary
from benchmarks.files import RESULTS, write, write_json
from benchmarks.machine import describe
from benchmarks.virtual_boards import board_entries, board_profile
from estimator.calibration.calibration import calibrate
from estimator.calibration.experiments import CalibrationPlan
from estimator.calibration.report import profile_toml
from estimator.calibration.samples import from_data_set
from simulator.prior import Prior
from simulator.synth import load_profile
from tools.markdown import table
from tools.terminal import say

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from bench import RATE, Bench, held

KILLED_AFTER = 0.4
"""The first measurement ends here, as a share of the takes, by SIGKILL."""
ATTEMPTS = 6
PERIOD = 1024
TONES = 60


def measure(folder: Path, seed: int) -> dict[str, int]:
    """Record the plan and write ``board.toml``: ``starts`` of ``jx calibrate``, and ``minutes``. Once it is
    done, ``measured.json`` says so."""
    done = folder / "measured.json"
    if done.exists():
        return dict(json.loads(done.read_text()))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "truth.toml").write_text(profile_toml("truth", "", board_entries(seed)))
    takes, wanted, killed = folder / "board-takes", len(CalibrationPlan()), False
    began = time.monotonic()
    with Bench(folder, "serial", board=["--profile", "truth.toml"], period=PERIOD) as bench:
        where = ("--port", bench.port, "--audio", bench.audio, "--sample-rate", str(RATE))
        for attempt in range(ATTEMPTS):
            with (folder / "calibrate.log").open("a") as log:
                measuring = bench.jx(
                    "calibrate", *where, "-o", "board.toml", "--force", "--skip-checks", "--retries", "20"
                )
                while measuring.poll() is None:
                    time.sleep(1)
                    if not killed and held(takes) >= KILLED_AFTER * wanted:
                        measuring.kill()
                        killed = True
                log.write("".join(measuring.communicate()))
            say(f"start {attempt + 1}: {held(takes)} of {wanted} takes")
            if held(takes) == wanted and measuring.returncode == 0:
                found = {"starts": attempt + 1, "minutes": round((time.monotonic() - began) / 60)}
                write_json(done, found, indent=None)
                return found
    raise SystemExit(f"not measured in {ATTEMPTS} starts; see {folder / 'calibrate.log'}")


def main() -> None:
    """Measure, compare, write."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seed", type=int, default=207, help="of the board")
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/calibrate_jack"))
    options = parser.parse_args()
    try:
        measured = measure(options.output, options.seed)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        raise SystemExit(f"{error}\n    the rig needs jackd (Debian: apt-get install jackd2)") from error
    samples = list(from_data_set(options.output / "board-takes", CalibrationPlan()))
    board = board_profile(options.seed)
    laws = compared(calibrate(samples), board)
    found = summary([{"laws": laws, "sound": None}])
    tones = Prior.load().sample(TONES, np.random.default_rng(options.seed))
    written = load_profile(options.output / "board.toml")
    # Two boards hiss into one jack there, 3 dB more than one does: both sides get what was heard.
    hissing = board.replace(noise_floor=written.laws["noise_floor"])
    sound = distances(hissing, written, tones, options.seed)
    machine = describe("numpy", "numba")
    lines = [
        "# A calibration over a serial cable and JACK", "",
        f"`python -m benchmarks.calibrate_jack --seed {options.seed}`, commit {machine['commit']}, "
        f"{machine['processor']}, shared with other work: {len(samples)} takes and the fit in "
        f"{measured['minutes']} minutes, {measured['starts']} starts (the first was killed at "
        f"{KILLED_AFTER:.0%} of the takes).", "",
        f"Sound of {sound['tones']} tones of the prior, medians: {sound['before_db']:.2f} dB from the board "
        f"to the default profile, {sound['after_db']:.2f} dB to the file that jx calibrate wrote.", "",
        f"90 % intervals cover {100 * found['coverage_90']:.1f} % of {found['places']} numbers. "
        + missed(found["laws"]), "",
    ]  # fmt: skip
    rows = []
    for law, row in sorted(laws.items()):
        if "error" in row:
            far = f"{row['error']:.2f} dB" if row["unit"] == "dB" else f"{100 * row['error']:.2f} %"
            rows.append((f"`{law}`", far, f"{row['inside']} of {row['places']}", "yes"))
        else:
            said = ("right" if row["right"] else "wrong") if row.get("identified") else f"no: {row['why']}"
            rows.append((f"`{law}`", "", "", said))
    page = "\n".join([*lines, table(("law", "error", "covered", "identified"), rows, "lrrl")])
    write(RESULTS / "calibrate_jack.md", page)
    say(f"wrote {RESULTS / 'calibrate_jack.md'}")


if __name__ == "__main__":
    main()

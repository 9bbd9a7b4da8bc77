"""How well calibration finds the laws of boards that it does not know.

::

    python -m benchmarks.calibrate --boards 20 --seed 200 --tones TABLE.csv   # three core-minutes a board
    python -m benchmarks.calibrate --boards 1 --quick

Each board is a profile of `benchmarks.virtual_boards`, made from its seed alone, behind a port, a rig and
a recorder's takes, as an instrument would be; calibration gets the takes and nothing else. Then every law
is compared with the truth at some raw values: the relative error of times, frequencies and depths (a depth
under a twentieth of the largest counts as that), the difference of levels in dB, and whether the truth
lies within the 90 % interval. What no recording can tell apart is compared as one: mixer and VCA levels by
their shape, with the rest in ``voice_gain``; the common pitch in ``dco_range``.

**Sound**: `simulator.features.log_mel_distance` from the board's render to the default and to the
fitted profile's, over real tones of a table (or tones of the prior). Board and profiles have the same seeds,
so that noise and the random LFO are the same in all three, and what is left are the laws.

Results go into a JSON file board by board: the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.files import RESULTS, write, write_json
from benchmarks.machine import describe
from benchmarks.virtual_boards import board_profile
from estimator.calibration.calibration import Calibration, calibrate, deviations
from estimator.calibration.experiments import EXPERIMENTS, CalibrationPlan
from estimator.calibration.measurements import LOW_PASSES
from estimator.calibration.recording import RotatingPlayer
from estimator.calibration.samples import from_takes
from jxctl.dataset.take import Take
from jxctl.errors import UsageError
from jxctl.ports.client import Synth
from jxctl.ports.virtual import SimPort
from jxctl.protocol.tone import from_batch, to_batch
from jxctl.recording.rig import Rig
from simulator.instrument.board import Board
from simulator.synth import render
from simulator.synth.profile import Profile, law_values, load_profile
from tools.markdown import table

RATE = 44100
LEVELS = ("mix_level", "vca_level", "voice_gain", "dynamics", "mix_env", "env_sustain", "chorus_wet")
"""Laws whose errors are in dB; those of the others are relative."""
_RAWS = (16, 40, 64, 90, 127)
_NINETY = 1.645
MEDIAN, WORST = 0.03, 0.10
"""What is asked for: median and worst error of times and frequencies; levels, 1 dB at the median."""
_SMALL = 0.05
QUICK = ("control loop", "ranges", "mixer levels", "filter")
NOTES, VELOCITY, GATE_S, SECONDS = (41, 53, 65), 90, 0.8, 1.4


def record(profile: Profile, seed: int, plan: CalibrationPlan) -> list[tuple[int, Take]]:
    """All takes of a plan from a virtual board, through port and rig."""
    port = SimPort("sim:", Board(profile, RATE, seed), RATE)
    synth = Synth(port)
    synth.wake()
    rig = Rig(RotatingPlayer(synth), port)
    takes = []
    for index in range(len(plan)):
        take = plan[index]
        takes.append((index, rig.take(take.tone, take.note, take.velocity, take.gate_s, take.max_seconds)))
    return takes


def truth(law: str, board: Profile) -> np.ndarray:
    """A law's numbers, with what cannot be told apart put where calibration puts it."""
    values = np.asarray(board.laws[law].values, np.float64)
    if law == "voice_gain":
        return values * board.laws["mix_level"].values[-1] * board.laws["vca_level"].values[-1]
    if law in ("mix_level", "vca_level"):
        return np.asarray(values / values[-1])
    if law in LOW_PASSES:
        return np.asarray(np.sqrt(np.prod([board.constant(each) for each in LOW_PASSES])))
    middle = board.laws["dco_tune"].values[12]
    if law == "dco_tune":
        return np.asarray(values - middle)
    return np.asarray(values + middle) if law == "dco_range" else values


def compared(done: Calibration, board: Profile) -> dict[str, dict[str, Any]]:
    """Errors of every law: the worst of its places, and how many of them their interval covers."""
    found: dict[str, dict[str, Any]] = {}
    for law, one in done.found.items():
        if one.entry is None:
            found[law] = {"identified": False, "why": one.why}
            continue
        here = np.atleast_1d(law_values(one.entry)).ravel()
        true = np.atleast_1d(truth(law, board)).ravel()
        sigma = np.atleast_1d(deviations(one, done.model.forms[law], done.model.base)).ravel()
        if here.size == 128:
            here, true, sigma = (each[list(_RAWS)] for each in (here, true, sigma))
        known = sigma > 0
        if law == LOW_PASSES[0]:
            continue  # the same number as that of the other
        if law.startswith("chorus_") and here.size > 1:
            # Position 0 is off: its rate and delays are in no sound.
            here, true, sigma, known = (each[1:] for each in (here, true, sigma, known))
        if law in LEVELS:
            least = _SMALL * float(np.max(np.abs(true)))
            error = 20 * np.log10(np.maximum(np.abs(here), least) / np.maximum(np.abs(true), least))
        elif law in ("dco_range", "dco_tune"):
            error = (here - true) / 12 * np.log(2)  # of the frequency
        else:
            error = (here - true) / np.maximum(np.abs(true), _SMALL * np.max(np.abs(true)) + 1e-12)
        if one.lost:
            error = error[known]
        inside = np.abs(here - true)[known] <= _NINETY * sigma[known]
        found[law] = {
            "identified": True, "unit": "dB" if law in LEVELS else "share",
            "error": float(np.max(np.abs(error))), "lost": list(one.lost),
            "inside": int(inside.sum()), "places": int(known.sum()),
        }  # fmt: skip
    for law, chosen in done.chosen.items():
        if law in ("vcf_poles", "lfo_wave3", "mixer"):
            true_reading = board.choice(law) or int(board.constant(law))
            found[f"{law} (reading)"] = {
                "identified": chosen.clear, "right": chosen.reading == true_reading, "why": "not decided",
            }  # fmt: skip
    return found


def distances(board: Profile, fitted: Profile, tones: np.ndarray, seed: int) -> dict[str, Any]:
    """Sound distance in dB from the board to the default and to the fitted profile, over tones."""
    from simulator.features import log_mel_distance

    notes = [NOTES[number % len(NOTES)] for number in range(len(tones))]
    default = load_profile("superjx")
    sounds = [
        render(tones, notes, VELOCITY, GATE_S, SECONDS, profile=profile, seed=seed, threads=1)
        for profile in (board, default, fitted)
    ]
    rows = [
        [float(log_mel_distance(other[None], target)[0]) for other in others]
        for target, *others in zip(*sounds, strict=True)
        if float(np.max(np.abs(target))) > 1e-3
    ]
    before, after = (np.array(column) for column in zip(*rows, strict=True))
    return {
        "tones": len(rows), "before_db": float(np.median(before)), "after_db": float(np.median(after)),
        "mean_before_db": float(before.mean()), "mean_after_db": float(after.mean()),
        "factor": float(np.median(before) / np.median(after)), "mean_factor": float(before.mean() /
        after.mean()),
    }  # fmt: skip


def one_board(seed: int, tones: np.ndarray, quick: bool) -> dict[str, Any]:
    """Record, calibrate blind, compare."""
    board = board_profile(seed)
    plan = CalibrationPlan(tuple(e for e in EXPERIMENTS if not quick or e.name in QUICK))
    began = time.process_time()
    takes = record(board, seed, plan)
    recorded = time.process_time()
    done = calibrate(from_takes(takes, plan))
    fitted = time.process_time()
    return {
        "seed": seed, "takes": len(takes), "record_cpu_s": round(recorded - began, 1),
        "fit_cpu_s": round(fitted - recorded, 1), "laws": compared(done, board),
        "sound": None if quick else distances(board, done.profile, tones, seed),
    }  # fmt: skip


def summary(boards: list[dict[str, Any]]) -> dict[str, Any]:
    """Over all boards: errors by law, coverage, and how much nearer the sound came."""
    laws: dict[str, Any] = {}
    inside = places = 0
    for law in sorted({law for board in boards for law in board["laws"]}):
        all_of = [board["laws"][law] for board in boards if law in board["laws"]]
        sure = [each for each in all_of if each["identified"]]
        laws[law] = {"boards": len(all_of), "not_identified": len(all_of) - len(sure)}
        errors = [each["error"] for each in sure if "error" in each]
        if errors:
            laws[law] |= {
                "unit": sure[0]["unit"],
                "median": float(np.median(errors)),
                "worst": float(np.max(errors)),
            }
            held, of = (sum(each[key] for each in sure) for key in ("inside", "places"))
            laws[law] |= {"inside": held, "places": of}
            inside += held
            places += of
        else:
            laws[law]["right"] = sum(bool(each.get("right")) for each in sure)
    sounds = [board["sound"] for board in boards if board["sound"]]
    return {
        "boards": len(boards),
        "laws": laws,
        "coverage_90": inside / max(places, 1),
        "places": places,
        "sound": {key: float(np.median([each[key] for each in sounds])) for key in sounds[0]}
        if sounds
        else None,
        "least_factor": min((each["factor"] for each in sounds), default=None),
    }


def missed(laws: dict[str, Any]) -> str:
    """Which laws were not found as closely as is asked for, in words."""
    limits = {"dB": (1.0, 20 * np.log10(1 + WORST)), "share": (MEDIAN, WORST)}
    known = {law: row for law, row in laws.items() if "median" in row}
    far = [law for law, row in known.items() if row["median"] > limits[row["unit"]][0]]
    farther = [law for law, row in known.items() if row["worst"] > limits[row["unit"]][1]]
    wrong = [law for law, row in laws.items() if row.get("right", 0) + row["not_identified"] < row["boards"]]
    wrong = [law for law in wrong if law not in known]
    return (
        f"Median error above {100 * MEDIAN:.0f} % or 1 dB: {', '.join(far) or 'no law'}. Worst above "
        f"{100 * WORST:.0f} % or {limits['dB'][1]:.1f} dB: {', '.join(farther) or 'no law'}. Readings taken "
        f"wrongly: {', '.join(wrong) or 'none'}."
    )


def markdown(report: dict[str, Any]) -> str:
    """The report as a page."""
    total = report["summary"]
    lines = [
        "# Calibration of unknown virtual boards",
        "",
        f"`{report['command']}` on {report['machine']['processor']}, commit {report['machine']['commit']}.",
        "",
        f"{total['boards']} boards. 90 % intervals cover {100 * total['coverage_90']:.1f} % of "
        f"{total['places']} numbers.",
    ]
    if total["sound"]:
        sound = total["sound"]
        lines.append(
            f"Sound distance, median of boards: {sound['before_db']:.2f} dB before, "
            f"{sound['after_db']:.2f} dB after: "
            f"{sound['factor']:.1f} times less (least of all boards: {total['least_factor']:.1f})."
        )
    rows = []
    for law, row in total["laws"].items():
        if "median" in row:
            scale, unit = (1, "dB") if row["unit"] == "dB" else (100, "%")
            cells = [f"{scale * row[key]:.2f} {unit}" for key in ("median", "worst")]
            cells.append(f"{row['inside']} of {row['places']}")
        else:
            cells = [f"{row['right']} of {row['boards']} right", "", ""]
        rows.append([f"`{law}`", *cells, f"{row['not_identified']} of {row['boards']}"])
    heading = ("law", "median error", "worst", "covered", "not identified")
    return "\n".join([*lines, missed(total["laws"]), "", table(heading, rows, "lrrrr")])


def _tones(table: Path | None, count: int) -> np.ndarray:
    if table is None:
        from simulator.prior import Prior

        return Prior.load().sample(count, np.random.default_rng(0))
    from simulator.prior import read_table

    tones, _, _ = read_table(table)
    chosen = np.random.default_rng(0).choice(len(tones), min(count, len(tones)), replace=False)
    return to_batch(from_batch(np.asarray(tones, np.uint8)[chosen]))


def main() -> None:
    """Measure, write JSON and Markdown."""
    parser = argparse.ArgumentParser(description="Calibration of unknown virtual boards.")
    parser.add_argument("--boards", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the first board; the others follow")
    parser.add_argument("--tones", type=Path, help="a table of real tones; the prior's if not given")
    parser.add_argument("--count", type=int, default=100, help="how many of them")
    parser.add_argument("--quick", action="store_true", help="some laws only, no sound")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS / "calibrate.json")
    options = parser.parse_args()
    if options.boards < 1:
        raise UsageError("at least one board")
    tones = _tones(options.tones, options.count)
    boards: list[dict[str, Any]] = []
    if options.output.exists():
        boards = json.loads(options.output.read_text())["boards"]
    command = f"python -m benchmarks.calibrate --boards {options.boards} --seed {options.seed}" + (
        " --quick" if options.quick else f" --count {options.count}"
    )
    wanted = range(options.seed, options.seed + options.boards)
    for seed in wanted:
        if seed not in {board["seed"] for board in boards}:
            boards.append(one_board(seed, tones, options.quick))
        report = {
            "command": command,
            "machine": describe("numpy", "numba", "scipy"),
            "boards": boards,
            "summary": summary([board for board in boards if board["seed"] in wanted]),
        }
        write_json(options.output, report)
        write(options.output.with_suffix(".md"), markdown(report))
        print(
            f"board {seed}: {json.dumps(boards[-1]['sound'])}, {boards[-1]['fit_cpu_s']} s to fit", flush=True
        )
    print(markdown(report))


if __name__ == "__main__":
    main()

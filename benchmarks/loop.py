"""The closed loop on unknown virtual boards: how much nearer a guess comes within so many takes.

::

    python -m benchmarks.loop TABLE.csv --tones 30 --takes 60 --seed 1

For each tone of the table a board is made (`benchmarks.virtual_boards`; the seed and the tone's number say
which), plays the tone, and is then unknown: a guess is made from the sound alone with the default simulator
(the open loop), and improved by takes of the board (`estimator.loop`). Both are then played again on the
board, and these takes, which nothing was chosen by, are compared with the target (log-mel distance, 80 dB
floor):

* **at any moment**: three takes on the board as it runs. Its control loop and its chorus stand elsewhere each
  time, and noise is other noise, so even the true tone lies away from its own recording.
* **at the target's moment**: one take on the same board, switched on anew, so that control loop, chorus LFO
  and noise stand where they stood when the target was recorded. The true tone is at 0 there: what is measured
  is the tone alone.
* **over the noise**: the same take, with the floor of each mel band 3 dB over the board's noise (which is
  recorded) where that is above 80 dB down: cells in which both lie below do not count, so that noise which is
  the same does not pass for a tone that is.

Rows are kept as they come; the same command goes on. Written: ``loop.json``, ``loop.md`` and the rows,
``loop-rows-SEED.jsonl``.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe
from benchmarks.virtual_boards import board_profile
from estimator import heads
from estimator.board_model import levels
from estimator.board_play import BoardPlay
from estimator.features import FLOOR_DB, RANKING, SAMPLE_RATE, ranking_bands
from estimator.guess import Estimator
from estimator.listening import Listener
from estimator.listening import _Target as Target
from estimator.loop import closed_loop
from estimator.proposal import Played, Recording
from jxctl.errors import VerificationError
from jxctl.params import TONE_PARAMETERS
from jxctl.rig import Rig
from jxctl.synth import Synth
from jxctl.tone import INIT_TONE, Tone
from simulator import load_profile, spectra
from simulator.board import Board
from simulator.port import SimPort

HERE = Path(__file__).parent
NOTES, VELOCITIES, GATES_S = (36, 48, 55, 60, 67, 72), (60, 100, 127), (0.4, 0.8, 1.2)
SECONDS = 2.5
FRESH = 3
OVER_DB = 3.0
MEASURES = ("any moment", "target's moment", "over the noise")
RENDERS = 2000


def tones(table: Path, origin: str | None, without: str | None = None) -> list[Tone]:
    """The tones of a table with a column for each parameter; ``origin``: only of this, ``without``: of all
    but this."""
    found = []
    with table.open(newline="") as file:
        for row in csv.DictReader(file):
            if (origin and row.get("origin") != origin) or (without and row.get("origin") == without):
                continue
            values = {p.name: int(row[p.name]) for p in TONE_PARAMETERS if row.get(p.name)}
            raw = bytearray(INIT_TONE.values)
            for p in TONE_PARAMETERS:
                if p.name in values:
                    raw[p.column] = values[p.name]
            found.append(Tone(bytes(raw)).named(row["name"][:10]))
    return found


def rig_of(seed: int, most: float) -> Rig:
    """A rig with the unknown board of a seed."""
    board = Board(board_profile(seed, most), SAMPLE_RATE, seed)
    port = SimPort("sim:", board, SAMPLE_RATE)
    return Rig(Synth(port), port)


def judge(
    estimator: Estimator,
    tone: Tone,
    number: int,
    seed: int,
    takes: int,
    most: float,
    renders: int,
    threads: int,
) -> dict[str, Any]:
    """One tone on its board."""
    rng = np.random.default_rng([seed, number])
    played = Played(int(rng.choice(NOTES)), int(rng.choice(VELOCITIES)), float(rng.choice(GATES_S)))
    rig = rig_of(1000 * seed + number, most)
    row: dict[str, Any] = {"number": number, "tone": tone.name, "note": played.note,
                           "velocity": played.velocity, "gate_s": played.gate_s}  # fmt: skip
    blank = Recording(np.zeros(round(SECONDS * SAMPLE_RATE), np.float32), played)
    base = INIT_TONE.values
    truth = heads.classes(np.frombuffer(tone.values, np.uint8)[None])[0]
    try:
        [(_, target)] = BoardPlay(rig, [blank], base).takes_of(tone)
    except VerificationError:
        return row | {"silent": True}
    began = time.monotonic()
    guess = estimator.guess([target], renders=renders, seed=seed, threads=threads)
    guessed, guessed_cpu_s = time.monotonic(), time.process_time()
    starts = np.array(
        [heads.classes(np.frombuffer(c.tone.values, np.uint8)[None])[0] for c in guess.candidates[:256]]
    )
    play = BoardPlay(rig, [target], base)
    closed = closed_loop(
        play, [target], starts, guess.proposal, estimator.profile, base, takes, rng, threads=threads,
        floor=play.floor_dbfs,
    )  # fmt: skip
    closed_cpu_s, looped = time.process_time() - guessed_cpu_s, time.monotonic()
    ear = Listener([target], estimator.profile, threads=threads).targets[0]

    hush = rig.hush(1.0)

    def again(choice: NDArray[np.int64]) -> dict[str, float]:
        return distances(play, rig_of(1000 * seed + number, most), ear, hush, choice)

    before, after, true = again(starts[0]), again(closed.choice), again(truth)
    return row | {
        "simulated_db": round(guess.candidates[0].distance_db, 4), "before": before, "after": after,
        "truth": true, "noise_db": round(closed.trials.noise_db, 4),
        "takes": len(closed.trials.takes), "ended": closed.ended,
        "raw": {"truth": tone.values.hex(), **{
            name: heads.tones_from(choice[None], base)[0].tobytes().hex()
            for name, choice in (("open", starts[0]), ("closed", closed.choice))
        }},
        "course_db": [round(d, 3) for d in closed.trials.distances],
        "guess_s": round(guessed - began, 1), "loop_s": round(looped - guessed, 1),
        "loop_cpu_s": round(closed_cpu_s, 1),
    }  # fmt: skip


def distances(
    play: BoardPlay, anew: Rig, ear: Target, hush: NDArray[np.float32], choice: NDArray[np.int64]
) -> dict[str, float]:
    """How far a candidate is from the target, by `MEASURES`. ``anew``: the same board, just switched on;
    ``hush``: what the board sounds like when nothing plays."""
    sounds = np.stack([play(choice)[0].audio for _ in range(FRESH)])
    there = BoardPlay(anew, [ear.recording], play.base)(choice)[0].audio
    floor = np.maximum(noise_levels(ear, hush) + OVER_DB, -FLOOR_DB)[:, None]
    over = apart_over(np.maximum(levels(ear, there[None], 1)[0], floor), np.maximum(ear.goal, floor), floor)
    return {
        "any moment": round(float(ear.compare(sounds, False, 1)[0].mean()), 4),
        "target's moment": round(float(ear.compare(there[None], False, 1)[0][0]), 4),
        "over the noise": round(over, 4),
    }


def noise_levels(ear: Target, hush: NDArray[np.float32]) -> NDArray[np.float64]:
    """Decibels of the board's noise in each mel band, float64[bands], under the target's loudest cell: the
    level that 99 % of its cells stay below."""
    scale = np.array([1 / ear.loudest], np.float32)
    cells = spectra.band_decibels(hush[None], RANKING.hop, ranking_bands(), FLOOR_DB, scale, threads=1)[0]
    return np.asarray(np.quantile(cells[:, 3:-3], 0.99, axis=1), np.float64)


def apart_over(heard: NDArray[Any], goal: NDArray[Any], floor: NDArray[Any]) -> float:
    """Mean absolute difference of levels that are cut at ``floor``, over cells where either is above it."""
    sounding = np.count_nonzero(np.maximum(heard, goal) > floor)
    return float(np.abs(heard - goal).sum() / max(sounding, 1))


def bootstrap(values: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of the median by 10,000 resamplings."""
    rng = np.random.default_rng(seed)
    medians = np.median(values[rng.integers(len(values), size=(10_000, len(values)))], axis=1)
    return float(np.quantile(medians, 0.025)), float(np.quantile(medians, 0.975))


def summary(rows: list[dict[str, Any]], asked: dict[str, Any]) -> dict[str, Any]:
    """Medians over the tones that sound, with intervals."""
    heard = [row for row in rows if not row.get("silent")]
    found: dict[str, Any] = {"asked": asked, "tones": len(heard), "silent": len(rows) - len(heard)}

    def middle(values: Any) -> dict[str, float]:
        array = np.array(list(values), float)
        low, high = bootstrap(array)
        return {"median": float(np.median(array)), "low": low, "high": high}

    found["measures"] = {
        measure: {
            **{when: middle(row[when][measure] for row in heard) for when in ("before", "after", "truth")},
            "ratio": middle(ratio(row, measure) for row in heard),
            "worse": sum(row["after"][measure] > row["before"][measure] + 2 * row["noise_db"] + 0.02
                         for row in heard),
        }
        for measure in MEASURES
    }  # fmt: skip
    for key in ("simulated_db", "takes", "guess_s", "loop_s", "loop_cpu_s"):
        found[key] = middle(row[key] for row in heard)
    return found


def ratio(row: dict[str, Any], measure: str) -> float:
    """How many times nearer the loop came; less than 0.05 dB counts as that."""
    return float(row["before"][measure] / max(row["after"][measure], 0.05))


def page(found: dict[str, Any]) -> str:
    """The page."""
    asked = found["asked"]
    lines = [
        "# The closed loop on unknown virtual boards", "",
        f"{found['tones']} real tones, a board each (`benchmarks/virtual_boards.py`: laws up to "
        f"{asked['most']:.0%} off, voices that differ, drift, noise, some with another filter order);",
        f"guess of {asked['renders']} renders in the default simulator, then at most "
        f"{asked['takes']} takes. Seed {asked['seed']}, table `{asked['table']}`"
        + (f" without {asked['without']}" if asked.get("without") else "") + ",",
        f"commit {asked['commit']}, {asked['machine']}. Medians with 95 % intervals (bootstrap over tones); "
        "what the measures are: `benchmarks/loop.py`.", "",
        "| log-mel distance on the board, dB | open loop | closed loop | ratio | true tone again | worse |",
        "|---|---:|---:|---:|---:|---:|",
    ]  # fmt: skip

    def cell(value: dict[str, float]) -> str:
        return f"{value['median']:.2f} ({value['low']:.2f}-{value['high']:.2f})"

    for measure, of in found["measures"].items():
        cells = " | ".join(cell(of[key]) for key in ("before", "after", "ratio", "truth"))
        lines.append(f"| {measure} | {cells} | {of['worse']} |")
    lines += [
        "", "The ratio of each tone, then the median. *Worse*: tones that got worse by more than the noise. "
        f"Silent on their board, and left out: {found['silent']}.",
        f"In the simulator the guess is {cell(found['simulated_db'])} dB from its target. "
        f"Takes used: {cell(found['takes'])}; loop {cell(found['loop_cpu_s'])} CPU seconds "
        "without the playing on a real board.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loop", description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("--tones", type=int, default=30)
    parser.add_argument("--takes", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most", type=float, default=0.3, help="how far laws lie off")
    parser.add_argument("--origin", help="only tones of this origin")
    parser.add_argument("--without", help="no tones of this origin")
    parser.add_argument("--renders", type=int, default=RENDERS, help="of the open loop")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--part", help="K/N: every Nth tone from K on, for several processes")
    parser.add_argument("--out", type=Path, default=HERE)
    given = parser.parse_args()
    found = tones(given.table, given.origin, given.without)
    picked = np.random.default_rng(given.seed).permutation(len(found))
    store = given.out / f"loop-rows-{given.seed}.jsonl"
    k, n = map(int, (given.part or "0/1").split("/"))
    estimator = Estimator(profile=load_profile())
    for number in range(k, min(given.tones, len(picked)), n):
        if number in {row["number"] for row in kept(store)}:
            continue
        row = judge(
            estimator,
            found[picked[number]],
            number,
            given.seed,
            given.takes,
            given.most,
            given.renders,
            given.threads,
        )
        with store.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print({k: v for k, v in row.items() if k not in ("course_db", "raw")}, file=sys.stderr, flush=True)
    rows = [row for row in kept(store) if row["number"] < given.tones]
    here = describe()
    asked = {
        "table": given.table.name, "tones": given.tones, "takes": given.takes, "seed": given.seed,
        "most": given.most,
        "origin": given.origin, "without": given.without, "renders": given.renders, "commit": here["commit"],
        "machine": f"{here['processor']}, {here['cores']} cores",
    }  # fmt: skip
    if any(not row.get("silent") for row in rows):
        result = summary(rows, asked)
        (given.out / "loop.json").write_text(json.dumps(result | {"rows": rows}, indent=1) + "\n")
        (given.out / "loop.md").write_text(page(result))
        print(json.dumps(result, indent=1))


def kept(store: Path) -> list[dict[str, Any]]:
    """The rows that are there already."""
    return [json.loads(line) for line in store.read_text().splitlines()] if store.exists() else []


if __name__ == "__main__":
    main()

"""The closed loop on unknown virtual boards: how much nearer a guess comes within so many takes.

::

    python -m benchmarks.loop TABLE.csv --tones 30 --takes 60 --seed 1

For each tone of the table a board is made (`benchmarks.virtual_boards`; the seed and the tone's number say
which), plays the tone, and is then unknown: a guess is made from the sound alone with the default simulator
(the open loop), and improved by takes of the board (`estimator.closed_loop.optimizer`). Both are then played
again on the board, and these takes, which nothing was chosen by, are compared with the target (log-mel
distance, 80 dB floor):

* **at any moment**: three takes on the board as it runs. Its control loop and its chorus stand elsewhere each
  time, and noise is other noise, so even the true tone lies away from its own recording.
* **at the target's moment**: one take on the same board, switched on anew, so that control loop, chorus LFO
  and noise stand where they stood when the target was recorded. The true tone is at 0 there: what is measured
  is the tone alone.
* **over the noise**: the same take, with the floor of each mel band 3 dB over the board's noise (which is
  recorded) where that is above 80 dB down: cells in which both lie below do not count, so that noise which is
  the same does not pass for a tone that is.

``--calibrated``: the board is calibrated first (`estimator.calibration`, the full plan of takes), and guess
and loop begin with that profile; such rows are kept apart. Rows are kept as they come; the same command goes
on. Written: ``loop.json``, ``loop.md`` and the rows, ``loop-rows-SEED.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.calibrate import record
from benchmarks.files import RESULTS, write, write_json
from benchmarks.loop_report import page, summary
from benchmarks.machine import describe
from benchmarks.virtual_boards import board_profile
from estimator.calibration.calibration import calibrate
from estimator.calibration.experiments import EXPERIMENTS, CalibrationPlan
from estimator.calibration.samples import from_takes
from estimator.closed_loop.distance import Ear, noise_of
from estimator.closed_loop.optimizer import closed_loop
from estimator.closed_loop.player import BoardPlay
from estimator.inference.estimator import Estimator
from estimator.inference.note_detection import Played, Recording
from estimator.inference.objective import Target
from estimator.network import parameters
from jxctl.errors import VerificationError
from jxctl.ports.client import Synth
from jxctl.ports.virtual import SimPort
from jxctl.protocol.tone import INIT_TONE, Tone
from jxctl.recording.rig import Rig
from simulator.features import SAMPLE_RATE
from simulator.instrument.board import Board
from simulator.prior import read_table
from simulator.synth import load_profile
from simulator.synth.profile import Profile

NOTES, VELOCITIES, GATES_S = (36, 48, 55, 60, 67, 72), (60, 100, 127), (0.4, 0.8, 1.2)
SECONDS = 2.5
FRESH = 3
RENDERS = 2000


def tones(table: Path, origin: str | None, without: str | None = None) -> list[Tone]:
    """The tones of a table with a column for each parameter; ``origin``: only of this, ``without``: of all
    but this."""
    values, names, origins = read_table(table)
    return [
        Tone(own.tobytes()).named(name[:10])
        for own, name, of in zip(values, names, origins, strict=True)
        if (not origin or of == origin) and (not without or of != without)
    ]


def rig_of(seed: int, most: float) -> Rig:
    """A rig with the unknown board of a seed."""
    board = Board(board_profile(seed, most), SAMPLE_RATE, seed)
    port = SimPort("sim:", board, SAMPLE_RATE)
    return Rig(Synth(port), port)


def calibrated(seed: int, most: float) -> Profile:
    """The profile that calibration finds for an unknown board."""
    plan = CalibrationPlan(EXPERIMENTS)
    return calibrate(from_takes(record(board_profile(seed, most), seed, plan), plan)).profile


def judge(
    estimator: Estimator,
    tone: Tone,
    number: int,
    seed: int,
    takes: int,
    most: float,
    renders: int,
    threads: int,
    profile_first: bool = False,
) -> dict[str, Any]:
    """One tone on its board. ``profile_first``: which is calibrated before anything else."""
    rng = np.random.default_rng([seed, number])
    played = Played(int(rng.choice(NOTES)), int(rng.choice(VELOCITIES)), float(rng.choice(GATES_S)))
    rig = rig_of(1000 * seed + number, most)
    row: dict[str, Any] = {"number": number, "tone": tone.name, "note": played.note,
                           "velocity": played.velocity, "gate_s": played.gate_s}  # fmt: skip
    blank = Recording(np.zeros(round(SECONDS * SAMPLE_RATE), np.float32), played)
    base = INIT_TONE.values
    truth = parameters.classes(np.frombuffer(tone.values, np.uint8)[None])[0]
    try:
        [(_, target)] = BoardPlay(rig, [blank], base).takes_of(tone)
    except VerificationError:
        return row | {"silent": True}
    if profile_first:
        estimator.profile = calibrated(1000 * seed + number, most)
    guess = estimator.guess([target], renders=renders, seed=seed, threads=threads)
    guessed, guessed_cpu_s = time.monotonic(), time.process_time()
    starts = np.array(
        [parameters.classes(np.frombuffer(c.tone.values, np.uint8)[None])[0] for c in guess.candidates[:256]]
    )
    play = BoardPlay(rig, [target], base)
    closed = closed_loop(
        play, [target], starts, guess.proposal, estimator.profile, base, takes, rng, threads=threads,
        noise=play.noise(),
    )  # fmt: skip
    closed_cpu_s, looped = time.process_time() - guessed_cpu_s, time.monotonic()
    ear = Target(target)
    hush = rig.hush(1.0)

    def again(choice: NDArray[np.int64]) -> dict[str, float]:
        return distances(play, rig_of(1000 * seed + number, most), ear, hush, choice)

    before, after, true = again(starts[0]), again(closed.choice), again(truth)
    return row | {
        "simulated_db": round(guess.candidates[0].distance_db, 4), "before": before, "after": after,
        "truth": true, "noise_db": round(closed.trials.noise_db, 4),
        "takes": len(closed.trials.takes), "ended": closed.ended,
        "raw": {"truth": tone.values.hex(), **{
            name: parameters.tones_from(choice[None], base)[0].tobytes().hex()
            for name, choice in (("open", starts[0]), ("closed", closed.choice))
        }},
        "course_db": [round(d, 3) for d in closed.trials.distances],
        "loop_s": round(looped - guessed, 1),
        "loop_cpu_s": round(closed_cpu_s, 1),
    }  # fmt: skip


def distances(
    play: BoardPlay, anew: Rig, ear: Target, hush: NDArray[np.float32], choice: NDArray[np.int64]
) -> dict[str, float]:
    """How far a candidate is from the target, by `loop_report.MEASURES`. ``anew``: the same board, just
    switched on; ``hush``: what the board sounds like when nothing plays."""
    sounds = np.stack([play(choice)[0].audio for _ in range(FRESH)])
    there = BoardPlay(anew, [ear.recording], play.base)(choice)[0].audio
    own = Ear(ear.recording, noise_of(hush))
    [over] = own.apart_over(own.levels(there[None], 1))
    return {
        "any moment": round(float(ear.compare(sounds, False, 1)[0].mean()), 4),
        "target's moment": round(float(ear.compare(there[None], False, 1)[0][0]), 4),
        "over the noise": round(float(over), 4),
    }


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loop", description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("--tones", type=int, default=30)
    parser.add_argument("--takes", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most", type=float, default=0.3, help="how far laws lie off")
    parser.add_argument("--origin", help="only tones of this origin")
    parser.add_argument("--calibrated", action="store_true", help="calibrate each board first")
    parser.add_argument("--without", help="no tones of this origin")
    parser.add_argument("--renders", type=int, default=RENDERS, help="of the open loop")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--part", help="K/N: every Nth tone from K on, for several processes")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    found = tones(given.table, given.origin, given.without)
    picked = np.random.default_rng(given.seed).permutation(len(found))
    kind = "-calibrated" if given.calibrated else ""
    store = given.out / f"loop-rows-{given.seed}{kind}.jsonl"
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
            given.calibrated,
        )
        with store.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print({k: v for k, v in row.items() if k not in ("course_db", "raw")}, file=sys.stderr, flush=True)
    rows = [row for row in kept(store) if row["number"] < given.tones]
    here = describe()
    asked = {
        "table": given.table.name, "tones": given.tones, "takes": given.takes, "seed": given.seed,
        "most": given.most,
        "origin": given.origin, "calibrated": given.calibrated, "without": given.without,
        "renders": given.renders,
        "commit": here["commit"],
        "machine": f"{here['processor']}, {here['cores']} cores",
    }  # fmt: skip
    if any(not row.get("silent") for row in rows):
        result = summary(rows, asked)
        write_json(given.out / f"loop{kind}.json", result | {"rows": rows})
        write(given.out / f"loop{kind}.md", page(result))
        print(json.dumps(result, indent=1))


def kept(store: Path) -> list[dict[str, Any]]:
    """The rows that are there already."""
    return [json.loads(line) for line in store.read_text().splitlines()] if store.exists() else []


if __name__ == "__main__":
    main()

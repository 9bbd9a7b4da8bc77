"""The closed loop on unknown virtual boards: how much nearer a guess comes within so many takes.

::

    python -m benchmarks.loop TABLE.csv --tones 30 --takes 60 --seed 1

For each tone of the table a board is made (`benchmarks.unknown_boards`; the seed and the tone's number say
which), plays the tone, and is then unknown: a guess is made from the sound alone with the default simulator
(the open loop), and improved by takes of the board (`estimator.loop`). Both are then played three more times,
and these takes, which nothing was chosen by, are compared with the target. Rows are kept as they
come; the same command goes on. Written: ``loop.json``, ``loop.md`` and the rows, ``loop-rows-SEED.jsonl``.
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

from benchmarks.machine import describe
from benchmarks.unknown_boards import unknown_board
from estimator import heads
from estimator.board_play import BoardPlay
from estimator.features import SAMPLE_RATE
from estimator.guess import Estimator
from estimator.listening import Listener
from estimator.loop import closed_loop
from estimator.proposal import Played, Recording
from jxctl.errors import VerificationError
from jxctl.params import TONE_PARAMETERS
from jxctl.rig import Rig
from jxctl.synth import Synth
from jxctl.tone import INIT_TONE, Tone
from simulator import load_profile
from simulator.board import Board
from simulator.port import SimPort

HERE = Path(__file__).parent
NOTES, VELOCITIES, GATES_S = (36, 48, 55, 60, 67, 72), (60, 100, 127), (0.4, 0.8, 1.2)
SECONDS = 2.5
FRESH = 3
RENDERS = 2000


def tones(table: Path, origin: str | None) -> list[Tone]:
    """The tones of a table with a column for each parameter."""
    found = []
    with table.open(newline="") as file:
        for row in csv.DictReader(file):
            if origin and row.get("origin") != origin:
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
    board = Board(unknown_board(seed, most), SAMPLE_RATE, seed)
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
    guessed = time.monotonic()
    starts = np.array(
        [heads.classes(np.frombuffer(c.tone.values, np.uint8)[None])[0] for c in guess.candidates[:256]]
    )
    play = BoardPlay(rig, [target], base)
    closed = closed_loop(
        play, [target], starts, guess.proposal, estimator.profile, base, takes, rng, threads=threads
    )
    ear = Listener([target], estimator.profile, threads=threads).targets[0]

    def fresh(choice: Any) -> float:
        sounds = np.stack([play(choice)[0].audio for _ in range(FRESH)])
        return float(ear.compare(sounds, False, threads)[0].mean())

    before, after = fresh(starts[0]), fresh(closed.choice)
    return row | {
        "simulated_db": round(guess.candidates[0].distance_db, 4), "before_db": round(before, 4),
        "after_db": round(after, 4), "ratio": round(before / max(after, 1e-6), 4),
        "truth_db": round(fresh(truth), 4), "noise_db": round(closed.trials.noise_db, 4),
        "takes": len(closed.trials.takes), "ended": closed.ended,
        "course_db": [round(d, 3) for d in closed.trials.distances],
        "guess_s": round(guessed - began, 1), "loop_s": round(time.monotonic() - guessed, 1),
    }  # fmt: skip


def bootstrap(values: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of the median by 10,000 resamplings."""
    rng = np.random.default_rng(seed)
    medians = np.median(values[rng.integers(len(values), size=(10_000, len(values)))], axis=1)
    return float(np.quantile(medians, 0.025)), float(np.quantile(medians, 0.975))


def summary(rows: list[dict[str, Any]], asked: dict[str, Any]) -> dict[str, Any]:
    """Medians over the tones that sound, with intervals."""
    heard = [row for row in rows if not row.get("silent")]
    found: dict[str, Any] = {"asked": asked, "tones": len(heard), "silent": len(rows) - len(heard)}
    for key in ("before_db", "after_db", "ratio", "truth_db", "takes", "guess_s", "loop_s"):
        values = np.array([row[key] for row in heard], float)
        low, high = bootstrap(values)
        found[key] = {"median": float(np.median(values)), "low": low, "high": high}
    found["worse"] = sum(row["after_db"] > row["before_db"] + 2 * row["noise_db"] + 0.02 for row in heard)
    return found


def page(found: dict[str, Any]) -> str:
    """The page."""
    asked = found["asked"]
    lines = [
        "# The closed loop on unknown virtual boards", "",
        f"{found['tones']} real tones, a board each with laws up to {asked['most']:.0%} off, voice spread, "
        "drift and a noise floor;",
        f"guess of {asked['renders']} renders in the default simulator, then at most "
        f"{asked['takes']} takes. Seed {asked['seed']}, table `{asked['table']}`,",
        f"commit {asked['commit']}, {asked['machine']}.", "",
        "| log-mel distance on the board, dB | median | 95 % |", "|---|---:|---:|",
    ]  # fmt: skip
    names = {
        "before_db": "open loop", "after_db": "closed loop", "ratio": "ratio of the two",
        "truth_db": "the true tone again",
        "takes": "takes used", "guess_s": "seconds for the guess", "loop_s": "seconds for the loop",
    }  # fmt: skip
    for key, name in names.items():
        value = found[key]
        lines.append(f"| {name} | {value['median']:.2f} | {value['low']:.2f} to {value['high']:.2f} |")
    lines += ["", f"Worse than before by more than the noise: {found['worse']} tones. "
        f"Silent on their board, and "
              f"left out: {found['silent']}."]  # fmt: skip
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
    parser.add_argument("--renders", type=int, default=RENDERS, help="of the open loop")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--part", help="K/N: every Nth tone from K on, for several processes")
    parser.add_argument("--out", type=Path, default=HERE)
    given = parser.parse_args()
    found = tones(given.table, given.origin)
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
        print({k: v for k, v in row.items() if k != "course_db"}, file=sys.stderr)
    rows = [row for row in kept(store) if row["number"] < given.tones]
    here = describe()
    asked = {
        "table": given.table.name, "tones": given.tones, "takes": given.takes, "seed": given.seed,
        "most": given.most,
        "origin": given.origin, "renders": given.renders, "commit": here["commit"],
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

"""From the simulator to a board that is not known: what calibration and recorded takes are worth.

::

    python -m benchmarks.fine_tuning TABLE.csv --origin "MKS-70 GENLIB-A" --board 300 -o runs/fine_tuning

A board of `benchmarks.virtual_boards` plays takes of random tones, and of each tone of the table one note,
which is to be guessed. Who guesses: the shipped network; the network after `jx train --data` on 10, 100 and
1,000 of the takes (`--mix 0.5`: as many rendered sounds beside them, so that little is forgotten); and all of
these with the search, over the default profile and over the one that `jx calibrate` finds. Each guess is
played *on the board* and compared with the target there; parameter errors are over what can be heard.

Takes, profile and networks are kept in the output's folder, rows in ``rows.jsonl``; a stopped run goes on.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import tools.markdown
from benchmarks.files import RESULTS, Rows, write
from benchmarks.judging import Target, table, target
from benchmarks.machine import describe
from benchmarks.tones import PLAYED
from benchmarks.virtual_boards import board_entries, board_profile
from estimator.calibration.report import profile_toml
from estimator.inference.estimator import Estimator
from estimator.inference.objective import Listener, heard_in
from estimator.inference.search import search
from estimator.network import network
from estimator.network.parameters import IS_LEVEL
from simulator.synth import Profile, load_profile
from tools.terminal import in_words, progress, say

TAKES = (10, 100, 1000)
HEARINGS = 3
"""How often a take is heard in training; of few takes, until `FEWEST` have been."""
FEWEST = 480
RATE = 3e-4
SEED = 2028
NOTES = "36,41,46,50,55,60,64,69,74,79"


def jx(folder: Path, *arguments: str) -> None:
    """Run ``jx ARGUMENTS`` in a folder. Raises `subprocess.CalledProcessError`."""
    subprocess.run([sys.executable, "-m", "jxctl", *arguments], cwd=folder, check=True, stdout=sys.stderr)


def prepared(folder: Path, board: int) -> tuple[dict[int, Path], Path]:
    """Networks by how many takes they heard, and the profile that calibration found; made where missing."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "truth.toml").write_text(profile_toml("truth", "", board_entries(board)))
    port = "sim:?profile=truth.toml"
    if not (folder / "found.toml").exists():
        jx(folder, "calibrate", "--port", port, "-o", "found.toml", "--skip-checks")
    networks = {0: network.shipped()}
    for count in TAKES:
        run = folder / f"network-{count}"
        jx(
            folder, "record", f"takes-{count}", "--port", port, "--from", "prior", "--tones", str(count),
            "--seed", str(board), "--notes", NOTES, "--velocities", "50,80,100,120", "--gates", "0.3,1,2",
            "--notes-per-tone", "1", "--skip-checks",
        )  # fmt: skip
        sounds = 2 * max(HEARINGS * count, FEWEST)  # half of them are rendered
        jx(
            folder, "train", run.name, "--data", f"takes-{count}", "--mix", "0.5", "--start",
            str(network.shipped()), "--tones", str(sounds), "--batch", "48", "--rate", str(RATE),
            "--every", "100",
        )  # fmt: skip
        networks[count] = run / "model"
    return networks, folder / "found.toml"


def guesses(options: argparse.Namespace) -> Iterator[tuple[str, int, Path, str | Profile]]:
    """(name, renders, network, profile) of every way to guess; 0 renders: the network's own answer."""
    networks, found = prepared(options.output, options.board)
    fitted = load_profile(found)
    for count, weights in networks.items():
        yield f"network, {count:,} takes", 0, weights, "superjx"
    for name, profile in (("default", "superjx"), ("calibrated", fitted)):
        for count in (0, TAKES[-1]):
            yield f"search, {name} profile, {count:,} takes", options.renders, networks[count], profile


def run(options: argparse.Namespace) -> Rows:
    """Guess what has no row yet."""
    board = board_profile(options.board)
    targets = [
        target(entry, options.seed, board, played=PLAYED[k % len(PLAYED)])
        for k, entry in enumerate(table(options.table, options.origin, options.limit))
    ]
    targets = [t for t in targets if not t.silent]
    ways = list(guesses(options))
    settings = {"seed": options.seed, "board": options.board, "table": options.table.name,
                "origin": options.origin, "weights": Estimator().identity}  # fmt: skip
    rows = Rows(options.output / "rows.jsonl", settings)
    with progress("guesses", len(ways) * len(targets)) as advance:
        for name, renders, network, profile in ways:
            estimator = Estimator(network, profile)
            for given in targets:
                if rows.done(way=name, index=given.index) is None:
                    choice = guessed(estimator, given, renders, options)
                    rows.add({"way": name, "index": given.index} | judged(given, choice, board))
                advance(1)
    return rows


def guessed(estimator: Estimator, given: Target, renders: int, options: argparse.Namespace) -> Any:
    """Classes of the guess, int64[heads]."""
    rng = np.random.default_rng((options.seed, given.index, 2))
    proposal = estimator.propose(given.recordings, 256 if renders else 0, rng)
    if not renders:
        return proposal.best
    listener = Listener(given.recordings, estimator.profile, threads=options.threads)
    return search(proposal, listener, renders, rng).choices[0]


def judged(given: Target, choice: Any, board: Profile) -> dict[str, Any]:
    """How far the guess sounds from the target on the board, and errors of what is heard there."""
    listener = Listener(given.recordings, board)
    heard = heard_in(given.choice, listener)
    away = np.abs(choice - given.choice)
    return {
        "log_mel": float(listener(choice[None])[0]),
        "levels": float(away[heard & IS_LEVEL].mean()),
        "switches": float((away[heard & ~IS_LEVEL] == 0).mean()),
    }


def markdown(rows: Rows, options: argparse.Namespace) -> str:
    """The page."""
    machine = describe("numpy", "torch", "numba")
    lines = [
        "# From the simulator to a board", "",
        f"Board {options.board} of `benchmarks.virtual_boards`; tones of {options.table.name}, "
        f"{options.origin}. Distances are on the board, log-mel dB, with the quartiles; levels: mean error "
        "of audible ones, raw steps; switches: how many are right.", "",
    ]  # fmt: skip
    cells = []
    for way in dict.fromkeys(row["way"] for row in rows.rows):
        own = [row for row in rows.rows if row["way"] == way and np.isfinite(row["log_mel"])]
        low, middle, high = np.quantile([row["log_mel"] for row in own], [0.25, 0.5, 0.75])
        renders = options.renders if way.startswith("search") else 0
        errors = f"{np.mean([row['levels'] for row in own]):.1f}"
        right = f"{np.mean([row['switches'] for row in own]):.0%}"
        spread = f"{low:.2f} to {high:.2f}"
        cells.append((way, f"{renders:,}", str(len(own)), f"**{middle:.2f}**", spread, errors, right))
    heading = ("way", "renders", "tones", "distance", "quartiles", "levels", "switches")
    lines += tools.markdown.table(heading, cells, "lrrrrrr").splitlines()
    lines += [
        "",
        f"`python -m benchmarks.fine_tuning {options.table.name} --origin \"{options.origin}\" --board "
        f"{options.board} --limit {options.limit}`, seed {options.seed}, weights {Estimator().identity}, "
        f"commit {machine['commit']}, {machine['processor']}, shared with other work.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and write ``fine_tuning.md``."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("table", type=Path, help="CSV of tones, a column a parameter")
    parser.add_argument("--origin", default="", help="only tones of this origin")
    parser.add_argument("--limit", type=int, default=0, help="only the first so many tones")
    parser.add_argument("--board", type=int, default=300, help="seed of the board")
    parser.add_argument("--renders", type=int, default=1000, help="of the search")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--threads", type=int, help="default: all cores")
    parser.add_argument("-o", "--output", type=Path, default=Path("runs/fine_tuning"), help="folder")
    options = parser.parse_args()
    with in_words():
        try:
            page = markdown(run(options), options)
        except subprocess.CalledProcessError as error:
            sys.exit(f"{' '.join(error.cmd[2:])} ended with {error.returncode}")
    write(RESULTS / "fine_tuning.md", page)
    say(f"wrote {RESULTS / 'fine_tuning.md'}")


if __name__ == "__main__":
    main()

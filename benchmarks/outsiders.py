"""How far from a recording the best tone ends: of this synth, of this synth recorded badly, of others.

::

    apt-get install fluidsynth fluid-soundfont-gm
    python -m benchmarks.outsiders TABLE.csv --origin "MKS-70 GENLIB-A" --soundfont FluidR3_GM.sf2

`jx guess` says *low confidence* where even its best tone is far away (`estimator.inference.confidence`). How
far is far follows from the tones of a table, as rendered and as a modest recording gives them (another
board's spread and tuning, hum, a late start, a cut tail: `estimator.training.augmentation`; and a noise floor
65 dB under the peak). The others are notes of a General MIDI soundfont, all its programs but effects and
percussion in turn. Rows are kept a sound in the output; a stopped run goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import tools.markdown
from benchmarks.files import RESULTS, Rows, write
from benchmarks.judging import SECONDS, SILENT, table
from benchmarks.machine import describe
from estimator.inference.confidence import LOUD_DB, far_db
from estimator.inference.estimator import RENDERS, Estimator
from estimator.inference.note_detection import Played, Recording
from estimator.training.augmentation import another, cut_and_hum
from examples.make_soundfont import LEAD_S, Example
from examples.make_soundfont import render as play
from simulator.features import SAMPLE_RATE
from simulator.synth import render
from tools.terminal import in_words, progress, say

SEED = 2027
PROGRAMS = 112
"""General MIDI's programs before percussion and effects."""
_STRIDE = 37
"""Programs are taken in steps of so many, which has no divisor in common with their number: the first few are
of every family."""
_FLOOR_DB = 65.0
KINDS = ("this synth", "this synth, recorded", "a soundfont")

Sound = tuple[int, str, Callable[[], Recording]]


def own(options: argparse.Namespace, recorded: bool) -> Iterator[Sound]:
    """Tones of the table, each at a note that follows from the seed and its row."""
    for index, name, _, tone in table(options.table, options.origin, options.limit):

        def made(index: int = index, tone: np.ndarray = tone) -> Recording:
            rng = np.random.default_rng((options.seed, index, 1))
            played = Played(int(rng.integers(40, 80)), 100, float(rng.uniform(0.4, 1.5)))
            profile = another(options.profile, rng) if recorded else options.profile
            audio = render(
                tone, played.note, played.velocity, played.gate_s, SECONDS, profile=profile,
                seed=int(rng.integers(2**31)),
            )  # fmt: skip
            if recorded:
                loudest = float(np.abs(audio).max())
                audio, lengths_s = cut_and_hum(audio, rng)
                noise = rng.standard_normal(audio.shape) * loudest * 10 ** (-_FLOOR_DB / 20)
                audio = (audio + noise).astype(np.float32)[:, : round(lengths_s[0] * SAMPLE_RATE)]
            return Recording(audio[0], played)

        yield index, name, made


def others(options: argparse.Namespace) -> Iterator[Sound]:
    """Notes of the soundfont."""
    for k in range(options.others):
        program = k * _STRIDE % PROGRAMS

        def made(program: int = program) -> Recording:
            rng = np.random.default_rng((options.seed, program, 2))
            played = Played(int(rng.integers(45, 73)), 100, float(rng.uniform(0.5, 1.5)))
            note = Example("", program, played.note, played.velocity, played.gate_s, LEAD_S + SECONDS)
            audio = play(note, options.soundfont)[round(LEAD_S * SAMPLE_RATE) :]
            return Recording(audio.astype(np.float32), played)

        yield program, f"program {program + 1}", made


def run(options: argparse.Namespace, estimator: Estimator) -> Rows:
    """Guess every sound that has no row yet."""
    options.profile = estimator.profile
    settings = {"seed": options.seed, "table": options.table.name, "origin": options.origin,
                "soundfont": options.soundfont.name, "weights": estimator.identity}  # fmt: skip
    rows = Rows(options.output / "outsiders.jsonl", settings)
    lists = (list(own(options, False)), list(own(options, True)), list(others(options)))
    with progress("sounds", sum(map(len, lists)) * len(options.renders)) as advance:
        for kind, sounds in zip(KINDS, lists, strict=True):
            for index, name, made in sounds:
                for renders in options.renders:
                    if rows.done(kind=kind, index=index, renders=renders) is None:
                        row = guessed(estimator, made(), renders, index, options.threads)
                        rows.add({"kind": kind, "index": index, "name": name, "renders": renders} | row)
                    advance(1)
    return rows


def guessed(
    estimator: Estimator, recording: Recording, renders: int, seed: int, threads: int | None
) -> dict[str, float | None]:
    """``log_mel`` and ``loud``: how far the best tone is, as candidates are ranked and in the loudest cells;
    None for silence."""
    if np.abs(recording.audio).max() < SILENT:
        return {"log_mel": None, "loud": None}
    guess = estimator.guess([recording], renders=renders, seed=seed, probe=False, threads=threads)
    return {"log_mel": guess.candidates[0].distance_db, "loud": guess.loud_db}


def markdown(rows: list[dict[str, Any]], settings: str) -> str:
    """The page."""
    lines = [
        "# Sounds from elsewhere", "",
        "Distance of the best tone, log-mel dB: as candidates are ranked (median), and in the loudest "
        f"{LOUD_DB:.0f} dB; and how often it is called far there (*low confidence*).", "",
    ]  # fmt: skip
    cells = []
    for renders in sorted({row["renders"] for row in rows}):
        for kind in KINDS:
            found = np.array([
                (row["log_mel"], row["loud"]) for row in rows
                if (row["kind"], row["renders"]) == (kind, renders) and row["loud"] is not None
            ])  # fmt: skip
            if len(found):
                ranked, loud = found.T
                few, half, ninety, most = np.quantile(loud, [0.1, 0.5, 0.9, 0.95])
                limit = far_db(renders)
                cells.append(
                    (kind, f"{renders:,}", str(len(found)), f"{np.median(ranked):.2f}", f"{few:.2f}",
                     f"{half:.2f}", f"{ninety:.2f}", f"{most:.2f}", f"{limit:.1f}",
                     f"{np.mean(loud > limit):.0%}")
                )  # fmt: skip
    heading = ("sound", "renders", "sounds", "ranked", "loud: 10 %", "median", "90 %", "95 %", "far above",
               "called far")  # fmt: skip
    return "\n".join([*lines, tools.markdown.table(heading, cells, "l" + "r" * 9), settings, ""])


def main() -> None:
    """Guess, and write the page."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("table", type=Path, help="CSV of tones, a column a parameter")
    parser.add_argument("--soundfont", type=Path, default=Path("/usr/share/sounds/sf2/FluidR3_GM.sf2"))
    parser.add_argument("--origin", default="", help="only tones of this origin")
    parser.add_argument("--limit", type=int, default=0, help="only the first so many tones")
    parser.add_argument("--others", type=int, default=40, help="notes of the soundfont")
    parser.add_argument("--renders", type=int, nargs="+", default=[RENDERS])
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--checkpoint", type=Path, help="without its suffix; default: jx's own")
    parser.add_argument("--threads", type=int, help="default: all cores")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS, help="folder")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    with in_words():
        estimator = Estimator(options.checkpoint)
        rows = run(options, estimator)
    machine = describe("numpy", "torch", "numba")
    said = (
        f"Tones of {options.table.name}{', origin ' + options.origin if options.origin else ''}; soundfont "
        f"{options.soundfont.name}; seed {options.seed}; weights {estimator.identity}; "
        f"{machine['processor']}, commit {machine['commit']}. Made by `python -m benchmarks.outsiders`; the "
        "limits were chosen on these sounds."
    )
    write(options.output / "outsiders.md", markdown(rows.rows, said))
    say(f"wrote {options.output / 'outsiders.md'}")


if __name__ == "__main__":
    main()

"""How well tones of any table are found again from their sound alone.

::

    python -m benchmarks.guess TABLE.csv --renders 2000 --json
    python -m benchmarks.guess TABLE.csv --origin "MKS-70 GENLIB-A" --notes multi --rows rows.jsonl

Every tone is rendered at a seeded note (`benchmarks.judging`), and guessed from the audio with note, velocity
and gate given, as `jx guess --note --velocity --gate` does. ``--renders`` counts candidates a tone: one
candidate is heard at every recording of that tone. Columns of the table are named after parameters (as in
``jx tone show``); ``name`` and ``origin`` may be there; a parameter that is missing has the init tone's
value. Numbers go to stdout, progress to stderr; ``--rows`` keeps a line a tone, and a run that was stopped
goes on.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.files import Rows
from benchmarks.judging import Target, row, table, target
from benchmarks.machine import describe
from benchmarks.summary import summary
from estimator.inference.estimator import Estimator
from estimator.network import parameters
from jxctl.errors import UsageError
from tools.terminal import in_words, progress

SEED = 2026


def judge(
    estimator: Estimator, given: Target, renders: int, seed: int, threads: int | None
) -> dict[str, Any]:
    """Guess a target and measure."""
    began = time.perf_counter()
    result = estimator.guess(given.recordings, renders=renders, seed=seed, threads=threads, probe=False)
    seconds = time.perf_counter() - began
    values = np.frombuffer(result.candidates[0].tone.values, np.uint8)
    choice = parameters.classes(values[None])[0]
    found = result.candidates[0].distance_db
    measured = row(given, choice, estimator.profile, threads, result.proposal)
    return {
        "index": given.index, "name": given.name, "origin": given.origin, "seconds": seconds,
        "found": found if np.isfinite(found) else None, "raw": values.tobytes().hex(), **measured,
    }  # fmt: skip


def run(options: argparse.Namespace) -> dict[str, Any]:
    """All tones; what is printed."""
    entries = table(options.table, options.origin, options.limit)
    if options.renders < 0 or options.seed < 0 or options.limit < 0:
        raise UsageError("--renders, --seed and --limit are not negative")
    estimator = Estimator(options.checkpoint, options.profile)
    settings = {
        "renders": options.renders, "seed": options.seed, "notes": options.notes, "profile": options.profile,
        "table": options.table.name, "weights": estimator.identity,
    }  # fmt: skip
    rows, silent = Rows(options.rows, settings), []
    judged = []
    with progress("Guessing", len(entries)) as advance:
        for entry in entries:
            known = rows.done(index=entry[0])
            if known is None:
                given = target(entry, options.seed, estimator.profile, options.notes)
                if given.silent:
                    known = rows.add({"index": given.index, "name": given.name, "silent": True})
                else:
                    known = rows.add(judge(estimator, given, options.renders, options.seed, options.threads))
            if known.get("silent"):
                silent.append(known["name"] or str(known["index"]))
            else:
                judged.append(known)
            advance(1, "" if known.get("silent") else f"{known['log_mel']:.1f} dB")
    return {
        **settings, **summary(judged), "silent": silent,
        "machine": describe("numpy", "torch", "numba"),
    }  # fmt: skip


def text(result: dict[str, Any]) -> str:
    """The same for people."""
    lines = [f"{result['tones']} tones, {result['renders']} renders, notes: {result['notes']}"]
    for name in ("log_mel", "multi_scale", "warped_mfcc", "envelope", "elsewhere"):
        if name in result:
            m = result[name]
            low, high = m["median_ci"]
            lines.append(
                f"{name:12} median {m['median']:.2f} ({low:.2f} to {high:.2f}), mean {m['mean']:.2f}, "
                f"quartiles {m['quartiles'][0]:.2f} to {m['quartiles'][1]:.2f}"
            )
    for name, form in (("level_error", "{:.1f}"), ("switch_accuracy", "{:.0%}")):
        if result.get(name):
            lines.append(
                f"{name}: " + ", ".join(f"{g} {form.format(v['mean'])}" for g, v in result[name].items())
            )
    for name, f in result.get("follows", {}).items():
        form = "{:.1f} raw away (prior {:.1f})" if f["kind"] == "level" else "{:.0%} right (prior {:.0%})"
        sure = "; the network alone {sure:.0%} sure, {right:.0%} right".format(**f) if "sure" in f else ""
        lines.append(f"{name}: {form.format(f['guess'], f['prior'])}, {f['count']} tones{sure}")
    if "coverage" in result:
        inside = {name: c["mean"] for name, c in result["coverage"].items() if c["mean"] is not None}
        lines.append(
            "".join(f"{name} % intervals cover {share:.0%}; " for name, share in inside.items())
            + f"expected calibration error {result['ece']:.3f}"
        )
    if "seconds" in result:
        lines.append(f"{result['seconds']:.2f} s a guess (median)")
    if result["silent"]:
        lines.append(f"silent at their note, left out: {', '.join(result['silent'])}")
    machine = result["machine"]
    lines.append(f"{machine['processor']}, {machine['cores']} cores, commit {machine['commit']}")
    return "\n".join(lines)


def main() -> None:
    """Judge guesses on a table of tones."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("table", type=Path, help="CSV, a column a parameter")
    parser.add_argument("--renders", type=int, default=2000, help="candidates heard a tone; 0: network alone")
    parser.add_argument(
        "--notes", choices=("one", "multi"), default="one", help="multi: 3 notes, 2 velocities"
    )
    parser.add_argument("--origin", default="", help="only tones of this origin")
    parser.add_argument("--limit", type=int, default=0, help="only the first so many")
    parser.add_argument("--rows", type=Path, help="keep a line a tone here, and go on from it")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--profile", default="", help="the board (default: the one trained for)")
    parser.add_argument("--checkpoint", type=Path, help="without its suffix; default: jx's own")
    parser.add_argument("--threads", type=int, help="default: all cores")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with in_words("interrupted; --rows keeps what was done"):
        result = run(options)
    print(json.dumps(result, indent=2) if options.json else text(result))


if __name__ == "__main__":
    main()

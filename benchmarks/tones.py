"""The leaderboard over whole tones: every way to find a tone, on one table, judged alike.

::

    python -m benchmarks.tones TABLE.csv --origin "MKS-70 GENLIB-A"   # all but the dearest entries
    python -m benchmarks.tones TABLE.csv --entries network --dear     # some entries, by part of their name
    python -m benchmarks.tones --quick                                # small, draws from the prior, for CI

Targets share three notes (`PLAYED`), so that one rendered pool serves retrieval for all of them; tone k of
the table is played at note k modulo three. Renders are counted a tone. Rows are kept a tone and entry in
``results/tones.jsonl``, from which a stopped run goes on; entries that are there already are not run again
(new weights are new entries). Writes ``tones.json`` and ``tones.md`` beside it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import baselines, tones_report
from benchmarks.files import RESULTS, Rows, write, write_json
from benchmarks.judging import Target, row, table, target
from benchmarks.machine import describe
from benchmarks.summary import summary
from estimator.inference.estimator import Estimator
from estimator.inference.note_detection import Played
from estimator.inference.objective import Listener
from estimator.inference.posterior import Proposal, from_prior
from estimator.inference.search import search
from estimator.network import parameters
from jxctl.errors import UsageError
from simulator.prior import Prior
from tools.terminal import in_words, progress, say

PLAYED = (Played(45, 100, 0.9), Played(57, 100, 0.5), Played(69, 100, 1.3))
SEED = 2026
QUICK_TONES = 4


@dataclass(frozen=True)
class Answer:
    """``choice``: int64[heads]; ``proposal`` of the network, if one was asked."""

    choice: NDArray[np.int64]
    proposal: Proposal | None = None


@dataclass(frozen=True)
class Entry:
    """A line of the leaderboard. ``answer`` is given the target's listener, the target and a generator."""

    name: str
    renders: int
    answer: Callable[[Listener, Target, np.random.Generator], Answer]
    trained: bool = False
    dear: bool = False


def entries(estimator: Estimator, quick: bool) -> list[Entry]:
    """Every entry but retrieval, whose pool serves all targets at once (`_retrieve`)."""
    shrink = 20 if quick else 1

    def constant(listener: Listener, given: Target, rng: np.random.Generator) -> Answer:
        return Answer(baselines.prior_mean())

    def random_best(count: int) -> Callable[..., Answer]:
        return lambda listener, given, rng: Answer(baselines.random_best(listener, count, rng))

    def evolved(count: int) -> Callable[..., Answer]:
        return lambda listener, given, rng: Answer(baselines.cma_alone(listener, count, rng))

    def prior_search(count: int) -> Callable[..., Answer]:
        def answer(listener: Listener, given: Target, rng: np.random.Generator) -> Answer:
            return Answer(search(from_prior(256, rng), listener, count, rng).choices[0])

        return answer

    def network(count: int, searching: bool) -> Callable[..., Answer]:
        def answer(listener: Listener, given: Target, rng: np.random.Generator) -> Answer:
            proposal = estimator.propose(given.recordings, max(count, 1) if not searching else 256, rng)
            if searching:
                return Answer(search(proposal, listener, count, rng).choices[0], proposal)
            if count == 0:
                return Answer(proposal.best, proposal)
            draws = proposal.draws[:count]
            return Answer(draws[int(np.argmin(listener(draws)))], proposal)

        return answer

    def n(count: int) -> int:
        return max(count // shrink, 16)

    return [
        Entry("prior mean", 0, constant),
        Entry(f"prior, best of {n(2000):,}", n(2000), random_best(n(2000))),
        Entry(f"CMA-ES alone, {n(2000):,}", n(2000), evolved(n(2000))),
        Entry(f"CMA-ES alone, {n(20000):,}", n(20000), evolved(n(20000)), dear=True),
        Entry(f"prior + search, {n(2000):,}", n(2000), prior_search(n(2000))),
        Entry("network, its answer", 0, network(0, False), trained=True),
        Entry(f"network, best of {n(256)}", n(256), network(n(256), False), trained=True),
        Entry(f"network + search, {n(256)}", n(256), network(n(256), True), trained=True),
        Entry(f"network + search, {n(2000):,}", n(2000), network(n(2000), True), trained=True),
        Entry(f"network + search, {n(10000):,}", n(10000), network(n(10000), True), trained=True, dear=True),
    ]


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Run what is asked for and not there yet; all results of the rows' file."""
    estimator = Estimator(options.checkpoint)
    settings = {
        "seed": options.seed, "table": options.table.name if options.table else "prior",
        "origin": options.origin, "limit": options.limit, "quick": options.quick,
        "played": [[p.note, p.velocity, p.gate_s] for p in PLAYED],
    }  # fmt: skip
    targets = _targets(options, estimator)
    silent = [t.name or str(t.index) for t in targets if t.silent]
    targets = [t for t in targets if not t.silent]
    rows = Rows(options.rows, settings)
    for entry in entries(estimator, options.quick):
        asked = any(wish in entry.name for wish in options.entries) if options.entries else (
            options.dear or not entry.dear
        )  # fmt: skip
        if asked:
            _run_entry(entry, targets, rows, estimator, options)
    pools = [2000] if options.quick else ([10**5] + ([10**6] if options.million else []))
    wanted = {size: f"nearest of {size:,} tones" for size in pools}
    if options.entries:
        wanted = {s: name for s, name in wanted.items() if any(wish in name for wish in options.entries)}
    if wanted:
        _retrieve(wanted, targets, rows, estimator, options)
    return _results(rows, settings, silent, estimator)


def _targets(options: argparse.Namespace, estimator: Estimator) -> list[Target]:
    if options.table is None:
        draws = Prior.load().sample(options.limit or QUICK_TONES, np.random.default_rng((options.seed, 4)))
        found = [(k, f"draw {k}", "prior", tone) for k, tone in enumerate(draws)]
    else:
        found = table(options.table, options.origin, options.limit)
    return [
        target(entry, options.seed, estimator.profile, played=PLAYED[k % len(PLAYED)])
        for k, entry in enumerate(found)
    ]


def _key(entry_name: str, trained: bool, estimator: Estimator) -> dict[str, str]:
    return {"entry": entry_name, "weights": estimator.identity if trained else ""}


def _run_entry(
    entry: Entry, targets: list[Target], rows: Rows, estimator: Estimator, options: argparse.Namespace
) -> None:
    key = _key(entry.name, entry.trained, estimator)
    with progress(entry.name, len(targets)) as advance:
        for given in targets:
            if rows.done(index=given.index, **key) is None:
                listener = Listener(given.recordings, estimator.profile, threads=options.threads)
                rng = np.random.default_rng((options.seed, given.index, 2))
                began = time.perf_counter()
                answer = entry.answer(listener, given, rng)
                seconds = time.perf_counter() - began
                measured = row(given, answer.choice, estimator.profile, options.threads, answer.proposal)
                rows.add(key | _about(given, answer.choice, listener.renders, seconds) | measured)
            advance(1)


def _retrieve(
    names: dict[int, str],
    targets: list[Target],
    rows: Rows,
    estimator: Estimator,
    options: argparse.Namespace,
) -> None:
    """Retrieval, note by note, from pools of all sizes at once; ``seconds`` are shared by its targets."""
    for played in PLAYED:
        own = [t for t in targets if t.recordings[0].played == played]
        missing = {
            size: [t.index for t in own if not rows.done(index=t.index, **_key(name, False, estimator))]
            for size, name in names.items()
        }
        sizes = [size for size in names if missing[size]]
        if not sizes:
            continue
        began = time.perf_counter()
        with progress(f"{names[sizes[-1]]}, note {played.note}", sizes[-1]) as advance:
            pools = baselines.nearest(
                own, played, sizes, options.seed, estimator.profile, options.threads, advance
            )
            for size, found in zip(sizes, pools, strict=True):
                seconds = (time.perf_counter() - began) / len(own)
                for given, choice in zip(own, found, strict=True):
                    if given.index in missing[size]:
                        measured = row(given, choice, estimator.profile, options.threads)
                        about = _about(given, choice, size, seconds)
                        rows.add(_key(names[size], False, estimator) | about | measured)


def _about(given: Target, choice: NDArray[np.int64], renders: int, seconds: float) -> dict[str, Any]:
    return {
        "index": given.index, "name": given.name, "renders": renders, "seconds": seconds,
        "raw": parameters.tones_from(choice[None], bytes(48)).tobytes().hex(),
    }  # fmt: skip


def _results(rows: Rows, settings: dict[str, Any], silent: list[str], estimator: Estimator) -> dict[str, Any]:
    keys = list(dict.fromkeys((r["entry"], r["weights"]) for r in rows.rows))
    found = []
    for name, weights in keys:
        own = [r for r in rows.rows if (r["entry"], r["weights"]) == (name, weights)]
        about = {"entry": name, "weights": weights, "renders": int(max(r["renders"] for r in own))}
        found.append(about | summary(own))
    return {
        "settings": settings, "silent": silent, "entries": found, "present_weights": estimator.identity,
        "training": estimator.config.get("training", {}),
        "machine": describe("numpy", "torch", "numba", "cma"),
    }  # fmt: skip


def main() -> None:
    """Run the leaderboard over whole tones."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "table", type=Path, nargs="?", help="CSV, a column a parameter; default with --quick: draws"
    )
    parser.add_argument("--origin", default="", help="only tones of this origin")
    parser.add_argument("--limit", type=int, default=0, help="only the first so many tones")
    parser.add_argument("--entries", action="append", default=[], help="only entries with this in their name")
    parser.add_argument("--dear", action="store_true", help="also CMA-ES at 20,000 and the search at 10,000")
    parser.add_argument("--million", action="store_true", help="also the nearest of 10^6 tones (an hour)")
    parser.add_argument("--quick", action="store_true", help="budgets divided by twenty, four draws")
    parser.add_argument(
        "--rows", type=Path, default=None, help="default: benchmarks/results/tones.jsonl (quick: none)"
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=None, help="folder; default: benchmarks/results (quick: none)"
    )
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--checkpoint", type=Path, help="without its suffix; default: jx's own")
    parser.add_argument("--threads", type=int, help="default: all cores")
    options = parser.parse_args()
    if not options.quick:
        options.rows = options.rows or RESULTS / "tones.jsonl"
        options.output = options.output or RESULTS
    with in_words("interrupted; rows that were finished are kept"):
        if options.table is None and not options.quick:
            raise UsageError("a table of tones is needed", "python -m benchmarks.tones TABLE.csv, or --quick")
        result = run(options)
        page = tones_report.markdown(result)
        if options.output is not None:
            write_json(options.output / "tones.json", result, indent=2)
            write(options.output / "tones.md", page)
            say(f"wrote {options.output / 'tones.json'} and tones.md")
    print(page)


if __name__ == "__main__":
    main()

"""The leaderboard of the task ``thesis26``: the thesis' networks, InverSynth's and ours on the same tones.

::

    python -m benchmarks.leaderboard26                    # trains what is not trained yet; hours on two cores
    python -m benchmarks.leaderboard26 --only lstm1 cnn1  # some entries; the others as they are
    python -m benchmarks.leaderboard26 --report           # trains nothing, writes what there is
    python -m benchmarks.leaderboard26 --quick            # every entry with a tiny budget, under a minute

Tones are rendered once into ``--cache`` (`estimator.papers.vecoven2020.corpus`), where runs lie too, one
folder each (`estimator.papers.vecoven2020.fit`); a run that was stopped goes on. Results go to
``thesis26.json`` (every curve) and ``thesis26.md`` in ``--output``; `benchmarks.leaderboard` puts the latter
into ``leaderboard.md``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress, TaskID

from benchmarks import board26_report
from benchmarks.files import RESULTS, write, write_json
from benchmarks.machine import describe
from estimator.papers.vecoven2020 import ambiguous, audible, measures, reduced
from estimator.papers.vecoven2020.corpus import Corpus, build
from estimator.papers.vecoven2020.entries import BY_NAME, ENTRIES, Entry, classes_of
from estimator.papers.vecoven2020.fit import Data, FitSettings, fit
from estimator.papers.vecoven2020.task import sample
from estimator.papers.vecoven2020.views import SHAPES
from jxctl.errors import UsageError
from tools.terminal import in_words

VALIDATION_SEED = 1_000_003


def main() -> None:
    """Train, measure, write."""
    options = arguments().parse_args()
    with in_words("interrupted; the same command goes on from each run's last point"):
        report = run(options)
    if not report:
        return
    options.output.mkdir(parents=True, exist_ok=True)
    write_json(options.output / "thesis26.json", report)
    text = board26_report.markdown(report)
    write(options.output / "thesis26.md", text)
    print(text)


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description="The leaderboard of the task thesis26.")
    parser.add_argument("--tones", type=int, default=16384, help="tones to learn from")
    parser.add_argument("--epochs", type=float, default=2, help="how often each is seen")
    parser.add_argument("--validation", type=int, default=1024, help="other tones, to judge on")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of initial weights and order")
    parser.add_argument(
        "--only", nargs="+", default=None, metavar="ENTRY", help="train these; keep the others"
    )
    parser.add_argument("--report", action="store_true", help="train nothing")
    parser.add_argument("--quick", action="store_true", help="64 tones, once; for CI")
    parser.add_argument("--full", action="store_true", help="the whole budget for lcnn1 and lcnn2, too")
    parser.add_argument("--probed", type=int, default=96, help="validation tones whose audibility is probed")
    parser.add_argument("--rendered", type=int, default=256, help="validation answers that are rendered")
    parser.add_argument("--threads", type=int, default=1, help="that train; as many processes render")
    parser.add_argument("--batch", type=int, default=FitSettings().batch, help="sounds a step")
    parser.add_argument(
        "--views", nargs="+", default=list(SHAPES), choices=list(SHAPES), help="render no more than these"
    )
    parser.add_argument(
        "--no-report", action="store_true", help="train and no more; --report measures later, elsewhere too"
    )
    parser.add_argument("--cache", type=Path, default=Path("runs/board26"))
    parser.add_argument(
        "--output", type=Path, default=None, help="default: benchmarks/results/, with --quick the cache"
    )
    return parser


def run(options: argparse.Namespace) -> dict[str, Any]:
    """The report, plain data; trains what is missing unless ``--report``."""
    if options.quick:
        options.tones, options.epochs, options.validation = 64, 1, 32
        options.probed, options.rendered = 2, 8
        options.cache = options.cache / "quick"
    options.output = options.output or (options.cache if options.quick else RESULTS)
    unknown = sorted(set(options.only or ()) - set(BY_NAME))
    if unknown:
        raise UsageError(f"no entry {', '.join(unknown)}", f"there are {', '.join(BY_NAME)}")
    torch.set_num_threads(options.threads)
    if options.report:
        training, validation = sampled(options.tones, 0), sampled(options.validation, VALIDATION_SEED)
    else:
        training = corpus(options, f"train-{options.tones}", options.tones, 0)
        validation = corpus(options, "validation", options.validation, VALIDATION_SEED)
        train(options, training, validation)
    return {} if options.no_report else measured(options, training, validation)


def sampled(count: int, seed: int) -> Corpus:
    """The tones of a corpus and nothing heard of them."""
    return Corpus(*sample(count, np.random.default_rng(seed)), {})


def corpus(options: argparse.Namespace, name: str, count: int, seed: int) -> Corpus:
    """Tones and views from the cache, rendered where they are missing."""
    with progress() as bar:
        task = bar.add_task(f"rendering {name}", total=count)
        made = build(
            options.cache / name, count, seed, views=options.views, threads=options.threads,
            report=lambda done: bar.update(task, completed=done),
        )  # fmt: skip
        bar.update(task, completed=count)
    return made


def train(options: argparse.Namespace, training: Corpus, validation: Corpus) -> None:
    """Every entry that was asked for, with every seed, where its run is not done."""
    chosen = [entry for entry in ENTRIES if options.only is None or entry.name in options.only]
    learnt, judged_on = with_vectors(chosen, training, validation)
    with progress() as bar:
        for seed in options.seeds:
            for entry in chosen:
                folder = folder_of(options, entry, seed)
                settings = settings_of(options, entry, seed)
                task = bar.add_task(entry.name, total=settings.steps)

                def told(steps: int, note: str, task: TaskID = task) -> None:
                    bar.update(task, advance=steps, description=note)

                fit(folder, entry, settings, learnt, judged_on, told)
                if not (folder / "made.json").exists():
                    made = describe("numpy", "numba", "torch") | {"threads": options.threads}
                    write_json(folder / "made.json", made, indent=None)


def with_vectors(entries: list[Entry], training: Corpus, validation: Corpus) -> tuple[Data, Data]:
    """Both corpora with the views that are learnt from the first: ``bag`` and reduced ``handmade``."""
    views = [dict(training.views), dict(validation.views)]
    needed = {name for entry in entries for name in entry.views}
    for name, source, maker in (("bag", "image", reduced.Bag), ("handmade", "handmade", reduced.Pca)):
        if name in needed:
            made = maker.fit(training.views[source])
            for one in views:
                one[name] = made(one[source])
    return Data(views[0], training.targets), Data(views[1], validation.targets)


def settings_of(options: argparse.Namespace, entry: Entry, seed: int) -> FitSettings:
    """The budget of an entry."""
    share = 1.0 if options.full or options.quick else entry.share
    return FitSettings(samples=round(options.tones * options.epochs * share), batch=options.batch, seed=seed)


def folder_of(options: argparse.Namespace, entry: Entry, seed: int) -> Path:
    """Where a run of that budget lies."""
    samples = settings_of(options, entry, seed).samples
    return Path(options.cache) / f"{samples}-{seed}" / entry.slug


def measured(options: argparse.Namespace, training: Corpus, validation: Corpus) -> dict[str, Any]:
    """Measures of every finished run, of answers that need no network, and of what can be heard."""
    heard = probed(options, validation)
    entries = [
        result
        for seed in options.seeds
        for entry in ENTRIES
        if (result := judged(options, entry, seed, validation, heard)) is not None
    ]
    there = {result["entry"] for result in entries}
    targets = np.asarray(validation.targets)
    constants = {
        "mean": np.broadcast_to(training.targets.mean(axis=0), targets.shape),
        "median": np.broadcast_to(np.median(training.targets, axis=0), targets.shape),
    }
    return {
        "task": "thesis26",
        "tones": options.tones,
        "samples": round(options.tones * options.epochs),
        "batch": options.batch,
        "validation": {"tones": len(targets), "seed": VALIDATION_SEED},
        "entries": entries,
        "missing": [entry.name for entry in ENTRIES if entry.name not in there],
        "constants": {
            name: measures.errors(said, targets)
            | {"heard": audible.split(said[: len(heard)], targets[: len(heard)], heard)}
            for name, said in constants.items()
        },
        "frequencies": frequencies(training.targets, targets),
        "audible": {
            "tones": len(heard),
            "spectrum_db": audible.SPECTRUM_DB,
            "level_db": audible.LEVEL_DB,
            "share": float(heard.mean()),
            "by_parameter": dict(zip(audible.NAMES, map(float, heard.mean(axis=0)), strict=True)),
            "floor": audible.floor(targets[: len(heard)], heard),
            "exchange": ambiguous.exchange(validation.tones[: len(heard)], threads=options.threads),
            "respelt": ambiguous.respelt(validation.tones[: len(heard)], threads=options.threads),
        },
        "machine": describe("numpy", "numba", "torch"),
    }  # fmt: skip


def frequencies(learnt: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """InverSynth's measures of who says without listening how often each of the 16 values occurs."""
    known, wanted = (classes_of(torch.from_numpy(np.asarray(t))).numpy() for t in (learnt, targets))
    counts = np.stack([np.bincount(column, minlength=16) for column in known.T]).astype(np.float64)
    return measures.rank_measures(np.broadcast_to(counts, (len(wanted), *counts.shape)), wanted)


def judged(
    options: argparse.Namespace, entry: Entry, seed: int, validation: Corpus, heard: np.ndarray
) -> dict[str, Any] | None:
    """One finished run: its result, and its answers measured; None where it is not finished."""
    folder = folder_of(options, entry, seed)
    if not (folder / "result.json").exists():
        return None
    result = json.loads((folder / "result.json").read_text())
    with np.load(folder / "answers.npz") as saved:
        answers, scores = saved["answers"], saved["scores"].astype(np.float32) if "scores" in saved else None
    targets = np.asarray(validation.targets)
    shown = answers
    if scores is not None:
        result["ranks"] = measures.rank_measures(scores, classes_of(torch.from_numpy(targets)).numpy())
        shown = scores.argmax(axis=2) / (scores.shape[2] - 1)
        result["mse_of_best_class"] = measures.errors(shown, targets)["mse"]
    first = slice(0, options.rendered)
    noted = folder / f"rendered-{options.rendered}.json"
    if not noted.exists():
        write_json(noted, measures.reconstruction(shown[first], validation.tones[first]), indent=None)
    made = folder / "made.json"
    return result | {
        "errors": measures.errors(answers, targets),
        "rendered": json.loads(noted.read_text()),
        "heard": audible.split(answers[: len(heard)], targets[: len(heard)], heard),
        "made": json.loads(made.read_text()) if made.exists() else None,
    }


def probed(options: argparse.Namespace, validation: Corpus) -> np.ndarray:
    """What can be heard in the first validation tones, bool[N, 26]; kept in the cache."""
    noted = options.cache / f"audible-{options.probed}.npy"
    if not noted.exists():
        with progress() as bar:
            task = bar.add_task("probing what can be heard", total=options.probed)
            heard = audible.audible(
                validation.tones[: options.probed], threads=options.threads,
                report=lambda tones: bar.update(task, advance=tones),
            )  # fmt: skip
        np.save(noted, heard)
    return np.asarray(np.load(noted))


def progress() -> Progress:
    """A bar on stderr."""
    return Progress(console=Console(stderr=True))


if __name__ == "__main__":
    main()

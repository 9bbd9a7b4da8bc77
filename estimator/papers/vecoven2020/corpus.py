"""Tones of the task, rendered once, and what every entry hears of them, as files that are mapped into memory.

A corpus is a folder: ``corpus.json`` says what it is (count, seed), ``tones.npy`` and ``targets.npy`` hold
the tones, one file a view what is heard (`estimator.papers.vecoven2020.views`). It is built in pieces; a
build that is stopped goes on at the next piece. The same seed gives the same tones, and a smaller corpus is
the beginning of a larger one. It lies outside the repository's history: half a megabyte in four tones.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from estimator.papers.vecoven2020 import task
from estimator.papers.vecoven2020.views import SHAPES, views_of
from jxctl._files import read_object, write_atomically
from jxctl.errors import UsageError

PIECE = 128
"""Tones that are rendered and noted at a time; chosen."""
VERSION = 1
"""Counts up when views change, so that an old corpus is refused."""


@dataclass(frozen=True)
class Corpus:
    """``tones`` uint8[N, 48], ``targets`` float32[N, 26], and the ``views`` of N sounds by name."""

    tones: NDArray[np.uint8]
    targets: NDArray[np.float32]
    views: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.tones)


def build(
    folder: Path,
    count: int,
    seed: int,
    *,
    views: Sequence[str] = tuple(SHAPES),
    threads: int | None = None,
    report: Callable[[int], None] = lambda done: None,
) -> Corpus:
    """The corpus of ``count`` tones in ``folder``, built or finished where it is not whole, in ``threads``
    processes.

    ``report(done)`` hears how many tones are there. Raises `UsageError` when the folder holds another corpus.
    """
    wanted = {"version": VERSION, "count": count, "seed": seed, "views": list(views)}
    state = _claimed(folder, wanted)
    tones, targets = task.sample(count, np.random.default_rng(seed))
    done = int(state["done"])
    mode = "r+" if (folder / "tones.npy").exists() and done else "w+"
    arrays = {
        name: np.lib.format.open_memmap(folder / f"{name}.npy", mode, kind, (count, *shape))
        for name, (shape, kind) in SHAPES.items()
        if name in views
    }
    if mode == "w+":
        np.save(folder / "tones.npy", tones)
        np.save(folder / "targets.npy", targets)
    starts = range(done, count, PIECE)
    # Another noise for every piece; within one, sounds share it.
    seeds = [(seed * 1_000_003 + first) % 2**31 for first in starts]
    pieces = [tones[first : first + PIECE] for first in starts]
    processes = threads or 1
    if pieces and processes > 1:
        _piece(tones[:1], 0, tuple(arrays))  # compiles, once for all of them
    with _mapping(processes) as mapped:
        made = mapped(_piece, pieces, seeds, itertools.repeat(tuple(arrays)))
        for first, heard in zip(starts, made, strict=True):
            part = slice(first, min(first + PIECE, count))
            for name, array in arrays.items():
                array[part] = heard[name]
                array.flush()
            write_atomically(folder / "corpus.json", json.dumps(wanted | {"done": part.stop}).encode())
            report(part.stop)
    return Corpus(tones, targets, dict(arrays))


@contextmanager
def _mapping(processes: int) -> Iterator[Callable[..., Iterator[Any]]]:
    """`map`, shared out among so many processes."""
    if processes == 1:
        yield map
        return
    with ProcessPoolExecutor(processes, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        yield pool.map


def _piece(tones: np.ndarray, seed: int, views: tuple[str, ...]) -> dict[str, np.ndarray]:
    heard = views_of(task.play(tones, seed=seed, threads=1), views)
    return {name: view.astype(SHAPES[name][1]) for name, view in heard.items()}


def _claimed(folder: Path, wanted: dict[str, Any]) -> dict[str, Any]:
    """What ``corpus.json`` says, or a new beginning."""
    noted = folder / "corpus.json"
    if not noted.exists():
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"cannot make the folder {folder}: {error.strerror}", "give another one"
            ) from error
        return wanted | {"done": 0}
    found = read_object(noted, hint="remove the folder, or give another one")
    if {key: found.get(key) for key in wanted} != wanted:
        raise UsageError(f"{folder} holds another corpus", "remove the folder, or give another one")
    return found

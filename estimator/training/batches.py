"""Where the batches of a training run come from: made ahead, in the background, by their numbers.

Without ``workers`` a thread makes them beside the network. With them, processes do: a GPU learns faster than
one process renders. ``hearings`` above 1 lets a network hear every batch so often, some `LAG` batches apart,
which on a GPU costs next to nothing and teaches nearly as much as new tones.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch.utils.data import DataLoader, Dataset

from estimator.training.synthetic import Batch

LAG = 32
_AHEAD = 3


def number_heard(step: int, hearings: int) -> int:
    """Which batch is heard at a step: a fresh one, or one from up to ``hearings - 1`` times `LAG` before.

    A run's first batches come back sooner, because none are older.
    """
    fresh, hearing = divmod(step, hearings)
    return fresh - min(hearing * LAG, fresh * hearing // hearings)


def batches(
    make: Callable[[int], Batch], first: int, steps: int, hearings: int = 1, workers: int = 0
) -> Iterator[Batch]:
    """What is heard at steps ``first`` to ``steps``. ``make(number)`` makes a batch; with ``workers``,
    processes, it must be picklable."""
    oldest = max(0, first // hearings - (hearings - 1) * LAG)
    last = -(-steps // hearings)
    kept: dict[int, Batch] = {}
    for fresh, batch in enumerate(_fresh(make, range(oldest, last), workers), oldest):
        kept[fresh] = batch
        kept.pop(fresh - (hearings - 1) * LAG - 1, None)
        for step in range(fresh * hearings, min((fresh + 1) * hearings, steps)):
            if step >= first:
                yield kept[number_heard(step, hearings)]


def _fresh(make: Callable[[int], Batch], numbers: range, workers: int) -> Iterator[Batch]:
    if workers:
        yield from DataLoader(
            _Made(make), batch_size=None, sampler=numbers, num_workers=workers, worker_init_fn=_yielding
        )
        return
    with ThreadPoolExecutor(1) as pool:
        pending = []
        for number in numbers:
            pending.append(pool.submit(make, number))
            if len(pending) > _AHEAD:
                yield pending.pop(0).result()
        for future in pending:
            yield future.result()


@dataclass(frozen=True)
class _Made(Dataset[Batch]):
    """Batches by number, for worker processes."""

    make: Callable[[int], Batch]

    def __getitem__(self, number: int) -> Batch:
        return self.make(number)


def _yielding(worker: int) -> None:
    """A worker renders on one core, and lets the network's process go first."""
    torch.set_num_threads(1)
    if hasattr(os, "nice"):
        os.nice(10)

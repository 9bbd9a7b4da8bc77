"""Linear algebra on one thread, while others work.

A library for linear algebra (BLAS) keeps a thread a core, and these wait for the next product in a busy loop.
Between the short products of a search they take the cores from the renders: 2,000 renders cost 10.9 CPU
seconds that way, and 7.2 without. On a machine that does something else too, each product waits for a thread
that is not running, a thousand times a guess.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread() -> Iterator[None]:
    """NumPy's linear algebra works on the calling thread alone until this ends; then as before."""
    with _libraries().limit(limits=1, user_api="blas"):
        yield


@contextmanager
def torch_on_one_thread() -> Iterator[None]:
    """Torch works on one thread for each that calls it, until this ends: of this thread and of new ones."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@functools.cache
def _libraries() -> ThreadpoolController:
    """Those that are loaded by the first search; looking for them takes milliseconds."""
    return ThreadpoolController()

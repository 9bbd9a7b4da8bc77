"""Linear algebra on one thread, while others render.

A library for linear algebra (BLAS) keeps a thread a core, and these wait for the next product in a busy loop.
Between the short products of a search they take the cores from the renders: 2,000 renders cost 10.9 CPU
seconds that way, and 7.2 without. On a machine that does something else too, each product waits for a thread
that is not running, a thousand times a guess.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread() -> Iterator[None]:
    """NumPy's linear algebra works on the calling thread alone until this ends; then as before."""
    with _libraries().limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _libraries() -> ThreadpoolController:
    """Those that are loaded by the first search; looking for them takes milliseconds."""
    return ThreadpoolController()

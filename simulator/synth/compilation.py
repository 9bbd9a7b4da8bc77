"""Compiling ahead of the first call, in several processes at once.

numba holds a lock while it compiles, so threads wait for each other. Worker processes do not: each compiles
loops into the cache on disk, from which this process loads them.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress

from simulator.synth._compiling import Cached, loops

_log = logging.getLogger("simulator")
# What a worker runs: it takes a module and a name a line, and answers with a line when the loop is on disk.
_WORKER = """
import importlib, json, sys
sys.path[:] = json.loads(sys.stdin.readline())
from simulator.synth._compiling import loops
for line in sys.stdin:
    module, name = json.loads(line)
    importlib.import_module(module)
    loops[module, name].prepare()
    print("ready", flush=True)
"""
_SHARED = 0.4
"""Of the time that a loop takes to compile by itself, what it takes after one of its family (measured)."""
_STEPS = 200_000
"""Steps of the loop that tells how fast this machine is now (chosen: some milliseconds)."""
_STEPS_S = 0.0113
"""Seconds of that loop where `Cached.seconds` was measured."""
_TELLING = 0.3
"""Share of the work from which on the time left follows from the time so far (chosen)."""


class Compilation:
    """Loops that are being compiled: starts at once, in the background.

    Loops of one family share parts, which one process compiles once: it takes them one after the other. What
    is in the cache is left out. Start and end are logged, as INFO of the logger ``simulator``, unless there
    is nothing to do; the records' attribute ``compilation`` is this object.

    Args:
        wanted: the loops.
        background: whether this process has other things to do until it calls `wait`: then there is a worker
            for each core, otherwise one less.

    Examples:
        >>> from simulator.synth import control_rate
        >>> compilation = Compilation([control_rate.compiled])
        >>> compilation.wait()
        >>> compilation.left_s
        0.0
    """

    def __init__(self, wanted: Iterable[Cached], background: bool = False) -> None:
        families: dict[str, list[Cached]] = {}
        for loop in wanted:
            if loop.to_compile():
                families.setdefault(loop.family, []).append(loop)
        self._left = {
            loop: loop.seconds * (_SHARED if k else 1)
            for own in families.values()
            for k, loop in enumerate(own)
        }
        self._families = sorted(families.values(), key=self._seconds, reverse=True)
        self._waiting = deque(self._families)
        self._workers: list[threading.Thread] = []
        self._background = background
        self._total_s = sum(self._left.values())
        self.total = len(self._left)
        """How many loops there were to compile."""
        if not self.total:
            return
        count = min(_cores(), len(families)) if background else min(_cores(), len(families)) - 1
        if not all(loop.keeps and loop.module != "__main__" for loop in self._left):
            count = 0
        self._at_once = max(count if background else count + 1, 1)
        self._slowness = _slowness(self._at_once)
        self._began = self._last = time.perf_counter()
        about_s = max(self.left_s, 1)
        _log.info("compiling for this processor, once: about %.0f s", about_s, extra={"compilation": self})
        for _ in range(count):
            self._workers.append(threading.Thread(target=self._work, daemon=True))
            self._workers[-1].start()

    def _seconds(self, family: list[Cached]) -> float:
        return sum(self._left.get(loop, 0.0) for loop in family)

    @property
    def compiled(self) -> int:
        """How many loops are compiled by now."""
        return self.total - len(self._left)

    @property
    def left_s(self) -> float:
        """Estimate of the seconds left: at first from what the loops took where they were measured and how
        fast this machine is now, later from the time so far."""
        left_s = sum(self._left.copy().values())
        if not left_s:
            return 0.0
        done = 1 - left_s / self._total_s
        if done > _TELLING:
            estimate = (self._last - self._began) * left_s / (self._total_s - left_s)
        else:
            estimate = self._slowness * max(left_s / self._at_once, *map(self._seconds, self._families))
        return max(estimate - (time.perf_counter() - self._last), 0.0)

    def wait(self) -> None:
        """Return when nothing is left; compile along where there are fewer workers than cores."""
        if not self.total:
            return
        if self._background:
            self._join()  # leaves something only where a worker failed
        while (family := self._next()) is not None:
            for loop in family:
                loop.prepare()
                self._finished(loop)
        self._join()
        self._left.clear()
        taken_s = time.perf_counter() - self._began
        _log.info("compiled in %.0f s", taken_s, extra={"compilation": self})
        self.total = 0

    def _join(self) -> None:
        for worker in self._workers:
            worker.join()

    def _next(self) -> list[Cached] | None:
        try:
            return self._waiting.popleft()
        except IndexError:
            return None

    def _finished(self, loop: Cached) -> None:
        self._left.pop(loop, None)
        self._last = time.perf_counter()

    def _work(self) -> None:
        """Feed one worker. A worker that fails leaves its loops to their first call."""
        with suppress(OSError), subprocess.Popen(
            [sys.executable, "-c", _WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True,
        ) as worker:  # fmt: skip
            assert worker.stdin is not None
            assert worker.stdout is not None
            worker.stdin.write(json.dumps(sys.path) + "\n")
            while (family := self._next()) is not None:
                for loop in family:
                    worker.stdin.write(json.dumps([loop.module, loop.name]) + "\n")
                    worker.stdin.flush()
                    if not worker.stdout.readline():
                        return
                    self._finished(loop)


def ready(wanted: Iterable[Cached]) -> None:
    """Compile what is neither in memory nor on disk, several at a time."""
    missing = [loop for loop in wanted if not loop.ready.overloads]
    if missing:
        Compilation(missing).wait()


def everything() -> Compilation:
    """All loops of the modules that are imported."""
    return Compilation(loops.values())


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _slowness(at_once: int) -> float:
    """How many times slower than the machine on which `Cached.seconds` was measured, idle, this one is: by a
    loop, and by the programs that wait for its cores."""
    began = time.thread_time()
    total = 0
    for step in range(_STEPS):
        total += step
    taken_s = time.thread_time() - began
    waiting = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return taken_s / _STEPS_S * max((waiting + at_once) / _cores(), 1.0)

"""Progress bars on stderr."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Bar:
    """One bar. Entering gives ``advance(steps, note)``; nothing is drawn when stderr is no terminal."""

    def __init__(self, description: str, total: float | None) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task(description, total=total, note="")

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __call__(self, steps: float = 1, note: str = "") -> None:
        self._progress.update(self._task, advance=steps, note=note)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()


class Countdown:
    """A bar of time that something else takes, drawn by a thread until `stop`; ``left_s`` tells the rest."""

    def __init__(self, description: str, left_s: Callable[[], float]) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=Console(stderr=True),
            transient=True,
        )
        self._left_s, self._ended = left_s, threading.Event()
        self._thread = threading.Thread(target=self._draw, args=(description,), daemon=True)
        self._thread.start()

    def _draw(self, description: str) -> None:
        began = time.perf_counter()
        with self._progress:
            task = self._progress.add_task(description, total=None, note="")
            while not self._ended.wait(0.2):
                passed_s, left_s = time.perf_counter() - began, self._left_s()
                note = f"about {left_s:.0f} s left" if left_s >= 0.5 else "nearly done"
                self._progress.update(task, completed=passed_s, total=passed_s + max(left_s, 0.1), note=note)

    def stop(self) -> None:
        """Take the bar away."""
        self._ended.set()
        self._thread.join()

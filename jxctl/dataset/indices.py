"""A set of take indices that stays small however many takes there are."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Set
from threading import Lock


class Indices(Set[int]):
    """A set of whole numbers, kept as runs ``[start, stop)``: takes are recorded nearly in order.

    `add` and the questions may come from different threads.
    """

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []
        self._size = 0
        self._lock = Lock()
        for number in numbers:
            self.add(number)

    def add(self, number: int) -> bool:
        """Put a number in; tell whether it was new."""
        with self._lock:
            at = bisect_right(self._starts, number)
            if at and number < self._stops[at - 1]:
                return False
            joins_left = at > 0 and self._stops[at - 1] == number
            joins_right = at < len(self._starts) and self._starts[at] == number + 1
            if joins_left and joins_right:
                self._stops[at - 1] = self._stops.pop(at)
                del self._starts[at]
            elif joins_left:
                self._stops[at - 1] += 1
            elif joins_right:
                self._starts[at] -= 1
            else:
                self._starts.insert(at, number)
                self._stops.insert(at, number + 1)
            self._size += 1
            return True

    @property
    def runs(self) -> int:
        """How many runs there are, which is what the set costs in memory."""
        return len(self._starts)

    def __contains__(self, number: object) -> bool:
        if not isinstance(number, int):
            return False
        with self._lock:
            at = bisect_right(self._starts, number)
            return at > 0 and number < self._stops[at - 1]

    def __iter__(self) -> Iterator[int]:
        with self._lock:
            runs = list(zip(self._starts, self._stops, strict=True))
        for start, stop in runs:
            yield from range(start, stop)

    def __len__(self) -> int:
        return self._size

    def __repr__(self) -> str:
        return f"Indices({len(self)} numbers in {self.runs} runs)"

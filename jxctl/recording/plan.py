"""Which takes to record: worked out before anything is recorded, take by take, when asked for.

A plan is a formula, not a list: take k follows from k, so that a hundred thousand of them take no
memory, a recording can be continued at any of them, and its index says what a take is.

Every tone is played at every note, velocity and gate, or, with ``per_tone``, at so many different ones
chosen by the seed, another choice for each tone. A reference tone, always the same note, comes first
and then again after every so many takes, so that a drift of the instrument or of the input is seen.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Protocol

from jxctl.errors import UsageError
from jxctl.protocol.tone import Tone

DEFAULT_MAX_SECONDS = 4.0
SHORTEST_GATE_S = 0.001
REFERENCE_NOTE = 60
REFERENCE_VELOCITY = 100
LONGEST_PLAN = 10_000_000
"""Takes: a year of three-second takes without a pause."""

_KEPT_BLOCKS = 4


class Tones(Protocol):
    """Tones by number. A list of tones is one."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, number: int, /) -> Tone:
        """Tone ``number``, from 0."""


class DrawnTones:
    """Tones that are drawn when needed, in blocks, of which the last few are kept.

    ``draw(block)`` gives the tones of a block, at least ``block_size`` of them (of the last one, as
    many as are needed), and always the same. Tone k is then k alone, however many there are.
    """

    def __init__(self, count: int, draw: Callable[[int], Sequence[Tone]], block_size: int) -> None:
        self._count = count
        self._draw = draw
        self._block_size = block_size
        self._blocks: dict[int, Sequence[Tone]] = {}

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int, /) -> Tone:
        if not 0 <= number < self._count:
            raise IndexError(number)
        block, place = divmod(number, self._block_size)
        if block not in self._blocks:
            if len(self._blocks) >= _KEPT_BLOCKS:
                del self._blocks[next(iter(self._blocks))]
            self._blocks[block] = self._draw(block)
        return self._blocks[block][place]


@dataclass(frozen=True, slots=True)
class PlannedTake:
    """One take to be recorded; see `jxctl.recording.rig.Rig.take`. ``reference``: it is the reference tone.

    Raises `UsageError` for values out of range.
    """

    index: int
    tone: Tone
    note: int
    velocity: int
    gate_s: float
    max_seconds: float = DEFAULT_MAX_SECONDS
    reference: bool = False

    def __post_init__(self) -> None:
        check_note(self.note, self.velocity, self.gate_s, self.max_seconds)


class Takes(Protocol):
    """Planned takes by index, which says what a take is. A `Plan` is one."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, index: int, /) -> PlannedTake:
        """Take ``index``, from 0."""


class Plan:
    """The takes of a plan by index; see the module.

    ``gates_s``, ``max_seconds``: seconds. ``per_tone``: how many of the notes, velocities and gates each
    tone gets; None for all. ``reference``: a tone that comes before every ``every`` takes. More tones
    make a longer plan that begins with the same takes.

    Raises `UsageError` for a value out of range, and for a plan that is empty or too long.
    """

    def __init__(
        self,
        tones: Tones,
        notes: Sequence[int],
        velocities: Sequence[int],
        gates_s: Sequence[float] = (1.0,),
        max_seconds: float = DEFAULT_MAX_SECONDS,
        *,
        per_tone: int | None = None,
        reference: Tone | None = None,
        every: int = 100,
        seed: int = 0,
    ) -> None:
        self.tones = tones
        self.max_seconds = max_seconds
        self.reference = reference
        self._choices = list(product(notes, velocities, gates_s))
        for note, velocity, gate_s in self._choices:
            check_note(note, velocity, gate_s, max_seconds)
        if not self._choices or not len(tones):
            raise UsageError("a plan needs at least one tone, note, velocity and gate")
        if len(set(self._choices)) < len(self._choices):
            raise UsageError("a note, velocity or gate is in the plan twice", "name each once")
        if per_tone is not None and not 1 <= per_tone <= len(self._choices):
            raise UsageError(
                f"{per_tone} notes per tone of {len(self._choices)} combinations of note, velocity and gate",
                f"1 to {len(self._choices)}, or leave it out for all",
            )
        if every < 1:
            raise UsageError(f"the reference tone every {every} takes", "1 or more")
        self._per_tone = per_tone or len(self._choices)
        self._chosen = per_tone is not None and per_tone < len(self._choices)
        self._period = every + 1 if reference is not None else 0
        self._seed = seed
        self._last_choice: tuple[int, list[tuple[int, int, float]]] = (-1, [])
        if len(self) > LONGEST_PLAN:
            raise UsageError(f"a plan of {len(self)} takes", f"at most {LONGEST_PLAN}")

    def __len__(self) -> int:
        takes = len(self.tones) * self._per_tone
        return takes + (-(-takes // (self._period - 1)) if self._period else 0)

    def __getitem__(self, index: int, /) -> PlannedTake:
        if not 0 <= index < len(self):
            raise IndexError(index)
        number = index
        if self._period:
            if index % self._period == 0:
                assert self.reference is not None
                gate_s = self._choices[0][2]
                return PlannedTake(
                    *(index, self.reference, REFERENCE_NOTE, REFERENCE_VELOCITY, gate_s, self.max_seconds),
                    reference=True,
                )
            number = index - index // self._period - 1
        tone, place = divmod(number, self._per_tone)
        note, velocity, gate_s = self._choices_of(tone)[place]
        return PlannedTake(index, self.tones[tone], note, velocity, gate_s, self.max_seconds)

    def __iter__(self) -> Iterator[PlannedTake]:
        return (self[index] for index in range(len(self)))

    @property
    def mean_gate_s(self) -> float:
        """Seconds that a key is down, on average over all combinations."""
        return math.fsum(gate_s for _, _, gate_s in self._choices) / len(self._choices)

    def _choices_of(self, tone: int) -> list[tuple[int, int, float]]:
        if not self._chosen:
            return self._choices
        if self._last_choice[0] != tone:
            # By hashes rather than a random generator, whose choices may change with its version.
            ranked = sorted(range(len(self._choices)), key=lambda place: self._lot(tone, place))
            chosen = sorted(ranked[: self._per_tone])
            self._last_choice = tone, [self._choices[place] for place in chosen]
        return self._last_choice[1]

    def _lot(self, tone: int, place: int) -> bytes:
        return hashlib.sha256(f"{self._seed} {tone} {place}".encode()).digest()


def check_note(note: int, velocity: int, gate_s: float, max_seconds: float) -> None:
    """Raise `UsageError` unless a take can be asked for like this."""
    if not 0 <= note <= 127:
        raise UsageError(f"the note is {note}; MIDI notes are 0 to 127", "60 is the middle C")
    if not 1 <= velocity <= 127:
        raise UsageError(f"the velocity is {velocity}; it runs from 1 to 127")
    if not SHORTEST_GATE_S <= gate_s <= max_seconds < math.inf:
        raise UsageError(
            f"a gate of {gate_s:g} s does not fit into a recording of {max_seconds:g} s",
            f"{SHORTEST_GATE_S:g} <= gate <= maximum, both in seconds",
        )

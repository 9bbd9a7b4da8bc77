"""Which takes to record: worked out before anything is recorded, take by take, when asked for.

A plan is a formula, not a list: take k follows from k, so that a hundred thousand of them take no
memory, a recording can be continued at any of them, and its index says what a take is.

Every tone is played at every note, velocity and gate, or, with ``per_tone``, at so many different ones
chosen by the seed, another choice for each tone. A reference tone, always the same note, comes first
and then again after every so many takes, so that a drift of the instrument or of the input is seen.

`tones_from` gives the tones: those in files, tones drawn from the prior of real tones, or a design of
experiments, which covers every parameter where a prior leaves its corners empty. The design has two parts,
one after the other:

1. *Sweeps*, one parameter at a time, the rest held: every position of a switch, and levels from 0 to
   127 in steps of 16 or less. Each on a base tone in which it is heard (an LFO's rate needs a depth).
   The difference between two such takes has one cause, which is what fits a law of a profile.
2. *Latin hypercube* (McKay, Beckman and Conover 1979): in every 128 tones each level takes each of its
   128 raw values once, and each switch each of its positions equally often, in an order of its own. So
   single values are covered evenly, and what parameters do together is not left out.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from jxctl.errors import UsageError
from jxctl.library.files import read_library
from jxctl.protocol.parameters import TONE_PARAMETERS, TONE_SIZE, Parameter
from jxctl.protocol.tone import INIT_TONE, Tone, from_batch

DEFAULT_MAX_SECONDS = 4.0
SHORTEST_GATE_S = 0.001
REFERENCE_NOTE = 60
REFERENCE_VELOCITY = 100
LONGEST_PLAN = 10_000_000
"""Takes: a year of three-second takes without a pause."""

PRIOR, DESIGN = "prior", "design"
"""Sources of tones that are no files."""
PRIOR_BLOCK = 256
"""Tones are drawn from a prior in blocks of this size, each with a random generator of its own, so that
tone k depends on the seed and k alone and a longer run begins with the same tones. Another size is other
tones."""
CUBE = 128
"""Tones of one Latin hypercube."""

_SWEEP = (0, 16, 32, 48, 64, 80, 96, 112, 127)  # raw values of a level that is swept
_KEPT_BLOCKS = 4  # of drawn tones (chosen)


class Tones(Protocol):
    """Tones by number. A list of tones is one."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, number: int, /) -> Tone:
        """Tone ``number``, from 0."""


class Sampler(Protocol):
    """A distribution of tones, such as `simulator.prior.Prior`."""

    def sample(self, count: int, generator: np.random.Generator, /) -> NDArray[np.uint8]:
        """Raw values of so many tones: uint8[count, 48]."""


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

    More tones make a longer plan that begins with the same takes.

    Args:
        tones: what is played.
        notes: MIDI notes, 0 to 127.
        velocities: 1 to 127.
        gates_s: seconds for which a key is down.
        max_seconds: a tail longer than this is cut.
        per_tone: how many of the notes, velocities and gates each tone gets; None for all.
        reference: a tone that comes before every ``every`` takes.
        every: see ``reference``.
        seed: of the choice where ``per_tone`` is given.

    Raises:
        UsageError: a value out of range, or a plan that is empty or too long.

    Examples:
        >>> plan = Plan([INIT_TONE], [48, 60], [100])
        >>> len(plan), plan[1].note
        (2, 60)
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


def tones_from(sources: Sequence[str | Path], count: int | None = None, seed: int = 0) -> Tones:
    """Tones to record: drawn from the prior of real tones, a design of experiments, or those of files.

    Args:
        sources: ``prior``, ``design``, or files with tones or banks.
        count: how many; None for all of the files, or all sweeps of the design.
        seed: of what is drawn.

    Returns:
        Tones by number, drawn when they are needed.

    Raises:
        UsageError: files without tones of the stock firmware, fewer tones than ``count``, a prior without a
            count, or ``prior`` or ``design`` beside another source.

    Examples:
        >>> len(tones_from(["prior"], 100))
        100
    """
    words = [source for source in sources if source in (PRIOR, DESIGN)]
    if words and len(sources) > 1:
        raise UsageError(f"--from {words[0]} goes with no other --from", "record each into its own folder")
    if words == [PRIOR]:
        if count is None:
            raise UsageError("how many tones are to be drawn?", "--tones N")
        return prior_tones(count, seed)
    if words == [DESIGN]:
        return design(len(sweeps()) if count is None else count, seed)
    found = [tone for source in sources for tone in _in_file(Path(source))]
    if count is not None and count > len(found):
        raise UsageError(f"--tones is {count}, and there are {len(found)}", "leave it out for all")
    return found[:count]


def prior_tones(count: int, seed: int = 0) -> DrawnTones:
    """Tones drawn from the shipped prior of real tones; see `drawn_tones`."""
    # Late, because the package loads numba.
    from simulator.prior import Prior

    return drawn_tones(Prior.load(), count, seed)


def drawn_tones(prior: Sampler, count: int, seed: int = 0) -> DrawnTones:
    """Tones drawn from a distribution; more tones begin with the same ones."""

    def draw(block: int) -> list[Tone]:
        return from_batch(prior.sample(PRIOR_BLOCK, np.random.default_rng([seed, block])), "PRIOR")

    return DrawnTones(count, draw, PRIOR_BLOCK)


def _in_file(path: Path) -> list[Tone]:
    """The stock tones of a file, in order."""
    held = list(read_library(path).bank.tones.values())
    stock = [tone for tone in held if isinstance(tone, Tone)]
    if not stock:
        raise UsageError(f"{path}: there is no tone of the stock firmware in it", "jx bank show lists them")
    if len(stock) < len(held):
        raise UsageError(
            f"{path} holds tones of Vecoven's V4 firmware",
            "jx bank convert --family mks70 makes stock tones of them, and says what is lost",
        )
    return stock


_Changes = dict[str, int | str]
_BOTH: _Changes = {"DCO2 WF": "pulse", "MIX DCO1": 100, "MIX DCO2": 100}
_LFO: _Changes = {"VCF FREQ": 64, "VCF LFO": 64, "LFO RATE": 64}
_ENV1_TIMES: _Changes = {"ENV1 ATT": 32, "ENV1 DECY": 64, "ENV1 SUS": 32, "ENV1 REL": 64}
_ENV1: _Changes = {"VCF FREQ": 32, "VCF ENV": 100, **_ENV1_TIMES}
_ENV2: _Changes = {"ENV2 ATT": 32, "ENV2 DECY": 64, "ENV2 SUS": 64, "ENV2 REL": 64}
# What is set besides, so that a parameter is heard. By its group, or by its own name.
_HEARD: dict[str, _Changes] = {
    "DCO-1": {},
    "DCO1 LFO": {"LFO RATE": 64},
    "DCO1 ENV": {"ENV1 DECY": 64, "ENV1 SUS": 32},
    "DCO-2": _BOTH,
    "DCO2 LFO": {**_BOTH, "LFO RATE": 64},
    "DCO2 ENV": {**_BOTH, "ENV1 DECY": 64, "ENV1 SUS": 32},
    "DCO XMOD": {**_BOTH, "DCO2 TUNE": "+7"},
    "DCO": {"DCO1 ENV": 64, "ENV1 DECY": 64, "ENV1 SUS": 32, "ENV2 DECY": 96},
    "MIXER": {**_BOTH, "MIX ENV": 64, "ENV1 DECY": 64, "ENV1 SUS": 32, "ENV2 DECY": 96},
    "HPF": {},
    "VCF": {"VCF FREQ": 48, "VCF RES": 48},
    "VCF LFO": {**_LFO, "VCF LFO": 0},
    "VCF ENV": _ENV1,
    "VCF DYNA": _ENV1,
    "VCF MODE": {**_ENV1, **_ENV2},
    "VCA": _ENV2,
    "CHORUS": {},
    "LFO": _LFO,
    "ENV-1": _ENV1,
    "ENV1 REL": {**_ENV1, "ENV1 SUS": 64, "ENV2 REL": 80},
    "ENV-2": _ENV2,
    "AFTERTOUCH": {},
    "UNKNOWN": {},
}


def design(count: int, seed: int = 0) -> DrawnTones:
    """The first ``count`` tones of the design; more tones begin with the same ones."""
    swept = sweeps()

    def draw(block: int) -> list[Tone]:
        if block * CUBE >= len(swept):
            return _cube(block, seed)
        tones = swept[block * CUBE : (block + 1) * CUBE]
        # The last block of the sweeps is filled up with the first tones of a hypercube.
        return tones + _cube(block, seed)[: CUBE - len(tones)]

    return DrawnTones(count, draw, CUBE)


def sweeps() -> list[Tone]:
    """The tones of the first part: each parameter in turn, in the order of the table.

    Their names say what is swept: "97=64" is parameter $97 (VCF FREQ) at raw 64.
    """
    return [
        base_tone(p).with_values({p.name: raw}).named(f"{p.id:02X}={raw}")
        for p in TONE_PARAMETERS
        for raw in (p.starts if p.kind == "switch" else _SWEEP)
    ]


def base_tone(parameter: Parameter) -> Tone:
    """The tone on which a parameter is swept: plain, with what makes the parameter heard."""
    changes = _HEARD.get(parameter.name, _HEARD[parameter.group])
    return INIT_TONE.with_values(changes)


def _cube(block: int, seed: int) -> list[Tone]:
    columns = [_column(p, block, seed) for p in TONE_PARAMETERS]
    return [
        Tone(bytes(columns[k][row] for k in range(TONE_SIZE))).named(f"LHS {block * CUBE + row}")
        for row in range(CUBE)
    ]


def _column(p: Parameter, block: int, seed: int) -> list[int]:
    """Raw values of one parameter for each tone of a cube, shuffled by hashes: the same for ever."""
    spread = [p.starts[row % p.positions] if p.kind == "switch" else row for row in range(CUBE)]
    lots = [hashlib.sha256(f"{seed} {block} {p.id} {row}".encode()).digest() for row in range(CUBE)]
    return [spread[row] for row in sorted(range(CUBE), key=lots.__getitem__)]

"""How far the audio loop is from what the cores could do at most.

**Operations**: counted in the machine code that numba makes of the stages of `simulator.synth._kernel` on
this machine, each compiled alone: oscillators (of the kind that a voice needs), then filters. In each, the
innermost loop with most arithmetic is the loop over samples, one pass of which is one sample of all lanes;
where LLVM left a loop over lanes inside it, one pass is one register. An add, subtract, multiply, divide,
minimum or maximum of a float counts one for every lane of its register, a fused multiply-add two. Conversion,
integer work, shuffles, loads and stores count nothing, though they take the same time: the phases, the noise
and the steps of an oscillator are integer work. So 100 % is out of reach. By hand, the filter stage is 32
operations and the plain oscillators with the mixer 78.

**Peak**: cores * measured clock * float32 lanes of the widest register * 2 fused units * 2 operations. The
clock is measured, all cores at work, with a chain of instructions of which each needs the one before and
takes one cycle (xorshift: six a step). Two fused units is what AMD Zen 4 and 5 and Intel's servers have.
"""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numba import types

from simulator.synth import _kernel, _lanes
from simulator.synth._compiling import FAST, full_width

_REGISTER_LANES = {"zmm": 16, "ymm": 8, "xmm": 4}
_FUSED = re.compile(r"vf(n?m)(add|sub)\w*(ps|ss)")
_PLAIN = re.compile(r"v?(add|sub|mul|div|min|max|sqrt)(ps|ss)")
_JUMP = re.compile(r"j\w+\s+(\.\w+)")
_LABEL = re.compile(r"^(\.\w+):")
_INTEGER_A_STEP = 6
FUSED_UNITS = 2


@dataclass(frozen=True)
class Loop:
    """An innermost loop: float ``operations`` in one pass, ``instructions`` on vector registers, ``lanes`` of
    the widest register in its float arithmetic (copies may use wider ones), and how many loops are ``around``
    it."""

    operations: int
    instructions: int
    lanes: int
    around: int


@dataclass(frozen=True)
class Work:
    """What one sample of one voice takes: float ``operations`` and vector ``instructions``."""

    operations: float
    instructions: float


def loops(assembly: str) -> list[Loop]:
    """Innermost loops of a function in AT&T assembly, the one with most float operations first."""
    lines = [line.split("#")[0].strip() for line in assembly.splitlines()]
    labels = {match[1]: at for at, line in enumerate(lines) if (match := _LABEL.match(line))}
    ends: dict[int, int] = {}
    for at, line in enumerate(lines):
        jump = _JUMP.match(line)
        if jump and labels.get(jump[1], at) < at:
            ends[labels[jump[1]]] = at
    spans = list(ends.items())
    found = []
    for first, last in spans:
        if not any(first < other and end <= last for other, end in spans):
            around = sum(other < first and last <= end for other, end in spans)
            found.append(_count(lines[first : last + 1], around))
    return sorted(found, key=lambda loop: -loop.operations)


def _count(lines: list[str], around: int) -> Loop:
    operations = instructions = widest = 0
    for line in lines:
        registers = re.findall(r"%([xyz]mm)\d", line)
        if not registers:
            continue
        instructions += 1
        name = line.split()[0]
        fused, plain = _FUSED.fullmatch(name), _PLAIN.fullmatch(name)
        if fused or plain:
            scalar = name.endswith("ss")
            wide = 1 if scalar else max(_REGISTER_LANES[register] for register in registers)
            widest = max(widest, wide)
            operations += (2 if fused else 1) * wide
    return Loop(operations, instructions, widest, around)


def work(kind: int) -> Work:
    """What a voice takes whose oscillators run in the way ``kind`` (`simulator.synth._lanes.PLAIN` and so
    on).

    Raises `LookupError` where the loop does not calculate with sixteen floats at once.
    """
    stages = {_lanes.PLAIN: _kernel._plain, _lanes.BENT: _kernel._bent, _lanes.SYNCED: _kernel._synced}
    dcos = stages.get(kind, _kernel._mutual)
    filters = _kernel._filter
    numbers = types.Array(types.float32, 1, "C")

    @numba.njit((numbers, numbers, types.intp), error_model="numpy", fastmath=FAST)
    def first(w: Any, signals: Any, samples: int) -> None:
        full_width()
        dcos(w, signals, 0, 0, samples, np.float32(0.01))

    @numba.njit((numbers, numbers, types.intp), error_model="numpy", fastmath=FAST)
    def second(w: Any, signals: Any, samples: int) -> None:
        full_width()
        filters(w, signals, 0, samples, np.float32(0.01))

    # The filter's loop over samples stands in a loop over stretches of steady cutoff.
    parts = [_of_one_voice(first, 0), _of_one_voice(second, 1)]
    return Work(sum(part.operations for part in parts), sum(part.instructions for part in parts))


def _of_one_voice(stage: Any, around: int) -> Work:
    """The work of a stage whose loop over samples has ``around`` loops around it."""
    (assembly,) = stage.inspect_asm().values()
    loop = loops(assembly)[0]
    if loop.lanes != 16:
        raise LookupError(f"the audio loop calculates with {loop.lanes} floats at once here, not 16")
    voices = _lanes.LANES if loop.around <= around else loop.lanes
    return Work(loop.operations / voices, loop.instructions / voices)


@numba.njit(nogil=True)
def _chain(steps: int) -> Any:
    x = np.uint64(88172645463325252)
    for _ in range(steps):
        x ^= x << np.uint64(13)
        x ^= x >> np.uint64(7)
        x ^= x << np.uint64(17)
    return x


def clock_hz(cores: int) -> float:
    """The clock while all cores work, from a chain of single-cycle instructions.

    Many short chains, of which the quickest counts: it was not interrupted by other work.
    """
    steps, chains = 100_000, 500
    _chain(1)

    def quickest(_: int) -> float:
        best = float("inf")
        for _ in range(chains):
            began = time.perf_counter()
            _chain(steps)
            best = min(best, time.perf_counter() - began)
        return best

    with ThreadPoolExecutor(cores) as pool:
        return _INTEGER_A_STEP * steps / max(pool.map(quickest, range(cores)))


def peak(clock: float, cores: int, lanes: int) -> float:
    """Float operations a second that the cores could do at most."""
    return cores * clock * lanes * FUSED_UNITS * 2

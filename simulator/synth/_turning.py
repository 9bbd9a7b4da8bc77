"""Between lines of samples in memory and the kernels' [samples, lanes]: whole blocks are turned at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from simulator.synth._compiling import inline
from simulator.synth._intrinsics import BLOCK, move_block, stream_block, transpose
from simulator.synth._lanes import LANES
from simulator.synth._waves import ZERO

LINE = 64
"""Bytes of a cache line."""
PAST_CACHE = 1 << 21
"""Outputs of this many samples fit into no cache: they are written to memory directly, which spares reading
each line first."""


@inline
def aligned(size: int) -> Any:
    """Zeros that start at a cache line."""
    memory = np.zeros(size + LINE // 4, np.float32)
    skip = (-memory.ctypes.data % LINE) // 4
    return memory[skip : skip + size]


@inline
def gather(dry: Any, source: Any, starts: Any, samples: int) -> None:
    """Lines of the flat source, from each lane's start on, into [samples, lanes]."""
    for s in range(0, samples, BLOCK):
        last = min(samples - s, BLOCK)
        for lane in range(0, LANES, BLOCK):
            for k in range(BLOCK):
                start, to = starts[lane + k] + s, (s + k) * LANES + lane
                if starts[lane + k] < 0:
                    dry[to : to + BLOCK] = ZERO
                elif last < BLOCK:
                    dry[to : to + last] = source[start : start + last]
                else:
                    move_block(dry, to, source, start)
            transpose(dry, s * LANES + lane)


@inline
def scatter(out: Any, starts: Any, samples: int, signals: Any, past_cache: bool) -> None:
    """The opposite: [samples, lanes], which is turned in place, into lines of the flat output."""
    for s in range(0, samples, BLOCK):
        last = min(samples - s, BLOCK)
        for lane in range(0, LANES, BLOCK):
            transpose(signals, s * LANES + lane)
            for k in range(BLOCK):
                start, turned = starts[lane + k] + s, (s + k) * LANES + lane
                if starts[lane + k] >= 0:
                    if last < BLOCK:
                        out[start : start + last] = signals[turned : turned + last]
                    elif past_cache:
                        stream_block(out, start, signals, turned)
                    else:
                        move_block(out, start, signals, turned)

"""Lanes: voices side by side in one array, how they lie there, and how they get in and out.

The lane array is one flat float32 array of slots, each `LANES` voices wide: state first, then constants,
then what the kernel derives from them. One array with offsets known to the compiler is what lets LLVM see
that lanes do not depend on each other; several arrays would need checks that it gives up on.

What numba does not say by itself: a fused multiply-add (`fma`), all lanes moved at once (`move_lanes`), a
block transposed (`transpose`). `gather` and `scatter` transpose between lines of samples in memory and
[samples, lanes], a block at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from simulator.synth._compiling import full_width, inline

# Two vectors of sixteen: while one waits for its last result, the processor works on the other.
LANES = 32
BLOCK = 16
"""Samples, and lanes, of a block that `transpose` turns: 16 floats are a cache line."""
LINE = 64
"""Bytes of a cache line."""
PAST_CACHE = 1 << 21
"""Outputs of this many samples fit into no cache: they are written to memory directly, which spares reading
each line first."""

F = np.float32
ZERO, ONE, TWO, HALF = F(0), F(1), F(2), F(0.5)

# Rows of the levels in a control frame, which slew.
MIX1, MIX2, CUTOFF, GAIN = range(4)
LEVELS = 4

# Columns of `constants`, one row a voice.
(SAW1, EDGE1, NOISE1, WIDTH1, SAW2, EDGE2, NOISE2, WIDTH2) = range(8)
(FIXED_DAMPING, DAMPING, POLES4, HPF_HZ, SYNC12, SYNC21, FM12, FM21) = range(8, 16)
CONSTANTS = 16

# Columns of `state`, one row a voice: what a voice remembers between calls.
(HEIGHT1, HEIGHT2, CUT1, CUT2, OWED1, OWED2, OWED_EDGE1, OWED_EDGE2) = range(8)
(LAST1, LAST2, BEFORE1, BEFORE2, A_BAND, A_LOW, B_BAND, B_LOW, HIGH, PREVIOUS) = range(8, 18)
STATE = PREVIOUS + LEVELS

# Slots of the lane array that are neither state nor constants.
WA1, WB1, WA2, WB2 = range(STATE + CONSTANTS, STATE + CONSTANTS + 4)
START1, START2, STEP1, STEP2 = range(WB2 + 1, WB2 + 5)
NEAR1, FAR1, NEAR2, FAR2 = range(STEP2 + 1, STEP2 + 5)
TARGET = FAR2 + 1
A1, A2, A3, B1, B2, B3, HIGH_PASS = range(TARGET + LEVELS, TARGET + LEVELS + 7)
# Slots that hold 32-bit integers, bit for bit.
PHASE1, PHASE2, INCREMENT1, INCREMENT2, EDGE_AT1, EDGE_AT2, SEED = range(HIGH_PASS + 1, HIGH_PASS + 8)
# The sample on its way from one stage to the next.
SIGNAL, TURNED = HIGH_PASS + 8, HIGH_PASS + 9
SLOTS = TURNED + 1

# Ways to run the oscillators, the cheaper first: see `simulator.synth._oscillators`. Each can do what those
# before it can, to the bit.
PLAIN, BENT, SYNCED, MUTUAL = range(4)


@inline
def at(slot: Any, lane: Any) -> Any:
    """Index of a lane's value in the lane array."""
    return slot * LANES + lane


@inline
def as_int(x: Any) -> Any:
    """The integer whose bits a float slot holds."""
    return np.float32(x).view(np.int32)


@inline
def as_bits(x: Any) -> Any:
    """A float slot holding an integer's bits."""
    return np.int32(x).view(np.float32)


@intrinsic
def fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c`` in float32, rounded once: the same bits on every processor."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float32(types.float32, types.float32, types.float32), generate


def _mover(size: int, past_cache: bool = False) -> Any:
    """A function that copies ``size`` floats from ``source[j:]`` to ``to[i:]``, flat float32 arrays.

    ``past_cache``: to memory directly; ``to[i:]`` must lie at a multiple of the size in bytes.
    """

    @intrinsic
    def move(typing_context: Any, to: Any, i: Any, source: Any, j: Any) -> Any:
        signature = types.void(to, types.intp, source, types.intp)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            target, i, origin, j = arguments
            vector = builder.load(_pointer(context, builder, signature.args[2], origin, j, size), align=4)
            address = _pointer(context, builder, signature.args[0], target, i, size)
            store = builder.store(vector, address, align=4 * size if past_cache else 4)
            if past_cache:
                one = ir.Constant(ir.IntType(32), 1)
                store.set_metadata("nontemporal", builder.module.add_metadata([one]))
            return context.get_dummy_value()

        return signature, generate

    return move


move_lanes = _mover(LANES)
move_block = _mover(BLOCK)
stream_block = _mover(BLOCK, past_cache=True)


@intrinsic
def transpose(typing_context: Any, array: Any, index: Any) -> Any:
    """Turn the block at ``index`` of a flat float32 array, in place: its rows lie `LANES` apart."""
    signature = types.void(array, types.intp)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block, first = arguments
        rows, pointers = [], []
        for row in range(BLOCK):
            index = builder.add(first, ir.Constant(first.type, row * LANES))
            pointers.append(_pointer(context, builder, signature.args[0], block, index, BLOCK))
            rows.append(builder.load(pointers[-1], align=4))
        side = 1
        while side < BLOCK:
            # Exchange the squares off the diagonal of every square twice as wide.
            upper = [lane if not lane & side else BLOCK + lane - side for lane in range(BLOCK)]
            lower = [lane + side if not lane & side else BLOCK + lane for lane in range(BLOCK)]
            for row in range(BLOCK):
                if not row & side:
                    pair = rows[row], rows[row + side]
                    rows[row] = builder.shuffle_vector(*pair, _mask(upper))
                    rows[row + side] = builder.shuffle_vector(*pair, _mask(lower))
            side *= 2
        for pointer, vector in zip(pointers, rows, strict=True):
            builder.store(vector, pointer, align=4)
        return context.get_dummy_value()

    return signature, generate


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any, size: int) -> Any:
    """Address of ``size`` floats from an index of an array on."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), ir.VectorType(ir.FloatType(), size).as_pointer())


def _mask(lanes: list[int]) -> Any:
    return ir.Constant(ir.VectorType(ir.IntType(32), BLOCK), lanes)


@inline
def aligned(size: int) -> Any:
    """Zeros that start at a cache line."""
    memory = np.zeros(size + LINE // 4, np.float32)
    skip = (-memory.ctypes.data % LINE) // 4
    return memory[skip : skip + size]


@inline
def gather(dry: Any, source: Any, starts: Any, samples: int) -> None:
    """Lines of the flat source, from each lane's start on, into [samples, lanes]."""
    full_width()
    for s in range(0, samples, BLOCK):
        last = min(samples - s, BLOCK)
        for lane in range(0, LANES, BLOCK):
            for k in range(BLOCK):
                start, to = starts[lane + k] + s, (s + k) * LANES + lane
                if starts[lane + k] < 0:
                    for i in range(BLOCK):
                        dry[to + i] = ZERO
                elif last < BLOCK:
                    for i in range(last):
                        dry[to + i] = source[start + i]
                else:
                    move_block(dry, to, source, start)
            transpose(dry, s * LANES + lane)


@inline
def scatter(out: Any, starts: Any, samples: int, signals: Any, past_cache: bool) -> None:
    """The opposite: [samples, lanes], which is turned in place, into lines of the flat output."""
    full_width()
    for s in range(0, samples, BLOCK):
        last = min(samples - s, BLOCK)
        for lane in range(0, LANES, BLOCK):
            transpose(signals, s * LANES + lane)
            for k in range(BLOCK):
                start, turned = starts[lane + k] + s, (s + k) * LANES + lane
                if starts[lane + k] >= 0:
                    if last < BLOCK:
                        # Not as slices: numba would compile the text of their error message.
                        for i in range(last):
                            out[start + i] = signals[turned + i]
                    elif past_cache:
                        stream_block(out, start, signals, turned)
                    else:
                        move_block(out, start, signals, turned)

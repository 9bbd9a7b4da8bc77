"""What numba does not say by itself: a fused multiply-add, all lanes moved at once, a block transposed."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from simulator.synth._lanes import LANES

BLOCK = 16
"""Samples, and lanes, of a block that `transpose` turns: 16 floats are a cache line."""


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
def fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c`` in float32, rounded once: the same bits on every processor."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float32(types.float32, types.float32, types.float32), generate


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

"""Sixteen floats as one value in compiled code, for loops that LLVM does not turn into vector code itself.

`simulator.synth._kernel` leaves that to LLVM: one array, one loop over lanes. Where a loop over sixteen lanes
is short, LLVM unrolls it into scalars before it looks for vectors, and where two rows of a buffer lie at
distances that are known only when it runs, it cannot tell that they do not overlap. A Fourier transform is
both; written with these it is three times faster. On a processor with narrower registers LLVM cuts each
operation into as many as it takes.

`load` and `store` take an array of float32 and the index of the first of sixteen elements, and check nothing;
`splat` fills all lanes with one float32; `fused` multiplies and adds with one rounding; `absolute` drops
signs. Vectors add, subtract and multiply lane by lane. Nothing is reordered or fused unasked, so that all
processors give the same bits.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, overload, register_model

WIDTH = 16
_IR = ir.VectorType(ir.FloatType(), WIDTH)


class VectorType(types.Type):
    """The type of sixteen floats in compiled code."""

    def __init__(self) -> None:
        super().__init__(name="float32x16")


_VECTOR = VectorType()


@register_model(VectorType)
class _Model(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, of: Any) -> None:
        super().__init__(manager, of, _IR)


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), _IR.as_pointer())


@intrinsic
def load(_typing: Any, array: Any, index: Any) -> Any:
    """Elements ``index`` to ``index + 15`` of a contiguous float32 array."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        loaded = builder.load(_pointer(context, builder, signature.args[0], values[0], values[1]))
        loaded.align = 4
        return loaded

    return _VECTOR(array, types.intp), code


@intrinsic
def store(_typing: Any, array: Any, index: Any, value: Any) -> Any:
    """Write a vector to elements ``index`` to ``index + 15`` of a contiguous float32 array."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        builder.store(values[2], _pointer(context, builder, signature.args[0], values[0], values[1]), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, _VECTOR), code


@intrinsic
def splat(_typing: Any, x: Any) -> Any:
    """A float32 in every lane."""

    def code(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        undefined = ir.Constant(_IR, ir.Undefined)
        first = builder.insert_element(undefined, values[0], ir.Constant(ir.IntType(32), 0))
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
        return builder.shuffle_vector(first, undefined, everywhere)

    return _VECTOR(types.float32), code


@intrinsic
def fused(_typing: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c`` of three vectors, lane by lane, rounded once."""

    def code(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        of_three = ir.FunctionType(_IR, [_IR] * 3)
        name = f"llvm.fma.v{WIDTH}f32"
        return builder.call(cgutils.get_or_insert_function(builder.module, of_three, name), values)

    return _VECTOR(_VECTOR, _VECTOR, _VECTOR), code


@intrinsic
def absolute(_typing: Any, a: Any) -> Any:
    """A vector without its signs."""

    def code(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        of_one = ir.FunctionType(_IR, [_IR])
        name = f"llvm.fabs.v{WIDTH}f32"
        return builder.call(cgutils.get_or_insert_function(builder.module, of_one, name), values)

    return _VECTOR(_VECTOR), code


def _lane_by_lane(operation: Callable[..., Any], instruction: str) -> None:
    """Let two vectors be joined by an operator."""

    @intrinsic
    def compute(_typing: Any, a: Any, b: Any) -> Any:
        def code(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            return getattr(builder, instruction)(*values)

        return _VECTOR(_VECTOR, _VECTOR), code

    def joined(a: Any, b: Any) -> Any:
        return compute(a, b)

    @overload(operation)
    def typed(a: Any, b: Any) -> Any:
        return joined if isinstance(a, VectorType) and isinstance(b, VectorType) else None


_lane_by_lane(operator.add, "fadd")
_lane_by_lane(operator.sub, "fsub")
_lane_by_lane(operator.mul, "fmul")

"""A batched FFT: sixteen windows of 2048 real samples at a time, a lane each.

The samples of a window are taken as 1024 complex ones (even samples real, odd ones imaginary), transformed by
five passes of radix 4 (Stockham's, which leave the spectrum in order), and taken apart into the power of 1025
bins. Real and imaginary parts lie in planes of [1024, lanes], `PLANE` floats apart.

**Sixteen floats as one value** in compiled code, for loops that LLVM does not turn into vector code itself.
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

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, overload, register_model
from numpy.typing import NDArray

from simulator.synth._compiling import inline

WIDTH = 16
"""Lanes: floats of a vector."""
WINDOW = 2048
"""Samples of a window."""
BINS = WINDOW // 2 + 1
"""Bins of its spectrum."""

_HALF = WINDOW // 2
PLANE = (_HALF + 4) * WIDTH
"""Floats from the plane of real parts to that of imaginary ones. A little apart: at powers of two they would
share a few cache lines."""

F = np.float32
_IR = ir.VectorType(ir.FloatType(), WIDTH)


def _twiddles() -> NDArray[np.float32]:
    """Factors of all passes, one after the other: cos and sin of one, two and three steps."""
    passes = []
    size = _HALF
    while size >= 4:
        turns = np.exp(-2j * np.pi / size * np.arange(size // 4)[:, None] * np.arange(1, 4))
        passes.append(np.stack((turns.real, turns.imag), axis=-1).ravel())
        size //= 4
    return np.concatenate(passes).astype(np.float32)


HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)
TWIDDLES = _twiddles()
_ANGLES = 2 * np.pi / WINDOW * np.arange(_HALF // 2 + 1)
TURNS = np.stack((np.cos(_ANGLES), np.sin(_ANGLES)), axis=-1).ravel().astype(np.float32)


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


@inline
def _four(
    ar: Any, ai: Any, br: Any, bi: Any, cr: Any, ci: Any, dr: Any, di: Any,
    y: Any, to: int, span: int, tw: Any, t: int,
) -> None:  # fmt: skip
    """A transform of four complex numbers, turned by their factors and written ``span`` apart."""
    pr, pi, mr, mi = ar + cr, ai + ci, ar - cr, ai - ci
    qr, qi, jr, ji = br + dr, bi + di, di - bi, br - dr
    store(y, to, pr + qr)
    store(y, to + PLANE, pi + qi)
    _turned(mr - jr, mi - ji, splat(tw[t]), splat(tw[t + 1]), y, to + span)
    _turned(pr - qr, pi - qi, splat(tw[t + 2]), splat(tw[t + 3]), y, to + 2 * span)
    _turned(mr + jr, mi + ji, splat(tw[t + 4]), splat(tw[t + 5]), y, to + 3 * span)


@inline
def _turned(re: Any, im: Any, c: Any, s: Any, y: Any, to: int) -> None:
    store(y, to, fused(re, c, splat(F(0)) - im * s))
    store(y, to + PLANE, fused(re, s, im * c))


@inline
def _first_pass(v: Any, at: int, window: Any, y: Any, tw: Any) -> None:
    """The first pass, straight from the samples: even ones are real parts, odd ones imaginary parts."""
    quarter = WINDOW // 4
    for p in range(_HALF // 4):
        n, i = 2 * p, at + 2 * p * WIDTH
        m, j = n + quarter, i + quarter * WIDTH
        ar, ai = load(v, i) * splat(window[n]), load(v, i + WIDTH) * splat(window[n + 1])
        br, bi = load(v, j) * splat(window[m]), load(v, j + WIDTH) * splat(window[m + 1])
        n, i = n + 2 * quarter, i + 2 * quarter * WIDTH
        m, j = m + 2 * quarter, j + 2 * quarter * WIDTH
        cr, ci = load(v, i) * splat(window[n]), load(v, i + WIDTH) * splat(window[n + 1])
        dr, di = load(v, j) * splat(window[m]), load(v, j + WIDTH) * splat(window[m + 1])
        _four(ar, ai, br, bi, cr, ci, dr, di, y, 4 * WIDTH * p, WIDTH, tw, 6 * p)


def _pass(size: int, first_factor: int) -> Callable[..., None]:
    """A later pass: transforms of ``size``, every one of which becomes four of a quarter."""
    count, stride = size // 4, _HALF // size
    span, leg = stride * WIDTH, stride * count * WIDTH

    @inline
    def stockham(x: Any, y: Any, tw: Any) -> None:
        for p in range(count):
            for q in range(stride):
                i = span * p + WIDTH * q
                ar, ai = load(x, i), load(x, i + PLANE)
                br, bi = load(x, i + leg), load(x, i + leg + PLANE)
                cr, ci = load(x, i + 2 * leg), load(x, i + 2 * leg + PLANE)
                dr, di = load(x, i + 3 * leg), load(x, i + 3 * leg + PLANE)
                to = 4 * span * p + WIDTH * q
                _four(ar, ai, br, bi, cr, ci, dr, di, y, to, span, tw, first_factor + 6 * p)

    return stockham


_pass2 = _pass(256, 6 * 256)
_pass3 = _pass(64, 6 * (256 + 64))
_pass4 = _pass(16, 6 * (256 + 64 + 16))
_pass5 = _pass(4, 6 * (256 + 64 + 16 + 4))


@inline
def _bins(z: Any, power: Any, turns: Any) -> None:
    """Four times the power of every bin: the spectra of even and odd samples taken apart and joined."""
    even, odd, four = load(z, 0), load(z, PLANE), splat(F(4))
    store(power, 0, four * (even + odd) * (even + odd))
    store(power, _HALF * WIDTH, four * (even - odd) * (even - odd))
    for j in range(1, _HALF // 2 + 1):
        a, b = j * WIDTH, (_HALF - j) * WIDTH
        ar, ai, br, bi = load(z, a), load(z, a + PLANE), load(z, b), load(z, b + PLANE)
        even_r, even_i, odd_r, odd_i = ar + br, ai - bi, ai + bi, br - ar
        c, s = splat(turns[2 * j]), splat(turns[2 * j + 1])
        turned_r, turned_i = fused(odd_r, c, odd_i * s), fused(odd_i, c, splat(F(0)) - odd_r * s)
        ur, ui, wr, wi = even_r + turned_r, even_i + turned_i, even_r - turned_r, even_i - turned_i
        store(power, a, fused(ur, ur, ui * ui))
        store(power, b, fused(wr, wr, wi * wi))


@inline
def transform(v: Any, at: int, window: Any, tw: Any, turns: Any, x: Any, y: Any, power: Any) -> None:
    """Four times the power of every bin, [1025, lanes] flat, of 2048 rows of ``v`` from element ``at`` on.

    ``v`` holds samples as [any, lanes], flat; ``window``, ``tw`` and ``turns`` are `HANN`, `TWIDDLES` and
    `TURNS`; ``x`` and ``y`` are buffers of 2 * `PLANE` floats.
    """
    _first_pass(v, at, window, x, tw)
    _pass2(x, y, tw)
    _pass3(y, x, tw)
    _pass4(x, y, tw)
    _pass5(y, x, tw)
    _bins(x, power, turns)

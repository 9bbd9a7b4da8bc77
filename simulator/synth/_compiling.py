"""How functions are compiled: numba's decorators, and one cache on disk, keyed by what is compiled.

numba's own cache notices a change of the file in which the cached function stands, and of the values it
closes over, but none of the files from which other functions are compiled into it. `Cached` notices all.
"""

from __future__ import annotations

import hashlib
import logging
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numba
import numpy as np
from numba import types
from numba.core import event
from numba.core.caching import FunctionCache
from numba.extending import intrinsic

# Neither reordering nor contraction: results must not depend on the surroundings, nor on the processor.
# Where a multiply-add is meant, `simulator.synth._lanes.fma` says so.
FAST = {"nsz"}
# No fast mathematics: a control frame has the same bits however the loop around it is compiled.
scalar = numba.njit(forceinline=True, error_model="numpy")
inline = numba.njit(forceinline=True, error_model="numpy", fastmath=FAST)

_log = logging.getLogger("simulator")
# Global values that count by what they are; functions and modules count by the text of their files.
_CONSTANTS = (bool, int, float, complex, str, bytes, tuple, frozenset, np.generic)


@intrinsic
def full_width(typing_context: Any) -> Any:
    """Vectorise the calling function's loops to 512 bits: sets LLVM's attribute ``prefer-vector-width``.

    By itself LLVM keeps to 256 bits on Intel's servers. Processors without AVX-512 take no notice, nor do
    AMD's, which get 512 anyway. Each function that holds a loop over lanes calls it first, the inlined ones
    too: numba optimises every function by itself before it is inlined. What a lane computes does not depend
    on how many go side by side.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        # llvmlite's own `add` takes only the attributes that it has a list of.
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), generate


class _Cache(FunctionCache):  # type: ignore[misc]  # numba has no types
    """numba's cache of one function on disk, its keys holding a `digest` in place of the function's code."""

    def __init__(self, plain: FunctionType, digest: bytes) -> None:
        super().__init__(plain)
        self._digest = digest

    def _index_key(self, signature: Any, codegen: Any) -> Any:
        return signature, codegen.magic_tuple(), self._digest

    def holds(self, signature: tuple[Any, ...], context: Any) -> bool:
        """Whether the function is on disk for a type of arguments."""
        context.refresh()
        key = self._index_key(signature, context.codegen())
        try:
            return key in self._cache_file._load_index()
        except PermissionError:  # Windows, while another process writes
            return False


class Cached:
    """A compiled function, kept on disk under a hash of all that is compiled into it.

    `simulator.synth.compilation` compiles several at a time, ahead of their first call.

    A first call that has to compile is logged, as INFO of the logger ``simulator``.

    Args:
        function: what `numba.njit` gives, without a cache of its own.
        arguments: numba's types of its arguments. Others are compiled when they come.
        seconds: CPU time that compiling takes, of one core of a Xeon at 2.6 GHz (`benchmarks.bars`).
        family: loops of one family share parts, which compile once in a process; default: the module.
        name: its file's name in the cache; default: the function's. Functions that a factory makes have one
            name and one line, and need names of their own.
    """

    def __init__(
        self,
        function: Any,
        arguments: tuple[Any, ...] = (),
        seconds: float = 1.0,
        name: str = "",
        family: str = "",
    ) -> None:
        plain = function.py_func
        if name:
            plain.__name__ = plain.__qualname__ = name
        self.ready = function
        """The function as numba has it."""
        self.arguments, self.seconds = arguments, seconds
        self.module, self.name = str(plain.__module__), str(plain.__qualname__)
        self.family = family or self.module
        self._cache: _Cache | None = None
        # Without a place to write, a read-only installation and no home, it is compiled in every process.
        with suppress(RuntimeError):
            self._cache = function._cache = _Cache(plain, digest(function))
        if arguments:
            loops[self.module, self.name] = self

    def __call__(self, *arguments: Any) -> None:
        if self.ready.overloads:
            self.ready(*arguments)
        else:
            with event.install_listener("numba:compile", _Announcer(self.seconds)):
                self.ready(*arguments)

    @property
    def keeps(self) -> bool:
        """Whether there is a place to keep it."""
        return self._cache is not None

    def to_compile(self) -> bool:
        """Whether a call would have to compile: it is neither in memory nor on disk."""
        if self.ready.overloads:
            return False
        return self._cache is None or not self._cache.holds(self.arguments, self.ready.targetctx)

    def prepare(self) -> None:
        """Load it from disk, or compile and keep it."""
        self.ready.compile(self.arguments)


loops: dict[tuple[str, str], Cached] = {}
"""Every loop that has been imported and can be compiled ahead, by module and name."""


def digest(function: Any) -> bytes:
    """A hash, 32 bytes, of the files and constants that are compiled into a function: `compiled_in`."""
    files, constants = compiled_in(function)
    parts = [path.read_bytes() for path in sorted(files)] + [text.encode() for text in sorted(constants)]
    return hashlib.sha256(b"\0".join(parts)).digest()


def compiled_in(function: Any) -> tuple[set[Path], set[str]]:
    """What is compiled into a function: files, and constants as ``name=value``.

    Files: in which the function stands, those that it calls, that these call, and so on, and modules that any
    of them names, of the function's own package and of the simulator. A constant may have been imported from
    a file that is not among them, so all that these functions name count by their values.
    """
    packages = {_package(function), _package(full_width)}
    files, constants = {Path(__file__)}, set()
    waiting, seen = [("", function)], set()
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, _CONSTANTS):
            constants.add(f"{name}={value!r}")
        elif isinstance(value, np.ndarray):
            constants.add(f"{name}={value.tolist()!r}")
        elif id(value) not in seen and _package(value) in packages:
            seen.add(id(value))
            files.add(_file(value))
            # Behind what numba makes of a function (`njit`; `intrinsic`) stands the function.
            plain = getattr(value, "py_func", getattr(value, "_defn", value))
            if isinstance(plain, FunctionType):
                waiting.extend(_named_by(plain))
    return files, constants


def _package(value: Any) -> str:
    module = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    return str(module).partition(".")[0]


def _file(value: Any) -> Path:
    module = value if isinstance(value, ModuleType) else sys.modules[value.__module__]
    return Path(str(module.__file__))


def _named_by(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """The global values that a function names, of modules their attributes, and the values it closes over."""
    names = set(_names(function.__code__))
    for name in names & function.__globals__.keys():
        value = function.__globals__[name]
        yield name, value
        if isinstance(value, ModuleType):
            yield from ((other, getattr(value, other)) for other in names if hasattr(value, other))
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield name, cell.cell_contents


def _names(code: CodeType) -> Iterator[str]:
    """Names in a function and in the functions within it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


class _Announcer(event.Listener):  # type: ignore[misc]  # numba has no types
    """Logs a compilation once; what is loaded from the cache is not compiled."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._done = seconds, False

    def on_start(self, event: Any) -> None:
        if not self._done:
            self._done = True
            _log.info("compiling for this processor: once, about %.0f s", max(self._seconds, 1))

    def on_end(self, event: Any) -> None:
        """Nothing to say: the sound follows."""

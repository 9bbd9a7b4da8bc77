"""Vector width of the compiled loops: which registers the machine code calculates in."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from numba import types
from numba.core.registry import cpu_target

from simulator.synth import _kernel, chorus
from simulator.synth._compiling import FAST, full_width

ROOT = Path(__file__).resolve().parents[3]
TRIPLE, _, FEATURES = cpu_target.target_context.codegen().magic_tuple()
X86 = TRIPLE.startswith(("x86_64", "i686"))
WIDE = X86 and "+avx512f" in FEATURES.split(",")
LINE, PLANE = types.Array(types.float32, 1, "C"), types.Array(types.int64, 2, "C")
WEIGHTS = types.Array(types.float32, 3, "C")
# Copies and shuffles of blocks take the widest registers in any case; sums and products do not.
ARITHMETIC = re.compile(r"^\s+v(?:fn?m(?:add|sub)\d+|add|sub|mul|div|min|max)ps\s.*%([xyz]mm)\d")


def registers(assembly: str) -> Counter[str]:
    """How many instructions of float arithmetic use registers of each width."""
    return Counter(match[1] for line in assembly.splitlines() if (match := ARITHMETIC.match(line)))


def compiled(signature: tuple[Any, ...], function: Callable[..., None]) -> str:
    """Machine code of a function for this processor."""
    ready = numba.njit(signature, error_model="numpy", fastmath=FAST)(function)
    (assembly,) = ready.inspect_asm().values()
    return str(assembly)


def oscillators() -> str:
    """Of the first stage."""
    stage = _kernel._plain

    def run(w: Any, signals: Any, samples: int) -> None:
        full_width()
        stage(w, signals, 0, 0, samples, np.float32(0.01))

    return compiled((LINE, LINE, types.intp), run)


def filters() -> str:
    """Of the second stage."""
    stage = _kernel._filter

    def run(w: Any, signals: Any, samples: int) -> None:
        full_width()
        stage(w, signals, 0, samples, np.float32(0.01))

    return compiled((LINE, LINE, types.intp), run)


def chorus_loop() -> str:
    """Of the chorus with one LFO for all."""
    stage = chorus._together

    def run(w: Any, line: Any, sides: Any, rows: Any, weights: Any, samples: int, g: Any) -> None:
        full_width()
        gains = (g[0], g[1], g[2], g[3], g[4], g[5], g[6], g[7])
        stage(w, line, sides, rows, weights, 0, samples, 0, 1023, True, gains)

    return compiled((LINE, LINE, LINE, PLANE, WEIGHTS, types.intp, LINE), run)


@pytest.mark.skipif(not WIDE, reason="this processor has no AVX-512, or numba was told not to use it")
@pytest.mark.parametrize("stage", [oscillators, filters, chorus_loop])
def test_lanes_fill_the_widest_registers(stage: Callable[[], str]) -> None:
    found = registers(stage())
    assert found["zmm"] > 50
    assert found["ymm"] == found["xmm"] == 0


LOOPS = """
import re
import numba
from numba import types
from simulator.synth._compiling import FAST, full_width

def plain(x, y):
    for k in range(64):
        x[k] = x[k] * y[k] + x[k]

def asking(x, y):
    full_width()
    for k in range(64):
        x[k] = x[k] * y[k] + x[k]

for function in (plain, asking):
    line = types.Array(types.float32, 1, "C")
    (assembly,) = numba.njit((line, line), error_model="numpy")(function).inspect_asm().values()
    code = assembly.replace(function.__name__, "name").splitlines()
    print(" | ".join(line for line in code if re.match(r"\\s+v(mul|add)ps\\s", line)))
"""


@pytest.mark.skipif(not X86, reason="the attribute is of x86")
@pytest.mark.parametrize(("processor", "asked_for"), [("haswell", "ymm"), ("icelake-server", "zmm")])
def test_only_processors_with_wider_registers_take_notice(processor: str, asked_for: str) -> None:
    """Compiled for another processor, and not run."""
    surroundings = os.environ | {
        "PYTHONPATH": str(ROOT),
        "NUMBA_CPU_NAME": processor,
        "NUMBA_CPU_FEATURES": "",
    }
    said = subprocess.run(
        [sys.executable, "-c", LOOPS], env=surroundings, capture_output=True, text=True, check=True
    ).stdout
    plain, asking = said.splitlines()
    widths = [set(re.findall(r"%([xyz]mm)\d", code)) for code in (plain, asking)]
    assert widths == [{"ymm"}, {asked_for}]
    assert (plain == asking) == (asked_for == "ymm")

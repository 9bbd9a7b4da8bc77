"""The control loop's arithmetic: records of voices in, control frames out.

Any range of ticks of any voices, from closed forms, at the end of each tick. One voice after the other
and one tick after the other, so that a branch costs nothing where a whole array would be computed, and a
value that does not change is not computed again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from simulator.synth._compiling import scalar
from simulator.synth._lanes import CUTOFF, GAIN, LEVELS, MIX1, MIX2
from simulator.synth.envelopes import held, level
from simulator.synth.lfo import swing, wander

A4_HZ = 440.0
LARGEST_DIVIDER = 65535.0


@scalar
def _count(clock: Any, octaves: Any, stepping: Any) -> Any:
    """What a counter of 16 bits divides its clock (Hz) by, for a pitch in octaves above A4."""
    count = clock / A4_HZ * math.exp2(-octaves)
    if stepping:
        count = np.rint(count)
    return min(max(count, 2.0), LARGEST_DIVIDER)


@scalar
def _glide(voice: Any, tick: Any, tick_s: Any) -> Any:
    """Octaves that portamento is still away from the pitch."""
    left = abs(voice.glide_from) - voice.glide_rate * (tick - voice.glide_since) * tick_s
    return math.copysign(max(left, 0.0), voice.glide_from)


@numba.njit(nogil=True, error_model="numpy")
def _fill(voices: Any, board: Any, first: int, frequencies: Any, levels: Any) -> None:
    """See `fill`."""
    tick_s = board.tick_s
    for n in range(voices.shape[0]):
        v = voices[n]
        swings = v.pitch_lfo1 != 0 or v.pitch_lfo2 != 0 or v.cutoff_lfo != 0
        key_down_s = (v.off - v.on) * tick_s
        at_release1 = held(key_down_s, v.attack1, v.decay1, v.sustain1)
        at_release2 = held(key_down_s, v.attack2, v.decay2, v.sustain2)
        was1, was2, cutoff_was = math.nan, math.nan, math.nan
        hz1, hz2, cutoff = 0.0, 0.0, np.float32(0)
        for t in range(frequencies.shape[2]):
            tick = first + t + 1
            age, released = (tick - v.on) * tick_s, (tick - v.off) * tick_s
            env1 = level(age, released, at_release1, v.attack1, v.decay1, v.sustain1, v.release1)
            env2 = level(age, released, at_release2, v.attack2, v.decay2, v.sustain2, v.release2)
            lfo = swing(v, board, tick, age) if swings else 0.0

            env = env1 if v.pitch_envelope == 1 else env2
            glide = _glide(v, tick, tick_s) if v.glide_from != 0 else 0.0
            octaves1 = v.pitch1 + v.pitch_env1 * env + v.pitch_lfo1 * lfo + glide
            octaves2 = v.pitch2 + v.pitch_env2 * env + v.pitch_lfo2 * lfo + glide
            if octaves1 != was1:
                was1, hz1 = octaves1, v.tuned1 / _count(v.clock1, octaves1, board.stepping)
            if octaves2 != was2:
                was2, hz2 = octaves2, v.tuned2 / _count(v.clock2, octaves2, board.stepping)
            frequencies[0, n, t], frequencies[1, n, t] = hz1, hz2

            env = env1 if v.mix_envelope == 1 else env2
            opening = 1 - env if v.mix_inverted else env
            first_gain, second_gain = v.mix1, v.mix2 * (1 - v.mix_depth + v.mix_depth * opening)
            if board.crossfade:
                first_gain = v.mix1 * (1 - v.mix_depth + v.mix_depth * opening)
                second_gain = v.mix2 * (1 - v.mix_depth + v.mix_depth * (1 - opening))
            levels[MIX1, n, t], levels[MIX2, n, t] = first_gain, second_gain

            env = env1 if v.cutoff_envelope == 1 else env2
            octaves = v.cutoff + v.cutoff_env * env + v.cutoff_lfo * lfo
            if board.drift != 0:
                octaves += board.drift * wander(v.drift_seed, tick * tick_s / board.drift_s)
            if octaves != cutoff_was:
                cutoff_was = octaves
                cutoff = np.float32(math.exp2(min(max(octaves, board.lowest), board.highest)))
            levels[CUTOFF, n, t] = cutoff

            shape = env2
            if v.gated:
                shape = 1.0 if released <= 0 else 0.0
            levels[GAIN, n, t] = v.gain * shape if age > 0 else 0.0


def _entry(source: bytes) -> Callable[..., None]:
    """The compiled loop, cached on disk; see `simulator.synth._kernel` for why it closes over its sources."""

    def entry(*arguments: Any) -> None:
        if len(source) > 0:
            _fill(*arguments)

    try:
        return numba.njit(nogil=True, cache=True)(entry)
    except RuntimeError:  # nowhere to write a cache
        return numba.njit(nogil=True)(entry)


_PARTS = ("_compiling.py", "controls.py", "envelopes.py", "frames.py", "_lanes.py", "lfo.py", "seeds.py")
_compiled = _entry(b"".join(Path(__file__).with_name(part).read_bytes() for part in _PARTS))


def fill(
    voices: NDArray[np.void], board: np.void, first: int, ticks: int
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Control frames of ``ticks`` ticks from tick ``first``.

    ``voices``: N records `simulator.synth.controls.VOICE`; ``board``: a record `BOARD`. Returns frequencies,
    float64[2, N, ticks] in Hz, and levels, float32[4, N, ticks]: mixer 1, mixer 2, cutoff in Hz, VCA.
    """
    frequencies = np.empty((2, len(voices), ticks))
    levels = np.empty((LEVELS, len(voices), ticks), np.float32)
    _compiled(voices, board, first, frequencies, levels)
    return frequencies, levels

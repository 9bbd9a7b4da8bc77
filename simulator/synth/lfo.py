"""The LFO and the drift: what wanders by itself, in closed form over ticks."""

from __future__ import annotations

import math
from typing import Any

from simulator.synth._compiling import scalar
from simulator.synth.seeds import random_at

RANDOM, SQUARE = 0, 1


@scalar
def swing(voice: Any, board: Any, tick: Any, age: Any) -> Any:
    """The LFO of one voice at the end of a tick, -1 to 1, ``age`` seconds after its key went down.

    Its phase counts from the tick ``lfo_since``: of the key, or where an LFO runs free. After its
    delay it comes in over the fade.
    """
    turns = voice.lfo_turns + max(tick - voice.lfo_since, 0) * board.tick_s * voice.lfo_rate
    whole = math.floor(turns)
    phase = turns - whole
    if voice.lfo_wave == RANDOM:
        wave = random_at(voice.lfo_seed, int(whole))
    elif voice.lfo_wave == SQUARE:
        wave = 1.0 if phase < 0.5 else -1.0
    elif board.sine:
        wave = math.sin(2 * math.pi * phase)
    else:
        shifted = phase + 0.75
        wave = 4 * abs(shifted - math.floor(shifted) - 0.5) - 1
    if voice.lfo_delay > 0:
        wave *= min(max((age - voice.lfo_delay) / max(voice.lfo_fade, 1e-9), 0.0), 1.0)
    return wave


@scalar
def wander(seed: Any, turns: Any) -> Any:
    """A slow smooth random curve, -1 to 1: random turning points, one a turn, and S-curves between."""
    whole = math.floor(turns)
    part = turns - whole
    here, there = random_at(seed, int(whole)), random_at(seed, int(whole) + 1)
    return here + (there - here) * (part * part * (3 - 2 * part))

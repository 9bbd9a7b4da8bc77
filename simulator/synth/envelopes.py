"""Envelopes in closed form: thesis eq. 4.11 and 4.12, which are a model's choice and not measured.

With attack a, decay d, sustain s, release r, and t from the start of the segment: attack (t / a)^(1/3),
decay (1 - t / d)^3 (1 - s) + s, release from level l: l (1 - t / r)^3.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simulator.synth._compiling import scalar


@scalar
def held(age: Any, attack: Any, decay: Any, sustain: Any) -> Any:
    """Level 0 to 1 while the key is down, ``age`` seconds after it went down (0 before)."""
    if age < attack:
        return np.cbrt(max(age, 0.0) / attack)
    left = 1 - (age - attack) / decay
    if left <= 0:
        return sustain
    return left * left * left * (1 - sustain) + sustain


@scalar
def level(
    age: Any, released: Any, at_release: Any, attack: Any, decay: Any, sustain: Any, release: Any
) -> Any:
    """Level 0 to 1; ``released``: seconds since the key went up, where the level was ``at_release``."""
    if released <= 0:
        return held(age, attack, decay, sustain)
    left = max(1 - released / release, 0.0)
    return at_release * (left * left * left)

"""Audibility: which parameters a tone lets be heard, read off its routing.

LFO RATE means nothing where no LFO depth is up; a DCO that is mixed out and modulates nothing has no
sound. Such parameters are left out of loss and metrics. The rules of `audible` follow the block diagram
(thesis figure 3.9); they are a first cut, made without rendering, and err on the side of "audible". Who asks
the sound itself changes one parameter at a time (`one_at_a_time`) and compares renders
(`estimator.inference.objective.heard_in`, `estimator.papers.vecoven2020.audible`).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from estimator.network.parameters import HEADS
from jxctl.protocol.parameters import parameter

_Value = TypeVar("_Value", np.int64, np.float64)

DEAF = ("VCA LEVEL", "VCA DYNA")
"""Distances are between sounds of equal level: nothing tells these."""
SAME = 1e-6
"""Values so near are one value: far below a class, and below a raw step as a share of the range (chosen)."""
_FROM_ENV1 = 2  # positions 2 and 3 of a MODE switch select ENV-1


@functools.cache
def _positions(name: str) -> NDArray[np.int64]:
    """Position by raw value, int64[128]."""
    return np.array(parameter(name).classes)


def one_at_a_time(
    values: NDArray[_Value], trials: Sequence[Iterable[float]]
) -> tuple[NDArray[np.int64], NDArray[_Value]]:
    """One-at-a-time variants of a tone, for asking a sound what can be heard in it.

    ``values``: [n], classes or targets. ``trials``: for each of the n the values it is tried at; one that it
    has already is left out. Returns which of the n each variant changes, int64[M], and the variants, [M, n].
    """
    which, variants = [], []
    for k, tried in enumerate(trials):
        for value in tried:
            if abs(value - values[k]) > SAME:
                other = values.copy()
                other[k] = value
                which.append(k)
                variants.append(other)
    return np.array(which, np.int64), np.array(variants, values.dtype).reshape(-1, len(values))


def audible(tones: np.ndarray) -> NDArray[np.bool_]:
    """Whether each estimated parameter can be heard in each tone: bool[N, heads].

    VCA LEVEL never is: features are relative to a sound's own peak.
    """

    def raw(name: str) -> NDArray[np.uint8]:
        return np.asarray(tones[:, parameter(name).column])

    def position(name: str) -> NDArray[np.int64]:
        return _positions(name)[raw(name)]

    coupled = position("DCO XMOD") > 0
    dco1 = (raw("MIX DCO1") > 0) | coupled
    dco2 = raw("MIX DCO2") > 0
    # Coupled oscillators hear each other: DCO-2's pitch sounds through DCO-1 in x-mod.
    dco2_tuned = dco2 | (position("DCO XMOD") >= 2)
    pitched1 = dco1 & (position("DCO1 WF") > 0)
    pitched2 = dco2_tuned & (position("DCO2 WF") > 0)
    pitch_env = (pitched1 & (raw("DCO1 ENV") > 0)) | (pitched2 & (raw("DCO2 ENV") > 0))
    mix_env = dco2 & (raw("MIX ENV") > 0)
    vcf_env = raw("VCF ENV") > 0
    lfo = (pitched1 & (raw("DCO1 LFO") > 0)) | (pitched2 & (raw("DCO2 LFO") > 0)) | (raw("VCF LFO") > 0)
    routed = (("DCO", pitch_env), ("MIX", mix_env), ("VCF", vcf_env))
    env1 = np.any([used & (position(f"{block} MODE") >= _FROM_ENV1) for block, used in routed], axis=0)
    env2 = np.any([used & (position(f"{block} MODE") < _FROM_ENV1) for block, used in routed], axis=0)
    env2 |= position("VCA MODE") == 1

    everywhere = np.ones(len(tones), bool)
    rules = {
        "DCO1 RANGE": pitched1, "DCO1 WF": dco1, "DCO1 TUNE": pitched1, "DCO1 LFO": pitched1,
        "DCO1 ENV": pitched1, "DCO2 RANGE": pitched2, "DCO2 WF": dco2_tuned, "DCO2 TUNE": pitched2,
        "DCO2 FTUNE": pitched2, "DCO2 LFO": pitched2, "DCO2 ENV": pitched2,
        "DCO DYNA": pitch_env, "DCO MODE": pitch_env,
        "MIX ENV": dco2, "MIX DYNA": mix_env, "MIX MODE": mix_env,
        "VCF DYNA": vcf_env, "VCF MODE": vcf_env,
        "VCA LEVEL": ~everywhere, "VCA DYNA": ~everywhere,
        "LFO WF": lfo, "LFO DELAY": lfo, "LFO RATE": lfo,
    }  # fmt: skip
    for stage in ("ATT", "DECY", "SUS", "REL", "KEY"):
        rules[f"ENV1 {stage}"], rules[f"ENV2 {stage}"] = env1, env2
    names = [head.parameter.name for head in HEADS]
    return np.stack([rules.get(name, everywhere) for name in names], axis=1)

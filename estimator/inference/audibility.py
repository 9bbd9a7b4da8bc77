"""Which parameters a tone lets be heard: read off its routing, or tried in the simulator.

LFO RATE means nothing where no LFO depth is up; a DCO that is mixed out and modulates nothing has no
sound. Such parameters are left out of loss and metrics. The rules of `audible` follow the block diagram
(thesis figure 3.9); they are a first cut, made without rendering, and err on the side of "audible".
`heard_in` asks the sound: it changes each parameter and listens, at the notes of the recordings.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from estimator.network.parameters import HEADS
from jxctl.protocol.parameters import parameter

if TYPE_CHECKING:
    from estimator.inference.objective import Listener

AUDIBLE_DB = 0.1
"""Log-mel distance by which a sound must change, at most, to count as changed."""
DEAF = ("VCA LEVEL", "VCA DYNA")
"""Distances are between sounds of equal level: nothing tells these."""
_TRIED_POSITIONS = 5
"""Positions of a switch that are tried; of the 25 of a TUNE, so many evenly spread."""
_FROM_ENV1 = 2  # positions 2 and 3 of a MODE switch select ENV-1


@functools.cache
def _positions(name: str) -> NDArray[np.int64]:
    """Position by raw value, int64[128]."""
    return np.array(parameter(name).classes)


def heard_in(choice: NDArray[np.int64], listener: Listener) -> NDArray[np.bool_]:
    """Whether each estimated parameter can be heard in a tone at the listener's notes: bool[heads].

    ``choice``: int64[heads], classes. A level is tried at both ends and 24 raw to either side, a switch in
    its other positions; it can be heard if one of these changes the log-mel spectrogram by more than
    `AUDIBLE_DB` against the tone itself, levels matched. Renders about 160 tones, which do not count as
    candidates.
    """
    places, tried = [], []
    for k, head in enumerate(HEADS):
        if head.parameter.name in DEAF:
            continue
        here, last = int(choice[k]), head.classes - 1
        if head.parameter.kind == "level":
            values = {0, last, max(here - 24, 0), min(here + 24, last)}
        else:
            values = {int(v) for v in np.linspace(0, last, min(_TRIED_POSITIONS, last + 1)).round()}
        for value in sorted(values - {here}):
            other = choice.copy()
            other[k] = value
            places.append(k)
            tried.append(other)
    heard = np.zeros(len(HEADS), bool)
    changed = listener.between(choice, np.array(tried)) > AUDIBLE_DB
    np.logical_or.at(heard, np.array(places), changed)
    return heard


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

"""The estimated parameters: classes and raw values, distributions over classes, and what can be heard.

**Heads.** A switch has a class per position, a level a class per raw value. Logits of all parameters lie in
one row; `HEADS` says where.

**Audibility** (`audible`), read off a tone's routing. LFO RATE means nothing where no LFO depth is up; a DCO
that is mixed out and modulates nothing has no sound. Such parameters are left out of loss and metrics. The
rules follow the block diagram (thesis figure 3.9); they are a first cut, made without rendering, and err on
the side of "audible". Who asks the sound itself changes one parameter at a time (`one_at_a_time`) and
compares renders (`estimator.inference.objective.heard_in`, `estimator.papers.vecoven2020.audible`).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from jxctl.protocol.parameters import TONE_PARAMETERS, TONE_SIZE, Parameter, parameter
from simulator.prior import Prior

LEVEL_SIGMA = 2.0
"""Width in raw steps over which a level's target is spread: 62 is nearly right for 60."""

REACH = 6
"""A level that is off by so many raw steps or fewer counts as right where confidence is spoken of."""

UNHEARD = ("AFTER VIB", "AFTER BRI", "AFTER VOL", "UNKNOWN AE")
"""No sound tells these: a held note has no aftertouch, and $AE has no known effect."""

DEAF = ("VCA LEVEL", "VCA DYNA")
"""Distances are between sounds of equal level: nothing tells these."""
SAME = 1e-6
"""Values so near are one value: far below a class, and below a raw step as a share of the range (chosen)."""
_FROM_ENV1 = 2  # positions 2 and 3 of a MODE switch select ENV-1

_Value = TypeVar("_Value", np.int64, np.float64)


@dataclass(frozen=True)
class Head:
    """Logits ``start`` to ``stop`` belong to ``parameter``."""

    parameter: Parameter
    start: int
    stop: int

    @property
    def classes(self) -> int:
        """How many values it chooses from."""
        return self.stop - self.start


def _heads() -> tuple[Head, ...]:
    heads, start = [], 0
    for row in TONE_PARAMETERS:
        if row.name not in UNHEARD:
            heads.append(Head(row, start, start + row.positions))
            start += row.positions
    return tuple(heads)


HEADS = _heads()
LOGITS = HEADS[-1].stop
IS_LEVEL = np.array([head.parameter.kind == "level" for head in HEADS])
"""Which heads answer with a level, bool[heads]; the others are switches."""
_LEVELS = np.flatnonzero(IS_LEVEL).tolist()
_LEVEL_LOGITS = [place for k in _LEVELS for place in range(HEADS[k].start, HEADS[k].stop)]
COLUMNS = np.array([head.parameter.column for head in HEADS])
_STARTS = [np.array(head.parameter.starts or range(128), np.uint8) for head in HEADS]
"""Raw value of each class, by head."""
assert len(COLUMNS) + len(UNHEARD) == TONE_SIZE


def classes(tones: np.ndarray) -> NDArray[np.int64]:
    """Class of each estimated parameter, int64[N, heads], of tones, uint8[N, 48]."""
    return np.stack([np.array(h.parameter.classes)[tones[:, h.parameter.column]] for h in HEADS], axis=1)


def tones_from(classes: np.ndarray, base: bytes) -> NDArray[np.uint8]:
    """Tones, uint8[N, 48], from classes, int[N, heads]; the other parameters are taken from ``base``."""
    tones = np.tile(np.frombuffer(base, np.uint8), (len(classes), 1))
    for k, column in enumerate(COLUMNS):
        tones[:, column] = _STARTS[k][classes[:, k]]
    return tones


def prior_marginals(prior: Prior | None = None) -> list[NDArray[np.float64]]:
    """How common each value is among real tones: for each head float64[classes], all alike for a parameter
    that never varies."""
    prior = prior or Prior.load()
    of_column = {int(column): p for column, p in zip(prior.columns, prior.probability, strict=True)}
    marginals = []
    for head in HEADS:
        p = of_column.get(head.parameter.column)
        marginals.append(np.full(head.classes, 1 / head.classes) if p is None else p[: head.classes].copy())
    return marginals


def soft_cross_entropy(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cross entropy per head, float[N, heads], for logits float[N, LOGITS] and classes int[N, heads].

    A level's target is a narrow bell around the true value; a switch's is the position itself. Each
    head is scaled by the entropy of ignorance, log(classes), so that all weigh alike.
    """
    losses = torch.empty((len(logits), len(HEADS)), device=logits.device)
    # Levels in one go: a GPU takes as long for one as for all.
    log_p = torch.log_softmax(logits[:, _LEVEL_LOGITS].unflatten(1, (len(_LEVELS), -1)), dim=2)
    bells = _bell().to(logits.device)[target[:, _LEVELS]]
    losses[:, _LEVELS] = -(bells * log_p).sum(2) / math.log(128)
    for k, head in enumerate(HEADS):
        if k not in _LEVELS:
            part = torch.log_softmax(logits[:, head.start : head.stop], dim=1)
            losses[:, k] = -part.gather(1, target[:, k, None])[:, 0] / math.log(head.classes)
    return losses


def median(probability: np.ndarray) -> NDArray[np.int64]:
    """The class at the middle of each distribution, int[N]: the best single guess of a level."""
    return np.asarray((np.cumsum(probability, axis=1) < 0.5).sum(axis=1).clip(max=probability.shape[1] - 1))


def best(probability: list[NDArray[np.float64]]) -> NDArray[np.int64]:
    """One answer a head, int64[N, heads]: the likeliest position, the median level."""
    picks = [
        median(p) if head.parameter.kind == "level" else p.argmax(axis=1)
        for head, p in zip(HEADS, probability, strict=True)
    ]
    return np.stack(picks, axis=1)


def draw(probability: list[NDArray[np.float64]], rng: np.random.Generator) -> NDArray[np.int64]:
    """One draw a row and head, int64[N, heads]."""
    picks = []
    for p in probability:
        uniform = rng.uniform(size=(len(p), 1))
        picks.append((np.cumsum(p, axis=1) < uniform).sum(axis=1).clip(max=p.shape[1] - 1))
    return np.stack(picks, axis=1)


def confidence(probability: list[NDArray[np.float64]], answer: np.ndarray) -> NDArray[np.float64]:
    """Probability, float64[N, heads], that the truth is the answer (a switch) or within 6 raw of it."""
    out = np.empty(answer.shape)
    for k, (head, p) in enumerate(zip(HEADS, probability, strict=True)):
        reach = REACH if head.parameter.kind == "level" else 0
        offsets = np.arange(head.classes)[None, :] - answer[:, k, None]
        out[:, k] = (p * (np.abs(offsets) <= reach)).sum(axis=1)
    return out


def inside(probability: list[NDArray[np.float64]], truth: np.ndarray, share: float) -> NDArray[np.float64]:
    """How much of each truth, int[N, heads], lies in the central interval that holds ``share``: float64[N,
    heads].

    The interval runs from the (1 - share) / 2 to the (1 + share) / 2 quantile. A value that is cut by an end
    counts by the part of its probability inside (the randomised probability integral transform, averaged):
    levels pile up at 0 and 127, and an interval of whole values would hold far more than its share whoever
    made it. Truths drawn from the distributions themselves have the mean ``share`` exactly.
    """
    low, high = (1 - share) / 2, (1 + share) / 2
    out = np.empty(truth.shape)
    for k, p in enumerate(probability):
        own = np.take_along_axis(p, truth[:, k, None], axis=1)[:, 0]
        upto = np.take_along_axis(np.cumsum(p, axis=1), truth[:, k, None], axis=1)[:, 0]
        overlap = np.minimum(upto, high) - np.maximum(upto - own, low)
        # A value of no probability lies on one side or between.
        between = (upto > low) & (upto < high)
        out[:, k] = np.where(own > 1e-12, np.clip(overlap, 0, None) / np.maximum(own, 1e-12), between)
    return out


_BELL: list[torch.Tensor] = []


def _bell() -> torch.Tensor:
    """Soft targets, float[128, 128]: row k is the bell around raw k. The ends stay sharp."""
    if not _BELL:
        raw = torch.arange(128, dtype=torch.float32)
        bell = torch.exp(-0.5 * ((raw[:, None] - raw[None, :]) / LEVEL_SIGMA) ** 2)
        bell[[0, -1]] = 0
        bell[0, 0] = bell[-1, -1] = 1
        bell[1:-1, [0, -1]] = 0
        _BELL.append(bell / bell.sum(dim=1, keepdim=True))
    return _BELL[0]


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


@functools.cache
def _positions(name: str) -> NDArray[np.int64]:
    """Position by raw value, int64[128]."""
    return np.array(parameter(name).classes)

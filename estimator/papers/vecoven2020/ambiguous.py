"""What sounds the same although it is spelt otherwise: pairs of tones of the task that no ear can tell apart.

`estimator.papers.vecoven2020.audible` changes one parameter at a time. Two at once can make up for each
other, and that sets a floor under the squared error too, one that no network passes: the oscillators change
places (`exchange`), or a pitch is spelt by another RANGE and a TUNE twelve semitones on (`respelt`). Both are
tried in the simulator, by the measure of `audible.differs`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from estimator.papers.vecoven2020 import task
from estimator.papers.vecoven2020.audible import differs
from estimator.papers.vecoven2020.task import NAMES, Normal
from jxctl.protocol.parameters import parameter

_DRAWS = 20_000


def exchanged(targets: np.ndarray) -> NDArray[np.float64]:
    """Targets, float64[N, 26], with DCO-1 and DCO-2 changed over: range, wave, tune, LFO depth, mixer.

    Fine tune belongs to DCO-2 alone; it is mirrored, so that the oscillators stay as far apart.
    """
    out = np.array(targets, np.float64)
    for part in ("{} RANGE", "{} WF", "{} TUNE", "{} LFO", "MIX {}"):
        first, second = (NAMES.index(part.format(dco)) for dco in ("DCO1", "DCO2"))
        out[:, [first, second]] = out[:, [second, first]]
    fine = NAMES.index("DCO2 FTUNE")
    out[:, fine] = 1 - out[:, fine]
    return out


def exchange(tones: np.ndarray, *, threads: int | None = None) -> dict[str, float]:
    """In how many of the tones, uint8[N, 48], the two oscillators can change places unheard (``share``), and
    the mean squared error over all 26 parameters that remains if in those nobody can say which is which
    (``floor``): the best answer is then half way.
    """
    targets = task.targets_of(tones).astype(np.float64)
    other = task.tones_of(exchanged(targets))
    same = np.zeros(len(tones), bool)
    for n in range(len(tones)):
        sounds = task.play(np.stack((tones[n], other[n])), threads=threads)
        same[n] = not differs(sounds[1:], sounds[0])[0]
    half = np.square((targets - task.targets_of(other)) / 2).mean(axis=1)
    return {"share": float(same.mean()), "floor": float((half * same).mean())}


def respelt(tones: np.ndarray, *, threads: int | None = None) -> dict[str, float]:
    """For how many of the oscillators of tones, uint8[N, 48], another RANGE and TUNE give the same pitch
    unheard (``share``), and the mean squared error over all 26 parameters that remains to whoever knows all
    else exactly (``floor``).

    What is known besides says how likely each spelling is: by the task's prior, given the other 24 (draws,
    clipped and rounded as the task's are). The answer with the least error is their mean.
    """
    targets = task.targets_of(tones).astype(np.float64)
    rng = np.random.default_rng(0)
    unheard, floor = 0, 0.0
    for tone, target in zip(tones, targets, strict=True):
        for dco in ("DCO1", "DCO2"):
            others = spellings(target, dco)
            sounds = task.play(np.concatenate((tone[None], task.tones_of(others))), threads=threads)
            alike = others[~differs(sounds[1:], sounds[0])]
            if len(alike):
                unheard += 1
                floor += _left(target, alike, _pitch(dco), rng)
    return {"share": unheard / (2 * len(tones)), "floor": floor / targets.size}


def _left(
    target: NDArray[np.float64],
    others: NDArray[np.float64],
    pair: NDArray[np.int64],
    rng: np.random.Generator,
) -> float:
    """The squared error, over the parameters ``pair``, of the best answer where ``target`` and ``others``,
    float64[N, 26], sound alike."""
    steps = np.array([parameter(NAMES[k]).positions - 1 for k in pair])
    alike = np.concatenate((target[None], others))[:, pair]
    drawn = rng.multivariate_normal(*Normal.load().conditional(target, pair), _DRAWS)
    drawn = np.rint(np.clip(drawn, 0, 1) * steps)
    often = 1e-3 + np.array([(drawn == np.rint(one * steps)).all(axis=1).mean() for one in alike])
    weight = often / often.sum()
    return float((weight @ np.square(alike - weight @ alike)).sum())


def _pitch(dco: str) -> NDArray[np.int64]:
    """Where the RANGE and the TUNE of an oscillator stand in a target."""
    return np.array([NAMES.index(f"{dco} RANGE"), NAMES.index(f"{dco} TUNE")])


def spellings(target: NDArray[np.float64], dco: str) -> NDArray[np.float64]:
    """A target with the pitch of ``dco`` ("DCO1", "DCO2") spelt in other ways: float64[0 to 3, 26].

    A step of RANGE is an octave, as twelve steps of TUNE are.
    """
    out = []
    for octaves in (-2, -1, 1, 2):
        other = target.copy()
        other[_pitch(dco)] += octaves / 3, -octaves / 2
        if (np.abs(other - 0.5) <= 0.5 + 1e-6).all():
            out.append(other)
    return np.clip(np.array(out).reshape(-1, len(NAMES)), 0, 1)

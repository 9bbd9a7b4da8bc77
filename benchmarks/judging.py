"""Tones to be found again, and how well one was: what `benchmarks.guess` and `benchmarks.tones` share.

A target is a tone of a table, rendered at seeded notes. Whoever guesses is given the audio, note, velocity
and gate. Definitions of all that a row holds are in `row`; sums over rows are made by `benchmarks.summary`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.evaluate import prior_answers
from estimator.inference import confidence, metrics
from estimator.inference.note_detection import Played, Recording
from estimator.inference.objective import Listener, heard_in
from estimator.inference.posterior import Proposal
from estimator.network import parameters
from jxctl.errors import ToneError, UsageError
from simulator.prior import read_table
from simulator.synth import render

SECONDS = 2.5
SILENT = 1e-4
"""A target whose loudest sample is below is reported apart: silence is matched by every quiet tone."""
NOTES, VELOCITY, GATES_S = (40, 79), 100, (0.4, 1.5)
MULTI_OFFSETS, MULTI_VELOCITIES = (-12, 0, 12), (60, 110)
_SALT = 1
"""Targets, answers, pools and draws each have their own streams: seeds that differ by zeros alone are
equal."""


@dataclass(frozen=True)
class Target:
    """Tone ``index`` of a table: ``choice`` int64[heads], its true classes; ``recordings``, of it; and one
    more note at which guesses are judged without having heard it: ``elsewhere``."""

    index: int
    name: str
    origin: str
    choice: NDArray[np.int64]
    recordings: list[Recording]
    elsewhere: Recording

    @property
    def silent(self) -> bool:
        """Whether nothing of it is heard."""
        return max(float(np.abs(r.audio).max()) for r in self.recordings) < SILENT


def table(path: Path, origin: str = "", limit: int = 0) -> list[tuple[int, str, str, NDArray[np.uint8]]]:
    """Rows (index, name, origin, tone) of a table, of one origin, the first ``limit``. Raises `ToneError` for
    what is no table of tones, `UsageError` for an origin that is not in it."""
    tones, names, origins = read_table(path)
    kept = [k for k in range(len(tones)) if not origin or origins[k] == origin]
    if not kept:
        known = sorted(set(origins) - {""})
        if origin:
            raise UsageError(f"{path}: no tone is of origin {origin!r}", f"there are: {', '.join(known)}")
        raise ToneError(f"{path}: no tone in it")
    return [(k, names[k], origins[k], tones[k]) for k in kept[: limit or len(kept)]]


def target(
    entry: tuple[int, str, str, NDArray[np.uint8]],
    seed: int,
    profile: Any,
    notes: str = "one",
    played: Played | None = None,
) -> Target:
    """A row of a table, played: at its own note, which follows from ``seed`` and the row's index alone.

    ``notes``: ``one``, note 40-79, velocity 100, gate 0.4-1.5 s; ``multi``, three notes an octave apart at
    velocities 60 and 110. ``played``: this note instead. All are 2.5 s long.
    """
    index, name, origin, tone = entry
    rng = np.random.default_rng((seed, index, _SALT))
    own = Played(int(rng.integers(NOTES[0], NOTES[1] + 1)), VELOCITY, float(rng.uniform(*GATES_S)))
    middle = played or own
    plans = [middle]
    if notes == "multi":
        plans = [
            Played(int(np.clip(middle.note + by, 0, 127)), velocity, middle.gate_s)
            for by in MULTI_OFFSETS
            for velocity in MULTI_VELOCITIES
        ]
    step = int(rng.integers(5, 10)) * int(rng.choice((-1, 1)))
    other = Played(middle.note + step, int(rng.integers(50, 121)), float(rng.uniform(*GATES_S)))
    recordings = [
        Recording(
            render(
                tone, p.note, p.velocity, p.gate_s, SECONDS, profile=profile, seed=int(rng.integers(2**31))
            )[0],
            p,
        )
        for p in (*plans, other)
    ]
    choice = parameters.classes(tone[None])[0]
    return Target(index, name, origin, choice, recordings[:-1], recordings[-1])


def row(
    target: Target, choice: NDArray[np.int64], profile: Any, threads: int | None = None,
    proposal: Proposal | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What a guess, int64[heads], is worth, as plain data.

    ``log_mel``, ``multi_scale``, ``warped_mfcc``, ``envelope``: `estimator.inference.metrics`, mean over the
    recordings.
    ``elsewhere``: log-mel at a note and velocity that were not heard. ``levels``: by group of the panel the
    absolute errors, raw steps, of levels that can be heard in the true tone at the recordings' notes (probed,
    `objective.heard_in`); ``switches``: likewise whether each is right; ``parameters``: for each of both how
    many raw steps or positions the guess is away, and the prior's best answer, which has not listened. With a
    ``proposal``: ``inside``: for audible levels how much of the truth lies in the central 50 and 90 % of the
    network's distribution (`parameters.inside`); ``sure``, in the order of ``parameters``: pairs of its
    confidence in its own best answer (a level: within 6) and whether that was so.
    """
    listener = Listener(target.recordings, profile, threads=threads)
    measured = []
    for k, recording in enumerate(target.recordings):
        measured.append(metrics.distances(listener.sounds(choice[None], k), recording.audio))
    out: dict[str, Any] = {
        name: float(np.mean([getattr(m, name)[0] for m in measured]))
        for name in ("log_mel", "multi_scale", "warped_mfcc", "envelope")
    }
    loud = np.abs(target.elsewhere.audio).max() >= SILENT
    out["elsewhere"] = float(Listener([target.elsewhere], profile)(choice[None])[0]) if loud else None
    if out["elsewhere"] is not None and not np.isfinite(out["elsewhere"]):
        out["elsewhere"] = None
    heard = heard_in(target.choice, listener)
    levels: dict[str, list[int]] = {}
    switches: dict[str, list[int]] = {}
    for k in np.flatnonzero(heard):
        parameter = parameters.HEADS[k].parameter
        if parameters.IS_LEVEL[k]:
            levels.setdefault(parameter.group, []).append(int(abs(choice[k] - target.choice[k])))
        else:
            switches.setdefault(parameter.group, []).append(int(choice[k] == target.choice[k]))
    out |= {"levels": levels, "switches": switches}
    away, chance = np.abs(choice - target.choice), np.abs(prior_answers()[1] - target.choice)
    out["parameters"] = {
        parameters.HEADS[k].parameter.name: [int(away[k]), int(chance[k])] for k in np.flatnonzero(heard)
    }
    if proposal is not None:
        out |= _calibration(target, heard, proposal)
    return out


def _calibration(given: Target, heard: NDArray[np.bool_], proposal: Proposal) -> dict[str, Any]:
    truth, marginals = given.choice, [p[None] for p in proposal.marginals]
    trusted = confidence.confidence(proposal.marginals, proposal.best, [r.played for r in given.recordings])
    right = np.abs(proposal.best - truth) <= np.where(parameters.IS_LEVEL, parameters.REACH, 0)
    sure = [[round(float(trusted[k]), 4), int(right[k])] for k in np.flatnonzero(heard)]
    inside = {
        name: [
            round(float(part), 4)
            for part in parameters.inside(marginals, truth[None], share)[0, heard & parameters.IS_LEVEL]
        ]
        for name, share in (("50", 0.5), ("90", 0.9))
    }
    return {"inside": inside, "sure": sure}

"""The closed loop: the simulator proposes, the board decides.

A guess that sounds right in the simulator sounds otherwise on a board, whose laws are its own. So the guess
is played there, and from each take two things are learnt: how far the tone is from the target on the board,
which alone decides what is kept; and how the board differs from the simulator there
(`estimator.closed_loop.surrogate`). The search then goes on in the corrected simulator, its best proposals
are played, and so on. Where the model's own proposals bring nothing, a step is taken by slopes that the takes
themselves have corrected (Broyden 1965).

`improve` is the whole of it for a guess and a rig; `closed_loop` is the optimisation alone, of whatever plays
candidates.

The idea is space mapping (Bandler et al., "Space mapping: the state of the art", 2004): many evaluations of a
cheap model that is aligned again and again to few of the dear one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from estimator.closed_loop.alignment import Moment, lates
from estimator.closed_loop.distance import Ear, Levels, Noise, most_noise_db
from estimator.closed_loop.player import BoardPlay
from estimator.closed_loop.surrogate import BoardModel, BoardTake, Corrected, Trials, at_once
from estimator.inference.confidence import different, loud_distance
from estimator.inference.estimator import Guess, candidates, told
from estimator.inference.methods import EstimatorProtocol
from estimator.inference.note_detection import Recording
from estimator.inference.objective import Listener, heard_in
from estimator.inference.posterior import Proposal
from estimator.inference.search import DAMPINGS, Found, Moves, Slopes, search
from estimator.network import parameters
from estimator.network.parameters import IS_LEVEL
from jxctl.dataset.writer import Writer
from jxctl.protocol.tone import INIT_TONE, Tone, to_batch
from jxctl.recording.rig import Rig
from simulator.synth import Profile

RENDERS = 400
"""Candidates that are heard in the model for each round of takes."""
A_ROUND = 3
"""Takes a round that the model proposes; one more goes along the slopes."""
NEAR, ELSEWHERE = 3, 4
"""Takes that the model is fitted to: of the tones nearest to the target, and of others, evenly over their
distances."""
APART = 10
"""Raw steps, all levels together, by which candidates of one round differ at least."""
CHOOSING = (0, 2, 5)
"""Rounds in which the model's readings (filter order, LFO wave) are asked again."""
PATIENCE = 24
"""Takes without an improvement above the noise, after which the loop ends."""
STARTS = 256
"""Candidates of the guess from which the searches start (chosen)."""
CONFIRMED = 2
"""How often the best tone is heard at the end, where the budget allows."""

Play = Callable[[NDArray[np.int64]], list[Recording]]
"""Plays a candidate, int64[heads], on the board at the note of every recording."""


@dataclass(frozen=True)
class Closed:
    """``choice``: the best, int64[heads], and its ``distance_db`` on the board (mean of its takes);
    ``first_db``: of the guess that the loop began with. ``trials``: all that was heard. ``ended``: why it
    ended: "budget", "noise" or "interrupted". ``profile``: the simulator as it was fitted to the board."""

    choice: NDArray[np.int64]
    distance_db: float
    first_db: float
    trials: Trials
    ended: str
    profile: Profile


def improve(
    rig: Rig,
    data_set: Writer,
    estimator: EstimatorProtocol,
    guess: Guess,
    recordings: Sequence[Recording],
    takes: int,
    *,
    like: Tone | None = None,
    locked: Sequence[str] = (),
    top: int = 5,
    seed: int = 0,
    resumed: Callable[[int], None] = lambda candidates: None,
    report: Callable[[Trials], None] = lambda trials: None,
) -> tuple[Guess, Closed]:
    """Improve a guess on a board by takes of it: the guess as the board decided it, and how that came.

    Args:
        rig: the board and what hears it.
        data_set: where the takes are kept; those that it holds already count.
        guess: of ``estimator`` for the ``recordings``, whose notes are played.
        takes: at most so many are played, the held ones among them.
        like, locked, top: as in `Estimator.guess`.
        seed: with the number of candidates held, decides what is tried.
        resumed: is told how many candidates the data set held, before the first is played.
        report: is given all that was heard, after each candidate.

    Raises what `estimator.closed_loop.player.BoardPlay` raises; what was heard until then is kept.
    """
    base = (like or INIT_TONE).values
    given = parameters.classes(np.frombuffer(base, np.uint8)[None])[0]
    fixed = {k: int(given[k]) for k, head in enumerate(parameters.HEADS) if head.parameter.name in locked}
    starts = parameters.classes(to_batch([candidate.tone for candidate in guess.candidates[:STARTS]]))
    play = BoardPlay(rig, recordings, base, data_set)
    before = play.resume(Listener(recordings, estimator.profile, base=base))
    resumed(len(before.takes))
    closed = closed_loop(
        play, recordings, starts, guess.proposal, estimator.profile, base, takes,
        np.random.default_rng([seed, len(before.takes)]), fixed=fixed, before=before, noise=play.noise(),
        report=report,
    )  # fmt: skip
    return heard_on_board(guess, closed, recordings, base, locked, top), closed


def closed_loop(
    play: Play,
    recordings: Sequence[Recording],
    starts: NDArray[np.int64],
    proposal: Proposal,
    profile: Profile,
    base: bytes,
    takes: int,
    rng: np.random.Generator,
    *,
    fixed: Mapping[int, int] | None = None,
    renders: int = RENDERS,
    threads: int | None = None,
    before: Trials | None = None,
    noise: Noise | None = None,
    report: Callable[[Trials], None] = lambda trials: None,
) -> Closed:
    """Improve a guess on the board with at most ``takes`` takes (of each recording one).

    ``starts``: int64[N, heads], candidates of the search without a board, the best first: that one is played
    first. ``before``: takes of an earlier run, which count. ``noise``: the board's
    (`estimator.closed_loop.distance.noise_of`), where it was recorded. A `KeyboardInterrupt` ends it with the
    best so far; other errors of ``play`` pass through.
    """
    loop = _Loop(play, recordings, starts, proposal, profile, base, takes, rng, fixed or {}, renders, threads,
                 before or Trials(), noise, report)  # fmt: skip
    return loop.run()


def heard_on_board(
    guess: Guess,
    closed: Closed,
    recordings: Sequence[Recording],
    base: bytes,
    locked: Sequence[str],
    top: int,
) -> Guess:
    """The guess with everything in it that the board decided.

    Candidates and alternatives are those that the board played, by their distance there; ``audio`` is a take
    of the best. What can be heard is asked of the simulator as it was fitted to the board, and confidence is
    the network's in the best tone's values, scaled down where even that is far from the recordings. ``base``:
    raw values, 48 bytes, of what is not estimated; ``locked``: parameters that keep them to the byte.
    """
    ranked = closed.trials.ranked()
    found = Found(np.array([choice for _, choice in ranked]), np.array([distance for distance, _ in ranked]))
    tones = candidates(found, base, locked)
    best = found.choices[0]
    can = heard_in(best, Listener(recordings, closed.profile, base=base))
    played = [recording.played for recording in recordings]
    take = closed.trials.takes[closed.trials.of(best)[-1]]
    loud_db = loud_distance(take.sounds, recordings)
    confidence, audible, untold = told(found, loud_db, guess.proposal, can, played)
    return replace(
        guess,
        candidates=tones,
        alternatives=[tones[k] for k in different(found, top)],
        audio=take.sounds[0],
        confidence=confidence,
        audible=audible,
        untold=untold,
        loud_db=loud_db,
    )


class _Loop:
    def __init__(
        self, play: Play, recordings: Sequence[Recording], starts: NDArray[np.int64], proposal: Proposal,
        profile: Profile, base: bytes, takes: int, rng: np.random.Generator, fixed: Mapping[int, int],
        renders: int, threads: int | None, trials: Trials, noise: Noise | None,
        report: Callable[[Trials], None],
    ) -> None:  # fmt: skip
        self.play, self.recordings, self.starts, self.proposal = play, recordings, starts, proposal
        self.base, self.budget, self.rng, self.fixed = base, takes, rng, fixed
        self.renders, self.threads, self.trials, self.report = renders, threads, trials, report
        self.noise = noise
        for take in self.trials.takes:
            take.over(noise)
        self.moments = [Moment() for _ in recordings]
        self.targets = [Ear(recording) for recording in recordings]
        self.louder = [0.0 for _ in recordings]
        self.model = BoardModel(profile, base, threads)
        self.moves = Moves(proposal, fixed, rng)
        self.improved_at, self.held = 0, np.inf

    def run(self) -> Closed:
        ended = "budget"
        try:
            self._opening()
            number = 0
            while self._left > CONFIRMED:
                self._round(number)
                number += 1
                if self._drowned():
                    ended = "noise"
                    break
            while self._left and len(self.trials.of(self._best)) <= CONFIRMED:
                self._hear(self._best)
        except KeyboardInterrupt:
            if not self.trials.takes:
                raise
            ended = "interrupted"
        distance, choice = self.trials.ranked()[0]
        first = self.trials.of(self.trials.takes[0].choice)
        first_db = float(np.mean([self.trials.distances[k] for k in first]))
        return Closed(choice, distance, first_db, self.trials, ended, self.model.profile)

    @property
    def _left(self) -> int:
        return max(0, self.budget // len(self.recordings) - len(self.trials.takes))

    @property
    def _best(self) -> NDArray[np.int64]:
        return self.trials.ranked()[0][1]

    def _hear(self, choice: NDArray[np.int64]) -> None:
        if not self._left:
            return
        take = BoardTake(choice, self.play(choice))
        take.over(self.noise)
        self.model.settle([take])
        [distance] = self.model.expected([take], self.targets, self.moments)
        self.trials.add(take, float(distance))
        self.report(self.trials)

    def _judge(self) -> None:
        """Hear all takes again: the model, which says what a take would be at the recordings' moments, has
        become better, and so is what is known of those moments."""
        trials = self.trials
        best = self._best
        takes = [trials.takes[k] for k in trials.of(best)]
        self.model.settle(takes)
        fields = self.model.difference(takes, self.targets)
        self.moments = [
            self._later(moment, self.model.moment(best, target, field))
            for moment, target, field in zip(self.moments, self.targets, fields, strict=True)
        ]
        self.targets = [
            Ear(at_once(r, moment), self.noise, louder)
            for r, moment, louder in zip(self.recordings, self.moments, self.louder, strict=True)
        ]
        for _, choice in trials.ranked():
            which = trials.of(choice)
            again = self.model.expected([trials.takes[k] for k in which], self.targets, self.moments)
            for k, distance in zip(which, again, strict=True):
                trials.distances[k] = float(distance)

    def _later(self, before: Moment, more: Moment) -> Moment:
        """A moment that was found from another on."""
        first, *_, last = lates()
        return Moment(int(np.clip(before.late + more.late, first, last)), more.place)

    def _opening(self) -> None:
        """The guess, twice, so that the noise is known, and one that differs."""
        if not self.trials.takes:
            self._hear(self.starts[0])
        if len(self.trials.takes) == 1:
            self._hear(self.starts[0])
        self.model.settle(self.trials.takes)
        if self.noise is not None:
            self.louder = [most_noise_db(recording, self.noise) for recording in self.recordings]
            self.model.hiss(self.trials.takes[0], self.noise.dbfs)
        self._judge()

    def _round(self, number: int) -> None:
        trials = self.trials
        picked = self._picked()
        if number in CHOOSING or number % 3 == 0:
            self.model.settle(picked)
        self.model.fit(picked, steps=4 if number == 0 else 1)
        if number in CHOOSING:
            self.model.choose(picked)
        self._judge()
        best = self._best
        fields = self.model.difference([trials.takes[k] for k in trials.of(best)], self.targets)
        corrected = self._ear(fields)
        heard = np.array([choice for _, choice in trials.ranked()[:6]])
        wanted = [self._stepped(best, corrected)]
        # Far away the field that was heard at the best tone says nothing: every other round goes without it.
        wide = number % 3 == 0
        ears = [corrected]
        if wide:
            ears.append(self._ear())
        for ear in ears:
            own = np.concatenate([heard, self.starts[:64]])
            found = search(self.proposal, ear, self.renders, self.rng, fixed=self.fixed, starts=own)
            wanted.append(self._distinct(found.choices, A_ROUND if not wide else 2))
        for choice in self._distinct(np.concatenate(wanted), 1 + A_ROUND + wide):
            if self._left > CONFIRMED:
                self._hear(choice)
        if number % 3 == 2 and len(trials.of(self._best)) == 1 and self._left > CONFIRMED:
            self._hear(self._best)

    def _picked(self) -> list[BoardTake]:
        """Takes for the model: of the nearest tones, the last, and some that went elsewhere. Near ones alone
        let knobs stand in for one another, and the model would be wrong where the search goes next."""
        trials = self.trials
        ranked = [choice for _, choice in trials.ranked()]
        rest = ranked[NEAR:]
        spread = (
            {round(k) for k in np.linspace(0, len(rest) - 1, min(ELSEWHERE, len(rest)))} if rest else set()
        )
        wanted = ranked[:NEAR] + [rest[k] for k in sorted(spread)]
        picked = [trials.takes[trials.of(choice)[-1]] for choice in wanted]
        if all(take is not trials.takes[-1] for take in picked):
            picked.append(trials.takes[-1])
        return picked

    def _ear(self, fields: Sequence[Levels] = ()) -> Corrected:
        return Corrected(self.targets, self.moments, self.model.profile, self.base, self.threads, fields)

    def _distinct(self, choices: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        """The first that were not played yet and differ enough from each other: two neighbours in the same
        take tell the same."""
        seen = {self._key(take.choice) for take in self.trials.takes}
        out: list[NDArray[np.int64]] = []
        for choice in choices:
            if self._key(choice) in seen or any(self._alike(choice, other) for other in out):
                continue
            out.append(choice)
            if len(out) == count:
                break
        return np.array(out, np.int64).reshape(-1, choices.shape[1])

    def _alike(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> bool:
        """Whether two candidates have the same switches and levels that are near, of what can be heard."""
        live = self.moves.live(one)
        same = np.array_equal(one[live & ~IS_LEVEL], other[live & ~IS_LEVEL])
        return same and int(np.abs(one - other)[live & IS_LEVEL].sum()) < APART

    def _key(self, choice: NDArray[np.int64]) -> bytes:
        return np.where(self.moves.live(choice), choice, -1).tobytes()

    def _stepped(self, best: NDArray[np.int64], corrected: Corrected) -> NDArray[np.int64]:
        """Steps of all levels together from the best tone: int64[N, heads], the most promising first.

        The residual is the board's own. The slopes are the model's, changed as little as the takes around
        demand: each that lies near tells by how much the residual really moved (Broyden's update).
        """
        live = np.flatnonzero(self.moves.live(best) & IS_LEVEL)
        if not len(live):
            return best[None]
        width = 2
        sign = np.where(best[live] + width > 127, -1, 1)
        probes = np.tile(best, (len(live) + 1, 1))
        probes[np.arange(len(live)), live] += sign * width
        heard = corrected.hear(probes).residuals
        slopes = (heard[:-1] - heard[-1]) / (sign * width)[:, None].astype(np.float32)
        here = np.mean([self._residual(self.trials.takes[k]) for k in self.trials.of(best)], axis=0)
        switches = ~IS_LEVEL & self.moves.live(best)
        for take in self.trials.takes:
            by = (take.choice - best)[live].astype(np.float32)
            size = float(by @ by)
            if 0 < size <= 100 and np.array_equal(take.choice[switches], best[switches]):
                missing = self._residual(take) - here - by @ slopes
                slopes = slopes + np.outer(by / size, missing).astype(np.float32) * np.float32(0.5)
        model = Slopes(slopes, live)
        residuals = np.repeat(here[None], len(DAMPINGS), axis=0)
        steps = model.steps(residuals, DAMPINGS)
        order = np.argsort(model.predicted(residuals, steps), kind="stable")
        out = np.tile(best, (len(steps), 1))
        for k, s in enumerate(order):
            out[k, model.levels] = np.clip(np.rint(best[model.levels] + steps[s]), 0, 127)
        return out[1:2] if len(out) > 1 else out

    def _residual(self, take: BoardTake) -> NDArray[np.float32]:
        pairs = zip(self.targets, take.sounds, strict=True)
        parts = [target.compare(sound[None], True, self.threads)[1][0] for target, sound in pairs]
        return np.concatenate(parts)

    def _drowned(self) -> bool:
        """Whether nothing has got better by more than the noise for a while."""
        best, count = self.trials.ranked()[0][0], len(self.trials.takes)
        if best < self.held - max(self.trials.noise_db, 0.02 * best):
            self.held, self.improved_at = best, count
        return count - self.improved_at >= PATIENCE

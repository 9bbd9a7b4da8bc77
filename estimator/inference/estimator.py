"""From recordings of one tone to ranked tones.

The network hears the recordings and proposes (`estimator.inference.posterior`); the search renders what it
proposes at the same notes, ranks it by how it sounds and makes it better (`estimator.inference.search`). What
the network is unsure of, the ear decides.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from estimator.inference.confidence import confidence, different, far_db, loud_distance, untold
from estimator.inference.note_detection import Played, Recording
from estimator.inference.objective import Listener, heard_in
from estimator.inference.posterior import Proposal
from estimator.inference.search import Found, search
from estimator.network import network, parameters
from estimator.network.inputs import SECONDS, Views, features
from estimator.network.network import Drawn
from estimator.network.parameters import audible
from jxctl.errors import UsageError
from jxctl.protocol.tone import INIT_TONE, Tone, from_batch, to_batch
from simulator.features import SAMPLE_RATE
from simulator.synth import Profile, load_profile

__all__ = ["Candidate", "Estimator", "Guess", "Played", "ProposalEstimator", "Recording"]

RENDERS = 2000
"""How many candidates are heard unless told otherwise: a few seconds on two cores."""
DRAWS = 256
"""Candidates that the network proposes."""
TEMPERATURES = (0.5, 1.0)
"""Of the draws, in turn: sharpened ones come nearer, the others keep what is less likely in sight."""
SPEAKERS = 2
"""Draws are made in so many parts, each on a core; their number decides what is drawn, so it is fixed."""
_SURE = 0.9
"""Probability from which a parameter is counted as sure at a prompt (chosen)."""
FEWEST_DRAWS = 64
"""So many make the marginals and the single answer, also where nothing is searched."""


@dataclass(frozen=True)
class Candidate:
    """A tone, and its distance from the target.

    Args:
        tone: the tone.
        distance_db: log-mel L1, dB, mean over recordings.

    Examples:
        >>> Candidate(Tone.init(), 1.5).distance_db
        1.5
    """

    tone: Tone
    distance_db: float


@dataclass(frozen=True)
class Guess:
    """Ranked candidates, and how sure the estimator is of the values of the best.

    Args:
        candidates: tones with their distances, the best first.
        alternatives: the best and then the nearest that differ (`estimator.inference.confidence`).
        audio: float32[samples] at 44.1 kHz, of the best at the first recording's note.
        confidence: for each name of a parameter that can be heard in the best tone at these notes, the
            probability that the truth is the same position (a switch) or within 6 raw steps (a level).
        audible: for every estimated parameter whether it can be heard there, by rendering.
        untold: those that can be heard, but that only another note or velocity could tell
            (`estimator.inference.confidence`).
        loud_db: distance of the best in the loudest cells (`estimator.inference.confidence`). Where that is
            far (``far``), the recording is of something else than this synth, and every confidence is
            scaled down by `far_db` over it.
        played: the first recording's note.
        proposal: the posterior before the search.
        interrupted: the search was ended early.

    Examples:
        >>> audio = render(Tone.init(), 60, gates_s=0.3, seconds=0.5)[0]
        >>> guess = Estimator().guess(audio, Played(60, 100, 0.3), renders=0)
        >>> guess.candidates[0].tone == guess.alternatives[0].tone, 0 <= min(guess.confidence.values())
        (True, True)
    """

    candidates: list[Candidate]
    alternatives: list[Candidate]
    audio: NDArray[np.float32]
    confidence: dict[str, float]
    audible: dict[str, bool]
    untold: tuple[str, ...]
    loud_db: float
    played: Played
    proposal: Proposal
    interrupted: bool = False

    def __repr__(self) -> str:
        """One line for a prompt: distance and count, what is sure, the tone."""
        best = self.candidates[0]
        sure = sum(p >= _SURE for p in self.confidence.values())
        parts = [
            f"note {self.played.note}",
            f"distance {best.distance_db:.2f} dB",
            f"best of {len(self.candidates)}",
            f"{sure} of {len(self.confidence)} parameters at least {_SURE:.0%} sure",
            *(["low confidence"] if self.far else []),
            *(["interrupted"] if self.interrupted else []),
        ]
        return f"<Guess: {', '.join(parts)}; {best.tone!r}>"

    @property
    def far(self) -> bool:
        """Whether even the best is farther away than a tone of this synth should be."""
        return not self.loud_db <= far_db(len(self.candidates))


class ProposalEstimator(ABC):
    """An estimator that proposes tones and leaves the rest to the search: rendering, ranking, improving.

    A subclass has `propose`; `estimator.inference.posterior` makes proposals of tones or of marginals.

    Args:
        profile: name, file or `Profile` of the board that its renders are of.

    Examples:
        >>> from estimator.inference.posterior import from_prior
        >>> class Blind(ProposalEstimator):
        ...     def propose(self, recordings, count, rng, fixed=None, threads=None):
        ...         return from_prior(count, rng, fixed)
        >>> audio = render(Tone.init(), 60, gates_s=0.3, seconds=0.5)[0]
        >>> guess = Blind().guess(audio, Played(60, 100, 0.3), renders=8)
        >>> len(guess.candidates)
        8
    """

    def __init__(self, profile: str | Profile = "superjx") -> None:
        self.profile = load_profile(profile or "superjx")

    @abstractmethod
    def propose(
        self,
        recordings: Sequence[Recording],
        count: int,
        rng: np.random.Generator,
        fixed: Mapping[int, int] | None = None,
        threads: int | None = None,
    ) -> Proposal:
        """What may be behind the recordings, before anything is rendered.

        Args:
            recordings: of one tone, a note each, at 44.1 kHz.
            count: how many tones to draw; 0 where nothing will be searched.
            rng: what draws are made with, so that the same seed gives the same guess.
            fixed: head (an index of `estimator.network.parameters.HEADS`) to the class it is held at.
            threads: at most so many; None for the estimator's own choice.

        Returns:
            Draws, a distribution for each parameter, and a single answer.
        """

    def guess(
        self,
        audio: np.ndarray | Sequence[Recording],
        played: Played | None = None,
        *,
        renders: int = RENDERS,
        seed: int = 0,
        report: Callable[[int], None] = lambda tried: None,
        top: int = 5,
        like: Tone | None = None,
        start: bool = True,
        locked: Sequence[str] = (),
        threads: int | None = None,
        probe: bool = True,
    ) -> Guess:
        """Guess the tone behind ``audio``: recordings, or one, float32[samples] at 44.1 kHz from the note on.

        ``renders``: how many candidates are heard (each at every recording's note); 0 takes the network's
        answer as it is. ``like``: a tone to start from (without ``start``: only to take values from);
        ``locked``: names of parameters that keep its values. ``top``: how many alternatives. Without
        ``probe`` audibility is read off the routing instead of tried. The same input and seed give the same
        guess. A `KeyboardInterrupt` while candidates are heard ends the search: the best so far is returned.
        """
        if isinstance(audio, np.ndarray):
            if played is None:
                raise UsageError(
                    "a recording needs the note behind it", "pass Played(note, velocity, gate_s)"
                )
            audio = [Recording(audio, played)]
        recordings = [
            Recording(np.asarray(r.audio[: round(SECONDS * SAMPLE_RATE)], np.float32), r.played)
            for r in audio
        ]
        rng = np.random.default_rng(seed)
        base = (like or INIT_TONE).values
        given = parameters.classes(np.frombuffer(base, np.uint8)[None])
        kept = [k for k, head in enumerate(parameters.HEADS) if head.parameter.name in locked]
        fixed = {k: int(given[0, k]) for k in kept}
        proposal = self.propose(recordings, DRAWS if renders > 1 else 0, rng, fixed, threads)
        listener = Listener(recordings, self.profile, base=base, threads=threads)
        starts = given if like is not None and start else None
        found = search(proposal, listener, renders, rng, fixed=fixed, starts=starts, report=report)
        ranked = candidates(found, base, locked)
        best = found.choices[0]
        can = np.zeros(len(best), bool)
        if np.isfinite(found.distances[0]):
            can = heard_in(best, listener) if probe else audible(to_batch([ranked[0].tone]))[0]
        sounds = [listener.sounds(best[None], k)[0] for k in range(len(recordings))]
        loud_db = loud_distance(sounds, recordings)
        return Guess(
            ranked,
            [ranked[k] for k in different(found, top)],
            sounds[0],
            *told(found, loud_db, proposal, can, [r.played for r in recordings]),
            loud_db,
            recordings[0].played,
            proposal,
            found.interrupted,
        )


class Estimator(ProposalEstimator):
    """The network with its profile: proposes tones by an autoregressive posterior.

    Args:
        path: weights without suffix; None for those that come with jx.
        profile: of the board; empty for the one that the network was trained for.

    Raises:
        UsageError: the checkpoint cannot be used.
        ProfileError: the profile cannot be used.

    Examples:
        >>> audio = render(Tone.init(), 60, gates_s=0.3, seconds=0.5)[0]
        >>> guess = Estimator().guess(audio, Played(60, 100, 0.3), renders=16)
        >>> guess.candidates[0].distance_db <= guess.candidates[-1].distance_db
        True
    """

    def __init__(self, path: Path | None = None, profile: str | Profile = "") -> None:
        self.model, self.config = network.load(path)
        super().__init__(profile or self.config["training"]["profile"])

    @property
    def identity(self) -> str:
        """What tells these weights from others: 12 hexadecimal digits of a hash over them."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.model.state_dict().items()):
            digest.update(name.encode() + tensor.numpy().tobytes())
        return digest.hexdigest()[:12]

    def propose(
        self,
        recordings: Sequence[Recording],
        count: int,
        rng: np.random.Generator,
        fixed: Mapping[int, int] | None = None,
        threads: int | None = None,
    ) -> Proposal:
        """What the network says of the one tone behind ``recordings``, with ``count`` draws.

        ``fixed``: head index to the class it is held at. ``threads``: `SPEAKERS` at most and unless told
        otherwise; the answer is the same. The marginals are averages over the draws that are
        not sharpened; the single answer takes the median, or the likeliest position, of each.
        """
        views = features(
            _side_by_side(recordings),
            [r.played.note for r in recordings],
            [r.played.velocity for r in recordings],
            [r.played.gate_s for r in recordings],
            [min(len(r.audio) / SAMPLE_RATE, SECONDS) for r in recordings],
        )
        drawn = max(count, FEWEST_DRAWS)
        temperatures = torch.tensor([TEMPERATURES[k % len(TEMPERATURES)] for k in range(drawn)])
        said = self._drawn(views, len(recordings), temperatures, rng, fixed, threads or SPEAKERS)
        draws = torch.cat([part.classes for part in said]).numpy()
        marginals = []
        for k in range(len(parameters.HEADS)):
            of_head = torch.cat([part.said[k] for part in said])
            marginal = of_head[temperatures == 1].mean(0).double().numpy()
            if fixed and k in fixed:
                marginal = np.zeros(len(marginal))
                marginal[fixed[k]] = 1
            marginals.append(marginal / marginal.sum())
        return Proposal(parameters.best([p[None] for p in marginals])[0], draws[:count], marginals)

    def _drawn(
        self, views: Views, recordings: int, temperatures: torch.Tensor, rng: np.random.Generator,
        fixed: Mapping[int, int] | None, threads: int,
    ) -> list[Drawn]:  # fmt: skip
        """Tones that the decoder says, in `SPEAKERS` parts side by side.

        Its products are so short that two threads of torch's own would wait for each other most of the time,
        and nearly always where something else runs, too. Parts have nothing to wait for."""
        seeds = rng.integers(2**62, size=SPEAKERS)

        def draw(part: tuple[torch.Tensor, np.int64]) -> Drawn:
            own, seed = part
            with torch.inference_mode():
                return self.model.draw(heard, own, torch.Generator().manual_seed(int(seed)), fixed)

        with torch_on_one_thread(), ThreadPoolExecutor(min(threads, SPEAKERS)) as pool:
            with torch.inference_mode():
                heard = self.model.hear(views, recordings)
            return list(pool.map(draw, zip(temperatures.chunk(SPEAKERS), seeds, strict=True)))


def candidates(found: Found, base: bytes, locked: Sequence[str]) -> list[Candidate]:
    """What was found, as tones. ``base``: raw values, 48 bytes, of what is not estimated; ``locked``: names
    of parameters that keep its values to the byte, for raw values of switches have many spellings."""
    tones = parameters.tones_from(found.choices, base)
    columns = [head.parameter.column for head in parameters.HEADS if head.parameter.name in locked]
    tones[:, columns] = np.frombuffer(base, np.uint8)[columns]
    return [
        Candidate(tone, float(distance))
        for tone, distance in zip(from_batch(tones, "GUESS"), found.distances, strict=True)
    ]


def told(
    found: Found, loud_db: float, proposal: Proposal, can: NDArray[np.bool_], played: Sequence[Played]
) -> tuple[dict[str, float], dict[str, bool], tuple[str, ...]]:
    """`Guess.confidence`, `Guess.audible` and `Guess.untold` of the best that was found for recordings of
    these notes. ``loud_db``: how far it is there; ``can``: bool[heads], what can be heard in it."""
    near = min(1.0, far_db(len(found.choices)) / max(loud_db, 1e-9))
    sure = near * confidence(proposal.marginals, found.choices[0], played)
    names = [head.parameter.name for head in parameters.HEADS]
    audible = {name: bool(heard) for name, heard in zip(names, can, strict=True)}
    return (
        {name: float(p) for name, p in zip(names, sure, strict=True) if audible[name]},
        audible,
        tuple(name for name in untold(played) if audible[name]),
    )


def _side_by_side(recordings: Sequence[Recording]) -> NDArray[np.float32]:
    """Their audio, float32[N, samples], zeros after the shorter ones."""
    longest = max(len(r.audio) for r in recordings)
    return np.stack([np.pad(r.audio, (0, longest - len(r.audio))) for r in recordings])


@contextmanager
def torch_on_one_thread() -> Iterator[None]:
    """Torch works on one thread for each that calls it, until this ends: of this thread and of new ones."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)

"""Estimators by name: the network, and whatever else is installed beside it (entry points).

A package makes an estimator known in its pyproject.toml::

    [project.entry-points."superjx.estimators"]
    mine = "my_package:MyEstimator"

What is named there is called with ``profile="..."`` (a profile's name or file, empty for the estimator's own)
and returns an `EstimatorProtocol`. The least work is a subclass of
`estimator.inference.estimator.ProposalEstimator`, which proposes tones and leaves the search to jx.
``jx guess --estimator mine`` and `load_estimator` then find it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Protocol, cast

from estimator.inference.estimator import Estimator, Guess
from estimator.inference.note_detection import Recording
from jxctl.errors import JxError, UsageError
from jxctl.protocol.tone import Tone
from simulator.synth import Profile

GROUP = "superjx.estimators"
"""Of the entry points."""
BUILT_IN = "network"
"""The name of jx's own."""


class EstimatorProtocol(Protocol):
    """What ``jx guess`` needs of an estimator: from recordings to ranked tones.

    Args:
        profile: the board that its renders are of.

    Examples:
        >>> class Mine:
        ...     def __init__(self, profile: str = "") -> None:
        ...         self.inner = Estimator(profile=profile)
        ...         self.profile = self.inner.profile
        ...
        ...     def guess(self, recordings, **options):
        ...         return self.inner.guess(recordings, **options)
        >>> usable(Mine())
        True
    """

    profile: Profile

    def guess(
        self,
        recordings: Sequence[Recording],
        /,
        *,
        renders: int,
        seed: int,
        report: Callable[[int], None],
        top: int,
        like: Tone | None,
        start: bool,
        locked: Sequence[str],
    ) -> Guess:
        """Guess the one tone behind some recordings.

        Args:
            recordings: of one tone, a note each.
            renders: candidates that may be rendered, 0 to 100,000.
            seed: the same gives the same guess.
            report: is called with the number of renders that are done.
            top: how many alternatives, from 1.
            like: a tone to start from or to take locked values from.
            start: whether to start from it.
            locked: names of parameters that keep its values.

        Returns:
            Ranked candidates and what is known of them.
        """


def usable(made: object) -> bool:
    """Whether an object has what `EstimatorProtocol` asks for.

    Args:
        made: anything.

    Returns:
        Whether it has a ``guess`` that can be called, and a `Profile`.

    Examples:
        >>> usable("network")
        False
    """
    return callable(getattr(made, "guess", None)) and isinstance(getattr(made, "profile", None), Profile)


def estimators() -> dict[str, str]:
    """Names under which estimators can be had here, and where each comes from.

    Returns:
        Name to ``module:object``, the built-in first, the others by name.

    Examples:
        >>> next(iter(estimators()))
        'network'
    """
    found = {BUILT_IN: "estimator.inference.estimator:Estimator"}
    return found | {name: points[0].value for name, points in sorted(_installed().items())}


def load_estimator(
    name: str = BUILT_IN, profile: str = "", checkpoint: Path | None = None
) -> EstimatorProtocol:
    """An estimator by its name.

    Args:
        name: ``network``, or that of an entry point of the group ``superjx.estimators``.
        profile: name or file of the board; empty for the estimator's own.
        checkpoint: weights of the network, without suffix; None for those that come with jx. Only for
            ``network``.

    Returns:
        The estimator, ready to guess.

    Raises:
        UsageError: there is none of that name, two packages have it, or weights are given for another.
        JxError: the package that has it cannot be used.

    Examples:
        >>> load_estimator().profile.name
        'superjx'
    """
    if name == BUILT_IN:
        return Estimator(checkpoint, profile)
    if checkpoint is not None:
        raise UsageError(f"the weights of a checkpoint are not for {name}", f"they are for {BUILT_IN}")
    points = _installed().get(name, [])
    if not points:
        raise UsageError(
            f"there is no estimator {name!r}",
            f"there are {', '.join(estimators())}; others are installed as packages (docs/python.md)",
        )
    if len({point.value for point in points}) > 1:
        packages = ", ".join(sorted(_package(point) for point in points))
        raise UsageError(f"several packages have an estimator {name!r}: {packages}", "uninstall all but one")
    (point, *_) = points
    try:
        made = point.load()(profile=profile)
    except JxError:
        raise
    except Exception as error:  # of a package that is not ours: anything
        raise JxError(
            f"estimator {name!r} of {_package(point)} cannot be used: {type(error).__name__}: {error}",
            "that package is at fault: update it, or ask its authors",
        ) from error
    if not usable(made):
        raise JxError(
            f"estimator {name!r} of {_package(point)} has no guess() and no profile",
            "estimator.inference.methods.EstimatorProtocol says what one has",
        )
    return cast(EstimatorProtocol, made)


def _installed() -> dict[str, list[EntryPoint]]:
    """Entry points by name, without those that would hide the built-in."""
    found: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=GROUP):
        if point.name != BUILT_IN:
            found.setdefault(point.name, []).append(point)
    return found


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value

"""From a recording to a tone: note detection, posterior, search, confidence."""

from typing import TYPE_CHECKING

from jxctl._lazy import lazy

if TYPE_CHECKING:
    from estimator.inference.estimator import Candidate, Estimator, Guess
    from estimator.inference.note_detection import Played, Recording, load_recording
    from estimator.inference.posterior import Proposal
else:
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "estimator.inference.estimator": "Candidate, Estimator, Guess",
            "estimator.inference.note_detection": "Played, Recording, load_recording",
            "estimator.inference.posterior": "Proposal",
        },
    )

__all__ = [
    "Candidate",
    "Estimator",
    "Guess",
    "Played",
    "Proposal",
    "Recording",
    "load_recording",
]

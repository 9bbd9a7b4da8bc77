"""From a recording to a tone: note detection, posterior, search, confidence."""

from typing import TYPE_CHECKING

from jxctl._lazy import lazy

if TYPE_CHECKING:
    from estimator.inference.estimator import Candidate, Estimator, Guess, ProposalEstimator
    from estimator.inference.methods import EstimatorProtocol, estimators, load_estimator
    from estimator.inference.note_detection import Played, Recording, load_recording
    from estimator.inference.posterior import Proposal, from_marginals, from_prior, from_tones
else:
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "estimator.inference.estimator": "Candidate, Estimator, Guess, ProposalEstimator",
            "estimator.inference.methods": "EstimatorProtocol, estimators, load_estimator",
            "estimator.inference.note_detection": "Played, Recording, load_recording",
            "estimator.inference.posterior": "Proposal, from_marginals, from_prior, from_tones",
        },
    )

__all__ = [
    "Candidate",
    "Estimator",
    "EstimatorProtocol",
    "Guess",
    "Played",
    "Proposal",
    "ProposalEstimator",
    "Recording",
    "estimators",
    "from_marginals",
    "from_prior",
    "from_tones",
    "load_estimator",
    "load_recording",
]

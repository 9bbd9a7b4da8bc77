"""Audio in, tones out: prior, features, network, search."""

from typing import TYPE_CHECKING

from jxctl._lazy import lazy

if TYPE_CHECKING:
    from estimator.calibration.calibration import Calibration, calibrate
    from estimator.calibration.experiments import CalibrationPlan
    from estimator.calibration.samples import from_data_set
    from estimator.inference.estimator import Candidate, Estimator, Guess
    from estimator.inference.note_detection import Played, Recording, load_recording
    from estimator.inference.posterior import Proposal
    from estimator.training.train import TrainSettings, train
else:
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "estimator.inference.estimator": "Candidate, Estimator, Guess",
            "estimator.inference.note_detection": "Played, Recording, load_recording",
            "estimator.inference.posterior": "Proposal",
            "estimator.calibration.calibration": "Calibration, calibrate",
            "estimator.calibration.experiments": "CalibrationPlan",
            "estimator.calibration.samples": "from_data_set",
            "estimator.training.train": "TrainSettings, train",
        },
    )

__all__ = [
    "Calibration",
    "CalibrationPlan",
    "Candidate",
    "Estimator",
    "Guess",
    "Played",
    "Proposal",
    "Recording",
    "TrainSettings",
    "calibrate",
    "from_data_set",
    "load_recording",
    "train",
]

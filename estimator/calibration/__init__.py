"""Calibration: recordings of a board in, its profile out."""

from typing import TYPE_CHECKING

from jxctl._lazy import lazy

if TYPE_CHECKING:
    from estimator.calibration.calibration import Calibration, calibrate
    from estimator.calibration.experiments import CalibrationPlan
    from estimator.calibration.samples import from_data_set
else:
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "estimator.calibration.calibration": "Calibration, calibrate",
            "estimator.calibration.experiments": "CalibrationPlan",
            "estimator.calibration.samples": "from_data_set",
        },
    )

__all__ = [
    "Calibration",
    "CalibrationPlan",
    "calibrate",
    "from_data_set",
]

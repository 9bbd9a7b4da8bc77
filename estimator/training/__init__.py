"""Training the network on simulated and recorded sounds."""

from typing import TYPE_CHECKING

from jxctl._lazy import lazy

if TYPE_CHECKING:
    from estimator.training.train import TrainSettings
else:
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "estimator.training.train": "TrainSettings",
        },
    )

__all__ = [
    "TrainSettings",
]

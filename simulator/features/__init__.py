"""Log-mel features and the distance between sounds: definition and computation in one place."""

from simulator.features.distance import log_mel_distance
from simulator.features.mel import FLOOR_DB, RANKING, SAMPLE_RATE, MelSettings, log_mel

__all__ = ["FLOOR_DB", "RANKING", "SAMPLE_RATE", "MelSettings", "log_mel", "log_mel_distance"]

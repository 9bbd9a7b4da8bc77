"""All groups of results, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from . import audio_groups, command_groups, estimator_groups, file_groups, measured_groups
from .store import Item

GROUPS: dict[str, Callable[[Path], Iterable[Item]]] = {
    "renders, superjx": partial(audio_groups.renders, profile="superjx"),
    "renders, thesis": partial(audio_groups.renders, profile="thesis"),
    "choruses, superjx": partial(audio_groups.choruses, profile="superjx"),
    "choruses, thesis": partial(audio_groups.choruses, profile="thesis"),
    "settings": audio_groups.settings,
    "boards": audio_groups.boards,
    "songs": audio_groups.songs,
    "features": measured_groups.features,
    "distances": measured_groups.distances,
    "listening": measured_groups.listening,
    "calibration": measured_groups.calibration,
    "fits": estimator_groups.fits,
    "prior": estimator_groups.prior,
    "training": estimator_groups.training,
    "networks": estimator_groups.networks,
    "guesses": estimator_groups.guesses,
    "loop": estimator_groups.loop,
    "codecs": file_groups.codecs,
    "files": file_groups.files,
    "printed": command_groups.printed,
    "recorded": command_groups.recorded,
}
"""Each is given the folder of reference material."""

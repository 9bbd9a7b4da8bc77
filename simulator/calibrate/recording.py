"""Play a calibration plan on a rig: every voice of a bare board in turn."""

from __future__ import annotations

from collections.abc import Container

from jxctl.bus import VOICES
from jxctl.player import BoardPlayer
from jxctl.rig import Rig
from simulator.calibrate.experiments import CalibrationPlan

LOAD_S = 0.041
"""To load a tone over a real bus."""


class RotatingPlayer(BoardPlayer):
    """A bare board whose voices play in turn, so that no law is learnt from one of them alone.

    A whole synth does the same by itself, but does not say which voice sounds.
    """

    @classmethod
    def instead_of(cls, player: BoardPlayer) -> RotatingPlayer:
        """On the same board as another player."""
        return cls(player._synth, player._name)

    def note_on(self, note: int, velocity: int) -> None:
        """Start the next voice."""
        self.voice = ((self.voice or 0) + 1) % VOICES
        self._synth.note_on(note, velocity, self.voice)

    def note_off(self, note: int) -> None:
        """Release it."""
        self._synth.note_off(note, self.voice or 0)


def minutes(plan: CalibrationPlan, recorded: Container[int], rig: Rig) -> float:
    """How long the takes that are not recorded yet will take on a rig."""
    left = [plan[index] for index in range(len(plan)) if index not in recorded]
    return sum(take.max_seconds + rig.settle_s + LOAD_S for take in left) / 60

"""Play a calibration plan on a rig: every voice of a bare board in turn."""

from __future__ import annotations

from jxctl.bus import VOICES
from jxctl.player import BoardPlayer


class RotatingPlayer(BoardPlayer):
    """A bare board whose voices play in turn, so that no law is learnt from one of them alone.

    A whole synth does the same by itself, but does not say which voice sounds.
    """

    def note_on(self, note: int, velocity: int) -> None:
        """Start the next voice."""
        self.voice = ((self.voice or 0) + 1) % VOICES
        self._synth.note_on(note, velocity, self.voice)

    def note_off(self, note: int) -> None:
        """Release it."""
        self._synth.note_off(note, self.voice or 0)

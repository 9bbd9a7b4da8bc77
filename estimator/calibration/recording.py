"""Play a calibration plan on a rig: every voice of a bare board in turn."""

from __future__ import annotations

from collections.abc import Callable, Container

from estimator.calibration.experiments import CalibrationPlan
from jxctl.dataset.take import Take
from jxctl.errors import DeviceError
from jxctl.ports.client import Synth
from jxctl.protocol.bus import VOICES, BoardName
from jxctl.protocol.tone import Tone
from jxctl.recording.note_measurements import GATE_S, KEY, PLAIN
from jxctl.recording.player import BoardPlayer
from jxctl.recording.preflight import LOAD_S
from jxctl.recording.rig import Rig


class RotatingPlayer(BoardPlayer):
    """A bare board whose voices play in turn, so that no law is learnt from one of them alone.

    A whole synth does the same by itself, but does not say which voice sounds.
    """

    def __init__(self, synth: Synth, board: BoardName = "lower") -> None:
        super().__init__(synth, board)
        self._holds: bytes = b""
        self._planned: dict[tuple[bytes, int, int], int] = {}

    @classmethod
    def instead_of(cls, player: BoardPlayer) -> RotatingPlayer:
        """On the same board as another player."""
        return cls(player._synth, player._name)

    def follow(self, plan: CalibrationPlan) -> None:
        """From now on the place in the plan says which voice plays a take: so an interruption, a take that is
        played again and the notes before the first take change nothing."""
        for index in reversed(range(len(plan))):
            take = plan[index]
            self._planned[take.tone.values, take.note, take.velocity] = index

    def load(self, tone: Tone) -> None:
        """Load a tone."""
        super().load(tone)
        self._holds = tone.values

    def note_on(self, note: int, velocity: int) -> None:
        """Start the voice whose turn it is."""
        turn = self._planned.get((self._holds, note, velocity), (self.voice or 0) + 1)
        self.voice = turn % VOICES
        self._synth.note_on(note, velocity, self.voice)

    def note_off(self, note: int) -> None:
        """Release it."""
        self._synth.note_off(note, self.voice or 0)


def of_the_board(rig: Rig) -> Callable[[Take], bool]:
    """For `jxctl.recording.recorder.record`: keeps takes that say something of the board.

    One that lost audio says nothing, and the same command plays it again. At a silent take where a plain
    note is silent too a cable was pulled out, which kept as silence would be a property of the board:
    `DeviceError`.
    """

    def accept(take: Take) -> bool:
        if take.verdict != "silent":
            return take.verdict != "dropped audio"
        plain = rig.take(PLAIN, KEY, 127, GATE_S, 2 * GATE_S)
        if plain.verdict == "silent":
            raise DeviceError(
                f"the board is not heard any more: {plain.reason}",
                "check that it is on, the cable and the input; the same command continues",
            )
        return True

    return accept


def minutes(plan: CalibrationPlan, recorded: Container[int], rig: Rig) -> float:
    """How long the takes that are not recorded yet will take on a rig."""
    left = [plan[index] for index in range(len(plan)) if index not in recorded]
    return sum(take.max_seconds + rig.settle_s + LOAD_S for take in left) / 60

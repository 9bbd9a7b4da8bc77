"""Recording a rig: player, plan, recorder, checks of the set-up and of each take."""

from typing import TYPE_CHECKING

from jxctl._lazy import lazy

if TYPE_CHECKING:
    from jxctl.recording.config import RigFile, settle
    from jxctl.recording.plan import Plan, tones_from
    from jxctl.recording.player import Player
    from jxctl.recording.recorder import Session, Tally, open_session
    from jxctl.recording.rig import Rig, open_player, open_rig
else:
    __getattr__, __dir__ = lazy(
        __name__,
        {
            "jxctl.recording.config": "RigFile, settle",
            "jxctl.recording.plan": "Plan, tones_from",
            "jxctl.recording.player": "Player",
            "jxctl.recording.recorder": "Session, Tally, open_session",
            "jxctl.recording.rig": "Rig, open_player, open_rig",
        },
    )

__all__ = [
    "Plan",
    "Player",
    "Rig",
    "RigFile",
    "Session",
    "Tally",
    "open_player",
    "open_rig",
    "open_session",
    "settle",
    "tones_from",
]

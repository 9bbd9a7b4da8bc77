"""What commands that compare a board with the simulator play on and hear with, checked before it is used."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from jxctl.cli.common import say

if TYPE_CHECKING:
    from jxctl.rig import Rig


def opened(port: str, audio: str | None, model: str | None, channel: int | None, stack: ExitStack) -> Rig:
    """The rig at a port, closed by ``stack``: that it is heard, at a level and a latency, and follows the
    keys.

    Raises `UsageError`, `DeviceError` and, where what is heard cannot be used, `VerificationError`.
    """
    from jxctl.cli.record_rig import open_rig
    from jxctl.rigfile import settle

    given = {"port": port, "audio": audio, "model": model, "channel": channel}
    rig = open_rig(settle(None, given), None, None, stack)
    if rig.live:
        from jxctl import preflight

        say("checking noise, level and latency: about ten seconds of sound")
        measured = preflight.measure(rig)
        say(f"checked: {measured}")
        for advice in measured.advice:
            say(f"note: {advice}")
        if measured.problems:
            from jxctl.errors import VerificationError

            raise VerificationError(*measured.problems[0])
        rig.latency, rig.tuning_cents = measured.latency, measured.tuning_cents or 0.0
    from estimator.board_play import check_source

    check_source(rig)
    return rig

"""Audition: tones played one after the other on an instrument, at a level that never jumps upwards.

Before anything is sent, each tone is rendered at the note; what is sent has its VCA LEVEL set so that the
rendered level is at most `RISE_DB` above the quietest played so far and near `TARGET_DBFS`. Nothing is
stored: a board is loaded, a synth gets the tone in its edit buffer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from jxctl.librarian.identity import stock_of
from jxctl.librarian.index import StoredTone
from jxctl.ports import open_port
from jxctl.ports.client import check_note, play_note
from jxctl.protocol.tone import Tone, to_batch
from jxctl.recording.rig import open_player
from simulator.synth import render

RISE_DB = 6.0
"""By how much a tone may be louder than the one before it (the house's rule for all that is heard)."""
TARGET_DBFS = -26.0
"""Level, RMS while the key is down, that louder tones are turned down to (chosen: that of a middling tone of
the factory banks at note 60)."""
AUDIBLE_DBFS = -70.0
"""Below it a tone is passed over as silent (chosen)."""
VCA_LEVEL = "VCA LEVEL"


@dataclass(frozen=True, slots=True)
class Auditioned:
    """A tone that is played with raw ``vca_level``, where the simulator has it at ``level_dbfs``; None where
    it is silent and is passed over."""

    tone: StoredTone
    sent: Tone
    level_dbfs: float | None

    @property
    def vca_level(self) -> int:
        """Raw value of VCA LEVEL in what is sent."""
        return self.sent.raw(VCA_LEVEL)


def levelled(
    tones: Sequence[StoredTone], note: int = 60, velocity: int = 100, gate_s: float = 1.0
) -> list[Auditioned]:
    """Tones with their VCA LEVEL set for an audition, the first at `TARGET_DBFS` at most.

    Args:
        tones: in the order in which they are played.
        note: MIDI note, 0-127; ``velocity``: 1-127.
        gate_s: seconds that the key is down, over which the level is measured.

    Returns:
        One for each tone. No level is more than `RISE_DB` above that of the last one that sounds.
    """
    done: list[Auditioned] = []
    before = TARGET_DBFS
    for stored in tones:
        tone = stock_of(stored.tone)
        ladder = [tone.with_values({VCA_LEVEL: raw}) for raw in range(tone.raw(VCA_LEVEL) + 1)]
        levels = _levels_dbfs([ladder[-1]], note, velocity, gate_s)
        allowed = min(TARGET_DBFS, before + RISE_DB)
        if levels[-1] > allowed:
            levels = _levels_dbfs(ladder, note, velocity, gate_s)
        else:
            ladder = ladder[-1:]
        fitting = [row for row, level in enumerate(levels) if level <= allowed]
        if not fitting or levels[fitting[-1]] < AUDIBLE_DBFS:
            done.append(Auditioned(stored, ladder[-1], None))
            continue
        before = float(levels[fitting[-1]])
        done.append(Auditioned(stored, ladder[fitting[-1]], before))
    return done


def audition(
    url: str, tones: Sequence[StoredTone], note: int = 60, velocity: int = 100, gate_s: float = 1.0,
    pause_s: float = 0.5, model: str | None = None, channel: int | None = None,
    playing: Callable[[Auditioned], None] = lambda _: None,
) -> list[Auditioned]:  # fmt: skip
    """Play tones one after the other at a port; its memory is left alone.

    Args:
        url: of the port (`jx ports`).
        tones: in order; silent ones are passed over.
        note: MIDI note; ``velocity``: 1-127; ``gate_s``: seconds that the key is down.
        pause_s: seconds of tail before the next tone.
        model: behind a MIDI port; ``channel``: 1-16.
        playing: called before each tone sounds.

    Returns:
        What was played.

    Raises:
        UsageError: a value out of range, or a model that takes no tones.
        DeviceError: the port is not there, or went away. The key goes up before.
    """
    check_note(note, velocity)
    chosen = levelled(tones, note, velocity, gate_s)
    with open_port(url) as port:
        player = open_player(port, model, channel)
        try:
            for each in chosen:
                if each.level_dbfs is None:
                    continue
                player.load(each.sent)
                playing(each)
                if play_note(player, port, note, velocity, gate_s, pause_s) is None:
                    time.sleep(pause_s)
        finally:
            player.silence()
    return chosen


def _levels_dbfs(tones: Sequence[Tone], note: int, velocity: int, gate_s: float) -> list[float]:
    """RMS while the key is down."""
    audio = render(to_batch(tones), note, velocity, gate_s, gate_s)
    power = np.mean(np.square(audio, dtype=np.float64), axis=1)
    return [float(10 * np.log10(max(p, 1e-20))) for p in power]

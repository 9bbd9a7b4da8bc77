"""What the six voices of a board play: keys down and up, hold, portamento, and the LFO that runs on.

Assumed, as no source tells: hold keeps the voices whose key goes up while it is on, not those that were
already released; a voice glides from the pitch it has at that moment, whether it still sounds or not, and
its first note does not glide; the glide is even in semitones, and takes as long for an octave whatever the
interval is.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from jxctl.protocol.bus import VOICES
from jxctl.protocol.parameters import FIRST_ID, parameter
from simulator.synth.firmware import NEVER, Notes
from simulator.synth.performance import Performance, from_registers, is_on, registers_at_power_up
from simulator.synth.profile import Profile
from simulator.synth.seeds import mix_seed

_SILENCE, _HOLD = parameter("SILENCE").id, parameter("HOLD SW").id
_IN_MOTION = tuple(parameter(name).id for name in ("PORTA TIME", "PORTA SW", "LFO RATE"))
_OCTAVE = 12


class Playing:
    """Registers, notes and everything else that messages change on one board.

    Ticks are counted from when the board was switched on, and never go back.
    """

    def __init__(self, profile: Profile, seed: int) -> None:
        self.profile = profile
        self.registers = registers_at_power_up()
        voice = np.arange(VOICES)
        board = np.broadcast_to(mix_seed(seed), VOICES)
        never = np.full(VOICES, NEVER)
        self.notes = Notes(
            np.full(VOICES, 60), np.full(VOICES, 64), never, never.copy(), mix_seed(seed, voice), board
        )
        self._lifted = np.zeros(VOICES, bool)
        self._played = np.zeros(VOICES, bool)
        self._glide_from = np.zeros(VOICES)
        self._glide_since = np.zeros(VOICES, np.int64)
        self._lfo_since, self._lfo_turns = 0, 0.0

    def performance(self) -> Performance:
        """What is played beside keys now."""
        return replace(
            from_registers(self.registers, self.profile),
            glide_from=self._glide_from,
            glide_since=self._glide_since,
            glide_s=self._glide_s(),
            lfo_since=self._lfo_since,
            lfo_turns=self._lfo_turns,
        )

    def strike(self, voice: int, note: int, velocity: int, tick: int) -> None:
        """A voice's key goes down."""
        notes = self.notes
        if self._played[voice] and self._glide_s() > 0:
            self._glide_from[voice] = notes.note[voice] + self._away(tick)[voice] - note
            self._glide_since[voice] = tick
        else:
            self._glide_from[voice] = 0
        notes.note[voice], notes.velocity[voice] = note, velocity
        notes.on[voice], notes.off[voice] = tick, NEVER
        self._played[voice], self._lifted[voice] = True, False

    def lift(self, voice: int, tick: int) -> None:
        """A voice's key goes up: it is released, at once or when hold ends."""
        if is_on(self.registers, "HOLD SW"):
            self._lifted[voice] = True
        else:
            self.notes.off[voice] = min(self.notes.off[voice], tick)

    def set(self, id: int, value: int, tick: int) -> None:
        """A register, by its bus id, takes a value."""
        if id in _IN_MOTION and self.registers[id - FIRST_ID] != value:
            # What is under way goes on from where it is, at its new speed.
            self._glide_from, self._glide_since[:] = self._away(tick), tick
            self._lfo_turns, self._lfo_since = self._turns(tick), tick
        self.registers[id - FIRST_ID] = value
        if id == _SILENCE and value:
            self.notes.on[:] = NEVER
            self._lifted[:] = False
        if id == _HOLD and not is_on(self.registers, "HOLD SW"):
            self.notes.off[self._lifted] = np.minimum(self.notes.off[self._lifted], tick)
            self._lifted[:] = False

    def _glide_s(self) -> float:
        """Seconds that portamento takes for an octave; 0 where there is none."""
        on = is_on(self.registers, "PORTA SW")
        return float(self._physical("PORTA TIME")) if on else 0.0

    def _away(self, tick: int) -> NDArray[np.float64]:
        """Semitones that each voice is away from its note."""
        glide_s = self._glide_s()
        if glide_s == 0:
            return np.zeros(VOICES)
        tick_s = self.profile.constant("tick")
        covered = (tick - self._glide_since) * tick_s * _OCTAVE / glide_s
        return np.copysign(np.maximum(np.abs(self._glide_from) - covered, 0), self._glide_from)

    def _turns(self, tick: int) -> float:
        """Turns that an LFO which runs free has made."""
        rate = self._physical("LFO RATE")
        return self._lfo_turns + (tick - self._lfo_since) * self.profile.constant("tick") * rate

    def _physical(self, name: str) -> float:
        return float(self.profile.table(name)[self.registers[parameter(name).id - FIRST_ID]])

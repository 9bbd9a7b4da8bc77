"""One virtual sound board: bus bytes in, audio out.

Bytes become messages, messages change registers and voices, and the control loop looks at them once
per tick, as on the real board: what arrives during a tick acts from the next one on. Six voices play
the one tone that the registers hold; `Playing` is what messages change: registers, keys down and up, hold,
portamento, and the LFO that runs on.

Assumed, as no source tells: hold keeps the voices whose key goes up while it is on, not those that were
already released; a voice glides from the pitch it has at that moment, whether it still sounds or not, and
its first note does not glide; the glide is even in semitones, and takes as long for an octave whatever the
interval is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jxctl.errors import UsageError
from jxctl.protocol import bus
from jxctl.protocol.bus import VOICES, BoardName, Decoder, Message
from jxctl.protocol.parameters import FIRST_ID, TONE_SIZE, parameter
from simulator.synth import _lanes, voices
from simulator.synth.chorus import Chorus, phase_seeds, positions
from simulator.synth.control import (
    NEVER,
    Notes,
    Performance,
    Voicing,
    from_registers,
    is_on,
    registers_at_power_up,
)
from simulator.synth.profile import Profile, load_profile
from simulator.synth.random import add_noise_floor, mix_seed

_SILENCE, _HOLD = parameter("SILENCE").id, parameter("HOLD SW").id
_IN_MOTION = tuple(parameter(name).id for name in ("PORTA TIME", "PORTA SW", "LFO RATE"))
_OCTAVE = 12

_FEWEST_TICKS = 16
"""Ticks that are computed at a time at least: a call costs more than a tick (chosen)."""

_MOST_TICKS = 64
"""At most (chosen)."""


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


class Board:
    """A sound board that answers to ``name`` (``lower``: the only one of a JX-8P) and to ``both``.

    Registers hold what they do at power-up (`simulator.synth.control.POWER_UP`) and no board is selected
    until the bus says otherwise (assumed).

    Args:
        profile: name, file, or `Profile`.
        sample_rate: Hz, 4000 to 768000.
        seed: of noise, random LFO, spread and drift, 0 to 2**32 - 1.
        name: ``lower`` or ``upper``.

    Raises:
        ProfileError: the profile cannot be used.
        UsageError: the seed or the sample rate is out of range.

    Examples:
        >>> Board(sample_rate=48000).render(480).shape
        (2, 480)
    """

    def __init__(
        self,
        profile: str | Path | Profile = "superjx",
        sample_rate: int = 44100,
        seed: int = 0,
        name: BoardName = "lower",
    ) -> None:
        if not 0 <= seed < 2**32:
            raise UsageError(f"the seed of a board is {seed}; expected 0 to {2**32 - 1}")
        if not voices.RATES[0] <= sample_rate <= voices.RATES[1]:
            slowest, fastest = voices.RATES
            raise UsageError(f"a board cannot render at {sample_rate} Hz", f"give {slowest} to {fastest}")
        self.profile = load_profile(profile)
        self.sample_rate = sample_rate
        self.name = name
        self._board_seed = np.array([seed])
        self._playing = Playing(self.profile, seed)
        self._voicing: Voicing | None = None
        self._noise = voices.noise_seeds(seed, np.arange(VOICES))
        self._noise_now = self._noise.copy()
        self._state = voices.State.fresh(seed + np.arange(VOICES), self.profile)
        self._chorus_position = 0
        self._chorus = Chorus(self.profile, sample_rate, phase_seeds(np.array([seed])))
        self._decoder = Decoder()
        self._selected = False
        self._pending: list[Message] = []
        self._sample = 0
        self._first_tick = 0
        self._frames: voices.Frames | None = None
        self._constants: NDArray[np.float32] = np.zeros((VOICES, _lanes.CONSTANTS), np.float32)

    def receive(self, data: bytes) -> None:
        """Take bus bytes, split anywhere; corrupted ones are dropped as the board drops them."""
        self._pending += self._decoder.feed(data)

    @property
    def registers(self) -> NDArray[np.uint8]:
        """What the registers $80 to $BF hold: uint8[64]."""
        return self._playing.registers

    @property
    def dropped(self) -> int:
        """How many bytes made no message so far."""
        return self._decoder.dropped

    def render(self, samples: int) -> NDArray[np.float32]:
        """The next stretch of audio, float32[2, samples]: the left and the right jack.

        The result does not depend on how a stretch is divided into calls, as long as bytes arrive at
        the same samples.
        """
        outputs = np.empty((2, samples), np.float32)
        done = 0
        while done < samples:
            until = self._valid_until()
            if until <= self._sample:
                self._next_frames(samples - done)
                continue
            assert self._frames is not None
            count = min(until - self._sample, samples - done)
            part = np.empty((VOICES, count), np.float32)
            voices.run(self._state, self._constants, self._frames, self._noise_now, part, np.arange(VOICES),
                       self._sample, self.profile, self.sample_rate)  # fmt: skip
            # One after the other, so that the sum does not depend on the length.
            total = part[0]
            for voice in part[1:]:
                total += voice
            outputs[:, done : done + count] = self._chorus.play(total, self._chorus_position, self._sample)
            self._sample += count
            done += count
        noise_db = self.profile.constant("noise_floor")
        add_noise_floor(outputs[None], self._board_seed, self._sample - samples, noise_db)
        return outputs

    def _valid_until(self) -> int:
        """The sample up to which the frames at hand may be used: with news, the end of the tick."""
        if self._frames is None:
            return self._sample
        edges = self._frames.edges
        return int(edges[np.searchsorted(edges, self._sample)] if self._pending else edges[-1])

    def _next_frames(self, samples: int) -> None:
        """At the edge of a tick: act on what arrived, and compute the ticks to come."""
        if self._frames is not None:
            self._first_tick += int(np.searchsorted(self._frames.edges, self._sample))
        started = self._act(self._first_tick)
        tick_samples = self.profile.constant("tick") * self.sample_rate
        ticks = min(max(int(samples / tick_samples) + 2, _FEWEST_TICKS), _MOST_TICKS)
        assert self._voicing is not None
        increments, levels = voices.at_rate(
            *self._voicing.frames(self._first_tick, ticks), self._constants, self.sample_rate
        )
        edges = voices.edges(self._first_tick, ticks, self.profile, self.sample_rate)
        self._frames = voices.Frames(increments, levels, edges)
        for voice in started:
            # A silent voice starts afresh; one that still sounds is taken over as it is.
            if self._state.memory[voice, _lanes.PREVIOUS + _lanes.GAIN] == 0:
                voices.start(self._state, voice, self._constants, levels[:, voice, 0], self.profile)
                self._noise_now[voice] = np.int64(self._noise[voice] - self._sample).astype(np.int32)

    def _act(self, tick: int) -> list[int]:
        """Carry out the messages that arrived; return the voices that were struck."""
        if not self._pending and self._voicing is not None:
            return []
        started: list[int] = []
        for message in self._pending:
            match message:
                case bus.SelectBoard(board):
                    self._selected = board in (self.name, "both")
                case _ if not self._selected:
                    continue
                case bus.SetParameter(id, value):
                    self._playing.set(id, value, tick)
                case bus.VoiceOn(voice, note, velocity):
                    self._playing.strike(voice, note, velocity, tick)
                    started.append(voice)
                case bus.VoiceOff(voice):
                    self._playing.lift(voice, tick)
                case _:  # bytes forwarded to MIDI OUT
                    pass
        self._pending.clear()
        tones = np.tile(self.registers[:TONE_SIZE], (VOICES, 1))
        self._voicing = Voicing(tones, self._playing.notes, self.profile, self._playing.performance())
        self._constants = voices.constants(self._voicing, self.sample_rate)
        self._chorus_position = int(positions(tones[:1], self.profile)[0])
        return started


def boards(
    names: Sequence[BoardName], profile: str | Path | Profile, sample_rate: int, seed: int = 0
) -> list[Board]:
    """The boards of an instrument: each has the seed after the one before."""
    return [Board(profile, sample_rate, seed + index, name) for index, name in enumerate(names)]


def together(boards: Sequence[Board], samples: int) -> NDArray[np.float32]:
    """The next stretch of boards, one at least, that sound together: float32[2, samples]."""
    total = boards[0].render(samples)
    for board in boards[1:]:
        total += board.render(samples)
    return total

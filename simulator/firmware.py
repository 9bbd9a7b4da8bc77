"""The control loop of the sound board: tones and notes in, control frames out.

Once per tick (about 10 ms, thesis 3.1.2.2) the board's processor computes LFO and envelopes, programs
the DCO dividers and writes control voltages. `Voicing` holds what does not change while a note sounds;
`Voicing.frames` evaluates any range of ticks at once, for all voices, from closed forms: envelopes
are thesis eq. 4.11 and 4.12, evaluated at the end of each tick.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jxctl.params import parameter
from simulator.lanes import CUTOFF, GAIN, LEVELS, MIX1, MIX2
from simulator.laws import FloatArray
from simulator.profile import Profile

IntArray = NDArray[np.int64]

NEVER = np.iinfo(np.int64).max // 4
"""A tick that does not come: the start of a voice that is idle, the end of a key that is held."""

LARGEST_DIVIDER = 65535
A4_HZ, A4_NOTE = 440.0, 69


@dataclass(frozen=True)
class Notes:
    """What each voice plays. All ``int64[N]``.

    ``note``: MIDI note. ``velocity``: 0-127. ``on``, ``off``: the ticks at which the key goes down
    and up (`NEVER`: not yet). ``seed``: 32 bits that key the voice's random LFO.
    """

    note: IntArray
    velocity: IntArray
    on: IntArray
    off: IntArray
    seed: IntArray


@dataclass(frozen=True)
class Envelope:
    """Times (s) and sustain level of one envelope; arrays of shape [N]."""

    attack: FloatArray
    decay: FloatArray
    sustain: FloatArray
    release: FloatArray

    def held(self, age: FloatArray) -> FloatArray:
        """Level 0 to 1 while the key is down, ``age`` seconds (float[N, T]) after it went down."""
        attack, decay, sustain = self.attack[:, None], self.decay[:, None], self.sustain[:, None]
        rise = np.cbrt(np.clip(age / attack, 0, 1))
        left = 1 - np.clip((age - attack) / decay, 0, 1)
        return np.where(age < attack, rise, left**3 * (1 - sustain) + sustain)

    def level(self, age: FloatArray, held_for: FloatArray, release_age: FloatArray) -> FloatArray:
        """Level 0 to 1; ``held_for`` (float[N, 1]) is how long the key was down."""
        released = np.maximum(release_age, 0)
        left = 1 - np.clip(released / self.release[:, None], 0, 1)
        return np.where(release_age > 0, self.held(held_for) * left**3, self.held(age))


class Voicing:
    """Everything about N sounding voices that one tick has in common with the next.

    ``tones``: uint8[N, 48], ``notes``: what they play. Physical values are float64[N].
    """

    def __init__(self, tones: np.ndarray, notes: Notes, profile: Profile) -> None:
        self.tones, self.notes, self.profile = tones, notes, profile
        self.tick_s = profile.constant("tick")
        octaves = (notes.note - profile.constant("vcf_key_centre")) / 12
        self.cutoff_octaves = np.log2(self._physical("VCF FREQ")) + self._physical("VCF KEY") * octaves
        self.envelopes = (self._envelope("ENV1"), self._envelope("ENV2"))
        self.vca_gain = self._physical("VCA LEVEL") * self._dynamics("VCA DYNA")
        self.vca_gain = self.vca_gain * profile.constant("voice_gain")
        self.gated = self.position("VCA MODE") == 0

    def frames(self, first: int, ticks: int) -> tuple[FloatArray, NDArray[np.float32]]:
        """Control frames of ``ticks`` ticks from tick ``first``.

        Returns ``frequencies``, float64[2, N, ticks] in Hz, exactly clock / (prescale x divider),
        and ``levels``, float32[4, N, ticks]: mixer 1, mixer 2, cutoff in Hz, VCA gain.
        """
        notes, tick_s = self.notes, self.tick_s
        tick = np.arange(first + 1, first + ticks + 1)[None, :]
        age = (tick - notes.on[:, None]) * tick_s
        release_age = (tick - notes.off[:, None]) * tick_s
        held_for = ((notes.off - notes.on) * tick_s)[:, None]
        envelopes = [e.level(np.maximum(age, 0), held_for, release_age) for e in self.envelopes]
        lfo = self._lfo(age)

        frequencies = np.empty((2, len(self.tones), ticks))
        pitch_env = self._routed("DCO MODE", envelopes) * self._dynamics("DCO DYNA")[:, None]
        for dco, name in enumerate(("DCO1", "DCO2")):
            cents = self._column(f"{name} ENV") * pitch_env + self._column(f"{name} LFO") * lfo
            frequencies[dco] = self._frequency(name, cents)

        levels = np.empty((LEVELS, len(self.tones), ticks), np.float32)
        levels[MIX1], levels[MIX2] = self._mixer(envelopes)
        vcf_env = self._routed("VCF MODE", envelopes) * self._dynamics("VCF DYNA")[:, None]
        octaves = self.cutoff_octaves[:, None] + self._column("VCF ENV") * vcf_env
        octaves += self._column("VCF LFO") * lfo
        low, high = (np.log2(self.profile.constant(f"vcf_{end}")) for end in ("lowest", "highest"))
        levels[CUTOFF] = np.exp2(np.clip(octaves, low, high).astype(np.float32))
        gate = (age > 0) & (release_age <= 0)
        shape = np.where(self.gated[:, None], gate, envelopes[1])
        levels[GAIN] = self.vca_gain[:, None] * np.where(age > 0, shape, 0)
        return frequencies, levels

    def _frequency(self, name: str, cents: FloatArray) -> FloatArray:
        """Hz that the counters can make: the divider is a whole number of 16 bits."""
        notes = self.notes.note + self._physical(f"{name} RANGE") + self._physical(f"{name} TUNE")
        wanted = A4_HZ * np.exp2((notes[:, None] - A4_NOTE + cents / 100) / 12)
        clock = self.profile.constant("dco_clock") / self._column(f"{name} RANGE", "dco_prescale")
        divider = np.clip(np.rint(clock / wanted), 2, LARGEST_DIVIDER)
        if name == "DCO2":
            # Fine tune shifts the clock, so it is not quantised (thesis 3.1.2.1).
            clock = clock * np.exp2(self._column("DCO2 FTUNE") / 1200)
        return np.asarray(clock / divider)

    def _mixer(self, envelopes: list[FloatArray]) -> tuple[FloatArray, FloatArray]:
        """Gains of the two oscillators: thesis eq. 4.6, or the envelope on DCO-2 alone."""
        depth = self._column("MIX ENV") * self._dynamics("MIX DYNA")[:, None]
        signed = self._routed("MIX MODE", envelopes)
        # Inverted means 1 - envelope here; the routed envelope is negative then.
        opening = np.where(self.position("MIX MODE")[:, None] % 2 == 1, signed, 1 + signed)
        first, second = self._column("MIX DCO1"), self._column("MIX DCO2")
        if self.profile.choice("mixer") == "crossfade":
            return first * (1 - depth + depth * opening), second * (1 - depth + depth * (1 - opening))
        return np.broadcast_to(first, opening.shape), second * (1 - depth + depth * opening)

    def _lfo(self, age: FloatArray) -> FloatArray:
        """LFO -1 to 1, after its delay; restarts with each key."""
        turns = np.maximum(age, 0) * self._column("LFO RATE")
        phase = turns % 1
        if self.profile.choice("lfo_wave3") == "sine":
            smooth = np.sin(2 * np.pi * phase)
        else:
            smooth = 4 * np.abs((phase + 0.75) % 1 - 0.5) - 1
        square = np.where(phase < 0.5, 1.0, -1.0)
        random = _hash(self.notes.seed[:, None] + turns.astype(np.int64) * 0x9E3779B1) / 2**31 - 1
        position = self.position("LFO WF")[:, None]
        wave = np.where(position == 0, random, np.where(position == 1, square, smooth))
        delay = self._column("LFO DELAY")
        fade = np.maximum(delay * self.profile.constant("lfo_fade"), 1e-9)
        return wave * np.where(delay > 0, np.clip((age - delay) / fade, 0, 1), 1)

    def _envelope(self, name: str) -> Envelope:
        profile = self.profile
        keys = (self.notes.note - profile.constant("env_key_lowest")) / profile.constant("env_key_span")
        factor = np.exp2(-self._physical(f"{name} KEY") * keys)
        attack, decay, release = (
            self._physical(f"{name} {stage}") * factor for stage in ("ATT", "DECY", "REL")
        )
        return Envelope(attack, decay, self._physical(f"{name} SUS"), release)

    def _routed(self, mode: str, envelopes: list[FloatArray]) -> FloatArray:
        """The envelope that a MODE switch selects, negative where it is inverted."""
        position = self.position(mode)[:, None]
        return np.where(position >= 2, envelopes[0], envelopes[1]) * np.where(position % 2 == 1, 1, -1)

    def _physical(self, name: str, law: str = "") -> FloatArray:
        return self.profile.physical(self.tones, name, law)

    def _column(self, name: str, law: str = "") -> FloatArray:
        return self._physical(name, law)[:, None]

    def _dynamics(self, name: str) -> FloatArray:
        return self.profile.dynamics(self.tones, name, self.notes.velocity)

    def position(self, name: str) -> IntArray:
        """Positions of a switch: int64[N]."""
        row = parameter(name)
        return np.array(row.classes)[self.tones[:, row.column]]


def mix_seed(seed: int | IntArray, voice: int | IntArray = 0) -> IntArray:
    """32 well-mixed bits from a seed and a voice number, so that neighbours share nothing."""
    return _hash(_hash(np.asarray(seed, dtype=np.int64)) + np.asarray(voice, dtype=np.int64) * 0x85EBCA6B)


def _hash(x: IntArray) -> IntArray:
    """32-bit integer hash (xorshift-multiply); int64 in, 0 to 2**32 - 1 out."""
    x = x & 0xFFFFFFFF
    # A product may pass 63 bits; only its low 32 count, and they survive.
    with np.errstate(over="ignore"):
        x = ((x ^ (x >> 16)) * 0x7FEB352D) & 0xFFFFFFFF
        x = ((x ^ (x >> 15)) * 0x846CA68B) & 0xFFFFFFFF
    return np.asarray(x ^ (x >> 16))

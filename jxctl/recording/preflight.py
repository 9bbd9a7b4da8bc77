"""Before the first take: is there a sound, is it at a good level, and how late is it heard?

`measure` plays a few notes; `Preflight.problems` says what would make a recording worthless,
`Preflight.advice` what could be better. `check_rig` looks at the set-up as well
(`jxctl.recording.setup_check`), and tells the rig its latency and tuning. `estimate` says how long a plan
takes and how large it gets.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from jxctl.audio.analysis import (
    ONSET_ABOVE_FLOOR_DB,
    cents_within_octave,
    onsets,
    peak_dbfs,
    pitch_hz,
    rms_dbfs,
)
from jxctl.audio.capture import Audio
from jxctl.errors import VerificationError
from jxctl.protocol.tone import INIT_TONE, Tone
from jxctl.recording.plan import Plan, Tones
from jxctl.recording.quality import CLIP_LEVEL, Latency
from jxctl.recording.rig import Rig
from jxctl.recording.setup_check import SetUp, check_setup

LOUD_TONE = INIT_TONE.with_values(
    {"DCO2 WF": "square", "MIX DCO1": 127, "MIX DCO2": 127, "VCA LEVEL": 127, "VCA MODE": "gate"}
).named("JX LEVEL")
"""Both oscillators, every level and the filter fully open: as loud as a tone without resonance gets."""
CLICK_TONE = INIT_TONE.with_values({"VCA MODE": "gate"}).named("JX CLICK")
"""Begins and ends at once."""

TARGET_DBFS = -6.0
"""Where the loudest note should peak: resonance makes some tones louder still (assumed)."""
HOT_DBFS = -3.0
"""A peak above it leaves no room (assumed)."""
QUIET_DBFS = -30.0
"""A peak below it wastes the converter (assumed)."""
NOISY_DB = 50.0
"""A loud note should be this far above the noise floor (assumed)."""
LOUD_FLOOR_DBFS = -40.0
"""A noise floor above it, rather than a silent synth, hides a note (assumed)."""
OFF_CENTS = 10.0
"""A tuning further off is told."""
UNSTABLE_S = 0.1
"""Latencies that differ by more: a control loop of 60 ms, the slowest that sources allow
(jx_hardware.md section 1), explains no more."""

SAMPLED_TONES = 4
"""So many tones of a plan are played beforehand (chosen)."""

LOAD_S = 0.041
"""To load a tone over a real bus: 129 bytes of 320 microseconds."""

_FULL_DBFS = 20 * float(np.log10(CLIP_LEVEL))
_FLOOR_S = 0.5  # over which the noise floor is measured (chosen)
_LEVEL_NOTES = (36, 60, 84)  # low, middle and high (chosen)
_LEVEL_GATE_S = 0.4  # chosen
_CLICKS = 8  # whose latencies are measured (chosen)
_FEWEST_CLICKS = 3  # without lost audio (chosen)
_CLICK_NOTE = 84  # high: an onset that is sharp (chosen)
_CLICK_GATE_S = 0.05  # chosen
_CLICK_SECONDS = 0.6  # the longest latency that is found (chosen)
# Each click begins at another place in the period of the control loop, whatever that is.
_CLICK_STEP_S = 0.0137
_PLAIN_NOTE = 69  # whose pitch gives the tuning
_PLAIN_HZ = 440.0  # its standard pitch
# FLAC against plain 24 bits. The virtual board: 0.26 on average, 0.58 at most, over tones of the prior. A
# converter's noise in the lower bits does not compress (assumed).
_FLAC_SHARE = 0.75
_TAIL_S = 0.5  # of a tone, on average (assumed)


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was measured. ``peak_dbfs``: of the loudest note at full velocity, of tone ``loudest``.
    ``clipped``: `LOUD_TONE` reached full scale. ``dropouts``: in how many notes audio was lost.
    ``latency_s``, ``spread_s``: None when the clicks were not heard. ``tuning_cents``: how far a plain
    note is above standard pitch; None when it has no clear one."""

    noise_floor_dbfs: float
    peak_dbfs: float
    loudest: str
    clipped: bool
    dropouts: int
    latency_s: float | None
    spread_s: float | None
    tuning_cents: float | None = None

    @property
    def gain_db(self) -> float | None:
        """How much to turn the input up (or down, below 0) for a peak of `TARGET_DBFS`; at least so much
        down when it clipped. None when nothing was heard."""
        return TARGET_DBFS - self.peak_dbfs if self._heard else None

    @property
    def latency(self) -> Latency | None:
        """Latency and its spread, when they were measured."""
        if self.latency_s is None or self.spread_s is None:
            return None
        return Latency(self.latency_s, self.spread_s)

    @property
    def problems(self) -> list[tuple[str, str]]:
        """What makes takes worthless, each with what to do about it."""
        if not self._heard:
            return [
                (
                    f"nothing is heard: a loud note peaks at {self.peak_dbfs:.1f} dBFS, the noise floor is "
                    f"{self.noise_floor_dbfs:.1f} dBFS",
                    "look for hum, an open input or a gain that is too high"
                    if self.noise_floor_dbfs > LOUD_FLOOR_DBFS
                    else "check that the synth is on, its volume, cable, input, port and MIDI channel",
                )
            ]
        found = []
        if self.clipped:
            found.append(
                (
                    "the input clips: a loud note at full velocity reaches full scale",
                    f"turn the input down by {-TARGET_DBFS:g} dB or more",
                )
            )
        if self.latency_s is None and self.dropouts > _CLICKS:
            found.append(
                (
                    f"the audio input loses samples all the time (in {self.dropouts} short notes)",
                    "close other programs, use larger buffers or another USB port",
                )
            )
        elif self.latency_s is None:
            found.append(("the beginning of a short note is not found", "check the port and the input"))
        elif self.spread_s is not None and self.spread_s > UNSTABLE_S:
            found.append(
                (
                    f"the latency is unstable: {1000 * self.latency_s:.0f} ms, give or take "
                    f"{1000 * self.spread_s / 2:.0f} ms",
                    "use a cable instead of a network or Bluetooth, and close other programs",
                )
            )
        return found

    @property
    def advice(self) -> list[str]:
        """What is not good but does no harm."""
        if self.problems:
            return []
        gain_db, said = self.gain_db, []
        if self.dropouts:
            said.append(
                f"the audio input lost samples in {self.dropouts} notes, which a recording plays again: "
                "close other programs, use larger buffers"
            )
        if gain_db is not None and self.peak_dbfs < QUIET_DBFS:
            said.append(f"the input is quiet: turn it up by {gain_db:.0f} dB")
        elif self.peak_dbfs >= _FULL_DBFS:
            said.append(f"{self.loudest} clips at full velocity: turn the input down by {-TARGET_DBFS:g} dB")
        elif self.peak_dbfs > HOT_DBFS and gain_db is not None:
            said.append(f"little headroom for resonant tones: turn the input down by {-gain_db:.0f} dB")
        if self.peak_dbfs - self.noise_floor_dbfs < NOISY_DB:
            over = self.peak_dbfs - self.noise_floor_dbfs
            said.append(f"noisy: a loud note is only {over:.0f} dB above the noise floor")
        if self.tuning_cents is not None and abs(self.tuning_cents) > OFF_CENTS:
            said.append(f"the instrument is {self.tuning_cents:+.0f} cents from standard pitch")
        return said

    @property
    def _heard(self) -> bool:
        return self.peak_dbfs >= max(self.noise_floor_dbfs + ONSET_ABOVE_FLOOR_DB, -80)

    def check(self, way_round: str = "--skip-checks records all the same") -> None:
        """Raise `VerificationError` with the first of the problems. ``way_round``: said in its hint."""
        if self.problems:
            what, hint = self.problems[0]
            raise VerificationError(what, f"{hint}; {way_round}" if way_round else hint)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self) | {"gain_db": self.gain_db}

    def __str__(self) -> str:
        latency = "unknown"
        if self.latency_s is not None and self.spread_s is not None:
            latency = f"{1000 * self.latency_s:.1f} ms, spread {1000 * self.spread_s:.1f} ms"
        gain = "" if self.gain_db is None else f" ({self.gain_db:+.0f} dB to {TARGET_DBFS:g} dBFS)"
        return (
            f"noise floor {self.noise_floor_dbfs:.1f} dBFS, loudest peak {self.peak_dbfs:.1f} dBFS{gain}, "
            f"latency {latency}"
        )


@dataclass(frozen=True, slots=True)
class RigCheck:
    """What two looks at a rig found: ``preflight``, and ``setup``, None where it was not asked for."""

    preflight: Preflight
    setup: SetUp | None

    @property
    def problems(self) -> list[tuple[str, str]]:
        """What makes takes worthless, each with what to do about it.

        The set-up first: what is heard of another source has no latency, and its level says nothing.
        """
        wrong = [self.setup.problem] if self.setup is not None and self.setup.problem is not None else []
        return wrong + self.preflight.problems

    def check(self, way_round: str = "") -> None:
        """Raise `VerificationError` with the first of the problems. ``way_round``: said in its hint."""
        if self.problems:
            what, hint = self.problems[0]
            raise VerificationError(what, f"{hint}; {way_round}" if way_round else hint)


def check_rig(rig: Rig, tones: Iterable[Tone] = (), setup: bool = True) -> RigCheck:
    """Measure noise, level, latency and tuning; the rig knows latency and tuning from then on.

    ``tones``: some of those that will be recorded (`some_of`). ``setup``: also whether what is played is what
    is heard, with nothing between (`jxctl.recording.setup_check`); twenty seconds of sound instead of ten.

    Raises `DeviceError` when the port or the audio input fails. What makes takes worthless is in the result.
    """
    measured = measure(rig, tones)
    rig.latency = measured.latency
    found = check_setup(rig) if setup else None
    rig.tuning_cents = measured.tuning_cents or 0.0
    return RigCheck(measured, found)


def some_of(tones: Tones) -> list[Tone]:
    """Some tones of a plan, evenly spaced, to be played beforehand."""
    count = len(tones)
    return [tones[number] for number in sorted({count * k // SAMPLED_TONES for k in range(SAMPLED_TONES)})]


def measure(rig: Rig, tones: Iterable[Tone] = ()) -> Preflight:
    """Measure noise floor, level, latency and tuning; the rig is left silent, and knows none of them yet.

    ``tones``: some of those that will be recorded; the loudest note of all counts. Takes about ten
    seconds of sound. Raises `DeviceError` when the port or the audio input fails.
    """
    rig.latency = None
    floor_dbfs = rms_dbfs(rig.hush(_FLOOR_S))
    rig.tuning_cents = 0.0
    peak, loudest, clipped, dropouts = -np.inf, LOUD_TONE.name, False, 0
    for tone in (LOUD_TONE, *tones):
        for note in _LEVEL_NOTES:
            take = rig.take(tone, note, 127, _LEVEL_GATE_S, _LEVEL_GATE_S)
            clipped = clipped or (tone is LOUD_TONE and take.verdict == "clipped")
            dropouts += take.verdict == "dropped audio"
            if (reached := peak_dbfs(take.audio)) > peak:
                peak, loudest = reached, tone.name
    clicks: list[Audio] = []
    for number in range(3 * _CLICKS):
        if len(clicks) == _CLICKS:
            break
        rig.hush(_CLICK_STEP_S * (1 + number % _CLICKS))
        take = rig.take(CLICK_TONE, _CLICK_NOTE, 127, _CLICK_GATE_S, _CLICK_SECONDS)
        if take.verdict == "dropped audio":
            dropouts += 1
        else:
            clicks.append(take.audio)
    times = onsets(clicks, rig.audio.sample_rate, floor_dbfs) if len(clicks) >= _FEWEST_CLICKS else []
    middle = statistics.median(times) if times else None
    spread = max(times) - min(times) if times else None
    plain = rig.take(CLICK_TONE, _PLAIN_NOTE, 127, _LEVEL_GATE_S, _LEVEL_GATE_S).audio
    hz = pitch_hz(plain, rig.audio.sample_rate)
    tuning = None if hz is None else cents_within_octave(hz, _PLAIN_HZ)
    return Preflight(floor_dbfs, float(peak), loudest, clipped, dropouts, middle, spread, tuning)


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long and how large: ``takes``, ``sound_s`` (of audio, likely and at most), ``wall_s`` (in real
    time, likely), ``bytes`` (on the disk, likely)."""

    takes: int
    sound_s: float
    longest_s: float
    wall_s: float
    bytes: int

    def __str__(self) -> str:
        return (
            f"{self.takes} takes, about {span(self.sound_s)} of sound (at most {span(self.longest_s)}), "
            f"{_size(self.bytes)}"
        )


def estimate(plan: Plan, takes: int, rig: Rig) -> Estimate:
    """What ``takes`` takes of a plan come to. How long tails are is not known; half a second is assumed."""
    each_s = min(plan.mean_gate_s + _TAIL_S, plan.max_seconds)
    sound_s = takes * each_s
    size = round(sound_s * rig.audio.sample_rate * 3 * _FLAC_SHARE)
    return Estimate(takes, sound_s, takes * plan.max_seconds, takes * (each_s + rig.settle_s + LOAD_S), size)


def span(seconds: float) -> str:
    """A time in the unit that suits it."""
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def _size(count: float) -> str:
    for size, unit in ((1e9, "GB"), (1e6, "MB")):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count / 1000:.0f} kB"

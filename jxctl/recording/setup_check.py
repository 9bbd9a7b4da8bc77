"""Whether a rig is set up as its user thinks: what is played is what is heard, and nothing lies between.

Some ten seconds of plain notes. `CHECKS` is the table: each row plays notes, reads one number off them
(`jxctl.recording.note_measurements`) and has limits, the reason for these, and what to say when the number
lies outside: what happened, and what to do next. Rows are gone through in order; the first that fails ends
it, because those below rest on it. Where one fails for a reason that another would show better (a synth that
takes no tones rings on after the key, too), more is played to tell.

The limits are far from what boards do: perturbed by 30 % in every law, tuned 15 cents off, on a noise floor
of 50 dB, they pass all (`tests/jxctl/recording/test_setup_check.py`). Nothing is rendered, so no profile is
needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from jxctl.audio.analysis import rms_dbfs
from jxctl.audio.capture import Channels
from jxctl.errors import VerificationError
from jxctl.recording.note_measurements import (
    KEYS,
    LOUD,
    PLAIN,
    QUIETEST_DBFS,
    SOFT,
    STEADY_KEY,
    STEADY_S,
    Ear,
    Sound,
    mains_hz,
)
from jxctl.recording.quality import CLIP_LEVEL
from jxctl.recording.rig import Rig

Problem = tuple[str, str]
"""What is wrong, and what to do next."""

RISE_DB = 28.0
"""Notes are so far above what is heard without them (see `CHECKS`)."""
FAINT_DB = 12.0
"""Less than that, and they are not heard at all (chosen)."""
QUIET_DBFS = -50.0
"""Below it an input is quiet (chosen)."""
_LATER_S = 1.5
"""Seconds after a key, in the second half of which nothing of its note should be left (chosen)."""
_RATE_CENTS = 1200 * float(np.log2(48000 / 44100))
"""How far a pitch is off when one sample rate is taken for the other."""
_RATE_WITHIN_CENTS = 5.0
"""That is told from other reasons within so much (chosen)."""
_OCTAVES_WITHIN_CENTS = 10.0
"""And whole octaves within so much (chosen)."""
_WHICH_INPUT = (
    "is this the input that the synth is connected to (jx audio), and does nothing else sound on it?"
)


@dataclass(frozen=True)
class Check:
    """A row. ``least``, ``most``: of what is right; ``because``: why there. ``wrong``: the words."""

    name: str
    measured: str
    unit: str
    least: float
    most: float
    because: str
    measure: Callable[[Ear], float]
    wrong: Callable[[Ear, float], Problem]

    def right(self, value: float) -> bool:
        """Whether a measured value is. What could not be read is not."""
        return self.least <= value <= self.most


@dataclass(frozen=True)
class SetUp:
    """``values``: of the rows that were gone through, in order; the last is the one that failed, if
    ``problem`` is not None."""

    values: dict[str, float]
    problem: Problem | None

    def check(self, way_round: str = "") -> None:
        """Raise `VerificationError` where something is wrong. ``way_round``: said in the hint."""
        if self.problem is not None:
            what, hint = self.problem
            raise VerificationError(what, f"{hint}; {way_round}" if way_round else hint)

    def to_json(self) -> list[dict[str, Any]]:
        """Plain data, an object for each row; a number that could not be read, or no limit, is null."""
        rows = {check.name: check for check in CHECKS}
        return [
            {
                "check": name, "measured": rows[name].measured, "value": _finite(value),
                "unit": rows[name].unit, "least": _finite(rows[name].least), "most": _finite(rows[name].most),
                "right": rows[name].right(value),
            }
            for name, value in self.values.items()
        ]  # fmt: skip


def check_setup(rig: Rig) -> SetUp:
    """Play and listen; the rig is left silent. Raises `DeviceError` when port or input fail."""
    ear, values = Ear(rig), {}
    for check in CHECKS:
        value = values[check.name] = float(check.measure(ear))
        if not check.right(value):
            return SetUp(values, check.wrong(ear, value))
    return SetUp(values, None)


def _finite(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None


# What is measured.


def channel(ear: Ear) -> int:
    """Which channel of the input is heard, from 0."""
    return ear.rig.audio.channel - 1 if isinstance(ear.rig.audio, Channels) else 0


def steady(ear: Ear) -> Sound:
    """The long note in which movement is looked for."""
    return ear.sound(PLAIN, STEADY_KEY, STEADY_S)


def _rise(ear: Ear) -> float:
    return min(sound.level_db for sound in ear.keyed) - ear.quiet_db


def _beside(ear: Ear) -> float:
    assert ear.keyed
    at = channel(ear)
    others = [peak for k, (rise, peak) in enumerate(ear.channels) if k != at and rise > RISE_DB]
    return max(others) - ear.channels[at][1] if others else -np.inf


def _flat(ear: Ear) -> float:
    return 100 * (ear.sound(LOUD).at_top - ear.sound(SOFT).at_top)


def _astray(ear: Ear) -> float:
    off = np.array([sound.off_cents for sound in ear.keyed])
    return float(np.max(np.abs(off - np.median(off)))) if np.isfinite(off).all() else float("nan")


def _tuning(ear: Ear) -> float:
    return float(np.median([sound.off_cents for sound in ear.keyed]))


def _range(ear: Ear) -> float:
    return ear.sound().off_cents - ear.sound(PLAIN.with_values({"DCO1 RANGE": "16'"})).off_cents


def _wave(ear: Ear) -> float:
    return ear.sound().even_db - ear.sound(PLAIN.with_values({"DCO1 WF": "square"})).even_db


def _cutoff(ear: Ear) -> float:
    return ear.sound().bright_db - ear.sound(PLAIN.with_values({"VCF FREQ": 48})).bright_db


def _level(ear: Ear) -> float:
    return ear.sound().level_db - ear.sound(PLAIN.with_values({"VCA LEVEL": 32})).level_db


# What is said where a number lies outside its limits.


def nothing(ear: Ear, rise: float) -> Problem:
    """Nothing, or something else, or both."""
    at = channel(ear)
    heard = [k for k, (up, _) in enumerate(ear.channels) if k != at and up > RISE_DB]
    if heard:
        return _other_channel(ear, heard[0])
    quiet, held = ear.quiet_db, min(sound.level_db for sound in ear.keyed)
    if quiet < QUIET_DBFS and rise < FAINT_DB:
        return (
            f"nothing is heard: {held:.0f} dBFS while a key is down, {quiet:.0f} dBFS while none is",
            "check that the synth is on, its volume, the cable, the input and its channel (jx audio), and "
            "the port and MIDI channel (jx ports)",
        )
    hum = mains_hz(ear.quiet, ear.rig.audio.sample_rate)
    between = f"{quiet:.0f} dBFS while no key is down, {held:.0f} dBFS while one is"
    if hum is not None:
        return (
            f"the input hums at {hum:.0f} Hz: {between}",
            "look for an open input, a bad cable or a ground loop; a balanced cable or an isolator helps",
        )
    if rise < FAINT_DB:
        return (
            f"something else is heard, not what is played: {between}",
            _WHICH_INPUT,
        )
    return (
        f"something else is heard beside what is played, or much noise: {between}",
        f"notes should be {RISE_DB:.0f} dB above it: silence other sources on this input, turn the synth up",
    )


def _other_channel(ear: Ear, other: int) -> Problem:
    at = channel(ear)
    return (
        f"the synth is heard on channel {other + 1} of the input, not on channel {at + 1}: its notes peak at "
        f"{ear.channels[other][1]:.0f} dBFS there, at {ear.channels[at][1]:.0f} dBFS here",
        f"--audio-channel {other + 1}, or JX_AUDIO_CHANNEL={other + 1} where a command has no such option",
    )


def wrong_channel(ear: Ear, _: float) -> Problem:
    """Another channel has it."""
    at = channel(ear)
    return _other_channel(
        ear, max((k for k in range(len(ear.channels)) if k != at), key=lambda k: ear.channels[k][1])
    )


def clips(ear: Ear, flat: float) -> Problem:
    """Flat tops."""
    loud = ear.sound(LOUD)
    if float(np.abs(loud.audio).max(initial=0.0)) >= CLIP_LEVEL:
        return "the input clips: a loud note reaches full scale", "turn the input down by 6 dB or more"
    return (
        f"something before the input clips: {flat:.0f} % of a loud note lies flat at "
        f"{loud.peak_dbfs:.1f} dBFS",
        "turn down what feeds it: the synth's volume, a mixer, a preamplifier or pedal in line",
    )


def keys(ear: Ear, _: float) -> Problem:
    """Pitches that are not those of the keys."""
    said = ", ".join(
        f"key {key} " + ("without a clear pitch" if np.isnan(off := s.off_cents) else f"{off:+.0f} cents off")
        for key, s in zip(KEYS, ear.keyed, strict=True)
    )
    return (
        f"what is heard does not follow the keys: {said}",
        "another instrument on this input or port, more than one voice on a key (dual, unison, arpeggio), or "
        "a pedal that changes pitch",
    )


def tuned(ear: Ear, off: float) -> Problem:
    """All pitches off by the same."""
    what = f"the board is out of tune by {off:+.0f} cents, beyond what tuning it explains"
    if abs(abs(off) - _RATE_CENTS) < _RATE_WITHIN_CENTS:
        return what, "that is 44100 against 48000 Hz: --sample-rate has to be what the interface runs at"
    if abs(abs(off) % 1200 - 600) > 600 - _OCTAVES_WITHIN_CENTS:
        return what, "whole octaves: look for a transposition, or another synth on this port"
    return what, (
        "set its master tune to the middle, and look for a transposition (chromatic shift), a bender that "
        "does not rest, or another synth on this port"
    )


def _deaf(ear: Ear) -> list[str]:
    """The parameters that the sound does not follow."""
    return [name for name, row in FOLLOWED.items() if not row.right(row.measure(ear))]


def _another_synth(deaf: list[str]) -> Problem | None:
    """What to say where it follows none; None where it follows some."""
    if len(deaf) < len(FOLLOWED):
        return None
    return (
        f"another synth is heard: it plays the notes, but {', '.join(deaf[:-1])} and {deaf[-1]} change "
        "nothing in its sound",
        "is the port that of the synth on this input (jx ports), and does that synth take SysEx (its "
        "exclusive switch, memory protection, MIDI channel, --model)?",
    )


def follows(ear: Ear, _: float) -> Problem:
    """A parameter that changes nothing."""
    deaf = _deaf(ear)
    hint = "does this synth take all of a tone (--model)? Is another instrument layered with it?"
    if deaf == ["VCA LEVEL"]:
        hint = "a compressor, a limiter or an automatic gain in line? Take it out"
    return _another_synth(deaf) or (f"the sound does not follow {' and '.join(deaf)}", hint)


def rings(ear: Ear, ending: float) -> Problem:
    """A sound after the key."""
    last = ear.sound().level_db
    later = rms_dbfs(
        ear.rig.hush(_LATER_S)[-round(_LATER_S / 2 * ear.rig.audio.sample_rate) :], QUIETEST_DBFS
    )
    if later > last - FAINT_DB:
        return (
            f"something else is heard, which goes on by itself: {last:.0f} dBFS while a key is down, "
            f"{later:.0f} dBFS long after",
            _WHICH_INPUT,
        )
    return _another_synth(_deaf(ear)) or (
        f"notes go on after the key: {ending:.0f} dB is left of a tone that should end at once",
        "an echo or reverb in line, a hold pedal, or another instrument layered with it? Take it out",
    )


def moves(ear: Ear, _: float) -> Problem:
    """A note that is not steady."""
    note = steady(ear)
    often = "slowly" if note.moving_hz * STEADY_S < 1.5 else f"about {note.moving_hz:.1f} times a second"
    return (
        f"a steady note moves although CHORUS is off: its harmonics by {note.moving_db:.1f} dB, its pitch by "
        f"{note.wandering_cents:.1f} cents, {often}",
        "a chorus, phaser, flanger, tremolo or vibrato in line, or two voices on one key (dual, unison, a "
        "second synth on this port)? Take it out",
    )


# The table.

FOLLOWED: dict[str, Check] = {
    check.name: check
    for check in (
        Check(
            "DCO1 RANGE", "8' above 16'", "cents", 1100.0, 1300.0, "an octave, by its name", _range, follows
        ),
        Check(
            "DCO1 WF", "second harmonic of sawtooth above that of square", "dB", 6.0, np.inf,
            "a square has none, a sawtooth half the first; one that is 45 % wide has 10 dB less",
            _wave, follows,
        ),
        Check(
            "VCF FREQ", "highs at 127 above those at 48", "dB", 10.0, np.inf,
            "30 and more on perturbed boards", _cutoff, follows,
        ),
        Check(
            "VCA LEVEL", "level at 127 above that at 32", "dB", 5.0, np.inf,
            "12 in a straight line, more on any curve that begins slowly", _level, follows,
        ),
    )
}  # fmt: skip
"""The rows by parameter that say how far the sound follows when it is changed."""

CHECKS: tuple[Check, ...] = (
    Check(
        "sound", "three notes above what is heard while no key is down", "dB", RISE_DB, np.inf,
        "a noise floor 50 dB under a loud note leaves 38 of a plain one; music or hum leaves less",
        _rise, nothing,
    ),
    Check(
        "channel", "the loudest other channel that sounds with the notes, above this one", "dB",
        -np.inf, 20.0,
        "crosstalk of cables and converters is weaker; the two jacks of a synth differ by less",
        _beside, wrong_channel,
    ),
    Check(
        "clipping", "more of a loud note than of a soft one lies at its top", "%", -np.inf, 3.0,
        "both have one shape, so that only a limit makes them differ; cut by 2 dB it is 5 % and more",
        _flat, clips,
    ),
    Check(
        "ending", "what is left after the key, above the note", "dB", -np.inf, -20.0,
        "the gate of a VCA closes within a control loop; a room has about -10 dB left",
        lambda ear: ear.sound().ending_db, rings,
    ),
    Check(
        "keys", "three notes, each against its key, from their median", "cents", -np.inf, 20.0,
        "pitch is divided from a clock: dividers are off by under 1 cent there (firmware_notes/dco.md)",
        _astray, keys,
    ),
    Check(
        "tuning", "above standard pitch", "cents", -45.0, 45.0,
        "calibration measures it along: right up to 40, while at 55 one depth of the pitch was wrong",
        _tuning, tuned,
    ),
    *FOLLOWED.values(),
    Check(
        "steadiness", "swing of the harmonics of a held note", "dB", -np.inf, 0.25,
        "digital control holds them; a noise floor of 40 dB moves them by 0.03, a chorus at a fifth by 1",
        lambda ear: steady(ear).moving_db, moves,
    ),
    Check(
        "steady pitch", "swing of the pitch of a held note", "cents", -np.inf, 1.5,
        "a clock does not move; a vibrato that can be heard is 5 and more",
        lambda ear: steady(ear).wandering_cents, moves,
    ),
)  # fmt: skip

"""What is said of a wrong set-up, for each row of `jxctl.recording.setup_check`: what happened, what to do
next.

Where one row fails for a reason that another would show better (a synth that takes no tones rings on after
the key, too), more is played to tell.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from jxctl.audio.analysis import rms_dbfs
from jxctl.audio.capture import Channels
from jxctl.recording.bench_ear import (
    KEYS,
    LOUD,
    PLAIN,
    QUIETEST_DBFS,
    STEADY_KEY,
    STEADY_S,
    Ear,
    Sound,
    mains_hz,
)
from jxctl.recording.quality import CLIP_LEVEL

Told = tuple[str, str]
"""What is wrong, and what to do next."""

RISE_DB = 28.0
"""Notes are so far above what is heard without them."""
FAINT_DB = 12.0
"""Less than that, and they are not heard at all."""
QUIET_DBFS = -50.0
"""Below it an input is quiet."""
_LATER_S = 1.5
_WHICH_INPUT = (
    "is this the input that the synth is connected to (jx audio), and does nothing else sound on it?"
)


def channel(ear: Ear) -> int:
    """Which channel of the input is heard, from 0."""
    return ear.rig.audio.channel - 1 if isinstance(ear.rig.audio, Channels) else 0


def steady(ear: Ear) -> Sound:
    """The long note in which movement is looked for."""
    return ear.sound(PLAIN, STEADY_KEY, STEADY_S)


def _range(ear: Ear) -> float:
    return ear.sound().off_cents - ear.sound(PLAIN.with_values({"DCO1 RANGE": "16'"})).off_cents


def _wave(ear: Ear) -> float:
    return ear.sound().even_db - ear.sound(PLAIN.with_values({"DCO1 WF": "square"})).even_db


def _cutoff(ear: Ear) -> float:
    return ear.sound().bright_db - ear.sound(PLAIN.with_values({"VCF FREQ": 48})).bright_db


def _level(ear: Ear) -> float:
    return ear.sound().level_db - ear.sound(PLAIN.with_values({"VCA LEVEL": 32})).level_db


FOLLOWED: dict[str, tuple[Callable[[Ear], float], float, float]] = {
    "DCO1 RANGE": (_range, 1100.0, 1300.0),
    "DCO1 WF": (_wave, 6.0, np.inf),
    "VCF FREQ": (_cutoff, 10.0, np.inf),
    "VCA LEVEL": (_level, 5.0, np.inf),
}
"""By parameter: how far the sound follows when it is changed, and the least and most of what is right."""


def nothing(ear: Ear, rise: float) -> Told:
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


def _other_channel(ear: Ear, other: int) -> Told:
    at = channel(ear)
    return (
        f"the synth is heard on channel {other + 1} of the input, not on channel {at + 1}: its notes peak at "
        f"{ear.channels[other][1]:.0f} dBFS there, at {ear.channels[at][1]:.0f} dBFS here",
        f"--audio-channel {other + 1}, or JX_AUDIO_CHANNEL={other + 1} where a command has no such option",
    )


def wrong_channel(ear: Ear, _: float) -> Told:
    """Another channel has it."""
    at = channel(ear)
    return _other_channel(
        ear, max((k for k in range(len(ear.channels)) if k != at), key=lambda k: ear.channels[k][1])
    )


def clips(ear: Ear, flat: float) -> Told:
    """Flat tops."""
    loud = ear.sound(LOUD)
    if float(np.abs(loud.audio).max(initial=0.0)) >= CLIP_LEVEL:
        return "the input clips: a loud note reaches full scale", "turn the input down by 6 dB or more"
    return (
        f"something before the input clips: {flat:.0f} % of a loud note lies flat at "
        f"{loud.peak_dbfs:.1f} dBFS",
        "turn down what feeds it: the synth's volume, a mixer, a preamplifier or pedal in line",
    )


def keys(ear: Ear, _: float) -> Told:
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


def tuned(ear: Ear, off: float) -> Told:
    """All pitches off by the same."""
    rate = 1200 * np.log2(48000 / 44100)
    what = f"the board is out of tune by {off:+.0f} cents, beyond what tuning it explains"
    if abs(abs(off) - rate) < 5:
        return what, "that is 44100 against 48000 Hz: --sample-rate has to be what the interface runs at"
    if abs(abs(off) % 1200 - 600) > 590:
        return what, "whole octaves: look for a transposition, or another synth on this port"
    return what, (
        "set its master tune to the middle, and look for a transposition (chromatic shift), a bender that "
        "does not rest, or another synth on this port"
    )


def _deaf(ear: Ear) -> list[str]:
    """The parameters that the sound does not follow."""
    return [name for name, (measure, least, most) in FOLLOWED.items() if not least <= measure(ear) <= most]


def _another_synth(deaf: list[str]) -> Told | None:
    """What to say where it follows none; None where it follows some."""
    if len(deaf) < len(FOLLOWED):
        return None
    return (
        f"another synth is heard: it plays the notes, but {', '.join(deaf[:-1])} and {deaf[-1]} change "
        "nothing in its sound",
        "is the port that of the synth on this input (jx ports), and does that synth take SysEx (its "
        "exclusive switch, memory protection, MIDI channel, --model)?",
    )


def follows(ear: Ear, _: float) -> Told:
    """A parameter that changes nothing."""
    deaf = _deaf(ear)
    hint = "does this synth take all of a tone (--model)? Is another instrument layered with it?"
    if deaf == ["VCA LEVEL"]:
        hint = "a compressor, a limiter or an automatic gain in line? Take it out"
    return _another_synth(deaf) or (f"the sound does not follow {' and '.join(deaf)}", hint)


def rings(ear: Ear, ending: float) -> Told:
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


def moves(ear: Ear, _: float) -> Told:
    """A note that is not steady."""
    note = steady(ear)
    often = "slowly" if note.moving_hz * STEADY_S < 1.5 else f"about {note.moving_hz:.1f} times a second"
    return (
        f"a steady note moves although CHORUS is off: its harmonics by {note.moving_db:.1f} dB, its pitch by "
        f"{note.wandering_cents:.1f} cents, {often}",
        "a chorus, phaser, flanger, tremolo or vibrato in line, or two voices on one key (dual, unison, a "
        "second synth on this port)? Take it out",
    )

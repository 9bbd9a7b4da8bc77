"""Which voice plays which key: the assigner's oldest job.

The key modes are the JX-8P's (owner's manual) and their names the Super JX's (jx_hardware.md 5.6).
Exact rules for taking a voice that is in use were not found; all of these are assumed:

* poly 1 takes the voice released longest ago, then the one struck longest ago;
* poly 2 takes the lowest voice whose key is up ("only the last notes keep their natural release"),
  then the one struck longest ago;
* unison takes two voices a key by the rule of poly 1; in unison 2 the second is an octave lower;
* mono plays the last key that is still down, on one voice (1) or on all (2);
* a key struck again without a release gets its own voices again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Mode = Literal["poly 1", "unison 1", "mono 1", "poly 2", "unison 2", "mono 2"]

MODES: dict[int, Mode] = {
    0: "poly 1", 1: "unison 1", 2: "mono 1", 4: "poly 2", 5: "unison 2", 6: "mono 2",
}  # fmt: skip
"""Key assign as patches hold it (jx_hardware.md 4.4, 4.6)."""

Slot: TypeAlias = tuple[Literal["lower", "upper"], int]
"""A board and one of its voices, 0-5."""

OCTAVE = 12


@dataclass(frozen=True, slots=True)
class Strike:
    """Start ``slot`` with ``note`` (0-127) and ``velocity`` (1-127)."""

    slot: Slot
    note: int
    velocity: int


@dataclass(frozen=True, slots=True)
class Release:
    """Let ``slot`` go, which plays ``note``."""

    slot: Slot
    note: int


Action: TypeAlias = Strike | Release


@dataclass(slots=True)
class _Voice:
    slot: Slot
    key: int | None = None
    note: int = 0
    since: int = 0


class Allocator:
    """Keys in, strikes and releases out, over the voices ``slots`` in one key mode.

    A *key* is the note as played; its *note* is what the voice plays (``shift`` semitones higher, by
    octaves back into 0-127). Nothing sounds at first.
    """

    def __init__(self, slots: Sequence[Slot], mode: Mode = "poly 1", shift: int = 0) -> None:
        self.mode = mode
        self.shift = shift
        self._voices = [_Voice(slot) for slot in slots]
        self._down: dict[int, int] = {}  # key: velocity, in the order they were struck
        self._time = 0

    def press(self, key: int, velocity: int) -> list[Action]:
        """A key goes down."""
        self._time += 1
        self._down.pop(key, None)
        self._down[key] = velocity
        if self.mode.startswith("mono"):
            return self._sound(self._mono_voices(), key, velocity)
        count = 2 if self.mode.startswith("unison") else 1
        own = [voice for voice in self._voices if voice.key == key]
        return self._sound(own or self._choose(count), key, velocity)

    def lift(self, key: int) -> list[Action]:
        """A key comes up; nothing happens when it was not down."""
        self._time += 1
        if self._down.pop(key, None) is None:
            return []
        voices = [voice for voice in self._voices if voice.key == key]
        if self.mode.startswith("mono") and voices and self._down:
            last = next(reversed(self._down))
            return self._sound(voices, last, self._down[last])
        for voice in voices:
            voice.key, voice.since = None, self._time
        return [Release(voice.slot, voice.note) for voice in voices]

    def forget(self) -> None:
        """Every voice was silenced; keys that are down no longer count."""
        self._down.clear()
        for voice in self._voices:
            voice.key = None

    def _mono_voices(self) -> list[_Voice]:
        return self._voices[:1] if self.mode == "mono 1" else self._voices

    def _choose(self, count: int) -> list[_Voice]:
        free = [voice for voice in self._voices if voice.key is None]
        if self.mode != "poly 2":
            free.sort(key=lambda voice: voice.since)
        held = sorted((voice for voice in self._voices if voice.key is not None), key=lambda v: v.since)
        return (free + held)[:count]

    def _sound(self, voices: list[_Voice], key: int, velocity: int) -> list[Action]:
        actions: list[Action] = []
        for index, voice in enumerate(voices):
            lower = OCTAVE if self.mode == "unison 2" and index % 2 else 0
            note = folded(key + self.shift - lower, 0, 127)
            voice.key, voice.note, voice.since = key, note, self._time
            actions.append(Strike(voice.slot, note, velocity))
        return actions


def folded(note: int, first: int, last: int) -> int:
    """``note`` moved by octaves into ``first`` to ``last`` (which span an octave at least)."""
    if note < first:
        return note + -(-(first - note) // OCTAVE) * OCTAVE
    if note > last:
        return note - -(-(note - last) // OCTAVE) * OCTAVE
    return note

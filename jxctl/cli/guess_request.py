"""What `jx guess` is asked: notes by file, values that stay, and what is heard in each recording."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jxctl.cli.common import say
from jxctl.errors import AudioError, ToneError, UsageError
from jxctl.protocol.parameters import parameter
from jxctl.protocol.tone import INIT_TONE, Tone

if TYPE_CHECKING:
    import numpy as np

    from estimator.inference.posterior import Recording

SHORTEST_GATE_S, LONGEST_GATE_S, AFTER_S = 0.02, 60.0, 0.25
UNSURE, MORE = 0.5, 0.1
"""A pitch less sure than this, and a share of the energy after the note larger than this, are told."""


@dataclass(frozen=True)
class Given:
    """What was said of one recording; None: to be found (``velocity``: 100)."""

    note: int | None
    velocity: int
    gate: float | None


def by_file(
    files: list[Path], notes: list[int] | None, velocities: list[int] | None, gates: list[float] | None
) -> list[Given]:
    """One `Given` a file, from options given once for all files, or once for each. Raises `UsageError`."""
    for note in notes or ():
        if not 0 <= note <= 127:
            raise UsageError(f"note {note} is not a MIDI note", "0 to 127; 60 is C4")
    for velocity in velocities or ():
        if not 1 <= velocity <= 127:
            raise UsageError(f"velocity {velocity} is out of range", "1 to 127")
    for gate in gates or ():
        if not SHORTEST_GATE_S <= gate <= LONGEST_GATE_S:
            raise UsageError(
                f"a gate of {gate:g} s is out of range", f"{SHORTEST_GATE_S} to {LONGEST_GATE_S:g} seconds"
            )
    count = len(files)
    return [
        Given(*each)
        for each in zip(
            _spread("--note", notes, None, count),
            _spread("--velocity", velocities, 100, count),
            _spread("--gate", gates, None, count),
            strict=True,
        )
    ]


def _spread(option: str, given: list[Any] | None, default: Any, count: int) -> list[Any]:
    if not given:
        return [default] * count
    if len(given) == 1:
        return given * count
    if len(given) != count:
        raise UsageError(
            f"{option} is given {len(given)} times for {count} recording{'s' if count > 1 else ''}",
            "give it once for all, or once for each, in their order",
        )
    return given


def locks(like: Tone | None, wishes: list[str]) -> tuple[Tone | None, list[str]]:
    """The tone to start from, with locked values in it, and the names of what is locked.

    A wish is ``NAME=VALUE`` (raw 0-127, or a switch's label) or, with ``like``, ``NAME``. Raises `ToneError`
    for an unknown name or value, `UsageError` for a name without value where there is no tone to keep it of.
    """
    names: list[str] = []
    changes: dict[str, int | str] = {}
    for wish in wishes:
        name, is_, value = (part.strip() for part in wish.partition("="))
        try:
            row = parameter(name)
        except (KeyError, ValueError):
            raise ToneError(f"no parameter is called {name!r}", "jx tone show lists the names") from None
        if row.name in names:
            raise UsageError(f"{row.name} is locked twice", "once is enough")
        if not is_ and like is None:
            raise UsageError(
                f"--lock {wish}: there is no tone whose {row.name} could be kept",
                f'give a value, --lock "{row.name}=..."; or a tone, --like tone.json',
            )
        if is_:
            labelled = row.kind == "switch" and value in row.labels
            changes[row.name] = int(value) if value.isdecimal() and not labelled else value
        names.append(row.name)
    base = (like or INIT_TONE).with_values(changes)  # also refuses what is no parameter of a tone
    return (None if like is None and not names else base), names


def hear(file: Path, audio: np.ndarray, rate: int, given: Given) -> tuple[Recording, dict[str, Any]]:
    """The sound from its onset on with what was played, and what was found, as plain data."""
    import numpy as np

    from estimator.inference.note_detection import listen
    from estimator.inference.posterior import Played, Recording

    heard = listen(audio, rate)
    if given.note is None and heard.note is None:
        raise AudioError(
            f"{file}: no pitch could be found",
            "say which key it was: --note 60 (for a drum or noise, any note in its register)",
        )
    if given.note is None and heard.pitch_confidence < UNSURE:
        say(f"jx: the pitch is uncertain: note {heard.note}, if it has one; --note says which key it was")
    rest = audio[round((heard.end_s + AFTER_S) * rate) :]
    if np.square(rest).sum() > MORE * np.square(audio).sum():
        say(f"jx: there is more sound after {heard.end_s:.1f} s: only the first note is used")
    # A little of what follows, where it was recorded: a tone that rings on must not pass for this one.
    end_s = heard.end_s + AFTER_S
    target = audio[round(heard.onset_s * rate) : max(round(end_s * rate), 1)]
    played = Played(
        given.note if given.note is not None else int(heard.note or 0),
        given.velocity,
        given.gate if given.gate is not None else max(heard.gate_s, SHORTEST_GATE_S),
    )
    found = {
        "file": str(file), "note": played.note, "note_given": given.note is not None,
        "cents": round(heard.cents, 1), "pitch_confidence": round(heard.pitch_confidence, 3),
        "velocity": given.velocity, "onset_s": round(heard.onset_s, 4), "gate_s": round(played.gate_s, 4),
        "gate_given": given.gate is not None, "release_heard": heard.release_heard,
        "end_s": round(heard.end_s, 4),
    }  # fmt: skip
    return Recording(np.asarray(target, np.float32), played), found

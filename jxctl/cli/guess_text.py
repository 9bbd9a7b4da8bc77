"""What `jx guess` shows: as data, and on one screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from estimator.closed_loop.optimizer import Closed
    from estimator.inference.estimator import Candidate, Guess
    from estimator.inference.note_detection import Loaded
    from jxctl.cli.guess import Given

FAR = (
    "low confidence: nothing this synth was heard to make is near; take it as the nearest sound, not the tone"
)


def found(file: Path, loaded: Loaded, given: Given) -> dict[str, Any]:
    """What was found in a recording."""
    heard, played = loaded.found, loaded.recording.played
    return {
        "file": str(file), "note": played.note, "note_given": given.note is not None,
        "cents": round(heard.cents, 1), "pitch_confidence": round(heard.pitch_confidence, 3),
        "velocity": played.velocity, "onset_s": round(heard.onset_s, 4), "gate_s": round(played.gate_s, 4),
        "gate_given": given.gate is not None, "release_heard": heard.release_heard,
        "end_s": round(heard.end_s, 4),
    }  # fmt: skip


def data(
    result: Guess, tone: Any, found: list[dict[str, Any]], written: dict[str, str], locked: list[str]
) -> dict[str, Any]:
    """For --json. ``found`` is of the first recording, ``recordings`` of all."""
    return {
        "tone": tone.to_json(),
        "distance_db": round(result.candidates[0].distance_db, 3),
        "loud_distance_db": round(result.loud_db, 3),
        "low_confidence": result.far,
        "interrupted": result.interrupted,
        "renders": len(result.candidates),
        "confidence": {name: round(value, 4) for name, value in result.confidence.items()},
        "cannot_be_heard": [name for name, can in result.audible.items() if not can],
        "untold": list(result.untold),
        "locked": locked,
        "found": found[0],
        "recordings": found,
        "candidates": [_candidate(c) for c in result.alternatives],
        "written": written,
    }


def _candidate(candidate: Candidate) -> dict[str, Any]:
    return {"distance_db": round(candidate.distance_db, 3), "raw": candidate.tone.values.hex()}


def screen(
    result: Guess, tone: Any, found: list[dict[str, Any]], written: dict[str, str], locked: list[str],
    send: str | None, heard: dict[str, Any] | None, on_board: bool = False,
) -> Any:  # fmt: skip
    """The tone by group with confidences, and what was done. ``on_board``: of takes of a board."""
    from rich.console import Group

    from jxctl.cli.tone import tone_table

    best = result.candidates[0]
    lines = [
        "sure: the network's probability of this position, or of this level within 6; "
        "- cannot be heard here (or: not estimated)"
    ]
    for each in found:
        how = "given" if each["note_given"] else f"found, {each['cents']:+.0f} cents"
        name = Path(each["file"]).name
        lines.append(f"{name}: note {each['note']} ({how}), held {each['gate_s']:.2f} s")
    count = len(result.candidates)
    what = "the network's own answer" if count == 1 else f"best of {count} candidates"
    if on_board:
        what = f"best of {count} candidates that were heard on the board"
    lines.append(f"{what}: {best.distance_db:.1f} dB away (log-mel)")
    if result.interrupted:
        lines.append("interrupted: the best so far")
    if result.far:
        lines.append(FAR)
    unheard = [name for name, can in result.audible.items() if not can]
    if unheard:
        lines.append(f"cannot be heard here: {', '.join(unheard)}")
    if result.untold:
        lines.append(f"told only by other notes or velocities: {', '.join(result.untold)}")
    if locked:
        lines.append(f"locked: {', '.join(locked)}")
    others = ", ".join(f"{c.distance_db:.1f} dB" for c in result.alternatives[1:])
    if others:
        lines.append(f"others that differ: {others} (--each writes them, --json shows them)")
    lines += [f"wrote {what} to {path}" for what, path in written.items()]
    if send is not None and heard is not None:
        line = f"sent to {send}"
        if "distance_db" in heard:
            line += f" and played: the board is {heard['distance_db']:.1f} dB from the recording"
        lines.append(line)
    return Group(tone_table(tone, result.confidence), *lines)


def loop_data(closed: Closed, simulated: Guess, port: str, keep: Path, recordings: int) -> dict[str, Any]:
    """What happened on the board. ``simulated``: the guess that the loop began with."""
    count = len(closed.trials.takes)
    return {
        "port": port, "takes": count * recordings, "candidates": count, "kept": str(keep),
        "simulated_db": round(simulated.candidates[0].distance_db, 3),
        "distance_db": round(closed.distance_db, 3), "open_loop_db": round(closed.first_db, 3),
        "repeat_db": round(closed.trials.noise_db, 4), "ended": closed.ended,
        "course_db": [round(d, 3) for d in closed.trials.distances],
    }  # fmt: skip


def loop_line(closed: Closed, simulated: Guess) -> str:
    """The same in a sentence."""
    ends = {"noise": "; it got no better beyond the noise", "interrupted": "; interrupted", "budget": ""}
    return (
        f"the guess before the loop: {closed.first_db:.2f} dB away on the board, "
        f"{simulated.candidates[0].distance_db:.2f} dB in the simulator (takes of one tone differ by "
        f"{closed.trials.noise_db:.2f} dB){ends[closed.ended]}"
    )

"""``jx guess``: a recording in, a tone out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jxctl.cli.common import Shown, command, progress, say
from jxctl.cli.output import check_outputs
from jxctl.errors import AudioError, UsageError

if TYPE_CHECKING:
    import numpy as np

    from estimator.guess import Guess, Played

SHORTEST_GATE_S, AFTER_S = 0.02, 0.25
UNSURE, MORE = 0.5, 0.1
"""A pitch less sure than this, and a share of the energy after the note larger than this, are told."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "guess")(guess)


def guess(
    file: Annotated[Path, typer.Argument(help="A recording of one note: WAV, FLAC, AIFF, Ogg, MP3.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the tone (JSON).")] = None,
    audio: Annotated[Path | None, typer.Option(help="Write what it sounds like (WAV).")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write target and guess side by side (PNG).")] = None,
    send: Annotated[str | None, typer.Option(help="Load the tone into the board at this port.")] = None,
    note: Annotated[int | None, typer.Option(help="MIDI note that is heard (default: found).")] = None,
    velocity: Annotated[int, typer.Option(help="Velocity it was played with, 1-127.")] = 100,
    gate: Annotated[float | None, typer.Option(help="Seconds the key was down (default: found).")] = None,
    top: Annotated[int, typer.Option(help="How many tones to list in --json.")] = 5,
    renders: Annotated[int, typer.Option(help="How many candidates are listened to.")] = 1024,
    seed: Annotated[int, typer.Option(help="The same seed gives the same guess.")] = 0,
    profile: Annotated[str, typer.Option(help="The board (default: the one trained for).")] = "",
    checkpoint: Annotated[Path | None, typer.Option(help="Weights without suffix (default: jx's).")] = None,
) -> Shown:
    """Turn a recording of one note into a tone.

    Note and gate are found in the recording. Candidates are rendered, bred and ranked by how near
    they sound (log-mel L1).
    """
    _check(note, velocity, gate, top, renders, seed)
    check_outputs(file, [(output, ""), (audio, ".wav"), (plot, ".png")])

    from jxctl.audiofile import read_audio, write_wav

    recording = read_audio(file)
    for warning in recording.warnings:
        say(f"jx: {warning}")
    port = _open(send)
    try:
        target, played, found = _hear(recording.audio, recording.sample_rate, file, note, velocity, gate)

        from estimator.guess import Estimator

        estimator = Estimator(checkpoint, profile)
        with progress("Listening to candidates", renders) as advance:
            result = estimator.guess(target, played, renders=renders, seed=seed, report=advance)
        best = result.candidates[0]
        if best.distance_db == float("inf"):
            raise AudioError(f"{file}: no candidate made a sound", "try --note, or more --renders")
        tone = best.tone.named(_name(file))
        heard = _send(port, tone, played, target) if port is not None else None
    finally:
        if port is not None:
            port.close()

    written = {}
    if output is not None:
        from jxctl.tone import write_tone

        write_tone(tone, output)
        written["tone"] = str(output)
    if audio is not None:
        for warning in write_wav(audio, result.audio, recording.sample_rate):
            say(f"jx: {warning}")
        written["audio"] = str(audio)
    if plot is not None:
        from estimator.plot import plot_guess
        from jxctl.files import write_atomically

        title = f"{file.name}, note {played.note}: log-mel distance {best.distance_db:.1f} dB"
        write_atomically(plot, plot_guess(target, result.audio, title))
        written["plot"] = str(plot)
    data = _data(result, tone, found, written, top) | ({"board": heard} if heard else {})
    return Shown(data, _screen(result, tone, file, found, written, send, heard))


def _check(note: int | None, velocity: int, gate: float | None, top: int, renders: int, seed: int) -> None:
    """Refuse, before anything is read or computed, what cannot work."""
    if note is not None and not 0 <= note <= 127:
        raise UsageError(f"note {note} is not a MIDI note", "0 to 127; 60 is C4")
    if not 1 <= velocity <= 127:
        raise UsageError(f"velocity {velocity} is out of range", "1 to 127")
    if gate is not None and not SHORTEST_GATE_S <= gate <= 60:
        raise UsageError(f"a gate of {gate:g} s is out of range", f"{SHORTEST_GATE_S} to 60 seconds")
    if top < 1 or not 1 <= renders <= 100_000 or seed < 0:
        raise UsageError("--top and --renders are at least 1 (renders at most 100000), --seed at least 0")


def _hear(
    audio: np.ndarray, rate: int, file: Path, note: int | None, velocity: int, gate: float | None
) -> tuple[np.ndarray, Played, dict[str, Any]]:
    """The sound from its onset on, what was played, and what was found."""
    import numpy as np

    from estimator.guess import Played
    from estimator.listen import listen

    heard = listen(audio, rate)
    if note is None and heard.note is None:
        raise AudioError(
            f"{file}: no pitch could be found",
            "say which key it was: --note 60 (for a drum or noise, any note in its register)",
        )
    if note is None and heard.pitch_confidence < UNSURE:
        say(f"jx: the pitch is uncertain: note {heard.note}, if it has one; --note says which key it was")
    rest = audio[round((heard.end_s + AFTER_S) * rate) :]
    if np.square(rest).sum() > MORE * np.square(audio).sum():
        say(f"jx: there is more sound after {heard.end_s:.1f} s: only the first note is used")
    # A little of what follows, where it was recorded: a tone that rings on must not pass for this one.
    end_s = heard.end_s + AFTER_S
    target = audio[round(heard.onset_s * rate) : max(round(end_s * rate), 1)]
    played = Played(
        note if note is not None else int(heard.note or 0),
        velocity,
        gate if gate is not None else max(heard.gate_s, SHORTEST_GATE_S),
    )
    found = {
        "note": played.note, "note_given": note is not None, "cents": round(heard.cents, 1),
        "pitch_confidence": round(heard.pitch_confidence, 3), "velocity": velocity,
        "onset_s": round(heard.onset_s, 4), "gate_s": round(played.gate_s, 4), "gate_given": gate is not None,
        "release_heard": heard.release_heard, "end_s": round(heard.end_s, 4),
    }  # fmt: skip
    return target, played, found


def _open(send: str | None) -> Any:
    if send is None:
        return None
    from jxctl.ports import open_port

    port = open_port(send)
    if port.language != "bus":
        port.close()
        raise UsageError(
            f"jx guess --send is for a bare sound board, and {send} is a whole synth",
            "write the tone with -o tone.json, then: jx send tone.json --port ...",
        )
    return port


def _send(port: Any, tone: Any, played: Played, target: np.ndarray) -> dict[str, Any]:
    """Program the board; where it can be heard, play the note and compare with the target."""
    from jxctl.ports import AudiblePort
    from jxctl.synth import Synth

    synth = Synth(port)
    synth.wake()
    synth.load(tone)
    if not isinstance(port, AudiblePort):
        return {"port": port.url}
    import numpy as np
    import soxr

    from estimator.features import SAMPLE_RATE, log_mel_distance
    from jxctl.cli.send import hold

    seconds = len(target) / SAMPLE_RATE
    held = min(played.gate_s, seconds)
    note, velocity = played.note, played.velocity
    sound = hold(
        lambda: synth.note_on(note, velocity), lambda: synth.note_off(note), port, held, seconds - held
    )
    assert sound is not None
    if port.sample_rate != SAMPLE_RATE:
        sound = soxr.resample(sound, port.sample_rate, SAMPLE_RATE)
    sound = np.resize(sound, len(target))  # a sample more or less, by rounding
    return {"port": port.url, "distance_db": round(float(log_mel_distance(sound[None], target)[0]), 2)}


def _name(file: Path) -> str:
    letters = "".join(c if c.isascii() and c.isalnum() else " " for c in file.stem)
    return letters.upper().strip()[:10] or "GUESS"


def _data(
    result: Guess, tone: Any, found: dict[str, Any], written: dict[str, str], top: int
) -> dict[str, Any]:
    return {
        "tone": tone.to_json(),
        "distance_db": round(result.candidates[0].distance_db, 3),
        "confidence": {name: round(value, 4) for name, value in result.confidence.items()},
        "found": found,
        "candidates": [
            {"distance_db": round(c.distance_db, 3), "raw": c.tone.values.hex()}
            for c in result.candidates[:top]
        ],
        "written": written,
    }


def _screen(
    result: Guess, tone: Any, file: Path, found: dict[str, Any], written: dict[str, str], send: str | None,
    heard: dict[str, Any] | None,
) -> Any:  # fmt: skip
    """The tone by group with confidences, and what was done, on one screen."""
    from rich.console import Group

    from jxctl.cli.tone import tone_table

    how = "given" if found["note_given"] else f"found, {found['cents']:+.0f} cents"
    best = result.candidates[0]
    lines = [
        "sure: the network's probability of this position, or of this level within 6; - cannot be heard",
        f"{file.name}: note {found['note']} ({how}), held {found['gate_s']:.2f} s",
        f"best of {len(result.candidates)} candidates: {best.distance_db:.1f} dB away (log-mel)",
    ]
    lines += [f"wrote {what} to {path}" for what, path in written.items()]
    if send is not None and heard is not None:
        line = f"sent to {send}"
        if "distance_db" in heard:
            line += f" and played: the board is {heard['distance_db']:.1f} dB from the recording"
        lines.append(line)
    return Group(tone_table(tone, result.confidence), *lines)

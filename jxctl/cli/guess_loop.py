"""The closed loop of ``jx guess --loop``: the guess is played on the board, and improved there."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jxctl.cli.common import progress, say
from jxctl.errors import JxError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from estimator.closed_loop.history import Trials
    from estimator.inference.estimator import Estimator, Guess
    from estimator.inference.note_detection import Recording
    from jxctl.protocol.tone import Tone
    from jxctl.recording.rig import Rig

FEWEST, MOST = 4, 2000


@dataclass(frozen=True)
class Board:
    """What was said of the board: ``port``, ``audio`` input, how many ``takes``, where they are kept, and the
    ``model`` and ``channel`` behind a MIDI port."""

    port: str
    audio: str | None
    takes: int
    keep: Path
    model: str | None
    channel: int | None


def asked(
    loop: bool,
    port: str | None,
    audio: str | None,
    takes: int,
    keep: Path | None,
    model: str | None,
    channel: int | None,
    files: list[Path],
) -> Board | None:
    """The board, or None where there is to be no loop. Raises `UsageError` for options that do not go
    together."""
    if not loop:
        if any(option is not None for option in (port, audio, keep, model, channel)):
            raise UsageError("--port, --audio-in, --keep, --model and --channel are for --loop", "add --loop")
        return None
    if port is None:
        raise UsageError("--loop needs the board: it is played and heard", "--port URL (jx ports lists them)")
    if not FEWEST * len(files) <= takes <= MOST:
        raise UsageError(
            f"--takes is {takes}; expected {FEWEST * len(files)} to {MOST}",
            "each candidate takes one for each recording, and the guess itself is heard more than once",
        )
    return Board(port, audio, takes, keep or Path(f"{files[0].stem}-loop"), model, channel)


def open_board(board: Board, stack: ExitStack) -> Rig:
    """The rig, checked, before any time is spent on the guess."""
    from jxctl.cli.rig import opened

    return opened(board.port, board.audio, board.model, board.channel, stack)


def improve(
    board: Board,
    rig: Rig,
    estimator: Estimator,
    guess: Guess,
    recordings: Sequence[Recording],
    base: Tone | None,
    locked: list[str],
    seed: int,
    top: int,
) -> tuple[Guess, dict[str, Any], str]:
    """The guess as the board decided it, what happened as plain data, and as a line."""
    import numpy as np

    from estimator.closed_loop.optimizer import closed_loop
    from estimator.closed_loop.player import BoardPlay
    from estimator.closed_loop.result import heard_on_board
    from estimator.inference.objective import Listener
    from estimator.network import parameters
    from jxctl.dataset.writer import Writer
    from jxctl.protocol.tone import INIT_TONE

    values = (base or INIT_TONE).values
    given = parameters.classes(np.frombuffer(values, np.uint8)[None])[0]
    fixed = {k: int(given[k]) for k, head in enumerate(parameters.HEADS) if head.parameter.name in locked}
    starts = np.concatenate(
        [parameters.classes(np.frombuffer(c.tone.values, np.uint8)[None]) for c in guess.candidates[:256]]
    )
    with Writer(board.keep) as data_set:
        for repair in data_set.repairs:
            say(f"{board.keep}: {repair}")
        play = BoardPlay(rig, recordings, values, data_set)
        before = play.resume(Listener(recordings, estimator.profile, base=values))
        if before.takes:
            say(f"{len(before.takes)} candidates are in {board.keep} already: going on")
        try:
            noise = play.noise()
            with progress("Playing on the board", board.takes // len(recordings)) as advance:
                advance(len(before.takes))

                def report(trials: Trials) -> None:
                    advance(1, f"{trials.distances[-1]:.2f} dB, best {trials.ranked()[0][0]:.2f} dB")

                closed = closed_loop(
                    play, recordings, starts, guess.proposal, estimator.profile, values, board.takes,
                    np.random.default_rng([seed, len(before.takes)]), fixed=fixed, before=before,
                    noise=noise, report=report,
                )  # fmt: skip
        except JxError:
            say(f"what was heard so far is in {board.keep}; the same command goes on")
            raise
    count = len(closed.trials.takes)
    data = {
        "port": board.port, "takes": count * len(recordings), "candidates": count, "kept": str(board.keep),
        "simulated_db": round(guess.candidates[0].distance_db, 3),
        "distance_db": round(closed.distance_db, 3), "open_loop_db": round(closed.first_db, 3),
        "repeat_db": round(closed.trials.noise_db, 4), "ended": closed.ended,
        "course_db": [round(d, 3) for d in closed.trials.distances],
    }  # fmt: skip
    line = (
        f"the guess before the loop: {closed.first_db:.2f} dB away on the board, "
        f"{guess.candidates[0].distance_db:.2f} dB in the simulator (takes of one tone differ by "
        f"{closed.trials.noise_db:.2f} dB)"
    )
    ends = {"noise": "; it got no better beyond the noise", "interrupted": "; interrupted", "budget": ""}
    result = heard_on_board(guess, closed, recordings, values, locked, top)
    return result, data, line + ends[closed.ended]

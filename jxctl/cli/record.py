"""``jx record``: play tones from the prior on a port, record them, keep them as a data set."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from jxctl.cli.common import Shown, command, progress, say
from jxctl.errors import UsageError

if TYPE_CHECKING:
    from jxctl.audio import AudioInput
    from jxctl.dataset import Row
    from jxctl.ports import Port
    from jxctl.tone import Tone

# Tones are drawn in blocks of this size, each with a generator of its own, so that tone k depends on
# the seed and k alone and a longer run begins with the same tones. Another size is other tones.
_BLOCK = 256


def register(app: typer.Typer) -> None:
    """Add ``jx record``."""
    command(app, "record")(record)


def record(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The data set: a new or empty folder, or one to continue.")
    ],
    port: Annotated[str, typer.Option(help="Where to play (jx ports lists them).")],
    tones: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many tones to draw from the prior.")],
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same tones.")] = 0,
    note: Annotated[
        list[int], typer.Option(min=0, max=127, help="MIDI note; repeat it for several takes a tone.")
    ] = [60],  # noqa: B006
    velocity: Annotated[
        list[int], typer.Option(min=1, max=127, help="Repeat it for several takes a note.")
    ] = [100],  # noqa: B006
    gate: Annotated[float, typer.Option(help="Seconds from note-on to note-off.")] = 1.0,
    max_seconds: Annotated[float, typer.Option(help="A tail longer than this is cut.")] = 4.0,
    audio: Annotated[
        str | None,
        typer.Option(help="Audio input: its name, part of it, its number, or 'default'. Not for sim:."),
    ] = None,
) -> Shown:
    """Record tones from the prior as a data set (FLAC and metadata.jsonl).

    Every tone is played at every note and velocity, on voice 0: a bare board allocates no voices.
    The same command continues a set that was interrupted. Takes that failed (silent, clipped,
    dropped audio) are kept, with that verdict.
    """
    from jxctl import recorder
    from jxctl.dataset_writer import Writer
    from jxctl.ports import open_port
    from jxctl.rig import Rig, check_note
    from jxctl.synth import Synth

    # Before anything slow is loaded, opened or written.
    check_note(note[0], velocity[0], gate, max_seconds)
    with ExitStack() as stack:
        opened = stack.enter_context(open_port(port))
        if opened.language != "bus":
            raise UsageError(
                f"jx record plays a bare sound board, and {port} is a whole synth", "use serial: or sim:"
            )
        ear = _ear(opened, audio, stack)
        plan = recorder.plan_takes(_draw(tones, seed), note, velocity, gate, max_seconds)
        data_set = stack.enter_context(Writer(folder))
        for repair in data_set.repairs:
            say(f"{folder}: {repair}")
        takes = recorder.remaining(plan, data_set)
        synth = Synth(opened)
        synth.wake()
        before = len(plan) - len(takes)
        verdicts: Counter[str] = Counter()
        began = perf_counter()
        try:
            with progress("Recording", len(plan)) as advance:
                advance(before)

                def on_take(row: Row) -> None:
                    verdicts[str(row["verdict"])] += 1
                    advance(1, f"take {row['index']}: {row['verdict']}, peak {row['peak_dbfs']:.1f} dBFS")

                recorder.record(takes, Rig(synth, ear), data_set, seed, on_take)
        except BaseException:
            done = before + verdicts.total()
            say(f"{done} of {len(plan)} takes are in {folder}; the same command continues")
            raise
    return _summary(folder, len(plan), before, verdicts, perf_counter() - began)


def _ear(port: Port, audio: str | None, stack: ExitStack) -> AudioInput:
    from jxctl.audio import open_input
    from jxctl.ports import AudiblePort

    if audio is not None:
        return stack.enter_context(open_input(audio))
    if isinstance(port, AudiblePort):
        return port
    raise UsageError(
        f"{port.url} makes no sound that jx can hear by itself", "name the audio input with --audio DEVICE"
    )


def _draw(count: int, seed: int) -> list[Tone]:
    import numpy as np

    from estimator.prior import Prior
    from jxctl.tone import from_batch

    prior = Prior.load()
    tones: list[Tone] = []
    for block in range(-(-count // _BLOCK)):
        tones += from_batch(prior.sample(_BLOCK, np.random.default_rng([seed, block])))
    return tones[:count]


def _summary(folder: Path, planned: int, before: int, verdicts: Counter[str], seconds: float) -> Shown:
    recorded = verdicts.total()
    failed = {verdict: count for verdict, count in sorted(verdicts.items()) if verdict != "ok"}
    rate = recorded / seconds
    data = {
        "folder": str(folder),
        "planned": planned,
        "recorded": recorded,
        "already_there": before,
        "ok": verdicts["ok"],
        "failed": failed,
        "takes_per_second": rate,
    }
    lines = [f"{recorded} takes recorded into {folder}: {verdicts['ok']} ok, {sum(failed.values())} failed"]
    if failed:
        lines[0] += f" ({', '.join(f'{count} {verdict}' for verdict, count in failed.items())})"
    if before:
        lines.append(f"{before} of {planned} were there already")
    if recorded:
        lines.append(f"{rate:.1f} takes per second")
    if recorded and not verdicts["ok"]:
        lines.append("none is usable: check the port, the cabling and the input level")
    lines.append(f"rows: {folder / 'metadata.jsonl'}   audio: {folder / 'takes'}")
    return Shown(data, "\n".join(lines))

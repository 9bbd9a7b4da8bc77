"""``jx record``: play a plan of takes on a port, record them, keep them as a data set."""

from __future__ import annotations

import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jxctl.cli.common import Shown, command, progress, say
from jxctl.cli.rig import (
    ALL_THE_SAME,
    AudioChannelOption,
    AudioOption,
    ChannelOption,
    ModelOption,
    PortOption,
    RetriesOption,
    RigOption,
    SampleRateOption,
    checked,
)
from jxctl.errors import JxError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from jxctl.dataset import Row
    from jxctl.recording.plan import Plan
    from jxctl.recording.preflight import Preflight
    from jxctl.recording.recorder import Tally
    from jxctl.recording.rig import Rig

Notes = Annotated[list[str], typer.Option("--notes", "--note", help="MIDI notes, as 36,48,60.")]
Velocities = Annotated[
    list[str], typer.Option("--velocities", "--velocity", help="How hard, 1-127, as 40,100.")
]
Gates = Annotated[
    list[str], typer.Option("--gates", "--gate", help="Seconds from note-on to note-off, as 0.2,1.")
]

_SAY_EVERY_S = 600.0


def register(app: typer.Typer) -> None:
    """Add ``jx record``."""
    command(app, "record")(record)


def record(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The data set: a new or empty folder, or one to continue.")
    ],
    port: PortOption = None,
    audio: AudioOption = None,
    rig: RigOption = None,
    source: Annotated[
        list[str], typer.Option("--from", help="Tones: prior, design, or files with tones or banks.")
    ] = ["prior"],  # noqa: B006
    tones: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="How many tones (files: all).")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same plan.")] = 0,
    notes: Notes = ["60"],  # noqa: B006
    velocities: Velocities = ["100"],  # noqa: B006
    gates: Gates = ["1"],  # noqa: B006
    notes_per_tone: Annotated[
        int | None, typer.Option(help="Only so many of the combinations for each tone, chosen by the seed.")
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(help="A tone to repeat, so that drift is seen.", show_default="with --every"),
    ] = None,
    every: Annotated[
        int | None, typer.Option(min=1, help="Repeat the reference tone after so many takes.")
    ] = None,
    max_seconds: Annotated[float, typer.Option(help="A tail longer than this is cut.")] = 4.0,
    retries: RetriesOption = 2,
    skip_checks: Annotated[
        bool, typer.Option("--skip-checks", help="Without the checks of level and latency at the start.")
    ] = False,
    model: ModelOption = None,
    channel: ChannelOption = None,
    audio_channel: AudioChannelOption = None,
    sample_rate: SampleRateOption = None,
    profile: Annotated[
        str | None, typer.Option(help="Behind the port is jx board with this profile: compare takes with it.")
    ] = None,
    gain: Annotated[str | None, typer.Option(help="Where the input gain stands, in words.")] = None,
    unit: Annotated[str | None, typer.Option(help="Which instrument: its serial number.")] = None,
    rom: Annotated[str | None, typer.Option(help="The version of its firmware.")] = None,
    powered_on_minutes: Annotated[
        float | None, typer.Option(min=0, help="For how long it has been switched on.")
    ] = None,
) -> Shown:
    """Record tones as a data set: FLAC and metadata.jsonl.

    Every tone is played at every note, velocity and gate. Level and latency are checked first. A take
    that cannot be trusted (clipped, out of tune, silent where it should sound, ...) is played again, and
    kept with its verdict when it fails again. The same command continues a set that was interrupted.

    The bus is one-way: a tone byte that is damaged on its way to an instrument cannot be noticed.
    """
    from jxctl.recording.config import settle
    from jxctl.recording.preflight import some_of
    from jxctl.recording.recorder import open_session
    from jxctl.recording.rig import open_rig

    settled = settle(
        rig,
        {
            "port": port, "audio": audio, "model": model, "channel": channel, "audio_channel": audio_channel,
            "sample_rate": sample_rate, "gain": gain, "unit": unit, "rom": rom,
        },
    )  # fmt: skip
    # Before anything slow is opened, and before anything is written.
    plan = _plan(source, tones, seed, notes, velocities, gates, max_seconds, notes_per_tone, reference, every)
    found: list[Preflight] = []
    with ExitStack() as stack:
        opened = stack.enter_context(open_rig(settled, profile, powered_on_minutes))

        def check() -> None:
            found.append(checked(opened, some_of(plan.tones), setup=False, way_round=ALL_THE_SAME))

        session = stack.enter_context(
            open_session(
                plan, opened, folder,
                check=None if skip_checks else check, said=lambda text: say(f"{folder}: {text}"),
            )
        )  # fmt: skip
        left, tally = session.left, session.tally
        if left:
            _announce(plan, left, opened, folder)
        began = monotonic()
        try:
            with progress("Recording", len(plan)) as advance:
                advance(len(plan) - left)
                session.record(
                    seed, _reporter(advance, tally, len(plan) - left, len(plan), began),
                    retries=retries, tones_from=" ".join(source),
                )  # fmt: skip
        except BaseException:
            done = len(plan) - left + tally.recorded
            say(f"{done} of {len(plan)} takes are in {folder}; the same command continues")
            raise
        finally:
            if left:
                _card(folder)
    measured = found[0] if found else None
    return _summary(folder, len(plan), left, tally, monotonic() - began, measured, opened.live)


def _plan(
    sources: list[str],
    count: int | None,
    seed: int,
    notes: list[str],
    velocities: list[str],
    gates: list[str],
    max_seconds: float,
    per_tone: int | None,
    reference: Path | None,
    every: int | None,
) -> Plan:
    """The plan that the options describe. Raises `UsageError`."""
    from jxctl.library.files import stock_tone
    from jxctl.protocol.tone import INIT_TONE
    from jxctl.recording.plan import SHORTEST_GATE_S, Plan, check_note, tones_from

    note_numbers = [int(number) for number in _numbers(notes, "--notes", whole=True)]
    velocity_numbers = [int(number) for number in _numbers(velocities, "--velocities", whole=True)]
    gates_s = _numbers(gates, "--gates")
    for note in note_numbers:
        check_note(note, 1, SHORTEST_GATE_S, 1.0)
    repeated = None if every is None else INIT_TONE
    if reference is not None:
        repeated = stock_tone(reference)
    return Plan(
        tones_from(sources, count, seed),
        note_numbers,
        velocity_numbers,
        gates_s,
        max_seconds,
        per_tone=per_tone,
        reference=repeated,
        every=100 if every is None else every,
        seed=seed,
    )


def _numbers(given: list[str], option: str, whole: bool = False) -> list[float]:
    """Numbers given one by one or with commas, such as ``36,48``. Raises `UsageError`."""
    found: list[float] = []
    for text in given:
        for part in text.split(","):
            try:
                found.append(int(part) if whole else float(part))
            except ValueError:
                kind = "whole numbers" if whole else "seconds"
                raise UsageError(f"{option}: {part!r} is no number", f"{kind}, such as 36,48") from None
    return found


def _card(folder: Path) -> None:
    """Write the data card anew. What is recorded does not depend on it."""
    from jxctl.dataset.summary import write_card

    try:
        write_card(folder)
    except JxError as error:
        say(f"no data card: {error.message}")


def _announce(plan: Plan, left: int, rig: Rig, folder: Path) -> None:
    from jxctl.recording.preflight import estimate, span

    expected = estimate(plan, left, rig)
    wall = f", about {span(expected.wall_s)} from now" if rig.live else ""
    say(f"to record: {expected}{wall}")
    free = shutil.disk_usage(folder).free
    if free < expected.bytes:
        say(f"note: only {free / 1e9:.1f} GB are free; a full disk stops the recording and loses nothing")


def _reporter(
    advance: Callable[..., None], tally: Tally, before: int, planned: int, began: float
) -> Callable[[Row], None]:
    """What is said after each take: on a terminal beside the bar, else a line now and then."""
    last = began

    def on_take(row: Row) -> None:
        nonlocal last
        now = monotonic()
        rate = tally.recorded / (now - began) if now > began else 0.0
        peak = "-" if row["peak_dbfs"] is None else f"{row['peak_dbfs']:.1f}"
        note = f"take {row['index']}: {row['verdict']}, peak {peak} dBFS; {rate:.2f} takes/s"
        note += f", {tally.retries} retries, {sum(tally.failed.values())} failed"
        advance(1, note)
        if now - last >= _SAY_EVERY_S and not sys.stderr.isatty():
            last = now
            hours = (planned - before - tally.recorded) / rate / 3600 if rate else 0.0
            say(f"{before + tally.recorded} of {planned}; {note}; {hours:.1f} hours to go")

    return on_take


def _summary(
    folder: Path,
    planned: int,
    left: int,
    tally: Tally,
    seconds: float,
    measured: Preflight | None,
    live: bool,
) -> Shown:
    recorded, failed = tally.recorded, tally.failed
    rate = recorded / seconds if seconds else 0.0
    share = tally.seconds / seconds if seconds else 0.0
    data: dict[str, Any] = {
        "folder": str(folder),
        "planned": planned,
        "recorded": recorded,
        "already_there": planned - left,
        "ok": tally.verdicts["ok"],
        "expected_silence": tally.verdicts["expected silence"],
        "failed": failed,
        "retries": tally.retries,
        "takes_per_second": rate,
        "sound_seconds": tally.seconds,
        "sound_share": share,
        "checks": None if measured is None else measured.to_json(),
    }
    lines = [f"{recorded} takes recorded into {folder}: {tally.trusted} ok, {sum(failed.values())} failed"]
    if failed:
        lines[0] += f" ({', '.join(f'{count} {verdict}' for verdict, count in failed.items())})"
    if silent := tally.verdicts["expected silence"]:
        lines.append(f"{silent} of the ok ones are silent, as they should be")
    if planned > left:
        lines.append(f"{planned - left} of {planned} were there already")
    if recorded:
        share_said = f"{100 * share:.0f} % of the time was sound" if live else f"{share:.0f} times real time"
        lines.append(f"{rate:.1f} takes per second, {share_said}, {tally.retries} retries")
    if recorded and not tally.trusted:
        lines.append("none is usable: check the port, the cabling and the input level")
    lines.append(f"rows: {folder / 'metadata.jsonl'}   audio: {folder / 'takes'}")
    return Shown(data, "\n".join(lines))

"""``jx calibrate``: measure a board, or take what was recorded of one, and write its profile."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
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
from jxctl.errors import UsageError

if TYPE_CHECKING:
    from estimator.calibration.calibration import Calibration
    from estimator.calibration.experiments import CalibrationPlan


def register(app: typer.Typer) -> None:
    """Add ``jx calibrate``."""
    command(app, "calibrate")(calibrate)


def calibrate(
    output: Annotated[Path, typer.Option("-o", "--output", help="The profile to write (.toml).")],
    port: PortOption = None,
    audio: AudioOption = None,
    rig: RigOption = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="A data set of these takes, instead of recording one.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="Only this experiment; repeat it for several. A wrong name lists them."),
    ] = None,
    takes: Annotated[
        Path | None,
        typer.Option(
            help="Where the takes are kept; continued when it is there.", show_default="OUTPUT-takes"
        ),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Also draw every law into this .png.")] = None,
    base: Annotated[str, typer.Option(help="The profile that the new one builds on.")] = "superjx",
    name: Annotated[str | None, typer.Option(help="Name of the profile.", show_default="of the file")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the output when it is there.")] = False,
    skip_checks: Annotated[
        bool, typer.Option("--skip-checks", help="Without the checks of level, latency and set-up.")
    ] = False,
    retries: RetriesOption = 2,
    model: ModelOption = None,
    channel: ChannelOption = None,
    audio_channel: AudioChannelOption = None,
    sample_rate: SampleRateOption = None,
) -> Shown:
    """Measure the laws of a board and write them as a profile.

    Plays some 250 plain notes, about ten minutes, and records them as a data set; the same command continues
    after an interruption. Then fits every law by least squares over renders. What cannot be identified stays
    as it was, and is named. Before, the set-up is checked: that what is played is what is heard.
    """
    from estimator.calibration.experiments import CalibrationPlan
    from estimator.calibration.samples import coverage, from_data_set
    from jxctl.cli.output import check_output
    from simulator.synth.profile import load_profile

    check_output(output, force)
    if report is not None:
        check_output(report, force=True)
    load_profile(base)
    plan = CalibrationPlan()
    wanted = _wanted(plan, only or [])
    if data is not None:
        if port or audio or rig or takes:
            raise UsageError("--data is instead of recording", "leave out --port, --audio, --rig and --takes")
        folder = data
    else:
        folder = takes or output.with_name(f"{output.stem}-takes")
        options = {
            "port": port, "audio": audio, "model": model, "channel": channel, "audio_channel": audio_channel,
            "sample_rate": sample_rate,
        }  # fmt: skip
        _record(plan, wanted, rig, options, folder, skip_checks, retries)
    samples = [sample for sample in from_data_set(folder, plan) if sample.index in wanted]
    there = coverage(folder, plan, samples, wanted)
    there.check(folder)
    say(f"{sum(there.held.values())} of {len(wanted)} takes of {folder.name} can be used")
    if there.short:
        short = (f"{name} ({have} of at least {least})" for name, (have, least) in there.short.items())
        say(f"too few takes, whose laws stay as they are: {', '.join(short)}")
    return _fit(samples, folder, output, report, base, name or output.stem)


def _wanted(plan: CalibrationPlan, only: list[str]) -> set[int]:
    """Indices of the takes of some experiments, of all where none is named. Raises `UsageError`."""
    names = [experiment.name for experiment in plan.experiments]
    for name in only:
        if name not in names:
            raise UsageError(f"there is no experiment {name!r}", f"--only is one of: {', '.join(names)}")
    return {index for index in range(len(plan)) if not only or plan.experiment(index).name in only}


def _record(
    plan: CalibrationPlan,
    wanted: set[int],
    rig_file: Path | None,
    options: dict[str, Any],
    folder: Path,
    skip_checks: bool,
    retries: int,
) -> None:
    from estimator.calibration.recording import RotatingPlayer, minutes, of_the_board
    from jxctl.recording.config import settle
    from jxctl.recording.player import BoardPlayer
    from jxctl.recording.preflight import span
    from jxctl.recording.recorder import open_session
    from jxctl.recording.rig import open_rig

    settled = settle(rig_file, options)
    with ExitStack() as stack:
        opened = stack.enter_context(open_rig(settled))
        turning = None
        if isinstance(opened.player, BoardPlayer):
            opened.player = turning = RotatingPlayer.instead_of(opened.player)

        def check() -> None:
            checked(opened, way_round=ALL_THE_SAME)

        session = stack.enter_context(
            open_session(
                plan, opened, folder, wanted=sorted(wanted),
                check=None if skip_checks else check, said=lambda text: say(f"{folder}: {text}"),
            )
        )  # fmt: skip
        recorded = session.data_set.indices
        left = wanted.difference(recorded)
        if not left:
            return
        if turning is not None:
            turning.follow(plan)
        others = set(range(len(plan))) - left
        wall = f", about {span(60 * minutes(plan, others, opened))}" if opened.live else ""
        say(f"to record: {len(left)} of {len(wanted)} takes{wall}")
        try:
            with progress("Measuring", len(wanted)) as advance:
                advance(len(wanted) - len(left))
                session.record(
                    on_take=lambda row: advance(1, f"{row['tone_name']}: {row['verdict']}"),
                    tones_from="jx calibrate", accept=of_the_board(opened), retries=retries,
                )  # fmt: skip
        except BaseException:
            done = len(wanted.intersection(recorded))
            say(f"{done} of {len(wanted)} takes are in {folder}; the same command continues")
            raise
        if lost := session.left:
            say(f"{lost} takes lost audio each time they were played; the same command tries them again")


def _fit(samples: list[Any], folder: Path, output: Path, report: Path | None, base: str, name: str) -> Shown:
    from estimator.calibration.calibration import calibrate as fit
    from estimator.calibration.experiments import EXPERIMENTS
    from estimator.calibration.report import calibrated_toml
    from jxctl._files import write_atomically

    with progress("Fitting", len(EXPERIMENTS) + 4) as advance:
        done = fit(samples, base, said=lambda text: advance(1, text))
    source = f"jx calibrate, data set {folder.name}, {len(samples)} takes"
    write_atomically(output, calibrated_toml(done, name, source, base).encode())
    if report is not None:
        from estimator.calibration.report import draw

        write_atomically(report, draw(done, name))
    return _summary(done, output, report, len(samples))


def _summary(done: Calibration, output: Path, report: Path | None, takes: int) -> Shown:
    from estimator.calibration.report import uncertainty

    laws: dict[str, Any] = {}
    lost = []
    for law, one in done.found.items():
        if one.entry is None:
            lost.append(law)
            laws[law] = {"identified": False, "why": one.why}
        else:
            laws[law] = {
                "identified": True, "entry": one.entry, "uncertainty": uncertainty(one),
                "residual": one.residual, "takes": list(one.takes),
            }  # fmt: skip
    for law, chosen in done.chosen.items():
        laws[law] = {"identified": chosen.clear, "reading": chosen.reading, "left": chosen.left}
        if not chosen.clear:
            lost.append(law)
    data = {
        "profile": str(output),
        "report": None if report is None else str(report),
        "takes": takes,
        "laws": laws,
    }
    lines = [f"{len(laws) - len(lost)} laws from {takes} takes: {output}"]
    if lost:
        lines.append(f"not identified, left as they were: {', '.join(lost)}")
    lines.append(f"jx render TONE --profile {output} plays it; sim:?profile={output} is a board that has it")
    return Shown(data, "\n".join(lines))

"""``jx calibrate``: measure a board, or take what was recorded of one, and write its profile."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jxctl.cli.common import Shown, command, progress, say
from jxctl.errors import UsageError

if TYPE_CHECKING:
    from jxctl.rig import Rig
    from simulator.calibrate.calibration import Calibration
    from simulator.calibrate.experiments import CalibrationPlan


def register(app: typer.Typer) -> None:
    """Add ``jx calibrate``."""
    command(app, "calibrate")(calibrate)


def calibrate(
    output: Annotated[Path, typer.Option("-o", "--output", help="The profile to write (.toml).")],
    port: Annotated[str | None, typer.Option(help="Where to play (jx ports lists them).")] = None,
    audio: Annotated[
        str | None,
        typer.Option(help="Audio input: its name, part of it, its number, or 'default'. Not for sim:."),
    ] = None,
    rig: Annotated[
        Path | None, typer.Option("--rig", help="Bench file: port, audio input, labels (jx rig).")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="A data set of these takes, instead of recording one.")
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
    model: Annotated[str | None, typer.Option(help="What is behind a MIDI port (jx models).")] = None,
    channel: Annotated[int | None, typer.Option(help="Its MIDI channel, 1-16.")] = None,
    audio_channel: Annotated[int | None, typer.Option(help="Channel of the audio input, from 1.")] = None,
    sample_rate: Annotated[int | None, typer.Option(help="Of the audio input, in Hz.")] = None,
) -> Shown:
    """Measure the laws of a board and write them as a profile.

    Plays some 250 plain notes, about ten minutes, and records them as a data set; the same command continues
    after an interruption. Then fits every law by least squares over renders. What cannot be identified stays
    as it was, and is named.
    """
    from jxctl.cli.output import check_output
    from simulator.calibrate.experiments import CalibrationPlan
    from simulator.calibrate.takes import from_data_set
    from simulator.profile import load_profile

    check_output(output, force)
    if report is not None:
        check_output(report, force=True)
    load_profile(base)
    plan = CalibrationPlan()
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
        _record(plan, rig, options, folder, skip_checks)
    samples = list(from_data_set(folder, plan))
    say(f"{len(samples)} of {len(plan)} takes of {folder.name} can be used")
    return _fit(samples, folder, output, report, base, name or output.stem)


def _record(
    plan: CalibrationPlan, rig_file: Path | None, options: dict[str, Any], folder: Path, skip_checks: bool
) -> None:
    from jxctl import preflight, recorder
    from jxctl.cli import record_rig
    from jxctl.dataset_writer import Writer
    from jxctl.player import BoardPlayer
    from jxctl.rigfile import settle
    from simulator.calibrate.recording import RotatingPlayer, minutes

    bench = settle(rig_file, options)
    with ExitStack() as stack:
        opened = record_rig.open_rig(bench, None, None, stack)
        if isinstance(opened.player, BoardPlayer):
            opened.player = RotatingPlayer.instead_of(opened.player)
        data_set = stack.enter_context(Writer(folder))
        for repair in data_set.repairs:
            say(f"{folder}: {repair}")
        recorder.check_same_plan(plan, data_set)
        recorder.check_same_rig(opened, data_set)
        left = recorder.count_remaining(plan, data_set)
        if not left:
            return
        if not skip_checks:
            _check(opened)
        wall = (
            f", about {preflight.span(60 * minutes(plan, data_set.indices, opened))}" if opened.live else ""
        )
        say(f"to record: {left} of {len(plan)} takes{wall}")
        done = len(plan) - left
        try:
            with progress("Measuring", len(plan)) as advance:
                advance(done)
                recorder.record(
                    recorder.remaining(plan, data_set), opened, data_set,
                    on_take=lambda row: advance(1, f"{row['tone_name']}: {row['verdict']}"),
                    tones_from="jx calibrate",
                )  # fmt: skip
        except BaseException:
            say(f"{len(data_set.indices)} of {len(plan)} takes are in {folder}; the same command continues")
            raise


def _check(rig: Rig) -> None:
    """Whether what is played on is what is heard. Raises `VerificationError`."""
    from jxctl import preflight

    if rig.live:
        say("checking noise, level, latency and set-up: about fifteen seconds of sound")
    measured = preflight.measure(rig)
    say(f"checked: {measured}")
    for advice in measured.advice:
        say(f"note: {advice}")
    measured.check()
    rig.latency, rig.tuning_cents = measured.latency, measured.tuning_cents or 0.0


def _fit(samples: list[Any], folder: Path, output: Path, report: Path | None, base: str, name: str) -> Shown:
    from jxctl.files import write_atomically
    from simulator.calibrate.calibration import calibrate as fit
    from simulator.calibrate.experiments import EXPERIMENTS
    from simulator.calibrate.writing import calibrated_toml

    with progress("Fitting", len(EXPERIMENTS) + 4) as advance:
        done = fit(samples, base, said=lambda text: advance(1, text))
    source = f"jx calibrate, data set {folder.name}, {len(samples)} takes"
    write_atomically(output, calibrated_toml(done, name, source, base).encode())
    if report is not None:
        from simulator.calibrate.report import draw

        write_atomically(report, draw(done, name))
    return _summary(done, output, report, len(samples))


def _summary(done: Calibration, output: Path, report: Path | None, takes: int) -> Shown:
    from simulator.calibrate.writing import uncertainty

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

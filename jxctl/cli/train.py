"""``jx train``: train the estimator."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from jxctl.cli.common import Shown, command, progress, say
from jxctl.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "train")(train)


def train(
    run: Annotated[Path, typer.Argument(help="Directory of the run; an existing one is continued.")],
    tones: Annotated[int, typer.Option(help="How many sounds to hear in all.")] = 400_000,
    batch: Annotated[int, typer.Option(help="How many at a time.")] = 96,
    profile: Annotated[str, typer.Option(help="The board to learn.")] = "superjx",
    hearings: Annotated[int, typer.Option(help="How often each sound is heard.")] = 1,
    minutes: Annotated[
        float, typer.Option(help="End after so long, learning rate and all (0: when all is heard).")
    ] = 0.0,
    rate: Annotated[float, typer.Option(help="Highest learning rate.")] = 1e-3,
    width: Annotated[int, typer.Option(help="Width of the LSTM.")] = 224,
    seed: Annotated[int, typer.Option(help="Of tones, notes and weights.")] = 0,
    every: Annotated[int, typer.Option(help="Steps between checkpoints.")] = 500,
    threads: Annotated[int, typer.Option(help="CPU threads of the network; rendering has one more.")] = 1,
    workers: Annotated[
        int, typer.Option(help="Processes that render, instead of that thread: with a GPU, the CPU's cores.")
    ] = 0,
    data: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="A recorded data set to learn from; repeatable.")
    ] = None,
    mix: Annotated[
        float | None, typer.Option(help="Share of recorded takes with --data (0.5); 1 renders nothing.")
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="Begin with the weights of this checkpoint (without suffix).")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run as it was begun; other options are not read.")
    ] = False,
) -> Shown:
    """Train the estimator on tones drawn from the prior and rendered on the fly, on recorded takes, or both.

    Stop it at any time (Ctrl-C); the same command goes on from the last checkpoint. Of recorded sets only
    takes that can be trusted are used, and a tenth of their tones is kept for judging. Several processes or
    machines: torchrun --nproc-per-node 2 -m jxctl train DIR.
    """
    if min(tones, batch, hearings, width, every, threads) < 1 or min(seed, minutes, workers) < 0 or rate <= 0:
        raise UsageError(
            "tones, batch, hearings, width, every and threads are at least 1, the rate is above 0, "
            "the seed, minutes and workers are not negative"
        )
    if mix is not None and not data:
        raise UsageError("--mix is the share of recorded takes, and there are none", "name a set with --data")
    if mix is not None and not 0 < mix <= 1:
        raise UsageError(f"the share of recorded takes is {mix:g}; it lies above 0, up to 1", "--mix 0.5")

    from estimator.training.recorded import Recorded
    from estimator.training.train import TrainSettings, settings_of
    from estimator.training.train import train as go

    recorded = Recorded(data) if data else None
    if recorded is not None:
        left = f"; left out: {recorded.reasons}" if recorded.left_out else ""
        say(f"{len(recorded)} takes, {len(recorded.held_out)} of them kept for judging{left}")
    settings = TrainSettings(
        profile=profile, tones=tones, batch=batch, seed=seed, width=width, every=every,
        hearings=hearings, minutes=minutes, learning_rate=rate,
        mix=(0.5 if mix is None else mix) if recorded else 0.0,
        start=str(start or ""), encoder_rate=0.2 if start else 1.0,
    )  # fmt: skip
    if resume:
        settings = settings_of(run)
    steps = settings.steps(int(os.environ.get("WORLD_SIZE", "1")))
    with progress(f"Training in {run}", steps) as advance:
        history = go(run, settings, advance, threads, recorded, workers)
    weights = run / "model.safetensors"
    return Shown(
        {"run": str(run), **history},
        f"{weights}: {history}\nuse it: jx guess FILE --checkpoint {run / 'model'}",
    )

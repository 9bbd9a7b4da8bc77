"""``jx train``: train the estimator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jxctl.cli.common import Shown, command, progress
from jxctl.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "train")(train)


def train(
    run: Annotated[Path, typer.Argument(help="Directory of the run; an existing one is continued.")],
    tones: Annotated[int, typer.Option(help="How many tones to hear in all.")] = 400_000,
    batch: Annotated[int, typer.Option(help="How many at a time.")] = 32,
    profile: Annotated[str, typer.Option(help="The board to learn.")] = "superjx",
    width: Annotated[int, typer.Option(help="Width of the LSTM.")] = 160,
    seed: Annotated[int, typer.Option(help="Of tones, notes and weights.")] = 0,
    every: Annotated[int, typer.Option(help="Steps between checkpoints.")] = 500,
    threads: Annotated[int, typer.Option(help="CPU threads of the network; rendering has one more.")] = 1,
) -> Shown:
    """Train the estimator on tones drawn from the prior and rendered on the fly.

    Stop it at any time (Ctrl-C); the same command goes on from the last checkpoint.
    """
    if min(tones, batch, width, every, threads) < 1 or seed < 0:
        raise UsageError("tones, batch, width, every and threads are at least 1, the seed at least 0")

    from estimator.train import TrainSettings
    from estimator.train import train as go

    settings = TrainSettings(profile=profile, tones=tones, batch=batch, seed=seed, width=width, every=every)
    with progress(f"Training in {run}", settings.steps) as advance:
        history = go(run, settings, advance, threads)
    weights = run / "model.safetensors"
    return Shown(
        {"run": str(run), **history},
        f"{weights}: {history}\nuse it: jx guess FILE --checkpoint {run / 'model'}",
    )

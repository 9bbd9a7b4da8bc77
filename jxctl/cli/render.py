"""``jx render``: what a tone sounds like."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jxctl.cli.common import Shown, command
from jxctl.cli.output import check_outputs
from jxctl.errors import UsageError
from jxctl.tone import read_tone

MOST_SAMPLES = 10 * 60 * 44100


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "render")(render)


def render(
    tone: Annotated[Path, typer.Argument(help="A tone as JSON.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The WAV to write.")],
    note: Annotated[int, typer.Option(help="MIDI note, 60 = C4.")] = 60,
    velocity: Annotated[int, typer.Option(help="0-127.")] = 100,
    gate: Annotated[float, typer.Option(help="Seconds the key is down.")] = 1.0,
    seconds: Annotated[float, typer.Option(help="Length of the WAV.")] = 2.0,
    profile: Annotated[str, typer.Option(help="superjx, thesis, or a TOML file.")] = "superjx",
    rate: Annotated[int, typer.Option(help="Sample rate in Hz.")] = 44100,
    seed: Annotated[int, typer.Option(help="Of noise and random LFO.")] = 0,
) -> Shown:
    """Render one note of a tone to a WAV."""
    check_outputs(tone, [(output, ".wav")])
    loaded = read_tone(tone)
    if not 0 < seconds * rate <= MOST_SAMPLES:
        raise UsageError(
            f"cannot render {seconds:g} s at {rate} Hz",
            f"at most {MOST_SAMPLES / 44100 / 60:.0f} minutes at 44100 Hz",
        )

    import numpy as np

    import simulator
    from jxctl.audiofile import write_wav
    from jxctl.tone import to_batch

    audio = simulator.render(
        to_batch([loaded]), note, velocity, gate, seconds, profile=profile, sample_rate=rate, seed=seed
    )[0]
    warnings = write_wav(output, audio, rate)
    peak = float(np.abs(audio).max())
    data = {"output": str(output), "samples": len(audio), "sample_rate": rate, "peak": peak}
    lines = [f"{output}: {loaded.name}, note {note}, {seconds:g} s, peak {peak:.2f}"]
    if peak == 0:
        lines.append("it is silent: a mixer, the VCA level or an envelope is at 0")
    return Shown(data | {"warnings": warnings}, "\n".join([*lines, *warnings]))

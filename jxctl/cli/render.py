"""``jx render``: what a tone, or a song, sounds like."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jxctl.cli.common import Shown, command
from jxctl.cli.output import check_outputs
from jxctl.errors import UsageError
from jxctl.protocol.tone import read_tone

MOST_SAMPLES = 10 * 60 * 44100
NOTE, VELOCITY, GATE_S, LENGTH_S = 60, 100, 1.0, 2.0
MODEL, TAIL_S = "mks70", 10.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "render")(render)


def render(
    output: Annotated[Path, typer.Option("-o", "--output", help="The WAV to write.")],
    tone: Annotated[Path | None, typer.Argument(help="A tone as JSON; --midi does without.")] = None,
    note: Annotated[int, typer.Option(help="MIDI note, 60 = C4.")] = NOTE,
    velocity: Annotated[int, typer.Option(help="0-127.")] = VELOCITY,
    gate: Annotated[float, typer.Option(help="Seconds the key is down.")] = GATE_S,
    seconds: Annotated[float, typer.Option(help="Length of the WAV.")] = LENGTH_S,
    midi: Annotated[Path | None, typer.Option(help="Instead of one note, a MIDI file, in stereo.")] = None,
    bank: Annotated[Path | None, typer.Option(help="With --midi, instead of a tone: what it plays.")] = None,
    model: Annotated[str, typer.Option(help="With --midi: jx8p, jx10 or mks70.")] = MODEL,
    tail: Annotated[float, typer.Option(help="With --midi: the longest tail, in seconds.")] = TAIL_S,
    profile: Annotated[str, typer.Option(help="superjx, thesis, or a TOML file.")] = "superjx",
    rate: Annotated[int, typer.Option(help="Sample rate in Hz.")] = 44100,
    seed: Annotated[int, typer.Option(help="Of noise and random LFO.")] = 0,
    stereo: Annotated[bool, typer.Option("--stereo", help="Both outputs, instead of their mean.")] = False,
    oversample: Annotated[
        int, typer.Option(help="Render at so many times the rate: 4 for the finest sound.")
    ] = 1,
) -> Shown:
    """Render one note of a tone, or a whole MIDI file, to a WAV.

    A MIDI file goes through the whole virtual synth: assigner, program changes (--bank), SysEx, controllers.
    The tail after its end lasts until the sound has decayed.
    """
    if midi is not None:
        if (note, velocity, gate, seconds, oversample) != (NOTE, VELOCITY, GATE_S, LENGTH_S, 1):
            raise UsageError(
                "--note, --velocity, --gate, --seconds and --oversample are for one note",
                "leave them out, or leave out --midi",
            )
        from jxctl.cli.render_midi import render_midi

        return render_midi(
            midi, output, tone=tone, bank=bank, model=model, tail=tail, profile=profile, rate=rate, seed=seed
        )
    if tone is None:
        raise UsageError("jx render needs something to render", "give a tone, or --midi FILE")
    if bank is not None:
        raise UsageError("--bank is for --midi", "jx bank split writes single tones")
    if (model, tail) != (MODEL, TAIL_S):
        raise UsageError("--model and --tail are for --midi", "leave them out, or give --midi FILE")
    check_outputs(tone, [(output, ".wav")])
    loaded = read_tone(tone)
    if not 0 < seconds * rate <= MOST_SAMPLES:
        raise UsageError(
            f"cannot render {seconds:g} s at {rate} Hz",
            f"at most {MOST_SAMPLES / 44100 / 60:.0f} minutes at 44100 Hz",
        )

    import numpy as np

    from jxctl.audio.files import write_wav
    from jxctl.protocol.tone import to_batch
    from simulator.synth import render as render_tones

    audio = render_tones(
        to_batch([loaded]), note, velocity, gate, seconds,
        profile=profile, sample_rate=rate, seed=seed, stereo=stereo, oversample=oversample,
    )[0]  # fmt: skip
    warnings = write_wav(output, audio, rate)
    peak = float(np.abs(audio).max())
    data = {"output": str(output), "samples": audio.shape[-1], "sample_rate": rate, "peak": peak}
    lines = [f"{output}: {loaded.name}, note {note}, {seconds:g} s, peak {peak:.2f}"]
    if peak == 0:
        lines.append("it is silent: a mixer, the VCA level or an envelope is at 0")
    return Shown(data | {"warnings": warnings}, "\n".join([*lines, *warnings]))

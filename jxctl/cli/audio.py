"""``jx audio``: what this machine can record from and play on."""

from __future__ import annotations

import typer

from jxctl.cli.common import Shown, command


def register(app: typer.Typer) -> None:
    """Add ``jx audio``."""
    command(app, "audio")(audio)


def audio() -> Shown:
    """List audio devices: outputs for jx play and jx board, inputs for jx record.

    A device is chosen by its number, its name or a part of it. With JACK, other programs are devices too.
    """
    from jxctl.audio.capture import input_devices
    from jxctl.audio.playback import output_devices

    inputs, outputs = input_devices(), output_devices()
    lines = [
        f"output {found['number']}: {found['name']} ({found['system']}, {found['channels']} channels, "
        f"{found['sample_rate']} Hz{', default' if found['default'] else ''})"
        for found in outputs
    ]
    lines += [f"input {name}" for name in inputs]
    text = "\n".join(lines) or "this machine has no audio devices; jx doctor may know why"
    return Shown({"outputs": outputs, "inputs": inputs}, text)

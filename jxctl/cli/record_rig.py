"""What ``jx record`` plays on and listens with: the bench as a `jxctl.recording.rig.Rig`."""

from __future__ import annotations

import math
from contextlib import ExitStack
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from jxctl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from jxctl.audio.capture import AudioInput
    from jxctl.ports import Port
    from jxctl.recording.config import RigFile
    from jxctl.recording.player import Player
    from jxctl.recording.quality import Expectations
    from jxctl.recording.rig import Rig

_DEFAULT_PROFILE = "superjx"


def open_rig(bench: RigFile, profile: str | None, minutes: float | None, stack: ExitStack) -> Rig:
    """Open port and audio input, which ``stack`` closes. ``profile``: of a virtual board behind
    the port, with whose renders takes are compared. ``minutes``: since power-on, which win over the
    bench file.

    Raises `UsageError` and `DeviceError`.
    """
    from jxctl.audio.capture import SoundCard
    from jxctl.ports import open_port
    from jxctl.recording.rig import Bench, Rig

    if bench.port is None:
        raise UsageError("jx record needs a port", "--port URL, or a bench file with one (--rig FILE)")
    virtual = profile or _profile_of(bench.port)
    port = stack.enter_context(open_port(bench.port))
    player = _player(port, bench)
    ear = _ear(port, bench, stack)
    return Rig(
        player,
        ear,
        Bench(
            unit=bench.unit,
            rom=bench.rom,
            profile=virtual,
            audio_device=ear.name or bench.audio if isinstance(ear, SoundCard) else None,
            gain=bench.gain,
            minutes_on=_minutes_on(bench, minutes),
        ),
        _expected(virtual, ear.sample_rate, profile is not None, player.model),
    )


def _player(port: Port, bench: RigFile) -> Player:
    from jxctl.cli.send_midi import model_in
    from jxctl.ports.client import Synth
    from jxctl.protocol.models import MODELS, model
    from jxctl.recording.player import BoardPlayer, MidiPlayer

    if port.language == "bus":
        if bench.model not in (None, "board"):
            raise UsageError(f"{port.url} leads to a bare board, not to a {bench.model}", "leave out --model")
        synth = Synth(port)
        synth.wake()
        return BoardPlayer(synth)
    name = bench.model or model_in(port.url)
    if name is None:
        raise UsageError(f"what is behind {port.url}?", f"add --model, one of {', '.join(MODELS)}")
    return MidiPlayer(port, model(name), (bench.channel or 1) - 1)


def _ear(port: Port, bench: RigFile, stack: ExitStack) -> AudioInput:
    from jxctl.audio.capture import DEFAULT_SAMPLE_RATE, open_input
    from jxctl.ports import AudiblePort

    if bench.audio is not None:
        rate = bench.sample_rate or DEFAULT_SAMPLE_RATE
        return stack.enter_context(open_input(bench.audio, rate, bench.audio_channel or 1))
    if isinstance(port, AudiblePort):
        if bench.sample_rate not in (None, port.sample_rate):
            raise UsageError(
                f"{port.url} sounds at {port.sample_rate} Hz, not at {bench.sample_rate}",
                f"write sim:?sample_rate={bench.sample_rate}, or name the audio input with --audio DEVICE",
            )
        return port
    raise UsageError(
        f"{port.url} makes no sound that jx can hear by itself", "name the audio input with --audio DEVICE"
    )


def _profile_of(url: str) -> str | None:
    """The profile of a virtual board in this process; None for anything else."""
    if not url.startswith("sim:"):
        return None
    return parse_qs(url.partition("?")[2]).get("profile", [_DEFAULT_PROFILE])[0]


def _expected(virtual: str | None, sample_rate: int, compare: bool, name: str | None) -> Expectations:
    from jxctl.protocol.models import model
    from jxctl.recording.expectation import Simulated

    # In this process nothing lies between, so that only boards behind real ports are compared.
    return Simulated(
        virtual or _DEFAULT_PROFILE,
        sample_rate,
        exact=virtual is not None,
        compare=compare,
        scaled=name is not None and model(name).family not in (None, "jx8p"),
    )


def _minutes_on(bench: RigFile, minutes: float | None) -> Callable[[], float] | None:
    """Minutes since power-on, counted on from now by a clock that is never set back."""
    if minutes is not None and not math.isfinite(minutes):
        raise UsageError(f"--powered-on-minutes is {minutes}", "minutes since it was switched on")
    at_start = bench.minutes_on() if minutes is None else minutes
    if at_start is None:
        return None
    begun, known = monotonic(), at_start
    return lambda: known + (monotonic() - begun) / 60

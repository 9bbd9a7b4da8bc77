"""Audio out: a PortAudio device that asks for the next block of sound, over and over.

JACK is one of PortAudio's systems. Its devices are other programs, by name: ``system`` is the sound card.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import ctypes.util
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from jxctl.audio.capture import portaudio
from jxctl.errors import DeviceError

if TYPE_CHECKING:
    import numpy as np

BLOCK = 256
"""Samples that are asked for at a time (chosen)."""
PATIENCE_S = 2.0
"""A device that has asked for nothing for so long, seconds, has gone (chosen)."""

Fill = Callable[["np.ndarray", bool], None]
"""Fills ``float32[samples, 2]``, left and right; True: PortAudio ran out of sound before this block."""

_client_name: ctypes.Array[ctypes.c_char] | None = None
"""What JACK calls this program: PortAudio keeps the pointer."""


class AudioOutput:
    """An open output device. ``latency_s``: what lies behind a block, says PortAudio; ``name``: the device's.

    Nothing sounds before `start`. A device with one channel plays the mean of both.
    """

    def __init__(self, sounddevice: Any, device: dict[str, Any], sample_rate: int, block: int) -> None:
        self.name = str(device["name"])
        self.sample_rate, self.block = sample_rate, block
        self._channels = min(2, int(device["max_output_channels"]))
        self._fill: Fill | None = None
        self._failure: Exception | None = None
        self._gone = self._closed = False
        self._sounddevice = sounddevice
        self._heard = time.monotonic()
        self._stream = sounddevice.OutputStream(
            samplerate=sample_rate,
            device=device["index"],
            channels=self._channels,
            blocksize=block,
            dtype="float32",
            latency="low",
            callback=self._asked,
        )
        self.latency_s = float(self._stream.latency)

    def start(self, fill: Fill) -> None:
        """Play what ``fill`` makes. It is called by PortAudio's own thread and must not wait."""
        self._fill = fill
        self._heard = time.monotonic()
        self._stream.start()

    def check(self) -> None:
        """Raise `DeviceError` when the device has gone, or what ``fill`` has raised."""
        if self._failure is not None:
            raise self._failure
        if not self._stream.active or time.monotonic() - self._heard > PATIENCE_S:
            self._gone = True
            raise DeviceError(
                f"the audio output {self.name!r} went away",
                "check that the interface is connected and its driver (JACK?) runs; jx audio lists outputs",
            )

    def close(self) -> None:
        """Stop at once, and give the device back."""
        if self._closed:
            return
        self._closed = True
        if not self._gone:
            self._stream.close()
            return
        # PortAudio aborts the whole program when it closes a stream, or ends, after JACK has died.
        atexit.unregister(getattr(self._sounddevice, "_exit_handler", self.close))

    def _asked(self, out: Any, samples: int, when: Any, status: Any) -> None:
        # Called by PortAudio's own thread; it must not raise.
        self._heard = time.monotonic()
        try:
            assert self._fill is not None
            if self._failure is not None:
                out[:] = 0
            elif self._channels == 2:
                self._fill(out, bool(status.output_underflow))
            else:
                both = out.repeat(2, axis=1)
                self._fill(both, bool(status.output_underflow))
                out[:, 0] = both.mean(axis=1)
        except Exception as error:
            out[:] = 0
            self._failure = error

    def __enter__(self) -> AudioOutput:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_output(
    device: str = "default", sample_rate: int | None = None, block: int = BLOCK, client: str = "jx"
) -> AudioOutput:
    """Open an audio output by its number, its name or a part of it; ``default`` is the system's choice.

    ``sample_rate``: None for the device's own. ``client``: what JACK calls this program, if nothing here has
    used PortAudio yet. Raises `DeviceError` when PortAudio is missing, or no such device exists or opens
    at that rate; the hint lists the outputs there are.
    """
    _name_client(client)
    sounddevice = portaudio()
    try:
        # Within: Python refuses to convert thousands of digits.
        chosen = None if device == "default" else int(device) if device.isdecimal() else device
        found = dict(sounddevice.query_devices(chosen, "output"))
    except (ValueError, sounddevice.PortAudioError) as error:
        raise DeviceError(f"there is no audio output {device!r}: {_reason(error)}", _listed()) from error
    own = round(found["default_samplerate"])
    rate = own if sample_rate is None else sample_rate
    try:
        return AudioOutput(sounddevice, found, rate, block)
    except (ValueError, sounddevice.PortAudioError) as error:
        raise DeviceError(
            f"cannot play on {found['name']!r} at {rate} Hz: {_reason(error)}",
            f"its own rate is {own} Hz; {_listed()}",
        ) from error


def output_devices() -> list[dict[str, Any]]:
    """Every audio output: ``number``, ``name``, ``system`` (ALSA, JACK, ...), ``channels``, ``sample_rate``,
    ``default``. Raises `DeviceError` when PortAudio is missing.
    """
    sounddevice = portaudio()
    systems = sounddevice.query_hostapis()
    try:
        default = sounddevice.query_devices(None, "output")["index"]
    except (ValueError, sounddevice.PortAudioError):
        default = None
    return [
        {
            "number": number,
            "name": found["name"],
            "system": systems[found["hostapi"]]["name"],
            "channels": found["max_output_channels"],
            "sample_rate": round(found["default_samplerate"]),
            "default": number == default,
        }
        for number, found in enumerate(sounddevice.query_devices())
        if found["max_output_channels"] > 0
    ]


def _listed() -> str:
    names = [f"{found['number']}: {found['name']}" for found in output_devices()]
    return "audio outputs: " + "; ".join(names) if names else "this machine has no audio output"


def _reason(error: Exception) -> str:
    """The first line of PortAudio's own words; the others list devices."""
    return str(error).partition("\n")[0].removeprefix("Error opening OutputStream: ")


def _name_client(name: str) -> None:
    """Tell PortAudio what JACK shall call this program; it listens only before it is first used."""
    global _client_name
    if "sounddevice" in sys.modules or (library := ctypes.util.find_library("portaudio")) is None:
        return
    _client_name = ctypes.create_string_buffer(name.encode("ascii", "replace")[:30])
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(library).PaJack_SetClientName(_client_name)

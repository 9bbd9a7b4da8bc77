"""Audio in: what a rig listens through.

An `AudioInput` is both the clock and the audio of a recording: ``listen(seconds)`` returns the next
stretch of sound and comes back when that much time has passed, which a sound card spends waiting and
a virtual board (``sim:``) spends rendering.
"""

from __future__ import annotations

import queue
from types import TracebackType
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from jxctl._extras import install_line
from jxctl.audio.analysis import to_dbfs
from jxctl.errors import DeviceError

Audio = NDArray[np.float32]
"""``float32[samples]``, mono, full scale at 1.0."""

DEFAULT_SAMPLE_RATE = 44100
"""Hz, at which an input is opened unless another rate is asked for."""
WATCHED_CHANNELS = 8
"""So many channels of a device are opened at most, beside the one that is recorded, to see where sound is."""
_PATIENCE_S = 2.0
"""An input that has delivered nothing for so long has gone (chosen)."""
_QUEUED_BLOCKS = 4096
"""Blocks that wait to be listened to; what arrives beyond them is lost (chosen)."""

_INSTALL_HINT = (
    "install PortAudio: apt install libportaudio2 (Debian, Ubuntu), dnf install portaudio (Fedora), "
    "brew install portaudio (macOS)"
)


@runtime_checkable
class AudioInput(Protocol):
    """Something that can be heard: a sound card, or a virtual board that renders."""

    @property
    def sample_rate(self) -> int:
        """Samples per second."""

    def listen(self, seconds: float) -> Audio:
        """The next ``seconds`` of sound as ``float32[samples]``, mono, full scale at 1.0."""


@runtime_checkable
class LiveInput(AudioInput, Protocol):
    """An input whose clock runs by itself: sound arrives whether anyone listens or not."""

    @property
    def dropouts(self) -> int:
        """How often audio was lost since the input was opened."""

    def catch_up(self) -> None:
        """Forget the sound that arrived unheard, so that the next `listen` starts now."""


@runtime_checkable
class Channels(AudioInput, Protocol):
    """An input that knows where else there is sound. ``channel``: the one that is heard, from 1."""

    channel: int

    def peaks_dbfs(self) -> list[float]:
        """The largest sample of each channel since it was last asked, in dBFS, the first channel first."""


class SoundCard:
    """One channel (from 1) of a PortAudio input device, recorded without a break from opening on.

    ``name``: what the system calls the device. ``channels``: so many are opened; of the others only peaks are
    known. Raises `DeviceError` from `listen` when it stops delivering.
    """

    def __init__(
        self,
        stream_class: Any,
        device: int | str | None,
        sample_rate: int,
        channel: int = 1,
        name: str | None = None,
        channels: int | None = None,
    ) -> None:
        self.sample_rate = sample_rate
        self.name = name
        self.channel = channel
        self.dropouts = 0
        self._column = channel - 1
        channels = channels or channel
        self._peaks = np.zeros(channels, np.float32)
        self._blocks: queue.Queue[Audio] = queue.Queue(maxsize=_QUEUED_BLOCKS)
        self._rest: Audio = np.zeros(0, dtype=np.float32)
        self._stream = stream_class(
            samplerate=sample_rate, device=device, channels=channels, dtype="float32", callback=self._arrived
        )
        self._stream.start()

    def _arrived(self, block: Any, frames: int, time: Any, status: Any) -> None:
        # Called by PortAudio's own thread; it must neither wait nor raise.
        try:
            np.maximum(self._peaks, np.abs(block).max(axis=0, initial=0.0), out=self._peaks)
            self._blocks.put_nowait(block[:, self._column].copy())
            # Overflow: samples were thrown away. Underflow: zeros stand where none came.
            lost = bool(status.input_overflow or status.input_underflow)
        except queue.Full:
            lost = True
        self.dropouts += lost

    def listen(self, seconds: float) -> Audio:
        """The next ``seconds`` of sound, joined without a gap to what was heard before."""
        wanted = round(seconds * self.sample_rate)
        parts, have = [self._rest], self._rest.size
        while have < wanted:
            try:
                block = self._blocks.get(timeout=_PATIENCE_S)
            except queue.Empty:
                raise DeviceError(
                    f"the audio input has delivered nothing for {_PATIENCE_S:g} s",
                    "check that the interface is still connected; the same command continues",
                ) from None
            parts.append(block)
            have += block.size
        heard = np.concatenate(parts)
        self._rest = heard[wanted:]
        return heard[:wanted]

    def catch_up(self) -> None:
        """Forget the sound that arrived unheard."""
        self._rest = self._rest[:0]
        while True:
            try:
                self._blocks.get_nowait()
            except queue.Empty:
                return

    def peaks_dbfs(self) -> list[float]:
        """The largest sample of each open channel since this was last asked, in dBFS."""
        peaks, self._peaks = self._peaks, np.zeros_like(self._peaks)
        return [to_dbfs(float(peak)) for peak in peaks]

    def close(self) -> None:
        """Stop recording and give the device back."""
        self._stream.close()

    def __enter__(self) -> SoundCard:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_input(
    device: str = "default", sample_rate: int = DEFAULT_SAMPLE_RATE, channel: int = 1
) -> SoundCard:
    """Open an audio input by its number, its name or a part of it; ``default`` is the system's choice.

    ``channel``: of the device, from 1; the others are watched where they open too. Raises `DeviceError` when
    PortAudio is missing, or no such device exists or opens at that rate with so many channels; the hint lists
    the inputs there are.
    """
    sounddevice = portaudio()
    chosen = None if device == "default" else int(device) if device.isdecimal() else device
    try:
        found = sounddevice.query_devices(chosen, "input")
        name, there = str(found["name"]), min(int(found["max_input_channels"]), WATCHED_CHANNELS)
        if there > channel:
            try:
                return SoundCard(sounddevice.InputStream, chosen, sample_rate, channel, name, there)
            except (ValueError, sounddevice.PortAudioError):
                pass  # Some systems open no more than they are asked for at other times.
        return SoundCard(sounddevice.InputStream, chosen, sample_rate, channel, name)
    except (ValueError, sounddevice.PortAudioError) as error:
        names = input_devices()
        listed = "audio inputs: " + "; ".join(names) if names else "this machine has no audio input"
        raise DeviceError(f"cannot record from {device!r} at {sample_rate} Hz: {error}", listed) from error


def input_devices() -> list[str]:
    """Every audio input as "number: name". Raises `DeviceError` when PortAudio is missing."""
    return [
        f"{number}: {found['name']}"
        for number, found in enumerate(portaudio().query_devices())
        if found["max_input_channels"] > 0
    ]


def portaudio() -> Any:
    """The module ``sounddevice``. Raises `DeviceError` when PortAudio is missing."""
    try:
        import sounddevice
    except ModuleNotFoundError as error:
        raise DeviceError(
            "audio devices need sounddevice, which is not installed", install_line("audio")
        ) from error
    except OSError as error:
        raise DeviceError(f"audio devices cannot be used: {error}", _INSTALL_HINT) from error
    return sounddevice

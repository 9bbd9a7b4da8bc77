"""Ports: where bytes go, named by a URL.

==========================  ======================================================================
``serial:/dev/ttyUSB0``     a bare sound board behind a serial adapter, 31250 baud, 8N1
``midi:NAME?model=mks70``   a whole synth behind a MIDI interface; NAME is part of a port's name
``sim:?profile=thesis``     the virtual board in this process; with ``?model=mks70``, a whole synth
``replay:FILE``             a recorded conversation: checks what is sent, answers as recorded
``spy:URL``                 any other port; prints on stderr what passes through it
==========================  ======================================================================

A scheme is a row of `SCHEMES`; its module is imported when a port of that scheme is opened and has
``open(url) -> Port``. A port speaks one of two languages: the bytes of the sound-board bus, which is
one-way, so that ``write`` returning means sent and never received; or MIDI, both ways.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Literal, TypeAlias, cast
from urllib.parse import parse_qs

from jxctl.errors import DeviceError

if TYPE_CHECKING:
    import numpy as np


Language: TypeAlias = Literal["bus", "midi"]


class Port(ABC):
    """Something that takes bytes. A context manager that closes it.

    Attributes:
        url: opens it again.
        language: what the bytes mean, ``bus`` or ``midi``.
        jitter_s: how much later than others some bytes may leave, in seconds, which a pause between messages
            has to allow for.

    Examples:
        >>> with open_port("sim:") as port:
        ...     port.language
        'bus'
    """

    url: str
    language: Language = "bus"
    jitter_s: float = 0.0

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Send bytes, and return when they have left. Raises `DeviceError` when the port is gone."""

    @abstractmethod
    def close(self) -> None:
        """Let the device go. Closing twice is harmless."""

    def __enter__(self) -> Port:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class ReceivingPort(Port):
    """A port that also brings what the other side sends."""

    @abstractmethod
    def receive(self, timeout_s: float) -> bytes:
        """The next complete message, or ``b""`` when none came within ``timeout_s`` seconds.

        Raises `DeviceError` when the port is closed or cannot receive.
        """


class AudiblePort(Port):
    """A port whose sound arrives in this process.

    Attributes:
        sample_rate: samples per second.

    Examples:
        >>> with open_port("sim:?sample_rate=48000") as port:
        ...     isinstance(port, AudiblePort), port.listen(0.5).shape
        (True, (24000,))
    """

    sample_rate: int

    @abstractmethod
    def listen(self, seconds: float) -> np.ndarray:
        """The next stretch of sound: mono ``float32[samples]``. Also the port's clock."""


@dataclass(frozen=True, slots=True)
class Available:
    """A port that could be opened on this machine now."""

    url: str
    description: str


SCHEMES: dict[str, tuple[str, str]] = {
    "serial": ("jxctl.ports.serial", "serial:/dev/ttyUSB0 (a sound board behind a serial adapter)"),
    "midi": ("jxctl.ports.midi", "midi:NAME (a synth behind a MIDI interface; part of its name will do)"),
    "sim": ("jxctl.ports.virtual", "sim: (the virtual board; sim:?model=mks70 is a whole synth)"),
    "replay": ("jxctl.ports.replay", "replay:FILE (a recorded conversation)"),
    "spy": ("jxctl.ports.spy", "spy:URL (any other port, printing what passes)"),
}
"""Scheme: the module that opens it, and how it is written."""

BARE_BOARD_NEEDS_SERIAL = (
    "a bare sound board needs serial:, not midi:, because its bytes 80-BF are other messages in MIDI"
)


def open_port(url: str) -> Port:
    """Open a port.

    Args:
        url: as `available` lists them, such as ``sim:`` or ``serial:/dev/ttyUSB0``.

    Returns:
        The port, which is a context manager.

    Raises:
        DeviceError: there is no such scheme or device.

    Examples:
        >>> with open_port("sim:") as port:
        ...     port.url
        'sim:'
    """
    scheme, colon, _ = url.partition(":")
    if not colon or scheme not in SCHEMES:
        raise DeviceError(f"{url!r} is not a port that jx knows", _hint(url))
    module = importlib.import_module(SCHEMES[scheme][0])
    return cast(Port, module.open(url))


def model_in(url: str) -> str | None:
    """The model that a port's URL names (``?model=mks70``)."""
    return parse_qs(url.rpartition("?")[2]).get("model", [None])[0] if "?" in url else None


def available() -> list[Available]:
    """List what `open_port` could open on this machine: serial devices, MIDI ports, and ``sim:``.

    A machine without a MIDI system has no MIDI ports; that is no error.

    Returns:
        URLs with what is behind each.

    Examples:
        >>> "sim:" in [port.url for port in available()]
        True
    """
    from serial.tools.list_ports import comports

    from jxctl.ports.midi import midi_ports

    found = [
        Available(f"serial:{port.device}", port.description if port.description != "n/a" else "serial port")
        for port in sorted(comports(), key=lambda port: str(port.device))
    ]
    found += [Available(f"midi:{name}", f"MIDI output ({system})") for system, name in midi_ports()]
    return [
        *found,
        Available("sim:", "the virtual board"),
        Available("sim:?model=mks70", "the virtual synth, which takes MIDI"),
    ]


def _hint(url: str) -> str:
    if url in SCHEMES:
        return f'did you mean "{url}:"?'
    if url.startswith("/dev/") or (url[:3].upper() == "COM" and url[3:].isdigit()):
        return f'did you mean "serial:{url}"?'
    return "ports are written " + ", ".join(form for _, form in SCHEMES.values())

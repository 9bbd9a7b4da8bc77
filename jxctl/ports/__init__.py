"""Ports: where bus bytes go, named by a URL.

=========================  =======================================================================
``serial:/dev/ttyUSB0``    a bare sound board behind a serial adapter, 31250 baud, 8N1
``sim:?profile=thesis``    the virtual board in this process
``spy:URL``                any other port; prints on stderr what is sent through it
=========================  =======================================================================

A scheme is a row of `SCHEMES`; its module is imported when a port of that scheme is opened and has
``open(url) -> Port``. The bus is one-way: ``write`` returning means sent, never received.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, cast

from jxctl.errors import DeviceError

if TYPE_CHECKING:
    import numpy as np


class Port(ABC):
    """Something that takes bus bytes. ``url`` opens it again. A context manager that closes it."""

    url: str

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


class AudiblePort(Port):
    """A port whose sound arrives in this process. ``sample_rate``: samples per second."""

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
    "sim": ("simulator.port", "sim: (the virtual board; options as in sim:?profile=thesis)"),
    "spy": ("jxctl.ports.spy", "spy:URL (any other port, printing what is sent)"),
}
"""Scheme: the module that opens it, and how it is written."""

BARE_BOARD_NEEDS_SERIAL = (
    "midi: ports come in a later version; a bare sound board needs serial: in any case, because "
    "its bytes 80-BF are other messages in MIDI"
)


def open_port(url: str) -> Port:
    """Open the port at ``url``. Raises `DeviceError` when there is no such scheme or device."""
    scheme, colon, _ = url.partition(":")
    if not colon or scheme not in SCHEMES:
        raise DeviceError(f"{url!r} is not a port that jx knows", _hint(url, scheme))
    module = importlib.import_module(SCHEMES[scheme][0])
    return cast(Port, module.open(url))


def available() -> list[Available]:
    """What `open_port` could open on this machine: the serial devices found, and ``sim:``."""
    from serial.tools.list_ports import comports

    found = [
        Available(f"serial:{port.device}", port.description if port.description != "n/a" else "serial port")
        for port in sorted(comports(), key=lambda port: str(port.device))
    ]
    return [*found, Available("sim:", "the virtual board")]


def _hint(url: str, scheme: str) -> str:
    if scheme == "midi":
        return BARE_BOARD_NEEDS_SERIAL
    if url in SCHEMES:
        return f'did you mean "{url}:"?'
    if url.startswith("/dev/") or (url[:3].upper() == "COM" and url[3:].isdigit()):
        return f'did you mean "serial:{url}"?'
    return "ports are written " + ", ".join(form for _, form in SCHEMES.values())

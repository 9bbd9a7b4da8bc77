"""``serial:DEVICE``: the raw sound-board bus behind a serial adapter, 31250 baud, 8N1.

``DEVICE`` is a path (``/dev/ttyUSB0``, ``COM3``) or a URL that pyserial knows (``loop://``,
``socket://host:port``). An adapter must be able to make 31250 baud, which is not one of the usual
rates; driving a board so is described in jx_hardware.md 2.1.
"""

from __future__ import annotations

import errno
import os

import serial

from jxctl.errors import DeviceError
from jxctl.ports import Port
from jxctl.protocol.bus import BAUD

STUCK_S = 5.0
"""A write that makes no progress for this long has failed (a whole patch load takes 0.085 s)."""

_CHUNK = 1024  # 0.33 s on the bus, well under STUCK_S
_LIST = "jx ports lists the serial ports of this machine"

_GONE: tuple[type[Exception], ...] = (serial.SerialException, OSError)
try:
    import termios

    _GONE += (termios.error,)  # what flush raises, and not an OSError
except ImportError:  # Windows has no termios
    pass


class SerialPort(Port):
    """An open serial device. Raises `DeviceError` when it cannot be opened or goes away."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._device = url.partition(":")[2]
        if not self._device:
            raise DeviceError("serial: names no device", f"serial:/dev/ttyUSB0 would; {_LIST}")
        # exclusive: two programs on one bus would tear each other's messages apart.
        exclusive = True if os.name == "posix" and "://" not in self._device else None
        try:
            self._serial = serial.serial_for_url(
                self._device, baudrate=BAUD, write_timeout=STUCK_S, exclusive=exclusive
            )
        except (serial.SerialException, OSError, ValueError) as error:
            raise _cannot_open(self._device, error) from error

    def write(self, data: bytes) -> None:
        """Send bytes; returns when the system reports them sent."""
        try:
            for start in range(0, len(data), _CHUNK):
                self._serial.write(data[start : start + _CHUNK])
                self._serial.flush()
        except serial.SerialTimeoutException as error:
            raise DeviceError(
                f"{self._device} has taken no bytes for {STUCK_S:g} s", "unplug the adapter and try again"
            ) from error
        except _GONE as error:
            raise DeviceError(f"{self._device} went away while sending ({error})", _LIST) from error

    def close(self) -> None:
        """Close the device."""
        self._serial.close()


def open(url: str) -> Port:
    """Open ``serial:DEVICE``."""
    return SerialPort(url)


def _cannot_open(device: str, error: Exception) -> DeviceError:
    """What went wrong, in a player's words: pyserial says it in four different ways."""
    code = getattr(error, "errno", None)
    # On Windows there is no errno, only the name of the cause in the text.
    if code == errno.ENOENT or "FileNotFoundError" in str(error):
        return DeviceError(f"there is no serial port {device}", _LIST)
    if code in (errno.EACCES, errno.EPERM):
        return DeviceError(
            f"no permission to use {device}",
            "on Linux, add yourself to the group that owns it (often dialout or uucp) and log in again",
        )
    if code in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EBUSY):
        return DeviceError(f"{device} is in use by another program", "close that program and try again")
    if "baud" in str(error):
        return DeviceError(
            f"{device} cannot run at {BAUD} baud", "use another adapter; those with an FTDI chip usually can"
        )
    if "ioctl" in str(error):
        return DeviceError(f"{device} is not a serial port", _LIST)
    return DeviceError(f"cannot open {device}: {error}", _LIST)

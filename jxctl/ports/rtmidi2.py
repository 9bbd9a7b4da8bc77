"""RtMidi through rtmidi2, by the names of python-rtmidi: for Python versions without wheels of the latter.

Both wrap the same C++ library. Where rtmidi2 differs:

* it tells neither which MIDI systems it was built for nor that one is not running: a client of a system that
  is not there ends the process when it is used. RtMidi says so on stderr while the client is made, which is
  read here (`_Client`);
* its wheels for Linux carry a JACK library of protocol 8, which servers of protocol 9 (jackd 1.9.21 here)
  refuse. ALSA works; for JACK, RtMidi has to be built against the JACK of the machine (`NO_JACK`).
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

NO_JACK = (
    "rtmidi2 was built for another version of JACK; pip install --no-binary python-rtmidi python-rtmidi "
    "builds RtMidi for this one"
)

_SYSTEMS = {
    "linux": {"alsa": "API_LINUX_ALSA", "jack": "API_UNIX_JACK"},
    "darwin": {"core": "API_MACOSX_CORE"},
    "win32": {"winmm": "API_WINDOWS_MM"},
}
"""Names that python-rtmidi gives MIDI systems, and those of rtmidi2, by ``sys.platform``."""
_DOWN = ("server not running", "no compiled support")
"""What RtMidi prints, in part, when it makes a client that cannot be used."""
_QUEUE_BYTES = 1024
"""Of an input that is read by polling, which none is here (chosen: RtMidi's own)."""


def get_compiled_api() -> list[int]:
    """The MIDI systems of this platform, as numbers, in order of preference."""
    import rtmidi2

    return [int(getattr(rtmidi2, name)) for name in _SYSTEMS.get(sys.platform, {}).values()]


def get_api_name(number: int) -> str:
    """The name of one of them: ``alsa``, ``jack``, ``core``, ``winmm``."""
    import rtmidi2

    names = _SYSTEMS.get(sys.platform, {})
    return next(name for name, constant in names.items() if getattr(rtmidi2, constant) == number)


class _Client:
    """What inputs and outputs share. ``make``: makes rtmidi2's own object."""

    def __init__(self, make: Callable[[], Any], api: int) -> None:
        said = ""
        kept = _stderr_copy()
        if kept is None:
            self._client = make()
        else:
            with tempfile.TemporaryFile() as file:
                try:
                    os.dup2(file.fileno(), 2)
                    self._client = make()
                finally:
                    os.dup2(kept, 2)
                    os.close(kept)
                file.seek(0)
                said = file.read().decode(errors="replace")
        self._system = get_api_name(api)
        if "protocol mismatch" in said:
            raise RuntimeError(NO_JACK)
        for words in _DOWN:
            if words in said:
                raise RuntimeError(f"RtMidi: {words}")

    def get_ports(self) -> list[str]:
        """Names of the ports that this client can be connected to."""
        return [str(name) for name in self._client.ports]

    def open_port(self, index: int, name: str = "") -> None:
        """Connect to a port by its place in `get_ports`. ``name`` of the own port: rtmidi2 has its own."""
        self._client.open_port(index)

    def open_virtual_port(self, name: str) -> None:
        """Make a port that others connect to. Raises `NotImplementedError` where the system has none."""
        if self._system == "winmm":
            raise NotImplementedError
        self._client.open_virtual_port(name)

    def close_port(self) -> None:
        """Disconnect."""
        self._client.close_port()

    def delete(self) -> None:
        """Let the client go, and with it what the system knows of it."""
        self._client = None


class MidiOut(_Client):
    """A client that sends, of a system of `get_compiled_api`. Raises `RuntimeError` where that is down."""

    def __init__(self, api: int, name: str) -> None:
        import rtmidi2

        super().__init__(lambda: rtmidi2.MidiOut(name, api), api)

    def send_message(self, message: Sequence[int]) -> None:
        """Send one complete message."""
        self._client.send_raw(*message)


class MidiIn(_Client):
    """A client that receives, of a system of `get_compiled_api`. Raises `RuntimeError` where it is down."""

    def __init__(self, api: int, name: str) -> None:
        import rtmidi2

        super().__init__(lambda: rtmidi2.MidiIn(name, _QUEUE_BYTES, api), api)

    def ignore_types(self, sysex: bool, timing: bool, active_sense: bool) -> None:
        """Which messages are not handed over."""
        self._client.ignore_types(sysex, timing, active_sense)

    def set_callback(self, function: Callable[[tuple[Sequence[int], float], Any], None]) -> None:
        """Hand each message to ``function`` with its time since the last one, as python-rtmidi does."""
        self._client.callback = lambda message, seconds: function((message, seconds), None)

    def delete(self) -> None:
        """As of every client; without its callback, which holds what holds this."""
        if self._client is not None:
            self._client.callback = None
        super().delete()


def _stderr_copy() -> int | None:
    """A copy of the file that is stderr; None where it is closed."""
    try:
        return os.dup(2)
    except OSError:
        return None

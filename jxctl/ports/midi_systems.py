"""The MIDI systems that RtMidi can reach on this machine, and the names in each.

RtMidi comes through python-rtmidi, or where that has no wheels through rtmidi2, which
`jxctl.ports.rtmidi2` gives the same names.

RtMidi and the libraries under it print on stderr when a system is not running, which is nothing a
user has to read: it is not an error to have no JACK.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any, Literal

from jxctl._extras import install_line
from jxctl.errors import DeviceError, UsageError

Direction = Literal["in", "out"]
_DUMMY = "dummy"


class Systems:
    """Some of RtMidi's systems, by name, in its order of preference. Iterates over the names."""

    def __init__(self, rtmidi: Any, systems: dict[str, int]) -> None:
        self._rtmidi = rtmidi
        self._systems = systems
        self._not_running: set[str] = set()

    def __iter__(self) -> Iterator[str]:
        return iter(self._systems)

    @property
    def all_down(self) -> bool:
        """Whether every system was found not to be running."""
        return self._not_running.issuperset(self._systems)

    def client(self, direction: Direction, system: str, name: str) -> Any:
        """A new RtMidi client called ``name``. Raises `DeviceError` when the system does not run."""
        make = self._rtmidi.MidiIn if direction == "in" else self._rtmidi.MidiOut
        try:
            with quiet():
                return make(self._systems[system], name)
        except (OSError, RuntimeError) as error:
            self._not_running.add(system)
            raise DeviceError(
                f"the MIDI system {system} is not running here ({error})",
                "start it, or choose another with ?api=; jx ports lists what is there",
            ) from error

    def names(self, direction: Direction, system: str) -> list[str]:
        """The ports of one system; none when it does not run."""
        try:
            client = self.client(direction, system, "jx list")
        except DeviceError:
            return []
        try:
            return self.names_of(client)
        finally:
            client.delete()

    def names_of(self, client: Any) -> list[str]:
        """The ports that an RtMidi client sees now; none when its system has gone."""
        try:
            with quiet():
                return [str(name) for name in client.get_ports()]
        except (OSError, RuntimeError):
            return []

    def connect(self, client: Any, name: str) -> None:
        """Connect a client to the port of that name. Raises `ValueError` when it has just gone."""
        client.open_port(self.names_of(client).index(name), "out" if _sends(client) else "in")

    def first(self) -> str:
        """The first system that runs. Raises `DeviceError` when none does."""
        failure: DeviceError | None = None
        for system in self:
            try:
                self.client("out", system, "jx list").delete()
            except DeviceError as error:
                failure = failure or error
            else:
                return system
        raise failure or _no_system()


def systems(api: str | None) -> Systems:
    """All systems, or only ``api``. Raises `UsageError` for one RtMidi was not built with here."""
    rtmidi = _binding()
    known = {str(rtmidi.get_api_name(number)): int(number) for number in rtmidi.get_compiled_api()}
    known.pop(_DUMMY, None)
    if not known:
        raise _no_system()
    if api is None:
        return Systems(rtmidi, known)
    if api not in known:
        raise UsageError(f"there is no MIDI system {api!r} here", f"there is {', '.join(known)}")
    return Systems(rtmidi, {api: known[api]})


def _binding() -> Any:
    """RtMidi for Python: python-rtmidi, or rtmidi2 by the same names. Raises `DeviceError` for neither."""
    try:
        import rtmidi
    except ImportError as error:
        try:
            import rtmidi2
        except ImportError:
            # What is installed and broken says more than what is absent.
            raise DeviceError(f"RtMidi cannot be loaded: {error}", install_line("midi")) from error
        del rtmidi2
        from jxctl.ports import rtmidi2 as second

        return second
    return rtmidi


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Send what C libraries print on stderr nowhere, for a moment."""
    try:
        kept = os.dup(2)
    except OSError:  # no stderr to silence
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _sends(client: Any) -> bool:
    return hasattr(client, "send_message")


def _no_system() -> DeviceError:
    return DeviceError("RtMidi was built without any MIDI system", f"{install_line('midi')}, anew")

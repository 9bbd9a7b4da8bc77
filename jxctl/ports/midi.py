"""``midi:NAME``: a synth behind a MIDI interface, through RtMidi, both ways.

``NAME`` is any part of a port's name, in any case; it must fit one output. Options follow a question
mark (one inside a name is written ``%3F``):

* ``model=mks70``: what is behind it, for those who talk to it; the port itself does not care;
* ``api=jack``: the MIDI system to use (``alsa``, ``jack``, ``core``, ``winmm``); without it, the
  first in which the name fits something;
* ``in=NAME``: the input, when it is not called like the output;
* ``virtual=1``: make a port called ``NAME`` that other programs can connect to, instead;
* ``listen=1``: open the input ``NAME`` only, as of a keyboard that has no output for us.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from jxctl.errors import DeviceError, UsageError
from jxctl.ports import BARE_BOARD_NEEDS_SERIAL, Port, ReceivingPort
from jxctl.ports.midi_systems import Direction, Systems, systems
from jxctl.protocol.midi import Splitter, split

_FORM = "midi:MKS-70?model=mks70&api=jack"
_LIST = "jx ports lists what is there"
_PLAIN = " :/()[]#,+&=@!"
_OPTIONS = ("model", "api", "in", "virtual", "listen")
_SWITCHES = ("virtual", "listen")

JACK_JITTER_S = 1024 / 44100
"""JACK sends at the start of a period; this is jackd's own default for one (its length cannot be asked)."""

JACK_QUEUE = 16000
"""Bytes that RtMidi can hold for JACK; what goes beyond vanishes without a word (tried: 16 KB)."""


class MidiPort(ReceivingPort):
    """An open pair of RtMidi ports. ``model``: as the URL says, or empty.

    ``output`` and ``input``: the full names of what is connected; ``input`` is empty where nothing
    can be received. Clock and active sensing are left out of what is received.
    """

    language = "midi"

    def __init__(self, url: str, output: str, input: str, model: str, system: str) -> None:
        self.url = url
        self.output, self.input = output, input
        self.model = model
        self.jitter_s = JACK_JITTER_S if system == "jack" else 0.0
        self._most = JACK_QUEUE if system == "jack" else None
        self._out: Any = None
        self._in: Any = None
        self._arrived: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._splitter = Splitter()
        self._still_there: Callable[[], bool] = lambda: True

    def write(self, data: bytes) -> None:
        """Hand complete MIDI messages to the system, which sends them without delay.

        Raises `UsageError`, and sends nothing, when ``data`` is not complete messages; `DeviceError`
        when the device is gone.
        """
        if self._out is None:
            what = "only listens" if self._in is not None else "is closed"
            raise DeviceError(f"{self.url} {what}")
        messages, dropped = split(data)
        if dropped:
            raise UsageError(
                f"{dropped} of {len(data)} bytes are no complete MIDI message", BARE_BOARD_NEEDS_SERIAL
            )
        if self._most is not None and len(data) > self._most:
            raise UsageError(
                f"{len(data)} bytes at once are more than JACK takes ({self._most})", "send them in parts"
            )
        if not self._still_there():
            raise DeviceError(f"the MIDI output {self.output!r} went away", _LIST)
        try:
            for message in messages:
                self._out.send_message(message)
        except (OSError, RuntimeError, ValueError) as error:
            raise DeviceError(f"{self.output!r} took no more bytes: {error}", _LIST) from error

    def receive(self, timeout_s: float) -> bytes:
        """The next message from the input, or ``b""`` after ``timeout_s`` seconds.

        Raises `DeviceError` when there is no input, or nothing came and the device is gone.
        """
        if self._out is None and self._in is None:
            raise DeviceError(f"{self.url} is closed")
        if self._in is None:
            raise DeviceError(
                f"no MIDI input is called like {self.output!r}, so nothing can be received",
                f"name the input as in {_FORM}&in=NAME; {_LIST}",
            )
        try:
            return self._arrived.get(timeout=max(timeout_s, 0.0))
        except queue.Empty:
            pass
        if not self._still_there():
            raise DeviceError(f"the MIDI port {self.output or self.input!r} went away", _LIST)
        return b""

    def close(self) -> None:
        """Disconnect both ports."""
        clients, self._out, self._in = (self._in, self._out), None, None
        for client in clients:
            if client is not None:
                client.close_port()
                client.delete()

    def connect(self, out: Any, in_: Any, still_there: Callable[[], bool]) -> None:
        """Use these open RtMidi clients; ``still_there`` says whether the other side exists."""
        self._out, self._in, self._still_there = out, in_, still_there
        if in_ is not None:
            in_.ignore_types(sysex=False, timing=True, active_sense=True)
            in_.set_callback(self._take)

    def _take(self, event: tuple[list[int], float], _: Any = None) -> None:
        for message in self._splitter.feed(bytes(event[0])):
            self._arrived.put(message)


def virtual_url(name: str, api: str | None = None) -> str:
    """The URL of a new port called ``name``, which other programs can connect to."""
    return f"midi:{quote(name, safe='')}?virtual=1" + (f"&api={api}" if api else "")


def listening_url(name: str, api: str | None = None) -> str:
    """The URL of the input called ``name`` (or its ``midi:`` URL), without an output."""
    url = name if name.startswith("midi:") else f"midi:{quote(name, safe=_PLAIN)}"
    return f"{url}{'&' if '?' in url else '?'}listen=1" + (f"&api={api}" if api else "")


def open(url: str) -> Port:
    """Open ``midi:NAME``. Raises `DeviceError` with what is there when the name fits none or several."""
    name, options = _parse(url)
    found = systems(options.get("api"))
    if options.get("virtual") == "1":
        return _virtual(url, name, options.get("model", ""), found)
    if options.get("listen") == "1":
        return _listener(url, name, found)
    system, outputs = _with_match(found, name)
    output = _only_match("output", outputs, name)
    wanted = options.get("in", name)
    inputs = found.names("in", system)
    input = _only_match("input", inputs, wanted) if "in" in options or _matches(inputs, wanted) else ""
    port = MidiPort(url, output, input, options.get("model", ""), system)
    out, in_ = found.client("out", system, "jx"), None
    try:
        found.connect(out, output)
        if input:
            in_ = found.client("in", system, "jx")
            port.connect(out, in_, lambda: output in found.names_of(out) and input in found.names_of(in_))
            found.connect(in_, input)
        else:
            port.connect(out, None, lambda: output in found.names_of(out))
    except (OSError, RuntimeError, ValueError) as error:
        for client in (in_, out):
            if client is not None:
                client.delete()
        raise DeviceError(f"cannot open the MIDI port {output!r}: {error}", _LIST) from error
    return port


def midi_ports() -> list[tuple[str, str]]:
    """(MIDI system, name as in a ``midi:`` URL) of every output. Empty where there is no MIDI system."""
    try:
        found = systems(None)
        return [
            (system, quote(name, safe=" :/()[]#,+&=@!"))
            for system in found
            for name in found.names("out", system)
        ]
    except DeviceError:
        return []


def _virtual(url: str, name: str, model: str, found: Systems) -> MidiPort:
    system = found.first()
    port = MidiPort(url, name, name, model, system)
    in_, out = found.client("in", system, name), None
    try:
        out = found.client("out", system, name)
        port.connect(out, in_, lambda: True)
        in_.open_virtual_port("in")
        out.open_virtual_port("out")
    except NotImplementedError:
        for client in (in_, out):
            if client is not None:
                client.delete()
        raise DeviceError(
            "Windows has no virtual MIDI ports", "install a loopback driver and give midi: its name"
        ) from None
    return port


def _listener(url: str, name: str, found: Systems) -> MidiPort:
    system, inputs = _with_match(found, name, "in")
    input = _only_match("input", inputs, name)
    port = MidiPort(url, "", input, "", system)
    client = found.client("in", system, "jx")
    try:
        port.connect(None, client, lambda: input in found.names_of(client))
        found.connect(client, input)
    except (OSError, RuntimeError, ValueError) as error:
        client.delete()
        raise DeviceError(f"cannot open the MIDI input {input!r}: {error}", _LIST) from error
    return port


def _with_match(found: Systems, name: str, direction: Direction = "out") -> tuple[str, list[str]]:
    """The first system in which ``name`` fits a port, and its ports. Raises `DeviceError`."""
    what = f"{direction}puts"
    everything: list[str] = []
    for system in found:
        names = found.names(direction, system)
        if _matches(names, name):
            return system, names
        everything += names
    if found.all_down:
        raise DeviceError(
            f"no MIDI system is running here (tried {', '.join(found)})", BARE_BOARD_NEEDS_SERIAL
        )
    there = f"the {what} are {_listed(everything)}" if everything else f"there are no MIDI {what} at all"
    raise DeviceError(f"no MIDI {what[:-1]} has {name!r} in its name; {there}", _LIST)


def _matches(names: list[str], wanted: str) -> list[str]:
    """The names that ``wanted`` fits; one that it spells out in full wins alone."""
    exact = [name for name in names if name.casefold() == wanted.casefold()]
    return exact or [name for name in names if wanted.casefold() in name.casefold()]


def _only_match(what: str, names: list[str], wanted: str) -> str:
    matches = _matches(names, wanted)
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise DeviceError(
            f"{wanted!r} fits {len(matches)} MIDI {what}s: {_listed(matches)}", "write more of the name"
        )
    there = f"the {what}s are {_listed(names)}" if names else f"there are no MIDI {what}s"
    raise DeviceError(f"no MIDI {what} has {wanted!r} in its name; {there}", _LIST)


def _listed(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _parse(url: str) -> tuple[str, dict[str, str]]:
    name, _, query = url.partition(":")[2].partition("?")
    name = unquote(name).strip()
    if not name:
        raise DeviceError("midi: names no port", f"part of a name will do, as in {_FORM}; {_LIST}")
    try:
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    except ValueError:
        raise UsageError(f"cannot read the options in {url!r}", f"write them as in {_FORM}") from None
    for option, value in options.items():
        if option not in _OPTIONS or not value:
            raise UsageError(f"midi: has no option {option!r} with the value {value!r}",
                             f"options are {', '.join(_OPTIONS)}, as in {_FORM}")  # fmt: skip
    for option in _SWITCHES:
        if options.get(option, "1") != "1":
            raise UsageError(
                f"{option} of midi: is {options[option]!r}", f"write {option}=1, or leave it out"
            )
    return name, options
